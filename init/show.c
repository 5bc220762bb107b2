/* Properties of units and of the manager, by the names of org.freedesktop.systemd1(5) and in the form in which
 * `systemctl show` prints them: what the unit is and does. What its files configured comes from the directive table
 * (show-config.c).
 *
 * Points in time (…Timestamp) are sent as "@" and microseconds since 1970: the client, which knows the time zone,
 * writes them out. */
#include <signal.h>
#include <stdio.h>

#include "cgroup.h"
#include "clean.h"
#include "config.h"
#include "control.h"
#include "lib/fileio.h"
#include "lib/machine.h"
#include "names.h"
#include "types.h"

static void add_bool(struct record *rec, const char *key, bool v)
{
        if (v || !rec->raw)
                record_add(rec, key, v ? "yes" : "no");
}

/* Monotonic microseconds as both …Timestamp and …TimestampMonotonic. */
static void add_time(struct record *rec, const char *key, usec_t mono)
{
        char k[64];

        if (mono > 0 && !rec->offset)
                rec->offset = realtime_offset();
        if (mono > 0)
                record_addf(rec, key, "@%lld", (long long)(rec->offset + mono));
        else
                record_add(rec, key, "");
        snprintf(k, sizeof(k), "%sMonotonic", key);
        record_add_u64(rec, k, (uint64_t)MAX(mono, 0));
}

static void add_realtime(struct record *rec, const char *key, usec_t real)
{
        if (real > 0)
                record_addf(rec, key, "@%lld", (long long)real);
        else
                record_add(rec, key, "");
}

static void add_span(struct record *rec, const char *key, usec_t t)
{
        char buf[64];

        record_add(rec, key, format_timespan(buf, sizeof(buf), t, 1));
}

static void add_limit(struct record *rec, const char *key, rlim_t v)
{
        if (v == RLIM_INFINITY)
                record_add(rec, key, "infinity");
        else
                record_add_u64(rec, key, v);
}

static void add_words(struct record *rec, const char *key, char *const *v)
{
        _cleanup_free_ char *s = NULL;

        if (!record_wants(rec, key))
                return;
        if (rec->raw) {
                FOREACH_STR (word, v)
                        record_add(rec, key, *word);
                return;
        }
        s = v ? strv_join(v, " ") : NULL;
        record_add(rec, key, s);
}

/* ---- dependencies ---- */

/* What are no properties of a unit: the manager's own bookkeeping, and the slice, which is told as Slice. */
#define DEPS_HIDDEN                                                                                         \
        (DEP_BIT(DEP_JOINS_NAMESPACE_OF_INV) | DEP_BIT(DEP_REFERENCES) | DEP_BIT(DEP_REFERENCED_BY) |       \
                DEP_BIT(DEP_IN_SLICE))

static void add_deps(struct record *rec, struct unit *u)
{
        for (enum dep_type t = 0; t < DEP_MAX; t++) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                const char *key = dep_to_string(t);

                if (DEP_BIT(t) & DEPS_HIDDEN || !record_wants(rec, key))
                        continue;
                UNIT_FOREACH_DEP(u, DEP_BIT(t), o)
                if (rec->raw)
                        record_add(rec, key, o->id);
                else
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", o->id);
                if (b.len > 0 || rec->only)
                        record_add(rec, key, b.s);
        }
        add_words(rec, "RequiresMountsFor", u->requires_mounts_for);
}

static const char *result_word(const struct condition *c)
{
        return c->result == -1  ? "untested"
               : c->result == 0 ? "failed"
               : c->result == 1 ? "succeeded"
                                : "error";
}

