/* A fuzz target is one file: FUZZ_TARGET(name) { … data, size … }. Built by clang with libFuzzer it is a
 * program of its own; built into test-fuzz-seeds, each target runs its seeds, their prefixes and some
 * mutations. A target fails by a crash, a sanitizer's report or fuzz_check(). */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/util.h"

struct fuzz_target {
        const char *name;
        void (*run)(const uint8_t *data, size_t size);
        struct fuzz_target *next;
};

extern struct fuzz_target *fuzz_targets;

#define fuzz_check(cond)                                                                                    \
        do {                                                                                                \
                if (!(cond)) {                                                                              \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #cond);                  \
                        abort();                                                                            \
                }                                                                                           \
        } while (0)

#ifdef FUZZ_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#define FUZZ_ENTRY(name)                                                                                    \
        int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                        \
        {                                                                                                   \
                fuzz_##name(data, size);                                                                    \
                return 0;                                                                                   \
        }
#else
#define FUZZ_ENTRY(name)                                                                                    \
        __attribute__((constructor)) static void register_##name(void)                                      \
        {                                                                                                   \
                static struct fuzz_target target = { #name, fuzz_##name, NULL };                            \
                                                                                                            \
                target.next = fuzz_targets;                                                                 \
                fuzz_targets = &target;                                                                     \
        }
#endif

#define FUZZ_TARGET(name)                                                                                   \
        static void fuzz_##name(const uint8_t *data, size_t size);                                          \
        FUZZ_ENTRY(name)                                                                                    \
        static void fuzz_##name(const uint8_t *data, size_t size)

/* The input as a string of its own, so that reading behind it is seen; freed by the caller. */
static inline _unused_ char *fuzz_string(const uint8_t *data, size_t size)
{
        char *s = malloc(size + 1);

        if (!s)
                abort();
        if (size > 0)
                memcpy(s, data, size);
        s[size] = '\0';
        return s;
}
