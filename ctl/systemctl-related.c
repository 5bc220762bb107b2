/* list-sockets, list-timers and list-dependencies: lists that follow from units' properties. */
#include "ctl.h"

#include "lib/hash.h"
#include "lib/unitname.h"

/* Properties of all loaded units of a type that match. */
static int units_of_type(const char *suffix, char **patterns, const char *properties, struct ctl_list *ret)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        _cleanup_strv_ char **names = NULL, **options = NULL;

        if (ctl_query("list-units", NULL, NULL, &l) < 0)
                return -EIO;
        for (size_t i = 0; i < l.n; i++) {
                const char *id = record_str(&l.r[i], "Id");

                if (endswith(id, suffix) && match_any(patterns, id) &&
                        (opt.all || !streq(record_str(&l.r[i], "ActiveState"), "inactive")))
                        (void)strv_add(&names, id);
        }
        (void)strv_addf(&options, "properties=%s", properties);
        return names ? ctl_query("show", names, options, ret) : 0;
}

static int print_list(struct table *t, size_t n, const char *what)
{
        if (opt.output != OUTPUT_TABLE) {
                table_print_json(t);
                return 0;
        }
        table_print(t, !opt.legend_off);
        if (!opt.legend_off)
                printf("\n%zu %s listed.%s\n", n, what,
                        opt.all ? "" : "\nPass --all to see loaded but inactive ones, too.");
        return 0;
}

int verb_list_sockets(const char *verb, char **args)
{
        _cleanup_strv_ char **patterns = mangle_units(args, "socket");
        _cleanup_list_ struct ctl_list l = { 0 };
        struct table t;
        size_t n = 0;

        if (units_of_type(".socket", patterns, "Id,Listen,Triggers", &l) < 0)
                return 1;
        table_init(&t, 3, "LISTEN", "UNIT", "ACTIVATES");
        for (size_t i = 0; i < l.n; i++)
                FOREACH_STR (p, l.r[i].v) {
                        const char *listen = startswith(*p, "Listen=");
                        _cleanup_free_ char *address = listen ? strndup(listen, strcspn(listen, "(")) : NULL;

                        if (!address)
                                continue;
                        table_row(&t, str_strip(address), record_str(&l.r[i], "Id"),
                                record_str(&l.r[i], "Triggers"));
                        n++;
                }
        return print_list(&t, n, "sockets");
}

/* What a unit waits for, and what it starts. */
static int list_triggers(char **args, const char *type, const char *property, const char *heading)
{
        _cleanup_strv_ char **patterns = mangle_units(args, type);
        _cleanup_free_ char *suffix = str_printf(".%s", type),
                            *keys = str_printf("Id,%s,Triggers", property);
        _cleanup_list_ struct ctl_list l = { 0 };
        struct table t;

        if (!suffix || !keys || units_of_type(suffix, patterns, keys, &l) < 0)
                return 1;
        table_init(&t, 3, heading, "UNIT", "ACTIVATES");
        for (size_t i = 0; i < l.n; i++)
                table_row(&t, record_str(&l.r[i], property), record_str(&l.r[i], "Id"),
                        record_str(&l.r[i], "Triggers"));
        return print_list(&t, l.n, streq(type, "path") ? "paths" : "automounts");
}

int verb_list_paths(const char *verb, char **args)
{
        return list_triggers(args, "path", "Paths", "PATH");
}

int verb_list_automounts(const char *verb, char **args)
{
        return list_triggers(args, "automount", "Where", "WHERE");
}

static usec_t stamp(const struct ctl_record *r, const char *key)
{
        const char *s = record_str(r, key);
        int64_t v;

        return *s == '@' && parse_i64(s + 1, &v) >= 0 ? v : 0;
}

static usec_t next_elapse(const struct ctl_record *r)
{
        usec_t real = stamp(r, "NextElapseUSecRealtime"), mono = USEC_INFINITY;

        if (parse_timespan(record_str(r, "NextElapseUSecMonotonic"), 1, &mono) >= 0 && mono > 0 &&
                mono < USEC_INFINITY)
                mono = realtime_offset() + mono;
        else
                mono = USEC_INFINITY;
        return MIN(real ?: USEC_INFINITY, mono);
}

static int by_elapse(const void *a, const void *b)
{
        return CMP(next_elapse(a), next_elapse(b));
}

