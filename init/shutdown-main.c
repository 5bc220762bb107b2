/* rouse-shutdown VERB [--timeout S] [--exit-code N] [--watchdog] [--test-no-reboot]: order of the end, see the header.
 * rouse-shutdown switch-root ROOT INIT [ARGUMENT…]: out of the initramfs. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/reboot.h>

#include "init/shutdown-common.h"
#include "lib/switchroot.h"

#define PASSES_MAX            16
#define PID_NS_OF_THE_MACHINE 0xEFFFFFFCu /* inode of the first PID namespace */
#define COPY_MARK             "ROUSE_SHUTDOWN_COPY=1"
#define REBOOT_PARAM          "/run/systemd/reboot-param"

static const struct {
        const char *verb;
        unsigned cmd;
} verbs[] = {
        { "poweroff", RB_POWER_OFF },
        { "reboot", RB_AUTOBOOT },
        { "halt", RB_HALT_SYSTEM },
        { "kexec", LINUX_REBOOT_CMD_KEXEC },
        { "exit", 0 },
};

void shutdown_say(struct shutdown *s, const char *fmt, ...)
{
        char text[1024], line[1100];
        va_list ap;
        int n;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        n = snprintf(line, sizeof(line), "rouse-shutdown: %s\r\n", text);
        if (s->console_fd >= 0)
                (void)write_all(s->console_fd, line, n);
        n = snprintf(line, sizeof(line), "<6>rouse-shutdown: %s\n", text);
        if (s->kmsg_fd >= 0)
                (void)write_all(s->kmsg_fd, line, n);
}

void shutdown_forced(struct shutdown *s, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        (void)strv_add_unique(&s->forced, text);
}

/* Whoever executes a file keeps its file system busy, so the rest is done by a copy in memory. Returns only
 * when that fails. */
static int become_copy(char **argv)
{
        _cleanup_close_ int from = -1, to = -1;
        char *env[] = { (char *)COPY_MARK,
                (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        struct stat st;

        from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        to = memfd_create("rouse-shutdown", MFD_CLOEXEC);
        if (from < 0 || to < 0 || fstat(from, &st) < 0)
                return -errno;
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(to, from, NULL, left);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                left -= n;
        }
        fexecve(to, argv, env);
        return -errno;
}

/* Does an unmount of ours spread to other mount namespaces? */
static bool root_is_shared(void)
{
        _cleanup_free_ char *text = NULL;

        if (read_file("/proc/self/mountinfo", 0, &text, NULL) < 0)
                return true;
        for (char *rest = text, *l; (l = strsep(&rest, "\n"));)
                if (strstr(l, " / / ") && strstr(l, " shared:"))
                        return true;
        return false;
}

/* Killing and unmounting everything is right for PID 1, and in the namespaces of a test; nowhere else. */
static bool may_run(struct shutdown *s)
{
        struct stat st;

        if (!s->test)
                return getpid() == 1;
        return stat("/proc/self/ns/pid", &st) >= 0 && st.st_ino != PID_NS_OF_THE_MACHINE &&
               !root_is_shared();
}

static int parse_args(struct shutdown *s, int argc, char **argv)
{
        uint32_t v;

        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--test-no-reboot"))
                        s->test = true;
                else if (streq(argv[i], "--timeout") && i + 1 < argc && parse_u32(argv[i + 1], &v) >= 0) {
                        s->term_timeout = v * USEC_PER_SEC;
                        i++;
                } else if (streq(argv[i], "--watchdog")) {
                        s->watchdog = true;
                } else if (streq(argv[i], "--exit-code") && i + 1 < argc &&
                           parse_u32(argv[i + 1], &v) >= 0) {
                        s->exit_code = v & 0xff;
                        i++;
                } else if (argv[i][0] != '-' && !s->verb)
                        s->verb = argv[i];
                else
                        return -EINVAL;
        }
        for (size_t i = 0; s->verb && i < ARRAY_SIZE(verbs); i++)
                if (streq(verbs[i].verb, s->verb))
                        return 0;
        return -EINVAL;
}

/* One pidfd for each process that still runs. */
static void raise_fd_limit(void)
{
        struct rlimit rl;

        if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
                return;
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &rl);
}

static void take_over(struct shutdown *s)
{
        sigset_t all;
        int null;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        umask(022);
        (void)chdir("/");
        if (!s->test) {
                (void)close_range(s->watchdog ? 4 : 3, ~0u, 0);
                (void)reboot(RB_DISABLE_CAD);
        }
        s->console_fd = s->test ? dup(STDOUT_FILENO)
                                : open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        s->kmsg_fd = s->test ? -1 : open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; null >= 0 && fd <= 2 && !s->test; fd++)
                if (null != fd)
                        (void)dup2(null, fd);
        if (null > 2)
                close_fd(null);
        raise_fd_limit();
        sigemptyset(&all);
        sigaddset(&all, SIGCHLD);
        s->signal_fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
        if (access("/proc/self/stat", F_OK) < 0)
                (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void take_down(struct shutdown *s)
{
        unsigned done;

        for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
                done = shutdown_umount_pass(s);
                if (!s->test)
                        done += shutdown_swaps(s) + shutdown_detach_devices(s, false);
                if (!done)
                        break;
        }
        if (!s->test)
                (void)shutdown_detach_devices(s, true);
        shutdown_readonly_rest(s);
}

