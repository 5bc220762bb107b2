/* Starting processes.
 *
 * exec_spawn() never waits. The plan (exec-plan.h) and the child's stack lie in one arena of their own; clone3 makes
 * a child that shares PID 1's memory but none of its time: PID 1 goes on at once, and leaves the arena alone until
 * the status pipe says that the child has executed its program or is dead (its end is closed then). On the way the
 * pipe brings what went wrong: exit code, errno, and where.
 *
 * Where sharing memory is not possible (a sanitizer's build, another architecture) the child gets a copy. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#include "exec-child.h"
#include "exec-internal.h"
#include "lib/fileio.h"
#include "lib/paths.h"
#include "lib/raw.h"

#define STACK_SIZE  (32u * 1024)
#define ARENA_SIZE  (64u * 1024) /* the usual one; kept for the next child */
#define ARENAS_KEPT 8

const char *exec_helper_path = ROUSE_EXEC;

struct arena {
        char *mem;
        size_t size;
};

/* A child that has not executed yet. */
struct spawn {
        struct loop_io io; /* reading end of the status pipe */
        struct loop *loop;
        struct unit *unit; /* NULL: went away */
        struct arena arena;
        pid_t pid;
        char *path;
        struct exec_report failure;
        void (*done)(struct unit *u, pid_t pid, int exit_code, int err);
        bool quiet;
        struct spawn *next, **prev;
};

static struct spawn *spawns;
static struct arena kept[ARENAS_KEPT];
static unsigned n_kept;

static int arena_get(size_t need, struct arena *ret)
{
        void *mem;

        if (need <= ARENA_SIZE && n_kept > 0) {
                *ret = kept[--n_kept];
                return 0;
        }
        need = MAX((need + 4095) & ~(size_t)4095, ARENA_SIZE);
        mem = mmap(NULL, need, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (mem == MAP_FAILED)
                return -errno;
        *ret = (struct arena) { mem, need };
        return 0;
}

static void arena_put(struct arena *a)
{
        if (!a->mem)
                return;
        if (a->size == ARENA_SIZE && n_kept < ARENAS_KEPT)
                kept[n_kept++] = *a;
        else
                munmap(a->mem, a->size);
        a->mem = NULL;
}

/* ---- the child ---- */

/* The child, with its memory shared or (copy) its own. */
static long make_child(struct clone_args *args, struct arena *a, struct exec_child *c, bool copy)
{
        long pid;

#if RAW_CLONE_VM
        if (!copy) {
                args->flags |= CLONE_VM;
                args->stack = (uintptr_t)a->mem;
                args->stack_size = STACK_SIZE;
                return raw_clone_onto(args, exec_child_start, c);
        }
#endif
        pid = RAW2(SYS_clone3, args, sizeof(*args));
        if (pid == 0)
                exec_child_start(c);
        return pid;
}

/* Kernels and sandboxes without clone3, or without CLONE_INTO_CGROUP: the child enters its cgroup by itself. So it
 * does (enter) in a cgroup that cgroup.kill was written to: kernels since 6.13, and stable ones with that fix, kill a
 * child cloned into such a cgroup, since they compare the count of kills with that of the parent's own. */
static long start_child(struct arena *a, struct exec_child *c, int cgroup_fd, bool enter, int *ret_pidfd)
{
        struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                .exit_signal = SIGCHLD,
                .pidfd = (uintptr_t)ret_pidfd };
        struct clone_args with_cgroup = args;
        uint64_t all = UINT64_MAX, before;
        long pid;

        /* no handler of PID 1 may run in the child */
        RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
        with_cgroup.flags |= CLONE_INTO_CGROUP;
        with_cgroup.cgroup = (uint64_t)cgroup_fd;
        if (enter && cgroup_fd >= 0) {
                c->plan->flags |= PLAN_CGROUP_WRITE;
                c->plan->cgroup_fd = cgroup_fd;
                cgroup_fd = -1;
        }
        pid = cgroup_fd >= 0 ? make_child(&with_cgroup, a, c, false) : make_child(&args, a, c, false);
        if (pid == -EINVAL || pid == -E2BIG || pid == -ENOSYS || pid == -EOPNOTSUPP) {
                if (cgroup_fd >= 0) {
                        c->plan->flags |= PLAN_CGROUP_WRITE;
                        c->plan->cgroup_fd = cgroup_fd;
                }
                pid = pid == -ENOSYS ? -ENOSYS : make_child(&args, a, c, false);
                if (pid == -ENOSYS) {
                        pid = RAW5(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, ret_pidfd, 0, 0);
                        if (pid == 0)
                                exec_child_start(c);
                }
        }
        RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, 8);
        return pid;
}

