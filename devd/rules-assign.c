/* Assignment tokens of one line, once all its matches held. */
#include <stdio.h>

#include "rules-int.h"
#include "rules-path.h"
#include "text.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* The token's value with substitutions made; NULL (said) when that fails. */
static const char *value_of(struct evaluation *v, const struct token *t, bool blanks, char *buf)
{
        int r;

        if (!t->subst)
                return t->value;
        r = substitute(v, t->value, blanks, buf, RULE_LINE_MAX);
        if (r >= 0)
                return buf;
        if (r == -E2BIG)
                eval_warn(v, LOG_WARNING, "value is longer than %d bytes, not used", RULE_LINE_MAX - 1);
        *buf = 0;
        return r == -E2BIG ? NULL : buf;
}

static int assign_id(struct evaluation *v, const struct token *t)
{
        bool user = t->type == A_OWNER || t->type == A_OWNER_ID;
        bool *final = user ? &v->owner_final : &v->group_final;
        char buf[RULE_LINE_MAX];
        const char *name;
        uint32_t id = t->uid;

        if (*final)
                return 0;
        *final = t->op == OP_FINAL;
        if (t->type == A_OWNER || t->type == A_GROUP) {
                name = value_of(v, t, false, buf);
                if (!name || (user ? lookup_user(name, &id) : lookup_group(name, &id)) < 0) {
                        eval_warn(v, LOG_WARNING, "unknown %s \"%s\"", user ? "user" : "group",
                                name ? name : "");
                        return 0;
                }
        }
        if (user)
                v->d->uid = id, v->d->owner_set = true;
        else
                v->d->gid = id, v->d->group_set = true;
        return 0;
}

static int assign_mode(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX];
        mode_t mode = t->mode;
        const char *s;

        if (v->mode_final)
                return 0;
        v->mode_final = t->op == OP_FINAL;
        if (t->type == A_MODE) {
                s = value_of(v, t, false, buf);
                if (!s || parse_mode(s, &mode) < 0) {
                        eval_warn(v, LOG_WARNING, "MODE=\"%s\" is not an octal mode", s ? s : "");
                        return 0;
                }
        }
        v->d->mode = mode;
        v->d->mode_set = true;
        return 0;
}

static int assign_tag(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX];
        const char *tag = value_of(v, t, false, buf);
        int r;

        if (!tag)
                return 0;
        if (t->op == OP_REMOVE) {
                device_remove_tag(v->d, tag);
                return 0;
        }
        if (t->op == OP_ASSIGN) {
                strv_free(v->d->tags_all);
                strv_free(v->d->tags_current);
                v->d->tags_all = v->d->tags_current = NULL;
        }
        r = device_add_tag(v->d, tag);
        if (r == -EINVAL && *tag)
                eval_warn(v, LOG_WARNING, "\"%s\" is not a name for a tag, ignored", tag);
        return r == -ENOMEM ? r : 0;
}

static int assign_seclabel(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX];
        const char *label = value_of(v, t, false, buf);

        if (!label)
                return 0;
        if (t->op == OP_ASSIGN)
                strv_reset(&v->d->seclabels);
        return strv_addf(&v->d->seclabels, "%s=%s", t->key, label);
}

static int assign_env(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX], joined[RULE_LINE_MAX];
        const char *value, *old;

        if (!*t->value)
                return t->op == OP_ADD ? 0 : device_set_prop(v->d, t->key, NULL);
        value = value_of(v, t, false, buf);
        if (!value)
                return 0;
        old = t->op == OP_ADD ? device_prop_hashed(v->d, t->key, t->key_hash) : NULL;
        if (old) {
                if (snprintf(joined, sizeof(joined), "%s %s", old, value) >= (int)sizeof(joined)) {
                        eval_warn(v, LOG_WARNING, "ENV{%s} would become too long, not changed", t->key);
                        return 0;
                }
                value = joined;
        }
        if (v->escape == ESCAPE_REPLACE) {
                if (value != joined)
                        value = strcpy(joined, value);
                text_replace_chars(joined, NULL);
        }
        return device_set_prop(v->d, t->key, value);
}

static int assign_name(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX], name[RULE_LINE_MAX];
        const char *value;

        if (v->name_final)
                return 0;
        v->name_final = t->op == OP_FINAL;
        if (v->d->ifindex <= 0) {
                if (!v->d->devnode || !streq_null(path_startswith(v->d->devnode, "/dev"), t->value))
                        eval_warn(v, LOG_WARNING,
                                "only network interfaces can be renamed, NAME=\"%s\" ignored", t->value);
                return 0;
        }
        value = value_of(v, t, true, buf);
        if (!value)
                return 0;
        strcpy(name, value);
        if (v->escape != ESCAPE_NONE)
                text_replace_ifname(name);
        if (!ifname_valid(name)) {
                eval_warn(v, LOG_WARNING, "\"%s\" cannot be the name of an interface, ignored", name);
                return 0;
        }
        return str_replace(&v->d->name, name);
}

