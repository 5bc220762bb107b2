/* Values of the execution context: standard input and output, log fields, utmp. */
#include <stdio.h>

#include "lib/base64.h"
#include "names.h"
#include "parse.h"

static int set_output(struct exec_context *c, bool error, enum exec_output o, char *file)
{
        char **to = error ? &c->stderr_file : &c->stdout_file;

        free(*to);
        *to = file;
        *(error ? &c->std_error : &c->std_output) = o;
        return 0;
}

/* "fd:NAME", or "fd" alone: the stream's own name. */
static int fd_name(const struct parse *p, const char *after, const char *def, char **ret)
{
        if (*after == ':')
                after++;
        if (strlen(after) > 255 || strchr(after, ':'))
                return -EINVAL;
        return parse_resolve(p, *after ? after : def, ret);
}

int parse_value_std_output(const struct parse *p)
{
        static const struct {
                const char *prefix;
                enum exec_output o;
        } files[] = {
                { "file:", OUT_FILE },
                { "append:", OUT_APPEND },
                { "truncate:", OUT_TRUNCATE },
        };
        struct exec_context *c = unit_exec(p->u);
        bool error = p->d->arg;
        _cleanup_free_ char *s = NULL;
        char *file = NULL;
        int64_t v;
        int r;

        if (!*p->value)
                return set_output(c, error, OUT_DEFAULT, NULL);
        if (streq(p->value, "fd") || startswith(p->value, "fd:")) {
                r = fd_name(p, p->value + 2, error ? "stderr" : "stdout", &file);
                return r < 0 ? r : set_output(c, error, OUT_FD, file);
        }
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                const char *path = startswith(p->value, files[i].prefix);

                if (!path)
                        continue;
                r = parse_resolve(p, path, &s);
                if (r >= 0)
                        r = parse_path_value(s, &file);
                return r < 0 ? r : set_output(c, error, files[i].o, file);
        }
        r = name_value(names_exec_output, p->value, &v);
        if (r < 0 || v == OUT_FILE || v == OUT_APPEND || v == OUT_TRUNCATE)
                return -EINVAL;
        if (startswith(p->value, "syslog"))
                log_file(p->path, p->line, LOG_DEBUG, "%s=%s is taken as %s", p->d->name, p->value,
                        v == OUT_JOURNAL ? "journal" : "journal+console");
        return set_output(c, error, (enum exec_output)v, NULL);
}

static int set_input(struct exec_context *c, enum exec_input in, char *file)
{
        free(c->stdin_file);
        c->stdin_file = file;
        c->std_input = in;
        c->std_input_set = true;
        return 0;
}

int parse_value_std_input(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        _cleanup_free_ char *s = NULL;
        const char *path;
        char *file = NULL;
        int64_t v;
        int r;

        if (!*p->value) {
                set_input(c, IN_NULL, NULL);
                c->std_input_set = false;
                return 0;
        }
        if (streq(p->value, "fd") || startswith(p->value, "fd:")) {
                r = fd_name(p, p->value + 2, "stdin", &file);
                return r < 0 ? r : set_input(c, IN_FD, file);
        }
        path = startswith(p->value, "file:");
        if (path) {
                r = parse_resolve(p, path, &s);
                if (r >= 0)
                        r = parse_path_value(s, &file);
                return r < 0 ? r : set_input(c, IN_FILE, file);
        }
        r = name_value(names_exec_input, p->value, &v);
        if (r < 0 || v == IN_FILE)
                return -EINVAL;
        return set_input(c, (enum exec_input)v, NULL);
}

#define STDIN_DATA_MAX (64u << 20)

static int append_data(struct exec_context *c, const void *data, size_t n)
{
        char *to;

        if (c->stdin_data_len + n > STDIN_DATA_MAX)
                return -ERANGE;
        to = realloc(c->stdin_data, c->stdin_data_len + n + 1);
        if (!to)
                return -ENOMEM;
        memcpy(to + c->stdin_data_len, data, n);
        c->stdin_data = to;
        c->stdin_data_len += n;
        to[c->stdin_data_len] = '\0';
        return 0;
}

static int reset_data(struct exec_context *c)
{
        free(c->stdin_data);
        c->stdin_data = NULL;
        c->stdin_data_len = 0;
        return 0;
}

/* A line of text with C escapes; a newline follows each. */
int parse_value_stdin_text(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        _cleanup_free_ char *plain = NULL, *s = NULL;
        int r;

        if (!*p->value)
                return reset_data(c);
        r = str_cunescape(p->value, strlen(p->value), true, &plain);
        if (r >= 0)
                r = parse_resolve(p, plain, &s);
        if (r >= 0)
                r = append_data(c, s, strlen(s));
        return r < 0 ? r : append_data(c, "\n", 1);
}

int parse_value_stdin_data(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        _cleanup_free_ uint8_t *data = NULL;
        size_t n;
        int r;

        if (!*p->value)
                return reset_data(c);
        r = base64_decode(p->value, &data, &n);
        return r < 0 ? r : append_data(c, data, n);
}

static bool journal_field_valid(const char *s)
{
        const char *equals = strchr(s, '=');
        size_t n = equals ? (size_t)(equals - s) : 0;

        if (n == 0 || n > 64 || *s == '_' || (*s >= '0' && *s <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
                        return false;
        return true;
}

static int add_log_field(const struct parse *p, char *word, void *list)
{
        (void)p;
        return journal_field_valid(word) ? strv_add(list, word) : -EINVAL;
}

int parse_value_log_fields(const struct parse *p)
{
        return parse_list(p, parse_word_c, add_log_field, "a log field NAME=value");
}

/* Up to four characters count (utmp's ut_id); the rest is cut as getty does. */
int parse_value_utmp_id(const struct parse *p)
{
        return parse_value_string(p);
}

int parse_value_utmp_mode(const struct parse *p)
{
        int64_t v;

        if (*p->value && name_value(names_utmp_mode, p->value, &v) < 0)
                return -EINVAL;
        return str_replace(p->target, *p->value ? p->value : NULL);
}

/* A regular expression, '~' for what is left out; kept for the log daemon. */
int parse_value_log_filter(const struct parse *p)
{
        return parse_value_strv(p);
}
