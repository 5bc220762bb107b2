/* The kernel command line: every word is found again by its own key. */
#include "lib/cmdline.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(cmdline)
{
        char *s = fuzz_string(data, size), **words;

        fuzz_check(cmdline_split(s, &words) == 0);
        FOREACH_STR (w, words) {
                char *key = strndup(*w, strcspn(*w, "="));

                fuzz_check(cmdline_get(words, key));
                cmdline_bool(words, key, true);
                free(key);
        }
        (void)cmdline_get(words, "root");
        strv_free(words);
        free(s);
}
