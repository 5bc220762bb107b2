#include "base64.h"

#include <string.h>

static int digit(char c)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *d = c ? strchr(digits, c) : NULL;

        return d ? (int)(d - digits) : -1;
}

int base64_decode(const char *s, uint8_t **ret, size_t *ret_len)
{
        _cleanup_free_ uint8_t *out = malloc(strlen(s) + 1);
        size_t n = 0, pad = 0;
        uint32_t bits = 0;
        int have = 0;

        if (!out)
                return -ENOMEM;
        for (; *s; s++) {
                int d = digit(*s);

                if (strchr(" \t\r\n", *s))
                        continue;
                if (*s == '=') {
                        pad++;
                        continue;
                }
                if (d < 0 || pad)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)d;
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        out[n++] = (uint8_t)(bits >> have);
                }
        }
        if (pad > 2 || have >= 6)
                return -EINVAL;
        *ret = TAKE_PTR(out);
        *ret_len = n;
        return 0;
}
