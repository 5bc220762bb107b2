/* What a unit's files configured, as properties: the directive table (table.h) says what there is and where it lies,
 * and the parser of a row tells its form, so each form has one printer here. Names and forms are those of
 * org.freedesktop.systemd1(5); a row without a printer has no property of that name, or show.c prints it. */
#include <signal.h>
#include <stdio.h>

#include "config.h"
#include "names.h"
#include "show.h"
#include "types.h"

static void print_boolean(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        if (*(const bool *)v || !rec->raw)
                record_add(rec, key, *(const bool *)v ? "yes" : "no");
}

static void print_inverted(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(const bool *)v ? "no" : "yes");
}

static void print_int(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        int n = *(const int *)v;

        if (n >= 0)
                record_add_u64(rec, key, (uint64_t)n);
        else
                record_addf(rec, key, "%d", n);
}

static void print_signal(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        int n = *(const int *)v;

        if (n == 0 && streq(key, "RestartKillSignal")) /* not set: that of a stop */
                n = ((const struct kill_context *)(const void *)((const char *)v -
                                                                 offsetof(struct kill_context,
                                                                         restart_signal)))
                            ->signal;
        record_addf(rec, key, "%d", n);
}

static void print_u32(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add_u64(rec, key, *(const uint32_t *)v);
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
        struct rlimit usual = { RLIM_INFINITY, RLIM_INFINITY };
        rlim_t value[2];
        char keys[2][64];

        (void)str_concat_to(keys[0], sizeof(keys[0]), key, NULL);
        (void)str_concat_to(keys[1], sizeof(keys[1]), key, "Soft", NULL);
        if (!record_wants(rec, keys[0]) && !record_wants(rec, keys[1]))
                return;
        if (!(c->limits_set & 1u << d->arg)) { /* the manager's own, which it hands down */
                (void)manager_default_limit(client_manager(rec->client), (int)d->arg, &usual);
                l = &usual;
        }
        value[0] = l->rlim_max;
        value[1] = l->rlim_cur;

        for (int soft = 0; soft < 2; soft++)
                if (value[soft] == RLIM_INFINITY && !rec->raw)
                        record_add(rec, keys[soft], "infinity");
                else if (value[soft] != RLIM_INFINITY)
                        record_add_u64(rec, keys[soft], value[soft]);
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

        if (n == UINT64_MAX && !rec->raw)
                record_add(rec, key, "[not set]");
        else if (n != UINT64_MAX)
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
        static const struct exit_set none;
        const struct exit_set *set = v;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (memcmp(set, &none, sizeof(none)) == 0)
                return record_add(rec, key, "");

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
                if ((int)p->kind == (int)d->arg)
                        record_addf(rec, "Paths", "%s (%s)", p->path, d->name);
}

static const struct show_form printers[] = {
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
        { parse_value_set_credential_encrypted, print_strv },
        { parse_value_log_fields, print_strv },
        { parse_value_enum, print_enum },
        { parse_value_service_type, print_enum },
        { parse_value_cpu_policy, print_enum },
        { parse_value_keyring, print_enum },
        { parse_value_enum_or_bool, print_enum_or_bool },
        { parse_value_enum_bool8, print_enum_bool8 },
        { parse_value_std_output, print_output },
        { parse_value_std_input, print_input },
        { parse_value_signal, print_signal },
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

static show_fn printer_of(const struct directive *d)
{
        for (size_t i = 0; d->parse && i < ARRAY_SIZE(printers); i++)
                if (printers[i].form == d->parse)
                        return printers[i].print;
        for (const struct show_form *f = show_forms; d->parse && f->form; f++)
                if (f->form == d->parse)
                        return f->print;
        return NULL;
}

/* What is printed of a directive, found out once. */
struct row {
        show_fn print; /* NULL: nothing */
        char *key;     /* "RestartSec" → "RestartUSec", where the form is a span */
        bool moved;    /* [Unit] has it, too, where it is now */
        bool by_key;   /* under no other key */
        enum record_part part;
};

static void fill_row(struct row *row, const struct directive *d)
{
        static const show_fn other_keys[] = { print_limit, print_quota, print_environment_files,
                print_timers, print_paths };
        show_fn p = printer_of(d);
        bool is_span = p == print_span || d->parse == parse_value_cpu_period;

        if (!p || streq(d->section, "Install") || strv_contains((char *const *)elsewhere, d->name))
                return;
        if (is_span && endswith(d->name, "Sec"))
                row->key = str_printf("%.*sUSec", (int)strlen(d->name) - 3, d->name);
        else
                row->key = (char *)d->name;
        row->moved = !streq(d->section, "Unit") && directive_find(UNIT_SERVICE, "Unit", d->name);
        row->part = streq(d->section, "Unit") ? PART_UNIT : PART_TYPE;
        row->by_key = d->parse != parse_value_io_latency;
        for (size_t i = 0; i < ARRAY_SIZE(other_keys); i++)
                row->by_key &= p != other_keys[i];
        row->print = row->key ? p : NULL;
}

static const struct row *all_rows(void)
{
        static struct row *rows;

        if (rows)
                return rows;
        rows = calloc(n_directives, sizeof(*rows));
        for (size_t i = 0; rows && i < n_directives; i++)
                fill_row(&rows[i], &directives[i]);
        return rows;
}

void show_config(struct record *rec, struct unit *u)
{
        const char *own = directive_own_section(u->type);
        const struct row *rows = all_rows();

        if (!rows)
                rec->failed = true;
        for (size_t i = 0; rows && i < n_directives; i++) {
                const struct directive *d = &directives[i];
                const struct row *row = &rows[i];
                void *v;

                if (!row->print || !record_has_part(rec, row->part) ||
                        (row->by_key && !record_wants(rec, row->key)) ||
                        (row->moved && own && streq(d->section, own)))
                        continue;
                v = directive_target(u, d);
                if (v)
                        row->print(rec, row->key, d, v);
        }
}
