/* The words of unit files: tables only, sorted as the manual pages list them. See names.h. */
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <syslog.h>

#include "names.h"
#include "types.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

const struct name_row names_marker[] = {
        { "needs-reload", MARKED_RELOAD },
        { "needs-restart", MARKED_RESTART },
        { NULL, 0 },
};

const struct name_row names_job_mode[] = {
        { "fail", JOB_FAIL },
        { "replace", JOB_REPLACE },
        { "replace-irreversibly", JOB_REPLACE_IRREVERSIBLY },
        { "isolate", JOB_ISOLATE },
        { "flush", JOB_FLUSH },
        { "ignore-dependencies", JOB_IGNORE_DEPENDENCIES },
        { "ignore-requirements", JOB_IGNORE_REQUIREMENTS },
        { "triggering", JOB_TRIGGERING },
        { NULL, 0 },
};

const struct name_row names_emergency_action[] = {
        { "none", ACTION_NONE },
        { "reboot", ACTION_REBOOT },
        { "reboot-force", ACTION_REBOOT_FORCE },
        { "reboot-immediate", ACTION_REBOOT_IMMEDIATE },
        { "poweroff", ACTION_POWEROFF },
        { "poweroff-force", ACTION_POWEROFF_FORCE },
        { "poweroff-immediate", ACTION_POWEROFF_IMMEDIATE },
        { "exit", ACTION_EXIT },
        { "exit-force", ACTION_EXIT_FORCE },
        { NULL, 0 },
};

const struct name_row names_collect_mode[] = {
        { "inactive", COLLECT_INACTIVE },
        { "inactive-or-failed", COLLECT_INACTIVE_OR_FAILED },
        { NULL, 0 },
};

const struct name_row names_service_type[] = {
        { "simple", SERVICE_SIMPLE },
        { "exec", SERVICE_EXEC },
        { "forking", SERVICE_FORKING },
        { "oneshot", SERVICE_ONESHOT },
        { "dbus", SERVICE_DBUS },
        { "notify", SERVICE_NOTIFY },
        { "notify-reload", SERVICE_NOTIFY_RELOAD },
        { "idle", SERVICE_IDLE },
        { NULL, 0 },
};

const struct name_row names_exit_type[] = {
        { "main", EXIT_TYPE_MAIN },
        { "cgroup", EXIT_TYPE_CGROUP },
        { NULL, 0 },
};

const struct name_row names_restart[] = {
        { "no", RESTART_NO },
        { "on-success", RESTART_ON_SUCCESS },
        { "on-failure", RESTART_ON_FAILURE },
        { "on-abnormal", RESTART_ON_ABNORMAL },
        { "on-watchdog", RESTART_ON_WATCHDOG },
        { "on-abort", RESTART_ON_ABORT },
        { "always", RESTART_ALWAYS },
        { NULL, 0 },
};

const struct name_row names_restart_mode[] = {
        { "normal", 0 },
        { "direct", 1 },
        { NULL, 0 },
};

const struct name_row names_notify_access[] = {
        { "none", NOTIFY_NONE },
        { "main", NOTIFY_MAIN },
        { "exec", NOTIFY_EXEC },
        { "all", NOTIFY_ALL },
        { NULL, 0 },
};

const struct name_row names_oom_policy[] = {
        { "continue", OOM_CONTINUE },
        { "stop", OOM_STOP },
        { "kill", OOM_KILL },
        { NULL, 0 },
};

const struct name_row names_failure_mode[] = {
        { "terminate", 0 },
        { "abort", 1 },
        { "kill", 2 },
        { NULL, 0 },
};

const struct name_row names_service_result[] = {
        { "success", RESULT_SUCCESS },
        { "resources", RESULT_RESOURCES },
        { "protocol", RESULT_PROTOCOL },
        { "timeout", RESULT_TIMEOUT },
        { "exit-code", RESULT_EXIT_CODE },
        { "signal", RESULT_SIGNAL },
        { "core-dump", RESULT_CORE_DUMP },
        { "watchdog", RESULT_WATCHDOG },
        { "start-limit-hit", RESULT_START_LIMIT },
        { "oom-kill", RESULT_OOM_KILL },
        { "exec-condition", RESULT_EXEC_CONDITION },
        { NULL, 0 },
};

