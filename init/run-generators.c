/* Other packages' unit generators (systemd.generator(7)), all at once, without holding PID 1.
 *
 * systemd's own are done natively (generate-*.c) and skipped by name where systemd's package puts them, but for those
 * of encrypted and verified devices, which run where there is something for them. The rest runs
 * in parallel, each with the three output directories as arguments; what they have not written within GENERATORS_MAX
 * is not waited for: they are killed, named, and the boot goes on. When one ran, the index is made again before done()
 * is called; when there is none, done() is called at once and nothing is executed. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "condition.h"
#include "load.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/machine.h"
#include "lib/paths.h"

#define GENERATORS_MAX (10 * USEC_PER_SEC)

struct generator {
        struct loop_io io; /* its pidfd */
        pid_t pid;
        char *path;
        struct run *run;
        struct generator *next;
};
struct run {
        struct manager *m;
        void (*done)(struct manager *m);
        struct generator *list;
        struct loop_timer timer;
        struct loop_deferred finish;
        unsigned running;
        usec_t began;
};

static const char *const output_dirs[] = {
        "/run/systemd/generator",
        "/run/systemd/generator.early",
        "/run/systemd/generator.late",
};

/* ---- which ---- */

/* Those of systemd's that are not run. What a table of theirs asks for (crypttab(5), veritytab(5), integritytab(5),
 * and the words of the kernel command line for the same) is done by the units that they write: then they are. */
static const struct native {
        const char *name, *table, *word;
} natives[] = {
        { "systemd-cryptsetup-generator", "/etc/crypttab", "luks." },
        { "systemd-debug-generator", NULL, NULL },
        { "systemd-fstab-generator", NULL, NULL },
        { "systemd-getty-generator", NULL, NULL },
        { "systemd-gpt-auto-generator", NULL, NULL },
        { "systemd-hibernate-resume-generator", NULL, NULL },
        { "systemd-integritysetup-generator", "/etc/integritytab", NULL },
        { "systemd-rc-local-generator", NULL, NULL },
        { "systemd-run-generator", NULL, NULL },
        { "systemd-system-update-generator", NULL, NULL },
        { "systemd-sysv-generator", NULL, NULL },
        { "systemd-veritysetup-generator", "/etc/veritytab", "systemd.verity" },
};

/* Says the table anything at all? Packages install them with comments only. */
static bool table_asks(const char *path)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;

        if (!path || read_file(path, 1024 * 1024, &text, NULL) < 0)
                return false;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                line += strspn(line, " \t");
                if (*line && *line != '#')
                        return true;
        }
        return false;
}

/* In the initramfs "rd." stands before the words that count there alone. */
static bool cmdline_asks(const char *word, bool in_initrd)
{
        _cleanup_strv_ char **words = NULL;

        if (!word || cmdline_read(&words) < 0)
                return false;
        FOREACH_STR (w, words)
                if (startswith(*w, word) || (in_initrd && startswith(*w, "rd.") && startswith(*w + 3, word)))
                        return true;
        return false;
}

static bool left_out(const char *dir, const char *name, bool in_initrd)
{
        if (!startswith(dir, "/usr/lib/systemd/") && !startswith(dir, "/lib/systemd/"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(natives); i++)
                if (streq(name, natives[i].name))
                        return !table_asks(natives[i].table) && !cmdline_asks(natives[i].word, in_initrd);
        return false;
}

static int find_generators(bool in_initrd, char ***ret)
{
        static char *const dirs[] = {
                (char *)"/run/systemd/system-generators",
                (char *)"/etc/systemd/system-generators",
                (char *)"/usr/local/lib/systemd/system-generators",
                (char *)"/usr/lib/systemd/system-generators",
                (char *)"/lib/systemd/system-generators",
                NULL,
        };
        _cleanup_strv_ char **all = NULL, **found = NULL;
        int r = conf_files_list(NULL, dirs, "", &all);

        if (r < 0)
                return r;
        FOREACH_STR (p, all)
                if (!left_out(*p, path_basename(*p), in_initrd) && access(*p, X_OK) >= 0) {
                        r = strv_add(&found, *p);
                        if (r < 0)
                                return r;
                }
        *ret = TAKE_PTR(found);
        return 0;
}

/* ---- output directories: made, and emptied of the last run's ---- */

static void empty_dir(int parent, const char *name, int depth)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *de;

        if (!d) {
                close_fd(fd);
                return;
        }
        while ((de = readdir(d))) {
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;
                if (unlinkat(dirfd(d), de->d_name, 0) < 0 && errno == EISDIR && depth < 8) {
                        empty_dir(dirfd(d), de->d_name, depth + 1);
                        (void)unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR);
                }
        }
}

