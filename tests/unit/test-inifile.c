/* inifile.c: each text with the assignments that come out of it, as "line[section]key=value" joined by "|". */
#include "lib/inifile.h"
#include "lib/log.h"
#include "lib/str.h"
#include "tests/tap.h"

static struct strbuf out, messages;

static int record(const struct ini_line *l, void *data)
{
        if (streq(l->key, "Stop"))
                return -ECANCELED;
        if (out.len > 0)
                strbuf_putc(&out, '|');
        strbuf_printf(&out, "%u[%s]%s=%s", l->line, l->section, l->key, l->value);
        return 0;
}

static void remember(int level, const char *unit, const char *file, int line, const char *text)
{
        strbuf_printf(&messages, "%s\n", text);
}

static const struct {
        const char *what, *text, *want;
        unsigned problems;
} cases[] = {
        { "nothing", "", "", 0 },
        { "blank lines", "\n  \n\t\r\n", "", 0 },
        { "an assignment", "[A]\nK=v\n", "2[A]K=v", 0 },
        { "without the last newline", "[A]\nK=v", "2[A]K=v", 0 },
        { "before any section", "K=v", "1[]K=v", 0 },
        { "white space around", "  [A]  \n  K \t = \t v w \t\n", "2[A]K=v w", 0 },
        { "empty value", "[A]\nK=\nL=  ", "2[A]K=|3[A]L=", 0 },
        { "further = signs", "[A]\nK=a=b==", "2[A]K=a=b==", 0 },
        { "comments", "# c\n; c\n[A]\n  # c\nK=v # kept\n", "5[A]K=v # kept", 0 },
        { "CR LF", "[A]\r\nK=v \\\r\n w\r\n", "2[A]K=v  w", 0 },
        { "continuation", "[B]\nKeyTwo=value 2 \\\n       value 2 continued\nN=1",
                "2[B]KeyTwo=value 2  value 2 continued|4[B]N=1", 0 },
        { "comments between continued lines",
                "[C]\nKeyThree=value 3\\\n# ignored\n; ignored too\n       value 3 continued",
                "2[C]KeyThree=value 3 value 3 continued", 0 },
        { "a comment does not continue", "# c \\\n[A]\nK=v", "3[A]K=v", 0 },
        { "escaped backslash at the end", "[A]\nK=a\\\\\nL=b", "2[A]K=a\\\\|3[A]L=b", 0 },
        { "three backslashes", "[A]\nK=a\\\\\\\nb", "2[A]K=a\\\\ b", 0 },
        { "continued into an empty line", "[A]\nK=a\\\n\nL=b", "2[A]K=a|4[A]L=b", 0 },
        { "continued into the end", "[A]\nK=a\\", "2[A]K=a", 0 },
        { "a lone backslash", "[A]\n\\\nK=v\n", "2[A]K=v", 0 },
        { "continued over many", "[A]\nK=\\\n a \\\n b \\\n c", "2[A]K=a  b  c", 0 },
        { "byte order mark", "\xef\xbb\xbf[A]\nK=v", "2[A]K=v", 0 },
        { "no =", "[A]\nnonsense\nK=v", "3[A]K=v", 1 },
        { "no key", "[A]\n=x\nK=v", "3[A]K=v", 1 },
        { "header cut short", "[A\nK=v\n[B]\nL=w", "4[B]L=w", 2 },
        { "empty header", "[]\nK=v\n[B]\nL=w", "4[B]L=w", 2 },
        { "brackets in a header", "[A]B]\nK=v", "", 2 },
        { "not UTF-8", "[A]\nK=\xff\nL=\xc3\xbc", "3[A]L=\xc3\xbc", 1 },
        { "spaces inside a header", "[A b]\nK=v", "2[A b]K=v", 0 },
};

static void parse(const char *text, size_t len, const char *want, unsigned problems, const char *what)
{
        char *copy = malloc(len + 1);
        unsigned p = 99;

        memcpy(copy, text, len);
        copy[len] = '\0';
        strbuf_done(&out);
        strbuf_done(&messages);
        is_int(ini_parse_text("t.conf", copy, len, record, NULL, &p), 0, what);
        is_str(out.s ? out.s : "", want, "its assignments");
        is_int(p, problems, "its problems");
        free(copy);
}

int main(void)
{
        char stop[] = "[A]\nStop=\nK=v\n", *big;
        unsigned p = 99;

        log_open("test-inifile", LOG_TO_HOOK);
        log_set_hook(remember);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                parse(cases[i].text, strlen(cases[i].text), cases[i].want, cases[i].problems, cases[i].what);
        parse("[A]\nK=a\0b\nL=w", 13, "3[A]L=w", 1, "NUL byte");
        is_str(messages.s, "t.conf:2: NUL byte, line ignored\n", "the message");

        big = malloc(3u << 20);
        memset(big, 'x', 3u << 20);
        memcpy(big, "[A]\nK=", 6);
        memcpy(big + (2u << 20), "\nL=w\n", 5);
        parse(big, (2u << 20) + 5, "3[A]L=w", 1, "a line of 2 MiB");
        free(big);

        is_int(ini_parse_text("t", stop, strlen(stop), record, NULL, &p), -ECANCELED,
                "the callback ends it");
        is_int(p, 99, "out-parameter untouched");
        is_int(ini_parse_file("/nonexistent/file", record, NULL, NULL), -ENOENT, "no such file");
        strbuf_done(&out);
        strbuf_done(&messages);
        return tap_done();
}
