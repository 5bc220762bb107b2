/* list-units and list-jobs, is-active and its kin: what is asked of states. */
#include "ctl.h"

#include "lib/unitname.h"

const char *const every_unit[] = { "*", NULL };

static bool in_list(char *const *v, const char *s)
{
        return strv_contains(v, s);
}

static bool type_wanted(const char *id)
{
        int t = unit_type_from_name(id);

        return !opt.types || (t >= 0 && in_list(opt.types, unit_type_to_string((enum unit_type)t)));
}

static bool state_wanted(const struct ctl_record *u)
{
        const char *load = record_str(u, "LoadState"), *active = record_str(u, "ActiveState");

        /* --type= also takes load and active states */
        if (opt.states)
                return in_list(opt.states, load) || in_list(opt.states, active) ||
                       in_list(opt.states, record_str(u, "SubState"));
        if (opt.all)
                return true;
        return record_get(u, "Job") ||
               !(streq(active, "inactive") || (streq(load, "not-found") && streq(active, "inactive")));
}

/* What -t and --state= leave of units that were named by patterns. */
bool unit_is_asked_for(const struct ctl_record *u)
{
        return type_wanted(record_str(u, "Id")) && (!opt.states || state_wanted(u));
}

static void print_units_legend(size_t n)
{
        printf("\nLOAD   = Reflects whether the unit definition was properly loaded.\n"
               "ACTIVE = The high-level unit activation state, i.e. generalization of SUB.\n"
               "SUB    = The low-level unit activation state, values depend on unit type.\n"
               "%zu loaded units listed.%s\n",
                n, opt.all ? "" : " Pass --all to see loaded but inactive units, too.");
        if (!opt.all)
                puts("To show all installed unit files use 'systemctl list-unit-files'.");
}

static const char *mark_of(const struct ctl_record *u)
{
        if (streq(record_str(u, "ActiveState"), "failed") ||
                streq(record_str(u, "LoadState"), "not-found") ||
                streq(record_str(u, "LoadState"), "bad-setting") ||
                streq(record_str(u, "LoadState"), "error"))
                return "●";
        return streq(record_str(u, "LoadState"), "masked") ? "○" : " ";
}

static void print_units_json(const struct ctl_list *l, char *const *patterns)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        static const struct {
                const char *json, *key;
        } keys[] = { { "unit", "Id" }, { "load", "LoadState" }, { "active", "ActiveState" },
                { "sub", "SubState" }, { "description", "Description" } };
        size_t n = 0;

        strbuf_putc(&b, '[');
        for (size_t i = 0; i < l->n; i++) {
                const char *id = record_str(&l->r[i], "Id");

                if (!type_wanted(id) || !state_wanted(&l->r[i]) || !match_any(patterns, id))
                        continue;
                strbuf_puts(&b, n++ ? ",{" : "{");
                for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
                        strbuf_printf(&b, "%s\"%s\":", k ? "," : "", keys[k].json);
                        json_string(&b, record_str(&l->r[i], keys[k].key));
                }
                strbuf_putc(&b, '}');
        }
        strbuf_puts(&b, "]\n");
        fputs(b.s ?: "", stdout);
}

int verb_list_units(const char *verb, char **args)
{
        _cleanup_strv_ char **patterns = mangle_units(args, "service");
        _cleanup_list_ struct ctl_list l = { 0 };
        bool marks = !opt.plain;
        struct table t;
        size_t n = 0;

        if (ctl_query("list-units", NULL, NULL, &l) < 0)
                return 1;
        if (opt.output != OUTPUT_TABLE) {
                print_units_json(&l, patterns);
                return 0;
        }
        table_init(&t, 5, marks ? "  UNIT" : "UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION");
        for (size_t i = 0; i < l.n; i++) {
                const struct ctl_record *u = &l.r[i];
                const char *id = record_str(u, "Id");
                _cleanup_free_ char *first = NULL;

                if (!type_wanted(id) || !state_wanted(u) || !match_any(patterns, id))
                        continue;
                first = marks ? str_printf("%s %s", mark_of(u), id) : strdup(id);
                table_row(&t, first, record_str(u, "LoadState"), record_str(u, "ActiveState"),
                        record_str(u, "SubState"), record_str(u, "Description"));
                n++;
        }
        table_print(&t, !opt.legend_off && n > 0);
        if (!opt.legend_off && n > 0)
                print_units_legend(n);
        else if (!opt.legend_off)
                puts("0 loaded units listed.");
        return 0;
}

