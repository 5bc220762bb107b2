/* Numbers and time spans: a span that is read, written and read again is the same. */
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(parse)
{
        char *s = fuzz_string(data, size), buf[128], small[8];
        usec_t span, again;
        uint64_t u;
        uint32_t w;
        int64_t i;
        mode_t m;

        if (parse_timespan(s, USEC_PER_SEC, &span) == 0) {
                fuzz_check(span >= 0);
                format_timespan(buf, sizeof(buf), span, 1);
                fuzz_check(parse_timespan(buf, 1, &again) == 0 && again == span);
                format_timespan(small, sizeof(small), span, USEC_PER_MSEC);
                fuzz_check(strlen(small) < sizeof(small));
        }
        if (parse_size(s, &u) == 0)
                fuzz_check(*s != '-');
        if (parse_u64(s, &u) == 0 && u <= INT64_MAX)
                fuzz_check(parse_i64(s, &i) == 0 && (uint64_t)i == u);
        if (parse_permyriad(s, false, &w) == 0)
                fuzz_check(w <= 10000);
        if (parse_mode(s, &m) == 0)
                fuzz_check(m <= 07777);
        (void)parse_boolean(s);
        free(s);
}
