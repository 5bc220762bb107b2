/* rouse-exec: a terminal as standard input: hung up, reset, made the controlling one; and the utmp records. */
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/vt.h>
#include <stdio.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <termios.h>
#include <utmpx.h>

#include "exec-main.h"

static int open_tty(const char *path, int flags)
{
        for (int i = 0; i < 20; i++) {
                int fd = open(path, flags | O_NOCTTY | O_CLOEXEC);

                /* after a hang-up the line takes a moment */
                if (fd >= 0 || errno != EIO)
                        return fd < 0 ? -errno : fd;
                usleep(50000);
        }
        return -EIO;
}

static bool is_vt(const char *path, int *ret_number)
{
        return sscanf(path, "/dev/tty%d", ret_number) == 1 && *ret_number > 0 && *ret_number < 64;
}

/* The line as a new one: sane settings, text mode on a virtual console. */
static void reset_tty(int fd, const char *path)
{
        struct termios t;
        int number;

        ioctl(fd, TIOCNXCL);
        if (is_vt(path, &number)) {
                ioctl(fd, KDSETMODE, KD_TEXT);
                ioctl(fd, KDSKBMODE, K_UNICODE);
        }
        if (tcgetattr(fd, &t) < 0)
                return;
        t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | ISTRIP | INLCR | IGNCR | IUCLC);
        t.c_iflag |= ICRNL | IMAXBEL | IUTF8;
        t.c_oflag |= ONLCR | OPOST;
        t.c_cflag |= CREAD;
        t.c_lflag = ISIG | ICANON | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE;
        t.c_cc[VINTR] = 03;
        t.c_cc[VQUIT] = 034;
        t.c_cc[VERASE] = 0177;
        t.c_cc[VKILL] = 025;
        t.c_cc[VEOF] = 04;
        t.c_cc[VSTART] = 021;
        t.c_cc[VSTOP] = 023;
        t.c_cc[VSUSP] = 032;
        t.c_cc[VLNEXT] = 026;
        t.c_cc[VWERASE] = 027;
        t.c_cc[VREPRINT] = 022;
        t.c_cc[VEOL] = t.c_cc[VEOL2] = 0;
        t.c_cc[VTIME] = 0;
        t.c_cc[VMIN] = 1;
        tcsetattr(fd, TCSANOW, &t);
        tcflush(fd, TCIOFLUSH);
}

/* Frees a virtual console's buffers; one in use is at least cleared. */
static void disallocate(const char *path)
{
        static const char clear[] = "\033[r\033[H\033[3J\033c";
        int number, fd;

        if (!is_vt(path, &number))
                return;
        fd = open("/dev/tty0", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && ioctl(fd, VT_DISALLOCATE, number) == 0) {
                close(fd);
                return;
        }
        close_fd(fd);
        fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0)
                (void)!write(fd, clear, sizeof(clear) - 1);
        close_fd(fd);
}

static void prepare(struct helper *h, const char *path)
{
        int fd;

        if (!(h->plan->flags & (PLAN_TTY_VHANGUP | PLAN_TTY_RESET | PLAN_TTY_DISALLOCATE)))
                return;
        fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) {
                if (errno != EIO)
                        helper_fail(h, EXIT_STDIN, -errno, path);
        } else if (h->plan->flags & PLAN_TTY_RESET)
                reset_tty(fd, path);
        if (fd >= 0 && (h->plan->flags & PLAN_TTY_VHANGUP)) {
                struct sigaction ign = { .sa_handler = SIG_IGN }, before;

                sigaction(SIGHUP, &ign, &before);
                ioctl(fd, TIOCVHANGUP);
                sigaction(SIGHUP, &before, NULL);
        }
        close_fd(fd);
        if (h->plan->flags & PLAN_TTY_DISALLOCATE)
                disallocate(path);
}

/* Waits until somebody closes the terminal. */
static void wait_for_close(int watch)
{
        _Alignas(struct inotify_event) char buf[1024];

        (void)!read(watch, buf, sizeof(buf));
}

/* Makes the terminal the controlling one, by the mode of StandardInput=: waits, forces, or fails. */
static int acquire(struct helper *h, const char *path)
{
        int mode = h->plan->stdio[0].tty_mode, watch = -1, fd, r;

        if (mode == 0) {
                watch = inotify_init1(IN_CLOEXEC);
                if (watch >= 0)
                        inotify_add_watch(watch, path, IN_CLOSE);
        }
        for (;;) {
                struct sigaction ign = { .sa_handler = SIG_IGN }, before;

                fd = open_tty(path, O_RDWR);
                if (fd < 0)
                        break;
                sigaction(SIGHUP, &ign, &before);
                r = ioctl(fd, TIOCSCTTY, mode == 1) < 0 ? -errno : 0;
                sigaction(SIGHUP, &before, NULL);
                if (r >= 0)
                        break;
                close(fd);
                fd = r;
                if (r != -EPERM || mode != 0 || watch < 0)
                        break;
                wait_for_close(watch);
        }
        close_fd(watch);
        return fd;
}

