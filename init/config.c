/* What configures the manager itself: system.conf(5) with its drop-ins, the locale, and over both the kernel command line
 * (systemd(1), "Kernel Command Line").
 *
 * One table: the key in [Manager], the option on the command line, the kind of value, the place. All of it goes back to
 * its default before it is read, so that a reload takes back what is no longer said. Nothing is dropped without a
 * word: a key that has no row here is named with file and line. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/inifile.h"
#include "config.h"
#include "manager.h"
#include "names.h"
#include "parse.h"
#include "types.h"

enum kind {
        CONF_TIME,
        CONF_BOOL,
        CONF_U32,
        CONF_ENV,
        CONF_LOG_LEVEL,
        CONF_OUTPUT,
        CONF_TASKS,
        CONF_LIMIT,
        CONF_STATUS,
        CONF_FORMAT,
        CONF_ACTION,
        CONF_OOM_POLICY,
        CONF_OOM_SCORE,
        CONF_CPUS,
        CONF_SLACK,
        CONF_WATCHDOG,
        CONF_STRING,
        CONF_CAPABILITIES,
        CONF_NO_NEW_PRIVILEGES,
        CONF_NOTHING, /* how messages look: rouse has one way */
};
struct setting {
        const char *key;
        enum kind kind;
        size_t offset;      /* CONF_LIMIT: RLIMIT_… */
        const char *option; /* NULL: only in system.conf */
        const char *bare;   /* what the option without a value stands for; NULL: it needs one */
};
#define M(f) offsetof(struct manager, f)
static const struct setting settings[] = {
        { "DefaultTimeoutStartSec", CONF_TIME, M(default_timeout_start), NULL, NULL },
        { "DefaultTimeoutStopSec", CONF_TIME, M(default_timeout_stop), NULL, NULL },
        { "DefaultTimeoutAbortSec", CONF_TIME, M(default_timeout_abort), NULL, NULL },
        { "DefaultDeviceTimeoutSec", CONF_TIME, M(default_device_timeout), NULL, NULL },
        { "DefaultRestartSec", CONF_TIME, M(default_restart_sec), NULL, NULL },
        { "DefaultTimerAccuracySec", CONF_TIME, M(default_timer_accuracy), NULL, NULL },
        { "DefaultStartLimitIntervalSec", CONF_TIME, M(default_start_limit_interval), NULL, NULL },
        { "DefaultStartLimitBurst", CONF_U32, M(default_start_limit_burst), NULL, NULL },
        { "DefaultStandardOutput", CONF_OUTPUT, M(default_std_output), "systemd.default_standard_output",
                "journal" },
        { "DefaultStandardError", CONF_OUTPUT, M(default_std_error), "systemd.default_standard_error",
                "inherit" },
        { "DefaultEnvironment", CONF_ENV, M(environment), NULL, NULL },
        { "ManagerEnvironment", CONF_ENV, M(manager_environment), NULL, NULL },
        { "DefaultCPUAccounting", CONF_BOOL, M(default_cpu_accounting), NULL, NULL },
        { "DefaultIOAccounting", CONF_BOOL, M(default_io_accounting), NULL, NULL },
        { "DefaultBlockIOAccounting", CONF_BOOL, M(default_io_accounting), NULL, NULL },
        { "DefaultMemoryAccounting", CONF_BOOL, M(default_memory_accounting), NULL, NULL },
        { "DefaultTasksAccounting", CONF_BOOL, M(default_tasks_accounting), NULL, NULL },
        { "DefaultIPAccounting", CONF_BOOL, M(default_ip_accounting), NULL, NULL },
        { "DefaultTasksMax", CONF_TASKS, 0, NULL, NULL },
        { "DefaultOOMPolicy", CONF_OOM_POLICY, M(default_oom_policy), NULL, NULL },
        { "DefaultOOMScoreAdjust", CONF_OOM_SCORE, M(default_oom_score), NULL, NULL },
        { "LogLevel", CONF_LOG_LEVEL, 0, "systemd.log_level", NULL },
        { "LogTarget", CONF_NOTHING, 0, "systemd.log_target", NULL },
        { "LogColor", CONF_NOTHING, 0, "systemd.log_color", "yes" },
        { "LogLocation", CONF_NOTHING, 0, "systemd.log_location", "yes" },
        { "LogTime", CONF_NOTHING, 0, "systemd.log_time", "yes" },
        { "ShowStatus", CONF_STATUS, M(show_status), "systemd.show_status", "yes" },
        { "StatusUnitFormat", CONF_FORMAT, M(status_format), "systemd.status_unit_format", NULL },
        { "CtrlAltDelBurstAction", CONF_ACTION, M(ctrl_alt_del_burst), NULL, NULL },
        { "CrashShell", CONF_BOOL, M(crash_shell), "systemd.crash_shell", "yes" },
        { "CrashReboot", CONF_BOOL, M(crash_reboot), "systemd.crash_reboot", "yes" },
        { NULL, CONF_BOOL, M(service_watchdogs), "systemd.service_watchdogs", NULL },
        { NULL, CONF_ENV, M(environment), "systemd.setenv", NULL },
        { "RuntimeWatchdogSec", CONF_WATCHDOG, M(watchdog_runtime), "systemd.watchdog_sec", NULL },
        { "RuntimeWatchdogPreSec", CONF_WATCHDOG, M(watchdog_pre), "systemd.watchdog_pre_sec", NULL },
        { "RuntimeWatchdogPreGovernor", CONF_STRING, M(watchdog_governor),
                "systemd.watchdog_pretimeout_governor", NULL },
        { "RebootWatchdogSec", CONF_WATCHDOG, M(watchdog_reboot), NULL, NULL },
        { "ShutdownWatchdogSec", CONF_WATCHDOG, M(watchdog_reboot), NULL, NULL },
        { "KExecWatchdogSec", CONF_WATCHDOG, M(watchdog_kexec), NULL, NULL },
        { "WatchdogDevice", CONF_STRING, M(watchdog_device), "systemd.watchdog_device", NULL },
        { "CapabilityBoundingSet", CONF_CAPABILITIES, 0, NULL, NULL },
        { "NoNewPrivileges", CONF_NO_NEW_PRIVILEGES, 0, NULL, NULL },
        { "CPUAffinity", CONF_CPUS, 0, NULL, NULL },
        { "TimerSlackNSec", CONF_SLACK, 0, NULL, NULL },
        { "DefaultLimitCPU", CONF_LIMIT, RLIMIT_CPU, NULL, NULL },
        { "DefaultLimitFSIZE", CONF_LIMIT, RLIMIT_FSIZE, NULL, NULL },
        { "DefaultLimitDATA", CONF_LIMIT, RLIMIT_DATA, NULL, NULL },
        { "DefaultLimitSTACK", CONF_LIMIT, RLIMIT_STACK, NULL, NULL },
        { "DefaultLimitCORE", CONF_LIMIT, RLIMIT_CORE, NULL, NULL },
        { "DefaultLimitRSS", CONF_LIMIT, RLIMIT_RSS, NULL, NULL },
        { "DefaultLimitNOFILE", CONF_LIMIT, RLIMIT_NOFILE, NULL, NULL },
        { "DefaultLimitAS", CONF_LIMIT, RLIMIT_AS, NULL, NULL },
        { "DefaultLimitNPROC", CONF_LIMIT, RLIMIT_NPROC, NULL, NULL },
        { "DefaultLimitMEMLOCK", CONF_LIMIT, RLIMIT_MEMLOCK, NULL, NULL },
        { "DefaultLimitLOCKS", CONF_LIMIT, RLIMIT_LOCKS, NULL, NULL },
        { "DefaultLimitSIGPENDING", CONF_LIMIT, RLIMIT_SIGPENDING, NULL, NULL },
        { "DefaultLimitMSGQUEUE", CONF_LIMIT, RLIMIT_MSGQUEUE, NULL, NULL },
        { "DefaultLimitNICE", CONF_LIMIT, RLIMIT_NICE, NULL, NULL },
        { "DefaultLimitRTPRIO", CONF_LIMIT, RLIMIT_RTPRIO, NULL, NULL },
        { "DefaultLimitRTTIME", CONF_LIMIT, RLIMIT_RTTIME, NULL, NULL },
};

