/* start, stop and the rest that queues jobs; kill, cancel, reset-failed, reload of the manager. */
#include "ctl.h"

struct job_run {
        const char *verb;
        int status;
        bool reload_said;
        char **started; /* for a hint at the end */
};

static int status_of_error(int err)
{
        switch (err) {
        case ENOENT: return 5;
        case EOPNOTSUPP: return 3; /* a reload of what has none */
        case EACCES:
        case EPERM: return 4;
        default: return 1;
        }
}

static void say_result(struct job_run *run, const char *unit, const char *result)
{
        static const struct {
                const char *result, *text;
        } texts[] = {
                { "timeout", "Job for %s timed out.\n" },
                { "canceled", "Job for %s canceled.\n" },
                { "dependency", "A dependency job for %s failed. See 'journalctl -xe' for details.\n" },
                { "invalid", "%s is not active, cannot reload.\n" },
                { "assert", "Assertion failed on job for %s.\n" },
                { "unsupported", "Operation on or unit type of %s not supported on this system.\n" },
                { "once", "Unit %s was started already once and can't be started again.\n" },
                { "failed", "Job for %s failed.\nSee \"systemctl status %s\" and \"journalctl -xeu %s\" for "
                            "details.\n" },
        };

        if (streq(result, "done") || streq(result, "skipped"))
                return;
        if (run->status == 0)
                run->status = 1;
        for (size_t i = 0; !opt.quiet && i < ARRAY_SIZE(texts); i++)
                if (streq(texts[i].result, result))
                        fprintf(stderr, texts[i].text, unit, unit, unit);
}

static void on_record(const struct ctl_record *rec, void *data)
{
        struct job_run *run = data;
        const char *unit = record_str(rec, "Unit"), *result = record_get(rec, "Result");
        uint64_t err = record_u64(rec, "Error");

        if (err) {
                fprintf(stderr, "Failed to %s %s: %s\n", run->verb, unit, record_str(rec, "Message"));
                run->status = status_of_error((int)err);
                return;
        }
        if (streq(record_str(rec, "NeedDaemonReload"), "yes") && !run->reload_said && !opt.quiet) {
                run->reload_said = true;
                fprintf(stderr,
                        "Warning: The unit file, source configuration file or drop-ins of %s changed on "
                        "disk. Run "
                        "'systemctl daemon-reload' to reload units.\n",
                        unit);
        }
        if (result)
                say_result(run, unit, result);
}

/* Patterns stand for units that are loaded. */
static char **expand_patterns(char **names)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        char **v = NULL;

        FOREACH_STR (n, names) {
                if (!is_pattern(*n)) {
                        (void)strv_add_unique(&v, *n);
                        continue;
                }
                if (l.n == 0 && ctl_query("list-units", NULL, NULL, &l) < 0)
                        return v;
                for (size_t i = 0; i < l.n; i++)
                        if (match_any((char *[]) { *n, NULL }, record_str(&l.r[i], "Id")) &&
                                (opt.all || !streq(record_str(&l.r[i], "ActiveState"), "inactive")))
                                (void)strv_add_unique(&v, record_str(&l.r[i], "Id"));
        }
        return v;
}

int verb_job(const char *verb, char **args)
{
        _cleanup_strv_ char **mangled = mangle_units(args, streq(verb, "isolate") ? "target" : "service"),
                            **options = NULL, **names = expand_patterns(mangled);
        struct job_run run = { .verb = verb };
        struct ctl_call c = { .args = names, .record = on_record, .data = &run };
        int r;

        if (opt.marked ? names != NULL || !streq(verb, "reload-or-restart") : !args || !*args) {
                fprintf(stderr, opt.marked ? "--marked goes with reload-or-restart and no unit.\n"
                                           : "Too few arguments.\n");
                return 1;
        }
        c.verb = opt.marked                    ? "enqueue-marked"
                 : streq(verb, "condrestart")  ? "try-restart"
                 : streq(verb, "force-reload") ? "reload-or-restart"
                                               : verb;
        if (!names && !opt.marked)
                return 0; /* patterns that match nothing */
        if (!opt.no_block)
                (void)strv_add(&options, "wait");
        if (opt.mode)
                (void)strv_addf(&options, "mode=%s", opt.mode);
        c.options = options;
        r = ctl_call(&c);
        if (r < 0 && run.status == 0) {
                c.error = c.error ?: strdup(r == -EACCES ? "Access denied" : strerror(-r));
                fprintf(stderr, "Failed to %s %s: %s\n", verb, names ? names[0] : "what is marked",
                        c.error ?: "");
                run.status = status_of_error(-r);
        }
        free(c.error);
        return run.status;
}

int verb_kill(const char *verb, char **args)
{
        _cleanup_strv_ char **mangled = mangle_units(args, "service"), **options = NULL,
                            **names = expand_patterns(mangled);
        struct job_run run = { .verb = verb };
        struct ctl_call c = { .verb = "kill", .args = names, .record = on_record, .data = &run };
        int r;

        if (opt.signal)
                (void)strv_addf(&options, "signal=%s", opt.signal);
        if (opt.who)
                (void)strv_addf(&options, "who=%s", opt.who);
        c.options = options;
        r = ctl_call(&c);
        if (r < 0 && run.status == 0)
                fprintf(stderr, "Failed to kill: %s\n", c.error ?: strerror(-r));
        free(c.error);
        return r < 0 ? 1 : 0;
}