static int prepare_outputs(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(output_dirs); i++) {
                int r = mkdir_p(output_dirs[i], 0755);

                if (r < 0)
                        return log_error_errno(r, "Cannot make %s: %m", output_dirs[i]);
                empty_dir(AT_FDCWD, output_dirs[i], 0);
        }
        return 0;
}

/* ---- running ---- */

static void run_finish(struct loop_deferred *d)
{
        struct run *run = d->data;
        void (*done)(struct manager * m) = run->done;
        struct manager *m = run->m;

        loop_timer_cancel(m->loop, &run->timer);
        while (run->list) {
                struct generator *g = run->list;

                run->list = g->next;
                if (g->io.fd >= 0) {
                        int fd = g->io.fd;

                        loop_io_remove(m->loop, &g->io);
                        close_fd(fd);
                }
                free(g->path);
                free(g);
        }
        log_debug("Generators took %lld ms", (long long)((now_monotonic() - run->began) / USEC_PER_MSEC));
        m->generators = NULL;
        free(run);
        if (load_index(m) < 0)
                log_error("Unit directories could not be read again after the generators");
        done(m);
}

/* Another part of PID 1 may have reaped it already: then its status is lost, which is only worth a word. */
static void generator_ended(struct loop_io *io, uint32_t revents)
{
        struct generator *g = io->data;
        struct run *run = g->run;
        siginfo_t si = {};
        int fd = io->fd;

        if (waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG) >= 0 && si.si_pid == 0)
                return;
        if (si.si_pid > 0 && (si.si_code != CLD_EXITED || si.si_status != 0))
                log_warning("Generator %s failed (%s %d); what it wrote is used", g->path,
                        si.si_code == CLD_EXITED ? "exit status" : "signal", si.si_status);
        loop_io_remove(run->m->loop, io);
        close_fd(fd);
        if (--run->running == 0)
                loop_defer(run->m->loop, &run->finish);
}

static void generators_late(struct loop_timer *t)
{
        struct run *run = t->data;

        for (struct generator *g = run->list; g; g = g->next)
                if (g->io.fd >= 0) {
                        log_error("Generator %s has not ended after %d s; it is killed, the boot goes on "
                                  "without it",
                                g->path, (int)(GENERATORS_MAX / USEC_PER_SEC));
                        (void)pidfd_send_signal(g->io.fd, SIGKILL, NULL, 0);
                }
        loop_defer(run->m->loop, &run->finish);
}

