/* The child between clone3 and execve.
 *
 * It shares PID 1's memory (CLONE_VM) while PID 1 goes on: so nothing here calls libc, sets errno, allocates, or
 * writes anywhere but to its own stack and its own plan, which PID 1 leaves alone until the status pipe is closed.
 * It may block: nobody waits for it. rouse-exec links the same steps for the end of its work.
 *
 * The order: signals, session, standard streams, limits and scheduling (as root), groups, capabilities, user,
 * working directory, no-new-privileges, the passed descriptors at 3 and up, seccomp, execve. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "exec-child.h"
#include "exit-status.h"
#include "lib/raw.h"

#define FIRST_PASSED_FD 3
#define N_SIGNALS       64

/* The kernel's struct sigaction, which is not libc's. */
struct raw_sigaction {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
};

static int fail(struct exec_fail *f, int code, long r, const char *what)
{
        f->err = (int)-r;
        f->what = what;
        return code;
}

void exec_child_fail(int status_fd, int exit_code, const struct exec_fail *f)
{
        struct exec_report rep = { .exit_code = exit_code, .err = f->err };

        for (size_t i = 0; f->what && f->what[i] && i < sizeof(rep.what) - 1; i++)
                rep.what[i] = f->what[i];
        if (status_fd >= 0)
                raw_write(status_fd, &rep, sizeof(rep));
        for (;;)
                RAW1(SYS_exit_group, exit_code);
}

int exec_child_signals(struct exec_plan *p, struct exec_fail *f)
{
        struct raw_sigaction sa = { 0 };

        for (int s = 1; s <= N_SIGNALS; s++)
                if (p->ignored_signals >> (s - 1) & 1)
                        RAW4(SYS_rt_sigaction, s, &sa, NULL, 8);
        if (p->flags & PLAN_IGNORE_SIGPIPE) {
                sa.handler = (void *)SIG_IGN;
                RAW4(SYS_rt_sigaction, SIGPIPE, &sa, NULL, 8);
        }
        return 0;
}

/* ---- descriptors ---- */

/* Moves *fd to min or above, if it is there and lower. */
static long lift(int *fd, int min)
{
        long r;

        if (*fd < 0 || *fd >= min)
                return 0;
        r = RAW3(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, min);
        if (r >= 0)
                *fd = (int)r;
        return r;
}

int exec_child_fds(struct exec_plan *p, struct exec_fail *f)
{
        int min = FIRST_PASSED_FD + (int)p->fds.n;
        int32_t *fds = (int32_t *)((char *)p + p->fds.off);
        long r = 0;

        for (uint32_t i = 0; i < p->fds.n && r >= 0; i++)
                r = lift(&fds[i], min);
        for (int i = 0; i < 3 && r >= 0; i++)
                if (p->stdio[i].kind == STREAM_FD)
                        r = lift(&p->stdio[i].fd, min);
        if (r >= 0)
                r = lift(&p->status_fd, min);
        if (r >= 0)
                r = lift(&p->cgroup_fd, min);
        return r < 0 ? fail(f, EXIT_FDS, r, "moving descriptors") : 0;
}

/* fd becomes number (0, 1, 2), inheritable; fd itself is closed. */
static long become(long fd, int number)
{
        long r;

        if (fd < 0)
                return fd;
        if (fd == number)
                return RAW3(SYS_fcntl, fd, F_SETFD, 0);
        r = RAW3(SYS_dup3, fd, number, 0);
        raw_close((int)fd);
        return r;
}

static long connect_unix(const char *path, int flags)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        size_t n = 0;
        long fd, r;

        while (path[n] && n < sizeof(sa.sun_path) - 1) {
                sa.sun_path[n] = path[n];
                n++;
        }
        if (path[n])
                return -ENAMETOOLONG;
        fd = RAW3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        if (fd < 0)
                return fd;
        r = RAW3(SYS_connect, fd, &sa, offsetof(struct sockaddr_un, sun_path) + n + 1);
        if (r < 0) {
                raw_close((int)fd);
                return r;
        }
        return fd;
}

