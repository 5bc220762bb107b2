/* The text is read in place: a logical line (its continuations joined) is moved together at the place where it
 * began, which never needs more room than it had, since a backslash and its newline become one space. */
#include "fileio.h"
#include "inifile.h"
#include "log.h"
#include "str.h"

#define INI_LINE_MAX (1u << 20)
#define INI_FILE_MAX (64u << 20)

struct reader {
        const char *path;
        char *next, *end; /* unread text */
        unsigned line;    /* of the physical line last taken */
        unsigned problems;
        const char *section; /* NULL: after a bad header, so what follows belongs to nothing known */
        unsigned section_line;
        ini_fn fn;
        void *data;
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static int problem(struct reader *r, unsigned line, const char *what)
{
        r->problems++;
        return log_file(r->path, line, LOG_WARNING, "%s, line ignored", what);
}

/* Next physical line without white space around: its start and length. False at the end of the text. */
static bool next_physical(struct reader *r, char **ret, size_t *ret_len)
{
        char *s = r->next, *newline;
        size_t n;

        if (s >= r->end)
                return false;
        newline = memchr(s, '\n', (size_t)(r->end - s));
        n = (size_t)((newline ? newline : r->end) - s);
        r->next = newline ? newline + 1 : r->end;
        r->line++;
        while (n > 0 && is_blank(*s)) {
                s++;
                n--;
        }
        while (n > 0 && is_blank(s[n - 1]))
                n--;
        *ret = s;
        *ret_len = n;
        return true;
}

/* A backslash at the end that is not itself escaped. */
static bool is_continued(const char *s, size_t n)
{
        size_t backslashes = 0;

        while (backslashes < n && s[n - 1 - backslashes] == '\\')
                backslashes++;
        return backslashes % 2 == 1;
}

/* Next logical line, neither empty nor a comment; *ret_line is where it began. There is always a byte behind
 * it for a NUL: the newline, or the one that the caller of ini_parse_text() gave. */
static bool next_logical(struct reader *r, char **ret, size_t *ret_len, unsigned *ret_line)
{
        bool continued = false;
        char *to = NULL, *s;
        size_t len = 0, n;

        while (next_physical(r, &s, &n)) {
                if (n > 0 && (*s == '#' || *s == ';'))
                        continue;
                if (n == 0 && !continued)
                        continue;
                if (!continued) {
                        to = s;
                        *ret_line = r->line;
                } else {
                        to[len++] = ' ';
                        memmove(to + len, s, n);
                }
                len += n;
                continued = is_continued(s, n);
                if (!continued)
                        break;
                len--; /* the backslash */
        }
        if (!to)
                return false;
        while (len > 0 && is_blank(to[len - 1]))
                len--;
        to[len] = '\0';
        *ret = to;
        *ret_len = len;
        return true;
}

static void take_header(struct reader *r, unsigned line, char *s, size_t n)
{
        r->section = NULL;
        if (n < 3 || s[n - 1] != ']') {
                problem(r, line, "Section header without name or \"]\", its section is ignored too");
                return;
        }
        s[n - 1] = '\0';
        if (strpbrk(s + 1, "[]")) {
                problem(r, line, "Section header with brackets inside, its section is ignored too");
                return;
        }
        r->section = s + 1;
        r->section_line = line;
}

static int take_assignment(struct reader *r, unsigned line, char *s)
{
        struct ini_line l = {
                .path = r->path, .line = line, .section = r->section, .section_line = r->section_line
        };
        char *equals = strchr(s, '=');

        if (!r->section) {
                r->problems++; /* told at the header */
                return 0;
        }
        if (!equals)
                return problem(r, line, "Neither a section nor an assignment (no \"=\")");
        *equals = '\0';
        l.key = str_strip(s);
        l.value = str_strip(equals + 1);
        if (!*l.key)
                return problem(r, line, "Assignment without a key");
        return r->fn(&l, r->data);
}

int ini_parse_text(const char *path, char *text, size_t len, ini_fn fn, void *data, unsigned *ret_problems)
{
        struct reader r = {
                .path = path,
                .next = text,
                .end = text + len,
                .section = "",
                .fn = fn,
                .data = data,
        };
        unsigned line = 0;
        size_t n;
        char *s;

        if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                r.next += 3;
        while (next_logical(&r, &s, &n, &line)) {
                int k = 0;

                if (n > INI_LINE_MAX)
                        problem(&r, line, "Longer than 1 MiB");
                else if (memchr(s, '\0', n))
                        problem(&r, line, "NUL byte");
                else if (!utf8_valid(s, n))
                        problem(&r, line, "Not UTF-8");
                else if (*s == '[')
                        take_header(&r, line, s, n);
                else if (n > 0)
                        k = take_assignment(&r, line, s);
                if (k < 0)
                        return k;
        }
        if (ret_problems)
                *ret_problems = r.problems;
        return 0;
}

int ini_parse_file(const char *path, ini_fn fn, void *data, unsigned *ret_problems)
{
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = read_file(path, INI_FILE_MAX, &text, &len);

        return r < 0 ? r : ini_parse_text(path, text, len, fn, data, ret_problems);
}