static int generator_environment(struct manager *m, char ***ret)
{
        _cleanup_strv_ char **env = strv_copy(m->environment);
        const char *virt = virtualization_name();
        int r = 0;

        FOREACH_STR (e, m->manager_environment)
                if (r >= 0)
                        r = strv_env_set(&env, *e);
        if (r >= 0)
                r = strv_env_set(&env, "SYSTEMD_SCOPE=system");
        if (r >= 0 && !strv_env_get(env, "PATH"))
                r = strv_env_set(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if (r >= 0)
                r = strv_env_set(&env, m->in_initrd ? "SYSTEMD_IN_INITRD=1" : "SYSTEMD_IN_INITRD=0");
        if (r >= 0)
                r = strv_env_set(&env, m->first_boot ? "SYSTEMD_FIRST_BOOT=1" : "SYSTEMD_FIRST_BOOT=0");
        if (r >= 0)
                r = strv_addf(&env, "SYSTEMD_ARCHITECTURE=%s", architecture_name());
        if (r >= 0 && !streq(virt, "none"))
                r = strv_addf(&env, "SYSTEMD_VIRTUALIZATION=%s:%s",
                        virtualization_is_container() ? "container" : "vm", virt);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

/* machine-id(5), "First Boot Semantics". What cannot be written stays as it is: most roots are read-only so early. */
static bool presets_are_due(struct manager *m)
{
        return m->t_generators_done == 0 && !m->test_mode &&
               cmdline_bool(m->cmdline, "systemd.condition-first-boot", m->first_boot) &&
               access("/etc/systemd/system", W_OK) >= 0 && access(ROUSE_CTL, X_OK) >= 0;
}

/* A container has no kernel log as a rule. */
static const char *where_to_write(void)
{
        return access("/dev/kmsg", W_OK) >= 0      ? "/dev/kmsg"
               : access("/dev/console", W_OK) >= 0 ? "/dev/console"
                                                   : "/dev/null";
}

static int spawn(const char *path, char *const *env, pid_t *ret)
{
        char *arguments[] = { (char *)path, (char *)output_dirs[0], (char *)output_dirs[1],
                (char *)output_dirs[2], NULL };
        char *preset[] = { (char *)path, (char *)"preset-all", (char *)"--preset-mode=enable-only",
                (char *)"--no-reload", (char *)"--quiet", NULL };
        char **argv = streq(path, ROUSE_CTL) ? preset : arguments;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, where_to_write(), O_WRONLY | O_NOCTTY, 0);
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
        r = posix_spawn(ret, path, &actions, &attr, argv, env);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return -r;
}

static int start_one(struct run *run, const char *path, char *const *env)
{
        struct generator *g = calloc(1, sizeof(*g));
        int fd, r;

        if (!g)
                return -ENOMEM;
        g->run = run;
        g->path = strdup(path);
        g->io.fd = -1;
        g->next = run->list;
        run->list = g;
        r = g->path ? spawn(path, env, &g->pid) : -ENOMEM;
        if (r < 0)
                return r;
        fd = pidfd_open(g->pid, 0);
        if (fd < 0)
                return errno == ESRCH ? 0 : -errno; /* ended and reaped already */
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        g->io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = generator_ended, .data = g };
        r = loop_io_add(run->m->loop, &g->io);
        if (r < 0) {
                close_fd(fd);
                g->io.fd = -1;
                return r;
        }
        run->running++;
        return 0;
}

int generators_start(struct manager *m, void (*done)(struct manager *m))
{
        _cleanup_strv_ char **paths = NULL, **env = NULL;
        struct run *run;
        int r;

        if (m->generators)
                return -EBUSY;
        r = m->test_mode ? 0 : find_generators(m->in_initrd, &paths);
        if (r >= 0 && presets_are_due(m))
                r = strv_add(&paths, ROUSE_CTL);
        if (r < 0)
                return r;
        if (!paths || !*paths) {
                done(m);
                return 0;
        }
        r = prepare_outputs();
        if (r >= 0)
                r = generator_environment(m, &env);
        if (r < 0)
                return r;
        run = calloc(1, sizeof(*run));
        if (!run)
                return -ENOMEM;
        *run = (struct run) { .m = m, .done = done, .began = now_monotonic() };
        run->finish = (struct loop_deferred) { .cb = run_finish, .data = run };
        run->timer = (struct loop_timer) { .cb = generators_late, .data = run };
        m->generators = run;
        FOREACH_STR (p, paths) {
                r = start_one(run, *p, env);
                if (r < 0)
                        log_error_errno(r, "Generator %s cannot be started: %m", *p);
        }
        if (run->running > 0)
                (void)loop_timer_set(m->loop, &run->timer, usec_add(now_monotonic(), GENERATORS_MAX));
        else
                loop_defer(m->loop, &run->finish);
        return 0;
}
