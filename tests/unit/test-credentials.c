/* System credentials: OEM strings, SMBIOS tables whole and cut short, base 64. */
#include "init/credentials.h"
#include "lib/base64.h"
#include "lib/log.h"
#include "lib/str.h"
#include "tests/tap.h"

static void take(void *data, const char *id, const void *value, size_t len)
{
        strbuf_printf(data, "%s=%.*s;", id, (int)len, (const char *)value);
}

static void oem_strings(void)
{
        static const struct {
                const char *s;
                int r;
                const char *taken;
        } t[] = {
                { "io.systemd.credential:a=b", 1, "a=b;" },
                { "io.systemd.credential:a.b-c=x=y", 1, "a.b-c=x=y;" },
                { "io.systemd.credential:a=", 1, "a=;" },
                { "io.systemd.credential.binary:r=aGVsbG8=", 1, "r=hello;" },
                { "io.systemd.credential.binary:r=a", -EINVAL, "" },
                { "io.systemd.credential:a", -EINVAL, "" },
                { "io.systemd.credential:=b", -EINVAL, "" },
                { "io.systemd.credential:../x=b", -EINVAL, "" },
                { "io.systemd.credential:..=b", -EINVAL, "" },
                { "something else", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                const struct credential_sink sink = { take, &b };

                is_int(credential_of_oem_string(t[i].s, &sink), t[i].r, t[i].s);
                is_str(b.s ?: "", t[i].taken, "what is taken");
        }
}

static void tables(void)
{
        /* type 4 without strings, type 11 with two of ours, the same text in a type that does not count, the end */
        static const uint8_t table[] =
                "\x04\x06\0\0xx\0\0"
                "\x0b\x05\0\0\x02io.systemd.credential:a=b\0io.systemd.credential:c=d\0\0"
                "\x01\x04\0\0io.systemd.credential:e=f\0\0"
                "\x7f\x04\0\0\0";
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const struct credential_sink sink = { take, &b };

        credentials_of_smbios(table, sizeof(table), &sink);
        is_str(b.s, "a=b;c=d;", "the OEM strings of a table");
        for (size_t n = 0; n < sizeof(table); n++) {
                _cleanup_strbuf_ struct strbuf cut = { 0 };
                const struct credential_sink to = { take, &cut };
                uint8_t *copy = malloc(n ? n : 1);

                memcpy(copy, table, n);
                credentials_of_smbios(copy, n, &to);
                ok(!cut.s || startswith("a=b;c=d;", cut.s), "cut short: no more than what is there");
                free(copy);
        }
}

static void base64(void)
{
        static const struct {
                const char *in, *out;
        } t[] = { { "", "" }, { "YQ==", "a" }, { "YWI=", "ab" }, { "YW Jj\n", "abc" }, { "Y", NULL },
                { "YQ=a", NULL }, { "Y*==", NULL }, { "YQ===", NULL } };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_free_ uint8_t *v = NULL;
                size_t n = 0;
                int r = base64_decode(t[i].in, &v, &n);

                is_int(r, t[i].out ? 0 : -EINVAL, t[i].in);
                ok(!t[i].out || (n == strlen(t[i].out) && memcmp(v, t[i].out, n) == 0), "its bytes");
        }
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        oem_strings();
        tables();
        base64();
        return tap_done();
}
