/* The cgroup tree: systemd's layout (decisions 11), made as it is needed and removed as it empties.
 *
 * /sys/fs/cgroup (or the node that a container gave us) holds init.scope with PID 1, and one directory a slice; a
 * slice "a-b.slice" is inside "a.slice"; a unit is inside its slice. A directory is made when its first process is
 * started. A controller is enabled in a node only when a unit below it has an attribute of it: making a cgroup with
 * controllers costs a multiple of one without. Below a delegated unit nothing is written. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include "cgroup.h"
#include "exec-internal.h"
#include "lib/fileio.h"

#define CGROUP2_MAGIC 0x63677270

static const char *const controller_names[] = { "cpu", "memory", "pids", "io", "cpuset" };

static struct cgroups *cgroups_of(struct unit *u)
{
        return u->manager->cgroup_ok ? u->manager->cgroups : NULL;
}

/* ---- names ---- */

/* A name that would collide with the kernel's own files gets an underscore in front, as systemd does it. */
static bool must_escape(const char *name)
{
        static const char *const more[] = { "cpuacct.", "blkio.", "devices.", "freezer.", "hugetlb.",
                "rdma.", "misc.", "net_cls.", "perf_event.", "cgroup.", "notify_on_release", "release_agent",
                "tasks" };

        if (*name == '_' || *name == '.')
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(controller_names); i++) {
                const char *rest = startswith(name, controller_names[i]);

                if (rest && *rest == '.')
                        return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(more); i++)
                if (startswith(name, more[i]))
                        return true;
        return false;
}

static char *escape(const char *name)
{
        return str_printf("%s%s", must_escape(name) ? "_" : "", name);
}

/* "a-b.slice" → "a.slice/a-b.slice"; "-.slice" → "". */
static char *slice_path(const char *name)
{
        struct strbuf b = { 0 };
        const char *end = endswith(name, ".slice");

        if (!end || streq(name, "-.slice"))
                return strdup("");
        for (const char *s = strchr(name, '-'); s && s < end; s = strchr(s + 1, '-'))
                strbuf_printf(&b, "%.*s.slice/", (int)(s - name), name);
        strbuf_puts(&b, name);
        return strbuf_take(&b);
}

static const char *slice_of(struct unit *u)
{
        return u->slice ? u->slice->id : u->type == UNIT_SLICE ? "-.slice" : "system.slice";
}

const char *cgroup_unit_path(struct unit *u)
{
        _cleanup_free_ char *slice = NULL, *leaf = NULL;

        if (u->cgroup_path || !unit_cgroup_context(u))
                return u->cgroup_path;
        if (streq(u->id, "init.scope"))
                return u->cgroup_path = strdup("init.scope");
        if (u->type == UNIT_SLICE)
                return u->cgroup_path = slice_path(u->id);
        slice = slice_path(slice_of(u));
        leaf = escape(u->id);
        if (slice && leaf)
                u->cgroup_path = *slice ? str_printf("%s/%s", slice, leaf) : TAKE_PTR(leaf);
        return u->cgroup_path;
}

/* ---- nodes ---- */

/* "+cpu +pids" for the bits. */
static void controller_text(unsigned bits, char *buf, size_t n)
{
        size_t at = 0;

        *buf = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(controller_names); i++)
                if (bits & 1u << i && at < n)
                        at += (size_t)snprintf(
                                buf + at, n - at, "%s+%s", at ? " " : "", controller_names[i]);
}

static unsigned controller_bits(const char *text)
{
        _cleanup_strv_ char **words = strv_split(text, " \n");
        unsigned bits = 0;

        for (size_t i = 0; i < ARRAY_SIZE(controller_names); i++)
                if (strv_contains(words, controller_names[i]))
                        bits |= 1u << i;
        return bits;
}

unsigned cgroup_controllers_at(int fd)
{
        _cleanup_free_ char *text = NULL;

        return read_file_at(fd, "cgroup.controllers", 0, &text, NULL) < 0 ? 0 : controller_bits(text);
}

static void move_to_init_scope(pid_t pid, void *data)
{
        struct cgroups *cg = data;
        char text[16];

        snprintf(text, sizeof(text), "%d", pid);
        write_attr_at(cg->root_fd, "init.scope/cgroup.procs", text);
}

