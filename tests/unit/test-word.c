/* word.c: words by the quoting rules of systemd.syntax(7), C escapes both ways. */
#include "lib/str.h"
#include "tests/tap.h"

#define U   WORD_CUNESCAPE
#define R   (WORD_CUNESCAPE | WORD_RELAX)
#define K   WORD_KEEP_QUOTES
#define BAD NULL

static void words(void)
{
        static const struct {
                const char *in;
                int flags;
                const char *want; /* joined by "|"; BAD: -EINVAL */
        } cases[] = {
                { "", 0, "" },
                { "  \t\n", 0, "" },
                { "a b\tc", 0, "a|b|c" },
                { "  a  b  ", 0, "a|b" },
                { "\"a b\" 'c d'", 0, "a b|c d" },
                { "'' \"\"", 0, "|" },
                { "VAR=\"a b\" c", 0, "VAR=a b|c" },
                { "\"it's\" 'say \"x\"'", 0, "it's|say \"x\"" },
                { "\"a b", 0, BAD },
                { "a 'b", U, BAD },
                { "it's", 0, BAD },
                { "\"a b\" c", K, "\"a b\"|c" },
                { "dev-disk\\x2dby.device", 0, "dev-disk\\x2dby.device" },
                { "dev-disk\\x2dby.device", U, "dev-disk-by.device" },
                { "a\\sb \\\"c", U, "a b|\"c" },
                { "\"a\\\"b c\"", U, "a\"b c" },
                { "\"a\\\\\" b", U, "a\\|b" },
                { "'a\\'b'", U, "a'b" },
                { "\\a\\b\\f\\n\\r\\t\\v", U, "\a\b\f\n\r\t\v" },
                { "\\101\\x41\\u00e9\\U0001f600", U, "AA\xc3\xa9\xf0\x9f\x98\x80" },
                { "\\377", U, "\xff" },
                { "\\477", U, BAD },
                { "\\x4", U, BAD },
                { "\\x4g", U, BAD },
                { "\\x00", U, BAD },
                { "\\000", U, BAD },
                { "\\u0000", U, BAD },
                { "\\ud800", U, BAD },
                { "\\U00110000", U, BAD },
                { "\\q", U, BAD },
                { "\\q a\\ b", R, "\\q|a\\ b" },
                { "a\\", U, BAD },
                { "a\\", R, "a\\" },
                { "a\\", 0, "a\\" },
                { "\\x4g \\x41", R, "\\x4g|A" },
                { "Gr\xc3\xbc\xc3\x9f"
                  "e",
                        U,
                        "Gr\xc3\xbc\xc3\x9f"
                        "e" },
                { "/bin/sh -c 'echo \"$1\"' x", U, "/bin/sh|-c|echo \"$1\"|x" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_strv_ char **v = NULL;
                _cleanup_free_ char *joined = NULL;
                int r = str_split_quoted(cases[i].in, cases[i].flags, &v);

                if (!cases[i].want) {
                        is_int(r, -EINVAL, "refused");
                        ok(!v, "nothing returned");
                        continue;
                }
                joined = r < 0 ? NULL : strv_join(v, "|");
                is_str(joined, cases[i].want, "words");
        }
}

static void next_word(void)
{
        const char *line = "  one   'two three' ", *p = line;
        char *w = NULL;

        is_int(str_next_word(&p, &w, 0), 1, "a word");
        is_str(w, "one", "the first");
        is_str(p, "'two three' ", "p is at the next one");
        free(w);
        is_int(str_next_word(&p, &w, 0), 1, "another");
        is_str(w, "two three", "the second");
        is_str(p, "", "p is at the end");
        free(w);
        w = NULL;
        is_int(str_next_word(&p, &w, 0), 0, "no more");
        ok(!w, "nothing returned at the end");
        p = line = "'open";
        is_int(str_next_word(&p, &w, 0), -EINVAL, "unbalanced");
        ok(p == line && !w, "p and the word are left alone");
}

static void escapes(void)
{
        char *s = NULL;

        is_int(str_cunescape("a\\tb\\\\", 6, false, &s), 0, "cunescape");
        is_str(s, "a\tb\\", "decoded");
        free(s);
        s = NULL;
        is_int(str_cunescape("\\x41", 3, false, &s), -EINVAL, "does not look beyond its length");
        is_int(str_cunescape("\\x41", 3, true, &s), 0, "unless relaxed");
        is_str(s, "\\x4", "as written");
        free(s);
        s = str_cescape("a \"b\"\\\n\x01\xff'");
        is_str(s, "a \\\"b\\\"\\\\\\n\\x01\\xff\\'", "cescape");
        free(s);
        for (int c = 1; c < 256; c++) {
                char in[] = { 'x', (char)c, '7', '\0' }, *escaped = str_cescape(in);

                s = NULL;
                if (str_cunescape(escaped, strlen(escaped), false, &s) < 0 || !streq(s, in))
                        is_str(s, in, "escaping is reversible");
                free(s);
                free(escaped);
        }
}

int main(void)
{
        words();
        next_word();
        escapes();
        return tap_done();
}
