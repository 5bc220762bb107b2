/* Clocks, and the names of signals and errors (both from libc's own tables). */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "str.h"

static usec_t now_of(clockid_t clock)
{
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0;
        return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t now_monotonic(void)
{
        return now_of(CLOCK_MONOTONIC);
}

usec_t now_boottime(void)
{
        return now_of(CLOCK_BOOTTIME);
}

usec_t now_realtime(void)
{
        return now_of(CLOCK_REALTIME);
}

usec_t realtime_offset(void)
{
        static usec_t kept;
        usec_t now = now_realtime() - now_monotonic();

        if (now - kept > USEC_PER_MSEC / 2 || kept - now > USEC_PER_MSEC / 2)
                kept = now;
        return kept;
}

usec_t usec_add(usec_t a, usec_t b)
{
        usec_t sum;

        if (a == USEC_INFINITY || b == USEC_INFINITY)
                return USEC_INFINITY;
        if (__builtin_add_overflow(a, b, &sum))
                return a > 0 ? USEC_INFINITY : INT64_MIN;
        return sum;
}

const char *signal_name(int sig)
{
        static char rt[32][sizeof("RTMIN+31")];

        if (sig >= SIGRTMIN && sig <= SIGRTMAX && sig - SIGRTMIN < (int)ARRAY_SIZE(rt)) {
                int i = sig - SIGRTMIN;

                if (i == 0)
                        return "RTMIN";
                snprintf(rt[i], sizeof(rt[i]), "RTMIN+%u", (unsigned)i & 31);
                return rt[i];
        }
        return sigabbrev_np(sig);
}

/* "RTMIN", "RTMIN+3", "RTMAX-2"; -EINVAL for anything else. */
static int realtime_signal(const char *s)
{
        const char *rest;
        uint32_t offset = 0;
        bool from_max = false;

        if (!(rest = startswith(s, "RTMIN"))) {
                if (!(rest = startswith(s, "RTMAX")))
                        return -EINVAL;
                from_max = true;
        }
        if (*rest) {
                if (*rest != (from_max ? '-' : '+') || parse_u32(rest + 1, &offset) < 0)
                        return -EINVAL;
                if (offset > (uint32_t)(SIGRTMAX - SIGRTMIN))
                        return -EINVAL;
        }
        return from_max ? SIGRTMAX - (int)offset : SIGRTMIN + (int)offset;
}

int signal_number(const char *s)
{
        uint32_t n;

        if (parse_u32(s, &n) >= 0)
                return n > 0 && n <= (uint32_t)SIGRTMAX ? (int)n : -EINVAL;
        if (startswith(s, "SIG"))
                s += 3;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *name = sigabbrev_np(i);

                if (name && streq(name, s))
                        return i;
        }
        if (streq(s, "IOT"))
                return SIGABRT;
        if (streq(s, "CLD"))
                return SIGCHLD;
        if (streq(s, "POLL") || streq(s, "IO"))
                return SIGIO;
        return realtime_signal(s);
}

const char *errno_name(int err)
{
        return err > 0 ? strerrorname_np(err) : NULL;
}

int errno_number(const char *s)
{
        uint32_t n;

        if (parse_u32(s, &n) >= 0)
                return n > 0 && n <= 4095 ? (int)n : -EINVAL;
        for (int i = 1; i < 256; i++) {
                const char *name = strerrorname_np(i);

                if (name && streq(name, s))
                        return i;
        }
        if (streq(s, "EWOULDBLOCK"))
                return EWOULDBLOCK;
        if (streq(s, "ENOTSUP"))
                return ENOTSUP;
        if (streq(s, "EDEADLOCK"))
                return EDEADLOCK;
        return -EINVAL;
}