void helper_tty(struct helper *h)
{
        struct exec_plan *p = h->plan;
        const char *path = plan_str(p, p->tty_path);
        bool input = p->stdio[0].kind == STREAM_TTY, used = false;

        for (int i = 0; i < 3; i++)
                used |= p->stdio[i].kind == STREAM_TTY;
        if (!path || (!used && !(p->flags & (PLAN_TTY_RESET | PLAN_TTY_VHANGUP | PLAN_TTY_DISALLOCATE))))
                return;
        prepare(h, path);
        if (input) {
                h->tty_fd = acquire(h, path);
                if (h->tty_fd < 0)
                        helper_fail(h, EXIT_STDIN, h->tty_fd, path);
                if (p->flags & PLAN_TTY_RESET)
                        reset_tty(h->tty_fd, path);
        } else if (used) {
                h->tty_fd = open_tty(path, O_RDWR);
                if (h->tty_fd < 0)
                        helper_fail(h, EXIT_STDOUT, h->tty_fd, path);
        }
        if (h->tty_fd < 0)
                return;
        if (p->tty_rows || p->tty_columns) {
                struct winsize ws = { .ws_row = (unsigned short)p->tty_rows,
                        .ws_col = (unsigned short)p->tty_columns };

                ioctl(h->tty_fd, TIOCSWINSZ, &ws);
        }
        if (input && (p->flags & PLAN_SETID) && p->uid != 0) { /* the user's, as after a login */
                (void)!fchown(h->tty_fd, p->uid, (gid_t)-1);
                (void)!fchmod(h->tty_fd, 0620);
        }
        for (int i = 0; i < 3; i++)
                if (p->stdio[i].kind == STREAM_TTY) {
                        p->stdio[i].kind = STREAM_FD;
                        p->stdio[i].fd = h->tty_fd;
                        p->stdio[i].path = 0;
                }
}

/* UtmpIdentifier=: INIT_PROCESS, for mode "login" also LOGIN_PROCESS, for "user" also USER_PROCESS. */
void helper_utmp(struct helper *h)
{
        struct exec_plan *p = h->plan;
        const char *id = plan_str(p, p->utmp_id), *mode = plan_str(p, p->utmp_mode),
                   *tty = plan_str(p, p->tty_path);
        struct utmpx u = { .ut_type = INIT_PROCESS, .ut_pid = getpid(), .ut_session = getsid(0) };
        struct timeval now;
        size_t n = id ? strlen(id) : 0;

        if (!id)
                return;
        gettimeofday(&now, NULL);
        u.ut_tv.tv_sec = (int32_t)now.tv_sec;
        u.ut_tv.tv_usec = (int32_t)now.tv_usec;
        memcpy(u.ut_id, n > sizeof(u.ut_id) ? id + n - sizeof(u.ut_id) : id, MIN(n, sizeof(u.ut_id)));
        if (tty)
                strncpy(u.ut_line, path_basename(tty), sizeof(u.ut_line) - 1);
        for (int type = INIT_PROCESS;; type = type == INIT_PROCESS ? LOGIN_PROCESS : USER_PROCESS) {
                u.ut_type = (short)type;
                if (type == USER_PROCESS && p->user)
                        strncpy(u.ut_user, plan_str(p, p->user), sizeof(u.ut_user) - 1);
                setutxent();
                pututxline(&u);
                updwtmpx("/var/log/wtmp", &u);
                if (!mode || streq(mode, "init") || type == USER_PROCESS ||
                        (type == LOGIN_PROCESS && streq(mode, "login")))
                        break;
        }
        endutxent();
}

int helper_utmp_dead(const char *id)
{
        struct utmpx key = { .ut_type = INIT_PROCESS }, *found, dead;
        struct timeval now;
        size_t n = strlen(id);

        memcpy(key.ut_id, n > sizeof(key.ut_id) ? id + n - sizeof(key.ut_id) : id,
                MIN(n, sizeof(key.ut_id)));
        setutxent();
        found = getutxid(&key);
        if (found && found->ut_type != DEAD_PROCESS) {
                dead = *found;
                gettimeofday(&now, NULL);
                dead.ut_type = DEAD_PROCESS;
                dead.ut_tv.tv_sec = (int32_t)now.tv_sec;
                dead.ut_tv.tv_usec = (int32_t)now.tv_usec;
                memset(dead.ut_user, 0, sizeof(dead.ut_user));
                memset(dead.ut_host, 0, sizeof(dead.ut_host));
                setutxent();
                pututxline(&dead);
                updwtmpx("/var/log/wtmp", &dead);
        }
        endutxent();
        return 0;
}
