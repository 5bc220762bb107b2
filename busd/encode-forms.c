/* Properties with a form of their own: commands, conditions, exit codes, sockets, timers, sets of processors … */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "busd.h"
#include "ctl/install.h"

#include "lib/id128.h"

/* Runs one(m, value) for every value of the key, in an array. */
static int each(sd_bus_message *m, const struct property *p, const struct ctl_record *rec, const char *key,
        int (*one)(sd_bus_message *m, const char *value))
{
        int r = sd_bus_message_open_container(m, 'a', p->signature + 1);

        CTL_RECORD_FOREACH(v, rec, key)
        if (r >= 0)
                r = one(m, v);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- commands: `PATH FLAGS START STOP PID CODE STATUS ARG…`, each a quoted word ---- */

struct command {
        char **words;
        uint64_t start, stop;
        uint32_t pid;
        int code, status;
};

static uint64_t monotonic(uint64_t realtime)
{
        return realtime ? realtime - (uint64_t)MIN((usec_t)realtime, encode_offset()) : 0;
}

static int read_command(const char *value, struct command *c)
{
        int r = str_split_quoted(value, WORD_CUNESCAPE | WORD_RELAX, &c->words);

        if (r < 0)
                return r;
        if (strv_len(c->words) < 7)
                return -EBADMSG;
        (void)parse_u64(c->words[2], &c->start);
        (void)parse_u64(c->words[3], &c->stop);
        (void)parse_u32(c->words[4], &c->pid);
        (void)parse_int(c->words[5], &c->code);
        (void)parse_int(c->words[6], &c->status);
        return 0;
}

static int append_strv(sd_bus_message *m, char *const *v)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        FOREACH_STR (s, v)
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', utf8_valid(*s, strlen(*s)) ? *s : "");
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static const struct {
        char flag;
        const char *word;
} command_flags[] = {
        { '-', "ignore-failure" },
        { '+', "privileged" },
        { '!', "no-setuid" },
        { '^', "ambient" }, /* "!!" */
        { ':', "no-env-expand" },
};

static int append_flags(sd_bus_message *m, const char *flags)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t i = 0; i < ARRAY_SIZE(command_flags); i++)
                if (r >= 0 && strchr(flags, command_flags[i].flag))
                        r = sd_bus_message_append_basic(m, 's', command_flags[i].word);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int one_command(sd_bus_message *m, const char *value, bool extended)
{
        struct command c = { 0 };
        int r = read_command(value, &c);

        if (r >= 0) {
                r = sd_bus_message_open_container(m, 'r', extended ? "sasasttttuii" : "sasbttttuii");
                if (r >= 0)
                        r = sd_bus_message_append_basic(
                                m, 's', utf8_valid(c.words[0], strlen(c.words[0])) ? c.words[0] : "");
                if (r >= 0)
                        r = append_strv(m, c.words + 7);
                if (r >= 0)
                        r = extended ? append_flags(m, c.words[1])
                                     : sd_bus_message_append(m, "b", strchr(c.words[1], '-') != NULL);
                if (r >= 0)
                        r = sd_bus_message_append(m, "ttttuii", c.start, monotonic(c.start), c.stop,
                                monotonic(c.stop), c.pid, c.code, c.status);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        } else {
                log_debug("A command could not be read: %s", value);
                r = 0;
        }
        strv_free(c.words);
        return r;
}

static int plain_command(sd_bus_message *m, const char *value)
{
        return one_command(m, value, false);
}

static int extended_command(sd_bus_message *m, const char *value)
{
        return one_command(m, value, true);
}

static int form_commands(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, plain_command);
}

static int form_commands_ex(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        char key[64];

        snprintf(key, sizeof(key), "%.*s", (int)strlen(p->name) - 2, p->name);
        return each(m, p, rec, key, extended_command);
}

/* ---- conditions: `NAME TRIGGER NEGATE RESULT PARAMETER` ---- */

static int one_condition(sd_bus_message *m, const char *value)
{
        int trigger, negate, result, at = 0;
        char name[64];

        if (sscanf(value, "%63s %d %d %d %n", name, &trigger, &negate, &result, &at) < 4 || at == 0)
                return 0;
        return sd_bus_message_append(m, "(sbbsi)", name, trigger, negate, value + at, result);
}

