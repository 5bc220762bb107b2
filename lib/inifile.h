/* Reader of systemd.syntax(7) files: sections, Key=value, continuation by a backslash, comments (# ;) at the
 * beginning of a line also between continued lines, white space around the "=" dropped. Used for units,
 * .link files, system.conf, journald.conf …
 *
 * A bad line is logged with file:line and skipped; the rest of the file counts. Lines longer than 1 MiB, NUL
 * bytes and text that is not UTF-8 are such errors. */
#pragma once

#include "util.h"

struct ini_line {
        const char *path;
        unsigned line;         /* where the assignment began */
        const char *section;   /* "" before the first section */
        unsigned section_line; /* of its header: a section may come more than once */
        const char *key;
        const char *value; /* continued lines: each "\" and newline, with the blanks
                                 after it, became one space; may be "" */
};

/* Calls fn for each assignment; fn's negative result ends the reading and is returned. warnings go through
 * log_file(). ret_problems (may be NULL) counts the lines that were skipped. */
typedef int (*ini_fn)(const struct ini_line *l, void *data);
int ini_parse_file(const char *path, ini_fn fn, void *data, unsigned *ret_problems);
/* text is changed, and text[len] must be there (a NUL, as after read_file()). */
int ini_parse_text(const char *path, char *text, size_t len, ini_fn fn, void *data, unsigned *ret_problems);
