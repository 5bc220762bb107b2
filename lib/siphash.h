/* SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF"), 64 bits. */
#pragma once

#include "util.h"

uint64_t siphash24(const void *data, size_t len, const uint8_t key[static 16]);