static const struct name_row names_status_format[] = { { "description", STATUS_DESCRIPTION },
        { "name", STATUS_NAME }, { "combined", STATUS_COMBINED }, { NULL, 0 } };

void manager_default_config(struct manager *m)
{
        struct rlimit files = { 1024, 524288 };

        m->default_timeout_start = m->default_timeout_stop = m->default_timeout_abort =
                m->default_device_timeout = 90 * USEC_PER_SEC;
        m->default_restart_sec = 100 * USEC_PER_MSEC;
        m->default_timer_accuracy = 60 * USEC_PER_SEC;
        m->default_start_limit_interval = 10 * USEC_PER_SEC;
        m->default_start_limit_burst = 5;
        m->default_tasks_max = UINT64_MAX;
        m->default_tasks_max_permyriad = 1500;
        m->default_std_output = OUT_JOURNAL;
        m->default_std_error = OUT_INHERIT;
        m->default_io_accounting = m->default_ip_accounting = false;
        m->default_cpu_accounting = m->default_memory_accounting = m->default_tasks_accounting = true;
        m->default_oom_policy = OOM_STOP;
        m->default_oom_score = OOM_SCORE_UNSET;
        m->ctrl_alt_del_burst = ACTION_REBOOT_FORCE;
        m->show_status = SHOW_STATUS_YES;
        m->status_format = STATUS_DESCRIPTION;
        m->crash_shell = true;
        m->crash_reboot = false;
        m->service_watchdogs = true;
        m->watchdog_runtime = m->watchdog_pre = m->watchdog_kexec = 0;
        m->watchdog_reboot = 10 * 60 * USEC_PER_SEC;
        (void)str_replace(&m->watchdog_device, NULL);
        (void)str_replace(&m->watchdog_governor, NULL);
        /* boot.c raised ours; in a container what we have is what we can give */
        (void)getrlimit(RLIMIT_NOFILE, &files);
        m->default_limits[RLIMIT_NOFILE] =
                (struct rlimit) { MIN(files.rlim_max, 1024), MIN(files.rlim_max, 524288) };
        m->default_limits_set = 1u << RLIMIT_NOFILE;
}

