/* The forms of directive values: what each accepts, what it makes of it, what it refuses; and the table itself. */
#include <netinet/in.h>
#include <sched.h>

#include "init-test.h"
#include "init/names.h"

static struct manager *m;
static unsigned serial;

/* A fresh unit of the type that has had one assignment. */
static struct unit *assign(const char *suffix, const char *section, const char *key, const char *value)
{
        _cleanup_free_ char *name = str_printf("t%u@an\\x20instance.%s", serial++, suffix);
        struct unit *u;

        if (unit_get(m, name, &u) < 0)
                exit(1);
        (void)directive_apply(u, "/test", 7, section, key, value);
        return u;
}

static struct service *service(const char *key, const char *value)
{
        return UNIT_CAST(service, assign("service", "Service", key, value));
}

static void again(struct service *s, const char *key, const char *value)
{
        (void)directive_apply(&s->unit, "/test", 8, "Service", key, value);
}

static bool refused(const char *suffix, const char *section, const char *key, const char *value)
{
        struct unit *u = assign(suffix, section, key, value);

        return u->n_problems > 0;
}

static void every_row(void)
{
        size_t without_parser = 0, unfound = 0, formless = 0, untested = 0;

        for (size_t i = 0; i < n_directives; i++) {
                const struct directive *d = &directives[i];
                char buf[500];

                without_parser +=
                        !d->parse != (d->support == SUPPORT_NONE || d->support == SUPPORT_OBSOLETE);
                if (d->support == SUPPORT_FULL && !d->test) {
                        untested++;
                        printf("# [%s] %s\n", d->section, d->name);
                }
                formless += d->parse && streq(directive_form(d, buf, sizeof(buf)), "a value");
                for (int t = 0; t < UNIT_TYPE_MAX; t++) {
                        bool shared = d->section[0] >= 'a';
                        const char *section = shared ? directive_own_section(t) : d->section;

                        if (shared ? !(d->types >> t & 1) : !directive_section_known(t, section))
                                continue;
                        if (directive_find(t, section, d->name) != d) {
                                unfound++;
                                printf("# [%s] %s\n", section, d->name);
                        }
                }
        }
        is_int(without_parser, 0, "a row has a parser unless it is known by name only");
        is_int(untested, 0, "a row that is marked full names the test that shows its effect");
        is_int(formless, 0, "every parser says what it takes");
        is_int(unfound, 0, "every row is found by its name, none twice");
        ok(!directive_find(UNIT_TARGET, "Service", "ExecStart"),
                "not in a section that the type does not have");
        ok(!directive_find(UNIT_SERVICE, "Service", "execstart"), "case counts");
}

static void numbers(void)
{
        is_int(service("RestartSec", "1min 30s")->restart_usec, 90 * USEC_PER_SEC, "a time span");
        is_int(service("TimeoutStartSec", "0")->timeout_start, USEC_INFINITY, "a time-out of 0 is none");
        is_int(service("TimeoutSec", "5")->timeout_stop, 5 * USEC_PER_SEC, "TimeoutSec= is both");
        is_int(service("UMask", "0027")->exec.umask, 0027, "a mode");
        ok(refused("service", "Service", "UMask", "0899"), "digits above 7 are none");
        is_int(service("Nice", "-5")->exec.nice, -5, "a nice level");
        ok(refused("service", "Service", "Nice", "20"), "out of its range");
        is_int(service("LimitNOFILE", "1024:4096")->exec.limits[RLIMIT_NOFILE].rlim_max, 4096, "soft:hard");
        is_int(service("LimitNOFILE", "1024:4096")->exec.limits[RLIMIT_NOFILE].rlim_cur, 1024,
                "and the soft one");
        is_int(service("LimitCPU", "2min")->exec.limits[RLIMIT_CPU].rlim_cur, 120, "seconds of CPU");
        is_int(service("LimitNICE", "+5")->exec.limits[RLIMIT_NICE].rlim_cur, 15, "a nice level as a limit");
        is_int(service("LimitAS", "1G")->exec.limits[RLIMIT_AS].rlim_cur, 1 << 30, "a size as a limit");
        ok(service("LimitCORE", "infinity")->exec.limits[RLIMIT_CORE].rlim_cur == RLIM_INFINITY, "infinity");
        ok(refused("service", "Service", "LimitNOFILE", "5:4"), "soft above hard");
        is_int((int64_t)service("CPUQuota", "150%")->cgroup.cpu_quota_per_sec, 1500000,
                "CPUQuota= in µs a second");
        is_int((int64_t)service("MemoryMax", "1M")->cgroup.memory_max, 1 << 20, "a size");
        ok(service("MemoryMax", "infinity")->cgroup.memory_max == UINT64_MAX - 1, "infinity is not unset");
        ok(service("MemoryMax", "50%")->cgroup.memory_max > 1 << 20, "a part of the memory");
        is_int(service("TasksMax", "10%")->cgroup.tasks_max_permyriad, 1000, "a part of the tasks");
        is_str(service("IOReadBandwidthMax", "/dev/sda 5M")->cgroup.io_limits[0], "rbps /dev/sda 5000000",
                "rates count to the base of 1000");
        is_int((int64_t)service("TimerSlackNSec", "50us")->exec.timer_slack, 50000, "time spans in ns");
        is_int(service("CPUAffinity", "0 2-3,9")->exec.cpu_affinity[0], 13, "CPU lists");
        is_str(service("AllowedCPUs", "0-3 8")->cgroup.allowed_cpus, "0-3,8", "the kernel's list form");
}