static int assign_symlink(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX], links[RULE_LINE_MAX], *word, *rest = links;
        const char *value;

        if (v->links_final || v->d->major < 0)
                return 0;
        v->links_final = t->op == OP_FINAL;
        if (t->op == OP_ASSIGN || t->op == OP_FINAL)
                strv_reset(&v->d->links);
        value = value_of(v, t, v->escape != ESCAPE_NONE, buf);
        if (!value)
                return 0;
        strcpy(links, value);
        if (v->escape == ESCAPE_UNSET)
                text_replace_chars(links, "/ ");
        else if (v->escape == ESCAPE_REPLACE)
                text_replace_chars(links, "/");
        while ((word = strsep(&rest, " \t\n\r\v\f"))) {
                int r;

                if (!*word)
                        continue;
                r = device_add_link(v->d, word);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        eval_warn(v, LOG_WARNING, "\"%s\" cannot be a link below /dev, ignored", word);
        }
        return 0;
}

static int write_value(struct evaluation *v, const char *path, const char *value)
{
        int r;

        if (v->ops && v->ops->write) {
                r = v->ops->write(v->d, v->e, path, value);
        } else {
                r = write_attr(path, value);
        }
        if (r < 0)
                eval_warn(v, LOG_WARNING, "cannot write \"%s\" to %s: %s", value, path, strerror(-r));
        device_forget_attrs(v->d);
        return 0;
}

static int assign_attr(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX], name[1024], path[PATH_MAX];
        const char *value = value_of(v, t, false, buf);

        if (!value || substitute(v, t->key, false, name, sizeof(name)) < 0)
                return 0;
        if (rule_file_path(v->d, name, path) < 0) {
                eval_warn(v, LOG_DEBUG, "ATTR{%s} does not exist, not written", name);
                return 0;
        }
        return write_value(v, path, value);
}

static int assign_sysctl(struct evaluation *v, const struct token *t)
{
        char buf[RULE_LINE_MAX], path[PATH_MAX];
        const char *value = value_of(v, t, false, buf);

        if (!value)
                return 0;
        if (rule_sysctl_path(v, t, path) < 0) {
                eval_warn(v, LOG_WARNING, "SYSCTL{%s} is not the name of a setting", t->key);
                return 0;
        }
        return write_value(v, path, value);
}

static void clear_run(struct rules_event *e)
{
        for (size_t i = 0; i < e->n_run; i++)
                free(e->run[i].command);
        e->n_run = 0;
}

static int assign_run(struct evaluation *v, const struct token *t)
{
        struct rules_event *e = v->e;
        char buf[RULE_LINE_MAX], *copy;
        const char *value;

        if (e->run_final)
                return 0;
        e->run_final = t->op == OP_FINAL;
        if (t->op == OP_ASSIGN || t->op == OP_FINAL)
                clear_run(e);
        value = value_of(v, t, false, buf);
        if (!value || !*value)
                return 0;
        for (size_t i = 0; i < e->n_run; i++)
                if (streq(e->run[i].command,
                            value)) { /* it is run once, at its first place, as the last line says */
                        e->run[i].builtin = t->type == A_RUN_BUILTIN;
                        return 0;
                }
        if (e->n_run % 8 == 0) {
                struct rules_run *run = realloc(e->run, (e->n_run + 8) * sizeof(*run));

                if (!run)
                        return -ENOMEM;
                e->run = run;
        }
        copy = strdup(value);
        if (!copy)
                return -ENOMEM;
        e->run[e->n_run++] = (struct rules_run) { .builtin = t->type == A_RUN_BUILTIN, .command = copy };
        return 0;
}

static void assign_log_level(struct evaluation *v, const struct token *t)
{
        if (t->number < 0) {
                if (v->saved_log_level >= 0)
                        log_set_max_level(v->saved_log_level);
                v->saved_log_level = -1;
                return;
        }
        if (v->saved_log_level < 0)
                v->saved_log_level = log_get_max_level();
        log_set_max_level(t->number);
}

int eval_assign(struct evaluation *v, const struct token *t)
{
        switch (t->type) {
        case A_STRING_ESCAPE: v->escape = (enum escape)t->number; return 0;
        case A_DB_PERSIST: v->d->db_persist = true; return 0;
        case A_WATCH:
                if (!v->watch_final) {
                        v->watch_final = t->op == OP_FINAL;
                        v->d->watch = t->number;
                        v->d->watch_set = true;
                }
                return 0;
        case A_LINK_PRIORITY: v->d->link_priority = t->number; return 0;
        case A_LOG_LEVEL: assign_log_level(v, t); return 0;
        case A_OWNER:
        case A_OWNER_ID:
        case A_GROUP:
        case A_GROUP_ID: return assign_id(v, t);
        case A_MODE:
        case A_MODE_ID: return assign_mode(v, t);
        case A_TAG: return assign_tag(v, t);
        case A_SECLABEL: return assign_seclabel(v, t);
        case A_ENV: return assign_env(v, t);
        case A_NAME: return assign_name(v, t);
        case A_SYMLINK: return assign_symlink(v, t);
        case A_ATTR: return assign_attr(v, t);
        case A_SYSCTL: return assign_sysctl(v, t);
        case A_RUN_BUILTIN:
        case A_RUN_PROGRAM: return assign_run(v, t);
        default: return 0; /* static nodes are applied at start */
        }
}
