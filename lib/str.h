/* Strings: a growing buffer, string lists (strv), parsing of numbers, booleans, words and time spans. */
#pragma once

#include <stdarg.h>
#include "util.h"

/* A growing, always NUL-terminated buffer. Zero-initialise; free with strbuf_done. On out of memory the
 * buffer keeps what it has, `failed` is set, and later appends do nothing: check once at the end. */
struct strbuf {
        char *s;
        size_t len, cap;
        bool failed;
};

void strbuf_done(struct strbuf *b);
#define _cleanup_strbuf_ _cleanup_(strbuf_done)
int strbuf_add(struct strbuf *b, const void *data, size_t len);
int strbuf_puts(struct strbuf *b, const char *s);
int strbuf_putc(struct strbuf *b, char c);
int strbuf_printf(struct strbuf *b, const char *fmt, ...) _printf_(2, 3);
int strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap);
/* Hands the string to the caller (never NULL unless out of memory) and empties the buffer. */
char *strbuf_take(struct strbuf *b);

/* Formatted copy; NULL when out of memory. */
char *str_printf(const char *fmt, ...) _printf_(1, 2);
/* Replaces *p by a copy of s (NULL allowed). -ENOMEM leaves *p alone. */
int str_replace(char **p, const char *s);
/* Cuts white space at both ends, in place; returns the first non-blank. */
char *str_strip(char *s);
void str_unescape_octal(
        char *s); /* "\\040" and the like, as /proc/self/mountinfo and fstab write, in place */
bool utf8_valid(const char *s, size_t len);
/* Strings one after the other, NULL at the end: what str_printf("%s%s") does at a tenth of its cost. The second: into
 * buf of n bytes, 0 or -ENAMETOOLONG. */
char *str_concat(const char *first, ...) __attribute__((sentinel));
int str_concat_to(char *buf, size_t n, const char *first, ...) __attribute__((sentinel));
/* a and b joined by exactly one slash. */
char *path_join(const char *a, const char *b);
/* In place: collapses "//" and "/./", drops a trailing slash. Returns p. */
char *path_simplify(char *p);
bool path_is_normalized(const char *p); /* no "." or ".." component, no "//" */
/* If path is prefix or below it: the rest without leading slashes; else NULL. */
const char *path_startswith(const char *path, const char *prefix);
const char *path_basename(const char *p);

/* NULL-terminated arrays of owned strings. NULL is the empty list. */
void strv_free(char **v);
void strv_freep(char ***v);
#define _cleanup_strv_ _cleanup_(strv_freep)
void strv_reset(char ***v); /* frees it and leaves NULL, the empty list */
size_t strv_len(char *const *v);
int strv_push(char ***v, char *s);      /* takes ownership of s, frees it on failure */
int strv_add(char ***v, const char *s); /* copies */
int strv_addf(char ***v, const char *fmt, ...) _printf_(2, 3);
int strv_add_unique(char ***v, const char *s);
int strv_extend(char ***v, char *const *more);
bool strv_contains(char *const *v, const char *s);
void strv_remove(char **v, const char *s);
char **strv_copy(char *const *v);
char *strv_join(char *const *v, const char *sep);
char **strv_split(const char *s, const char *seps); /* no quoting; empty words dropped */
void strv_sort(char **v);
/* Environment lists: entries "KEY=value". */
int strv_env_set(char ***env, const char *assignment); /* replaces an entry of the same key */
const char *strv_env_get(char *const *env, const char *key);
void strv_env_unset(char **env, const char *key_or_assignment);
#define FOREACH_STR(i, v) for (char *const *i = (v); i && *i; i++)

/* Next word of *p by the quoting rules of systemd.syntax(7)/systemd.service(5): white space separates,
 * "…" and '…' group, C escapes (\n \x41 \101 \s \u …) are decoded when flags has WORD_CUNESCAPE.
 * Returns 1 with *ret_word set, 0 at the end, -EINVAL for an unbalanced quote or a bad escape
 * (with WORD_RELAX a bad escape stays as written). */
enum { WORD_CUNESCAPE = 1, WORD_RELAX = 2, WORD_KEEP_QUOTES = 4 };
int str_next_word(const char **p, char **ret_word, int flags);
int str_split_quoted(const char *s, int flags, char ***ret_words);
/* Decodes C escapes of s[0..len); -EINVAL for an unknown one. */
int str_cunescape(const char *s, size_t len, bool relax, char **ret);
/* s with everything outside printable ASCII, and quote and backslash, as C escapes. */
char *str_cescape(const char *s);

/* Value of a hexadecimal digit, or -1. */
int hex_digit(char c);

/* "1 yes y true t on" / "0 no n false f off", any case: 1, 0 or -EINVAL. */
int parse_boolean(const char *s);
int parse_int(const char *s, int *ret);
int parse_u32(const char *s, uint32_t *ret);
int parse_i64(const char *s, int64_t *ret);
int parse_u64(const char *s, uint64_t *ret); /* decimal, 0x, 0o, 0b */
int parse_mode(const char *s, mode_t *ret);  /* octal, ≤ 07777 */
/* "4K", "1.5G", bytes to base 1024; "infinity" gives UINT64_MAX. */
int parse_size(const char *s, uint64_t *ret);
/* "50%", "12.5%" in hundredths of a percent (permyriad), 0..10000; with no_limit above that too. */
int parse_permyriad(const char *s, bool no_limit, uint32_t *ret);
/* A span of systemd.time(7): "2min 5s", "1h", "infinity"; numbers without unit count in default_unit. */
int parse_timespan(const char *s, usec_t default_unit, usec_t *ret);
/* The span as systemd.time(7) writes it ("1min 30s", "infinity"), to units of accuracy. buf returned. */
char *format_timespan(char *buf, size_t n, usec_t t, usec_t accuracy);