/* A stream to the log daemon: header first, never read from. Without log daemon: the kernel's log. */
static long open_journal(struct exec_plan *p, const char *header)
{
        long fd = connect_unix(plan_str(p, p->journal), SOCK_NONBLOCK), r;
        size_t n = 0;

        if (fd < 0) {
                fd = raw_open("/dev/kmsg", O_WRONLY | O_NOCTTY | O_CLOEXEC);
                return fd < 0 ? raw_open("/dev/null", O_WRONLY | O_CLOEXEC) : fd;
        }
        while (header[n])
                n++;
        RAW2(SYS_shutdown, fd, SHUT_RD);
        r = raw_write((int)fd, header, n);
        RAW3(SYS_fcntl, fd, F_SETFL, O_RDWR);
        if (r >= 0 && (size_t)r == n)
                return fd;
        raw_close((int)fd);
        return raw_open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static long open_file(const struct plan_stdio *s, const char *path, int number)
{
        int flags = number == 0                  ? O_RDONLY
                    : s->kind == STREAM_APPEND   ? O_WRONLY | O_CREAT | O_APPEND
                    : s->kind == STREAM_TRUNCATE ? O_WRONLY | O_CREAT | O_TRUNC
                                                 : O_WRONLY | O_CREAT;
        long fd;

        if (s->read_write)
                flags = O_RDWR | O_CREAT;
        fd = raw_openat(AT_FDCWD, path, flags | O_NOCTTY | O_CLOEXEC, 0666);
        return fd == -ENXIO ? connect_unix(path, 0) : fd; /* a socket in the file system */
}

/* The given data as something that can be read once: a pipe when it fits, else a sealed memory file. */
static long open_data(struct exec_plan *p)
{
        const char *data = plan_at(p, p->data);
        uint32_t done = 0;
        int ends[2];
        long fd, r;

        if (p->data.n <= 65536) {
                r = RAW2(SYS_pipe2, ends, O_CLOEXEC);
                if (r < 0)
                        return r;
                if (p->data.n > 0)
                        r = raw_write(ends[1], data, p->data.n);
                raw_close(ends[1]);
                return r < 0 ? r : ends[0];
        }
        fd = RAW2(SYS_memfd_create, "stdin", 0x3 /* MFD_CLOEXEC | MFD_ALLOW_SEALING */);
        while (fd >= 0 && done < p->data.n) {
                r = raw_write((int)fd, data + done, p->data.n - done);
                if (r <= 0)
                        return r < 0 ? r : -EIO;
                done += (uint32_t)r;
        }
        if (fd >= 0) {
                RAW3(SYS_lseek, fd, 0, 0);
                RAW3(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        }
        return fd;
}

static void put_number(char *to, uint64_t v)
{
        char digits[24];
        size_t n = 0;

        do
                digits[n++] = (char)('0' + v % 10);
        while ((v /= 10) > 0);
        for (size_t i = 0; i < n; i++)
                to[i] = digits[n - 1 - i];
        to[n] = '\0';
}

/* $JOURNAL_STREAM: device:inode of the connection. */
static void note_journal(struct exec_plan *p, int fd)
{
        char *to = (char *)p + p->env_journal;
        struct stat st;

        if (!p->env_journal || RAW2(SYS_fstat, fd, &st) < 0 || !S_ISSOCK(st.st_mode))
                return;
        put_number(to, st.st_dev);
        while (*to)
                to++;
        *to++ = ':';
        put_number(to, st.st_ino);
}

static int open_stream(struct exec_plan *p, int number, struct exec_fail *f)
{
        static const int codes[] = { EXIT_STDIN, EXIT_STDOUT, EXIT_STDERR };
        struct plan_stdio *s = &p->stdio[number];
        const char *path = plan_str(p, s->path);
        long fd;

        switch (s->kind) {
        case STREAM_INHERIT:
                if (number == 0)
                        return 0;
                fd = RAW3(SYS_fcntl, number - 1, F_DUPFD_CLOEXEC, FIRST_PASSED_FD);
                break;
        case STREAM_JOURNAL: fd = open_journal(p, path ? path : ""); break;
        case STREAM_FILE:
        case STREAM_APPEND:
        case STREAM_TRUNCATE: fd = open_file(s, path ? path : "/dev/null", number); break;
        case STREAM_TTY: fd = raw_open(plan_str(p, p->tty_path), O_RDWR | O_NOCTTY | O_CLOEXEC); break;
        case STREAM_DATA: fd = open_data(p); break;
        case STREAM_FD: fd = RAW3(SYS_fcntl, s->fd, F_DUPFD_CLOEXEC, FIRST_PASSED_FD + (int)p->fds.n); break;
        default: fd = raw_open("/dev/null", (number ? O_WRONLY : O_RDONLY) | O_CLOEXEC); break;
        }
        fd = become(fd, number);
        if (fd < 0)
                return fail(
                        f, codes[number], fd, path && s->kind != STREAM_JOURNAL ? path : "standard streams");
        if (s->kind == STREAM_JOURNAL)
                note_journal(p, number);
        return 0;
}

int exec_child_stdio(struct exec_plan *p, struct exec_fail *f)
{
        for (int i = 0; i < 3; i++) {
                int r = open_stream(p, i, f);

                if (r)
                        return r;
        }
        return 0;
}

/* The passed descriptors to 3, 4, …; everything above them closes at execve. */
static int place_fds(struct exec_plan *p, struct exec_fail *f)
{
        const int32_t *fds = plan_at(p, p->fds);

        for (uint32_t i = 0; i < p->fds.n; i++) {
                int to = FIRST_PASSED_FD + (int)i;
                long r = RAW3(SYS_dup3, fds[i], to, 0);

                if (r >= 0) {
                        long flags = RAW3(SYS_fcntl, to, F_GETFL, 0);

                        if (flags >= 0 && (p->flags & PLAN_NON_BLOCKING))
                                r = RAW3(SYS_fcntl, to, F_SETFL, flags | O_NONBLOCK);
                }
                if (r < 0)
                        return fail(f, EXIT_FDS, r, "passing descriptors");
        }
        RAW3(SYS_close_range, FIRST_PASSED_FD + p->fds.n, ~0u, CLOSE_RANGE_CLOEXEC);
        return 0;
}

/* ---- limits, scheduling and the like, while still root ---- */

static long write_proc(const char *path, const char *text)
{
        long fd = raw_open(path, O_WRONLY | O_CLOEXEC), r;
        size_t n = 0;

        if (fd < 0)
                return fd;
        while (text[n])
                n++;
        r = raw_write((int)fd, text, n);
        raw_close((int)fd);
        return r;
}

static long set_coredump_filter(uint64_t mask)
{
        char text[20] = "0x";
        unsigned n = 2;

        for (int shift = 60; shift >= 0; shift -= 4)
                text[n++] = "0123456789abcdef"[mask >> shift & 15];
        text[n] = '\0';
        return write_proc("/proc/self/coredump_filter", text);
}

static long set_oom(int value)
{
        char text[16] = "-";

        put_number(text + (value < 0), (uint64_t)(value < 0 ? -value : value));
        return write_proc("/proc/self/oom_score_adj", text);
}

static int set_scheduling(struct exec_plan *p, struct exec_fail *f)
{
        struct {
                int prio;
        } sp = { p->cpu_priority };
        long r = 0;

        if ((p->set & SET_NICE) && (r = RAW3(SYS_setpriority, 0, 0, p->nice)) < 0)
                return fail(f, EXIT_NICE, r, "nice level");
        if (p->set & SET_SCHED) {
                int policy = p->cpu_policy | (p->flags & PLAN_CPU_RESET ? SCHED_RESET_ON_FORK : 0);

                r = RAW3(SYS_sched_setscheduler, 0, policy, &sp);
                if (r < 0)
                        return fail(f, EXIT_SETSCHEDULER, r, "CPU scheduling policy");
        }
        if (p->affinity.n &&
                (r = RAW3(SYS_sched_setaffinity, 0, p->affinity.n, plan_at(p, p->affinity))) < 0)
                return fail(f, EXIT_CPUAFFINITY, r, "CPU affinity");
        if (p->set & SET_NUMA) {
                r = RAW3(SYS_set_mempolicy, p->numa_policy, p->numa_mask.n ? plan_at(p, p->numa_mask) : NULL,
                        p->numa_mask.n ? p->numa_mask.n * 8 + 1 : 0);
                if (r < 0)
                        return fail(f, EXIT_NUMA_POLICY, r, "NUMA policy");
        }
        if ((p->set & SET_IOPRIO) && (r = RAW3(SYS_ioprio_set, 1, 0, p->ioprio)) < 0)
                return fail(f, EXIT_IOPRIO, r, "I/O scheduling");
        return 0;
}

/* Who may not raise them, in a container, takes what there is: a lower limit confines no less. */
static int set_limits(struct exec_plan *p, struct exec_fail *f)
{
        const struct plan_limit *l = plan_at(p, p->limits);

        for (uint32_t i = 0; i < p->limits.n; i++) {
                uint64_t v[2] = { l[i].soft, l[i].hard }, now[2];
                long r = RAW4(SYS_prlimit64, 0, l[i].resource, v, NULL);

                if (r == -EPERM && RAW4(SYS_prlimit64, 0, l[i].resource, NULL, now) >= 0) {
                        v[1] = MIN(v[1], now[1]);
                        v[0] = MIN(v[0], v[1]);
                        r = RAW4(SYS_prlimit64, 0, l[i].resource, v, NULL);
                }
                if (r < 0)
                        return fail(f, EXIT_LIMITS, r, "resource limits");
        }
        return 0;
}

/* A session keyring of its own (shared: with the user's keyring linked in). Kernels and containers without
 * keyrings are no reason to fail. */
static int set_keyring(struct exec_plan *p, struct exec_fail *f)
{
        long r;

        if (!(p->flags & (PLAN_KEYRING | PLAN_KEYRING_SHARED)))
                return 0;
        r = RAW2(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
        if (r == -ENOSYS || r == -EPERM || r == -EACCES || r == -EDQUOT)
                return 0;
        if (r < 0)
                return fail(f, EXIT_KEYRING, r, "session keyring");
        if (p->flags & PLAN_KEYRING_SHARED)
                RAW3(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
        return 0;
}

int exec_child_properties(struct exec_plan *p, struct exec_fail *f)
{
        long r;
        int code;

        /* a container may not lower it: its services run all the same */
        if ((p->set & SET_OOM) && (r = set_oom(p->oom)) < 0 && r != -EACCES && r != -EPERM)
                return fail(f, EXIT_OOM_ADJUST, r, "/proc/self/oom_score_adj");
        if ((p->set & SET_COREDUMP) && (r = set_coredump_filter(p->coredump_filter)) < 0)
                return fail(f, EXIT_LIMITS, r, "/proc/self/coredump_filter");
        code = set_scheduling(p, f);
        if (code)
                return code;
        if ((p->set & SET_TIMER_SLACK) && (r = RAW2(SYS_prctl, PR_SET_TIMERSLACK, p->timer_slack)) < 0)
                return fail(f, EXIT_TIMERSLACK, r, "timer slack");
        if ((p->set & SET_PERSONALITY) && (r = RAW1(SYS_personality, p->personality)) < 0)
                return fail(f, EXIT_PERSONALITY, r, "personality");
        if (p->set & SET_UMASK)
                RAW1(SYS_umask, p->umask);
        code = set_keyring(p, f);
        if (code)
                return code;
        if (p->apparmor) {
                const char *text = plan_str(p, p->apparmor); /* "exec PROFILE" or "-exec PROFILE" */

                r = write_proc("/proc/self/attr/exec", *text == '-' ? text + 1 : text);
                if (r < 0 && *text != '-')
                        return fail(f, EXIT_APPARMOR_PROFILE, r, text);
        }
        return set_limits(p, f);
}

/* ---- who it is ---- */

static long drop_bounding(uint64_t keep)
{
        for (unsigned c = 0; c < 64; c++) {
                long r;

                if (keep >> c & 1)
                        continue;
                r = RAW2(SYS_prctl, PR_CAPBSET_DROP, c);
                if (r == -EINVAL)
                        return 0; /* beyond what this kernel knows */
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Inheritable gets the ambient set; after a change of user the permitted set is the ambient one alone. */
static long set_ambient(uint64_t ambient, bool user_changed)
{
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct d[2];
        long r = RAW2(SYS_capget, &h, d);

        if (r < 0)
                return r;
        for (int i = 0; i < 2; i++) {
                uint32_t a = (uint32_t)(ambient >> (32 * i));

                a &= d[i].permitted;
                d[i].inheritable = a;
                if (user_changed)
                        d[i].effective = d[i].permitted = a;
        }
        r = RAW2(SYS_capset, &h, d);
        for (unsigned c = 0; c < 64 && r >= 0; c++)
                if (ambient >> c & 1)
                        r = RAW5(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
        return r;
}

int exec_child_identity(struct exec_plan *p, struct exec_fail *f)
{
        bool change = p->flags & PLAN_SETID;
        long r;

        if (change) {
                r = p->flags & PLAN_GROUPS_SET ? 0 : RAW2(SYS_setgroups, p->groups.n, plan_at(p, p->groups));
                if (r < 0)
                        return fail(f, EXIT_GROUP, r, "setgroups");
                r = RAW3(SYS_setresgid, p->gid, p->gid, p->gid);
                if (r < 0)
                        return fail(f, EXIT_GROUP, r, "setresgid");
        }
        if ((p->flags & PLAN_DROP_BOUNDING) && (r = drop_bounding(p->cap_bounding)) < 0)
                return fail(f, EXIT_CAPABILITIES, r, "capability bounding set");
        if (p->flags & PLAN_SECURE_BITS) {
                r = RAW2(SYS_prctl, PR_SET_SECUREBITS, p->secure_bits);
                if (r < 0)
                        return fail(f, EXIT_SECUREBITS, r, "secure bits");
        }
        if (change) {
                if ((p->flags & PLAN_SET_CAPS) && (r = RAW2(SYS_prctl, PR_SET_KEEPCAPS, 1)) < 0)
                        return fail(f, EXIT_CAPABILITIES, r, "keeping capabilities");
                r = RAW3(SYS_setresuid, p->uid, p->uid, p->uid);
                if (r < 0)
                        return fail(f, EXIT_USER, r, "setresuid");
        }
        if ((p->flags & PLAN_SET_CAPS) && (r = set_ambient(p->cap_ambient, change && p->uid != 0)) < 0)
                return fail(f, EXIT_CAPABILITIES, r, "ambient capabilities");
        return 0;
}

/* ---- the program ---- */

void exec_child_pointers(struct exec_plan *p, char ***ret_argv, char ***ret_envp)
{
        char **to = (char **)((char *)p + p->ptrs);
        uint32_t journal = p->env_journal && !((char *)p)[p->env_journal] ? p->env_journal : 0;

        *ret_argv = to;
        for (uint32_t i = 0; i < p->argv.n; i++)
                *to++ = (char *)plan_item(p, p->argv, i);
        *to++ = NULL;
        *ret_envp = to;
        for (uint32_t i = 0; i < p->env.n; i++) {
                char *e = (char *)plan_item(p, p->env, i);

                /* no log daemon: no JOURNAL_STREAM */
                if (journal && e + sizeof("JOURNAL_STREAM=") - 1 == (char *)p + journal)
                        continue;
                *to++ = e;
        }
        *to = NULL;
}

static int change_directory(struct exec_plan *p, struct exec_fail *f)
{
        const char *dir = p->cwd ? plan_str(p, p->cwd) : "/";
        long r = RAW1(SYS_chdir, dir);

        if (r < 0 && (p->flags & PLAN_CWD_MISSING_OK))
                r = RAW1(SYS_chdir, "/");
        return r < 0 ? fail(f, EXIT_CHDIR, r, dir) : 0;
}

/* Joins dir and name into buf; false when it is too long. */
static bool join(char *buf, size_t size, const char *dir, const char *name)
{
        size_t n = 0;

        while (*dir && n < size - 2)
                buf[n++] = *dir++;
        buf[n++] = '/';
        while (*name && n < size - 1)
                buf[n++] = *name++;
        buf[n] = '\0';
        return !*dir && !*name;
}

/* The program's path, sought where it has no slash. Before seccomp, since the filter may forbid looking. */
static const char *find_program(struct exec_plan *p, char *buf, size_t size, long *ret_err)
{
        const char *path = plan_str(p, p->path);

        *ret_err = -ENOENT;
        for (const char *s = path; *s; s++)
                if (*s == '/') {
                        *ret_err = RAW3(SYS_faccessat, AT_FDCWD, path, X_OK);
                        return path;
                }
        for (uint32_t i = 0; i < p->search.n; i++) {
                if (!join(buf, size, plan_item(p, p->search, i), path))
                        continue;
                *ret_err = RAW3(SYS_faccessat, AT_FDCWD, buf, X_OK);
                if (*ret_err == 0)
                        return buf;
        }
        return path;
}

static int install_seccomp(struct exec_plan *p, struct exec_fail *f)
{
        const uint32_t *w = plan_at(p, p->seccomp), *end = w + p->seccomp.n;

        while (p->seccomp.n && end - w >= 2) {
                uint32_t count = w[0], flags = w[1];
                struct sock_fprog prog = { .len = (unsigned short)count,
                        .filter = (struct sock_filter *)(w + 2) };
                long r;

                if (count == 0 || count > BPF_MAXINSNS || (size_t)(end - w - 2) < count * 2u)
                        return fail(f, EXIT_SECCOMP, -EINVAL, "seccomp filter");
                r = RAW3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
                if (r < 0)
                        return fail(f, EXIT_SECCOMP, r, "seccomp filter");
                w += 2 + count * 2u;
        }
        return 0;
}

int exec_child_execute(struct exec_plan *p, char *const argv[], char *const envp[], struct exec_fail *f)
{
        char buf[1024];
        const char *path;
        uint64_t none = 0;
        long r;
        int code = change_directory(p, f);

        if (code)
                return code;
        path = find_program(p, buf, sizeof(buf), &r);
        if (r == 0)
                code = place_fds(p, f);
        if (code)
                return code;
        if (r == 0 && (p->flags & PLAN_NO_NEW_PRIVS) &&
                (r = RAW5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
                return fail(f, EXIT_NO_NEW_PRIVILEGES, r, "no-new-privileges");
        if (r == 0) {
                RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
                code = install_seccomp(p, f);
                if (code)
                        return code;
                r = RAW3(SYS_execve, path, argv, envp);
        }
        return fail(f, EXIT_EXEC, r, plan_str(p, p->path));
}

static void put_pids(struct exec_plan *p)
{
        const uint32_t at[] = { p->env_listen_pid, p->env_exec_pid, p->env_watchdog_pid };
        uint64_t pid = (uint64_t)RAW0(SYS_getpid);

        for (size_t i = 0; i < ARRAY_SIZE(at); i++)
                if (at[i])
                        put_number((char *)p + at[i], pid);
}

static int enter_cgroup(struct exec_plan *p, struct exec_fail *f)
{
        long fd, r;

        if (!(p->flags & PLAN_CGROUP_WRITE))
                return 0;
        fd = raw_openat(p->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
        r = fd < 0 ? fd : raw_write((int)fd, "0", 1);
        if (fd >= 0)
                raw_close((int)fd);
        return r < 0 ? fail(f, EXIT_CGROUP, r, "cgroup.procs") : 0;
}

/* Descriptors to where rouse-exec expects them, then rouse-exec. */
static int become_helper(struct exec_child *c, struct exec_fail *f)
{
        int min = 0;
        uint64_t none = 0;

        for (unsigned i = 0; i < c->n_moves; i++)
                min = MAX(min, c->moves[i].to + 1);
        for (unsigned i = 0; i < c->n_moves; i++) {
                long r = lift(&c->moves[i].from, min);

                if (r < 0)
                        return fail(f, EXIT_FDS, r, "moving descriptors");
        }
        for (unsigned i = 0; i < c->n_moves; i++) {
                long r = RAW3(SYS_dup3, c->moves[i].from, c->moves[i].to, 0);

                if (r < 0)
                        return fail(f, EXIT_FDS, r, "moving descriptors");
        }
        for (unsigned i = 0; i < c->n_moves; i++)
                if (c->moves[i].from == c->status_fd)
                        c->status_fd = c->moves[i].to;
        RAW3(SYS_close_range, min, ~0u, CLOSE_RANGE_CLOEXEC);
        RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
        return fail(f, EXIT_EXEC, RAW3(SYS_execve, c->helper_path, c->helper_argv, c->helper_envp),
                c->helper_path);
}

static int run_all(struct exec_plan *p, struct exec_fail *f)
{
        char **argv, **envp;
        int r;

        if ((r = exec_child_fds(p, f)) || (r = exec_child_stdio(p, f)) ||
                (r = exec_child_properties(p, f)) || (r = exec_child_identity(p, f)))
                return r;
        exec_child_pointers(p, &argv, &envp);
        return exec_child_execute(p, argv, envp, f);
}

void exec_child_start(void *arg)
{
        struct exec_child *c = arg;
        struct exec_fail f = { 0 };
        int code;

        code = enter_cgroup(c->plan, &f);
        if (!code && c->plan->fail_code)
                code = fail(&f, c->plan->fail_code, -c->plan->fail_err, NULL);
        if (!code)
                code = exec_child_signals(c->plan, &f);
        if (!code) {
                if (!(c->plan->flags & PLAN_SAME_GROUP))
                        RAW0(SYS_setsid);
                put_pids(c->plan);
                code = c->helper_path ? become_helper(c, &f) : run_all(c->plan, &f);
        }
        exec_child_fail(c->helper_path ? c->status_fd : c->plan->status_fd, code, &f);
}