static void words(void)
{
        struct service *s;

        is_int(service("Type", "notify")->type, SERVICE_NOTIFY, "a word of a table");
        is_int(service("ProtectSystem", "true")->exec.protect_system, PROTECT_SYSTEM_YES, "or a boolean");
        is_int(service("ProtectHome", "tmpfs")->exec.protect_home, PROTECT_HOME_TMPFS, "or a word");
        ok(service("ProcSubset", "pid")->exec.proc_subset_pid, "a word into a bool");
        ok(service("GuessMainPID", "no")->guess_main_pid_off, "a boolean kept inverted");
        is_int(service("KillSignal", "SIGINT")->kill.signal, 2, "a signal by name");
        is_int(service("KillSignal", "INT")->kill.signal, 2, "without SIG");
        ok(refused("service", "Service", "KillSignal", "SIGFOO"), "no such signal");
        s = service("SuccessExitStatus", "1 TEMPFAIL SIGHUP 250");
        ok(bit_get(s->success_status.codes, 1) && bit_get(s->success_status.codes, 75) &&
                        bit_get(s->success_status.codes, 250) && bit_get(s->success_status.signals, 1),
                "exit codes, their names, signals");
        again(s, "SuccessExitStatus", "");
        ok(!s->success_status.set, "an empty value resets");
        is_str(service("BusName", "org.freedesktop.login1")->bus_name, "org.freedesktop.login1",
                "a bus name");
        ok(refused("service", "Service", "BusName", "nodots"), "not one");
        is_str(service("PIDFile", "foo.pid")->pid_file, "/run/foo.pid", "a relative PID file is below /run");
        is_str(service("PIDFile", "/var/run/foo.pid")->pid_file, "/run/foo.pid", "so is one in /var/run");
        is_int(service("SyslogFacility", "local3")->exec.syslog_facility, LOG_LOCAL3, "a facility");
        is_int(service("StandardOutput", "syslog")->exec.std_output, OUT_JOURNAL, "syslog is the journal");
        s = service("StandardOutput", "append:/var/log/%N.log");
        ok(s->exec.std_output == OUT_APPEND && startswith(s->exec.stdout_file, "/var/log/t"),
                "append: with a specifier");
        ok(refused("service", "Service", "StandardOutput", "file"), "file needs its path");
        s = service("StandardInputData", "SGVs bG8=");
        ok(s->exec.stdin_data_len == 5 && memcmp(s->exec.stdin_data, "Hello", 5) == 0, "base64 data");
        again(s, "StandardInputText", "a\\tb");
        is_str(s->exec.stdin_data, "Helloa\tb\n", "text follows data");
        ok(assign("service", "Unit", "CollectMode", "inactive-or-failed")->collect_inactive_or_failed,
                "CollectMode=");
        is_int(assign("service", "Unit", "OnFailureJobMode", "isolate")->on_failure_job_mode, JOB_ISOLATE,
                "a job mode");
        is_int(assign("service", "Unit", "FailureAction", "reboot-force")->failure_action,
                ACTION_REBOOT_FORCE, "an action");
}

