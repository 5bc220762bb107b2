/* probe: the same observer in every system that is measured.
 *
 * The kernel (or the initramfs) executes it as the real root's init. It forks; the child becomes the
 * observer, makes ready what it needs, and then the first process notes the time, t0, and executes the init
 * that the kernel command line names. From then on the observer looks every 25 ms whether the guest is
 * ready (probe-conditions.c), goes on until agetty has prompted and no process has been made for a second,
 * says what it knows, and tells the init by a signal to power off.
 *
 * It speaks to QEMU's debug port and to nothing else: it needs no tty, no node, no mount of the guest, and
 * leaves none behind. All times are CLOCK_MONOTONIC in ns. The ACPI timer, read with the last mark, lets the
 * host tell when the machine was off, since it can read the same timer after the end.
 *
 * Kernel command line: bench.init=PATH, bench.poweroff=SIGNAL, bench.timeout=SECONDS (until ready),
 * bench.switches (records every switch of the processor too).
 *
 * Lines: "mark NAME NS" · "missing NAME" · "count NAME N" · "process PID NAME PSS PROGRAM" ·
 * "perf RING BYTES", then so many bytes (at most the ring) · "end" · "off NS TIMER". */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench/probe.h"

#define DEBUG_PORT  0xe9
#define ACPI_TIMER  0x608 /* where the PC firmware of QEMU puts it */
#define MS          1000000ll
#define S           (1000 * MS)
#define POLL        (25 * MS)
#define QUIET       (1 * S)  /* without a new process: settled */
#define AFTER_READY (30 * S) /* for login and settled at most */

struct options {
        char init[256];
        int poweroff;
        int64_t timeout;
        bool switches;
};

/* What the two processes share. */
struct shared {
        int64_t t0;
        bool set_up;
};

int64_t probe_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * S + t.tv_nsec;
}

void say_bytes(const void *data, size_t n)
{
        outsb(DEBUG_PORT, data, n);
}

void say(const char *format, ...)
{
        char line[512];
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        say_bytes(line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1);
}

/* A small file's text, ended by NUL. */
ssize_t read_at(int dir, const char *path, char *buf, size_t size)
{
        int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

        if (fd >= 0)
                close(fd);
        buf[n > 0 ? n : 0] = 0;
        return n;
}

static int detached(const char *type)
{
        int fs = fsopen(type, FSOPEN_CLOEXEC), fd = -1;

        if (fs < 0)
                return -1;
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
                fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        close(fs);
        return fd;
}

static void read_options(int proc, struct options *o)
{
        char line[4096], *word, *rest = line;

        *o = (struct options) { .init = "/sbin/init", .poweroff = SIGRTMIN + 4, .timeout = 120 * S };
        read_at(proc, "cmdline", line, sizeof(line));
        while ((word = strsep(&rest, " \n"))) {
                if (strncmp(word, "bench.init=", 11) == 0)
                        snprintf(o->init, sizeof(o->init), "%s", word + 11);
                else if (strncmp(word, "bench.poweroff=", 15) == 0)
                        o->poweroff = atoi(word + 15);
                else if (strncmp(word, "bench.timeout=", 14) == 0)
                        o->timeout = atoi(word + 14) * S;
                else if (strcmp(word, "bench.switches") == 0)
                        o->switches = true;
        }
}

static long number_after(const char *text, const char *key)
{
        const char *at = strstr(text, key);

        return at ? atol(at + strlen(key)) : -1;
}

static long forks(const struct probe_fs *fs)
{
        char buf[8192];

        read_at(fs->proc, "stat", buf, sizeof(buf));
        return number_after(buf, "\nprocesses ");
}

/* The process made last: cheaper to read than /proc/stat. */
static long newest_process(const struct probe_fs *fs)
{
        char buf[128], *last;

        if (read_at(fs->proc, "loadavg", buf, sizeof(buf)) <= 0)
                return -1;
        last = strrchr(buf, ' ');
        return last ? atol(last) : -1;
}

