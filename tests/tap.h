/* TAP for the C tests: one idiom. A test file has a table-like list of functions called from main(), each
 * using ok()/is_str()/is_int(); main() ends in `return tap_done();`. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include "lib/util.h"

static int tap_count, tap_failed;

static inline bool tap_ok(bool good, const char *what, const char *file, int line)
{
        printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, what);
        if (!good) {
                tap_failed++;
                printf("# failed at %s:%d\n", file, line);
        }
        return good;
}

static inline _unused_ void tap_is_str(
        const char *got, const char *want, const char *what, const char *file, int line)
{
        if (!tap_ok(streq_null(got, want), what, file, line))
                printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", want ? want : "(null)");
}

static inline _unused_ void tap_is_int(
        int64_t got, int64_t want, const char *what, const char *file, int line)
{
        if (!tap_ok(got == want, what, file, line))
                printf("#      got: %" PRIi64 "\n# expected: %" PRIi64 "\n", got, want);
}

static inline _unused_ int tap_done(void)
{
        printf("1..%d\n", tap_count);
        return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define ok(cond, what)          tap_ok((cond), (what), __FILE__, __LINE__)
#define is_str(got, want, what) tap_is_str((got), (want), (what), __FILE__, __LINE__)
#define is_int(got, want, what) tap_is_int((got), (want), (what), __FILE__, __LINE__)