/* ---- values ---- */

static int conf_limit(struct manager *m, unsigned resource, const char *value)
{
        int r;

        if (!*value) {
                m->default_limits_set &= ~(1u << resource);
                return 0;
        }
        r = parse_rlimit((int)resource, value, &m->default_limits[resource]);
        if (r >= 0)
                m->default_limits_set |= 1u << resource;
        return r;
}

static int conf_tasks(struct manager *m, const char *value)
{
        uint32_t p;

        if (parse_permyriad(value, false, &p) >= 0) {
                m->default_tasks_max = UINT64_MAX;
                m->default_tasks_max_permyriad = p;
                return 0;
        }
        m->default_tasks_max_permyriad = UINT32_MAX;
        if (streq(value, "infinity")) {
                m->default_tasks_max = UINT64_MAX;
                return 0;
        }
        return parse_size(value, &m->default_tasks_max);
}

/* Assignments, with the specifiers that name no unit; "" empties the list. */
static int conf_env(struct manager *m, char ***list, const char *value)
{
        struct unit nobody = { .manager = m, .id = (char *)"" };
        _cleanup_strv_ char **words = NULL;
        int r = str_split_quoted(value, WORD_CUNESCAPE, &words);

        if (r < 0)
                return r;
        FOREACH_STR (w, words) {
                _cleanup_free_ char *s = NULL;

                for (const char *p = strchr(*w, '%'); p; p = strchr(p + 2, '%'))
                        if (!p[1] || !strchr("aAbBHlmMoTvVwW%", p[1]))
                                return -EINVAL;
                r = unit_resolve(&nobody, *w, &s);
                if (r < 0)
                        return r;
                if (strv_env_set(list, s) < 0)
                        return -EINVAL;
        }
        return 0;
}

static int conf_cpus(const char *value)
{
        _cleanup_strv_ char **words = strv_split(value, " \t,");
        cpu_set_t set;

        CPU_ZERO(&set);
        FOREACH_STR (w, words) {
                char *dash = strchr(*w, '-');
                uint32_t from, to;

                if (dash)
                        *dash++ = '\0';
                if (parse_u32(*w, &from) < 0 || parse_u32(dash ?: *w, &to) < 0 || to < from ||
                        to >= CPU_SETSIZE)
                        return -EINVAL;
                for (; from <= to; from++)
                        CPU_SET(from, &set);
        }
        return CPU_COUNT(&set) == 0 || sched_setaffinity(0, sizeof(set), &set) >= 0 ? 0 : -errno;
}