static void add_conditions(struct record *rec, struct unit *u)
{
        for (int asserts = 0; asserts < 2; asserts++) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                const char *key = asserts ? "Asserts" : "Conditions";

                if (!record_wants(rec, key))
                        continue;
                for (struct condition *c = u->conditions; c; c = c->next)
                        if (c->is_assert == asserts && rec->raw)
                                record_addf(rec, key, "%s %d %d %d %s", condition_name(c), c->trigger,
                                        c->negate,
                                        c->result == -1  ? 0
                                        : c->result == 1 ? 1
                                                         : -1,
                                        c->parameter ?: "");
                        else if (c->is_assert == asserts)
                                strbuf_printf(&b, "%s{ %s=%s%s%s ; %s }", b.len ? " " : "",
                                        condition_name(c), c->trigger ? "|" : "", c->negate ? "!" : "",
                                        c->parameter ?: "", result_word(c));
                if (!rec->raw)
                        record_add(rec, key, b.s);
        }
        add_bool(rec, "ConditionResult", u->condition_result == 1);
        add_bool(rec, "AssertResult", u->assert_result == 1);
        add_realtime(rec, "ConditionTimestamp", u->condition_time);
        add_realtime(rec, "AssertTimestamp", u->assert_time);
}

/* ---- the cgroup ---- */

static void add_counter(struct record *rec, struct unit *u, const char *key, const char *attr)
{
        _cleanup_free_ char *s = NULL;

        if (!record_wants(rec, key))
                return;
        if (u->cgroup_realized && cgroup_get_attr(u, attr, &s) >= 0)
                record_add(rec, key, str_strip(s));
        else if (!rec->raw)
                record_add(rec, key, "[not set]");
}

static void add_usage(struct record *rec, struct unit *u)
{
        static const struct {
                const char *key, *unknown;
        } rows[USAGE_MAX] = {
                [USAGE_CPU_NSEC] = { "CPUUsageNSec", "[not set]" },
                [USAGE_IO_READ_BYTES] = { "IOReadBytes", "[not set]" },
                [USAGE_IO_READ_OPERATIONS] = { "IOReadOperations", "[not set]" },
                [USAGE_IO_WRITE_BYTES] = { "IOWriteBytes", "[not set]" },
                [USAGE_IO_WRITE_OPERATIONS] = { "IOWriteOperations", "[not set]" },
                [USAGE_IP_INGRESS_BYTES] = { "IPIngressBytes", "[no data]" },
                [USAGE_IP_INGRESS_PACKETS] = { "IPIngressPackets", "[no data]" },
                [USAGE_IP_EGRESS_BYTES] = { "IPEgressBytes", "[no data]" },
                [USAGE_IP_EGRESS_PACKETS] = { "IPEgressPackets", "[no data]" },
        };
        uint64_t v[USAGE_MAX];
        bool wanted = false;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                wanted |= record_wants(rec, rows[i].key);
        if (!wanted)
                return;
        cgroup_usage(u, v);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (v[i] == UINT64_MAX && !rec->raw)
                        record_add(rec, rows[i].key, rows[i].unknown);
                else if (v[i] != UINT64_MAX)
                        record_add_u64(rec, rows[i].key, v[i]);
}

/* What of the time something in it waited, and all of it: "some avg10=0.00 … total=0; full …". The bus has no such
 * properties. */
static void add_pressure(struct record *rec, struct unit *u)
{
        static const char *const rows[][2] = {
                { "CPUPressure", "cpu.pressure" },
                { "MemoryPressure", "memory.pressure" },
                { "IOPressure", "io.pressure" },
        };

        if (rec->raw && !rec->only)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *s = NULL;
                char *full;

                if (!record_wants(rec, rows[i][0]))
                        continue;
                if (!u->cgroup_realized || cgroup_get_attr(u, rows[i][1], &s) < 0) {
                        record_add(rec, rows[i][0], "[not set]");
                        continue;
                }
                full = strchr(s, '\n');
                if (full)
                        *full++ = '\0';
                record_addf(rec, rows[i][0], "%s%s%s", s, full ? "; " : "", full ?: "");
        }
}

