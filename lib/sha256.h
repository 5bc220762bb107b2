/* SHA-256 and HMAC-SHA-256 of small things (FIPS 180-4, RFC 2104). */
#pragma once

#include "util.h"

#define SHA256_SIZE 32

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA256_SIZE]);
