/* TEST and IMPORT: what looks beyond the device's own record. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "rules-int.h"
#include "rules-path.h"
#include "db.h"
#include "text.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* --- paths ------------------------------------------------------------------------------------------ */

/* The first "/" "*" "/" becomes the first subdirectory below which the rest exists. */
static int resolve_star(char path[static PATH_MAX])
{
        _cleanup_closedir_ DIR *dir = NULL;
        char *star = strstr(path, "/*/"), found[PATH_MAX];
        struct dirent *e;

        if (!star)
                return 0;
        *star = 0;
        dir = opendir(*path ? path : "/");
        if (!dir)
                return -errno;
        while ((e = readdir(dir))) {
                struct stat st;

                if (e->d_name[0] == '.' ||
                        snprintf(found, sizeof(found), "%s/%s/%s", path, e->d_name, star + 3) >=
                                (int)sizeof(found) ||
                        stat(found, &st) < 0)
                        continue;
                strcpy(path, found);
                return 0;
        }
        return -ENOENT;
}

int rule_file_path(struct device *d, const char *name, char buf[static PATH_MAX])
{
        int r;

        if (name[0] == '[')
                r = resolve_subsystem_kernel(name, buf);
        else if (path_startswith(name, "/sys"))
                r = real_sys_path(name, NULL, buf);
        else if (path_startswith(name, "/dev"))
                r = real_dev_path(name, buf);
        else if (name[0] == '/')
                r = snprintf(buf, PATH_MAX, "%s", name) >= PATH_MAX ? -ENAMETOOLONG : 0;
        else
                r = real_sys_path(d->syspath, name, buf);
        return r < 0 ? r : resolve_star(buf);
}

int eval_test(struct evaluation *v, const struct token *t)
{
        char value[RULE_LINE_MAX], path[PATH_MAX];
        struct stat st;
        bool there = false;

        if (substitute(v, t->value, false, value, sizeof(value)) < 0)
                return 0;
        if (rule_file_path(v->d, value, path) >= 0 && stat(path, &st) >= 0)
                there = !t->mode || (st.st_mode & t->mode);
        return there == (t->op == OP_MATCH);
}

/* --- KEY=value text --------------------------------------------------------------------------------- */

static int import_line(struct evaluation *v, char *line)
{
        /* Identity is the kernel's to give. */
        static const char *const fixed[] = { "ACTION", "DEVNAME", "DEVPATH", "DEVTYPE", "IFINDEX", "MAJOR",
                "MINOR", "SEQNUM", "SUBSYSTEM", "DEVLINKS", "TAGS" };
        char *key = str_strip(line), *value;
        size_t n;

        if (!*key || *key == '#')
                return 0;
        value = strchr(key, '=');
        if (!value || value == key) {
                eval_warn(v, LOG_DEBUG, "imported line \"%s\" has no KEY=value, skipped", key);
                return 0;
        }
        *value++ = 0;
        text_strip_end(key);
        value = str_strip(value);
        n = strlen(value);
        if (!n)
                return 0;
        if (*value == '"' || *value == '\'') {
                if (n < 2 || value[n - 1] != *value) {
                        eval_warn(v, LOG_DEBUG, "imported value of %s lacks a closing quote, skipped", key);
                        return 0;
                }
                value[n - 1] = 0;
                value++;
        }
        for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
                if (streq(key, fixed[i]))
                        return 0;
        return device_set_prop(v->d, key, value) == -ENOMEM ? -ENOMEM : 0;
}

