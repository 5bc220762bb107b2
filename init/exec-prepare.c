/* From a unit's context and one process's parameters to its plan (exec-plan.h). All that PID 1 has to look up is
 * looked up here, before there is a child; what PID 1 may not do is left in the plan for rouse-exec. */
#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>

#include "exec-expand.h"
#include "exec-dir.h"
#include "exec-internal.h"
#include "exec-seccomp.h"
#include "exit-status.h"
#include "lib/fileio.h"

const char *exec_journal_socket = "/run/systemd/journal/stdout";

/* ---- standard streams ---- */

static bool input_is_tty(const struct exec_context *c)
{
        return c->std_input == IN_TTY || c->std_input == IN_TTY_FORCE || c->std_input == IN_TTY_FAIL;
}

static bool uses_tty(const struct exec_context *c)
{
        return input_is_tty(c) || c->std_output == OUT_TTY || c->std_error == OUT_TTY;
}

static int find_fd(const struct exec_params *p, const char *name)
{
        for (size_t i = 0; i < p->n_fds; i++)
                if (p->fd_names && streq(p->fd_names[i], name))
                        return p->fds[i];
        return -1;
}

static int input_stream(
        struct unit *u, const struct exec_context *c, const struct exec_params *p, struct plan_builder *b)
{
        struct plan_stdio s = { .fd = -1 };

        switch (c->std_input) {
        case IN_TTY: s.kind = STREAM_TTY; break;
        case IN_TTY_FORCE: s.kind = STREAM_TTY, s.tty_mode = 1; break;
        case IN_TTY_FAIL: s.kind = STREAM_TTY, s.tty_mode = 2; break;
        case IN_DATA: s.kind = STREAM_DATA; break;
        case IN_FILE:
                s.kind = STREAM_FILE;
                s.path = plan_add_str(b, c->stdin_file ?: "/dev/null");
                s.read_write = (c->std_output == OUT_FILE && streq_null(c->stdin_file, c->stdout_file)) ||
                               (c->std_error == OUT_FILE && streq_null(c->stdin_file, c->stderr_file));
                break;
        case IN_SOCKET:
                s.kind = p->stdin_fd >= 0 ? STREAM_FD : STREAM_NULL; /* control processes have no socket */
                s.fd = p->stdin_fd;
                break;
        case IN_FD:
                s.kind = STREAM_FD;
                s.fd = find_fd(p, c->stdin_file ?: "stdin");
                if (s.fd < 0)
                        return log_unit_errno(u->id, LOG_ERR, -EBADF,
                                "StandardInput=fd: no descriptor is named \"%s\"", c->stdin_file ?: "stdin");
                break;
        default: s.kind = c->stdin_data && !c->std_input_set ? STREAM_DATA : STREAM_NULL;
        }
        plan_of(b)->stdio[0] = s;
        if (s.kind == STREAM_DATA) {
                struct plan_array a =
                        plan_add_array(b, c->stdin_data, c->stdin_data ? c->stdin_data_len : 0, 1);

                plan_of(b)->data = a;
        }
        return 0;
}

/* The lines that a stream to the log daemon begins with. */
static uint32_t journal_header(struct unit *u, const struct exec_context *c, const char *program,
        enum exec_output o, struct plan_builder *b)
{
        bool kmsg = o == OUT_KMSG || o == OUT_KMSG_CONSOLE,
             console = o == OUT_JOURNAL_CONSOLE || o == OUT_KMSG_CONSOLE;
        _cleanup_free_ char *s = str_printf("%s\n%s\n%d\n%d\n0\n%d\n%d\n",
                c->syslog_identifier ?: path_basename(program), u->id, c->syslog_facility | c->syslog_level,
                !c->syslog_level_prefix_off, kmsg, console);

        if (!s)
                b->failed = true;
        return plan_add_str(b, s);
}

static enum exec_output effective_output(struct unit *u, const struct exec_context *c, int number)
{
        enum exec_output o = number == 1 ? c->std_output : c->std_error;

        if (o != OUT_DEFAULT)
                return o;
        if (number == 2)
                return u->manager->default_std_error == OUT_DEFAULT ? OUT_INHERIT
                                                                    : u->manager->default_std_error;
        if (input_is_tty(c) || c->std_input == IN_SOCKET || c->std_input == IN_FD)
                return OUT_INHERIT;
        return u->manager->default_std_output == OUT_DEFAULT ? OUT_JOURNAL : u->manager->default_std_output;
}

