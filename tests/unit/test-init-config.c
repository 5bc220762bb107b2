/* system.conf and the kernel command line: each setting's value where the manager keeps it, and what units get of it. */
#include "init-test.h"

#include "init/cgroup.h"
#include "init/config.h"
#include "init/names.h"

static struct manager *configured(const char *conf, const char *cmdline)
{
        struct manager *m = test_manager();
        _cleanup_free_ char *text = str_printf("[Manager]\n%s\n", conf);

        m->cmdline = strv_split(cmdline, " ");
        manager_default_config(m);
        if (!text ||
                ini_parse_text("/etc/systemd/system.conf", text, strlen(text), config_line, m, NULL) < 0)
                exit(1);
        config_options(m);
        return m;
}

#define OFFSET(f) offsetof(struct manager, f)
static const struct {
        const char *conf, *cmdline, *what;
        size_t offset, size;
        int64_t want;
} numbers[] = {
#define ROW(conf, cmdline, f, want)                                                                         \
        {                                                                                                   \
                conf, cmdline, conf " | " cmdline, OFFSET(f), sizeof(((struct manager *)0)->f), want        \
        }
        ROW("", "", default_timeout_start, 90 * USEC_PER_SEC),
        ROW("DefaultTimeoutStartSec=7", "", default_timeout_start, 7 * USEC_PER_SEC),
        ROW("DefaultTimeoutStopSec=1min 30s", "", default_timeout_stop, 90 * USEC_PER_SEC),
        ROW("DefaultTimeoutStopSec=infinity", "", default_timeout_stop, USEC_INFINITY),
        ROW("DefaultTimeoutStopSec=soon", "", default_timeout_stop, 90 * USEC_PER_SEC),
        ROW("DefaultDeviceTimeoutSec=3s", "", default_device_timeout, 3 * USEC_PER_SEC),
        ROW("DefaultTimerAccuracySec=1s", "", default_timer_accuracy, USEC_PER_SEC),
        ROW("DefaultStartLimitBurst=50", "", default_start_limit_burst, 50),
        ROW("DefaultStandardOutput=null", "", default_std_output, OUT_NULL),
        ROW("DefaultStandardOutput=null", "systemd.default_standard_output=kmsg", default_std_output,
                OUT_KMSG),
        ROW("", "systemd.default-standard-error=null", default_std_error, OUT_NULL),
        ROW("", "", default_memory_accounting, true),
        ROW("", "", default_cpu_accounting, true),
        ROW("DefaultCPUAccounting=no", "", default_cpu_accounting, false),
        ROW("DefaultMemoryAccounting=no", "", default_memory_accounting, false),
        ROW("", "", default_tasks_accounting, true),
        ROW("DefaultTasksAccounting=no", "", default_tasks_accounting, false),
        ROW("", "", default_io_accounting, false),
        ROW("DefaultIOAccounting=yes", "", default_io_accounting, true),
        ROW("DefaultBlockIOAccounting=yes", "", default_io_accounting, true),
        ROW("", "", default_ip_accounting, false),
        ROW("DefaultIPAccounting=yes", "", default_ip_accounting, true),
        ROW("RuntimeWatchdogSec=20", "", watchdog_runtime, 20 * USEC_PER_SEC),
        ROW("RuntimeWatchdogSec=default", "", watchdog_runtime, USEC_INFINITY),
        ROW("RuntimeWatchdogSec=20", "systemd.watchdog_sec=off", watchdog_runtime, 0),
        ROW("RuntimeWatchdogPreSec=5", "", watchdog_pre, 5 * USEC_PER_SEC),
        ROW("", "", watchdog_reboot, 600 * USEC_PER_SEC),
        ROW("ShutdownWatchdogSec=2min", "", watchdog_reboot, 120 * USEC_PER_SEC),
        ROW("KExecWatchdogSec=1min", "", watchdog_kexec, 60 * USEC_PER_SEC),
        ROW("DefaultTasksMax=44", "", default_tasks_max, 44),
        ROW("DefaultTasksMax=20%", "", default_tasks_max_permyriad, 2000),
        ROW("DefaultOOMScoreAdjust=-100", "", default_oom_score, -100),
        ROW("DefaultOOMScoreAdjust=2000", "", default_oom_score, OOM_SCORE_UNSET),
        ROW("DefaultOOMPolicy=continue", "", default_oom_policy, OOM_CONTINUE),
        ROW("", "", show_status, SHOW_STATUS_YES),
        ROW("ShowStatus=no", "", show_status, SHOW_STATUS_NO),
        ROW("", "quiet", show_status, SHOW_STATUS_ERROR),
        ROW("ShowStatus=no", "systemd.show_status", show_status, SHOW_STATUS_YES),
        ROW("", "quiet systemd.show_status=1", show_status, SHOW_STATUS_YES),
        ROW("", "systemd.show_status=auto", show_status, SHOW_STATUS_ERROR),
        ROW("", "systemd.show_status=perhaps", show_status, SHOW_STATUS_YES),
        ROW("StatusUnitFormat=name", "systemd.status_unit_format=combined", status_format, STATUS_COMBINED),
        ROW("CtrlAltDelBurstAction=none", "", ctrl_alt_del_burst, ACTION_NONE),
        ROW("", "systemd.crash_reboot", crash_reboot, true),
        ROW("CrashShell=no", "", crash_shell, false),
        ROW("", "systemd.service_watchdogs=no", service_watchdogs, false),
};