static int pass_on(const char *verb, char **args)
{
        struct ctl_call c = { .verb = verb, .args = args };
        _cleanup_free_ char *what = strdup(streq(verb, "daemon-reload") ? "reload daemon" : verb);
        int r = ctl_call_or_say(&c, what ?: verb);

        free(c.error);
        return r < 0 ? (r == -EACCES ? 4 : 1) : 0;
}

int verb_set_property(const char *verb, char **args)
{
        _cleanup_strv_ char **all = NULL;
        char *first[] = { args[0], NULL };
        static char *runtime[] = { (char *)"runtime", NULL };
        struct ctl_call c = { .verb = verb, .options = opt.runtime ? runtime : NULL };
        int r;

        all = mangle_units(first, "service");
        if (!all || strv_extend(&all, args + 1) < 0)
                return 1;
        c.args = all;
        r = ctl_call(&c);
        if (r < 0)
                fprintf(stderr, "Failed to set unit properties on %s: %s\n", all[0],
                        c.error ?: strerror(-r));
        free(c.error);
        return r < 0;
}

int verb_freeze(const char *verb, char **args)
{
        _cleanup_strv_ char **mangled = mangle_units(args, "service"), **names = expand_patterns(mangled);

        return names ? pass_on(verb, names) : 0;
}

int verb_simple(const char *verb, char **args)
{
        return pass_on(verb, args);
}
int verb_cancel(const char *verb, char **args)
{
        return pass_on(verb, args);
}

int verb_reset_failed(const char *verb, char **args)
{
        _cleanup_strv_ char **mangled = mangle_units(args, "service"), **names = expand_patterns(mangled);

        if (args && *args && !names)
                return 0;
        return pass_on(verb, names);
}

static void print_environment(const struct ctl_record *rec, void *data)
{
        puts(record_str(rec, "Environment"));
}

int verb_environment(const char *verb, char **args)
{
        struct ctl_call c = { .verb = verb, .args = args, .record = print_environment };
        int r = ctl_call_or_say(&c, "access the environment");

        free(c.error);
        return r < 0;
}

int verb_import_environment(const char *verb, char **args)
{
        _cleanup_strv_ char **all = NULL;

        for (char **e = environ; *e; e++) {
                _cleanup_free_ char *name = strndup(*e, strcspn(*e, "="));

                if (name && (!*args || strv_contains(args, name)) && strv_add(&all, *e) < 0)
                        return 1;
        }
        FOREACH_STR (n, args)
                if (!getenv(*n))
                        fprintf(stderr, "Environment variable $%s not set, ignoring.\n", *n);
        return all ? verb_environment("set-environment", all) : 0;
}

static bool all_cleaned(char *const *names)
{
        char *keys[] = { (char *)"property=Id", (char *)"property=CleanResult", NULL };
        _cleanup_list_ struct ctl_list l = { 0 };
        bool good = true;

        if (ctl_query("show", names, keys, &l) < 0)
                return false;
        for (size_t i = 0; i < l.n; i++) {
                const char *result = record_str(&l.r[i], "CleanResult");

                if (streq(result, "success"))
                        continue;
                fprintf(stderr, "Cleaning of %s was not completed: %s\n", record_str(&l.r[i], "Id"), result);
                good = false;
        }
        return good;
}

int verb_clean(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service"), **options = NULL;
        struct ctl_call c = { .verb = verb, .args = names };
        int r;

        FOREACH_STR (w, opt.what)
                (void)strv_addf(&options, "what=%s", *w);
        if (opt.no_block)
                (void)strv_add(&options, "no-wait");
        c.options = options;
        r = ctl_call(&c);
        if (r < 0)
                fprintf(stderr, "Failed to clean unit: %s\n", c.error ?: strerror(-r));
        free(c.error);
        return r < 0 || (!opt.no_block && !all_cleaned(names));
}

static void print_level(const struct ctl_record *rec, void *data)
{
        if (!data)
                puts(record_str(rec, "LogLevel"));
}

int verb_log_level(const char *verb, char **args)
{
        struct ctl_call c = {
                .verb = verb, .args = args, .record = print_level, .data = args ? *args : NULL
        };
        int r = ctl_call_or_say(&c, "access the log level");

        free(c.error);
        return r < 0;
}

static bool print_event(const char *event, const struct ctl_record *rec, void *data)
{
        _cleanup_free_ char *s = strv_join(rec->v, " ");

        if (!event)
                return true;
        printf("%s %s\n", event, s ?: "");
        fflush(stdout);
        return true;
}

int verb_events(const char *verb, char **args)
{
        int r = ctl_events(print_event, NULL);

        if (r < 0)
                fprintf(stderr, "Failed to watch: %s\n", strerror(-r));
        return r < 0;
}
