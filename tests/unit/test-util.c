/* util.h: clocks, usec_add, signal and errno names, and the prefix/suffix helpers. */
#include <signal.h>

#include "lib/str.h"
#include "tests/tap.h"

static void clocks(void)
{
        usec_t a = now_monotonic(), b = now_monotonic();

        ok(a > 0 && b >= a, "the monotonic clock does not go back");
        ok(now_boottime() >= a, "boot time is not behind monotonic");
        ok(now_realtime() > 1500000000 * USEC_PER_SEC, "the wall clock is after 2017");
}

static void adding(void)
{
        is_int(usec_add(1, 2), 3, "1 + 2");
        is_int(usec_add(USEC_INFINITY, -5), USEC_INFINITY, "infinity stays");
        is_int(usec_add(5, USEC_INFINITY), USEC_INFINITY, "adding infinity");
        is_int(usec_add(USEC_INFINITY - 1, 10), USEC_INFINITY, "stops at infinity");
        is_int(usec_add(INT64_MIN, -1), INT64_MIN, "stops at the low end");
}

static void signals(void)
{
        static const struct {
                const char *s;
                int want;
        } cases[] = {
                { "TERM", SIGTERM },
                { "SIGTERM", SIGTERM },
                { "15", 15 },
                { "KILL", SIGKILL },
                { "CHLD", SIGCHLD },
                { "SIGCLD", SIGCHLD },
                { "IOT", SIGABRT },
                { "RTMIN", 34 },
                { "RTMIN+3", 37 },
                { "SIGRTMIN+30", 64 },
                { "RTMAX", 64 },
                { "RTMAX-1", 63 },
                { "RTMIN+31", -EINVAL },
                { "RTMIN-1", -EINVAL },
                { "0", -EINVAL },
                { "65", -EINVAL },
                { "", -EINVAL },
                { "SIG", -EINVAL },
                { "term", -EINVAL },
                { "-1", -EINVAL },
                { "RTMIN+", -EINVAL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                is_int(signal_number(cases[i].s), cases[i].want, cases[i].s);
        is_str(signal_name(SIGHUP), "HUP", "name of SIGHUP");
        is_str(signal_name(SIGRTMIN), "RTMIN", "name of SIGRTMIN");
        is_str(signal_name(SIGRTMIN + 24), "RTMIN+24", "name of SIGRTMIN+24");
        is_str(signal_name(0), NULL, "signal 0 has no name");
        is_str(signal_name(99), NULL, "signal 99 has no name");
        is_str(signal_name(-1), NULL, "signal -1 has no name");
        for (int i = 1; i <= SIGRTMAX; i++)
                if (signal_name(i) && signal_number(signal_name(i)) != i)
                        is_int(signal_number(signal_name(i)), i, "name and number agree");
}

static void errnos(void)
{
        is_str(errno_name(ENOENT), "ENOENT", "name of ENOENT");
        is_str(errno_name(0), NULL, "0 is no error");
        is_str(errno_name(-2), NULL, "negative");
        is_str(errno_name(100000), NULL, "unknown");
        is_int(errno_number("ENOENT"), ENOENT, "ENOENT");
        is_int(errno_number("EWOULDBLOCK"), EAGAIN, "EWOULDBLOCK");
        is_int(errno_number("5"), 5, "5");
        is_int(errno_number("4096"), -EINVAL, "4096 is too large");
        is_int(errno_number("0"), -EINVAL, "0");
        is_int(errno_number("ENOSUCH"), -EINVAL, "ENOSUCH");
}

static void strings(void)
{
        ok(streq_null(NULL, NULL) && !streq_null("a", NULL) && !streq_null(NULL, "a"), "streq_null");
        is_str(startswith("foobar", "foo"), "bar", "startswith");
        is_str(startswith("fo", "foo"), NULL, "startswith of a shorter one");
        is_str(endswith("a.service", ".service"), ".service", "endswith");
        is_str(endswith("ice", ".service"), NULL, "endswith of a shorter one");
        is_int(CMP(INT_MIN, INT_MAX), -1, "CMP does not overflow");
}

int main(void)
{
        clocks();
        adding();
        signals();
        errnos();
        strings();
        return tap_done();
}
