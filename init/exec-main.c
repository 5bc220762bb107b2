/* rouse-exec: what a service's child becomes when it needs more than raw system calls: NSS, PAM, a terminal,
 * namespaces and mounts, credentials. It is executed in the service's cgroup, already a session of its own, with the
 * plan (exec-plan.h) in a sealed memory file and the status pipe open. It does what the plan asks beyond the usual,
 * then takes the same last steps as every child (exec-child.c) and becomes the program.
 *
 *     rouse-exec PLAN-FD            as PID 1 starts it
 *     rouse-exec --look[-until] QUESTION PATH, --watch KIND MODE PATH
 *                                   looks at a path where PID 1 might hang (exec-main-look.c)
 *     rouse-exec --remove PATH…     removes directories of an ended service
 *     rouse-exec --clean PATH…      the same when somebody has asked for it, and answers as --look does
 *     rouse-exec --utmp-dead ID     closes the utmp record of a service that has ended
 *     rouse-exec --remove-ipc USER GROUP   removes what it left of System V and POSIX communication
 *
 * Order: user by NSS, environment files, terminal and utmp, credentials, standard streams (on the host's file
 * systems), PAM, namespaces and mounts, limits and scheduling, identity, user namespace, the program. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "exec-expand.h"
#include "exec-main.h"
#include "lib/fileio.h"
#include "lib/log.h"

void helper_fail(struct helper *h, int exit_code, int err, const char *what)
{
        struct exec_fail f = { .err = -err, .what = what };

        exec_child_fail(h->plan ? h->plan->status_fd : -1, exit_code, &f);
}

void helper_warn(struct helper *h, int err, const char *what)
{
        struct exec_report rep = { .err = -err };

        snprintf(rep.what, sizeof(rep.what), "%s", what);
        (void)!write(h->plan->status_fd, &rep, sizeof(rep));
}

static int load_plan(struct helper *h, const char *arg)
{
        int fd = atoi(arg), n;
        struct stat st;
        void *mem;

        if (fd < 3 || fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > (off_t)PLAN_MAX)
                return -EBADF;
        mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (mem == MAP_FAILED)
                return -errno;
        if (plan_check(mem, (size_t)st.st_size) < 0)
                return -EBADMSG;
        h->plan = mem;
        close(fd);
        fcntl(h->plan->status_fd, F_SETFD, FD_CLOEXEC);
        n = (int)h->plan->fds.n;
        for (int i = 3; i < 3 + n; i++)
                fcntl(i, F_SETFD, FD_CLOEXEC);
        return 0;
}

/* EnvironmentFile= that PID 1 may not read itself. */
static void read_env_files(struct helper *h)
{
        const struct exec_plan *p = h->plan;

        for (uint32_t i = 0; i < p->env_files.n; i++) {
                int r = exec_env_file(plan_item(p, p->env_files, i), &h->env);

                if (r < 0)
                        helper_fail(h, EXIT_EXEC, r, plan_item(p, p->env_files, i));
                h->env_added = true;
        }
}

static void start_env(struct helper *h)
{
        for (uint32_t i = 0; i < h->plan->env.n; i++) {
                const char *e = plan_item(h->plan, h->plan->env, i);
                const char *eq = strchr(e, '=');

                /* JOURNAL_STREAM is known later, the pids are put in here */
                if (h->plan->env_journal && eq && eq + 1 == (const char *)h->plan + h->plan->env_journal)
                        continue;
                if (strv_add(&h->env, e) < 0)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        }
}

static void put_pids(struct helper *h)
{
        const uint32_t at[] = { h->plan->env_listen_pid, h->plan->env_exec_pid, h->plan->env_watchdog_pid };

        for (size_t i = 0; i < ARRAY_SIZE(at); i++)
                if (at[i])
                        snprintf((char *)h->plan + at[i], 12, "%d", getpid());
}

/* The final environment and arguments. */
static void finish_env(struct helper *h)
{
        struct exec_plan *p = h->plan;
        char **argv = NULL;

        if (p->env_journal && *((char *)p + p->env_journal))
                strv_addf(&h->env, "JOURNAL_STREAM=%s", (char *)p + p->env_journal);
        for (uint32_t i = 0; i < p->unset_env.n; i++)
                strv_env_unset(h->env, plan_item(p, p->unset_env, i));
        for (uint32_t i = 0; i < p->argv.n; i++)
                if (strv_add(&argv, plan_item(p, p->argv, i)) < 0)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        if ((p->flags & PLAN_EXPAND) && argv) {
                if (exec_expand_argv(argv, h->env, &h->argv) < 0)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
                strv_free(argv);
        } else
                h->argv = argv;
        if (!h->env)
                h->env = calloc(1, sizeof(char *));
}