static void lists(void)
{
        struct service *s = service("Environment", "A=1 'B=two words' \"C=%i\" bad");

        is_str(strv_env_get(s->exec.environment, "B"), "two words", "quoted assignments");
        is_str(strv_env_get(s->exec.environment, "C"), "an\\x20instance", "with specifiers");
        is_int(s->unit.n_problems, 1, "a word without = is told, the others count");
        again(s, "Environment", "A=2");
        is_str(strv_env_get(s->exec.environment, "A"), "2", "the later counts");
        again(s, "Environment", "");
        ok(!s->exec.environment, "an empty value resets");
        s = service("EnvironmentFile", "-/etc/default/%p");
        ok(startswith(s->exec.environment_files[0], "-/etc/default/t"), "a file that may be missing");
        s = service("WorkingDirectory", "-/srv//x/");
        ok(s->exec.working_directory_missing_ok && streq(s->exec.working_directory, "/srv/x"),
                "a directory that may be missing");
        is_str(service("WorkingDirectory", "~")->exec.working_directory, "~", "home");
        is_int(assign("service", "Service", "WorkingDirectory", "rel")->load_state, UNIT_BAD_SETTING,
                "a relative one is a bad setting");
        s = service("RuntimeDirectory", "a b/c ../d /e");
        ok(strv_len(s->exec.dirs[DIR_RUNTIME].paths) == 2 && s->unit.n_problems == 2,
                "relative directories only");
        s = service("LoadCredential", "x:/etc/x");
        again(s, "LoadCredential", "x:/etc/y");
        is_str(s->exec.load_credentials[0], "x:/etc/y", "of two credentials with one name the later counts");
        s = UNIT_CAST(service, assign("service", "Unit", "Documentation", "man:a(1) nonsense http://x"));
        ok(strv_len(s->unit.documentation) == 2 && s->unit.n_problems == 1, "addresses");
        s = service("Sockets", "a.socket b.service");
        ok(strv_len(s->sockets) == 1 && has_dep(m, &s->unit, DEP_AFTER, "a.socket"), "Sockets= makes edges");
        s = service("ReadOnlyPaths", "-/a +/b -+/c d");
        ok(strv_len(s->exec.read_only_paths) == 3 && streq(s->exec.read_only_paths[2], "-+/c"),
                "prefixes are kept");
        s = service("BindPaths", "/a:/b:norbind -/c");
        ok(s->exec.bind_paths.n == 2 && !s->exec.bind_paths.v[0].recursive &&
                        streq(s->exec.bind_paths.v[0].dest, "/b") &&
                        s->exec.bind_paths.v[1].ignore_missing && streq(s->exec.bind_paths.v[1].dest, "/c"),
                "bind mounts");
        is_str(service("TemporaryFileSystem", "/var:ro")->exec.temporary_fs[0], "/var:ro",
                "tmpfs with options");
        is_str(service("DeviceAllow", "char-pts")->cgroup.device_allow[0], "char-pts rwm",
                "devices by class");
        s = service("IPAddressDeny", "any 10.0.0.1 ::1/64 300.1.1.1");
        ok(strv_len(s->cgroup.ip_deny) == 4 && s->unit.n_problems == 1, "addresses and their names");
        s = UNIT_CAST(service, assign("service", "Service", "Slice", "user-%i.slice"));
        ok(!s->unit.slice || s->unit.slice->type == UNIT_SLICE, "a slice");
        ok(refused("service", "Service", "Slice", "x.service"), "only a slice");
}

static void confinement(void)
{
        struct service *s = service("CapabilityBoundingSet", "CAP_CHOWN CAP_KILL");

        is_int((int64_t)s->exec.cap_bounding, 1 | 1 << 5, "capabilities by name");
        again(s, "CapabilityBoundingSet", "~CAP_KILL");
        is_int((int64_t)s->exec.cap_bounding, 1, "~ takes away");
        again(s, "CapabilityBoundingSet", "");
        is_int((int64_t)s->exec.cap_bounding, 0, "empty is none");
        ok(service("CapabilityBoundingSet", "~CAP_CHOWN")->exec.cap_bounding == ~UINT64_C(1),
                "~ first: all but");
        is_int((int64_t)service("AmbientCapabilities", "CAP_NET_BIND_SERVICE")->exec.cap_ambient, 1 << 10,
                "ambient ones begin at none");
        s = service("RestrictNamespaces", "net user");
        ok(s->exec.restrict_namespaces == (CLONE_NEWNET | CLONE_NEWUSER) && s->exec.restrict_namespaces_set,
                "namespaces allowed");
        s = service("RestrictNamespaces", "~net");
        ok(!(s->exec.restrict_namespaces & CLONE_NEWNET) && s->exec.restrict_namespaces & CLONE_NEWUSER,
                "namespaces forbidden");
        s = service("RestrictNamespaces", "yes");
        ok(s->exec.restrict_namespaces == 0 && s->exec.restrict_namespaces_set, "all of them");
        s = service("SystemCallFilter", "@system-service");
        again(s, "SystemCallFilter", "~@privileged mount:EPERM");
        ok(s->exec.syscall_filter.allow_list && streq(s->exec.syscall_filter.names[1], "~@privileged"),
                "the other kind takes away, in order");
        is_int(service("SystemCallErrorNumber", "EPERM")->exec.syscall_errno, 1, "an error by name");
        s = service("RestrictAddressFamilies", "none");
        ok(s->exec.address_families_set && s->exec.address_families_allow && !s->exec.address_families,
                "no address family at all");
        s = service("RestrictAddressFamilies", "~AF_PACKET");
        ok(!s->exec.address_families_allow && strv_contains(s->exec.address_families, "AF_PACKET"),
                "all but one");
        is_int(service("SecureBits", "noroot keep-caps")->exec.secure_bits, 1 | 16, "secure bits");
        ok(refused("service", "Service", "CapabilityBoundingSet", "CAP_NOPE"), "no such capability");
        strbuf_done(&test_log);
        s = service("SmackProcessLabel", "x");
        again(s, "SmackProcessLabel", "y");
        ok(strv_len(s->unit.unsupported) == 1 && s->unit.unsupported_confines,
                "what has no effect is noted, once, with whether it confines");
}

