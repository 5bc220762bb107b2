/* What a unit's files configured, as properties: the directive table (table.h) says what there is and where it lies,
 * and the parser of a row tells its form, so each form has one printer here. Names and forms are those of
 * org.freedesktop.systemd1(5); a row without a printer has no property of that name, or show.c prints it. */
#include <signal.h>
#include <stdio.h>

#include "control.h"
#include "names.h"
#include "parse.h"
#include "types.h"

typedef void (*printer)(struct record *rec, const char *key, const struct directive *d, const void *v);

static void print_boolean(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(const bool *)v ? "yes" : "no");
}

static void print_inverted(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(const bool *)v ? "no" : "yes");
}

static void print_int(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%d", *(const int *)v);
}

static void print_u32(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%u", *(const uint32_t *)v);
}

static void print_mode(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        mode_t m = *(const mode_t *)v;

        record_addf(rec, key, "%04o", m == (mode_t)-1 ? 022 : m);
}

static void print_span(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        char buf[64];

        record_add(rec, key, format_timespan(buf, sizeof(buf), *(const usec_t *)v, 1));
}

static void print_string(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(char *const *)v);
}

static void print_strv(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        char *const *list = *(char ***const)v;
        _cleanup_free_ char *s = NULL;

        if (rec->raw) {
                FOREACH_STR (word, list)
                        record_add(rec, key, *word);
                return;
        }
        s = list ? strv_join(list, " ") : NULL;
        record_add(rec, key, s);
}

static void print_enum(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, name_of((const struct name_row *)d->arg, *(const int *)v));
}

static void print_enum_or_bool(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        int n = *(const int *)v;

        record_add(rec, key, name_of((const struct name_row *)d->arg, n) ?: n ? "yes" : "no");
}

static void print_enum_bool8(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, name_of((const struct name_row *)d->arg, *(const bool *)v));
}

static void print_output(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, name_of(names_exec_output, *(const enum exec_output *)v) ?: "inherit");
}

static void print_input(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, name_of(names_exec_input, *(const enum exec_input *)v));
}

static void print_limit(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        /* the row's offset is that of the array */
        const struct rlimit *l = (const struct rlimit *)v + d->arg;
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, limits));
        rlim_t value[2] = { l->rlim_max, l->rlim_cur };

        for (int soft = 0; soft < 2; soft++) {
                char k[64];

                snprintf(k, sizeof(k), "%s%s", key, soft ? "Soft" : "");
                if (!(c->limits_set & 1u << d->arg))
                        record_add(rec, k, "[not set]");
                else if (value[soft] == RLIM_INFINITY)
                        record_add(rec, k, "infinity");
                else
                        record_add_u64(rec, k, value[soft]);
        }
}

static void print_directories(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_directory *dir = v;

        print_strv(rec, key, d, &dir->paths);
}

static void print_environment_files(
        struct record *rec, const char *key, const struct directive *d, const void *v)
{
        FOREACH_STR (f, *(char ***const)v)
                record_addf(rec, "EnvironmentFiles", "%s (ignore_errors=%s)", **f == '-' ? *f + 1 : *f,
                        **f == '-' ? "yes" : "no");
}

static void print_working_directory(
        struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, working_directory));

        record_addf(
                rec, key, "%s%s", c->working_directory_missing_ok ? "!" : "", c->working_directory ?: "");
}

static void print_capabilities(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        uint64_t caps = *(const uint64_t *)v;

        if (rec->raw) {
                record_add_u64(rec, key, caps);
                return;
        }
        for (const struct name_row *n = names_capability; n->name; n++)
                if (n->value < 64 && caps >> n->value & 1)
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", n->name);
        record_add(rec, key, b.s);
}

/* UINT64_MAX: not set; one less: infinity. What a limit means that was not set depends on its kind. */
static void print_amount(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        uint64_t n = *(const uint64_t *)v;

        if (n == UINT64_MAX && (endswith(key, "Min") || endswith(key, "Low")))
                record_add(rec, key, "0");
        else if (n == UINT64_MAX || n == UINT64_MAX - 1)
                record_add(rec, key, "infinity");
        else
                record_add_u64(rec, key, n);
}

static void print_weight(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        uint64_t n = *(const uint64_t *)v;

        if (n == UINT64_MAX)
                record_add(rec, key, "[not set]");
        else
                record_add_u64(rec, key, n);
}

static void print_quota(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        uint64_t n = *(const uint64_t *)v;
        char buf[64];

        record_add(rec, "CPUQuotaPerSecUSec",
                n >= UINT64_MAX - 1 ? "infinity" : format_timespan(buf, sizeof(buf), (usec_t)n, 1));
}

static void print_commands(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        show_command(rec, key, *(struct exec_command *const *)v);
}

static void print_exit_set(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exit_set *set = v;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (unsigned i = 0; i < 256; i++)
                if (bit_get(set->codes, i))
                        strbuf_printf(&b, "%s%u", b.len ? " " : "", i);
        for (unsigned i = 1; i < 8 * sizeof(set->signals); i++)
                if (bit_get(set->signals, i))
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", signal_name((int)i) ?: "?");
        record_add(rec, key, b.s);
}