int verb_list_jobs(const char *verb, char **args)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        struct table t;

        if (ctl_query("list-jobs", NULL, NULL, &l) < 0)
                return 1;
        if (l.n == 0 && opt.output == OUTPUT_TABLE) {
                if (!opt.legend_off)
                        puts("No jobs running.");
                return 0;
        }
        table_init(&t, 5, "JOB", "UNIT", "TYPE", "STATE", "WAITS FOR");
        for (size_t i = 0; i < l.n; i++) {
                const struct ctl_record *j = &l.r[i];

                if (match_any(args, record_str(j, "Unit")))
                        table_row(&t, record_str(j, "Job"), record_str(j, "Unit"), record_str(j, "Type"),
                                record_str(j, "State"), record_str(j, "WaitsFor"));
        }
        if (opt.output != OUTPUT_TABLE) {
                table_print_json(&t);
                return 0;
        }
        table_print(&t, !opt.legend_off);
        if (!opt.legend_off)
                printf("\n%zu jobs listed.\n", l.n);
        return 0;
}

/* ---- is-active, is-failed, is-system-running ---- */

/* Names; patterns are looked up among the loaded units. */
static int states_of(char **args, struct ctl_list *ret)
{
        _cleanup_strv_ char **names = mangle_units(args, "service"), **all = NULL;
        _cleanup_list_ struct ctl_list units = { 0 };

        FOREACH_STR (n, names) {
                if (!is_pattern(*n)) {
                        (void)strv_add(&all, *n);
                        continue;
                }
                if (units.n == 0 && ctl_query("list-units", NULL, NULL, &units) < 0)
                        return -EIO;
                for (size_t i = 0; i < units.n; i++)
                        if (match_any((char *[]) { *n, NULL }, record_str(&units.r[i], "Id")))
                                (void)strv_add(&all, record_str(&units.r[i], "Id"));
        }
        return all ? ctl_query("is-active", all, NULL, ret) : 0;
}

static int print_states(char **args, const char *const *good, int status_none)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        bool found = false, known = false;

        if (states_of(args, &l) < 0)
                return 1;
        for (size_t i = 0; i < l.n; i++) {
                const char *s = record_str(&l.r[i], "ActiveState");

                found |= strv_contains((char *const *)good, s);
                known |= !streq(record_str(&l.r[i], "LoadState"), "not-found");
                if (!opt.quiet)
                        puts(s);
        }
        return found ? 0 : known || status_none != 3 ? status_none : 4;
}

int verb_is_active(const char *verb, char **args)
{
        return print_states(args, (const char *const[]) { "active", "reloading", NULL }, 3);
}

int verb_is_failed(const char *verb, char **args)
{
        return print_states(args, (const char *const[]) { "failed", NULL }, 1);
}

static int system_state(char **ret)
{
        char *only[] = { (char *)"properties=SystemState", NULL };
        _cleanup_list_ struct ctl_list l = { 0 };

        if (ctl_query("show", NULL, only, &l) < 0 || l.n == 0)
                return -ENOTCONN;
        return str_replace(ret, record_str(&l.r[0], "SystemState"));
}

/* Each event is a reason to ask again; the first time, events are told already, so the end of the boot is not missed. */
static bool boot_goes_on(const char *event, const struct ctl_record *rec, void *data)
{
        char **state = data;

        return system_state(state) >= 0 && (streq(*state, "starting") || streq(*state, "initializing"));
}

int verb_is_system_running(const char *verb, char **args)
{
        _cleanup_free_ char *state = NULL;

        if (opt.wait)
                (void)ctl_events(boot_goes_on, &state);
        else
                (void)system_state(&state);
        if (!opt.quiet)
                puts(state ?: "offline");
        return streq_null(state, "running") ? 0 : 1;
}