/* Exit statuses that SuccessExitStatus= and its like may name: libc's, LSB's, sysexits' and the manager's own. */
const struct name_row names_exit_status[] = {
        { "SUCCESS", 0 },
        { "FAILURE", 1 },
        { "INVALIDARGUMENT", 2 },
        { "NOTIMPLEMENTED", 3 },
        { "NOPERMISSION", 4 },
        { "NOTINSTALLED", 5 },
        { "NOTCONFIGURED", 6 },
        { "NOTRUNNING", 7 },
        { "USAGE", 64 },
        { "DATAERR", 65 },
        { "NOINPUT", 66 },
        { "NOUSER", 67 },
        { "NOHOST", 68 },
        { "UNAVAILABLE", 69 },
        { "SOFTWARE", 70 },
        { "OSERR", 71 },
        { "OSFILE", 72 },
        { "CANTCREAT", 73 },
        { "IOERR", 74 },
        { "TEMPFAIL", 75 },
        { "PROTOCOL", 76 },
        { "NOPERM", 77 },
        { "CONFIG", 78 },
        { "CHDIR", 200 },
        { "NICE", 201 },
        { "FDS", 202 },
        { "EXEC", 203 },
        { "MEMORY", 204 },
        { "LIMITS", 205 },
        { "OOM_ADJUST", 206 },
        { "SIGNAL_MASK", 207 },
        { "STDIN", 208 },
        { "STDOUT", 209 },
        { "CHROOT", 210 },
        { "IOPRIO", 211 },
        { "TIMERSLACK", 212 },
        { "SECUREBITS", 213 },
        { "SETSCHEDULER", 214 },
        { "CPUAFFINITY", 215 },
        { "GROUP", 216 },
        { "USER", 217 },
        { "CAPABILITIES", 218 },
        { "CGROUP", 219 },
        { "SETSID", 220 },
        { "CONFIRM", 221 },
        { "STDERR", 222 },
        { "PAM", 224 },
        { "NETWORK", 225 },
        { "NAMESPACE", 226 },
        { "NO_NEW_PRIVILEGES", 227 },
        { "SECCOMP", 228 },
        { "SELINUX_CONTEXT", 229 },
        { "PERSONALITY", 230 },
        { "APPARMOR_PROFILE", 231 },
        { "ADDRESS_FAMILIES", 232 },
        { "RUNTIME_DIRECTORY", 233 },
        { "CHOWN", 235 },
        { "SMACK_PROCESS_LABEL", 236 },
        { "KEYRING", 237 },
        { "STATE_DIRECTORY", 238 },
        { "CACHE_DIRECTORY", 239 },
        { "LOGS_DIRECTORY", 240 },
        { "CONFIGURATION_DIRECTORY", 241 },
        { "NUMA_POLICY", 242 },
        { "CREDENTIALS", 243 },
        { "BPF", 245 },
        { "EXCEPTION", 255 },
        { NULL, 0 },
};

const struct name_row names_exec_input[] = {
        { "null", IN_NULL },
        { "tty", IN_TTY },
        { "tty-force", IN_TTY_FORCE },
        { "tty-fail", IN_TTY_FAIL },
        { "data", IN_DATA },
        { "file", IN_FILE },
        { "socket", IN_SOCKET },
        { "fd", IN_FD },
        { NULL, 0 },
};

const struct name_row names_exec_output[] = {
        { "inherit", OUT_INHERIT },
        { "null", OUT_NULL },
        { "tty", OUT_TTY },
        { "journal", OUT_JOURNAL },
        { "kmsg", OUT_KMSG },
        { "journal+console", OUT_JOURNAL_CONSOLE },
        { "kmsg+console", OUT_KMSG_CONSOLE },
        { "file", OUT_FILE },
        { "append", OUT_APPEND },
        { "truncate", OUT_TRUNCATE },
        { "socket", OUT_SOCKET },
        { "fd", OUT_FD },
        { "syslog", OUT_JOURNAL }, /* as systemd has done since 246 */
        { "syslog+console", OUT_JOURNAL_CONSOLE },
        { NULL, 0 },
};

const struct name_row names_exec_dir[] = {
        { "RuntimeDirectory", DIR_RUNTIME },
        { "StateDirectory", DIR_STATE },
        { "CacheDirectory", DIR_CACHE },
        { "LogsDirectory", DIR_LOGS },
        { "ConfigurationDirectory", DIR_CONFIGURATION },
        { NULL, 0 },
};

const struct name_row names_preserve[] = {
        { "no", PRESERVE_NO },
        { "yes", PRESERVE_YES },
        { "restart", PRESERVE_RESTART },
        { NULL, 0 },
};

const struct name_row names_protect_system[] = {
        { "no", PROTECT_SYSTEM_NO },
        { "yes", PROTECT_SYSTEM_YES },
        { "full", PROTECT_SYSTEM_FULL },
        { "strict", PROTECT_SYSTEM_STRICT },
        { NULL, 0 },
};

