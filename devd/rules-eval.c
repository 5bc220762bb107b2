/* Match tokens of one line against one event. */
#include <stdarg.h>
#include <stdio.h>

#include "rules-int.h"
#include "constants.h"
#include "text.h"
#include "db.h"
#include "lib/fileio.h"
#include "lib/log.h"

void eval_warn(const struct evaluation *v, int level, const char *fmt, ...)
{
        char text[1024];
        va_list ap;

        if (level > log_get_max_level())
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_file(v->rules->sources[v->line->file].path, v->line->number, level, "%s: %s", v->d->sysname,
                text);
}

static int holds(const struct token *t, bool matched)
{
        return matched == (t->op == OP_MATCH);
}

static int match_text(const struct token *t, const char *s)
{
        return holds(t, pattern_match(&t->pattern, s ? s : ""));
}

/* Any of the list; for "!=" none of it. */
static int match_list(const struct token *t, char *const *list)
{
        FOREACH_STR (i, list)
                if (pattern_match(&t->pattern, *i))
                        return holds(t, true);
        return holds(t, false);
}

static int match_env(struct evaluation *v, const struct token *t)
{
        const char *s = device_prop_hashed(v->d, t->key, t->key_hash);

        if (!s && v->e->global_env)
                s = strv_env_get(v->e->global_env, t->key);
        return match_text(t, s);
}

/* Trailing white space of a value counts only when the pattern's does. */
static int match_value(const struct token *t, const char *s)
{
        char buf[RULE_LINE_MAX];
        size_t n;

        if (!s) /* absent: no match, and no mismatch either */
                return 0;
        n = strlen(s);
        if (!t->pattern.trailing_space && n && strchr(" \t\n\r", s[n - 1])) {
                snprintf(buf, sizeof(buf), "%s", s);
                s = text_strip_end(buf);
        }
        return match_text(t, s);
}

/* Value of ATTR{name} or ATTR{[subsystem/kernel]name}; may be in buf. */
static const char *attr_value(
        struct evaluation *v, struct device *d, const struct token *t, char *buf, size_t size)
{
        const char *name = t->key;
        char expanded[1024], path[PATH_MAX];
        _cleanup_free_ char *text = NULL;

        if (t->key_subst) {
                if (substitute(v, t->key, false, expanded, sizeof(expanded)) < 0)
                        return NULL;
                name = expanded;
        }
        if (name[0] != '[')
                return device_attr(d, name);
        if (resolve_subsystem_kernel(name, path) < 0 || read_one_line(path, &text) < 0)
                return NULL;
        snprintf(buf, size, "%s", text);
        return buf;
}

static int match_attr(struct evaluation *v, struct device *d, const struct token *t)
{
        char buf[4096];

        return match_value(t, attr_value(v, d, t, buf, sizeof(buf)));
}

/* "net/ipv4/…" or "kernel.ostype" → path below /proc/sys. */
int rule_sysctl_path(struct evaluation *v, const struct token *t, char buf[static PATH_MAX])
{
        char name[1024];
        bool dots;

        if (substitute(v, t->key, false, name, sizeof(name)) < 0 || !*name)
                return -EINVAL;
        dots = name[strcspn(name, "./")] == '.'; /* the first separator decides which one is meant */
        for (char *p = name; dots && *p; p++)
                *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        if (strstr(name, ".."))
                return -EINVAL;
        return snprintf(buf, PATH_MAX, "/proc/sys/%s", name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int match_sysctl(struct evaluation *v, const struct token *t)
{
        _cleanup_free_ char *s = NULL;
        char path[PATH_MAX];

        if (rule_sysctl_path(v, t, path) < 0 || read_file(path, 4096, &s, NULL) < 0)
                return 0;
        return match_value(t, text_strip_end(s));
}

static bool match_parent_token(struct evaluation *v, struct device *p, const struct token *t)
{
        const char *s;

        switch (t->type) {
        case M_KERNELS: return match_text(t, p->sysname);
        case M_SUBSYSTEMS: return (s = device_subsystem(p)) ? match_text(t, s) : holds(t, false);
        case M_DRIVERS: return match_text(t, device_driver(p));
        case M_ATTRS: return match_attr(v, p, t);
        case M_TAGS:
                if (p != v->d && !p->db_loaded)
                        (void)db_read(p);
                return match_list(t, p->tags_current);
        default: return false;
        }
}

/* The nearest of the device and its ancestors for which all n tokens hold. */
int eval_parents(struct evaluation *v, const struct token *t, size_t n)
{
        for (struct device *p = v->d; p; p = device_parent_lazy(p)) {
                size_t i = 0;

                while (i < n && match_parent_token(v, p, &t[i]))
                        i++;
                if (i == n) {
                        v->ancestor = p;
                        return 1;
                }
        }
        v->ancestor = NULL;
        return 0;
}

static int match_program(struct evaluation *v, const struct token *t)
{
        _cleanup_free_ char *output = NULL;
        char command[RULE_LINE_MAX];
        size_t n;
        int r;

        if (substitute(v, t->value, false, command, sizeof(command)) < 0) {
                eval_warn(v, LOG_WARNING, "PROGRAM=\"%s\" cannot be expanded, no match", t->value);
                return 0;
        }
        r = v->ops && v->ops->program ? v->ops->program(v->d, v->e, command, &output) : -EOPNOTSUPP;
        if (r == RULES_DEFER || r == -ENOMEM)
                return r;
        free(v->e->program_result);
        v->e->program_result = NULL;
        if (r < 0)
                eval_warn(v, LOG_WARNING, "PROGRAM \"%s\" could not be run: %s", command, strerror(-r));
        if (r != 0)
                return t->op == OP_NOMATCH;
        if (output) {
                for (n = strlen(output); n && (output[n - 1] == '\n' || output[n - 1] == '\r'); n--)
                        output[n - 1] = 0;
                if (v->escape != ESCAPE_NONE)
                        text_replace_chars(output, ALLOWED_INPUT);
                v->e->program_result = TAKE_PTR(output);
        }
        return t->op == OP_MATCH;
}

int eval_match(struct evaluation *v, const struct token *t)
{
        switch (t->type) {
        case M_ACTION: return match_text(t, v->d->action);
        case M_DEVPATH: return match_text(t, v->d->devpath);
        case M_KERNEL: return match_text(t, v->d->sysname);
        case M_SYMLINK: return match_list(t, v->d->links);
        case M_NAME: return match_text(t, v->d->name);
        case M_ENV: return match_env(v, t);
        case M_CONST: return match_text(t, constant_value(t->key));
        case M_TAG: return match_list(t, v->d->tags_current);
        case M_SUBSYSTEM: return match_text(t, v->d->subsystem);
        case M_DRIVER: return match_text(t, device_driver(v->d));
        case M_ATTR: return match_attr(v, v->d, t);
        case M_SYSCTL: return match_sysctl(v, t);
        case M_TEST: return eval_test(v, t);
        case M_PROGRAM: return match_program(v, t);
        case M_RESULT: return match_text(t, v->e->program_result);
        case M_IMPORT_FILE:
        case M_IMPORT_PROGRAM:
        case M_IMPORT_BUILTIN:
        case M_IMPORT_DB:
        case M_IMPORT_CMDLINE:
        case M_IMPORT_PARENT: return eval_import(v, t);
        default: return 0;
        }
}