int verb_list_timers(const char *verb, char **args)
{
        _cleanup_strv_ char **patterns = mangle_units(args, "timer");
        _cleanup_list_ struct ctl_list l = { 0 };
        struct table t;

        if (units_of_type(".timer", patterns,
                    "Id,Unit,NextElapseUSecRealtime,NextElapseUSecMonotonic,LastTriggerUSec", &l) < 0)
                return 1;
        if (l.n > 1)
                qsort(l.r, l.n, sizeof(*l.r), by_elapse);
        table_init(&t, 6, "NEXT", "LEFT", "LAST", "PASSED", "UNIT", "ACTIVATES");
        for (size_t i = 0; i < l.n; i++) {
                usec_t next = next_elapse(&l.r[i]), last = stamp(&l.r[i], "LastTriggerUSec");
                char a[64] = "-", b[96] = "-", c[64] = "-", d[96] = "-";

                if (next < USEC_INFINITY) {
                        format_time(a, sizeof(a), next);
                        format_ago(b, sizeof(b), next);
                }
                if (last > 0) {
                        format_time(c, sizeof(c), last);
                        format_ago(d, sizeof(d), last);
                }
                table_row(&t, a, b, c, d, record_str(&l.r[i], "Id"), record_str(&l.r[i], "Unit"));
        }
        return print_list(&t, l.n, "timers");
}

/* ---- list-dependencies ---- */

struct dep_run {
        struct hash seen;
        char **names; /* keys of seen */
        struct strbuf prefix;
        size_t n;
};

static const char *const forward[] = { "Requires", "Requisite", "Wants", "BindsTo", "ConsistsOf", "Upholds",
        NULL };
static const char *const backward[] = { "RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "PartOf",
        "UpheldBy", NULL };
static const char *const only_after[] = { "After", NULL };
static const char *const only_before[] = { "Before", NULL };

static const char *const *dep_keys(void)
{
        return opt.after ? only_after : opt.before ? only_before : opt.reverse ? backward : forward;
}

static char **deps_of(const char *name, char **ret_state)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        _cleanup_free_ char *keys = strv_join((char *const *)dep_keys(), ",");
        _cleanup_strv_ char **options = NULL;
        char *one[] = { (char *)name, NULL }, **deps = NULL;

        (void)strv_addf(&options, "properties=ActiveState,%s", keys ?: "");
        if (ctl_query("show", one, options, &l) < 0 || l.n == 0)
                return NULL;
        *ret_state = strdup(record_str(&l.r[0], "ActiveState"));
        for (const char *const *k = dep_keys(); *k; k++) {
                _cleanup_strv_ char **v = strv_split(record_str(&l.r[0], *k), " ");

                FOREACH_STR (d, v)
                        (void)strv_add_unique(&deps, *d);
        }
        strv_sort(deps);
        return deps;
}

static void print_dep(struct dep_run *run, const char *name, const char *state, const char *branch)
{
        bool up = streq(state, "active") || streq(state, "reloading");

        if (!opt.plain)
                printf("%s%s%s ",
                        color(up                         ? "green"
                                : streq(state, "failed") ? "red"
                                                         : "off"),
                        up                       ? "●"
                        : streq(state, "failed") ? "×"
                                                 : "○",
                        color("off"));
        printf("%s%s%s\n", opt.plain ? "  " : run->prefix.s ?: "", opt.plain ? "" : branch, name);
}

static void walk_deps(struct dep_run *run, const char *name, const char *branch, int depth)
{
        _cleanup_free_ char *state = NULL;
        _cleanup_strv_ char **deps = deps_of(name, &state);
        size_t n = strv_len(deps), len = run->prefix.len;
        char *key;

        if (depth == 0)
                printf("%s\n", name);
        else
                print_dep(run, name, state ?: "inactive", branch);
        if (hash_get(&run->seen, name) || depth > 60)
                return;
        key = strdup(name);
        if (!key || strv_push(&run->names, key) < 0 || hash_put(&run->seen, key, run) < 0)
                return;
        /* below the first level only targets are opened, unless --all */
        if (depth > 0 && !opt.all && !endswith(name, ".target"))
                return;
        if (depth > 0)
                strbuf_puts(&run->prefix, streq(branch, "└─") ? "  " : "│ ");
        for (size_t i = 0; i < n; i++)
                walk_deps(run, deps[i], i + 1 == n ? "└─" : "├─", depth + 1);
        run->prefix.len = len;
        if (run->prefix.s)
                run->prefix.s[len] = '\0';
}

int verb_list_dependencies(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service");
        struct dep_run run = { 0 };

        if (!names)
                (void)strv_add(&names, "default.target");
        FOREACH_STR (n, names) {
                walk_deps(&run, *n, "", 0);
                hash_done(&run.seen);
                run.seen = (struct hash) { 0 };
        }
        strv_free(run.names);
        strbuf_done(&run.prefix);
        return 0;
}