/* The kernel's own marks: its log has other times than ours, and a line of ours tells the difference. */
static int64_t kmsg_write(const struct probe_fs *fs)
{
        static const char line[] = "<7>bench: t0\n";
        int fd = openat(fs->dev, "kmsg", O_WRONLY | O_CLOEXEC);
        int64_t before = probe_now();

        if (fd < 0)
                return -1;
        (void)!write(fd, line, sizeof(line) - 1);
        close(fd);
        return before;
}

static void kmsg_say(const struct probe_fs *fs, int64_t written)
{
        char buf[8192];
        long long run_init = -1, ours = -1, unpacked = -1;
        int fd = openat(fs->dev, "kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        for (;;) {
                ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
                long long us;
                char *text;

                if (n <= 0)
                        break;
                buf[n] = 0;
                text = strchr(buf, ';');
                if (!text || sscanf(buf, "%*[^,],%*[^,],%lld", &us) != 1)
                        continue;
                if (strncmp(text, ";Run /init as init", 18) == 0)
                        run_init = us;
                else if (strncmp(text, ";bench: t0", 10) == 0)
                        ours = us;
                else if (strncmp(text, ";Freeing initrd memory", 22) == 0)
                        unpacked = us;
        }
        if (fd >= 0)
                close(fd);
        say("mark kmsg-run-init %lld\nmark kmsg-unpacked %lld\n", run_init * 1000, unpacked * 1000);
        if (ours >= 0 && written >= 0)
                say("mark kernel-start %lld\n", (long long)written - ours * 1000);
}

static void observe(const struct probe_fs *fs, const struct options *o, const struct shared *shared,
        int64_t written, int64_t started)
{
        int64_t ready = 0, login = 0, last_new = 0, next = probe_now();
        long forks_then = -1, newest = -1, n;
        pid_t agetty = 0;

        while (!shared->t0)
                conditions_wait(next += MS);
        while (!conditions_check(fs) && probe_now() - shared->t0 < o->timeout) {
                for (next += POLL; next < probe_now();)
                        next += POLL;
                conditions_wait(next);
        }
        ready = probe_now();
        forks_then = forks(fs);
        say("mark wrapper %lld\nmark t0 %lld\n", (long long)started, (long long)shared->t0);
        conditions_say(fs);
        say("mark ready %lld\ncount forks %ld\ncount probe %d\n", (long long)ready, forks_then, getpid());

        for (last_new = ready; probe_now() - ready < AFTER_READY;) {
                if ((n = newest_process(fs)) != newest) {
                        newest = n;
                        last_new = probe_now();
                }
                if (!agetty)
                        agetty = serial_agetty(fs);
                if (!login && agetty && login_prompted(fs, agetty))
                        login = probe_now();
                if (login && probe_now() - last_new > QUIET)
                        break;
                for (next += POLL; next < probe_now();)
                        next += POLL;
                conditions_wait(next);
        }
        say(login ? "mark login %lld\n" : "missing login\n", (long long)login);
        say("mark settled %lld\ncount forks-settled %ld\n", (long long)last_new, forks(fs));
        processes_say(fs);
        kmsg_say(fs, written);
        perf_say();
        say("end\n");
        say("off %lld %u\n", (long long)probe_now(), inl(ACPI_TIMER));
        kill(1, o->poweroff);
}

int main(int argc, char **argv)
{
        int64_t started = probe_now(), written;
        struct shared *shared;
        struct probe_fs fs;
        struct options o;

        (void)argc;
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        fs = (struct probe_fs) { detached("proc"), detached("devtmpfs"), detached("tracefs") };
        read_options(fs.proc, &o);
        if (iopl(3) < 0 || shared == MAP_FAILED || fs.proc < 0)
                return 1;
        if (fork() == 0) {
                prctl(PR_SET_NAME, "bench-probe");
                setsid();
                if (perf_start(&fs, o.switches) < 0)
                        say("missing perf\n");
                written = kmsg_write(&fs);
                __atomic_store_n(&shared->set_up, true, __ATOMIC_RELEASE);
                observe(&fs, &o, shared, written, started);
                return 0;
        }
        while (!__atomic_load_n(&shared->set_up, __ATOMIC_ACQUIRE))
                nanosleep(&(struct timespec) { 0, MS / 4 }, NULL);
        iopl(0);
        argv[0] = o.init;
        shared->t0 = probe_now();
        execv(o.init, argv);
        return 1;
}
