/* parse.c: numbers, booleans, sizes, percentages, time spans. */
#include "lib/str.h"
#include "tests/tap.h"

#define SEC USEC_PER_SEC

static void booleans(void)
{
        static const char *const yes[] = { "1", "yes", "Y", "true", "T", "ON" };
        static const char *const no[] = { "0", "no", "N", "false", "F", "oFf" };
        static const char *const bad[] = { "", "2", "yess", "ye", " 1", "01" };

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                is_int(parse_boolean(yes[i]), 1, yes[i]);
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                is_int(parse_boolean(no[i]), 0, no[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                is_int(parse_boolean(bad[i]), -EINVAL, bad[i]);
}

static void integers(void)
{
        static const struct {
                const char *s;
                int r;
                int64_t v;
        } signed_cases[] = {
                { "0", 0, 0 },
                { "-1", 0, -1 },
                { "+7", 0, 7 },
                { "0x10", 0, 16 },
                { "-0x10", 0, -16 },
                { "0o17", 0, 15 },
                { "0b101", 0, 5 },
                { "010", 0, 10 },
                { "9223372036854775807", 0, INT64_MAX },
                { "-9223372036854775808", 0, INT64_MIN },
                { "9223372036854775808", -ERANGE, 0 },
                { "-9223372036854775809", -ERANGE, 0 },
                { "99999999999999999999", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "-", -EINVAL, 0 },
                { "--1", -EINVAL, 0 },
                { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },
                { "1x", -EINVAL, 0 },
                { "0x", -EINVAL, 0 },
                { "0xg", -EINVAL, 0 },
                { "0b2", -EINVAL, 0 },
        };
        uint64_t u = 42;
        uint32_t w = 42;
        mode_t m = 42;
        int n = 42;

        for (size_t i = 0; i < ARRAY_SIZE(signed_cases); i++) {
                int64_t v = 42;

                is_int(parse_i64(signed_cases[i].s, &v), signed_cases[i].r, signed_cases[i].s);
                is_int(v, signed_cases[i].r < 0 ? 42 : signed_cases[i].v, "its value");
        }
        is_int(parse_u64("18446744073709551615", &u), 0, "largest u64");
        ok(u == UINT64_MAX, "its value");
        is_int(parse_u64("18446744073709551616", &u), -ERANGE, "one more");
        is_int(parse_u64("-1", &u), -EINVAL, "u64 has no sign");
        is_int(parse_u32("4294967296", &w), -ERANGE, "u32 too large");
        is_int(parse_u32("4294967295", &w), 0, "largest u32");
        is_int(parse_int("2147483648", &n), -ERANGE, "int too large");
        is_int(parse_int("-2147483648", &n), 0, "smallest int");
        is_int(n, INT_MIN, "its value");
        is_int(parse_mode("0755", &m), 0, "mode");
        is_int(m, 0755, "its value");
        is_int(parse_mode("7777", &m), 0, "all mode bits");
        is_int(parse_mode("10000", &m), -ERANGE, "mode too large");
        is_int(parse_mode("8", &m), -EINVAL, "mode is octal");
        is_int(parse_mode("", &m), -EINVAL, "mode of nothing");
        is_int(m, 07777, "left alone");
}

static void sizes(void)
{
        static const struct {
                const char *s;
                int r;
                uint64_t v;
        } cases[] = {
                { "0", 0, 0 },
                { "1024", 0, 1024 },
                { "4K", 0, 4096 },
                { "4 K", 0, 4096 },
                { "1.5G", 0, 1610612736 },
                { "3B", 0, 3 },
                { "1M 512K", 0, 1572864 },
                { "1.5", 0, 1 },
                { "2E", 0, UINT64_C(2) << 60 },
                { "infinity", 0, UINT64_MAX },
                { "16E", -ERANGE, 0 },
                { "99999999999999999999", -ERANGE, 0 },
                { "512K 1M", -EINVAL, 0 },
                { "1K 1K", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "K", -EINVAL, 0 },
                { "4k", -EINVAL, 0 },
                { "4KB", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "1.", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t v = 42;

                is_int(parse_size(cases[i].s, &v), cases[i].r, cases[i].s);
                is_int((int64_t)v, cases[i].r < 0 ? 42 : (int64_t)cases[i].v, "its value");
        }
}

static void percentages(void)
{
        static const struct {
                const char *s;
                bool no_limit;
                int r;
                uint32_t v;
        } cases[] = {
                { "50%", false, 0, 5000 },
                { "12.5%", false, 0, 1250 },
                { "0.01%", false, 0, 1 },
                { "100%", false, 0, 10000 },
                { "0%", false, 0, 0 },
                { "5‰", false, 0, 50 },
                { "7‱", false, 0, 7 },
                { "101%", false, -ERANGE, 0 },
                { "250%", true, 0, 25000 },
                { "0.001%", false, -EINVAL, 0 },
                { "50", false, -EINVAL, 0 },
                { "%", false, -EINVAL, 0 },
                { "-5%", false, -EINVAL, 0 },
                { "5%%", false, -EINVAL, 0 },
                { "42949673%", true, -ERANGE, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint32_t v = 42;

                is_int(parse_permyriad(cases[i].s, cases[i].no_limit, &v), cases[i].r, cases[i].s);
                is_int(v, cases[i].r < 0 ? 42 : cases[i].v, "its value");
        }
}

static void spans(void)
{
        static const struct {
                const char *s;
                int r;
                usec_t v;
        } cases[] = {
                { "0", 0, 0 },
                { "50", 0, 50 * SEC },
                { "2min 200ms", 0, 120200000 },
                { "2 h", 0, 7200 * SEC },
                { "2hours", 0, 7200 * SEC },
                { "48hr", 0, 172800 * SEC },
                { "1y 12month", 0, (31557600 + 12 * 2629800) * SEC },
                { "55s500ms", 0, 55500000 },
                { "300ms20s 5day", 0, 5 * 86400 * SEC + 20300000 },
                { "1m", 0, 60 * SEC },
                { "1M", 0, 2629800 * SEC },
                { "1w 1d", 0, 8 * 86400 * SEC },
                { "5us", 0, 5 },
                { "5µs", 0, 5 },
                { "5μs", 0, 5 },
                { "1.5s", 0, 1500000 },
                { ".5", 0, 500000 },
                { "1min 30", 0, 90 * SEC },
                { "  3s  ", 0, 3 * SEC },
                { "infinity", 0, USEC_INFINITY },
                { " infinity ", 0, USEC_INFINITY },
                { "infinitys", -EINVAL, 0 },
                { "", -EINVAL, 0 },
                { "  ", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "5 foo", -EINVAL, 0 },
                { "5sfoo", -EINVAL, 0 },
                { "1.", -EINVAL, 0 },
                { "1..5", -EINVAL, 0 },
                { "300000y", -ERANGE, 0 },
                { "9223372036854775807us", -ERANGE, 0 },
                { "99999999999999999999", -ERANGE, 0 },
        };
        usec_t v;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                v = 42;
                is_int(parse_timespan(cases[i].s, SEC, &v), cases[i].r, cases[i].s);
                is_int(v, cases[i].r < 0 ? 42 : cases[i].v, "its value");
        }
        is_int(parse_timespan("7 1s", USEC_PER_MSEC, &v), 0, "default unit of milliseconds");
        is_int(v, 1007000, "its value");
}

static void writing_spans(void)
{
        static const struct {
                usec_t t, accuracy;
                const char *want;
        } cases[] = {
                { 0, 1, "0" },
                { USEC_INFINITY, 1, "infinity" },
                { 1, 1, "1us" },
                { 100000, 1, "100ms" },
                { 90 * SEC, 1, "1min 30s" },
                { 1500000, USEC_PER_MSEC, "1.500s" },
                { 1500000, 1, "1.500000s" },
                { 1234567, SEC, "1s" },
                { 5 * 86400 * SEC, 1, "5d" },
                { 31557600 * SEC + 1, 1, "1y 1us" },
                { 31557600 * SEC + 1, SEC, "1y" },
                { 2629800 * SEC, 1, "1month" },
                { 86400 * SEC + 1, USEC_PER_MSEC, "1d" },
                { 15 * 86400 * SEC + 3600 * SEC, 1, "2w 1d 1h" },
                { 1001, USEC_PER_MSEC, "1ms" },
                { -90 * SEC, 1, "-1min 30s" },
        };
        char buf[64], tiny[4];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                is_str(format_timespan(buf, sizeof(buf), cases[i].t, cases[i].accuracy), cases[i].want,
                        cases[i].want);
        is_str(format_timespan(tiny, sizeof(tiny), 90 * SEC, 1), "1mi", "a short buffer cuts");
        for (usec_t t = 1; t < INT64_MAX / 8; t = t * 7 + 3) {
                usec_t back = 0;

                format_timespan(buf, sizeof(buf), t, 1);
                if (parse_timespan(buf, 1, &back) < 0 || back != t)
                        is_int(back, t, buf);
        }
}

int main(void)
{
        booleans();
        integers();
        sizes();
        percentages();
        spans();
        writing_spans();
        return tap_done();
}
