/* *.hwdb files, hwdb(7): records of lines with patterns, then lines " KEY=value" that begin with a blank; an empty line
 * ends a record. '#' begins a comment; a line that begins with it is as if it were not there. */
#include "hwdb-build.h"
#include "hwdb-compile.h"

#include <stdio.h>

#include "lib/log.h"

enum state { OUTSIDE, PATTERNS, PROPERTIES };

static void problem(struct hwdb_source *s, unsigned line, const char *fmt, const char *text)
{
        char what[512];

        snprintf(what, sizeof(what), fmt, text);
        log_file(s->path, line, LOG_WARNING, "%s", what);
        s->problems++;
}

static bool blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static char *strip_end(char *line)
{
        size_t n;

        line[strcspn(line, "#")] = 0;
        n = strlen(line);
        while (n && blank(line[n - 1]))
                line[--n] = 0;
        return line;
}

static void end_record(struct hwdb_source *s)
{
        strv_reset(&s->matches);
}

/* One blank before the key is kept: it says that the value is for udev. */
static int property(struct hwdb_source *s, char *line, unsigned number)
{
        char *value = strchr(line, '='), *key;

        if (!value) {
                problem(s, number, "\"%s\" is not KEY=value, ignored", line);
                return 0;
        }
        *value++ = 0;
        while (blank(line[0]) && blank(line[1]))
                line++;
        for (key = line; blank(*key);)
                key++;
        if (!*key) {
                problem(s, number, "key before =\"%s\" is missing, line ignored", value);
                return 0;
        }
        FOREACH_STR (m, s->matches) {
                int r = trie_insert(s, *m, line, value, number);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int record_line(struct hwdb_source *s, enum state *state, char *line, unsigned number)
{
        bool indented = *line == ' ';

        if (!*line) {
                if (*state == PATTERNS)
                        problem(s, number, "patterns without a property, record ignored%s", "");
                end_record(s);
                *state = OUTSIDE;
                return 0;
        }
        if (!indented && *state != PROPERTIES) {
                *state = PATTERNS;
                return strv_add(&s->matches, line);
        }
        if (!indented) {
                problem(s, number,
                        "\"%s\" after a property: an empty line is missing, ignored up to the next one",
                        line);
                end_record(s);
                *state = OUTSIDE;
                return 0;
        }
        if (*state == OUTSIDE) {
                problem(s, number, "property \"%s\" without a pattern before it, ignored", line);
                return 0;
        }
        *state = PROPERTIES;
        return property(s, line, number);
}

int hwdb_source_read(struct hwdb_source *s, const char *path, char *text)
{
        enum state state = OUTSIDE;
        unsigned number = 0;
        char *line;
        int r = 0;

        if (s->priority == UINT16_MAX)
                return -E2BIG;
        s->path = path;
        s->priority++;
        while (r >= 0 && (line = strsep(&text, "\n"))) {
                number++;
                if (!text && !*line) /* behind the last newline */
                        break;
                if (*line != '#')
                        r = record_line(s, &state, strip_end(line), number);
        }
        if (r >= 0 && state == PATTERNS)
                problem(s, number, "patterns without a property, record ignored%s", "");
        end_record(s);
        s->path = NULL;
        return r;
}