int manager_default_limit(struct manager *m, int resource, struct rlimit *ret)
{
        static struct rlimit own[RLIM_NLIMITS]; /* what this process has, and its children inherit */
        static unsigned known;

        if (m->default_limits_set & 1u << resource)
                *ret = m->default_limits[resource];
        else if (known & 1u << resource)
                *ret = own[resource];
        else if (getrlimit((__rlimit_resource_t)resource, ret) < 0)
                return -errno;
        else {
                own[resource] = *ret;
                known |= 1u << resource;
        }
        return 0;
}

int config_show_status(const char *value, enum show_status *ret)
{
        int b = parse_boolean(value);

        if (b < 0 && !streq(value, "auto") && !streq(value, "error"))
                return -EINVAL;
        *ret = b > 0 ? SHOW_STATUS_YES : b == 0 ? SHOW_STATUS_NO : SHOW_STATUS_ERROR;
        return 0;
}

static int conf_watchdog(const char *value, usec_t *ret)
{
        if (streq(value, "off") || streq(value, "default")) {
                *ret = *value == 'o' ? 0 : USEC_INFINITY;
                return 0;
        }
        return parse_timespan(value, USEC_PER_SEC, ret);
}

/* Of PID 1's own sets, too. */
static int keep_capabilities(uint64_t keep)
{
        struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[2];

        if (syscall(SYS_capget, &head, sets) < 0)
                return -errno;
        for (int i = 0; i < 2; i++) {
                sets[i].effective &= (uint32_t)(keep >> 32 * i);
                sets[i].permitted &= (uint32_t)(keep >> 32 * i);
                sets[i].inheritable &= (uint32_t)(keep >> 32 * i);
        }
        return syscall(SYS_capset, &head, sets) < 0 ? -errno : 0;
}

/* What is not named (with '~': what is) can never come back, to PID 1 or what it starts. */
static int conf_capabilities(const struct manager *m, const char *value)
{
        bool invert = *value == '~';
        _cleanup_strv_ char **words = strv_split(value + invert, " \t");
        uint64_t named = 0;

        FOREACH_STR (w, words) {
                int cap = capability_from_string(*w);

                if (cap < 0)
                        return cap;
                named |= 1ull << cap;
        }
        if (!m->is_pid1)
                return 0;
        for (const struct name_row *c = names_capability; c->name; c++)
                if (!(named & 1ull << c->value) != invert &&
                        prctl(PR_CAPBSET_READ, c->value, 0, 0, 0) == 1 &&
                        prctl(PR_CAPBSET_DROP, c->value, 0, 0, 0) < 0)
                        return -errno;
        return keep_capabilities(invert ? ~named : named);
}

static int conf_no_new_privileges(const struct manager *m, const char *value)
{
        int b = parse_boolean(value);

        if (b > 0 && m->is_pid1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return MIN(b, 0);
}

static int conf_name(const struct name_row *names, const char *value, void *p, size_t size)
{
        int64_t v;
        int r = name_value(names, value, &v), i;

        if (r < 0)
                return r;
        i = (int)v;
        memcpy(p, &i, size);
        return 0;
}

static int conf_apply(struct manager *m, const struct setting *s, const char *value)
{
        void *p = (char *)m + s->offset;
        uint64_t slack;
        int score;
        int r;

        switch (s->kind) {
        case CONF_TIME: return parse_timespan(value, USEC_PER_SEC, p);
        case CONF_U32: return parse_u32(value, p);
        case CONF_BOOL:
                r = parse_boolean(value);
                if (r >= 0)
                        *(bool *)p = r;
                return MIN(r, 0);
        case CONF_LOG_LEVEL:
                r = log_level_from_string(value);
                if (r >= 0)
                        log_set_max_level(r);
                return MIN(r, 0);
        case CONF_OUTPUT: return conf_name(names_exec_output, value, p, sizeof(enum exec_output));
        case CONF_OOM_POLICY: return conf_name(names_oom_policy, value, p, sizeof(enum oom_policy));
        case CONF_ACTION: return conf_name(names_emergency_action, value, p, sizeof(int));
        case CONF_FORMAT: return conf_name(names_status_format, value, p, sizeof(enum status_format));
        case CONF_STATUS: return config_show_status(value, p);
        case CONF_ENV: return conf_env(m, p, value);
        case CONF_TASKS: return conf_tasks(m, value);
        case CONF_LIMIT: return conf_limit(m, (unsigned)s->offset, value);
        case CONF_CPUS: return conf_cpus(value);
        case CONF_OOM_SCORE:
                r = parse_int(value, &score);
                if (r >= 0 && (score < -1000 || score > 1000))
                        return -ERANGE;
                if (r >= 0)
                        *(int *)p = score;
                return r;
        case CONF_SLACK:
                r = parse_u64(value, &slack); /* nanoseconds */
                if (r >= 0 && m->is_pid1)
                        (void)prctl(PR_SET_TIMERSLACK, slack);
                return r;
        case CONF_WATCHDOG: return conf_watchdog(value, p);
        case CONF_STRING: return str_replace(p, *value ? value : NULL);
        case CONF_CAPABILITIES: return conf_capabilities(m, value);
        case CONF_NO_NEW_PRIVILEGES: return conf_no_new_privileges(m, value);
        case CONF_NOTHING: return 0;
        }
        return -EINVAL;
}

/* ---- the files ---- */

int config_line(const struct ini_line *l, void *data)
{
        if (!streq(l->section, "Manager"))
                return log_file(l->path, l->line, LOG_WARNING, "%s= is not in [Manager]; ignored", l->key);
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (!settings[i].key || !streq(settings[i].key, l->key))
                        continue;
                if (conf_apply(data, &settings[i], l->value) < 0)
                        log_file(l->path, l->line, LOG_WARNING, "%s='%s' is not valid; ignored", l->key,
                                l->value);
                else if (settings[i].kind == CONF_NOTHING)
                        log_file(l->path, l->line, LOG_INFO, "%s= has no effect", l->key);
                return 0;
        }
        return log_file(l->path, l->line, LOG_NOTICE, "%s= is not supported; ignored", l->key);
}

