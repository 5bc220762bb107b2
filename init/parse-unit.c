/* Values of [Unit] and [Install]: edges, conditions, actions, names. */
#include "names.h"
#include "parse.h"

static int add_dep(const struct parse *p, char *word, void *to)
{
        /* Paths and names without a type are taken as systemctl takes them, which systemd does not do for files: say
         * what is wrong instead. */
        int r = unit_add_dep_by_name(p->u, (enum dep_type)p->d->arg, word, ORIGIN_FILE);

        (void)to;
        return r >= 0 || r == -ENOMEM ? r : -EINVAL;
}

/* Unit names with blanks between: an edge each. A name that is none is told and left out; the others count. */
int parse_value_deps(const struct parse *p)
{
        return parse_each(p, p->value, parse_word, add_dep, NULL, "the name of a unit");
}

int parse_value_condition(const struct parse *p)
{
        return condition_add(p->u, p->d->name, p->value);
}

static bool is_documentation_uri(const char *s)
{
        static const char *const schemes[] = { "http://", "https://", "file:", "info:", "man:" };

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (startswith(s, schemes[i]) && s[strlen(schemes[i])])
                        return true;
        return false;
}

static int add_documentation(const struct parse *p, char *word, void *list)
{
        (void)p;
        return is_documentation_uri(word) ? strv_add(list, word) : -EINVAL;
}

int parse_value_documentation(const struct parse *p)
{
        return parse_list(p, parse_word, add_documentation, "a http:, https:, file:, info: or man: address");
}

/* Kept as paths: load-implicit.c makes the edges when all files are read. */
int parse_value_mounts_for(const struct parse *p)
{
        return *p->value ? parse_value_paths(p) : 0;
}

static int add_unit_name(const struct parse *p, char *word, void *list)
{
        (void)p;
        return unit_name_valid(word, true) ? strv_add(list, word) : -EINVAL;
}

/* [Install]: names kept as they are (the ctl side makes links of them), specifiers resolved. */
int parse_value_unit_names(const struct parse *p)
{
        return parse_list(p, parse_word, add_unit_name, "the name of a unit");
}

int parse_value_instance_name(const struct parse *p)
{
        _cleanup_free_ char *s = NULL;
        int r = parse_resolve(p, p->value, &s);

        if (r < 0)
                return r;
        if (strchr(s, '/') || strlen(s) > UNIT_NAME_MAX)
                return -EINVAL;
        return str_replace(p->target, *s ? s : NULL);
}

/* JobTimeoutSec=: 0 is none, and "set" keeps a type's default (devices) from coming back. */
int parse_value_job_timeout(const struct parse *p)
{
        int r = parse_value_sec_zero_infinite(p);

        if (r >= 0)
                p->u->job_timeout_set = true;
        return r;
}

/* 0..255, empty: that of the main process. */
int parse_value_action_status(const struct parse *p)
{
        int v, r;

        if (!*p->value) {
                *(int *)p->target = -1;
                return 0;
        }
        r = parse_int(p->value, &v);
        if (r < 0)
                return r;
        if (v < 0 || v > 255)
                return -ERANGE;
        *(int *)p->target = v;
        return 0;
}

int parse_value_collect_mode(const struct parse *p)
{
        int64_t v;
        int r = name_value(names_collect_mode, p->value, &v);

        if (r < 0)
                return r;
        *(bool *)p->target = v == COLLECT_INACTIVE_OR_FAILED;
        return 0;
}

int parse_value_ignore_on_isolate(const struct parse *p)
{
        int r = parse_value_boolean(p);

        if (r >= 0)
                p->u->ignore_on_isolate_set = true;
        return r;
}

/* OnFailureIsolate=, the name of long ago: a boolean for OnFailureJobMode=isolate. */
int parse_value_failure_isolate(const struct parse *p)
{
        int v = parse_boolean(p->value);

        if (v < 0)
                return v;
        *(enum job_mode *)p->target = v ? JOB_ISOLATE : JOB_REPLACE;
        return 0;
}
