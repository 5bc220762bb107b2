/* ideal: what a boot of this one guest costs when nothing has to be found out.
 *
 * It knows the guest by heart: its mounts, its two disks, and every Exec line of the stock services that
 * are not systemd's, ExecStartPre= and all. It starts them all at once, in their own order only within a
 * service. Both file system checks happen (that of the root in ideal-initrd.c). It does no coldplug, keeps
 * no cgroups, logs nothing, and could run nothing else: it is the mark that an init is measured against,
 * not one of them. SIGUSR2 ends it: it kills, unmounts and powers off. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/ideal.h"

#define MAX_LINES 3
#define MAX_WORDS 10

struct service {
        const char *lines[MAX_LINES][MAX_WORDS]; /* one after the other; the last one stays, if it does */
        const char *tty;
        void (*then)(void); /* instead of a last line */
};

static void mount_srv(void);

static char srv_device[] = "/dev/pmem1";

static struct service services[] = {
        { .lines = { { "/usr/sbin/fsck.ext4", "-a", srv_device } }, .then = mount_srv },
        { .lines = { { "/sbin/ifup", "-a", "--read-environment" },
                  { "/bin/sh", "-c",
                          "if [ -f /run/network/restart-hotplug ]; then "
                          "/sbin/ifup -a --read-environment --allow=hotplug; fi" } } },
        { .lines = { { "/usr/sbin/sshd", "-t" }, { "/usr/sbin/sshd", "-D" } } },
        { .lines = { { "/usr/sbin/nginx", "-t", "-q", "-g", "daemon on; master_process on;" },
                  { "/usr/sbin/nginx", "-g", "daemon on; master_process on;" } } },
        { .lines = { { "/usr/bin/dbus-daemon", "--system", "--address=unix:path=/run/dbus/system_bus_socket",
                  "--nofork", "--nopidfile", "--syslog-only" } } },
        { .lines = { { "/usr/sbin/cron", "-f" } } },
        { .lines = { { "/usr/sbin/rsyslogd", "-n", "-iNONE" } } },
        { .lines = { { "/sbin/agetty", "-o", "-p -- \\u", "--keep-baud", "115200,57600,38400,9600", "-",
                  "vt220" } },
                .tty = "/dev/ttyS0" },
};

static volatile sig_atomic_t asked_to_end;

void pause_ms(int ms)
{
        nanosleep(&(struct timespec) { ms / 1000, ms % 1000 * 1000000l }, NULL);
}

pid_t start(char *const *argv)
{
        pid_t pid = vfork();

        if (pid == 0) {
                execv(argv[0], argv);
                _exit(127);
        }
        return pid;
}

int finish(pid_t pid)
{
        int status = -1;

        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status;
}

static void mount_srv(void)
{
        mount(srv_device, "/srv", "ext4", 0, NULL);
        _exit(0);
}

static void take_tty(const char *path)
{
        int fd;

        setsid();
        fd = open(path, O_RDWR);
        ioctl(fd, TIOCSCTTY, 0);
        for (int i = 0; i < 3; i++)
                dup2(fd, i);
        if (fd > 2)
                close(fd);
}

/* In a child of its own: a service's lines one after the other. */
static void run_service(struct service *s)
{
        int n = 0;

        while (n < MAX_LINES && s->lines[n][0])
                n++;
        for (int i = 0; i < n; i++) {
                if (i == n - 1 && !s->then) {
                        if (s->tty)
                                take_tty(s->tty);
                        execv(s->lines[i][0], (char *const *)s->lines[i]);
                        _exit(127);
                }
                finish(start((char *const *)s->lines[i]));
        }
        s->then();
}

static void prepare(void)
{
        struct stat st;
        int fd;

        mkdir("/dev/pts", 0755);
        mkdir("/dev/shm", 01777);
        mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,gid=5,ptmxmode=000");
        mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
        mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m");
        mkdir("/run/lock", 01777);
        mkdir("/run/sshd", 0755);
        mkdir("/run/dbus", 0755);
        sethostname("rouse", 5);
        if (stat(srv_device, &st) < 0)
                strcpy(srv_device, "/dev/vdb");
        while (stat(srv_device, &st) < 0)
                pause_ms(1);
        fd = open("/dev/null", O_RDWR);
        for (int i = 0; i < 3 && fd >= 0; i++)
                dup2(fd, i);
        setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
        setenv("TERM", "vt220", 1);
}

static void note_end(int signal)
{
        (void)signal;
        asked_to_end = 1;
}

static _Noreturn void power_off(void)
{
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);
        for (int i = 0; i < 5000; i++) {
                pid_t pid = waitpid(-1, NULL, WNOHANG);

                if (pid < 0 && errno == ECHILD)
                        break;
                if (pid == 0)
                        pause_ms(1);
                if (i == 2000)
                        kill(-1, SIGKILL);
        }
        umount("/srv");
        mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
        sync();
        reboot(RB_POWER_OFF);
        for (;;)
                pause();
}

int main(int argc, char **argv)
{
        (void)argc;
        if (strcmp(argv[0], "/init") == 0)
                initrd_main();
        sigaction(SIGUSR2, &(struct sigaction) { .sa_handler = note_end }, NULL);
        prepare();
        for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
                if (fork() == 0)
                        run_service(&services[i]);
        while (!asked_to_end)
                if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
                        pause();
        power_off();
}
