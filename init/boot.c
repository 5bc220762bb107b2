/* Set-up of the machine before the first unit: API file systems, names, limits, the directories that others expect.
 * Each step is a function in one table, in order; a step that fails says so, and only those marked so end the boot. */
#include <ctype.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/id128.h"
#include "lib/paths.h"
#include "boot.h"
#include "condition.h"
#include "manager.h"

static const struct {
        const char *what, *where, *type, *options;
        unsigned long flags;
        bool must;
} api_mounts[] = {
        { "proc", "/proc", "proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, true },
        { "sysfs", "/sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, true },
        { "devtmpfs", "/dev", "devtmpfs", "mode=755", MS_NOSUID | MS_STRICTATIME, true },
        { "tmpfs", "/run", "tmpfs", "mode=755,size=20%", MS_NOSUID | MS_NODEV | MS_STRICTATIME, true },
        { "tmpfs", "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV | MS_STRICTATIME, false },
        { "devpts", "/dev/pts", "devpts", "mode=620,gid=5,ptmxmode=000", MS_NOSUID | MS_NOEXEC, false },
        { "securityfs", "/sys/kernel/security", "securityfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV,
                false },
        { "pstore", "/sys/fs/pstore", "pstore", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, false },
        { "bpf", "/sys/fs/bpf", "bpf", "mode=700", MS_NOSUID | MS_NOEXEC | MS_NODEV, false },
        { "efivarfs", "/sys/firmware/efi/efivars", "efivarfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV,
                false },
        { "tmpfs", "/run/lock", "tmpfs", "mode=1777,size=5m", MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
};

static bool is_mount_point(const char *path)
{
        _cleanup_free_ char *parent = str_printf("%s/..", path);
        struct stat a, b;

        return parent && stat(path, &a) == 0 && stat(parent, &b) == 0 &&
               (a.st_dev != b.st_dev || a.st_ino == b.st_ino);
}

/* The first mount of bpf asks for the module bpf_preload, which Debian does not have: a process for nothing (21 ms on
 * the exact clock). Nobody else asks for modules at this point. */
static int mount_without_modprobe(size_t i)
{
        _cleanup_free_ char *helper = NULL;
        int r;

        if (read_one_line("/proc/sys/kernel/modprobe", &helper) < 0 ||
                write_attr("/proc/sys/kernel/modprobe", "\n") < 0)
                return -EINVAL;
        r = mount(api_mounts[i].what, api_mounts[i].where, api_mounts[i].type, api_mounts[i].flags,
                api_mounts[i].options);
        r = r < 0 ? -errno : 0;
        if (write_attr("/proc/sys/kernel/modprobe", helper) < 0)
                log_error("/proc/sys/kernel/modprobe could not be set back to %s", helper);
        return r;
}

static int mount_api(struct manager *m)
{
        for (size_t i = 0; i < ARRAY_SIZE(api_mounts); i++) {
                bool made = startswith(api_mounts[i].where, "/sys/") == NULL;

                if (made)
                        (void)mkdir(api_mounts[i].where, 0755);
                if (is_mount_point(api_mounts[i].where))
                        continue;
                if (streq(api_mounts[i].type, "bpf") && mount_without_modprobe(i) >= 0)
                        continue;
                if (mount(api_mounts[i].what, api_mounts[i].where, api_mounts[i].type, api_mounts[i].flags,
                            api_mounts[i].options) >= 0)
                        continue;
                if (api_mounts[i].must)
                        return log_error_errno(-errno, "Could not mount %s: %m", api_mounts[i].where);
                if (made)
                        log_warning_errno(-errno, "Could not mount %s: %m", api_mounts[i].where);
        }
        return 0;
}

static int make_directories(struct manager *m)
{
        static const char *const dirs[] = { "/run/systemd", "/run/systemd/system", "/run/systemd/journal",
                "/run/systemd/ask-password", "/run/systemd/machines", "/run/systemd/inaccessible",
                ROUSE_RUNDIR, ROUSE_RUNDIR "/notify", "/run/udev", "/run/log" };
        static const struct {
                const char *target, *path;
        } links[] = {
                { "/proc/self/fd", "/dev/fd" },
                { "/proc/self/fd/0", "/dev/stdin" },
                { "/proc/self/fd/1", "/dev/stdout" },
                { "/proc/self/fd/2", "/dev/stderr" },
                { "/proc/kcore", "/dev/core" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                if (mkdir(dirs[i], 0755) < 0 && errno != EEXIST)
                        log_warning_errno(-errno, "Could not make %s: %m", dirs[i]);
        for (size_t i = 0; i < ARRAY_SIZE(links); i++)
                if (symlink(links[i].target, links[i].path) < 0 && errno != EEXIST)
                        log_debug_errno(-errno, "Could not link %s: %m", links[i].path);
        return 0;
}

static int null_stdio(struct manager *m)
{
        int fd = open("/dev/null", O_RDWR | O_NOCTTY);

        if (fd < 0)
                return log_warning_errno(-errno, "/dev/null: %m");
        for (int i = 0; i < 3; i++)
                if (i != fd)
                        (void)dup2(fd, i);
        if (fd > 2)
                close(fd);
        return 0;
}

static int read_cmdline(struct manager *m)
{
        int r = cmdline_read(&m->cmdline);
        const char *v;

        if (r < 0)
                return log_warning_errno(r, "The kernel command line cannot be read: %m");
        v = cmdline_get(m->cmdline, "systemd.log_level") ?: cmdline_get(m->cmdline, "rouse.log_level");
        if (v && log_level_from_string(v) >= 0)
                log_set_max_level(log_level_from_string(v));
        else if (cmdline_get(m->cmdline, "debug"))
                log_set_max_level(LOG_DEBUG);
        m->container = getenv("container") != NULL;
        return 0;
}

static int keyboard_and_clock(struct manager *m)
{
        struct timezone tz = { 0 };
        _cleanup_free_ char *adj = NULL;
        struct stat st;

        if (!m->container)
                (void)reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del comes as SIGINT */
        if (read_file("/etc/adjtime", 4096, &adj, NULL) >= 0 && strstr(adj, "LOCAL")) {
                time_t t = time(NULL);
                struct tm tm;

                if (localtime_r(&t, &tm)) {
                        tz.tz_minuteswest = (int)-(tm.tm_gmtoff / 60);
                        (void)settimeofday(NULL, &tz); /* the first call turns local time into UTC */
                }
        }
        /* the clock cannot be before this program was installed */
        if (stat(ROUSE_LIBDIR, &st) == 0 && now_realtime() < (usec_t)st.st_mtime * USEC_PER_SEC) {
                struct timeval tv = { .tv_sec = st.st_mtime };

                if (settimeofday(&tv, NULL) == 0)
                        log_warning("The clock was before the installation of rouse; set to that");
        }
        return 0;
}

static int set_hostname(struct manager *m)
{
        _cleanup_free_ char *name = NULL;
        const char *s = cmdline_get(m->cmdline, "systemd.hostname");
        char *p;

        if (!s || !*s) {
                if (read_file("/etc/hostname", 4096, &name, NULL) < 0)
                        return 0;
                for (p = name; *p == '#' || *p == '\n';)
                        p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n');
                p[strcspn(p, "\n")] = '\0';
                s = str_strip(p);
        }
        if (*s && sethostname(s, strlen(s)) < 0)
                return log_warning_errno(-errno, "Host name '%s' could not be set: %m", s);
        return 0;
}

static int loopback_up(struct manager *m)
{
        struct ifreq ifr = { .ifr_name = "lo" };
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
                return 0; /* a kernel without network */
        ifr.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
                return log_warning_errno(-errno, "The loopback interface could not be brought up: %m");
        return 0;
}

static void new_machine_id(struct manager *m)
{
        uint8_t id[16];

        id128_random(id, 0);
        id128_format(m->machine_id, id);
}

static int machine_id_of(struct manager *m, const char *s)
{
        static const uint8_t none[16];
        uint8_t id[16];
        int r = s ? id128_parse(s, id) : -EINVAL;

        if (r < 0 || memcmp(id, none, sizeof(id)) == 0)
                return -EINVAL;
        id128_format(m->machine_id, id);
        return 0;
}

/* What else a machine is known by, in the order of machine-id(5). */
static int given_machine_id(struct manager *m)
{
        _cleanup_free_ char *now = NULL, *dbus = NULL, *uuid = NULL;

        if (read_one_line("/run/machine-id", &now) >= 0 && machine_id_of(m, now) >= 0)
                return 0; /* this boot's already: after an execution of itself */
        if (read_one_line("/var/lib/dbus/machine-id", &dbus) >= 0 && machine_id_of(m, dbus) >= 0)
                return 0;
        if (m->container)
                return machine_id_of(m, getenv("container_uuid"));
        if (streq(virtualization_name(), "kvm") &&
                read_one_line("/sys/class/dmi/id/product_uuid", &uuid) >= 0)
                return machine_id_of(m, uuid);
        return -ENOENT;
}

static int machine_id(struct manager *m)
{
        _cleanup_free_ char *id = NULL, *boot = NULL, *line = NULL;
        bool missing;
        int r;

        if (m->in_initrd) { /* the root will say */
                new_machine_id(m);
                return 0;
        }
        if (read_one_line("/proc/sys/kernel/random/boot_id", &boot) >= 0)
                snprintf(m->boot_id, sizeof(m->boot_id), "%s", boot);
        r = read_one_line("/etc/machine-id", &id);
        missing = r == -ENOENT;
        if (machine_id_of(m, cmdline_get(m->cmdline, "systemd.machine_id")) < 0) {
                if (r >= 0 && machine_id_of(m, id) >= 0)
                        return 0;
                m->first_boot = r == -ENOENT || (r >= 0 && streq(id, "uninitialized"));
                if (given_machine_id(m) < 0)
                        new_machine_id(m);
        } else if (r >= 0 && streq(id, m->machine_id))
                return 0;
        line = str_printf("%s\n", m->machine_id);
        if (!line)
                return -ENOMEM;
        if (m->first_boot) /* and so it stays until the first boot is complete */
                (void)write_file_atomic("/etc/machine-id", "uninitialized\n", 14, 0444, false);
        else if (write_file_atomic("/etc/machine-id", line, strlen(line), 0444, false) >= 0)
                return 0;
        /* over it, until systemd-machine-id-commit.service writes it down */
        r = write_file_atomic("/run/machine-id", line, strlen(line), 0444, false);
        if (r >= 0 && mount("/run/machine-id", "/etc/machine-id", NULL, MS_BIND, NULL) >= 0)
                return 0;
        if (r >= 0 && missing)
                log_notice("There is no /etc/machine-id and /etc is read-only: it is written when that "
                           "changes");
        else
                log_warning("No machine id could be stored; this boot uses %s", m->machine_id);
        return 0;
}

static int limits(struct manager *m)
{
        struct rlimit files = { 524288, 524288 };

        if (setrlimit(RLIMIT_NOFILE, &files) < 0)
                log_debug_errno(-errno, "RLIMIT_NOFILE: %m");
        (void)prctl(PR_SET_TIMERSLACK, 50000UL);
        return 0;
}

static int initrd_log(struct manager *m)
{
        ring_load(ROUSE_INITRD_LOG);
        return 0;
}

static int initrd_times(struct manager *m)
{
        _cleanup_free_ char *text = NULL;
        const char *p;

        if (read_file(ROUSE_TIMES, 4096, &text, NULL) < 0)
                return 0;
        p = strstr(text, "initrd_start=");
        if (p)
                m->t_initrd = strtoll(p + strlen("initrd_start="), NULL, 10);
        return 0;
}

static int cgroups(struct manager *m)
{
        int r = cgroup_setup(m);

        m->cgroup_ok = r >= 0;
        if (r < 0)
                log_error_errno(r, "No cgroup tree: services are followed by their processes alone: %m");
        return 0;
}

static int config(struct manager *m)
{
        manager_read_config(m);
        return 0;
}

static int session(struct manager *m)
{
        (void)setsid();
        (void)umask(0022);
        (void)chdir("/");
        return 0;
}

static const struct {
        const char *name;
        int (*fn)(struct manager *m);
        bool must, again /* also after a re-execution */;
} steps[] = {
        { "API file systems", mount_api, true, false },
        { "session", session, false, false },
        { "stdio", null_stdio, false, false },
        { "command line", read_cmdline, false, true },
        { "directories", make_directories, false, false },
        { "initramfs log", initrd_log, false, false },
        { "initramfs times", initrd_times, false, false },
        { "cgroups", cgroups, false, true },
        { "limits", limits, false, true },
        { "host name", set_hostname, false, false },
        { "loopback", loopback_up, false, false },
        { "machine id", machine_id, false, true },
        { "configuration", config, false, true },
        { "credentials", boot_credentials, false, false },
        { "clock", keyboard_and_clock, false, false },
};

int boot_setup(struct manager *m)
{
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i].fn(m);

                if (r < 0 && steps[i].must)
                        return r;
        }
        return 0;
}

int boot_setup_again(struct manager *m)
{
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (steps[i].again)
                        (void)steps[i].fn(m);
        return 0;
}
