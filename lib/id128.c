#include "id128.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "fileio.h"
#include "str.h"
#include "util.h"

int id128_parse(const char *text, uint8_t ret[static 16])
{
        size_t n = 0;

        for (; *text; text++) {
                int digit = hex_digit(*text);

                if (*text == '-')
                        continue;
                if (digit < 0 || n == 32)
                        return -EINVAL;
                ret[n / 2] = (uint8_t)(n % 2 ? ret[n / 2] << 4 | digit : digit);
                n++;
        }
        return n == 32 ? 0 : -EINVAL;
}

int id128_read(const char *path, uint8_t ret[static 16])
{
        _cleanup_free_ char *text = NULL;
        int r = read_one_line(path, &text);

        return r < 0 ? r : id128_parse(text, ret);
}

char *id128_format(char buf[static ID128_TEXT_MAX], const uint8_t id[static 16])
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < 16; i++) {
                buf[2 * i] = digits[id[i] >> 4];
                buf[2 * i + 1] = digits[id[i] & 15];
        }
        buf[32] = '\0';
        return buf;
}

void id128_random(uint8_t ret[static 16], uintptr_t salt)
{
        usec_t realtime, monotonic;

        if (getrandom(ret, 16, GRND_NONBLOCK) != 16) {
                realtime = now_realtime() ^ salt;
                monotonic = now_monotonic();
                memcpy(ret, &realtime, 8);
                memcpy(ret + 8, &monotonic, 8);
        }
        ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40); /* a random UUID of version 4 */
        ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
}
