/* Module loading: see modules.h. */
#include "modules.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "lib/cmdline.h"
#include "lib/digest.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/raw.h"
#include "coldplug.h"
#include "pid1.h"
#include "task.h"
#include "worker-pool.h"
#include "worker-proto.h"

/* One request: ends when all that it asked for is loaded or failed. */
struct group {
        struct devd *m;
        unsigned pending, failed;
        char *message;
        modules_done_t done;
        void *data;
        bool by_name; /* asked for by name: a failure is worth a warning */
        bool low;     /* nobody waits for it: it steps back behind whatever else wants the processor */
        bool disks;   /* it may bring a disk, for which the boot may wait */
};

/* One module (with what it needs) on its way in, in a child; or names given to live libkmod. */
struct job {
        struct devd *m;
        char *name;
        struct digest_module module;
        struct group **groups;
        size_t n_groups;
        const struct digest *digest;
        bool low;          /* as it was when it began */
        char **extra;      /* options of the kernel command line, a string a step; NULL: none at all */
        bool live, parked; /* by libkmod; put off (modules_resume) */
};

struct modules {
        struct digest *digest;
        bool tried;
        uint32_t *taken; /* by a module's index: the child that loads it now; shared with all of them */
        size_t n_taken;
        struct hash jobs;            /* module name → struct job */
        char **blacklist, **options; /* of the kernel command line; "module.option=value" */
        size_t pending;
        unsigned started;
        char dir[256]; /* /lib/modules/VERSION */
};

static bool same_module(const char *a, const char *b, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char x = a[i] == '-' ? '_' : a[i], y = b[i] == '-' ? '_' : b[i];

                if (x != y || !x)
                        return false;
        }
        return true;
}

static void read_cmdline(struct modules *s)
{
        _cleanup_strv_ char **words = NULL;

        if (cmdline_read(&words) < 0)
                return;
        FOREACH_STR (w, words) {
                const char *v = startswith(*w, "modprobe.blacklist=") ?: startswith(*w, "module_blacklist=");
                _cleanup_strv_ char **names = v ? strv_split(v, ",") : NULL;
                const char *dot = strchr(*w, '.'), *eq = strchr(*w, '=');

                if (v)
                        (void)strv_extend(&s->blacklist, names);
                else if (dot && (!eq || dot < eq))
                        (void)strv_add(&s->options, *w);
        }
}

static bool blacklisted(const struct modules *s, const char *name)
{
        FOREACH_STR (b, s->blacklist)
                if (strlen(*b) == strlen(name) && same_module(*b, name, strlen(name)))
                        return true;
        return false;
}

/* "opt=val …" of MODULE.opt=val words. */
static char *cmdline_options(const struct modules *s, const char *name)
{
        struct strbuf b = {};
        size_t n = strlen(name);

        FOREACH_STR (o, s->options)
                if (strlen(*o) > n && (*o)[n] == '.' && same_module(*o, name, n))
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", *o + n + 1);
        if (b.s)
                return strbuf_take(&b);
        strbuf_done(&b);
        return NULL;
}

static bool is_live(const char *name)
{
        _cleanup_free_ char *path = str_printf("/sys/module/%s/initstate", name), *state = NULL;

        return path && read_one_line(path, &state) >= 0 && streq(state, "live");
}

static struct digest *get_digest(struct modules *s)
{
        int r;

        if (!s->tried) {
                r = digest_open_release(NULL, NULL, &s->digest);
                if (r == -ESTALE && access("/etc/initrd-release", F_OK) == 0)
                        r = digest_open_image(&s->digest); /* there is nothing that it could be older than */
                if (r < 0)
                        log_full(r == -ENOENT ? LOG_DEBUG : LOG_INFO, r, NULL,
                                "No module digest for this kernel, libkmod does it: %m");
                s->tried = true;
        }
        return s->digest;
}