static int output_stream(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        struct plan_builder *b, int number)
{
        static const uint8_t kinds[] = {
                [OUT_INHERIT] = STREAM_INHERIT,
                [OUT_NULL] = STREAM_NULL,
                [OUT_TTY] = STREAM_TTY,
                [OUT_JOURNAL] = STREAM_JOURNAL,
                [OUT_KMSG] = STREAM_JOURNAL,
                [OUT_JOURNAL_CONSOLE] = STREAM_JOURNAL,
                [OUT_KMSG_CONSOLE] = STREAM_JOURNAL,
                [OUT_FILE] = STREAM_FILE,
                [OUT_APPEND] = STREAM_APPEND,
                [OUT_TRUNCATE] = STREAM_TRUNCATE,
                [OUT_SOCKET] = STREAM_FD,
                [OUT_FD] = STREAM_FD,
        };
        enum exec_output o = effective_output(u, c, number);
        const char *file = number == 1 ? c->stdout_file : c->stderr_file, *name = file
                                                                                          ?: number == 1
                                                                                             ? "stdout"
                                                                                             : "stderr";
        const struct plan_stdio *before = &plan_of(b)->stdio[number - 1];
        struct plan_stdio s = { .kind = kinds[o], .fd = -1 };

        /* control processes of a unit on a socket, and standard input that is not there: not the null device */
        if (o == OUT_INHERIT && number == 1 && before->kind == STREAM_NULL)
                s.kind = c->std_input == IN_SOCKET ? STREAM_JOURNAL : STREAM_NULL;
        if (o == OUT_SOCKET && p->stdin_fd < 0)
                s.kind = STREAM_JOURNAL;
        if (s.kind == STREAM_FD) {
                s.fd = o == OUT_SOCKET ? p->stdin_fd : find_fd(p, name);
                if (s.fd < 0)
                        return log_unit_errno(u->id, LOG_ERR, -EBADF,
                                "Standard%s=fd: no descriptor is named \"%s\"",
                                number == 1 ? "Output" : "Error", name);
        }
        if (s.kind == STREAM_JOURNAL)
                s.path = journal_header(u, c, p->command->path, o, b);
        if (s.kind == STREAM_FILE || s.kind == STREAM_APPEND || s.kind == STREAM_TRUNCATE) {
                /* the same file as the stream before: opened once */
                if (number == 1 ? o == OUT_FILE && plan_of(b)->stdio[0].read_write &&
                                          streq_null(file, c->stdin_file)
                                : effective_output(u, c, 1) == o && streq_null(file, c->stdout_file))
                        s.kind = STREAM_INHERIT;
                else
                        s.path = plan_add_str(b, file ?: "/dev/null");
        }
        if (number == 2 && s.kind == STREAM_JOURNAL && effective_output(u, c, 1) == o)
                s.kind = STREAM_INHERIT;
        plan_of(b)->stdio[number] = s;
        return 0;
}

static int plan_streams(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        struct plan_builder *b, bool *ret_journal)
{
        int r = p->stdio_fds ? 0 : input_stream(u, c, p, b);

        for (int i = 0; p->stdio_fds && i < 3; i++)
                plan_of(b)->stdio[i] = (struct plan_stdio) { .kind = STREAM_FD, .fd = p->stdio_fds[i] };
        if (p->stdio_fds)
                return 0;
        for (int i = 1; i < 3 && r >= 0; i++)
                r = output_stream(u, c, p, b, i);
        if (r < 0)
                return r;
        *ret_journal =
                plan_of(b)->stdio[1].kind == STREAM_JOURNAL || plan_of(b)->stdio[2].kind == STREAM_JOURNAL;
        if (*ret_journal) {
                _cleanup_free_ char *path =
                        c->log_namespace ? str_printf("/run/systemd/journal.%s/stdout", c->log_namespace)
                                         : strdup(exec_journal_socket);
                uint32_t at = plan_add_str(b, path);

                plan_of(b)->journal = at;
        }
        return 0;
}

/* ---- properties ---- */

