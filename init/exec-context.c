/* Contexts: defaults, freeing; names of exit codes. */
#include <sched.h>
#include <signal.h>
#include <syslog.h>

#include "exec-seccomp.h"
#include "exec.h"
#include "exit-status.h"

void exec_context_init(struct exec_context *c)
{
        c->syslog_facility = LOG_DAEMON;
        c->syslog_level = LOG_INFO;
        c->log_level_max = -1;
        c->log_ratelimit_interval = USEC_INFINITY;
        c->log_ratelimit_burst = UINT32_MAX;
        c->umask = (mode_t)-1;
        c->personality = ~0ul;
        c->timer_slack = UINT64_MAX;
        c->numa_policy = -1;
        c->cap_bounding = UINT64_MAX;
        c->timeout_clean = USEC_INFINITY;
        c->keyring_mode = KEYRING_PRIVATE;
        for (int i = 0; i < DIR_MAX; i++)
                c->dirs[i].mode = 0755;
}

void exec_path_pairs_reset(struct exec_path_pairs *pairs)
{
        for (size_t i = 0; i < pairs->n; i++) {
                free(pairs->v[i].source);
                free(pairs->v[i].dest);
        }
        free(pairs->v);
        *pairs = (struct exec_path_pairs) { 0 };
}

int exec_path_pairs_add(struct exec_path_pairs *pairs, const char *source, const char *dest,
        bool ignore_missing, bool recursive)
{
        struct exec_path_pair *bigger = reallocarray(pairs->v, pairs->n + 1, sizeof(*bigger));
        _cleanup_free_ char *from = strdup(source), *to = strdup(dest);

        if (bigger)
                pairs->v = bigger;
        if (!bigger || !from || !to)
                return -ENOMEM;
        bigger[pairs->n++] =
                (struct exec_path_pair) { TAKE_PTR(from), TAKE_PTR(to), ignore_missing, recursive };
        return 0;
}

void exec_context_done(struct exec_context *c)
{
        char **const lists[] = { c->environment, c->environment_files, c->pass_environment,
                c->unset_environment, c->exec_search_path, c->supplementary_groups, c->log_extra_fields,
                c->images, c->load_credentials, c->set_credentials, c->load_credentials_encrypted,
                c->set_credentials_encrypted, c->read_write_paths, c->read_only_paths, c->inaccessible_paths,
                c->exec_paths, c->no_exec_paths, c->temporary_fs, c->address_families,
                c->syscall_filter.names, c->syscall_log.names, c->syscall_archs };
        char *const strings[] = { c->working_directory, c->root_directory, c->user, c->group, c->pam_name,
                c->stdin_file, c->stdout_file, c->stderr_file, c->stdin_data, c->tty_path,
                c->syslog_identifier, c->log_namespace, c->utmp_id, c->utmp_mode, (char *)c->cpu_affinity,
                c->numa_mask, c->network_namespace_path, c->ipc_namespace_path, c->apparmor_profile,
                c->selinux_context, c->smack_label };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                strv_free(lists[i]);
        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                free(strings[i]);
        for (int i = 0; i < DIR_MAX; i++)
                strv_free(c->dirs[i].paths);
        exec_path_pairs_reset(&c->bind_paths);
        exec_path_pairs_reset(&c->bind_ro_paths);
        *c = (struct exec_context) { 0 };
}

void kill_context_init(struct kill_context *c)
{
        c->mode = KILL_CONTROL_GROUP;
        c->signal = SIGTERM;
        c->restart_signal = 0; /* as signal */
        c->final_signal = SIGKILL;
        c->watchdog_signal = SIGABRT;
        c->send_sigkill = true;
}

void cgroup_context_init(struct cgroup_context *c)
{
        uint64_t *const unset[] = { &c->cpu_weight, &c->startup_cpu_weight, &c->io_weight,
                &c->startup_io_weight, &c->cpu_quota_per_sec, &c->cpu_quota_period, &c->memory_min,
                &c->memory_low, &c->memory_high, &c->memory_max, &c->memory_swap_max, &c->memory_zswap_max,
                &c->tasks_max, &c->default_memory_min, &c->default_memory_low };

        for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
                *unset[i] = UINT64_MAX;
        c->tasks_max_permyriad = UINT32_MAX;
        c->oom_kill_group = -1;
        c->tasks_accounting = true;
}

void cgroup_context_done(struct cgroup_context *c)
{
        char **const lists[] = { c->delegate_controllers, c->device_allow, c->ip_allow, c->ip_deny,
                c->bind_allow, c->bind_deny, c->interfaces, c->bpf_programs, c->io_limits,
                c->disable_controllers };
        char *const strings[] = { c->allowed_cpus, c->allowed_memory_nodes, c->startup_allowed_cpus,
                c->startup_allowed_memory_nodes, c->managed_oom_swap, c->managed_oom_memory };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                strv_free(lists[i]);
        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                free(strings[i]);
        *c = (struct cgroup_context) { 0 };
}

const char *exec_status_to_string(int status)
{
        static const char *const names[] = { "CHDIR", "NICE", "FDS", "EXEC", "MEMORY", "LIMITS",
                "OOM_ADJUST", "SIGNAL_MASK", "STDIN", "STDOUT", "CHROOT", "IOPRIO", "TIMERSLACK",
                "SECUREBITS", "SETSCHEDULER", "CPUAFFINITY", "GROUP", "USER", "CAPABILITIES", "CGROUP",
                "SETSID", "CONFIRM", "STDERR", NULL, "PAM", "NETWORK", "NAMESPACE", "NO_NEW_PRIVILEGES",
                "SECCOMP", "SELINUX_CONTEXT", "PERSONALITY", "APPARMOR", "ADDRESS_FAMILIES",
                "RUNTIME_DIRECTORY", NULL, "CHOWN", "SMACK_PROCESS_LABEL", "KEYRING", "STATE_DIRECTORY",
                "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY", "NUMA_POLICY", "CREDENTIALS",
                NULL, "BPF" };

        return status >= EXIT_CHDIR && (size_t)(status - EXIT_CHDIR) < ARRAY_SIZE(names)
                       ? names[status - EXIT_CHDIR]
                       : NULL;
}
