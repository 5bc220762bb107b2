/* Values of [Unit] and [Install]: edges, conditions, actions, names. */
#include "names.h"
#include "parse.h"

/* Unit names with blanks between: an edge each. A name that is none is told and left out; the others count. */
int parse_value_deps(const struct parse *p)
{
        const char *s = p->value;

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                /* Paths and names without a type are taken as systemctl takes them, which systemd does not do for
                 * files: say what is wrong instead. */
                r = unit_add_dep_by_name(p->u, (enum dep_type)p->d->arg, word, ORIGIN_FILE);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        parse_problem(p, "'%.100s' is not the name of a unit", word);
        }
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

int parse_value_documentation(const struct parse *p)
{
        char ***list = p->target;
        const char *s = p->value;

        if (!*s) {
                strv_free(*list);
                *list = NULL;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                if (!is_documentation_uri(word)) {
                        parse_problem(
                                p, "'%.100s' is not a http:, https:, file:, info: or man: address", word);
                        continue;
                }
                r = strv_push(list, TAKE_PTR(word));
                if (r < 0)
                        return r;
        }
}

/* Kept as paths: load-implicit.c makes the edges when all files are read. */
int parse_value_mounts_for(const struct parse *p)
{
        return *p->value ? parse_value_paths(p) : 0;
}

/* [Install]: names kept as they are (the ctl side makes links of them), specifiers resolved. */
int parse_value_unit_names(const struct parse *p)
{
        char ***list = p->target;
        const char *s = p->value;

        if (!*s) {
                strv_free(*list);
                *list = NULL;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                if (!unit_name_valid(word, true)) {
                        parse_problem(p, "'%.100s' is not the name of a unit", word);
                        continue;
                }
                r = strv_push(list, TAKE_PTR(word));
                if (r < 0)
                        return r;
        }
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