/* A list of processors or memory nodes that a cgroup has; empty where the controller is not there. */
static void add_effective(struct record *rec, struct unit *u, const char *key, const char *attr)
{
        _cleanup_free_ char *s = NULL;

        if (record_wants(rec, key))
                record_add(rec, key,
                        u->cgroup_realized && cgroup_get_attr(u, attr, &s) >= 0 ? str_strip(s) : "");
}

static const char *const freezer_states[] = { "running", "freezing", "frozen", "thawing" };

static void add_cgroup(struct record *rec, struct unit *u)
{
        const char *path = u->cgroup_realized ? cgroup_unit_path(u) : NULL;

        if (!unit_cgroup_context(u))
                return;
        record_add(rec, "Slice", u->slice ? u->slice->id : "");
        if (path)
                record_addf(rec, "ControlGroup", "/%s", path);
        else
                record_add(rec, "ControlGroup", "");
        add_counter(rec, u, "MemoryCurrent", "memory.current");
        add_counter(rec, u, "TasksCurrent", "pids.current");
        add_usage(rec, u);
        add_pressure(rec, u);
        add_effective(rec, u, "EffectiveCPUs", "cpuset.cpus.effective");
        add_effective(rec, u, "EffectiveMemoryNodes", "cpuset.mems.effective");
        add_words(rec, "DelegateControllers", unit_cgroup_context(u)->delegate_controllers);
}

/* ---- commands ---- */

static void add_time_text(struct strbuf *b, usec_t t)
{
        if (t > 0)
                strbuf_printf(b, "@%lld", (long long)t);
        else
                strbuf_puts(b, "n/a");
}

/* `PATH FLAGS START STOP PID CODE STATUS ARG…`, each a quoted word; flags as in the file, "^" for "!!". */
static void show_command_raw(struct record *rec, const char *key, const struct exec_command *c)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        strbuf_printf(&b, "\"%s\" \"%s%s%s%s%s\" %lld %lld %d %d %d", c->path ?: "",
                c->flags & CMD_IGNORE_FAILURE ? "-" : "", c->flags & CMD_FULL_PRIVILEGE ? "+" : "",
                c->flags & CMD_NO_SETUID ? "!" : "", c->flags & CMD_AMBIENT_MAGIC ? "^" : "",
                c->flags & CMD_NO_ENV_EXPAND ? ":" : "", (long long)c->start, (long long)c->exit,
                (int)c->pid, c->exit ? c->code : 0, c->exit ? c->status : 0);
        FOREACH_STR (a, c->argv) {
                _cleanup_free_ char *e = str_cescape(*a);

                strbuf_printf(&b, " \"%s\"", e ?: "");
        }
        record_add(rec, key, b.s);
}

void show_command(struct record *rec, const char *key, const struct exec_command *list)
{
        if (!record_wants(rec, key))
                return;
        for (const struct exec_command *c = list; c; c = c->next) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                _cleanup_free_ char *argv = NULL;

                if (rec->raw) {
                        show_command_raw(rec, key, c);
                        continue;
                }
                argv = c->argv ? strv_join(c->argv, " ") : NULL;
                strbuf_printf(&b, "{ path=%s ; argv[]=%s ; ignore_errors=%s ; start_time=[", c->path ?: "",
                        argv ?: "", c->flags & CMD_IGNORE_FAILURE ? "yes" : "no");
                add_time_text(&b, c->start);
                strbuf_puts(&b, "] ; stop_time=[");
                add_time_text(&b, c->exit);
                strbuf_printf(&b, "] ; pid=%d ; code=%s ; status=%d/%d }", (int)c->pid,
                        c->exit == 0            ? "(null)"
                        : c->code == CLD_EXITED ? "exited"
                        : c->code == CLD_DUMPED ? "dumped"
                                                : "killed",
                        c->exit && c->code == CLD_EXITED ? c->status : 0,
                        c->exit && c->code != CLD_EXITED ? c->status : 0);
                record_add(rec, key, b.s);
        }
}

/* ---- the types' live state ---- */

