/* Loading of kernel modules: see loader.h. */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "initramfs/initrd/loader.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define STACK_SIZE 16384

enum { IDLE, WANTED, LOADING, DONE, FAILED };

int loader_open(struct loader *l, struct loop *loop, const char *release)
{
        char path[PATH_MAX];

        l->loop = loop;
        l->dirfd = -1;
        for (unsigned i = 0; i < LOADER_JOBS; i++)
                l->job[i] = (struct loader_job) { .loader = l, .fd = -1, .io.fd = -1 };
        snprintf(path, sizeof path, "/lib/modules/%s", release);
        l->dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (l->dirfd < 0)
                return -errno;
        snprintf(path, sizeof path, "/lib/modules/%s/modules.rouse", release);
        int r = digest_open(path, &l->digest);
        if (r < 0)
                return r;
        l->state = calloc(digest_n_modules(l->digest) + 1, 1);
        if (!l->state) {
                digest_close(l->digest);
                l->digest = NULL;
                return -ENOMEM;
        }
        return 0;
}

bool loader_idle(const struct loader *l)
{
        return l->n_running == 0 && l->n_wanted == 0;
}

/* --- the child --- */

/* System calls without errno, which the child would share with us. */
static long raw_syscall(long n, long a, long b, long c)
{
#if defined __x86_64__
        long r;

        __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
        return r;
#elif defined __aarch64__
        register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;

        __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
        return x0;
#else
        return syscall(n, a, b, c) < 0 ? -errno : 0;
#endif
}

#if defined __x86_64__ || defined __aarch64__
#define SHARE_MEMORY CLONE_VM
#else
#define SHARE_MEMORY 0
#endif

static int child(void *arg)
{
        const struct loader_job *j = arg;
        long r = raw_syscall(SYS_finit_module, j->fd, (long)j->options, 0);

        if (r == -EEXIST)
                r = 0;
        raw_syscall(SYS_exit, r < 0 ? MIN(-r, 255l) : 0, 0, 0);
        return 0;
}

/* MODULE.OPTION=VALUE of the command line, behind the options of modprobe.d. */
static char *module_options(const struct loader *l, const struct digest_module *m)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        size_t n = strlen(m->name);

        strbuf_puts(&b, m->options);
        FOREACH_STR (w, l->cmdline) {
                const char *dot = strchr(*w, '.');

                if (!dot || (size_t)(dot - *w) != n)
                        continue;
                size_t i = 0;
                while (i < n && (m->name[i] == (*w)[i] || (m->name[i] == '_' && (*w)[i] == '-')))
                        i++;
                if (i == n)
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", dot + 1);
        }
        return strbuf_take(&b);
}

static void on_child(struct loop_io *io, uint32_t revents);

static int spawn(struct loader *l, struct loader_job *j, const struct digest_module *m)
{
        int pidfd = -1;

        j->module = *m;
        j->fd = openat(l->dirfd, m->path, O_RDONLY | O_CLOEXEC);
        if (j->fd < 0)
                return -errno;
        j->options = module_options(l, m);
        if (!j->stack) {
                void *p = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
                if (p != MAP_FAILED)
                        j->stack = p;
        }
        if (!j->options || !j->stack)
                return -ENOMEM;
        j->pid =
                clone(child, (char *)j->stack + STACK_SIZE, SHARE_MEMORY | CLONE_PIDFD | SIGCHLD, j, &pidfd);
        if (j->pid < 0)
                return -errno;
        j->io = (struct loop_io) {
                .fd = pidfd, .events = EPOLLIN, .cb = on_child, .data = j, .priority = -1
        };
        return loop_io_add(l->loop, &j->io);
}

static void job_clear(struct loader_job *j)
{
        j->fd = close_fd(j->fd);
        free(j->options);
        j->options = NULL;
        j->pid = 0;
}

/* --- the order --- */

static struct loader_job *free_job(struct loader *l)
{
        for (unsigned i = 0; i < LOADER_JOBS; i++)
                if (!l->job[i].pid)
                        return &l->job[i];
        return NULL;
}

/* Everything before m in its own order is through. The steps behind it are soft ones to be loaded after. */
static bool is_ready(const struct loader *l, const struct digest_module *m)
{
        struct digest_step s;

        for (uint32_t i = 0; i < m->n_order && digest_order(l->digest, m, i, &s) >= 0; i++) {
                if (s.module.index == m->index)
                        return true;
                if (l->state[s.module.index] == WANTED || l->state[s.module.index] == LOADING)
                        return false;
        }
        return true;
}

static void start(struct loader *l, struct loader_job *j, const struct digest_module *m)
{
        l->n_wanted--;
        int r = spawn(l, j, m);
        if (r < 0) {
                job_clear(j);
                l->state[m->index] = FAILED;
                l->n_failed++;
                log_error_errno(r, "Cannot load module %s: %m", m->name);
                return;
        }
        l->state[m->index] = LOADING;
        l->n_running++;
}

