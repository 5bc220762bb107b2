/* hashlittle2() of Bob Jenkins' lookup3 (public domain), read byte by byte; seeds 0. */
#include "logd/journal-write.h"

static uint32_t rot(uint32_t x, unsigned k)
{
        return x << k | x >> (32 - k);
}

static void mix(uint32_t v[static 3])
{
        static const unsigned turns[] = { 4, 6, 8, 16, 19, 4 };

        for (unsigned i = 0; i < 6; i++) {
                unsigned x = i % 3, z = (i + 2) % 3, y = (i + 1) % 3;

                v[x] -= v[z];
                v[x] ^= rot(v[z], turns[i]);
                v[z] += v[y];
        }
}

static void last_mix(uint32_t v[static 3])
{
        static const struct {
                unsigned to, from, turn;
        } steps[] = { { 2, 1, 14 }, { 0, 2, 11 }, { 1, 0, 25 }, { 2, 1, 16 }, { 0, 2, 4 }, { 1, 0, 14 },
                { 2, 1, 24 } };

        for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
                v[steps[i].to] ^= v[steps[i].from];
                v[steps[i].to] -= rot(v[steps[i].from], steps[i].turn);
        }
}

/* Up to 12 bytes, little-endian, added to the three words. */
static void add_bytes(uint32_t v[static 3], const uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                v[i / 4] += (uint32_t)p[i] << 8 * (i % 4);
}

uint64_t jenkins_hash64(const void *data, size_t len)
{
        const uint8_t *p = data;
        uint32_t v[3];

        v[0] = v[1] = v[2] = 0xdeadbeef + (uint32_t)len;
        for (; len > 12; len -= 12, p += 12) {
                add_bytes(v, p, 12);
                mix(v);
        }
        if (len > 0) {
                add_bytes(v, p, len);
                last_mix(v);
        }
        return (uint64_t)v[2] << 32 | v[1];
}