static void check(struct helper *h, int code, const struct exec_fail *f)
{
        if (code)
                exec_child_fail(h->plan->status_fd, code, f);
}

/* ---- rouse-exec --remove ---- */

static int removed(int dir, const char *name, int flags)
{
        return unlinkat(dir, name, flags) < 0 && errno != ENOENT ? -errno : 0;
}

/* What cannot be removed stays, and the rest goes: 0, or the first error. Other file systems are left alone. */
static int remove_tree(int dir, const char *name, dev_t dev, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        struct stat st;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), first = 0,
            r;

        if (fd < 0)
                return removed(dir, name, 0);
        if (fstat(fd, &st) < 0 || (dev && st.st_dev != dev) || depth > 512 || !(d = fdopendir(fd))) {
                close(fd);
                return -EBUSY;
        }
        for (struct dirent *e; (e = readdir(d));)
                if (!streq(e->d_name, ".") && !streq(e->d_name, "..")) {
                        r = remove_tree(fd, e->d_name, st.st_dev, depth + 1);
                        first = first ?: r;
                }
        r = removed(dir, name, AT_REMOVEDIR);
        return first ?: r;
}

static int remove_trees(char *const paths[])
{
        int first = 0;

        FOREACH_STR (p, paths)
                if (**p == '/') {
                        int r = remove_tree(AT_FDCWD, *p, 0, 0);

                        first = first ?: r;
                }
        return first;
}

int main(int argc, char *argv[])
{
        struct helper h = { .tty_fd = -1 };
        struct exec_fail f = { 0 };
        int r;

        if (argc >= 3 && (streq(argv[1], "--remove") || streq(argv[1], "--clean"))) {
                r = remove_trees(argv + 2);
                if (streq(argv[1], "--clean"))
                        printf("%d 0 0\n", r);
                return 0;
        }
        if (argc == 4 && (streq(argv[1], "--look") || streq(argv[1], "--look-until")))
                return helper_look(argv + 2, streq(argv[1], "--look-until"));
        if (argc == 5 && streq(argv[1], "--watch"))
                return helper_watch(argv + 2);
        if (argc >= 3 && streq(argv[1], "--sockets"))
                return helper_sockets(argv + 2);
        if (argc == 3 && streq(argv[1], "--utmp-dead"))
                return helper_utmp_dead(argv[2]);
        if (argc == 4 && streq(argv[1], "--remove-ipc"))
                return helper_remove_ipc(argv[2], argv[3]);
        if (argc != 2) {
                fprintf(stderr, "rouse-exec is started by rouse, with a plan; it is not a command.\n");
                return 2;
        }
        log_open("rouse-exec", LOG_TO_NULL);
        r = load_plan(&h, argv[1]);
        if (r < 0) {
                fprintf(stderr, "rouse-exec: the plan cannot be read\n");
                return EXIT_EXEC;
        }
        put_pids(&h);
        start_env(&h);
        helper_identity(&h);
        helper_own_directories(&h);
        read_env_files(&h);
        helper_tty(&h);
        helper_utmp(&h);
        helper_credentials(&h);
        check(&h, exec_child_signals(h.plan, &f), &f);
        check(&h, exec_child_fds(h.plan, &f), &f);
        check(&h, exec_child_stdio(h.plan, &f), &f);
        helper_pam(&h);
        if (helper_sandboxed(&h))
                helper_namespaces(&h);
        else if (h.plan->flags & PLAN_NETWORK)
                helper_network(&h);
        finish_env(&h);
        helper_home_directory(&h);
        check(&h, exec_child_properties(h.plan, &f), &f);
        if (helper_sandboxed(&h))
                helper_user_namespace(&h);
        check(&h, exec_child_identity(h.plan, &f), &f);
        check(&h, exec_child_execute(h.plan, h.argv, h.env, &f), &f);
        return EXIT_EXEC;
}