/* Processes directly in our root keep it from handing controllers on, when it is a container's. */
static void clear_root(struct cgroups *cg)
{
        _cleanup_free_ char *text = NULL;

        if (read_file_at(cg->root_fd, "cgroup.procs", 0, &text, NULL) < 0)
                return;
        for (char *s = text; *s;) {
                char *end;
                long pid = strtol(s, &end, 10);

                if (end == s)
                        break;
                move_to_init_scope((pid_t)pid, cg);
                s = end + strspn(end, "\n");
        }
}

/* Adds controllers to path's subtree_control; *enabled is what is known to be there. One that cannot be had is
 * said once and not asked for again. */
static void enable_controllers(struct cgroups *cg, const char *path, unsigned want, unsigned *enabled)
{
        char text[80], file[PATH_MAX];
        int r;

        want &= cg->supported & ~*enabled;
        if (!want)
                return;
        snprintf(file, sizeof(file), "%s%scgroup.subtree_control", path, *path ? "/" : "");
        controller_text(want, text, sizeof(text));
        r = write_attr_at(cg->root_fd, file, text);
        if (r == -EBUSY && !*path) {
                clear_root(cg);
                r = write_attr_at(cg->root_fd, file, text);
        }
        if (r < 0)
                log_warning_errno(r,
                        "Cgroup %s: controllers %s cannot be enabled, their limits have no effect: %m",
                        *path ? path : "/", text);
        *enabled |= want;
}

static struct slice_node *slice_get(struct cgroups *cg, const char *name)
{
        struct slice_node *n = hash_get(&cg->slices, name);

        if (n)
                return n;
        n = calloc(1, sizeof(*n));
        if (!n)
                return NULL;
        n->name = strdup(name);
        n->path = slice_path(name);
        if (!n->name || !n->path || hash_put(&cg->slices, n->name, n) < 0) {
                free(n->name);
                free(n->path);
                free(n);
                return NULL;
        }
        return n;
}

/* Name of the slice that name is in; false at the root. buf of the name's size + 3. */
static bool parent_slice(const char *name, char *buf, size_t n)
{
        const char *end = endswith(name, ".slice"), *dash = NULL;

        if (!end || streq(name, "-.slice"))
                return false;
        for (const char *s = name; s < end; s++)
                if (*s == '-' && s > name)
                        dash = s;
        return (size_t)(dash ? snprintf(buf, n, "%.*s.slice", (int)(dash - name), name)
                             : snprintf(buf, n, "-.slice")) < n;
}

struct unit *cgroup_slice(struct unit *u)
{
        char parent[UNIT_NAME_MAX + 8];

        if (u->type != UNIT_SLICE)
                return unit_find(u->manager, slice_of(u));
        return parent_slice(u->id, parent, sizeof(parent)) ? unit_find(u->manager, parent) : NULL;
}

/* What the slice's own file says, once its cgroup is there. What the kernel refuses of its confinement is an error for
 * whoever is to be started in it; the next one tries again. */
