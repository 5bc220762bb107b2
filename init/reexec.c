/* PID 1 executes itself: for an upgrade, and after a crash. The state is in the log (state.h), every descriptor stays open,
 * and signals stay blocked, so that nothing is lost on the way. Only async-signal-safe calls: the crash handler comes
 * through here. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/cmdline.h"
#include "boot.h"
#include "generation.h"
#include "manager.h"

/* Crashes follow each other this fast only when the state itself is at fault. */
#define CRASHES_MAX  5u
#define CRASH_WINDOW (10 * 60 * USEC_PER_SEC)
#define WORDS_MAX    128

static char own_path[PATH_MAX]; /* where the program is, also when the file has been replaced */
static unsigned n_crashes;      /* since crash_window_began; they go along in the arguments */
static usec_t crash_window_began;
static char **own_words; /* in a container they are options, which rouse-early and rousectl read, too */

void reexec_prepare(unsigned crashes, usec_t since, char **words)
{
        ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
        char *gone;

        own_path[MAX(n, (ssize_t)0)] = '\0';
        gone = (char *)endswith(own_path, " (deleted)");
        if (gone)
                *gone = '\0';
        n_crashes = crashes;
        own_words = words;
        crash_window_began = since;
}

struct linux_dirent64 {
        uint64_t ino;
        int64_t off;
        unsigned short reclen;
        unsigned char type;
        char name[];
};

/* Everything stays open; what the next program has no use for, it closes (state-restore.c). */
static void keep_all_descriptors(void)
{
        static char buf[8192] __attribute__((aligned(8)));
        int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        long n;

        while (dir >= 0 && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
                for (long o = 0; o < n;) {
                        struct linux_dirent64 *e = (struct linux_dirent64 *)(buf + o);
                        int fd = 0;

                        o += e->reclen;
                        if (e->name[0] < '0' || e->name[0] > '9')
                                continue;
                        for (const char *c = e->name; *c; c++)
                                fd = fd * 10 + (*c - '0');
                        if (fd > 2 && fd != dir)
                                (void)fcntl(fd, F_SETFD, 0);
                }
        close_fd(dir);
}

static char *number(char *end, uint64_t v)
{
        *--end = '\0';
        do
                *--end = (char)('0' + v % 10);
        while (v /= 10);
        return end;
}

int reexec(void)
{
        char fd[24], count[24], since[24];
        char *argv[1 + CMDLINE_REEXEC_WORDS + WORDS_MAX + 1] = { own_path, (char *)CMDLINE_REEXEC,
                number(fd + sizeof(fd), (uint64_t)state_fd()), number(count + sizeof(count), n_crashes),
                number(since + sizeof(since), (uint64_t)crash_window_began) };
        int r;

        for (size_t i = 0; i < WORDS_MAX && own_words && own_words[i]; i++)
                argv[1 + CMDLINE_REEXEC_WORDS + i] = own_words[i];

        if (state_fd() < 0)
                return -EBADF;
        keep_all_descriptors();
        generation_off();
        execve(own_path, argv, environ);
        r = -errno;
        execve("/proc/self/exe", argv, environ); /* the new file is no program: this one again */
        (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        return r;
}

void crash_recover(void)
{
        static volatile sig_atomic_t depth;
        struct timespec ts = { 0 };
        usec_t now;

        if (depth++ > 0 || state_fd() < 0)
                return;
        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        now = (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
        if (n_crashes == 0 || now - crash_window_began > CRASH_WINDOW) {
                n_crashes = 0;
                crash_window_began = now;
        }
        if (++n_crashes > CRASHES_MAX) {
                crash_say("<0>rouse: that was one crash too many in ten minutes; not begun anew.\r\n");
                return;
        }
        (void)reexec();
        crash_say("<0>rouse: it could not be executed anew.\r\n");
}