/* Whose the main process is, where the unit says that it is somebody's: only the process knows what NSS has made of it. */
static void add_owner(struct record *rec, struct unit *u, pid_t pid)
{
        const struct exec_context *c = unit_exec(u);
        bool wanted[] = { c->user || c->dynamic_user, c->user || c->group || c->dynamic_user };
        static const char *const keys[] = { "UID", "GID" }, *const lines[] = { "\nUid:", "\nGid:" };
        _cleanup_free_ char *status = NULL;
        char path[32];

        if (!record_wants(rec, "UID") && !record_wants(rec, "GID"))
                return;
        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        if (pid > 0)
                (void)read_file(path, 0, &status, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *line = status && wanted[i] ? strstr(status, lines[i]) : NULL;
                unsigned id;

                if (line && sscanf(line + strlen(lines[i]), "%u", &id) == 1)
                        record_addf(rec, keys[i], "%u", id);
                else
                        record_add(rec, keys[i], "[not set]");
        }
}

static void show_service(struct record *rec, struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        add_owner(rec, u, s->main_pid);
        add_realtime(rec, "WatchdogTimestamp", s->watchdog_ping);
        record_add(rec, "CleanResult", clean_result_name(u));
        record_addf(rec, "MainPID", "%d", (int)s->main_pid);
        record_addf(rec, "ControlPID", "%d", (int)s->control_pid);
        add_realtime(rec, "ExecMainStartTimestamp", s->main_start);
        add_realtime(rec, "ExecMainExitTimestamp", s->main_exit);
        record_addf(rec, "ExecMainPID", "%d",
                (int)(s->main_pid                ? s->main_pid
                        : s->main_command        ? s->main_command->pid
                        : s->commands[CMD_START] ? s->commands[CMD_START]->pid
                                                 : 0));
        record_addf(rec, "ExecMainCode", "%d", s->main_code);
        record_addf(rec, "ExecMainStatus", "%d", s->main_status);
        record_addf(rec, "NRestarts", "%u", s->n_restarts);
        record_add(rec, "StatusText", s->status_text);
        record_addf(rec, "StatusErrno", "%d", s->status_errno);
        record_add(rec, "ReloadResult", name_of(names_service_result, s->reload_result) ?: "success");
        record_addf(rec, "NFileDescriptorStore", "%zu", s->n_store);
        record_addf(rec, "FileDescriptorStoreMax", "%u", s->fd_store_max);
        add_bool(rec, "NotifyReady", s->notify_ready);
}

static const char *port_kind(const struct socket_port *p)
{
        switch (p->kind) {
        case SOCK_STREAM: return "Stream";
        case SOCK_DGRAM: return "Datagram";
        case SOCK_SEQPACKET: return "SequentialPacket";
        case -'f': return "FIFO";
        case -'s': return "Special";
        case -'m': return "MessageQueue";
        case -'n': return "Netlink";
        case -'u': return "USBFunction";
        default: return "Unknown";
        }
}

static void show_socket(struct record *rec, struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        for (struct socket_port *p = s->ports; p; p = p->next)
                record_addf(rec, "Listen", "%s (%s)", p->address ?: "", port_kind(p));
        record_addf(rec, "ControlPID", "%d", (int)s->control_pid);
        record_add(rec, "CleanResult", clean_result_name(u));
        record_addf(rec, "NConnections", "%u", s->n_connections);
        record_addf(rec, "NAccepted", "%u", s->n_accepted);
        record_addf(rec, "NRefused", "%u", s->n_refused);
}

static void show_mount(struct record *rec, struct unit *u)
{
        struct mount *mnt = UNIT_CAST(mount, u);

        record_add(rec, "Where", mnt->where);
        record_add(rec, "What", mnt->mi_what ?: mnt->what);
        record_add(rec, "Options", mnt->mi_options ?: mnt->options);
        record_add(rec, "Type", mnt->mi_type ?: mnt->fstype);
        record_addf(rec, "ControlPID", "%d", (int)mnt->control_pid);
        record_add(rec, "CleanResult", clean_result_name(u));
}

