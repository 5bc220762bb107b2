/* What every file uses: cleanup attributes, ownership macros, time in microseconds.
 *
 * Conventions of the whole tree: functions return 0 (or a useful positive value) on success and a
 * negative errno on failure; out-parameters are named ret_… and untouched on failure; whatever is owned
 * by a local variable carries _cleanup_(…); every file descriptor is O_CLOEXEC. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define _cleanup_(f)                  __attribute__((cleanup(f)))
#define _printf_(a, b)                __attribute__((format(printf, a, b)))
#define _unused_                      __attribute__((unused))
#define _noreturn_                    __attribute__((noreturn))
#define _warn_unused_                 __attribute__((warn_unused_result))
#define ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define MAX(a, b)                     ((a) > (b) ? (a) : (b))
#define STR_(x)                       #x
#define STR(x)                        STR_(x)
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* Moves ownership out of a variable with a cleanup attribute. */
#define TAKE_PTR(p)                                                                                         \
        ({                                                                                                  \
                __auto_type _p = (p);                                                                       \
                (p) = NULL;                                                                                 \
                _p;                                                                                         \
        })
#define TAKE_FD(fd)                                                                                         \
        ({                                                                                                  \
                int _f = (fd);                                                                              \
                (fd) = -1;                                                                                  \
                _f;                                                                                         \
        })

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Closes fd if it is one; returns -1 so that "fd = close_fd(fd)" leaves no stale number. errno is kept. */
static inline int close_fd(int fd)
{
        int saved = errno;

        if (fd >= 0)
                close(fd);
        errno = saved;
        return -1;
}

#define _cleanup_free_  _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/* Time: microseconds in int64 everywhere; USEC_INFINITY means never. */
typedef int64_t usec_t;
#define USEC_INFINITY ((usec_t)INT64_MAX)
#define USEC_PER_SEC  ((usec_t)1000000)
#define USEC_PER_MSEC ((usec_t)1000)

/* CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME in microseconds. */
usec_t now_monotonic(void);
usec_t now_boottime(void);
usec_t now_realtime(void);
/* CLOCK_REALTIME minus CLOCK_MONOTONIC: the same number until it has moved by more than half a millisecond, so that a point
 * of time is told the same each time. */
usec_t realtime_offset(void);
/* a + b that stops at USEC_INFINITY instead of wrapping. */
usec_t usec_add(usec_t a, usec_t b);

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/* Equality in which NULL equals only NULL. */
static inline bool streq_null(const char *a, const char *b)
{
        return a == b || (a && b && streq(a, b));
}

static inline bool str_empty(const char *s)
{
        return !s || !*s;
}

/* If s begins with prefix: the rest of s; else NULL. */
static inline const char *startswith(const char *s, const char *prefix)
{
        size_t l = strlen(prefix);

        return strncmp(s, prefix, l) == 0 ? s + l : NULL;
}

/* If s ends with suffix: where the suffix begins; else NULL. */
static inline const char *endswith(const char *s, const char *suffix)
{
        size_t a = strlen(s), b = strlen(suffix);

        return a >= b && streq(s + a - b, suffix) ? s + a - b : NULL;
}

/* Compares integers for qsort without overflow. */
#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

/* Name of a signal without SIG ("TERM"), or NULL; number of "TERM", "SIGTERM" or "15", or -EINVAL. */
const char *signal_name(int sig);
int signal_number(const char *s);
/* ERRNO name ("ENOENT") of a positive errno, or NULL. */
const char *errno_name(int err);
/* Number of "ENOENT" (or of a decimal 1..4095), or -EINVAL. */
int errno_number(const char *s);