void config_options(struct manager *m)
{
        if (cmdline_get(m->cmdline, "quiet"))
                m->show_status = SHOW_STATUS_ERROR;
        if (cmdline_get(m->cmdline, "debug"))
                log_set_max_level(LOG_DEBUG);
        FOREACH_STR (w, m->cmdline) {
                for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                        char *word[] = { *w, NULL };
                        const char *v = settings[i].option ? cmdline_get(word, settings[i].option) : NULL;

                        if (!v)
                                continue;
                        if (!*v && settings[i].bare)
                                v = settings[i].bare;
                        if (conf_apply(m, &settings[i], v) < 0)
                                log_warning("%s on the kernel command line is not valid; ignored", *w);
                }
        }
}

/* ---- the locale ---- */

static int locale_line(const char *key, const char *value, void *data)
{
        struct manager *m = data;
        _cleanup_free_ char *s = NULL;

        if (!startswith(key, "LC_") && !startswith(key, "LANG"))
                return 0;
        s = str_printf("%s=%s", key, value);
        return s ? strv_env_set(&m->environment, s) : -ENOMEM;
}

/* locale.LANG= and its like, over locale.conf. */
static void locale_options(struct manager *m)
{
        FOREACH_STR (w, m->cmdline) {
                const char *s = startswith(*w, "locale.");

                if (s && strchr(s, '=') && (startswith(s, "LC_") || startswith(s, "LANG")))
                        (void)strv_env_set(&m->environment, s);
        }
}

/* Nothing says which: text is UTF-8 all the same, as under systemd. */
static void locale_default(struct manager *m)
{
        FOREACH_STR (e, m->environment)
                if (startswith(*e, "LC_") || startswith(*e, "LANG"))
                        return;
        (void)strv_env_set(&m->environment, "LANG=C.UTF-8");
}

void manager_read_config(struct manager *m)
{
        static const char *const dirs[] = { "/etc/systemd/system.conf.d", "/run/systemd/system.conf.d",
                "/usr/local/lib/systemd/system.conf.d", "/usr/lib/systemd/system.conf.d", NULL };
        _cleanup_strv_ char **files = NULL;

        manager_default_config(m);
        (void)strv_env_set(
                &m->environment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        (void)parse_env_file("/etc/default/locale", locale_line, m);
        (void)parse_env_file("/etc/locale.conf", locale_line, m);
        locale_options(m);
        locale_default(m);
        (void)ini_parse_file("/etc/systemd/system.conf", config_line, m, NULL);
        if (conf_files_list(NULL, (char *const *)dirs, ".conf", &files) >= 0)
                FOREACH_STR (f, files)
                        (void)ini_parse_file(*f, config_line, m, NULL);
        config_options(m);
        FOREACH_STR (e, m->set_environment)
                (void)strv_env_set(&m->environment, *e);
        if (m->is_pid1)
                watchdog_apply(m);
}