const struct name_row names_protect_home[] = {
        { "no", PROTECT_HOME_NO },
        { "yes", PROTECT_HOME_YES },
        { "read-only", PROTECT_HOME_READ_ONLY },
        { "tmpfs", PROTECT_HOME_TMPFS },
        { NULL, 0 },
};

const struct name_row names_protect_proc[] = {
        { "default", PROC_DEFAULT },
        { "noaccess", PROC_NOACCESS },
        { "invisible", PROC_INVISIBLE },
        { "ptraceable", PROC_PTRACEABLE },
        { NULL, 0 },
};

const struct name_row names_proc_subset[] = {
        { "all", 0 },
        { "pid", 1 },
        { NULL, 0 },
};

const struct name_row names_keyring_mode[] = {
        { "inherit", KEYRING_INHERIT },
        { "private", KEYRING_PRIVATE },
        { "shared", KEYRING_SHARED },
        { NULL, 0 },
};

const struct name_row names_cpu_policy[] = {
        { "other", SCHED_OTHER },
        { "batch", SCHED_BATCH },
        { "idle", SCHED_IDLE },
        { "fifo", SCHED_FIFO },
        { "rr", SCHED_RR },
        { NULL, 0 },
};

const struct name_row names_io_class[] = {
        { "none", 0 },
        { "realtime", 1 },
        { "best-effort", 2 },
        { "idle", 3 },
        { "0", 0 },
        { "1", 1 },
        { "2", 2 },
        { "3", 3 },
        { NULL, 0 },
};

const struct name_row names_numa_policy[] = {
        { "default", 0 },
        { "preferred", 1 },
        { "bind", 2 },
        { "interleave", 3 },
        { "local", 4 },
        { NULL, 0 },
};

const struct name_row names_syslog_facility[] = {
        { "kern", LOG_KERN },
        { "user", LOG_USER },
        { "mail", LOG_MAIL },
        { "daemon", LOG_DAEMON },
        { "auth", LOG_AUTH },
        { "syslog", LOG_SYSLOG },
        { "lpr", LOG_LPR },
        { "news", LOG_NEWS },
        { "uucp", LOG_UUCP },
        { "cron", LOG_CRON },
        { "authpriv", LOG_AUTHPRIV },
        { "ftp", LOG_FTP },
        { "local0", LOG_LOCAL0 },
        { "local1", LOG_LOCAL1 },
        { "local2", LOG_LOCAL2 },
        { "local3", LOG_LOCAL3 },
        { "local4", LOG_LOCAL4 },
        { "local5", LOG_LOCAL5 },
        { "local6", LOG_LOCAL6 },
        { "local7", LOG_LOCAL7 },
        { NULL, 0 },
};

const struct name_row names_syslog_level[] = {
        { "emerg", LOG_EMERG },
        { "alert", LOG_ALERT },
        { "crit", LOG_CRIT },
        { "err", LOG_ERR },
        { "warning", LOG_WARNING },
        { "notice", LOG_NOTICE },
        { "info", LOG_INFO },
        { "debug", LOG_DEBUG },
        { "0", 0 },
        { "1", 1 },
        { "2", 2 },
        { "3", 3 },
        { "4", 4 },
        { "5", 5 },
        { "6", 6 },
        { "7", 7 },
        { NULL, 0 },
};

const struct name_row names_utmp_mode[] = {
        { "init", 0 },
        { "login", 1 },
        { "user", 2 },
        { NULL, 0 },
};

const struct name_row names_rlimit[] = {
        { "LimitCPU", RLIMIT_CPU },
        { "LimitFSIZE", RLIMIT_FSIZE },
        { "LimitDATA", RLIMIT_DATA },
        { "LimitSTACK", RLIMIT_STACK },
        { "LimitCORE", RLIMIT_CORE },
        { "LimitRSS", RLIMIT_RSS },
        { "LimitNOFILE", RLIMIT_NOFILE },
        { "LimitAS", RLIMIT_AS },
        { "LimitNPROC", RLIMIT_NPROC },
        { "LimitMEMLOCK", RLIMIT_MEMLOCK },
        { "LimitLOCKS", RLIMIT_LOCKS },
        { "LimitSIGPENDING", RLIMIT_SIGPENDING },
        { "LimitMSGQUEUE", RLIMIT_MSGQUEUE },
        { "LimitNICE", RLIMIT_NICE },
        { "LimitRTPRIO", RLIMIT_RTPRIO },
        { "LimitRTTIME", RLIMIT_RTTIME },
        { NULL, 0 },
};

