/* Parsers of directive values, grouped by form: parse-basic.c (numbers, words, paths), parse-unit.c, parse-service.c,
 * parse-exec.c, parse-sched.c and parse-io.c, parse-confine.c, parse-cgroup.c, parse-socket.c (sockets, timers, paths).
 *
 * A parser gets the target of the row and the value, and returns
 *         0         taken (or the problem was told by parse_problem())
 *         -EINVAL   malformed: table.c says "Failed to parse X='…': not FORM; ignored" with the form's text
 *         -ERANGE   of the form, but out of range
 *         -ENOEXEC  malformed, and the unit must not run without it: it becomes a bad-setting
 *         -EBADSLT  an unknown specifier, -ENOMEM
 * and leaves the target alone unless it returns 0. An empty value resets a list or goes back to the default. */
#pragma once

#include "table.h"

/* What a parser takes, for messages and docs/directives.md: "a time span". */
struct parse_form {
        parse_fn fn;
        const char *what;
};
extern const struct parse_form parse_forms[];

/* "FILE:LINE: Failed to parse X='…': WHY; ignored"; counts it; 0. */
int parse_problem(const struct parse *p, const char *fmt, ...) _printf_(2, 3);
/* The value with its specifiers resolved. -EBADSLT. */
int parse_resolve(const struct parse *p, const char *s, char **ret);
/* Next word of *s, unquoted, specifiers resolved. 1, 0 at the end, < 0. Backslashes stay (unit names are full of
 * them); parse_word_c() decodes C escapes (paths, environment). */
typedef int (*parse_next_fn)(const struct parse *p, const char **s, char **ret);
int parse_word(const struct parse *p, const char **s, char **ret);
int parse_word_c(const struct parse *p, const char **s, char **ret);
/* Puts what a word means where `to` says. -EINVAL, -ERANGE: the word is not of the form. The word may be changed. */
typedef int (*parse_item_fn)(const struct parse *p, char *word, void *to);
/* item() for each word of s, which next (parse_word or parse_word_c) takes off. A word that is not of the form is told
 * as "'WORD' is not WHAT" and left out; what NULL: item()'s error is the line's. */
int parse_each(const struct parse *p, const char *s, parse_next_fn next, parse_item_fn item, void *to,
        const char *what);
/* The same for the row's list of strings (item() gets a char ***), which an empty value empties. */
int parse_list(const struct parse *p, parse_next_fn next, parse_item_fn item, const char *what);
/* An empty value of such a row: 0. */
int parse_reset(const struct parse *p);
/* An item as it is, as often as it is there; once. */
int parse_item_add(const struct parse *p, char *word, void *list);
int parse_item_add_unique(const struct parse *p, char *word, void *list);
/* An absolute, simplified path out of s (specifiers resolved before). */
int parse_path_value(const char *s, char **ret);

/* LimitX=, DefaultLimitX=: "SOFT[:HARD]". */
int parse_rlimit(int resource, const char *s, struct rlimit *ret);

/* The parsers themselves. */
#define PARSER(name, what) int parse_value_##name(const struct parse *p);
#include "parsers.inc"
#undef PARSER