static void show_swap(struct record *rec, struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        record_add(rec, "What", s->what);
        record_addf(rec, "ControlPID", "%d", (int)s->control_pid);
        record_add(rec, "CleanResult", clean_result_name(u));
}

static void show_timer(struct record *rec, struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        record_add(rec, "Unit", t->unit_name);
        add_realtime(
                rec, "NextElapseUSecRealtime", t->next_realtime == USEC_INFINITY ? 0 : t->next_realtime);
        add_span(rec, "NextElapseUSecMonotonic", t->next_monotonic);
        add_realtime(rec, "LastTriggerUSec", t->last_trigger);
}

static void show_path(struct record *rec, struct unit *u)
{
        record_add(rec, "Unit", UNIT_CAST(path_unit, u)->unit_name);
}

static void show_device(struct record *rec, struct unit *u)
{
        record_add(rec, "SysFSPath", UNIT_CAST(device_unit, u)->syspath);
}

static void show_scope(struct record *rec, struct unit *u)
{
        record_add(rec, "Controller", UNIT_CAST(scope, u)->controller);
}

static void (*const show_type[UNIT_TYPE_MAX])(struct record *rec, struct unit *u) = {
        [UNIT_SERVICE] = show_service,
        [UNIT_SOCKET] = show_socket,
        [UNIT_MOUNT] = show_mount,
        [UNIT_SWAP] = show_swap,
        [UNIT_TIMER] = show_timer,
        [UNIT_PATH] = show_path,
        [UNIT_DEVICE] = show_device,
        [UNIT_SCOPE] = show_scope,
};

static void dump_property(void *data, const char *key, const char *value)
{
        record_add(data, key, value);
}

/* ---- units ---- */

static void show_identity(struct record *rec, struct unit *u)
{
        record_add(rec, "Id", u->id);
        add_words(rec, "Names", u->names);
        record_add(rec, "Description", unit_description(u));
        add_words(rec, "Documentation", u->documentation);
        record_add(rec, "LoadState", load_state_to_string(u->load_state));
        if (u->load_error)
                record_add(rec, "LoadError", u->load_error);
        record_add(rec, "ActiveState", active_state_to_string(unit_active_state(u)));
        record_add(rec, "SubState", unit_sub_state(u));
        record_add(rec, "FragmentPath", u->fragment_path);
        record_add(rec, "SourcePath", u->source_path);
        add_words(rec, "DropInPaths", u->dropin_paths);
        if (record_wants(rec, "NeedDaemonReload"))
                add_bool(rec, "NeedDaemonReload", u->load_state != UNIT_STUB && unit_needs_reload(u));
        add_words(rec, "Unsupported", u->unsupported);
        record_addf(rec, "Problems", "%u", u->n_problems);
        if (u->dropped_edges)
                record_add(rec, "DroppedEdges", u->dropped_edges);
        if (u->wait_reason)
                record_add(rec, "WaitReason", u->wait_reason);
}

/* The kinds of directories that `clean` can remove. */
static void add_can_clean(struct record *rec, struct unit *u)
{
        static const struct {
                enum exec_dir dir;
                const char *word;
        } kinds[] = {
                { DIR_RUNTIME, "runtime" },
                { DIR_CACHE, "cache" },
                { DIR_STATE, "state" },
                { DIR_LOGS, "logs" },
                { DIR_CONFIGURATION, "configuration" },
        };
        const struct exec_context *c = unit_exec(u);
        char *words[ARRAY_SIZE(kinds) + 1];
        size_t n = 0;

        for (size_t i = 0; c && i < ARRAY_SIZE(kinds); i++)
                if (c->dirs[kinds[i].dir].paths)
                        words[n++] = (char *)kinds[i].word;
        words[n] = NULL;
        add_words(rec, "CanClean", words);
}

