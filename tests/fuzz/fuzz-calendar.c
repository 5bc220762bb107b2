/* Calendar events: what is accepted has a normal form that is accepted and says the same; the next time is later. */
#include "lib/calendar.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(calendar)
{
        char *s = fuzz_string(data, size), *form, *again;
        struct calendar *c = NULL, *d = NULL;
        usec_t start = 1700000000 * USEC_PER_SEC, next;

        if (calendar_parse(s, &c) >= 0) {
                form = calendar_format(c);
                fuzz_check(form && calendar_parse(form, &d) >= 0);
                again = calendar_format(d);
                fuzz_check(streq(form, again));
                if (calendar_next(c, start, &next) >= 0)
                        fuzz_check(next > start);
                free(form);
                free(again);
        }
        calendar_free(c);
        calendar_free(d);
        free(s);
}