static int64_t number_at(const void *p, size_t size)
{
        switch (size) {
        case 1: return *(const bool *)p;
        case 4: return *(const int32_t *)p;
        default: return *(const int64_t *)p;
        }
}

static void values(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                struct manager *m = configured(numbers[i].conf, numbers[i].cmdline);

                is_int(number_at((char *)m + numbers[i].offset, numbers[i].size), numbers[i].want,
                        numbers[i].what);
                test_manager_free(m);
        }
}

static const struct {
        const char *conf;
        int resource;
        uint64_t soft, hard;
} limits[] = {
        { "DefaultLimitNOFILE=4096", RLIMIT_NOFILE, 4096, 4096 },
        { "DefaultLimitNOFILE=4096:8192", RLIMIT_NOFILE, 4096, 8192 },
        { "DefaultLimitMEMLOCK=64K", RLIMIT_MEMLOCK, 65536, 65536 },
        { "DefaultLimitCPU=1min", RLIMIT_CPU, 60, 60 },
        { "DefaultLimitRTTIME=2ms", RLIMIT_RTTIME, 2000, 2000 },
        { "DefaultLimitNICE=-5", RLIMIT_NICE, 25, 25 },
        { "DefaultLimitCORE=infinity", RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY },
};

static void resource_limits(void)
{
        struct manager *m;

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                m = configured(limits[i].conf, "");
                ok((m->default_limits_set & 1u << limits[i].resource) &&
                                m->default_limits[limits[i].resource].rlim_cur == limits[i].soft &&
                                m->default_limits[limits[i].resource].rlim_max == limits[i].hard,
                        limits[i].conf);
                test_manager_free(m);
        }
        m = configured("DefaultLimitNPROC=9:7", "");
        ok(!(m->default_limits_set & 1u << RLIMIT_NPROC), "a soft limit above the hard one is refused");
        test_manager_free(m);
}

