/* SipHash: see siphash.h. Words are little-endian, whatever the machine is. */
#include "siphash.h"

#include <endian.h>

static uint64_t rotate(uint64_t x, unsigned n)
{
        return x << n | x >> (64 - n);
}

static uint64_t word(const uint8_t *p)
{
        uint64_t w;

        memcpy(&w, p, sizeof(w));
        return le64toh(w);
}

static void rounds(uint64_t v[static 4], int n)
{
        while (n-- > 0) {
                v[0] += v[1];
                v[1] = rotate(v[1], 13) ^ v[0];
                v[0] = rotate(v[0], 32);
                v[2] += v[3];
                v[3] = rotate(v[3], 16) ^ v[2];
                v[0] += v[3];
                v[3] = rotate(v[3], 21) ^ v[0];
                v[2] += v[1];
                v[1] = rotate(v[1], 17) ^ v[2];
                v[2] = rotate(v[2], 32);
        }
}

static void absorb(uint64_t v[static 4], uint64_t m)
{
        v[3] ^= m;
        rounds(v, 2);
        v[0] ^= m;
}

uint64_t siphash24(const void *data, size_t len, const uint8_t key[static 16])
{
        uint64_t k0 = word(key), k1 = word(key + 8), last = (uint64_t)len << 56;
        uint64_t v[4] = { k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573) };
        const uint8_t *p = data;

        for (; len >= 8; len -= 8, p += 8)
                absorb(v, word(p));
        for (size_t i = 0; i < len; i++)
                last |= (uint64_t)p[i] << (8 * i);
        absorb(v, last);
        v[2] ^= 0xff;
        rounds(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}