static int form_conditions(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_condition);
}

/* ---- "~a b" ⇒ not allowed: a, b ---- */

static int form_signed_list(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *s = record_str(rec, p->name);
        _cleanup_strv_ char **words = strv_split(*s == '~' ? s + 1 : s, " ");
        int r = sd_bus_message_open_container(m, 'r', "bas"), allow = *s != '~';

        if (r >= 0)
                r = sd_bus_message_append_basic(m, 'b', &allow);
        if (r >= 0)
                r = append_strv(m, words);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- "SOURCE DESTINATION IGNORE FLAGS", quoted words ---- */

static int one_bind(sd_bus_message *m, const char *value)
{
        _cleanup_strv_ char **w = NULL;
        uint64_t flags = 0;

        if (str_split_quoted(value, WORD_CUNESCAPE | WORD_RELAX, &w) < 0 || strv_len(w) != 4 ||
                !utf8_valid(w[0], strlen(w[0])) || !utf8_valid(w[1], strlen(w[1])))
                return 0;
        (void)parse_u64(w[3], &flags);
        return sd_bus_message_append(m, "(ssbt)", w[0], w[1], streq(w[2], "1"), flags);
}

static int form_binds(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_bind);
}

/* ---- "DEVICE AMOUNT" ---- */

static int one_amount(sd_bus_message *m, const char *value)
{
        const char *space = strrchr(value, ' ');
        _cleanup_free_ char *device = space ? strndup(value, (size_t)(space - value)) : NULL;
        uint64_t n = UINT64_MAX;

        if (!device)
                return 0;
        if (!streq(space + 1, "max"))
                (void)parse_u64(space + 1, &n);
        return sd_bus_message_append(m, "(st)", device, n);
}

static int form_amounts(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_amount);
}

/* ---- of the manager ---- */

/* Programs take the number at its beginning for that of the interface, and are right: it is that of 252. */
static int form_version(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        _cleanup_free_ char *s = str_printf("252 (%s)", record_str(rec, "Version"));

        return s ? sd_bus_message_append_basic(m, 's', s) : -ENOMEM;
}

/* ---- of units ---- */

static int form_job(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        uint32_t id = (uint32_t)record_u64(rec, "Job");
        _cleanup_free_ char *path = id ? job_path(id) : strdup("/");

        return path ? sd_bus_message_append(m, "(uo)", id, path) : -ENOMEM;
}

static int form_load_error(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *text = record_str(rec, "LoadError"), *state = record_str(rec, "LoadState"), *name = "";

        if (streq(state, "not-found")) {
                name = ERROR_PREFIX "NoSuchUnit";
                text = *text ? text : "Unit not found.";
        } else if (streq(state, "masked")) {
                name = ERROR_PREFIX "UnitMasked";
                text = *text ? text : "Unit is masked.";
        } else if (streq(state, "bad-setting") || streq(state, "error"))
                name = ERROR_PREFIX "BadUnitSetting";
        else
                text = "";
        return sd_bus_message_append(m, "(ss)", name, text);
}

static int form_id128(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        uint8_t id[16];
        int r = id128_parse(record_str(rec, p->name), id);

        return sd_bus_message_append_array(m, 'y', id, r < 0 ? 0 : sizeof(id));
}

/* What the directories of unit files say of a unit takes forty system calls to find out: kept until they are read anew,
 * or changed by us. */
struct told_files {
        const char *state, *preset;
        char id[];
};
static struct hash file_states;
#define FILE_STATES_MAX 1024

void encode_forget_files(const char *id)
{
        if (id) {
                free(hash_del(&file_states, id));
                return;
        }
        HASHMAP_FOREACH (e, &file_states)
                free(e->value);
        hash_done(&file_states);
}

static struct told_files *file_state_of(const char *id)
{
        struct told_files *f = hash_get(&file_states, id);

        if (f)
                return f;
        f = calloc(1, sizeof(*f) + strlen(id) + 1);
        if (!f)
                return NULL;
        strcpy(f->id, id);
        if (file_states.n >= FILE_STATES_MAX)
                encode_forget_files(NULL);
        if (hash_put(&file_states, f->id, f) < 0) {
                free(f);
                return NULL;
        }
        return f;
}