static void plan_limits(struct unit *u, const struct exec_context *c, struct plan_builder *b)
{
        struct plan_limit l[RLIM_NLIMITS];
        size_t n = 0;

        for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
                const struct rlimit *from = c->limits_set & 1u << i ? &c->limits[i]
                                            : u->manager->default_limits_set & 1u << i
                                                    ? &u->manager->default_limits[i]
                                                    : NULL;

                if (from)
                        l[n++] = (struct plan_limit) {
                                .resource = i, .soft = from->rlim_cur, .hard = from->rlim_max
                        };
        }
        struct plan_array a = plan_add_array(b, l, n, sizeof(l[0]));

        plan_of(b)->limits = a;
}

static void plan_properties(struct unit *u, const struct exec_context *c, struct plan_builder *b)
{
        struct exec_plan *pl;

        plan_limits(u, c, b);
        plan_affinity(c, b);
        pl = plan_of(b);
        pl->nice = c->nice;
        pl->oom = c->oom_score_adjust;
        pl->ioprio = c->ioprio;
        pl->cpu_policy = c->cpu_policy;
        pl->cpu_priority = c->cpu_priority;
        pl->umask = c->umask == (mode_t)-1 ? 0022 : c->umask;
        pl->timer_slack = c->timer_slack;
        pl->personality = c->personality;
        pl->set = SET_UMASK | (c->nice_set ? SET_NICE : 0) | (c->oom_set ? SET_OOM : 0) |
                  (c->ioprio_set ? SET_IOPRIO : 0) | (c->cpu_sched_set ? SET_SCHED : 0) |
                  (c->timer_slack != UINT64_MAX ? SET_TIMER_SLACK : 0) |
                  (c->personality != ~0ul ? SET_PERSONALITY : 0);
        if (c->coredump_filter_set) {
                pl->set |= SET_COREDUMP;
                pl->coredump_filter = c->coredump_filter;
        }
        pl->flags |= (c->ignore_sigpipe_off ? 0 : PLAN_IGNORE_SIGPIPE) |
                     (c->non_blocking ? PLAN_NON_BLOCKING : 0) | (c->cpu_reset_on_fork ? PLAN_CPU_RESET : 0);
        if (c->keyring_mode != KEYRING_INHERIT)
                pl->flags |= c->keyring_mode == KEYRING_SHARED ? PLAN_KEYRING_SHARED : PLAN_KEYRING;
        if (c->numa_policy >= 0)
                plan_numa(c, b);
}

/* Signals that PID 1 ignores, asked once: they would stay ignored in its children. The two that libc keeps
 * for itself and does not tell of (32, 33) are counted in: a parent in a container may leave them ignored. */
static uint64_t ignored_signals(void)
{
        static uint64_t mask;
        static bool known;

        for (int s = 1; s <= 64 && !known; s++) {
                struct sigaction sa;

                if (sigaction(s, NULL, &sa) < 0 || sa.sa_handler == SIG_IGN)
                        mask |= 1ull << (s - 1);
        }
        known = true;
        return mask;
}

/* ---- identity and capabilities ---- */

static uint64_t bounding_set(const struct exec_context *c)
{
        uint64_t keep = c->cap_bounding;

        if (c->protect_clock)
                keep &= ~(1ull << CAP_SYS_TIME | 1ull << CAP_WAKE_ALARM);
        if (c->protect_kernel_modules)
                keep &= ~(1ull << CAP_SYS_MODULE);
        if (c->protect_kernel_logs)
                keep &= ~(1ull << CAP_SYSLOG);
        if (c->private_devices)
                keep &= ~(1ull << CAP_MKNOD | 1ull << CAP_SYS_RAWIO);
        return keep;
}

static void plan_identity(const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, struct plan_builder *b)
{
        uint32_t user = plan_add_str(b, id->by_nss ? c->user : id->user.name),
                 group = plan_add_str(b, c->group), home = plan_add_str(b, id->user.home),
                 shell = plan_add_str(b, id->user.shell);
        struct plan_array groups = plan_add_array(b, id->groups, id->n_groups, sizeof(gid_t));
        struct plan_list names = { 0 };
        struct exec_plan *pl;

        if (id->by_nss)
                names = plan_add_strv(b, c->supplementary_groups);
        pl = plan_of(b);
        pl->user = user;
        pl->group = id->by_nss ? group : 0;
        pl->home = home;
        pl->shell = shell;
        pl->groups = groups;
        pl->group_names = names;
        pl->uid = id->user.uid;
        pl->gid = id->gid;
        if (!p->apply_permissions)
                return;
        if (id->by_nss)
                pl->flags |= PLAN_NAMES;
        if (p->command->flags & CMD_NO_SETUID)
                pl->flags |= PLAN_NO_SETUID;
        else if (id->set)
                pl->flags |= PLAN_SETID;
}

