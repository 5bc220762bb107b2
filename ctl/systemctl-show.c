/* show: properties as PID 1 gives them; what only the client knows (the time zone, states of files) is put in here. */
#include "ctl.h"

#include "lib/unitname.h"

/* "@1234" → "Sun 2026-11-22 17:46:16 UTC", also inside ExecStart={ … start_time=[@1234] … }. */
static char *with_times(const char *value)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (const char *p = value; *p;) {
                bool begins = p == value || p[-1] == '[';
                char *end, buf[64];
                long long t;

                if (*p != '@' || !begins) {
                        strbuf_putc(&b, *p++);
                        continue;
                }
                t = strtoll(p + 1, &end, 10);
                if (end == p + 1 || (*end && *end != ']')) {
                        strbuf_putc(&b, *p++);
                        continue;
                }
                strbuf_puts(&b, format_time(buf, sizeof(buf), t));
                p = end;
        }
        return strbuf_take(&b);
}

static bool is_time_property(const char *key)
{
        return endswith(key, "Timestamp") || startswith(key, "Exec") ||
               streq(key, "NextElapseUSecRealtime") || streq(key, "LastTriggerUSec");
}

static void print_property(const char *key, const char *value)
{
        _cleanup_free_ char *times = is_time_property(key) ? with_times(value) : NULL;

        if (times)
                value = times;
        if (!*value && !opt.all && !opt.properties)
                return;
        if (opt.value)
                puts(value);
        else
                printf("%s=%s\n", key, value);
}

/* With -p: in the order in which they were asked for, as systemctl does not promise, but scripts like. */
static void print_record(const struct ctl_record *rec)
{
        FOREACH_STR (s, rec->v) {
                const char *eq = strchr(*s, '=');
                _cleanup_free_ char *key = eq ? strndup(*s, (size_t)(eq - *s)) : NULL;

                if (key)
                        print_property(key, eq + 1);
        }
}

struct show_run {
        size_t n;
        struct strbuf json;
};

static void add_file_state(const struct ctl_record *rec, char ***v)
{
        const char *id = record_get(rec, "Id"), *path = record_get(rec, "FragmentPath");

        if (id && path && *path && !record_get(rec, "UnitFileState")) {
                (void)strv_addf(v, "UnitFileState=%s", unit_file_state(NULL, id));
                (void)strv_add(v, "UnitFilePreset=");
        }
}

static void on_record(const struct ctl_record *rec, void *data)
{
        _cleanup_strv_ char **v = strv_copy(rec->v);
        struct show_run *run = data;
        struct ctl_record full = { 0 };

        add_file_state(rec, &v);
        full.v = v;
        if (opt.properties)
                for (size_t i = 0, k = 0; v; i++) {
                        _cleanup_free_ char *key = v[i] ? strndup(v[i], strcspn(v[i], "=")) : NULL;

                        if (!v[i]) {
                                v[k] = NULL;
                                break;
                        }
                        if (key && strv_contains(opt.properties, key))
                                v[k++] = v[i];
                        else
                                free(v[i]);
                }
        if (opt.output != OUTPUT_TABLE) {
                strbuf_puts(&run->json, run->n++ ? "," : "");
                json_record(&run->json, &full);
                return;
        }
        if (run->n++)
                putchar('\n');
        print_record(&full);
}

/* Only what is wanted is asked for; Id and FragmentPath come along where a file's state is wanted. */
static char **show_options(void)
{
        _cleanup_free_ char *all = opt.properties ? strv_join(opt.properties, ",") : NULL;
        char **v = NULL;

        if (all)
                (void)strv_addf(&v, "properties=%s%s", all,
                        strv_contains(opt.properties, "UnitFileState") ? ",Id,FragmentPath" : "");
        return v;
}

static void keep_unit(const struct ctl_record *rec, void *data)
{
        (void)strv_add(data, record_str(rec, "Id"));
}

/* Numbers are processes, patterns are loaded units. */
char **units_of_arguments(char **args, int *ret_error)
{
        _cleanup_strv_ char **mangled = mangle_units(args, "service");
        _cleanup_list_ struct ctl_list l = { 0 };
        char **v = NULL;
        uint32_t pid;

        for (size_t i = 0; args && args[i]; i++) {
                if (parse_u32(args[i], &pid) >= 0 && pid > 0) {
                        struct ctl_call c = { .verb = "pid-of",
                                .args = (char *[]) { args[i], NULL },
                                .record = keep_unit,
                                .data = &v };
                        int r = ctl_call_or_say(&c, "find the unit of the process");

                        free(c.error);
                        if (r < 0)
                                *ret_error = r;
                        continue;
                }
                if (!is_pattern(mangled[i])) {
                        (void)strv_add(&v, mangled[i]);
                        continue;
                }
                if (l.n == 0 && (*ret_error = ctl_query("list-units", NULL, NULL, &l)) < 0)
                        return v;
                for (size_t k = 0; k < l.n; k++)
                        if (match_any((char *[]) { mangled[i], NULL }, record_str(&l.r[k], "Id")) &&
                                unit_is_asked_for(&l.r[k]))
                                (void)strv_add_unique(&v, record_str(&l.r[k], "Id"));
        }
        return v;
}

static char *job_unit(const char *number)
{
        _cleanup_list_ struct ctl_list l = { 0 };

        if (ctl_query("list-jobs", NULL, NULL, &l) < 0)
                return NULL;
        for (size_t i = 0; i < l.n; i++)
                if (streq(record_str(&l.r[i], "Job"), number))
                        return strdup(record_str(&l.r[i], "Unit"));
        return NULL;
}

int verb_show(const char *verb, char **args)
{
        _cleanup_strv_ char **options = show_options(), **units = NULL;
        struct show_run run = { 0 };
        struct ctl_call c = { .verb = "show", .options = options, .record = on_record, .data = &run };
        uint32_t id;
        int r = 0, error = 0;

        if ((!args || !*args) && (opt.types || opt.states))
                args = (char **)every_unit;
        FOREACH_STR (a, args) {
                char *one[] = { *a, NULL };
                _cleanup_strv_ char **some = NULL;
                char *unit = parse_u32(*a, &id) >= 0 ? job_unit(*a)
                                                     : NULL; /* a number is a job, else a process */

                if (unit)
                        (void)strv_push(&some, unit);
                else
                        some = units_of_arguments(one, &error);
                (void)strv_extend(&units, some);
        }
        if (error < 0)
                return 1;
        if (opt.output != OUTPUT_TABLE)
                strbuf_putc(&run.json, '[');
        if (!args || !*args || units) {
                c.args = units;
                r = ctl_call_or_say(&c, "get properties");
                free(c.error);
        }
        if (opt.output != OUTPUT_TABLE)
                printf("%s]\n", run.json.s ?: "");
        strbuf_done(&run.json);
        return r < 0;
}
