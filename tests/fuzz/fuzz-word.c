/* Words and escapes: progress with every word, and escaping is reversible. */
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

static void split(const char *s, int flags)
{
        const char *p = s;
        char *word;
        int r;

        for (;;) {
                const char *before = p;

                word = NULL;
                r = str_next_word(&p, &word, flags);
                if (r <= 0)
                        break;
                fuzz_check(p > before && p <= s + strlen(s));
                fuzz_check(strlen(word) <= strlen(before));
                free(word);
        }
        fuzz_check(!word && (r == 0 || r == -EINVAL));
        fuzz_check(r < 0 || *p == '\0');
}

FUZZ_TARGET(word)
{
        char *s = fuzz_string(data, size), *escaped = str_cescape(s), *back = NULL;

        for (int flags = 0; flags < 8; flags++)
                split(s, flags);
        fuzz_check(str_cunescape(escaped, strlen(escaped), false, &back) == 0 && streq(back, s));
        free(back);
        if (str_cunescape((const char *)data, size, false, &back) == 0)
                free(back);
        fuzz_check(str_cunescape((const char *)data, size, true, &back) == 0);
        free(back);
        free(escaped);
        free(s);
}