static void plan_capabilities(
        const struct exec_context *c, const struct exec_params *p, struct plan_builder *b)
{
        struct exec_plan *pl = plan_of(b);

        if (!p->apply_permissions)
                return;
        pl->cap_bounding = bounding_set(c);
        if (pl->cap_bounding != UINT64_MAX)
                pl->flags |= PLAN_DROP_BOUNDING;
        pl->cap_ambient = c->cap_ambient;
        if (c->cap_ambient)
                pl->flags |= PLAN_SET_CAPS;
        pl->secure_bits = c->secure_bits;
        if (c->secure_bits)
                pl->flags |= PLAN_SECURE_BITS;
}

/* seccomp needs CAP_SYS_ADMIN at the end, or no-new-privileges. */
static bool needs_no_new_privs(const struct exec_context *c, const struct exec_identity *id, bool filtered)
{
        if (c->no_new_privileges || c->dynamic_user)
                return true;
        return filtered &&
               ((id->set && (id->by_nss || id->user.uid != 0)) || !(bounding_set(c) >> CAP_SYS_ADMIN & 1));
}

static int plan_confinement(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, struct plan_builder *b)
{
        struct seccomp_programs prog = { 0 };
        struct plan_array a;
        int r;

        if (!p->apply_permissions)
                return 0;
        plan_of(b)->flags |= PLAN_SANDBOX;
        if (seccomp_wanted(c)) {
                r = seccomp_compile(u->id, c, &prog);
                if (r < 0)
                        return log_unit_errno(u->id, LOG_ERR, r, "System call filter cannot be made: %m");
        }
        a = plan_add_array(b, prog.words, prog.n, sizeof(uint32_t));
        plan_of(b)->seccomp = a;
        if (needs_no_new_privs(c, id, prog.n > 0))
                plan_of(b)->flags |= PLAN_NO_NEW_PRIVS;
        free(prog.words);
        if (c->apparmor_profile) {
                _cleanup_free_ char *enabled = NULL, *text = NULL;
                const char *name = c->apparmor_profile + (*c->apparmor_profile == '-');

                if (read_one_line("/sys/module/apparmor/parameters/enabled", &enabled) >= 0 &&
                        *enabled == 'Y') {
                        uint32_t at;

                        text = str_printf("%sexec %s", *c->apparmor_profile == '-' ? "-" : "", name);
                        at = plan_add_str(b, text);
                        plan_of(b)->apparmor = at;
                }
        }
        return 0;
}

/* ---- the program ---- */

static struct plan_list plan_env(struct plan_builder *b, char *const *env)
{
        struct plan_list l = { .n = (uint32_t)strv_len(env) };

        l.off = plan_reserve(b, (l.n + 1) * sizeof(uint32_t));
        for (uint32_t i = 0; i < l.n && !b->failed; i++) {
                const char *eq = strchr(env[i], '=');
                size_t key = (size_t)(eq - env[i]) + 1;
                uint32_t at;

                if (!streq(eq + 1, EXEC_PLACEHOLDER)) {
                        at = plan_add_str(b, env[i]);
                } else {
                        struct exec_plan *pl;

                        at = plan_reserve(b, key + 48);
                        if (!at)
                                break;
                        memcpy(b->block + at, env[i], key);
                        pl = plan_of(b);
                        *(startswith(env[i], "LISTEN")           ? &pl->env_listen_pid
                                : startswith(env[i], "SYSTEMD")  ? &pl->env_exec_pid
                                : startswith(env[i], "WATCHDOG") ? &pl->env_watchdog_pid
                                                                 : &pl->env_journal) = at + (uint32_t)key;
                }
                ((uint32_t *)(b->block + l.off))[i] = at;
        }
        return l;
}

static bool env_files_are_local(const struct exec_context *c)
{
        FOREACH_STR (f, c->environment_files)
                if (!exec_path_is_local(*f + (**f == '-')))
                        return false;
        return true;
}

