/* Values of [Service]: command lines, exit sets, time-outs. */
#include "names.h"
#include "parse.h"
#include "types.h"

int parse_value_service_type(const struct parse *p)
{
        int r = parse_value_enum(p);

        if (r >= 0)
                UNIT_CAST(service, p->u)->type_set = true;
        return r;
}

/* A line that cannot be run is told with its reason; whether the unit still makes sense is its type's to say. A
 * syntax error makes it a bad unit, as running half of the commands could do harm; "ignored" for what systemd
 * ignores (empty after the prefixes). */
int parse_value_exec(const struct parse *p)
{
        const char *why = NULL;
        int r = exec_command_parse(p->u, p->value, p->target, &why);

        if (r == -EINVAL)
                return parse_problem(p, "%s", why ? why : "not a command line");
        return r;
}

static int add_exit_word(const struct parse *p, char *word, void *set)
{
        struct exit_set *s = set;
        int64_t named;
        int v;

        (void)p;
        if (parse_int(word, &v) >= 0) {
                if (v < 0 || v > 255)
                        return -ERANGE;
                bit_set(s->codes, (unsigned)v);
                s->set = true;
                return 0;
        }
        if (name_value(names_exit_status, word, &named) >= 0) {
                bit_set(s->codes, (unsigned)named);
                s->set = true;
                return 0;
        }
        v = signal_number(word);
        if (v <= 0 || v >= (int)sizeof(s->signals) * 8)
                return -EINVAL;
        bit_set(s->signals, (unsigned)v);
        s->set = true;
        return 0;
}

/* Exit codes, their names, and signals, with blanks between. */
int parse_value_exit_set(const struct parse *p)
{
        if (*p->value)
                return parse_each(
                        p, p->value, parse_word, add_exit_word, p->target, "an exit status or a signal");
        *(struct exit_set *)p->target = (struct exit_set) {};
        return 0;
}

/* 0 and infinity: no time-out. */
static int timeout_value(const struct parse *p, usec_t *ret)
{
        usec_t t;
        int r = parse_timespan(p->value, USEC_PER_SEC, &t);

        if (r >= 0)
                *ret = t ? t : USEC_INFINITY;
        return r;
}

int parse_value_timeout_start(const struct parse *p)
{
        struct service *s = UNIT_CAST(service, p->u);
        int r = timeout_value(p, &s->timeout_start);

        if (r >= 0)
                s->timeout_start_set = true;
        return r;
}

int parse_value_timeout_stop(const struct parse *p)
{
        return timeout_value(p, &UNIT_CAST(service, p->u)->timeout_stop);
}

int parse_value_timeout_abort(const struct parse *p)
{
        struct service *s = UNIT_CAST(service, p->u);
        int r;

        if (!*p->value) {
                s->timeout_abort_set = false;
                return 0;
        }
        r = timeout_value(p, &s->timeout_abort);
        if (r >= 0)
                s->timeout_abort_set = true;
        return r;
}

/* TimeoutSec=: both. */
int parse_value_timeout_both(const struct parse *p)
{
        struct service *s = UNIT_CAST(service, p->u);
        int r = timeout_value(p, &s->timeout_start);

        if (r < 0)
                return r;
        s->timeout_start_set = true;
        s->timeout_stop = s->timeout_start;
        return 0;
}

/* RuntimeMaxSec= of services and scopes: 0 and infinity are none. */
int parse_value_runtime_max(const struct parse *p)
{
        return timeout_value(p, p->target);
}

/* Elements of letters, digits, "_" and "-" with dots between, at least two; not beginning with a digit. */
static bool bus_name_valid(const char *s)
{
        bool dot = false, at_start = true;

        if (strlen(s) > 255)
                return false;
        for (; *s; s++) {
                bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_' || *s == '-';

                if (*s == '.') {
                        if (at_start)
                                return false;
                        dot = at_start = true;
                        continue;
                }
                if (!letter && !(*s >= '0' && *s <= '9' && !at_start))
                        return false;
                at_start = false;
        }
        return dot && !at_start;
}

int parse_value_bus_name(const struct parse *p)
{
        _cleanup_free_ char *name = NULL;
        int r = parse_resolve(p, p->value, &name);

        if (r < 0)
                return r;
        if (!bus_name_valid(name))
                return -EINVAL;
        return str_replace(p->target, name);
}

static int add_socket(const struct parse *p, char *word, void *list)
{
        static const enum dep_type edges[] = { DEP_WANTS, DEP_AFTER, DEP_TRIGGERED_BY };
        int r;

        if (unit_type_from_name(word) != UNIT_SOCKET || !unit_name_valid(word, false))
                return -EINVAL;
        r = strv_add_unique(list, word);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(edges); i++)
                r = unit_add_dep_by_name(p->u, edges[i], word, ORIGIN_FILE);
        return r;
}

/* Sockets whose descriptors the service gets: kept by name, with the edges that make them be there. */
int parse_value_sockets(const struct parse *p)
{
        return parse_each(p, p->value, parse_word, add_socket, p->target, "the name of a socket unit");
}

/* A relative path counts below /run; /var/run is told to be /run. */
int parse_value_pid_file(const struct parse *p)
{
        _cleanup_free_ char *s = NULL, *below_run = NULL, *path = NULL;
        const char *rest;
        int r;

        if (!*p->value)
                return str_replace(p->target, NULL);
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        if (*s != '/')
                below_run = path_join("/run", s);
        else if ((rest = path_startswith(s, "/var/run"))) {
                below_run = path_join("/run", rest);
                log_file(p->path, p->line, LOG_NOTICE, "PIDFile=%s is below /var/run of old, taken as %s", s,
                        below_run ? below_run : "");
        }
        r = parse_path_value(below_run ? below_run : s, &path);
        if (r < 0)
                return r;
        free(*(char **)p->target);
        *(char **)p->target = TAKE_PTR(path);
        return 0;
}

/* X-RouseStep=: a word, what the early helper knows by this name. */
int parse_value_step(const struct parse *p)
{
        _cleanup_free_ char *value = NULL;
        int r = unit_resolve(p->u, p->value, &value);

        /* "name", or "name:argument" */
        if (r < 0 ||
                value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-: ")] !=
                        '\0')
                return -EINVAL;
        free(*(char **)p->target);
        *(char **)p->target = *value ? TAKE_PTR(value) : NULL;
        return 0;
}