/* Without it modules are loaded all the same. */
static void make_taken(struct modules *s)
{
        size_t n = digest_n_modules(s->digest);
        void *p;

        if (s->taken || n == 0)
                return;
        p = mmap(NULL, n * sizeof(*s->taken), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return;
        s->taken = p;
        s->n_taken = n;
}

static void drop_digest(struct modules *s)
{
        if (s->taken)
                munmap(s->taken, s->n_taken * sizeof(*s->taken));
        s->taken = NULL;
        s->n_taken = 0;
        digest_close(s->digest);
        s->digest = NULL;
        s->tried = false;
}

void modules_trim(struct devd *m)
{
        struct modules *s = m->modules;

        if (!s || s->pending)
                return;
        drop_digest(s);
}

/* ---- ends ---- */

static void group_free(struct group *g)
{
        free(g->message);
        free(g);
}

static const char *error_text(int r, const char *message)
{
        return !str_empty(message) ? message : r == -NO_SUCH_MODULE ? "no such module" : strerror(-r);
}

/* A name without a module is told, and is no failure: modules-load.d lists what other kernels have. */
static void group_step(struct group *g, int r, const char *name, const char *message)
{
        if (r < 0) {
                g->failed += r != -NO_SUCH_MODULE;
                if (!g->message)
                        g->message = str_printf("%s: %s", name, error_text(r, message));
        }
        if (--g->pending > 0)
                return;
        if (g->done)
                g->done(g->failed, g->message, g->data);
        group_free(g);
}

static bool job_by_name(const struct job *j)
{
        for (size_t i = 0; i < j->n_groups; i++)
                if (j->groups[i]->by_name)
                        return true;
        return false;
}

static bool job_low(const struct job *j)
{
        for (size_t i = 0; i < j->n_groups; i++)
                if (!j->groups[i]->low || (j->groups[i]->disks && pid1_lacks_disk(j->m)))
                        return false;
        return true;
}

/* A driver that finds no hardware says -ENODEV, and an initramfs has not all that its index names. */
static bool is_news(const struct job *j, int r)
{
        if (job_by_name(j))
                return true;
        return r != -ENODEV && (r != -ENOENT || access("/etc/initrd-release", F_OK) < 0);
}

static void job_end(struct job *j, int r, const char *message)
{
        struct devd *m = j->m;

        hash_del(&m->modules->jobs, j->name);
        m->modules->pending--;
        if (r < 0)
                log_full(is_news(j, r) ? LOG_WARNING : LOG_DEBUG, 0, NULL, "module %s: %s", j->name,
                        error_text(r, message));
        for (size_t i = 0; i < j->n_groups; i++)
                group_step(j->groups[i], r, j->name, message);
        free(j->groups);
        strv_free(j->extra);
        free(j->name);
        free(j);
        daemon_check_idle(m);
}

static int job_wait(struct job *j, struct group *g)
{
        struct group **p = reallocarray(j->groups, j->n_groups + 1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        j->groups = p;
        j->groups[j->n_groups++] = g;
        g->pending++;
        return 0;
}

static struct job *job_new(struct devd *m, const char *name)
{
        struct job *j = calloc(1, sizeof(*j));

        if (j)
                j->name = strdup(name);
        if (!j || !j->name || hash_put(&m->modules->jobs, j->name, j) < 0) {
                if (j)
                        free(j->name);
                free(j);
                return NULL;
        }
        j->m = m;
        m->modules->pending++;
        return j;
}

/* ---- through the digest ---- */

/* The child shares the memory of the main process, which goes on meanwhile: raw system calls, no allocation, nothing
 * written that is not the child's own. */
static bool raw_is_live(const char *name)
{
        char path[256], state[8];
        long fd, n;

        if (str_concat_to(path, sizeof(path), "/sys/module/", name, "/initstate", NULL) < 0)
                return false;
        fd = raw_open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        n = RAW3(SYS_read, fd, state, sizeof(state));
        (void)raw_close((int)fd);
        return n >= 4 && memcmp(state, "live", 4) == 0;
}

/* What two modules need is loaded by one child: the kernel would read and check it for each, and then have one wait. A child
 * that died over it is no longer there, as seen by whoever waits for it. */
static void take_module(uint32_t *word)
{
        static const struct timespec limit = { .tv_sec = 1 };
        uint32_t me = (uint32_t)RAW0(SYS_getpid), owner = 0;

        while (!__atomic_compare_exchange_n(word, &owner, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
                if (RAW2(SYS_kill, owner, 0) == -ESRCH && __atomic_compare_exchange_n(word, &owner, me,
                                                                  false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                        return;
                (void)RAW4(SYS_futex, word, FUTEX_WAIT, owner, &limit);
                owner = 0;
        }
}

static void give_module(uint32_t *word)
{
        __atomic_store_n(word, 0, __ATOMIC_RELEASE);
        (void)RAW3(SYS_futex, word, FUTEX_WAKE, INT32_MAX);
}

static int insert_one(
        const struct modules *s, int dirfd, const struct digest_step *step, const char *extra, int out_fd)
{
        static const char why[] = " cannot be inserted: ";
        uint32_t *word = step->module.index < s->n_taken ? &s->taken[step->module.index] : NULL;
        int r;

        if ((step->module.flags & DIGEST_BUILTIN) || raw_is_live(step->module.name))
                return 0;
        if (word)
                take_module(word);
        r = word && raw_is_live(step->module.name) ? 0 : digest_insert(&step->module, dirfd, extra);
        if (word)
                give_module(word);
        if (r < 0 && !step->optional) {
                (void)raw_write(out_fd, step->module.name, strlen(step->module.name));
                (void)raw_write(out_fd, why, sizeof(why) - 1);
        }
        return step->optional ? 0 : r;
}

static int insert_child(int out_fd, void *arg)
{
        const struct job *j = arg;
        const struct modules *s = j->m->modules;
        long dirfd;
        int r = 0;

        if (j->low) /* it has the whole processor again as soon as the boot waits for a device */
                (void)RAW3(SYS_setpriority, PRIO_PROCESS, 0, 19);
        dirfd = raw_open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dirfd < 0)
                return (int)dirfd;
        for (uint32_t i = 0; i < j->module.n_order && r >= 0; i++) {
                struct digest_step step;

                r = digest_order(j->digest, &j->module, i, &step);
                if (r >= 0)
                        r = insert_one(s, (int)dirfd, &step, j->extra ? j->extra[i] : NULL, out_fd);
        }
        return r;
}

/* What the child needs and must not look for itself. */
static int prepare_insert(struct job *j)
{
        const struct modules *s = j->m->modules;

        j->low = job_low(j);
        j->digest = s->digest;
        make_taken(j->m->modules);
        for (uint32_t i = 0; s->options && i < j->module.n_order; i++) {
                _cleanup_free_ char *extra = NULL;
                struct digest_step step;
                int r = digest_order(s->digest, &j->module, i, &step);

                if (r >= 0)
                        extra = cmdline_options(s, step.module.name);
                if (r >= 0)
                        r = strv_add(&j->extra, extra ?: "");
                if (r < 0)
                        return r;
        }
        return 0;
}

static void on_inserted(int result, const char *output, size_t len, void *data)
{
        _cleanup_free_ char *text =
                result < 0 && len > 0 ? str_concat(output, strerror(-result), NULL) : NULL;

        job_end(data, result, text);
}

static int live_load(struct group *g, const char *name);
static int job_begin(struct job *j, struct group *g);
static int job_join(struct job *j, struct group *g);

static int load_module(struct group *g, const struct digest_module *dm)
{
        struct devd *m = g->m;
        struct job *j = hash_get(&m->modules->jobs, dm->name);

        if (blacklisted(m->modules, dm->name) && !g->by_name)
                return 0;
        if (j)
                return job_join(j, g);
        if ((dm->flags & DIGEST_BUILTIN) || is_live(dm->name))
                return 0;
        if (dm->flags & DIGEST_INSTALL)
                return live_load(g, dm->name);
        j = job_new(m, dm->name);
        if (!j)
                return -ENOMEM;
        j->module = *dm;
        return job_begin(j, g);
}

static int on_alias(const struct digest *d, const struct digest_module *dm, void *data)
{
        int r = load_module(data, dm);

        return MIN(r, 0);
}

/* ---- through live libkmod ---- */

static void on_worker(int result, struct wire_reader *r, void *data)
{
        if (r)
                result = worker_get_done(r, NULL);
        job_end(data, result, NULL);
}

static int live_start(struct job *j)
{
        _cleanup_wire_ struct wire_writer w = {};
        char *names[] = { j->name, NULL };

        wire_begin(&w, WK_KMOD, 1);
        wire_strv(&w, names);
        wire_u32(&w, job_by_name(j));
        wire_u32(&w, job_low(j));
        return pool_request(j->m, WORKER_FULL, &w, USEC_INFINITY, on_worker, j, NULL);
}

static int live_load(struct group *g, const char *name)
{
        struct job *j = hash_get(&g->m->modules->jobs, name);

        if (j)
                return job_join(j, g);
        j = job_new(g->m, name);
        if (!j)
                return -ENOMEM;
        j->live = true;
        return job_begin(j, g);
}

/* ---- begun now, or put off ---- */

static void job_start(struct job *j)
{
        int r;

        j->parked = false;
        log_debug("module %s: loading", j->name);
        j->m->modules->started++;
        if (j->live)
                r = live_start(j);
        else
                r = prepare_insert(j);
        if (!j->live && r >= 0)
                r = task_raw(j->m, j->name, insert_child, j, on_inserted, j);
        if (r < 0)
                job_end(j, r, NULL);
}

static int job_begin(struct job *j, struct group *g)
{
        int r = job_wait(j, g);

        if (r < 0)
                job_end(j, r, NULL);
        else if (g->low && coldplug_holds(j->m))
                j->parked = true;
        else
                job_start(j);
        return 0;
}

static int job_join(struct job *j, struct group *g)
{
        int r = job_wait(j, g);

        if (r >= 0 && j->parked && !g->low)
                job_start(j);
        return r;
}

void modules_resume(struct devd *m)
{
        for (bool found = true; found;) { /* a start may end at once, and change the table */
                found = false;
                HASHMAP_FOREACH (e, &m->modules->jobs)
                        if (((struct job *)e->value)->parked) {
                                job_start(e->value);
                                found = true;
                                break;
                        }
        }
}

/* ---- asking ---- */

static int load_name(struct group *g, const char *name)
{
        struct digest *d = get_digest(g->m->modules);
        struct digest_module dm;
        int r;

        if (!d)
                return live_load(g, name);
        if (g->by_name && digest_module(d, name, &dm) >= 0)
                return load_module(g, &dm);
        r = digest_lookup_alias(d, name, on_alias, g);
        return r == 0 && g->by_name ? -NO_SUCH_MODULE : r;
}

/* Disks, and the controllers behind which there are some. */
static bool alias_of_disks(const char *alias)
{
        static const char *const patterns[] = { "pci:*bc01sc*", "pci:*bc08sc05*", "pci:*bc0Csc03*",
                "virtio:d00000002v*", "virtio:d00000008v*", "scsi:t-0x00*", "usb:*ic08isc*", "mmc:block",
                "xen:vbd", "vmbus:d96361baa104294db60572e2ffb1dc7f" };

        for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
                if (fnmatch(patterns[i], alias, 0) == 0)
                        return true;
        return false;
}

static int start_group(
        struct devd *m, char *const *names, bool by_name, bool low, modules_done_t done, void *data)
{
        struct group *g = calloc(1, sizeof(*g));

        if (!g)
                return -ENOMEM;
        *g = (struct group) { .m = m,
                .pending = 1,
                .done = done,
                .data = data,
                .by_name = by_name,
                .low = low,
                .disks = low && names[0] && alias_of_disks(names[0]) };
        FOREACH_STR (n, names) {
                int r = load_name(g, *n);

                if (r < 0 && by_name) {
                        log_warning("module %s: %s", *n, error_text(r, NULL));
                        g->pending++;
                        group_step(g, r, *n, NULL);
                }
        }
        group_step(g, 0, "", NULL); /* the one that kept it while jobs were begun */
        return 0;
}

int modules_load(struct devd *m, char *const *names, bool low, modules_done_t done, void *data)
{
        return start_group(m, names, true, low, done, data);
}

int modules_builtin(struct devd *m, struct device *d, const char *args)
{
        _cleanup_strv_ char **words = NULL;
        char *alias[] = { NULL, NULL };
        int r = str_split_quoted(args, WORD_RELAX, &words);

        if (r < 0)
                return r;
        if (!words || !streq(words[0], "load"))
                return -EINVAL;
        if (words[1])
                return start_group(m, words + 1, false, true, NULL, NULL);
        alias[0] = (char *)device_prop(d, "MODALIAS");
        return alias[0] ? start_group(m, alias, false, true, NULL, NULL) : 0;
}

size_t modules_pending(const struct devd *m)
{
        return m->modules ? m->modules->pending : 0;
}

unsigned modules_started(const struct devd *m)
{
        return m->modules ? m->modules->started : 0;
}

int modules_new(struct devd *m)
{
        struct utsname u;

        m->modules = calloc(1, sizeof(*m->modules));
        if (!m->modules)
                return -ENOMEM;
        if (uname(&u) >= 0)
                (void)str_concat_to(
                        m->modules->dir, sizeof(m->modules->dir), "/lib/modules/", u.release, NULL);
        read_cmdline(m->modules);
        return 0;
}

void modules_free(struct devd *m)
{
        if (!m->modules)
                return;
        if (m->modules->pending) { /* children still read it, and end after us */
                m->modules = NULL;
                return;
        }
        drop_digest(m->modules);
        strv_free(m->modules->blacklist);
        strv_free(m->modules->options);
        hash_done(&m->modules->jobs);
        free(m->modules);
        m->modules = NULL;
}