static int plan_program(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, bool journal, bool files_here, struct plan_builder *b)
{
        _cleanup_strv_ char **env = NULL, **argv = NULL, **search = NULL;
        bool late = id->by_nss || !files_here, expand = !(p->command->flags & CMD_NO_ENV_EXPAND);
        struct plan_list l;
        uint32_t at;
        int r;

        r = exec_build_env(u, c, p, id, files_here, &env);
        if (r >= 0 && expand && !late)
                r = exec_expand_argv(p->command->argv, env, &argv);
        if (r >= 0)
                r = exec_add_placeholders(c, p, journal, &env);
        if (r < 0)
                return r;
        search = c->exec_search_path ? strv_copy(c->exec_search_path) : strv_split(EXEC_DEFAULT_PATH, ":");
        at = plan_add_str(b, p->command->path);
        plan_of(b)->path = at;
        l = plan_add_strv(b, argv ?: p->command->argv);
        plan_of(b)->argv = l;
        l = plan_env(b, env);
        plan_of(b)->env = l;
        l = plan_add_strv(b, search);
        plan_of(b)->search = l;
        at = plan_reserve(b, (plan_of(b)->argv.n + plan_of(b)->env.n + 2) * sizeof(void *));
        plan_of(b)->ptrs = at;
        if (expand && late)
                plan_of(b)->flags |= PLAN_EXPAND;
        if (p->same_group)
                plan_of(b)->flags |= PLAN_SAME_GROUP;
        if (p->command->flags & CMD_IGNORE_FAILURE)
                plan_of(b)->flags |= PLAN_EXEC_FATAL_OK;
        if (!files_here) {
                l = plan_add_strv(b, c->environment_files);
                plan_of(b)->env_files = l;
        }
        l = plan_add_strv(b, c->unset_environment);
        plan_of(b)->unset_env = l;
        return 0;
}

static void plan_directory(
        const struct exec_context *c, const struct exec_identity *id, struct plan_builder *b)
{
        const char *dir = c->working_directory;
        uint32_t at = 0;

        if (dir && streq(dir, "~")) {
                if (id->user.home && !id->by_nss)
                        at = plan_add_str(b, id->user.home);
                else if (id->by_nss)
                        plan_of(b)->flags |= PLAN_CWD_HOME;
                else
                        at = plan_add_str(b, "/root");
        } else if (dir)
                at = plan_add_str(b, dir);
        plan_of(b)->cwd = at;
        if (c->working_directory_missing_ok)
                plan_of(b)->flags |= PLAN_CWD_MISSING_OK;
}

/* ---- for rouse-exec ---- */

static bool needs_mounts(const struct exec_context *c)
{
        return c->protect_system != PROTECT_SYSTEM_NO || c->protect_home != PROTECT_HOME_NO ||
               c->protect_proc != PROC_DEFAULT || c->proc_subset_pid || c->protect_hostname ||
               c->protect_kernel_tunables || c->protect_kernel_modules || c->protect_kernel_logs ||
               c->protect_control_groups || c->private_tmp || c->private_devices || c->private_network ||
               c->private_ipc || c->private_users || c->private_mounts || c->mount_flags ||
               c->network_namespace_path || c->ipc_namespace_path || c->read_write_paths ||
               c->read_only_paths || c->inaccessible_paths || c->exec_paths || c->no_exec_paths ||
               c->bind_paths.n || c->bind_ro_paths.n || c->temporary_fs || c->dynamic_user ||
               c->root_directory || c->images || c->log_namespace ||
               (c->mount_api_vfs_set && c->mount_api_vfs);
}

bool exec_needs_helper(const struct exec_context *c, const struct exec_params *p)
{
        if (uses_tty(c) || c->tty_reset || c->tty_vhangup || c->tty_vt_disallocate || c->utmp_id ||
                exec_has_credentials(c) || !env_files_are_local(c))
                return true;
        if (p->network && (c->private_network || c->network_namespace_path))
                return true;
        return p->apply_permissions && (c->pam_name || needs_mounts(c));
}

static struct plan_array plan_binds(struct plan_builder *b, const struct exec_context *c)
{
        size_t n = c->bind_paths.n + c->bind_ro_paths.n;
        struct plan_array a = { .n = (uint32_t)n };