const struct name_row names_capability[] = {
        { "cap_chown", 0 },
        { "cap_dac_override", 1 },
        { "cap_dac_read_search", 2 },
        { "cap_fowner", 3 },
        { "cap_fsetid", 4 },
        { "cap_kill", 5 },
        { "cap_setgid", 6 },
        { "cap_setuid", 7 },
        { "cap_setpcap", 8 },
        { "cap_linux_immutable", 9 },
        { "cap_net_bind_service", 10 },
        { "cap_net_broadcast", 11 },
        { "cap_net_admin", 12 },
        { "cap_net_raw", 13 },
        { "cap_ipc_lock", 14 },
        { "cap_ipc_owner", 15 },
        { "cap_sys_module", 16 },
        { "cap_sys_rawio", 17 },
        { "cap_sys_chroot", 18 },
        { "cap_sys_ptrace", 19 },
        { "cap_sys_pacct", 20 },
        { "cap_sys_admin", 21 },
        { "cap_sys_boot", 22 },
        { "cap_sys_nice", 23 },
        { "cap_sys_resource", 24 },
        { "cap_sys_time", 25 },
        { "cap_sys_tty_config", 26 },
        { "cap_mknod", 27 },
        { "cap_lease", 28 },
        { "cap_audit_write", 29 },
        { "cap_audit_control", 30 },
        { "cap_setfcap", 31 },
        { "cap_mac_override", 32 },
        { "cap_mac_admin", 33 },
        { "cap_syslog", 34 },
        { "cap_wake_alarm", 35 },
        { "cap_block_suspend", 36 },
        { "cap_audit_read", 37 },
        { "cap_perfmon", 38 },
        { "cap_bpf", 39 },
        { "cap_checkpoint_restore", 40 },
        { NULL, 0 },
};

/* Bits of PR_SET_SECUREBITS. */
const struct name_row names_secure_bits[] = {
        { "keep-caps", 1 << 4 },
        { "keep-caps-locked", 1 << 5 },
        { "no-setuid-fixup", 1 << 2 },
        { "no-setuid-fixup-locked", 1 << 3 },
        { "noroot", 1 << 0 },
        { "noroot-locked", 1 << 1 },
        { NULL, 0 },
};

const struct name_row names_namespace[] = {
        { "cgroup", CLONE_NEWCGROUP },
        { "ipc", CLONE_NEWIPC },
        { "net", CLONE_NEWNET },
        { "mnt", CLONE_NEWNS },
        { "pid", CLONE_NEWPID },
        { "user", CLONE_NEWUSER },
        { "uts", CLONE_NEWUTS },
        { "time", CLONE_NEWTIME },
        { NULL, 0 },
};

const struct name_row names_mount_flags[] = {
        { "shared", MS_SHARED },
        { "slave", MS_SLAVE },
        { "private", MS_PRIVATE },
        { NULL, 0 },
};

const struct name_row names_personality[] = {
#if defined(__x86_64__)
        { "x86-64", PER_LINUX },
        { "x86", PER_LINUX32 },
#elif defined(__i386__)
        { "x86", PER_LINUX },
#elif defined(__aarch64__)
        { "arm64", PER_LINUX },
        { "arm", PER_LINUX32 },
#elif defined(__s390x__)
        { "s390x", PER_LINUX },
        { "s390", PER_LINUX32 },
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        { "ppc64-le", PER_LINUX },
        { "ppc-le", PER_LINUX32 },
#endif
        { "native", PER_LINUX },
        { NULL, 0 },
};

/* SystemCallArchitectures=: the words; the value is only an index. */
const struct name_row names_architecture[] = {
        { "native", 0 },
        { "x86", 1 },
        { "x86-64", 2 },
        { "x32", 3 },
        { "arm", 4 },
        { "arm64", 5 },
        { "loongarch64", 6 },
        { "mips", 7 },
        { "mips64", 8 },
        { "mips64-n32", 9 },
        { "mips-le", 10 },
        { "mips64-le", 11 },
        { "mips64-le-n32", 12 },
        { "parisc", 13 },
        { "parisc64", 14 },
        { "ppc", 15 },
        { "ppc64", 16 },
        { "ppc64-le", 17 },
        { "riscv64", 18 },
        { "s390", 19 },
        { "s390x", 20 },
        { NULL, 0 },
};

const struct name_row names_kill_mode[] = {
        { "control-group", KILL_CONTROL_GROUP },
        { "mixed", KILL_MIXED },
        { "process", KILL_PROCESS },
        { "none", KILL_NONE },
        { NULL, 0 },
};

const struct name_row names_device_policy[] = {
        { "auto", 0 },
        { "closed", 1 },
        { "strict", 2 },
        { NULL, 0 },
};