static int write_slice(struct cgroups *cg, struct unit *u, struct slice_node *n)
{
        _cleanup_close_ int fd = openat(cg->root_fd, n->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? -errno : cgroup_write_attributes(u, fd, false);

        n->refused = r < 0;
        return r;
}

/* Controllers that a unit needs and our root does not offer (a container's, an old kernel's) are said once. */
static void say_missing(struct cgroups *cg, unsigned want)
{
        char text[80];

        want &= ~cg->supported & ~cg->missed;
        if (!want)
                return;
        cg->missed |= want;
        controller_text(want, text, sizeof(text));
        log_notice("Cgroup controllers %s are not offered here: limits of them have no effect", text);
}

/* Controllers in the root and down to the slice: each level must have them for the next. */
static int prepare_slice(struct cgroups *cg, const char *name, unsigned want, struct slice_node **ret)
{
        char parent[UNIT_NAME_MAX + 8];
        struct slice_node *n;
        unsigned own = 0;
        int r;

        if (!parent_slice(name, parent, sizeof(parent))) {
                say_missing(cg, want);
                enable_controllers(cg, "", want, &cg->root_enabled);
                *ret = NULL;
                return 0;
        }
        n = slice_get(cg, name);
        if (!n)
                return -ENOMEM;
        struct unit *u = unit_find(cg->manager, name);
        if (u && u->type == UNIT_SLICE)
                own = cgroup_needs(u);
        if (!n->made || n->refused || (want & ~n->enabled) || own) {
                struct slice_node *up;

                r = prepare_slice(cg, parent, want | own, &up);
                if (r < 0)
                        return r;
                if (n->made && n->refused && u && (r = write_slice(cg, u, n)) < 0)
                        return r;
                if (!n->made) {
                        if (mkdirat(cg->root_fd, n->path, 0755) < 0 && errno != EEXIST)
                                return -errno;
                        n->made = true;
                        if (up)
                                up->users++;
                        if (u && u->type == UNIT_SLICE && (r = write_slice(cg, u, n)) < 0)
                                return r;
                }
        }
        enable_controllers(cg, n->path, want, &n->enabled);
        *ret = n;
        return 0;
}

/* Slices that nobody is in any more go, upwards. */
static void drop_slice(struct cgroups *cg, const char *name)
{
        char parent[UNIT_NAME_MAX + 8];
        struct slice_node *n;
        struct unit *u;

        if (!parent_slice(name, parent, sizeof(parent)))
                return;
        n = hash_get(&cg->slices, name);
        if (!n)
                return;
        if (n->users > 0)
                n->users--;
        u = unit_find(cg->manager, name);
        if (n->users > 0 || streq(name, "system.slice") || (u && u->cgroup_fd >= 0))
                return;
        if (unlinkat(cg->root_fd, n->path, AT_REMOVEDIR) < 0 && errno != ENOENT)
                return;
        hash_del(&cg->slices, n->name);
        if (n->made)
                drop_slice(cg, parent);
        free(n->name);
        free(n->path);
        free(n);
}

/* ---- units ---- */

static unsigned wanted_below(struct unit *u)
{
        struct cgroup_context *c = unit_cgroup_context(u);
        unsigned bits = cgroup_needs(u);

        if (!c->delegate)
                return bits;
        if (!c->delegate_controllers)
                return bits | CG_ALL;
        for (size_t i = 0; i < ARRAY_SIZE(controller_names); i++)
                if (strv_contains(c->delegate_controllers, controller_names[i]))
                        bits |= 1u << i;
        return bits;
}

/* The mark that other programs (systemd-cgls, podman) know delegated nodes by. */
static void mark_delegated(struct unit *u, struct cgroups *cg)
{
        struct exec_context *ec = unit_exec(u);
        struct user_record rec = { 0 };
        char path[PATH_MAX];

        if ((size_t)snprintf(path, sizeof(path), "%s%s/%s", cg->mount, cg->prefix, u->cgroup_path) >=
                sizeof(path))
                return;
        (void)!setxattr(path, "trusted.delegate", "1", 1, 0);
        if (ec && ec->user && user_lookup(ec->user, &rec) >= 0) { /* to the user whose service it is */
                static const char *const files[] = { "cgroup.procs", "cgroup.subtree_control",
                        "cgroup.threads" };

                (void)!chown(path, rec.uid, rec.gid);
                for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                        (void)!fchownat(u->cgroup_fd, files[i], rec.uid, rec.gid, 0);
                user_record_done(&rec);
        }
}

static int realize_slice(struct unit *u, struct cgroups *cg)
{
        struct slice_node *n;
        int r = prepare_slice(cg, u->id, 0, &n);

        if (r < 0 || !n)
                return r;
        u->cgroup_fd = openat(cg->root_fd, n->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (u->cgroup_fd < 0)
                return -errno;
        u->cgroup_realized = true;
        return 0;
}

int cgroup_realize(struct unit *u)
{
        struct cgroups *cg = cgroups_of(u);
        struct slice_node *slice;
        int r;

        if (!cg || u->cgroup_realized || !cgroup_unit_path(u))
                return 0;
        cgroup_forget_usage(u);
        if (u->type == UNIT_SLICE)
                return realize_slice(u, cg);
        r = prepare_slice(cg, slice_of(u), wanted_below(u), &slice);
        if (r < 0)
                return r;
        if (mkdirat(cg->root_fd, u->cgroup_path, 0755) < 0) {
                if (errno != EEXIST)
                        return -errno;
        }
        if (slice)
                slice->users++;
        u->cgroup_fd = openat(cg->root_fd, u->cgroup_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (u->cgroup_fd < 0)
                return -errno;
        u->cgroup_realized = true;
        r = cgroup_write_attributes(u, u->cgroup_fd, false);
        if (unit_cgroup_context(u)->delegate)
                mark_delegated(u, cg);
        return r;
}

int cgroup_adopt(struct unit *u, const char *path)
{
        struct cgroups *cg = cgroups_of(u);
        struct slice_node *slice = NULL;

        if (!cg || u->cgroup_realized)
                return 0;
        u->cgroup_fd = openat(cg->root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (u->cgroup_fd < 0)
                return -errno;
        u->cgroup_realized = true;
        if (str_replace(&u->cgroup_path, path) < 0)
                log_oom();
        if (prepare_slice(cg, u->type == UNIT_SLICE ? u->id : slice_of(u), 0, &slice) >= 0 && slice &&
                u->type != UNIT_SLICE)
                slice->users++;
        return 0;
}

int cgroup_open(struct unit *u)
{
        return u->cgroup_fd >= 0 ? u->cgroup_fd : -ENOENT;
}

int cgroup_attach(struct unit *u, pid_t pid, const char *below)
{
        _cleanup_close_ int fd = -1;
        char text[16];

        if (u->cgroup_fd < 0)
                return -ENOENT;
        if (below) {
                below += strspn(below, "/");
                if (!*below || !path_is_normalized(below))
                        return -EINVAL;
                fd = cgroup_open_below(u->cgroup_fd, below);
                if (fd < 0)
                        return fd;
        }
        snprintf(text, sizeof(text), "%d", pid);
        return write_attr_at(fd >= 0 ? fd : u->cgroup_fd, "cgroup.procs", text);
}

int cgroup_open_below(int fd, const char *name)
{
        int below;

        if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        below = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return below < 0 ? -errno : below;
}

int cgroup_realize_slice(struct unit *u)
{
        return u->type == UNIT_SLICE && unit_active_state(u) == UNIT_ACTIVE ? cgroup_realize(u) : 0;
}

int cgroup_apply(struct unit *u)
{
        struct cgroups *cg = cgroups_of(u);
        struct slice_node *slice;
        char parent[UNIT_NAME_MAX + 8];
        int r = cgroup_realize_slice(u);

        if (r < 0)
                return r;
        if (!cg || !u->cgroup_realized)
                return 0;
        if (u->type == UNIT_SLICE && !parent_slice(u->id, parent, sizeof(parent)))
                return 0;
        r = prepare_slice(cg, u->type == UNIT_SLICE ? parent : slice_of(u), wanted_below(u), &slice);
        return r < 0 ? r : cgroup_write_attributes(u, u->cgroup_fd, true);
}

void cgroup_phase_changed(struct manager *m)
{
        if (!m->cgroup_ok)
                return;
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;
                struct slice_node *slice;

                if (!u->cgroup_realized || !streq(e->key, u->id) || u->type == UNIT_SLICE)
                        continue;
                if (cgroup_has_startup_values(unit_cgroup_context(u)))
                        (void)cgroup_apply(u);
                else /* accounting begins */
                        (void)prepare_slice(m->cgroups, slice_of(u), wanted_below(u), &slice);
                (void)cgroup_watch_oom(u);
        }
}

void cgroup_release(struct unit *u)
{
        struct cgroups *cg = cgroups_of(u);
        int r = 0;

        cgroup_unwatch(u);
        if (cg)
                cgroup_keep_usage(u);
        u->cgroup_fd = close_fd(u->cgroup_fd);
        if (!cg || !u->cgroup_realized)
                return;
        u->cgroup_realized = u->cgroup_killed = false;
        u->freezer = FREEZER_RUNNING;
        if (u->type == UNIT_SLICE) {
                struct slice_node *n = hash_get(&cg->slices, u->id);

                if (n && n->users == 0)
                        drop_slice(cg, u->id);
                return;
        }
        r = cgroup_remove_tree(cg->root_fd, u->cgroup_path);
        if (r < 0 && r != -ENOENT)
                log_unit_errno(u->id, LOG_DEBUG, r, "Cgroup %s stays: %m", u->cgroup_path);
        drop_slice(cg, slice_of(u));
}

/* ---- setting up ---- */

static int own_cgroup(char **ret)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file("/proc/self/cgroup", 0, &text, NULL);

        if (r < 0)
                return r;
        for (char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
                if (startswith(s, "0::/")) {
                        s[strcspn(s, "\n")] = '\0';
                        *ret = strdup(streq(s + 3, "/") ? "" : s + 3);
                        return *ret ? 0 : -ENOMEM;
                }
        return -ENOENT;
}

int cgroup_setup_at(struct manager *m, const char *mount, const char *prefix)
{
        _cleanup_free_ char *root = str_printf("%s%s", mount, prefix), *offered = NULL;
        struct cgroups *cg = calloc(1, sizeof(*cg));
        int r;

        if (!cg || !root) {
                free(cg);
                return -ENOMEM;
        }
        m->cgroups = cg;
        cg->manager = m;
        cg->inotify.fd = -1;
        cg->mount = strdup(mount);
        cg->prefix = strdup(prefix);
        cg->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = cg->root_fd < 0 ? -errno : !cg->mount || !cg->prefix ? -ENOMEM : 0;
        if (r >= 0)
                r = read_file_at(cg->root_fd, "cgroup.controllers", 0, &offered, NULL);
        if (r >= 0)
                cg->supported = controller_bits(offered);
        if (r >= 0)
                r = cgroup_watch_init(cg);
        if (r < 0) {
                cgroup_free(m);
                return r;
        }
        m->cgroup_ok = true;
        return 0;
}

void cgroup_free(struct manager *m)
{
        struct cgroups *cg = m->cgroups;
        int fd;

        if (!cg)
                return;
        fd = cg->inotify.fd;
        if (fd >= 0)
                loop_io_remove(m->loop, &cg->inotify);
        close_fd(fd);
        close_fd(cg->root_fd);
        HASHMAP_FOREACH (e, &cg->slices) {
                struct slice_node *n = e->value;

                free(n->name);
                free(n->path);
                free(n);
        }
        hash_done(&cg->slices);
        free(cg->watched);
        free(cg->mount);
        free(cg->prefix);
        free(cg);
        m->cgroups = NULL;
        m->cgroup_ok = false;
}

int cgroup_setup(struct manager *m)
{
        _cleanup_free_ char *prefix = NULL;
        struct statfs fs;
        struct cgroups *cg;
        char *scope;
        int r;

        if (statfs("/sys/fs/cgroup", &fs) < 0 || fs.f_type != CGROUP2_MAGIC) {
                if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                            "nsdelegate,memory_recursiveprot") < 0 &&
                        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                NULL) < 0)
                        return log_error_errno(-errno,
                                "/sys/fs/cgroup cannot be mounted; services run without cgroups: %m");
        }
        r = own_cgroup(&prefix);
        if (r < 0)
                return log_error_errno(r, "Cannot tell PID 1's cgroup; services run without cgroups: %m");
        scope = (char *)endswith(prefix, "/init.scope"); /* after re-exec we are already there */
        if (scope)
                *scope = '\0';
        r = cgroup_setup_at(m, "/sys/fs/cgroup", prefix);
        if (r < 0)
                return log_error_errno(r, "Cgroup %s cannot be used; services run without cgroups: %m",
                        *prefix ? prefix : "/");
        cg = m->cgroups;
        if (mkdirat(cg->root_fd, "init.scope", 0755) < 0 && errno != EEXIST)
                return log_error_errno(-errno, "Cgroup init.scope cannot be made: %m");
        r = write_attr_at(cg->root_fd, "init.scope/cgroup.procs", "0");
        if (r < 0)
                log_warning_errno(r, "PID 1 cannot enter init.scope: %m");
        return 0;
}