int import_lines(struct evaluation *v, char *text)
{
        char *line, *rest = text;
        int r;

        while ((line = strsep(&rest, "\n"))) {
                r = import_line(v, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- the kinds -------------------------------------------------------------------------------------- */

static int import_file(struct evaluation *v, const char *name)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file(name, 1024 * 1024, &text, NULL);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = import_lines(v, text);
        return r < 0 ? r : 1;
}

static int import_program(struct evaluation *v, const char *command)
{
        _cleanup_free_ char *output = NULL;
        int r = v->ops && v->ops->program ? v->ops->program(v->d, v->e, command, &output) : -EOPNOTSUPP;

        if (r == RULES_DEFER || r == -ENOMEM)
                return r;
        if (r != 0) {
                eval_warn(v, LOG_DEBUG, "IMPORT{program} \"%s\": %s, nothing imported", command,
                        r < 0 ? strerror(-r) : "not successful");
                return 0;
        }
        r = output ? import_lines(v, output) : 0;
        return r < 0 ? r : 1;
}

static int import_builtin(struct evaluation *v, const struct builtin *b, const char *command)
{
        uint32_t bit = b && (b->flags & BUILTIN_ONCE) ? 1u << (b - builtins) : 0;
        int r;

        if (bit & v->e->builtins_run)
                return !(bit & v->e->builtins_failed);
        r = v->ops && v->ops->builtin ? v->ops->builtin(v->d, v->e, command)
                                      : builtin_run(v->d, v->e, command);
        if (r == RULES_DEFER || r == -ENOMEM)
                return r;
        v->e->builtins_run |= bit;
        if (r < 0)
                v->e->builtins_failed |= bit;
        return r >= 0;
}

static int import_db(struct evaluation *v, const char *key)
{
        const char *value = v->e->old ? device_prop(v->e->old, key) : NULL;
        int r;

        if (!value)
                return 0;
        r = device_set_prop(v->d, key, value);
        return r < 0 ? r : 1;
}

static int import_cmdline(struct evaluation *v, const char *key)
{
        static char **words;
        const char *value;
        int r;

        if (!words && cmdline_read(&words) < 0)
                return 0;
        value = cmdline_get(words, key);
        if (!value)
                return 0;
        r = device_set_prop(v->d, key, *value ? value : "1");
        return r == -ENOMEM ? r : r >= 0;
}

static int import_parent(struct evaluation *v, const char *glob)
{
        struct device *p = device_parent(v->d);
        struct arena a = { 0 };
        struct pattern pattern = { 0 };
        bool any = false;
        int r;

        if (!p)
                return 0;
        if (!p->db_loaded)
                (void)db_read(p);
        r = pattern_compile(&a, glob, false, &pattern);
        for (size_t i = 0; r >= 0 && i < p->n_props; i++) {
                const struct prop *q = &p->props[i];

                /* What identifies the parent is not the child's. */
                if ((q->from_kernel && v->d->n_props && device_prop_hashed(v->d, q->key, q->hash)) ||
                        !pattern_match(&pattern, q->key))
                        continue;
                r = device_set_prop(v->d, q->key, q->value);
                any = true;
        }
        arena_free(&a);
        return r < 0 ? r : any;
}

static int import_kind(struct evaluation *v, const struct token *t, const char *value)
{
        char path[PATH_MAX];

        switch (t->type) {
        case M_IMPORT_FILE: return rule_file_path(v->d, value, path) < 0 ? 0 : import_file(v, path);
        case M_IMPORT_PROGRAM: return import_program(v, value);
        case M_IMPORT_BUILTIN: return import_builtin(v, t->builtin, value);
        case M_IMPORT_DB: return import_db(v, value);
        case M_IMPORT_CMDLINE: return import_cmdline(v, value);
        default: return import_parent(v, value);
        }
}

int eval_import(struct evaluation *v, const struct token *t)
{
        char value[RULE_LINE_MAX];
        const char *s = t->value;
        int r;

        if (t->subst) {
                if (substitute(v, t->value, false, value, sizeof(value)) < 0) {
                        eval_warn(v, LOG_WARNING, "IMPORT of \"%s\" cannot be expanded, no match", t->value);
                        return 0;
                }
                s = value;
        }
        r = import_kind(v, t, s);
        return r < 0 ? r : (r > 0) == (t->op == OP_MATCH);
}