const struct name_row names_managed_oom[] = {
        { "auto", 0 },
        { "kill", 1 },
        { NULL, 0 },
};

const struct name_row names_managed_oom_preference[] = {
        { "none", 0 },
        { "avoid", 1 },
        { "omit", 2 },
        { NULL, 0 },
};

const struct name_row names_cgroup_controller[] = {
        { "cpu", 1 },
        { "cpuacct", 2 },
        { "cpuset", 4 },
        { "io", 8 },
        { "blkio", 16 },
        { "memory", 32 },
        { "devices", 64 },
        { "pids", 128 },
        { "bpf-firewall", 256 },
        { "bpf-devices", 512 },
        { "bpf-foreign", 1024 },
        { "bpf-socket-bind", 2048 },
        { "bpf-restrict-network-interfaces", 4096 },
        { NULL, 0 },
};

const struct name_row names_bind_ipv6_only[] = {
        { "default", 0 },
        { "both", 1 },
        { "ipv6-only", 2 },
        { NULL, 0 },
};

const struct name_row names_timestamping[] = {
        { "off", 0 },
        { "us", 1 },
        { "ns", 2 },
        { "usec", 1 },
        { "µs", 1 },
        { "nsec", 2 },
        { NULL, 0 },
};

const struct name_row names_ip_tos[] = {
        { "low-delay", IPTOS_LOWDELAY },
        { "throughput", IPTOS_THROUGHPUT },
        { "reliability", IPTOS_RELIABILITY },
        { "low-cost", IPTOS_LOWCOST },
        { NULL, 0 },
};

const struct name_row names_socket_protocol[] = {
        { "udplite", IPPROTO_UDPLITE },
        { "sctp", IPPROTO_SCTP },
        { "mptcp", IPPROTO_MPTCP },
        { NULL, 0 },
};

const struct name_row names_listen[] = {
        { "Stream", SOCK_STREAM },
        { "Datagram", SOCK_DGRAM },
        { "SequentialPacket", SOCK_SEQPACKET },
        { "FIFO", -'f' },
        { "Special", -'s' },
        { "MessageQueue", -'m' },
        { "Netlink", -'n' },
        { "USBFunction", -'u' },
        { NULL, 0 },
};

const struct name_row names_timer_base[] = {
        { "OnActiveUSec", TIMER_ACTIVE },
        { "OnBootUSec", TIMER_BOOT },
        { "OnStartupUSec", TIMER_STARTUP },
        { "OnUnitActiveUSec", TIMER_UNIT_ACTIVE },
        { "OnUnitInactiveUSec", TIMER_UNIT_INACTIVE },
        { "OnCalendar", TIMER_CALENDAR },
        { NULL, 0 },
};

const struct name_row names_path_kind[] = {
        { "PathExists", PATH_EXISTS },
        { "PathExistsGlob", PATH_EXISTS_GLOB },
        { "PathChanged", PATH_CHANGED },
        { "PathModified", PATH_MODIFIED },
        { "DirectoryNotEmpty", PATH_DIRECTORY_NOT_EMPTY },
        { NULL, 0 },
};

const char *name_of(const struct name_row *t, int64_t value)
{
        for (; t->name; t++)
                if (t->value == value)
                        return t->name;
        return NULL;
}

int name_value(const struct name_row *t, const char *name, int64_t *ret)
{
        for (; t->name; t++)
                if (streq(t->name, name)) {
                        *ret = t->value;
                        return 0;
                }
        return -EINVAL;
}

char *name_list(const struct name_row *t, char *buf, size_t n)
{
        size_t len = 0;

        buf[0] = '\0';
        for (; t->name; t++) {
                size_t l = strlen(t->name);

                if (len + l + 6 >= n) {
                        memcpy(buf + len, "…", sizeof("…"));
                        break;
                }
                if (len > 0) {
                        memcpy(buf + len, ", ", 2);
                        len += 2;
                }
                memcpy(buf + len, t->name, l + 1);
                len += l;
        }
        return buf;
}

char *name_flags(const struct name_row *t, uint64_t flags)
{
        struct strbuf b = {};

        strbuf_puts(&b, "");
        for (; t->name; t++)
                if ((flags & (uint64_t)t->value) == (uint64_t)t->value && t->value)
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", t->name);
        return strbuf_take(&b);
}

int capability_from_string(const char *s)
{
        uint32_t n;

        for (const struct name_row *t = names_capability; t->name; t++)
                if (strcasecmp(t->name, s) == 0)
                        return (int)t->value;
        return parse_u32(s, &n) < 0 || n > 63 ? -EINVAL : (int)n;
}
