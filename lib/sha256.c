/* SHA-256: see sha256.h. */
#include "sha256.h"

#define BLOCK 64

struct state {
        uint32_t h[8];
        uint8_t block[BLOCK];
        uint64_t len; /* of all that was added */
};

static const uint32_t k[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
        0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
        0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
        0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb,
        0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
        0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
        0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
        0xbef9a3f7, 0xc67178f2 };

static uint32_t ror(uint32_t v, unsigned n)
{
        return v >> n | v << (32 - n);
}

static void take_block(struct state *s)
{
        uint32_t w[64], v[8];

        for (int i = 0; i < 16; i++)
                w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
                       (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
        for (int i = 16; i < 64; i++)
                w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
                       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
        memcpy(v, s->h, sizeof(v));
        for (int i = 0; i < 64; i++) {
                uint32_t a = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) +
                             ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i],
                         b = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) +
                             ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

                memmove(v + 1, v, 7 * sizeof(v[0]));
                v[4] += a;
                v[0] = a + b;
        }
        for (int i = 0; i < 8; i++)
                s->h[i] += v[i];
}

static void begin(struct state *s)
{
        *s = (struct state) { .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                      0x1f83d9ab, 0x5be0cd19 } };
}

static void add(struct state *s, const void *data, size_t len)
{
        for (const uint8_t *p = data; len > 0; p++, len--) {
                s->block[s->len++ % BLOCK] = *p;
                if (s->len % BLOCK == 0)
                        take_block(s);
        }
}

static void end(struct state *s, uint8_t ret[SHA256_SIZE])
{
        uint64_t bits = s->len * 8;
        uint8_t length[8];

        add(s, "\x80", 1);
        while (s->len % BLOCK != BLOCK - sizeof(length))
                add(s, "", 1);
        for (size_t i = 0; i < sizeof(length); i++)
                length[i] = (uint8_t)(bits >> (56 - 8 * i));
        add(s, length, sizeof(length));
        for (int i = 0; i < SHA256_SIZE; i++)
                ret[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256(const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
        struct state s;

        begin(&s);
        add(&s, data, len);
        end(&s, ret);
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t ret[SHA256_SIZE])
{
        uint8_t pad[2][BLOCK] = { 0 }, inner[SHA256_SIZE];
        struct state s;

        if (key_len > BLOCK)
                sha256(key, key_len, pad[0]);
        else
                memcpy(pad[0], key, key_len);
        for (int i = 0; i < BLOCK; i++) {
                pad[1][i] = pad[0][i] ^ 0x5c;
                pad[0][i] ^= 0x36;
        }
        begin(&s);
        add(&s, pad[0], BLOCK);
        add(&s, data, len);
        end(&s, inner);
        begin(&s);
        add(&s, pad[1], BLOCK);
        add(&s, inner, sizeof(inner));
        end(&s, ret);
}