static void print_timers(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        char buf[64];

        for (const struct timer_value *t = *(struct timer_value *const *)v; t; t = t->next) {
                if (t->base == TIMER_CALENDAR && d->parse == parse_value_calendar)
                        record_addf(rec, "TimersCalendar", "{ OnCalendar=%s }", t->calendar ?: "");
                else if (t->base != TIMER_CALENDAR && d->parse == parse_value_timer &&
                         (intptr_t)t->base == d->arg)
                        record_addf(rec, "TimersMonotonic", "{ %.*sUSec=%s }", (int)strlen(key) - 4, key,
                                format_timespan(buf, sizeof(buf), t->value, 1));
        }
}

static void print_paths(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        for (const struct path_spec *p = *(struct path_spec *const *)v; p; p = p->next)
                if (p->kind == (int)d->arg)
                        record_addf(rec, "Paths", "%s (%s)", p->path, d->name);
}

static const struct {
        parse_fn form;
        printer print;
} printers[] = {
        { parse_value_boolean, print_boolean },
        { parse_value_boolean_inverted, print_inverted },
        { parse_value_int, print_int },
        { parse_value_u32, print_u32 },
        { parse_value_mode, print_mode },
        { parse_value_sec, print_span },
        { parse_value_sec_zero_infinite, print_span },
        { parse_value_timeout_start, print_span },
        { parse_value_timeout_stop, print_span },
        { parse_value_timeout_abort, print_span },
        { parse_value_runtime_max, print_span },
        { parse_value_job_timeout, print_span },
        { parse_value_cpu_period, print_amount },
        { parse_value_string, print_string },
        { parse_value_string_raw, print_string },
        { parse_value_path, print_string },
        { parse_value_path_or_empty, print_string },
        { parse_value_user, print_string },
        { parse_value_bus_name, print_string },
        { parse_value_pid_file, print_string },
        { parse_value_apparmor, print_string },
        { parse_value_fd_name, print_string },
        { parse_value_cpu_list, print_string },
        { parse_value_utmp_id, print_string },
        { parse_value_strv, print_strv },
        { parse_value_words, print_strv },
        { parse_value_paths, print_strv },
        { parse_value_paths_colon, print_strv },
        { parse_value_groups, print_strv },
        { parse_value_environment, print_strv },
        { parse_value_variable_names, print_strv },
        { parse_value_access_paths, print_strv },
        { parse_value_temporary_fs, print_strv },
        { parse_value_architectures, print_strv },
        { parse_value_device_allow, print_strv },
        { parse_value_addresses, print_strv },
        { parse_value_load_credential, print_strv },
        { parse_value_log_fields, print_strv },
        { parse_value_enum, print_enum },
        { parse_value_service_type, print_enum },
        { parse_value_cpu_policy, print_enum },
        { parse_value_keyring, print_enum },
        { parse_value_enum_or_bool, print_enum_or_bool },
        { parse_value_enum_bool8, print_enum_bool8 },
        { parse_value_std_output, print_output },
        { parse_value_std_input, print_input },
        { parse_value_signal, print_int },
        { parse_value_nice, print_int },
        { parse_value_oom_score, print_int },
        { parse_value_cpu_priority, print_int },
        { parse_value_rlimit, print_limit },
        { parse_value_directories, print_directories },
        { parse_value_environment_file, print_environment_files },
        { parse_value_working_directory, print_working_directory },
        { parse_value_capabilities, print_capabilities },
        { parse_value_memory, print_amount },
        { parse_value_tasks_max, print_amount },
        { parse_value_weight, print_weight },
        { parse_value_cpu_weight, print_weight },
        { parse_value_cpu_quota, print_quota },
        { parse_value_delegate, print_boolean },
        { parse_value_exec, print_commands },
        { parse_value_exit_set, print_exit_set },
        { parse_value_timer, print_timers },
        { parse_value_calendar, print_timers },
        { parse_value_path_spec, print_paths },
};

/* Printed by show.c out of live state, or old names of other rows. */
static const char *const elsewhere[] = { "Description", "Documentation", "SourcePath", "RequiresMountsFor",
        "What", "Where", "Options", "Unit", "StartLimitInterval", "ReadWriteDirectories",
        "ReadOnlyDirectories", "InaccessibleDirectories", "MemoryLimit", "FileDescriptorStoreMax",
        "OnFailureIsolate", "CPUShares", "BlockIOWeight", NULL };

/* "RestartSec" → "RestartUSec", where the form is a span. */
static const char *property_name(const struct directive *d, printer p, char *buf, size_t n)
{
        size_t len = strlen(d->name);

        if ((p == print_span || d->parse == parse_value_cpu_period) && endswith(d->name, "Sec"))
                snprintf(buf, n, "%.*sUSec", (int)len - 3, d->name);
        else
                snprintf(buf, n, "%s", d->name);
        return buf;
}

static printer printer_of(const struct directive *d)
{
        for (size_t i = 0; d->parse && i < ARRAY_SIZE(printers); i++)
                if (printers[i].form == d->parse)
                        return printers[i].print;
        return NULL;
}

void show_config(struct record *rec, struct unit *u)
{
        for (size_t i = 0; i < n_directives; i++) {
                const struct directive *d = &directives[i];
                const char *own = directive_own_section(u->type);
                printer p = printer_of(d);
                char key[80];
                void *v;

                if (!p || streq(d->section, "Install") || strv_contains((char *const *)elsewhere, d->name))
                        continue;
                /* names that moved to [Unit] are there a second time */
                if (!streq(d->section, "Unit") && own && streq(d->section, own) &&
                        directive_find(u->type, "Unit", d->name))
                        continue;
                v = directive_target(u, d);
                if (v)
                        p(rec, property_name(d, p, key, sizeof(key)), d, v);
        }
}
