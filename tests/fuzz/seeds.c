/* Runs every fuzz target over its seeds without a fuzzer: each seed whole, each of its prefixes, and each with
 * single bytes changed. Directory of the seeds: $FUZZ_SEEDS, or tests/fuzz/seeds below the working directory. */
#include <dirent.h>

#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tap.h"

struct fuzz_target *fuzz_targets;

#define VARIANTS 400 /* at most of each kind for a seed */

static void run_variants(const struct fuzz_target *t, const char *seed, size_t n)
{
        static const uint8_t bytes[] = { 0, '\n', '"', '\\', '=', 0x7f, 0xff };
        size_t step = n / VARIANTS + 1;
        uint8_t *copy;

        for (size_t i = 0; i <= n; i += step) {
                /* a block of exactly that size, for the sanitizer's sake */
                copy = malloc(i ? i : 1);
                memcpy(copy, seed, i);
                t->run(copy, i);
                free(copy);
        }
        copy = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i += step) {
                memcpy(copy, seed, n);
                copy[i] = bytes[i % ARRAY_SIZE(bytes)];
                t->run(copy, n);
        }
        free(copy);
}

static void run_target(const struct fuzz_target *t, const char *dir)
{
        _cleanup_free_ char *path = str_printf("%s/%s", dir, t->name);
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *de;
        int count = 0;

        while (d && (de = readdir(d))) {
                _cleanup_free_ char *seed = NULL, *what = str_printf("%s: %s", t->name, de->d_name);
                size_t n;

                if (de->d_name[0] == '.' || read_file_at(dirfd(d), de->d_name, 0, &seed, &n) < 0)
                        continue;
                t->run((const uint8_t *)seed, n);
                run_variants(t, seed, n);
                ok(true, what);
                count++;
        }
        ok(count > 0, t->name);
}

int main(void)
{
        const char *dir = getenv("FUZZ_SEEDS");

        log_open("test-fuzz-seeds", LOG_TO_NULL);
        for (const struct fuzz_target *t = fuzz_targets; t; t = t->next)
                run_target(t, dir ? dir : "tests/fuzz/seeds");
        return tap_done();
}
