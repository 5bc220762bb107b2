/* SHA-256 and its HMAC: the examples of FIPS 180-4 and RFC 4231, and every length around a block. */
#include "lib/sha256.h"
#include "lib/str.h"
#include "tests/tap.h"

static const char *hex(const uint8_t sum[SHA256_SIZE])
{
        static char text[2 * SHA256_SIZE + 1];

        for (int i = 0; i < SHA256_SIZE; i++)
                snprintf(text + 2 * i, 3, "%02x", sum[i]);
        return text;
}

static void sums(void)
{
        static const struct {
                const char *text, *sum;
        } t[] = {
                { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        };
        uint8_t sum[SHA256_SIZE], all[SHA256_SIZE] = { 0 };
        char text[200];

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                sha256(t[i].text, strlen(t[i].text), sum);
                is_str(hex(sum), t[i].sum, t[i].text);
        }
        memset(text, 'a', sizeof(text));
        for (size_t n = 0; n <= sizeof(text); n++) {
                sha256(text, n, sum);
                for (int i = 0; i < SHA256_SIZE; i++)
                        all[i] ^= sum[i];
        }
        is_str(hex(all), "dcfad8c64458c51817a818aff45980d096669d0c4e6942e5c4b772db6af5f1f0",
                "0 to 200 bytes, the sums of all");
}

static void macs(void)
{
        uint8_t key[131], sum[SHA256_SIZE];
        const char *larger = "Test Using Larger Than Block-Size Key - Hash Key First";

        hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, sum);
        is_str(hex(sum), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "a short key");
        memset(key, 0xaa, sizeof(key));
        hmac_sha256(key, sizeof(key), larger, strlen(larger), sum);
        is_str(hex(sum), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "one beyond a block");
}

int main(void)
{
        sums();
        macs();
        return tap_done();
}