static void add_markers(struct record *rec, struct unit *u)
{
        char *words[4];
        size_t n = 0;

        for (const struct name_row *row = names_marker; row->name; row++)
                if (u->markers & (unsigned)row->value)
                        words[n++] = (char *)row->name;
        words[n] = NULL;
        add_words(rec, "Markers", words);
}

static void show_state(struct record *rec, struct unit *u)
{
        if (unit_cgroup_context(u))
                record_add(rec, "FreezerState", freezer_states[u->freezer]);
        add_time(rec, "StateChangeTimestamp", u->state_change);
        add_time(rec, "InactiveExitTimestamp", u->inactive_exit);
        add_time(rec, "ActiveEnterTimestamp", u->active_enter);
        add_time(rec, "ActiveExitTimestamp", u->active_exit);
        add_time(rec, "InactiveEnterTimestamp", u->inactive_enter);
        record_add(rec, "InvocationID", u->invocation_id);
        add_bool(rec, "CanStart", unit_can_start(u));
        add_bool(rec, "CanStop", unit_can_stop(u));
        add_bool(rec, "CanReload", unit_can_reload(u));
        add_bool(rec, "CanIsolate", u->allow_isolate);
        add_can_clean(rec, u);
        add_bool(rec, "CanFreeze", unit_cgroup_context(u) && u->manager->cgroup_ok);
        add_words(rec, "Refs", u->refs);
        add_markers(rec, u);
        add_bool(rec, "Transient", u->transient);
        add_bool(rec, "Perpetual", u->perpetual);
        if (u->job) {
                record_addf(rec, "Job", "%u", u->job->id);
                record_add(rec, "JobType", job_type_to_string(u->job->type));
                if (u->job->waited_for && u->job->state == JOB_WAITING)
                        record_add(rec, "JobWaitsFor", u->job->waited_for->id);
        }
}

void show_unit(struct record *rec, struct unit *u)
{
        if (record_has_part(rec, PART_TYPE)) {
                if (show_type[u->type])
                        show_type[u->type](rec, u);
                if (unit_ops(u)->dump)
                        unit_ops(u)->dump(u, dump_property, rec);
                if (unit_ops(u)->result)
                        record_add(rec, "Result", unit_ops(u)->result(u));
                add_cgroup(rec, u);
        }
        if (record_has_part(rec, PART_UNIT)) {
                show_state(rec, u);
                show_identity(rec, u);
                add_deps(rec, u);
                add_conditions(rec, u);
        }
        show_config(rec, u);
}

/* ---- the manager ---- */

static const char *system_state(struct manager *m)
{
        if (m->shutting_down || m->objective != OBJ_RUN)
                return "stopping";
        if (!m->boot_finished)
                return m->t_units_loaded ? "starting" : "initializing";
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (u->type == UNIT_TARGET &&
                        (streq(u->id, "rescue.target") || streq(u->id, "emergency.target")) &&
                        unit_active_state(u) == UNIT_ACTIVE)
                        return "maintenance";
        }
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (u->load_state != UNIT_MERGED && unit_active_state(u) == UNIT_FAILED)
                        return "degraded";
        }
        return "running";
}

static unsigned count_units(struct manager *m, bool failed)
{
        unsigned n = 0;

        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (u->load_state != UNIT_MERGED && streq(e->key, u->id))
                        n += !failed || unit_active_state(u) == UNIT_FAILED;
        }
        return n;
}