static void other_types(void)
{
        struct socket_unit *s =
                UNIT_CAST(socket_unit, assign("socket", "Socket", "ListenStream", "/run/x.sock"));
        struct timer_unit *t = UNIT_CAST(timer_unit, assign("timer", "Timer", "OnBootSec", "15min"));
        struct path_unit *p = UNIT_CAST(path_unit, assign("path", "Path", "PathExists", "/run//x"));
        struct swap *w = UNIT_CAST(swap, assign("swap", "Swap", "Priority", "5"));

        (void)directive_apply(&s->unit, "/test", 1, "Socket", "ListenDatagram", "0.0.0.0:53");
        ok(s->ports && s->ports->kind == SOCK_STREAM && s->ports->next->kind == SOCK_DGRAM,
                "ports in their order");
        ok(refused("socket", "Socket", "ListenFIFO", "relative"), "a FIFO needs a path");
        is_int(UNIT_CAST(socket_unit, assign("socket", "Socket", "SocketProtocol", "sctp"))->protocol,
                IPPROTO_SCTP, "a protocol");
        ok(t->values && t->values->base == TIMER_BOOT && t->values->value == 900 * USEC_PER_SEC,
                "a timer's base");
        (void)directive_apply(&t->unit, "/test", 1, "Timer", "OnCalendar", "");
        ok(!t->values, "an empty value drops all bases");
        ok(p->specs && streq(p->specs->path, "/run/x"), "a watched path");
        (void)directive_apply(&p->unit, "/test", 1, "Path", "PathChanged", "");
        ok(!p->specs, "reset");
        ok(w->priority_set && w->priority == 5, "a swap priority");
        is_str(UNIT_CAST(mount, assign("mount", "Mount", "What", "/dev/%%x"))->what, "/dev/%x",
                "What= with specifiers");
        ok(UNIT_CAST(slice, assign("slice", "Slice", "MemoryMax", "1G"))->cgroup.memory_max == 1 << 30,
                "a slice's limits");
        ok(UNIT_CAST(mount, assign("mount", "Mount", "Nice", "3"))->exec.nice_set,
                "a mount's execution context");
}

static void every_value_is_survived(void)
{
        static const char *const values[] = { "", " ", "%", "%z", "\"", "'", "\\", "~", "-", "+", ":", "/",
                "|", "!", "|!", "=", "a=b", "0", "-1", "99999999999999999999", "infinity", "%n %i",
                "\xc3\xa4", "1:2:3", "@", "a b c d", "/a:/b:/c:/d", "1-0", "[::]:80", "50%", "\\x00",
                "\\xff", "none", "yes", "" };

        for (size_t i = 0; i < n_directives; i++)
                for (int t = 0; t < UNIT_TYPE_MAX; t++) {
                        const struct directive *d = &directives[i];
                        _cleanup_free_ char *name = str_printf("s%u.%s", serial++, unit_type_to_string(t));
                        const char *section = d->section[0] >= 'a' ? directive_own_section(t) : d->section;
                        struct unit *u;

                        if (!section || directive_find(t, section, d->name) != d ||
                                unit_get(m, name, &u) < 0)
                                continue;
                        for (size_t v = 0; v < ARRAY_SIZE(values); v++)
                                if (directive_apply(u, "/t", 1, section, d->name, values[v]) < 0)
                                        ok(false, d->name);
                }
        ok(true, "every directive takes or refuses odd values, and nothing breaks");
}

int main(void)
{
        test_begin();
        m = test_manager();
        every_row();
        numbers();
        words();
        lists();
        confinement();
        other_types();
        every_value_is_survived();
        test_manager_free(m);
        return test_end();
}