        if (n == 0)
                return a;
        a.off = plan_reserve(b, n * sizeof(struct plan_bind));
        for (size_t i = 0; i < n && !b->failed; i++) {
                bool ro = i >= c->bind_paths.n;
                const struct exec_path_pair *from =
                        ro ? &c->bind_ro_paths.v[i - c->bind_paths.n] : &c->bind_paths.v[i];
                struct plan_bind d = {
                        .read_only = ro, .ignore_missing = from->ignore_missing, .recursive = from->recursive
                };

                d.source = plan_add_str(b, from->source);
                d.dest = plan_add_str(b, from->dest ?: from->source);
                if (!b->failed)
                        ((struct plan_bind *)(b->block + a.off))[i] = d;
        }
        return a;
}

static struct plan_array plan_dirs(
        struct plan_builder *b, struct unit *u, const struct exec_context *c, const struct exec_identity *id)
{
        struct plan_dir dirs[64];
        size_t n = 0;

        for (int kind = 0; kind < DIR_MAX; kind++)
                FOREACH_STR (d, c->dirs[kind].paths) {
                        _cleanup_free_ char *name = NULL, *path = NULL;

                        exec_dir_split(*d, &name);
                        path = name ? path_join(exec_dir_prefix[kind], name) : NULL;
                        if (n == ARRAY_SIZE(dirs) || !path) {
                                b->failed = true;
                                break;
                        }
                        dirs[n++] = (struct plan_dir) { .kind = (uint32_t)kind,
                                .path = plan_add_str(b, path),
                                .entry = exec_dir_is_slow(u, kind, *d) ? plan_add_str(b, *d) : 0,
                                .private = exec_dir_is_private(c, id, kind),
                                .mode = c->dirs[kind].mode };
                }
        return plan_add_array(b, dirs, n, sizeof(dirs[0]));
}

static uint32_t protect_bits(const struct exec_context *c)
{
        const struct {
                bool on;
                uint32_t bit;
        } map[] = {
                { c->protect_clock, PROT_CLOCK },
                { c->protect_hostname, PROT_HOSTNAME },
                { c->protect_kernel_tunables, PROT_TUNABLES },
                { c->protect_kernel_modules, PROT_MODULES },
                { c->protect_kernel_logs, PROT_LOGS },
                { c->protect_control_groups, PROT_CGROUPS },
                { c->private_tmp || c->dynamic_user, PROT_TMP },
                { c->private_devices, PROT_DEVICES },
                { c->private_network, PROT_NETWORK },
                { c->private_ipc, PROT_IPC },
                { c->private_users, PROT_USERS },
                { c->private_mounts, PROT_MOUNTS },
                { c->proc_subset_pid, PROT_PROC_PID },
                { c->mount_api_vfs_set && c->mount_api_vfs, PROT_API_VFS },
                { c->mount_flags != 0, PROT_MOUNT_FLAGS },
        };
        uint32_t bits = 0;

        for (size_t i = 0; i < ARRAY_SIZE(map); i++)
                bits |= map[i].on ? map[i].bit : 0;
        return bits;
}

static void plan_helper_strings(
        const struct exec_context *c, const struct exec_params *p, struct plan_builder *b)
{
        const struct {
                const char *s;
                size_t at;
        } strings[] = {
                { c->pam_name, offsetof(struct exec_plan, pam_name) },
                { p->host_root ? NULL : c->root_directory, offsetof(struct exec_plan, root_directory) },
                { c->network_namespace_path, offsetof(struct exec_plan, net_ns) },
                { c->ipc_namespace_path, offsetof(struct exec_plan, ipc_ns) },
                { c->log_namespace, offsetof(struct exec_plan, log_namespace) },
                { c->tty_path ?: "/dev/console", offsetof(struct exec_plan, tty_path) },
                { c->utmp_id, offsetof(struct exec_plan, utmp_id) },
                { c->utmp_mode, offsetof(struct exec_plan, utmp_mode) },
        };
        const struct {
                char *const *v;
                size_t at;
        } lists[] = {
                { c->read_write_paths, offsetof(struct exec_plan, read_write) },
                { c->read_only_paths, offsetof(struct exec_plan, read_only) },
                { c->inaccessible_paths, offsetof(struct exec_plan, inaccessible) },
                { c->exec_paths, offsetof(struct exec_plan, exec) },
                { c->no_exec_paths, offsetof(struct exec_plan, no_exec) },
                { c->temporary_fs, offsetof(struct exec_plan, tmpfs) },
                { c->images, offsetof(struct exec_plan, images) },
                { c->load_credentials, offsetof(struct exec_plan, load_creds) },
                { c->set_credentials, offsetof(struct exec_plan, set_creds) },
                { c->load_credentials_encrypted, offsetof(struct exec_plan, load_encrypted) },
                { c->set_credentials_encrypted, offsetof(struct exec_plan, set_encrypted) },
        };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
                uint32_t at = plan_add_str(b, strings[i].s);

                *(uint32_t *)(b->block + strings[i].at) = at;
        }
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                struct plan_list l = plan_add_strv(b, lists[i].v);

                *(struct plan_list *)(b->block + lists[i].at) = l;
        }
}