/* Settings of system.conf that units begin with. */
static void show_defaults(struct record *rec, struct manager *m)
{
        add_span(rec, "DefaultTimerAccuracyUSec", m->default_timer_accuracy);
        add_span(rec, "DefaultDeviceTimeoutUSec", m->default_device_timeout);
        add_span(rec, "DefaultTimeoutAbortUSec", m->default_timeout_abort);
        add_bool(rec, "DefaultCPUAccounting", m->default_cpu_accounting);
        add_bool(rec, "DefaultMemoryAccounting", m->default_memory_accounting);
        add_bool(rec, "DefaultTasksAccounting", m->default_tasks_accounting);
        add_bool(rec, "DefaultIOAccounting", m->default_io_accounting);
        add_bool(rec, "DefaultBlockIOAccounting", m->default_io_accounting);
        add_bool(rec, "DefaultIPAccounting", m->default_ip_accounting);
        record_add(rec, "DefaultOOMPolicy", name_of(names_oom_policy, m->default_oom_policy));
        if (m->default_tasks_max < UINT64_MAX - 1)
                record_add_u64(rec, "DefaultTasksMax", m->default_tasks_max);
        record_add(
                rec, "DefaultStandardError", name_of(names_exec_output, m->default_std_error) ?: "inherit");
        record_add(rec, "CtrlAltDelBurstAction", name_of(names_emergency_action, m->ctrl_alt_del_burst));
        for (size_t i = 0; names_rlimit[i].name; i++) {
                struct rlimit l;
                char key[64];

                if (manager_default_limit(m, (int)names_rlimit[i].value, &l) < 0)
                        continue;
                snprintf(key, sizeof(key), "Default%s", names_rlimit[i].name);
                add_limit(rec, key, l.rlim_max);
                snprintf(key, sizeof(key), "Default%sSoft", names_rlimit[i].name);
                add_limit(rec, key, l.rlim_cur);
        }
}

void show_manager(struct record *rec, struct manager *m)
{
        record_add(rec, "Version", "rouse " ROUSE_VERSION);
        record_add(rec, "Architecture", architecture_name());
        add_time(rec, "KernelTimestamp", 1);
        add_time(rec, "InitRDTimestamp", m->t_initrd);
        add_time(rec, "UserspaceTimestamp", m->t_userspace);
        add_time(rec, "GeneratorsStartTimestamp", m->t_generators_start);
        add_time(rec, "GeneratorsFinishTimestamp", m->t_generators_done);
        add_time(rec, "UnitsLoadFinishTimestamp", m->t_units_loaded);
        add_time(rec, "FinishTimestamp", m->t_finish);
        record_add(rec, "LogLevel", log_level_to_string(log_get_max_level()));
        record_addf(rec, "NNames", "%zu", m->units.n);
        record_addf(rec, "NUnits", "%u", count_units(m, false));
        record_addf(rec, "NFailedUnits", "%u", count_units(m, true));
        record_addf(rec, "NJobs", "%u", m->n_jobs);
        record_addf(rec, "NInstalledJobs", "%u", m->n_installed_jobs);
        record_addf(rec, "NFailedJobs", "%llu", (unsigned long long)m->n_jobs_failed);
        record_addf(rec, "NSpawned", "%u", m->n_spawned);
        record_addf(rec, "Progress", "%g",
                m->boot_finished      ? 1.0
                : m->n_installed_jobs ? (double)m->n_jobs_done / (m->n_jobs_done + m->n_jobs)
                                      : 0.0);
        add_words(rec, "Environment", m->environment);
        record_add(rec, "SystemState", system_state(m));
        record_add(rec, "DefaultTarget", control_default_target(m));
        record_addf(rec, "ExitCode", "%d", m->exit_code);
        add_bool(rec, "ServiceWatchdogs", m->service_watchdogs);
        add_bool(rec, "ShowStatus", m->show_status == SHOW_STATUS_YES);
        add_span(rec, "DefaultTimeoutStartUSec", m->default_timeout_start);
        add_span(rec, "DefaultTimeoutStopUSec", m->default_timeout_stop);
        add_span(rec, "DefaultRestartUSec", m->default_restart_sec);
        add_span(rec, "DefaultStartLimitIntervalUSec", m->default_start_limit_interval);
        record_addf(rec, "DefaultStartLimitBurst", "%u", m->default_start_limit_burst);
        show_defaults(rec, m);
        record_add(rec, "DefaultStandardOutput", name_of(names_exec_output, m->default_std_output));
        record_add(rec, "Virtualization", m->container ? "container" : "");
        record_add(rec, "ControlGroup", "");
}