static int form_file_state(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *id = record_str(rec, "Id"), *path = record_str(rec, "FragmentPath"), *s = "";
        struct told_files *f = *path ? file_state_of(id) : NULL;

        if (*path && !f)
                return -ENOMEM;
        if (f && streq(p->name, "UnitFileState"))
                s = f->state = f->state ?: file_state_to_string(install_state(NULL, id));
        else if (f)
                s = f->preset = f->preset ?: (install_preset(NULL, id, NULL) ? "enabled" : "disabled");
        return sd_bus_message_append_basic(m, 's', s);
}

static int form_cgroup_id(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *group = record_str(rec, "ControlGroup");
        _cleanup_free_ char *path = *group ? path_join("/sys/fs/cgroup", group) : NULL;
        struct stat st;
        uint64_t id = path && stat(path, &st) == 0 ? st.st_ino : 0;

        return sd_bus_message_append_basic(m, 't', &id);
}

/* ---- of services ---- */

/* "1 250 TERM": codes, then signals. */
static int form_exit_set(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        _cleanup_strv_ char **words = strv_split(record_str(rec, p->name), " ");
        int r = sd_bus_message_open_container(m, 'r', "aiai");

        for (int signals_turn = 0; signals_turn < 2; signals_turn++) {
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'a', "i");
                FOREACH_STR (w, words) {
                        bool is_number = **w >= '0' && **w <= '9';
                        int n = is_number ? atoi(*w) : signal_number(*w);

                        if (r >= 0 && is_number != (bool)signals_turn && n >= 0)
                                r = sd_bus_message_append_basic(m, 'i', &n);
                }
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* "-name" → (true, "name") */
static int form_profile(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *s = record_str(rec, p->name);

        return sd_bus_message_append(m, "(bs)", *s == '-', *s == '-' ? s + 1 : s);
}

static int one_environment_file(sd_bus_message *m, const char *value)
{
        const char *mark = strstr(value, " (ignore_errors=");
        _cleanup_free_ char *path = mark ? strndup(value, (size_t)(mark - value)) : strdup(value);

        return path ? sd_bus_message_append(m, "(sb)", path, mark && strstr(mark, "=yes") != NULL) : -ENOMEM;
}

static int form_environment_files(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_environment_file);
}

/* "a:b" or "a b", the second part may be missing */
static int one_pair(sd_bus_message *m, const char *value)
{
        size_t n = strcspn(value, ": ");
        _cleanup_free_ char *first = strndup(value, n);

        return first ? sd_bus_message_append(m, "(ss)", first, value[n] ? value + n + 1 : "") : -ENOMEM;
}

static int form_pairs(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_pair);
}

/* "0-3,8" → bits */
static int form_cpus(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *s = record_str(rec, p->name);
        uint8_t bits[CPU_SETSIZE / 8] = { 0 };
        size_t n = 0;

        while (*s) {
                char *end;
                unsigned long a = strtoul(s, &end, 10), b = a;

                if (end == s)
                        break;
                if (*end == '-')
                        b = strtoul(end + 1, &end, 10);
                for (unsigned long i = a; i <= b && i < CPU_SETSIZE; i++) {
                        bits[i / 8] |= (uint8_t)(1u << i % 8);
                        n = MAX(n, i / 8 + 1);
                }
                s = end + strspn(end, ", ");
        }
        return sd_bus_message_append_array(m, 'y', bits, n);
}

/* ---- of sockets, paths, timers ---- */

/* "WHAT (KIND)" → (KIND, WHAT) */
static int one_kind(sd_bus_message *m, const char *value)
{
        const char *open = strrchr(value, '(');
        _cleanup_free_ char *what = NULL, *kind = NULL;

        if (!open || open == value || !endswith(open, ")"))
                return 0;
        what = strndup(value, (size_t)(open - value) - 1);
        kind = strndup(open + 1, strlen(open) - 2);
        return what && kind ? sd_bus_message_append(m, "(ss)", kind, what) : -ENOMEM;
}

static int form_kinds(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return each(m, p, rec, p->name, one_kind);
}

