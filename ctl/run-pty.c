/* The terminal of systemd-run --pty. A child of ours forwards between the terminal that we were called on and the new
 * one's master, so that the caller can wait for PID 1's answer. It ends when we do (a pipe), when the service is gone and
 * all was printed, or when ^] was typed three times within a second. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "lib/fileio.h"
#include "run.h"

#define DISCONNECTED 3 /* exit status of the forwarder */

static struct termios saved;
static bool have_saved;
static volatile sig_atomic_t resized;

static void on_resize(int sig)
{
        resized = 1;
}

static void copy_size(int master)
{
        struct winsize size;

        resized = 0;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0)
                (void)ioctl(master, TIOCSWINSZ, &size);
}

static void make_raw(void)
{
        struct termios raw;

        if (tcgetattr(STDIN_FILENO, &saved) < 0)
                return;
        have_saved = true;
        raw = saved;
        cfmakeraw(&raw);
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void give_back(void)
{
        if (have_saved)
                (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

/* ^] three times within a second. */
static bool wants_out(const char *buf, ssize_t n)
{
        static unsigned count;
        static usec_t first;

        for (ssize_t i = 0; i < n; i++) {
                usec_t now = now_monotonic();

                if (buf[i] != 0x1d) {
                        count = 0;
                        continue;
                }
                if (count == 0 || now - first > USEC_PER_SEC) {
                        first = now;
                        count = 0;
                }
                if (++count == 3)
                        return true;
        }
        return false;
}

/* 1: something was carried; 0: the end, or an error. */
static int carry(int from, int to, bool typed)
{
        char buf[4096];
        ssize_t n = read(from, buf, sizeof(buf));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 1;
        if (n <= 0)
                return 0;
        if (typed && wants_out(buf, n))
                return -ECANCELED;
        return write_all(to, buf, (size_t)n) < 0 ? 0 : 1;
}

/* The end of what is typed, when that is no terminal: the new one's end-of-file character. */
static void forward_end(int master)
{
        (void)!write(master, "\004", 1);
}

static int forward(int master, int slave, int life)
{
        struct pollfd p[] = { { master, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 }, { life, POLLIN, 0 } };

        for (;;) {
                if (resized)
                        copy_size(master);
                if (poll(p, ARRAY_SIZE(p), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return 1;
                }
                if (p[2].revents) { /* the service is over: with our slave closed, the master ends too */
                        p[2].fd = p[1].fd = -1;
                        p[1].revents = 0;
                        slave = close_fd(slave);
                }
                if (p[0].revents && carry(master, STDOUT_FILENO, false) <= 0)
                        return 0;
                if (p[1].revents) {
                        int k = carry(STDIN_FILENO, master, true);

                        if (k == -ECANCELED)
                                return DISCONNECTED;
                        if (k == 0) {
                                forward_end(master);
                                p[1].fd = -1;
                        }
                }
        }
}

static int forwarder(int master, int slave, int life)
{
        const struct sigaction resize = { .sa_handler = on_resize };
        int status;

        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGQUIT, SIG_IGN);
        (void)sigaction(SIGWINCH, &resize, NULL);
        copy_size(master);
        make_raw();
        status = forward(master, slave, life);
        give_back();
        return status;
}

/* Without --wait there is nothing left to do for us when the terminal is let go. */
static bool stay;

static void on_child(int sig)
{
        int status;

        if (waitpid(-1, &status, WNOHANG) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == DISCONNECTED &&
                !stay)
                _exit(0);
}

int run_pty_open(struct run *r)
{
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1, life[2] = { -1, -1 };
        const struct sigaction child = { .sa_handler = on_child, .sa_flags = SA_RESTART };
        char name[64];

        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
                ptsname_r(master, name, sizeof(name)) != 0 ||
                (slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 || pipe2(life, O_CLOEXEC) < 0 ||
                !(r->tty = strdup(name))) {
                fprintf(stderr, "Failed to make a terminal: %m\n");
                close_fd(master);
                close_fd(slave);
                return -errno;
        }
        if (!r->quiet)
                fprintf(stderr, "Press ^] three times within 1s to disconnect TTY.\n");
        stay = r->wait;
        (void)sigaction(SIGCHLD, &child, NULL);
        r->forwarder = fork();
        if (r->forwarder == 0) {
                close_fd(life[1]);
                _exit(forwarder(master, slave, life[0]));
        }
        close_fd(life[0]);
        close_fd(master);
        close_fd(slave);
        r->forwarder_fd = life[1];
        return r->forwarder < 0 ? -errno : 0;
}

void run_pty_close(struct run *r)
{
        (void)signal(SIGCHLD, SIG_DFL);
        close_fd(r->forwarder_fd);
        if (r->forwarder > 0)
                while (waitpid(r->forwarder, NULL, 0) < 0 && errno == EINTR)
                        ;
}