static void pump(struct loader *l)
{
        bool again = true;

        while (again && l->n_wanted > 0) {
                again = false;
                for (uint32_t i = 0; i < digest_n_modules(l->digest) && l->n_wanted > 0; i++) {
                        struct loader_job *j = free_job(l);
                        struct digest_module m;

                        if (!j)
                                return;
                        if (l->state[i] != WANTED || digest_module_at(l->digest, i, &m) < 0)
                                continue;
                        /* With nothing under way, a circle of soft dependencies is broken at its first. */
                        if (!is_ready(l, &m))
                                continue;
                        start(l, j, &m);
                        again = true;
                }
                if (!again && l->n_running == 0)
                        for (uint32_t i = 0; i < digest_n_modules(l->digest) && !again; i++) {
                                struct digest_module m;

                                if (l->state[i] != WANTED || digest_module_at(l->digest, i, &m) < 0)
                                        continue;
                                start(l, free_job(l), &m);
                                again = true;
                        }
        }
}

static void on_child(struct loop_io *io, uint32_t revents)
{
        struct loader_job *j = io->data;
        struct loader *l = j->loader;
        int status = 0, pidfd = io->fd;

        if (waitpid(j->pid, &status, WNOHANG) == 0)
                return;
        loop_io_remove(l->loop, io);
        close(pidfd);
        int err = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
        l->state[j->module.index] = err ? FAILED : DONE;
        l->n_running--;
        if (err) {
                (*(err == ENODEV ? &l->n_idle : &l->n_failed))++;
                log_msg(err == ENODEV ? LOG_DEBUG : LOG_WARNING, "Module %s was not loaded: %s",
                        j->module.name, strerror(err));
        } else {
                l->n_loaded++;
                log_debug("Module %s loaded", j->module.name);
        }
        job_clear(j);
        pump(l);
        l->on_progress(l);
}

/* --- what is wanted --- */

static bool is_blacklisted(const struct loader *l, const char *name)
{
        FOREACH_STR (b, l->blacklist)
                if (digest_match(*b, name))
                        return true;
        return false;
}

static void want(struct loader *l, const struct digest_module *m)
{
        struct digest_step s;

        for (uint32_t i = 0; i < m->n_order && digest_order(l->digest, m, i, &s) >= 0; i++) {
                if (l->state[s.module.index] != IDLE)
                        continue;
                if (s.module.flags & DIGEST_ABSENT) {
                        l->state[s.module.index] = FAILED;
                        if (!s.optional)
                                strv_add_unique(&l->absent, s.module.name);
                        continue;
                }
                l->state[s.module.index] = WANTED;
                l->n_wanted++;
        }
}

void loader_want_early(struct loader *l)
{
        struct digest_module m;

        if (!l->digest)
                return;
        for (uint32_t i = 0; i < digest_n_modules(l->digest); i++)
                if (digest_module_at(l->digest, i, &m) >= 0 && m.flags & DIGEST_EARLY &&
                        !is_blacklisted(l, m.name))
                        want(l, &m);
        pump(l);
}

static int on_match(const struct digest *d, const struct digest_module *m, void *data)
{
        struct loader *l = data;

        if (!is_blacklisted(l, m->name))
                want(l, m);
        return 0;
}

int loader_modalias(struct loader *l, const char *modalias)
{
        if (!l->digest)
                return 0;
        int r = digest_lookup_alias(l->digest, modalias, on_match, l);
        pump(l);
        return r;
}

int loader_name(struct loader *l, const char *name)
{
        struct digest_module m;

        if (!l->digest || digest_module(l->digest, name, &m) < 0)
                return 0;
        if (!is_blacklisted(l, m.name))
                want(l, &m);
        pump(l);
        return 1;
}

struct busy {
        const struct loader *l;
        bool busy;
};

static int on_busy_match(const struct digest *d, const struct digest_module *m, void *data)
{
        struct busy *b = data;
        struct digest_step s;

        for (uint32_t i = 0; i < m->n_order && digest_order(d, m, i, &s) >= 0; i++)
                if (b->l->state[s.module.index] == WANTED || b->l->state[s.module.index] == LOADING)
                        b->busy = true;
        return 0;
}

bool loader_name_busy(struct loader *l, const char *name)
{
        struct busy b = { .l = l };
        struct digest_module m;

        if (l->digest && digest_module(l->digest, name, &m) >= 0)
                (void)on_busy_match(l->digest, &m, &b);
        return b.busy;
}

bool loader_alias_busy(struct loader *l, const char *alias)
{
        struct busy b = { .l = l };

        if (l->digest)
                (void)digest_lookup_alias(l->digest, alias, on_busy_match, &b);
        return b.busy;
}

static void walk_bus(struct loader *l, int bus_fd)
{
        _cleanup_closedir_ DIR *d = fdopendir(bus_fd);
        char path[NAME_MAX + 16], buf[4096];
        struct dirent *e;

        if (!d) {
                close(bus_fd);
                return;
        }
        while ((e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "%s/modalias", e->d_name);
                _cleanup_close_ int fd = openat(dirfd(d), path, O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
                if (n <= 0)
                        continue;
                buf[n] = 0;
                buf[strcspn(buf, "\n")] = 0;
                if (*buf)
                        loader_modalias(l, buf);
        }
}

void loader_walk_sysfs(struct loader *l)
{
        _cleanup_closedir_ DIR *d = l->digest ? opendir("/sys/bus") : NULL;
        struct dirent *e;

        while (d && (e = readdir(d))) {
                char path[NAME_MAX + 16];

                if (e->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "%s/devices", e->d_name);
                int fd = openat(dirfd(d), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        walk_bus(l, fd);
        }
}