/* "{ OnBootUSec=15min }" */
static int split_timer(const char *value, char **ret_base, char **ret_text)
{
        const char *eq = strchr(value, '='), *end = endswith(value, " }");

        if (!startswith(value, "{ ") || !eq || !end)
                return -EBADMSG;
        *ret_base = strndup(value + 2, (size_t)(eq - value) - 2);
        *ret_text = strndup(eq + 1, (size_t)(end - eq) - 1);
        return *ret_base && *ret_text ? 0 : -ENOMEM;
}

static int append_timer(sd_bus_message *m, const char *value, bool calendar, uint64_t next)
{
        _cleanup_free_ char *base = NULL, *text = NULL;
        uint64_t span = 0;

        if (split_timer(value, &base, &text) < 0)
                return 0;
        if (calendar)
                return sd_bus_message_append(m, "(sst)", base, text, next);
        (void)encode_u64_text("USec", text, &span);
        return sd_bus_message_append(m, "(stt)", base, span, next);
}

static int form_timers(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        bool calendar = streq(p->name, "TimersCalendar");
        const char *key = calendar ? "NextElapseUSecRealtime" : "NextElapseUSecMonotonic";
        int r = sd_bus_message_open_container(m, 'a', p->signature + 1);
        uint64_t next = 0;

        (void)encode_u64_text(key, record_str(rec, key), &next);
        CTL_RECORD_FOREACH(v, rec, p->name)
        if (r >= 0)
                r = append_timer(m, v, calendar, next);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int form_unit_path(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        return append_strv(m, (char *const *)install_dirs);
}

static int form_job_unit(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        const char *name = record_str(rec, "Unit");
        _cleanup_free_ char *path = unit_path(name);

        return path ? sd_bus_message_append(m, "(so)", name, path) : -ENOMEM;
}

static int form_syslog_priority(sd_bus_message *m, const struct property *p, const struct ctl_record *rec)
{
        int level = encode_number_of_word("SyslogLevel", record_str(rec, "SyslogLevel")),
            facility = encode_number_of_word("SyslogFacility", record_str(rec, "SyslogFacility"));

        /* daemon.info */
        return sd_bus_message_append(m, "i", (facility < 0 ? 3 : facility) << 3 | (level < 0 ? 6 : level));
}

static const struct {
        const char *name;
        encode_fn form;
} forms[] = {
        { "Job", form_job },
        { "LoadError", form_load_error },
        { "InvocationID", form_id128 },
        { "UnitFileState", form_file_state },
        { "UnitFilePreset", form_file_state },
        { "ControlGroupId", form_cgroup_id },
        { "AppArmorProfile", form_profile },
        { "SELinuxContext", form_profile },
        { "SmackProcessLabel", form_profile },
        { "EnvironmentFiles", form_environment_files },
        { "DeviceAllow", form_pairs },
        { "TemporaryFileSystem", form_pairs },
        { "LoadCredential", form_pairs },
        { "LoadCredentialEncrypted", form_pairs },
        { "CPUAffinity", form_cpus },
        { "AllowedCPUs", form_cpus },
        { "AllowedMemoryNodes", form_cpus },
        { "StartupAllowedCPUs", form_cpus },
        { "StartupAllowedMemoryNodes", form_cpus },
        { "EffectiveCPUs", form_cpus },
        { "EffectiveMemoryNodes", form_cpus },
        { "NUMAMask", form_cpus },
        { "Listen", form_kinds },
        { "Paths", form_kinds },
        { "TimersMonotonic", form_timers },
        { "TimersCalendar", form_timers },
        { "UnitPath", form_unit_path },
        { "Version", form_version },
        { "SyslogPriority", form_syslog_priority },
};

encode_fn encode_form(const struct property *p)
{
        if (streq(p->signature, "a(sasbttttuii)"))
                return form_commands;
        if (streq(p->signature, "a(sasasttttuii)"))
                return form_commands_ex;
        if (streq(p->signature, "a(sbbsi)"))
                return form_conditions;
        if (streq(p->signature, "(bas)"))
                return form_signed_list;
        if (streq(p->signature, "a(ssbt)"))
                return form_binds;
        if (streq(p->signature, "a(st)"))
                return form_amounts;
        if (streq(p->signature, "(aiai)"))
                return form_exit_set;
        if (p->interface == IF_Job && streq(p->name, "Unit"))
                return form_job_unit;
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
                if (streq(forms[i].name, p->name))
                        return forms[i].form;
        return NULL;
}
