/* str.c: the growing buffer, copies, stripping, UTF-8, paths. */
#include "lib/id128.h"
#include "lib/str.h"
#include "tests/tap.h"

static void buffer(void)
{
        struct strbuf b = { 0 };
        char *s;

        s = strbuf_take(&b);
        is_str(s, "", "taking an empty buffer gives an empty string");
        free(s);
        strbuf_puts(&b, "one");
        strbuf_putc(&b, ' ');
        strbuf_printf(&b, "%d-%s", 2, "two");
        is_str(b.s, "one 2-two", "puts, putc, printf");
        is_int((int64_t)b.len, 9, "length");
        for (int i = 0; i < 1000; i++)
                strbuf_printf(&b, "%04d", i);
        is_int((int64_t)b.len, 4009, "grows");
        is_str(b.s + 4005, "0999", "still terminated");
        s = strbuf_take(&b);
        ok(s && !b.s && b.len == 0, "take empties it");
        free(s);
        strbuf_add(&b, "a\0b", 3);
        ok(b.len == 3 && memcmp(b.s, "a\0b", 4) == 0, "bytes with NUL");
        is_int(strbuf_add(&b, "x", SIZE_MAX - 2), -ENOMEM, "a length that wraps is out of memory");
        ok(b.failed, "and marks the buffer");
        is_int(strbuf_puts(&b, "later"), -ENOMEM, "later appends do nothing");
        is_int((int64_t)b.len, 3, "what was there stays");
        ok(!strbuf_take(&b), "take of a failed buffer is NULL");
        strbuf_done(&b);
}

static void copies(void)
{
        char *p = NULL, blanks[] = " \t a b \r\n", none[] = "", only[] = "  ";

        is_int(str_replace(&p, "x"), 0, "str_replace from NULL");
        is_str(p, "x", "the copy");
        str_replace(&p, NULL);
        is_str(p, NULL, "str_replace to NULL");
        p = str_printf("%s/%d", "a", 7);
        is_str(p, "a/7", "str_printf");
        free(p);
        is_str(str_strip(blanks), "a b", "str_strip");
        is_str(str_strip(none), "", "str_strip of nothing");
        is_str(str_strip(only), "", "str_strip of blanks");
}

static void utf8(void)
{
        static const struct {
                const char *s;
                bool valid;
        } cases[] = {
                { "", true },
                { "plain", true },
                { "Gr\xc3\xbc\xc3\x9f"
                  "e",
                        true },
                { "\xe2\x82\xac", true },
                { "\xf0\x9f\x98\x80", true },
                { "\xf4\x8f\xbf\xbf", true },
                { "\x80", false }, /* continuation alone */
                { "\xc3", false }, /* cut short */
                { "\xe2\x82", false },
                { "\xc0\xaf", false }, /* overlong */
                { "\xe0\x80\x80", false },
                { "\xf0\x80\x80\x80", false },
                { "\xed\xa0\x80", false },     /* surrogate */
                { "\xf4\x90\x80\x80", false }, /* beyond Unicode */
                { "\xff", false },
                { "a\xc3z", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char *name = str_cescape(cases[i].s);

                is_int(utf8_valid(cases[i].s, strlen(cases[i].s)), cases[i].valid, name);
                free(name);
        }
        ok(!utf8_valid("\xe2\x82\xac", 2), "never looks beyond the length");
}

static void concat(void)
{
        char buf[8], *s = str_concat("a", "", "bc", NULL);

        is_str(s, "abc", "str_concat");
        free(s);
        is_int(str_concat_to(buf, sizeof(buf), "abc", "defg", NULL), 0, "what just fits");
        is_str(buf, "abcdefg", "str_concat_to");
        is_int(str_concat_to(buf, sizeof(buf), "abcd", "efgh", NULL), -ENAMETOOLONG, "one byte too much");
        is_str(buf, "abcd", "leaves what came before");
}

static void paths(void)
{
        static const struct {
                const char *a, *b, *want;
        } joins[] = {
                { "/a", "b", "/a/b" },
                { "/a/", "/b", "/a/b" },
                { "/a//", "//b/", "/a/b/" },
                { "", "b", "b" },
                { "/", "b", "/b" },
                { "/", "/", "/" },
                { "/a", "", "/a" },
                { "", "/etc/x", "etc/x" },
                { "a", "b", "a/b" },
        };
        static const struct {
                const char *in, *want;
        } simplify[] = {
                { "/", "/" },
                { "//", "/" },
                { "/a//b/", "/a/b" },
                { "/a/./b/.", "/a/b" },
                { "./a", "a" },
                { "a/", "a" },
                { ".", "." },
                { "././", "." },
                { "", "" },
                { "/./", "/" },
                { "/../a", "/../a" },
                { "/.a/..b", "/.a/..b" },
        };
        static const struct {
                const char *p;
                bool want;
        } normalized[] = {
                { "/", true },
                { "/a/b", true },
                { "/a/b/", true },
                { "a", true },
                { "", false },
                { "//a", false },
                { "/a//b", false },
                { "/a/.", false },
                { "/a/../b", false },
                { "..", false },
                { "/a/..b", true },
                { "/...", true },
        };
        static const struct {
                const char *path, *prefix, *want;
        } starts[] = {
                { "/a/b", "/a", "b" },
                { "/a/b", "/a/", "b" },
                { "/a//b/c", "/a/b", "c" },
                { "/a", "/a", "" },
                { "/ab", "/a", NULL },
                { "/a", "/a/b", NULL },
                { "/a/b", "/", "a/b" },
                { "a/b", "/a", NULL },
                { "a/b", "a", "b" },
                { "/", "/", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
                char *s = path_join(joins[i].a, joins[i].b);

                is_str(s, joins[i].want, "path_join");
                free(s);
        }
        for (size_t i = 0; i < ARRAY_SIZE(simplify); i++) {
                char *s = strdup(simplify[i].in);

                is_str(path_simplify(s), simplify[i].want, "path_simplify");
                free(s);
        }
        for (size_t i = 0; i < ARRAY_SIZE(normalized); i++)
                is_int(path_is_normalized(normalized[i].p), normalized[i].want, normalized[i].p);
        for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
                is_str(path_startswith(starts[i].path, starts[i].prefix), starts[i].want, "path_startswith");
        is_str(path_basename("/a/b"), "b", "path_basename");
        is_str(path_basename("b"), "b", "path_basename without slash");
}

static void ids(void)
{
        static const struct {
                const char *in;
                bool ok;
        } cases[] = {
                { "0123456789abcdef0123456789ABCDEF", true },
                { "01234567-89ab-cdef-0123-456789abcdef", true },
                { "0123456789abcdef0123456789abcde", false },
                { "0123456789abcdef0123456789abcdef0", false },
                { "0123456789abcdefg123456789abcdef", false },
                { "", false },
        };
        char text[ID128_TEXT_MAX], other[ID128_TEXT_MAX];
        uint8_t id[16];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                is_int(id128_parse(cases[i].in, id), cases[i].ok ? 0 : -EINVAL, cases[i].in);
                if (cases[i].ok)
                        is_str(id128_format(text, id), "0123456789abcdef0123456789abcdef", "and back");
        }
        id128_random(id, 0);
        id128_format(text, id);
        ok(strlen(text) == 32 && text[12] == '4' && strchr("89ab", text[16]), "a random UUID's version");
        id128_random(id, 0);
        ok(!streq(text, id128_format(other, id)), "no two alike");
}

int main(void)
{
        ids();
        buffer();
        concat();
        copies();
        utf8();
        paths();
        return tap_done();
}