/* Until the child has entered its cgroup by itself nobody could find it there: PID 1 puts it in as well. */
static void put_into_cgroup(int cgroup_fd, pid_t pid)
{
        char text[16];

        snprintf(text, sizeof(text), "%d", pid);
        write_attr_at(cgroup_fd, "cgroup.procs", text);
}

/* ---- what the child tells ---- */

static void spawn_free(struct spawn *s)
{
        int fd = s->io.fd;

        if (s->prev) {
                *s->prev = s->next;
                if (s->next)
                        s->next->prev = s->prev;
        }
        if (s->loop && fd >= 0)
                loop_io_remove(s->loop, &s->io);
        close_fd(fd);
        arena_put(&s->arena);
        free(s->path);
        free(s);
}

static void take_report(struct spawn *s, struct exec_report *rep)
{
        const char *unit = s->unit ? s->unit->id : NULL, *name = exec_status_to_string(rep->exit_code);
        int level = s->quiet ? LOG_INFO : LOG_ERR;

        rep->what[sizeof(rep->what) - 1] = '\0';
        if (rep->exit_code == 0) { /* rouse-exec has something to say */
                if (rep->err)
                        log_unit_errno(unit, LOG_WARNING, -rep->err, "%s: %s: %m", s->path, rep->what);
                else
                        log_unit(unit, LOG_WARNING, "%s: %s", s->path, rep->what);
                return;
        }
        s->failure = *rep;
        if (rep->what[0] && !streq(rep->what, s->path))
                log_unit_errno(unit, level, -rep->err, "%s was not executed: step %s failed (%s): %m",
                        s->path, name ?: "?", rep->what);
        else
                log_unit_errno(unit, level, -rep->err, "%s was not executed: step %s failed: %m", s->path,
                        name ?: "?");
}

static void on_status(struct loop_io *io, uint32_t revents)
{
        struct spawn *s = io->data;
        struct exec_report rep;
        struct unit *u = s->unit;
        pid_t pid = s->pid;
        void (*done)(struct unit *, pid_t, int, int) = s->done;
        int code, err;
        ssize_t n;

        while ((n = read(io->fd, &rep, sizeof(rep))) == (ssize_t)sizeof(rep))
                take_report(s, &rep);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        code = s->failure.exit_code;
        err = s->failure.err;
        spawn_free(s);
        if (u && done)
                done(u, pid, code, err);
}

void exec_forget(struct unit *u)
{
        for (struct spawn *s = spawns; s; s = s->next)
                if (s->unit == u)
                        s->unit = NULL;
        exec_log_forget(u);
}

/* ---- into rouse-exec ---- */

/* The plan as rouse-exec shall find it, in a sealed memory file; numbers of descriptors are the ones they will
 * have there: passed ones at 3, then status pipe, plan, what becomes a standard stream without being passed. */