static void environment(void)
{
        struct manager *m = configured("DefaultEnvironment=\"A=1 2\" B=%%x C=%n\nDefaultEnvironment=D=4\n"
                                       "ManagerEnvironment=E=5",
                "systemd.setenv=F=6 systemd.setenv=G=7");

        ok(!strv_env_get(m->environment, "C"), "a specifier that names a unit is refused");
        test_manager_free(m);
        m = configured("DefaultEnvironment=\"A=1 2\" B=%%x\nDefaultEnvironment=D=4\nManagerEnvironment=E=5",
                "systemd.setenv=F=6 systemd.setenv=G=7");
        is_str(strv_env_get(m->environment, "A"), "1 2", "DefaultEnvironment=, quoted");
        is_str(strv_env_get(m->environment, "B"), "%x", "specifiers");
        is_str(strv_env_get(m->environment, "D"), "4", "assignments add");
        is_str(strv_env_get(m->environment, "F"), "6", "systemd.setenv=");
        is_str(strv_env_get(m->environment, "G"), "7", "twice");
        ok(!strv_env_get(m->environment, "E"), "ManagerEnvironment= is not for services");
        is_str(strv_env_get(m->manager_environment, "E"), "5", "but kept");
        test_manager_free(m);
}

static void units(void)
{
        struct manager *m;
        const struct cgroup_context *c;
        struct unit *u;

        test_reset();
        put("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/true\n");
        put("/etc/systemd/system/b.service",
                "[Service]\nExecStart=/bin/true\nTimeoutStartSec=3\nOOMScoreAdjust=5\nCPUAccounting=no\n"
                "MemoryAccounting=yes\nTasksAccounting=yes\nIOAccounting=no\nIPAccounting=no\n");
        put("/etc/systemd/system/a.timer", "[Timer]\nOnBootSec=1\n");
        m = configured("DefaultTimeoutStartSec=7\nDefaultOOMScoreAdjust=100\nDefaultCPUAccounting=yes\n"
                       "DefaultMemoryAccounting=no\nDefaultTasksAccounting=no\nDefaultIOAccounting=yes\n"
                       "DefaultIPAccounting=yes\n"
                       "DefaultTimerAccuracySec=2s\nDefaultStartLimitBurst=9\nDefaultOOMPolicy=continue",
                "");
        u = test_unit(m, "a.service");
        is_int(UNIT_CAST(service, u)->timeout_start, 7 * USEC_PER_SEC, "a unit's time-out is the default");
        is_int(u->start_limit_burst, 9, "its start limit");
        is_int(UNIT_CAST(service, u)->oom_policy, OOM_CONTINUE,
                "what follows when it is killed for want of memory");
        ok(unit_exec(u)->oom_set && unit_exec(u)->oom_score_adjust == 100, "its OOM score");
        c = unit_cgroup_context(u);
        ok(c->cpu_accounting && !c->memory_accounting && !c->tasks_accounting && c->io_accounting &&
                        c->ip_accounting,
                "its accounting");
        m->boot_finished = true;
        is_int(cgroup_needs(u), CG_IO, "and the controllers that it needs for that");
        is_int(UNIT_CAST(timer_unit, test_unit(m, "a.timer"))->accuracy, 2 * USEC_PER_SEC,
                "a timer's accuracy");
        u = test_unit(m, "b.service");
        is_int(UNIT_CAST(service, u)->timeout_start, 3 * USEC_PER_SEC, "what the unit says counts more");
        is_int(unit_exec(u)->oom_score_adjust, 5, "OOMScoreAdjust= too");
        c = unit_cgroup_context(u);
        ok(!c->cpu_accounting && c->memory_accounting && c->tasks_accounting && !c->io_accounting &&
                        !c->ip_accounting,
                "CPUAccounting= and its kin too");
        is_int(cgroup_needs(u), CG_MEMORY | CG_PIDS, "and the controllers");
        test_manager_free(m);
}

static void complaints(void)
{
        struct manager *m = configured("LogColor=yes\nNoSuchKey=1\nDefaultTasksMax=many", "");

        ok(strstr(test_log.s, "system.conf:3: NoSuchKey= is not supported"),
                "an unknown key is named with its line");
        ok(strstr(test_log.s, "system.conf:4: DefaultTasksMax='many' is not valid"), "a bad value too");
        test_manager_free(m);
}

int main(void)
{
        test_begin();
        values();
        resource_limits();
        environment();
        units();
        complaints();
        return test_end();
}
