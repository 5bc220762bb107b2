/* Base 64 (RFC 4648) into bytes. */
#pragma once

#include "util.h"

/* White space between the digits does not count. *ret (owned, never NULL) has *ret_len bytes. -EINVAL: not base 64. */
int base64_decode(const char *s, uint8_t **ret, size_t *ret_len);