static void report(struct shutdown *s)
{
        _cleanup_free_ char *list = strv_join(s->forced, ", ");

        if (!s->forced)
                shutdown_say(s, "all file systems unmounted");
        else
                shutdown_say(s, "forced: %s", list ?: "(out of memory)");
}

static _noreturn_ void finish(struct shutdown *s, const char *reboot_param)
{
        unsigned cmd = RB_POWER_OFF;

        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (streq(verbs[i].verb, s->verb))
                        cmd = verbs[i].cmd;
        if (s->test || streq(s->verb, "exit"))
                _exit(s->exit_code);
        if (cmd == RB_AUTOBOOT && !str_empty(reboot_param))
                (void)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
                        LINUX_REBOOT_CMD_RESTART2, reboot_param);
        if (cmd == LINUX_REBOOT_CMD_KEXEC && reboot(cmd) < 0) {
                shutdown_say(s, "no kernel is loaded for kexec (%s); rebooting", strerror(errno));
                cmd = RB_AUTOBOOT;
        }
        (void)reboot(cmd);
        if (errno == EPERM || errno == EINVAL) /* a container without the right to: PID 1's end is its end */
                _exit(s->exit_code);
        shutdown_say(s, "reboot(2) failed: %s; the machine can be switched off", strerror(errno));
        for (;;)
                pause();
}

/* The new init gets what the kernel would give it: signals as they are, the console as its standard streams. */
static void as_the_kernel_does(void)
{
        int fd = open("/dev/console", O_RDWR | O_NOCTTY);
        sigset_t none;

        for (int i = 0; fd >= 0 && i <= 2; i++)
                if (i != fd)
                        (void)dup2(fd, i);
        if (fd > 2)
                close(fd);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the initramfs' units have left running ends; daemons that serve the root ("@…") live on. When the root cannot be
 * entered there is nothing to go back to: the kernel panics, or starts anew where panic= says so. */
static _noreturn_ void leave_initramfs(struct shutdown *s, char **argv)
{
        char *root = argv[2], *init = argv[3];

        take_over(s);
        shutdown_kill_all(s);
        if (s->forced) {
                _cleanup_free_ char *list = strv_join(s->forced, ", ");

                shutdown_say(s, "switch of root: %s", list ?: "(out of memory)");
        }
        as_the_kernel_does();
        (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        int r = switch_root_keep_shutdown();
        if (r < 0 && r != -ENOENT)
                shutdown_say(s,
                        "cannot keep /shutdown in /run: %s; at shutdown what the root is made of stays",
                        strerror(-r));
        (void)switch_root(root, init, argv + 3);
        shutdown_say(s, "cannot enter the root in %s with %s: %s", root, init, strerror(errno));
        _exit(1);
}

int main(int argc, char **argv)
{
        struct shutdown s = {
                .term_timeout = 10 * USEC_PER_SEC, .signal_fd = -1, .console_fd = -1, .kmsg_fd = -1
        };
        _cleanup_free_ char *reboot_param = NULL;
        int r;

        if (argc >= 4 && streq(argv[1], "switch-root") && getpid() == 1)
                leave_initramfs(&s, argv);

        if (parse_args(&s, argc, argv) < 0) {
                fprintf(stderr, "Usage: rouse-shutdown poweroff|reboot|halt|kexec|exit [--timeout SECONDS] "
                                "[--exit-code N] [--watchdog]"
                                " [--test-no-reboot]\n");
                return 2;
        }
        if (!may_run(&s)) {
                fprintf(stderr,
                        "rouse-shutdown: ends every process and unmounts everything: it is for PID 1 alone"
                        " (rousectl %s asks it to)\n",
                        s.verb);
                return 1;
        }
        if (!getenv("ROUSE_SHUTDOWN_COPY")) {
                r = become_copy(argv);
                fprintf(stderr, "rouse-shutdown: cannot copy itself (%s), so the root stays busy\n",
                        strerror(-r));
        }
        take_over(&s);
        bool left = shutdown_has_left();
        (void)read_one_line(left ? SHUTDOWN_OLDROOT REBOOT_PARAM : REBOOT_PARAM, &reboot_param);
        shutdown_kill_all(&s);
        sync();
        take_down(&s);
        if (!left)
                shutdown_hooks(&s);
        sync();
        if (!left && shutdown_leave(&s, argv) < 0)
                shutdown_forced(&s, "the root stays mounted");
        report(&s);
        finish(&s, reboot_param);
}