static int seal_plan(const struct plan_builder *b, const int *streams, size_t n_streams,
        struct exec_plan *there, int *ret_fd)
{
        _cleanup_close_ int fd = memfd_create("rouse-exec-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int base = 3 + (int)there->fds.n;
        int32_t *fds = (int32_t *)((char *)there + there->fds.off);
        int r;

        if (fd < 0)
                return -errno;
        for (int i = 0; i < 3; i++) {
                if (there->stdio[i].kind != STREAM_FD)
                        continue;
                size_t s = 0;

                while (s < n_streams && streams[s] != there->stdio[i].fd)
                        s++;
                if (s < n_streams)
                        there->stdio[i].fd = base + 2 + (int)s;
                else
                        for (uint32_t k = 0; k < there->fds.n; k++)
                                if (fds[k] == there->stdio[i].fd)
                                        there->stdio[i].fd = 3 + (int)k;
        }
        for (uint32_t k = 0; k < there->fds.n; k++)
                fds[k] = 3 + (int32_t)k;
        there->status_fd = base;
        there->plan_fd = base + 1;
        r = write_all(fd, there, b->len);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int plan_helper_moves(struct exec_child *c, const struct exec_params *p, struct plan_builder *b,
        struct plan_move *moves, int status_fd, int *ret_memfd)
{
        struct exec_plan *here = c->plan;
        unsigned n = 0;
        int r, base = 3 + (int)here->fds.n, streams[4];
        size_t n_streams = 0;
        const int32_t *fds = plan_at(here, here->fds);
        static char name[] = "rouse-exec";

        for (uint32_t i = 0; i < here->fds.n; i++)
                moves[n++] = (struct plan_move) { fds[i], 3 + (int)i };
        if (p->stdin_fd >= 0)
                streams[n_streams++] = p->stdin_fd;
        for (int i = 0; p->stdio_fds && i < 3; i++)
                streams[n_streams++] = p->stdio_fds[i];
        r = seal_plan(b, streams, n_streams, plan_of(b), ret_memfd);
        if (r < 0)
                return r;
        moves[n++] = (struct plan_move) { status_fd, base };
        moves[n++] = (struct plan_move) { *ret_memfd, base + 1 };
        for (size_t i = 0; i < n_streams; i++)
                moves[n++] = (struct plan_move) { streams[i], base + 2 + (int)i };
        c->moves = moves;
        c->n_moves = n;
        c->helper_path = exec_helper_path;
        c->helper_argv[0] = name;
        c->helper_argv[1] = c->helper_arg;
        snprintf(c->helper_arg, sizeof(c->helper_arg), "%d", base + 1);
        return 0;
}

/* ---- spawning ---- */

static int cgroup_of(struct unit *u, const struct exec_params *p, int *ret_owned)
{
        int fd = -1, r;

        *ret_owned = -1;
        if (!u->manager->cgroup_ok)
                return -1;
        r = cgroup_realize(u);
        if (r >= 0)
                fd = cgroup_open(u);
        if (r < 0 || fd < 0)
                return r < 0 ? r : fd == -ENOENT ? -1 : fd;
        if (p->cgroup_suffix) {
                r = cgroup_open_below(fd, p->cgroup_suffix);
                if (r >= 0)
                        *ret_owned = r;
                return r;
        }
        return fd;
}

/* Lays child, plan and moves out in an arena. */
static int fill_arena(
        struct plan_builder *b, const struct exec_params *p, struct arena *a, struct exec_child **ret)
{
        size_t n_moves = p->n_fds + 2 + 4, need = STACK_SIZE + sizeof(struct exec_child) + 64 + b->len + 64 +
                                                  n_moves * sizeof(struct plan_move) + 12;
        struct exec_child *c;
        int r = arena_get(need, a);

        if (r < 0)
                return r;
        c = (struct exec_child *)(a->mem + STACK_SIZE);
        *c = (struct exec_child) { 0 };
        c->plan = (struct exec_plan *)(a->mem + STACK_SIZE + ((sizeof(*c) + 63) & ~63u));
        memcpy(c->plan, b->block, b->len);
        c->moves = (struct plan_move *)((char *)c->plan + ((b->len + 63) & ~(size_t)63));
        *ret = c;
        return 0;
}

static struct spawn *spawn_new(struct unit *u, const struct exec_params *p, struct arena *a, int status_read)
{
        struct spawn *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        *s = (struct spawn) { .unit = u,
                .arena = *a,
                .done = p->exec_done,
                .loop = u->manager->loop,
                .quiet = p->command->flags & CMD_IGNORE_FAILURE,
                .io = { .fd = status_read, .events = EPOLLIN, .priority = -5, .cb = on_status, .data = s } };
        s->path = strdup(p->command->path);
        if (!s->path || loop_io_add(s->loop, &s->io) < 0) {
                free(s->path);
                free(s);
                return NULL;
        }
        s->prev = &spawns;
        s->next = spawns;
        if (spawns)
                spawns->prev = &s->next;
        spawns = s;
        return s;
}

int exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p, pid_t *ret_pid,
        int *ret_pidfd)
{
        _cleanup_plan_ struct plan_builder b = { 0 };
        _cleanup_close_ int status_write = -1, memfd = -1, own_cgroup = -1;
        struct exec_child *child;
        struct arena a = { 0 };
        struct spawn *s;
        int pipe_fds[2], pidfd = -1, cgroup_fd, r;
        bool helper;
        long pid;

        r = exec_prepare(u, c, p, &b, &helper);
        if (r < 0)
                return r;
        cgroup_fd = cgroup_of(u, p, &own_cgroup);
        if (cgroup_fd < -1)
                return log_unit_errno(u->id, LOG_ERR, cgroup_fd, "Could not make the cgroup: %m");
        if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        status_write = pipe_fds[1];
        r = fill_arena(&b, p, &a, &child);
        s = r >= 0 ? spawn_new(u, p, &a, pipe_fds[0]) : NULL;
        if (!s) {
                close(pipe_fds[0]);
                arena_put(&a);
                return r < 0 ? r : -ENOMEM;
        }
        exec_log_settings(u, c);
        child->status_fd = child->plan->status_fd = status_write;
        r = helper ? plan_helper_moves(child, p, &b, child->moves, status_write, &memfd) : 0;
        pid = r < 0 ? r : start_child(&s->arena, child, cgroup_fd, u->cgroup_killed, &pidfd);
        if (pid < 0) {
                spawn_free(s);
                return (int)pid;
        }
        s->pid = (pid_t)pid;
        if (u->cgroup_killed && cgroup_fd >= 0)
                put_into_cgroup(cgroup_fd, s->pid);
        *ret_pid = (pid_t)pid;
        *ret_pidfd = pidfd;
        return 0;
}

static int detached(struct manager *m, char *const argv[], int out, unsigned flags, int *ret_pidfd)
{
        _cleanup_plan_ struct plan_builder b = { 0 };
        _cleanup_close_ int status_write = -1;
        struct exec_command command = { .path = argv[0] };
        struct exec_params p = { .command = &command };
        struct exec_child *child;
        struct arena a = { 0 };
        struct unit none = { .manager = m };
        struct spawn *s;
        struct plan_list l;
        int pipe_fds[2], r;
        uint32_t at;
        long pid;

        r = plan_begin(&b);
        if (r < 0)
                return r;
        l = plan_add_strv(&b, argv);
        plan_of(&b)->argv = l;
        at = plan_add_str(&b, argv[0]);
        plan_of(&b)->path = at;
        at = plan_reserve(&b, (l.n + 2) * sizeof(void *));
        plan_of(&b)->ptrs = at;
        plan_of(&b)->cgroup_fd = -1;
        plan_of(&b)->flags |= flags;
        if (out >= 0)
                plan_of(&b)->stdio[1] = (struct plan_stdio) { .kind = STREAM_FD, .fd = out };
        r = plan_finish(&b);
        if (r < 0)
                return r;
        if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        status_write = pipe_fds[1];
        r = fill_arena(&b, &p, &a, &child);
        s = r >= 0 ? spawn_new(&none, &p, &a, pipe_fds[0]) : NULL;
        if (!s) {
                close(pipe_fds[0]);
                arena_put(&a);
                return r < 0 ? r : -ENOMEM;
        }
        s->unit = NULL;
        child->status_fd = child->plan->status_fd = status_write;
        pid = start_child(&s->arena, child, -1, false, ret_pidfd);
        if (pid < 0)
                spawn_free(s);
        return pid < 0 ? (int)pid : 0;
}

int exec_detached(struct manager *m, char *const argv[])
{
        _cleanup_close_ int pidfd = -1;

        return detached(m, argv, -1, 0, &pidfd);
}

int exec_detached_to(struct manager *m, char *const argv[], int out, int *ret_pidfd)
{
        return detached(m, argv, out, 0, ret_pidfd);
}

int exec_detached_near(struct manager *m, char *const argv[], int out, int *ret_pidfd)
{
        return detached(m, argv, out, PLAN_SAME_GROUP, ret_pidfd);
}