static void plan_helper(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, struct plan_builder *b)
{
        struct plan_array a;
        struct exec_plan *pl;

        uint32_t run = plan_add_str(b, exec_run_name(u, c));

        plan_of(b)->run = run;
        plan_helper_strings(c, p, b);
        a = plan_binds(b, c);
        plan_of(b)->binds = a;
        a = plan_dirs(b, u, c, id);
        pl = plan_of(b);
        pl->dirs = a;
        pl->tty_rows = c->tty_rows;
        pl->tty_columns = c->tty_columns;
        pl->flags |= (c->tty_reset ? PLAN_TTY_RESET : 0) | (c->tty_vhangup ? PLAN_TTY_VHANGUP : 0) |
                     (c->tty_vt_disallocate ? PLAN_TTY_DISALLOCATE : 0) |
                     (c->dynamic_user ? PLAN_DYNAMIC_USER : 0);
        if (exec_sets_login_environment(c))
                pl->flags |= PLAN_LOGIN_ENV;
        pl->flags |= p->network ? PLAN_NETWORK : 0;
        pl->protect = protect_bits(c);
        pl->protect_system = c->dynamic_user ? PROTECT_SYSTEM_STRICT : (uint8_t)c->protect_system;
        pl->protect_home = c->dynamic_user && c->protect_home == PROTECT_HOME_NO ? PROTECT_HOME_READ_ONLY
                                                                                 : (uint8_t)c->protect_home;
        pl->protect_proc = (uint8_t)c->protect_proc;
        pl->mount_flags = c->mount_flags;
        pl->control = p->control;
}

int exec_prepare(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        struct plan_builder *b, bool *ret_helper)
{
        _cleanup_(exec_identity_done) struct exec_identity id = { 0 };
        bool journal = false, files_here = env_files_are_local(c);
        int r, failed, code = 0;
        uint32_t at;

        r = exec_identify(u, c, &id);
        if (r < 0)
                return r;
        failed = exec_directories_make(u, c, &id, &code);
        *ret_helper = exec_needs_helper(c, p) || id.slow_dirs ||
                      ((id.by_nss || id.give_trees) && p->apply_permissions);
        r = plan_begin(b);
        if (r < 0)
                return r;
        if (failed < 0) { /* the child says so by its exit code */
                plan_of(b)->fail_code = code;
                plan_of(b)->fail_err = -failed;
                *ret_helper = false;
        }
        at = plan_add_str(b, u->id);
        plan_of(b)->unit = at;
        plan_of(b)->status_fd = plan_of(b)->cgroup_fd = plan_of(b)->plan_fd = -1;
        plan_of(b)->ignored_signals = ignored_signals();
        r = plan_streams(u, c, p, b, &journal);
        if (r >= 0)
                r = plan_program(u, c, p, &id, journal, files_here, b);
        if (r < 0)
                return r;
        if (p->pass_fds) {
                struct plan_array a = plan_add_array(b, p->fds, p->n_fds, sizeof(int));

                plan_of(b)->fds = a;
        }
        plan_properties(u, c, b);
        plan_identity(c, p, &id, b);
        plan_capabilities(c, p, b);
        plan_directory(c, &id, b);
        r = plan_confinement(u, c, p, &id, b);
        if (r < 0)
                return r;
        if (*ret_helper)
                plan_helper(u, c, p, &id, b);
        return plan_finish(b);
}
