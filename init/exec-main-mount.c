/* rouse-exec: the mount namespace.
 *
 * Two kinds of wishes. Structure: something else stands at a path (a tmpfs, a bind mount, a private /dev or /tmp,
 * nothing at all); these are done in order of depth, a parent before what is in it. Policy: a path and what is below
 * it may (not) be written or executed; each such path is made a mount point of its own, and in the end every mount
 * of the namespace gets the flags of the policy nearest above it. The mounts are this namespace's own, so the host's
 * keep their flags; a mount that was read-only stays it. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "exec-main.h"
#include "exec-main-mount.h"
#include "lib/fileio.h"

enum { NO_WISH, READ_ONLY, READ_WRITE, EXECUTABLE, NOT_EXECUTABLE };

struct wish {
        char *path;
        int writing, executing; /* policy */
};

static struct wish *wishes;
static size_t n_wishes;

const char *mount_root = ""; /* RootDirectory= */

static void fail(struct helper *h, int err, const char *what)
{
        helper_fail(h, EXIT_NAMESPACE, err, what);
}

/* Path inside the root, links resolved; NULL when it is missing. */
char *mount_resolve(const char *path)
{
        char full[PATH_MAX], real[PATH_MAX];

        if ((size_t)snprintf(full, sizeof(full), "%s%s", mount_root, path) >= sizeof(full) ||
                !realpath(full, real))
                return NULL;
        /* an absolute link inside RootDirectory= leads out of it: once more, below */
        if (*mount_root && !path_startswith(real, mount_root)) {
                if ((size_t)snprintf(full, sizeof(full), "%s%s", mount_root, real) >= sizeof(full) ||
                        !realpath(full, real) || !path_startswith(real, mount_root))
                        return NULL;
        }
        return strdup(real);
}

static void add_policy(struct helper *h, const char *path, int wish, bool may_be_missing)
{
        char *real = mount_resolve(path);
        struct wish *grown, *w = NULL;

        if (!real) {
                if (!may_be_missing)
                        fail(h, -ENOENT, path);
                return;
        }
        for (size_t i = 0; i < n_wishes && !w; i++)
                if (streq(wishes[i].path, real))
                        w = &wishes[i];
        if (!w) {
                grown = realloc(wishes, (n_wishes + 1) * sizeof(*wishes));
                if (!grown)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
                wishes = grown;
                w = &wishes[n_wishes++];
                *w = (struct wish) { .path = TAKE_PTR(real) };
        }
        if (wish == READ_ONLY || wish == READ_WRITE)
                w->writing = wish;
        else
                w->executing = wish;
        free(real);
}

/* "-/path", "+/path", "-+/path" */
static void add_policies(struct helper *h, struct plan_list l, int wish)
{
        for (uint32_t i = 0; i < l.n; i++) {
                const char *s = plan_item(h->plan, l, i);
                bool optional = *s == '-';

                s += optional;
                s += *s == '+';
                add_policy(h, s, wish, optional || wish == READ_ONLY); /* see check_missing() */
        }
}

static void add_all(struct helper *h, const char *const *paths, int wish)
{
        for (; *paths; paths++)
                add_policy(h, *paths, wish, true);
}

static void policy_of(const char *path, int *writing, int *executing)
{
        size_t best_w = 0, best_e = 0;

        *writing = *executing = NO_WISH;
        for (size_t i = 0; i < n_wishes; i++) {
                size_t n = strlen(wishes[i].path) + 1;

                if (!path_startswith(path, wishes[i].path))
                        continue;
                if (wishes[i].writing && n > best_w) {
                        best_w = n;
                        *writing = wishes[i].writing;
                }
                if (wishes[i].executing && n > best_e) {
                        best_e = n;
                        *executing = wishes[i].executing;
                }
        }
}

/* A path that is to be read-only may be missing where nothing can be written anyway, as accounts-daemon's is below
 * ProtectSystem=strict; elsewhere something would be there one day that is not protected. */
static void check_missing(struct helper *h)
{
        const struct exec_plan *p = h->plan;

        for (uint32_t i = 0; i < p->read_only.n; i++) {
                const char *s = plan_item(p, p->read_only, i), *path = s + (*s == '+');
                _cleanup_free_ char *real = mount_resolve(path), *place = NULL;
                int writing, executing;

                if (real || *s == '-')
                        continue;
                place = str_printf("%s%s", mount_root, path);
                if (!place)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
                policy_of(place, &writing, &executing);
                if (writing != READ_ONLY)
                        fail(h, -ENOENT, path);
        }
}

static void gather_policies(struct helper *h)
{
        static const char *const homes[] = { "/home", "/root", "/run/user", NULL };
        static const char *const vendor[] = { "/usr", "/boot", "/efi", NULL };
        static const char *const api[] = { "/dev", "/proc", "/sys", NULL };
        static const char *const tunables[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/latency_stats",
                "/proc/acpi", "/proc/timer_stats", "/proc/fs", "/proc/irq", "/sys", NULL };
        const struct exec_plan *p = h->plan;
        const struct plan_dir *d = plan_at(p, p->dirs);

        if (p->protect_system == PROTECT_SYSTEM_STRICT) {
                add_policy(h, "/", READ_ONLY, false);
                add_all(h, api, READ_WRITE);
        } else if (p->protect_system != PROTECT_SYSTEM_NO)
                add_all(h, vendor, READ_ONLY);
        if (p->protect_system == PROTECT_SYSTEM_FULL)
                add_policy(h, "/etc", READ_ONLY, true);
        if (p->protect_home == PROTECT_HOME_READ_ONLY)
                add_all(h, homes, READ_ONLY);
        if (p->protect & PROT_TMP) {
                add_policy(h, "/tmp", READ_WRITE, true);
                add_policy(h, "/var/tmp", READ_WRITE, true);
        }
        if (p->protect & PROT_TUNABLES)
                add_all(h, tunables, READ_ONLY);
        if (p->protect & PROT_CGROUPS)
                add_policy(h, "/sys/fs/cgroup", READ_ONLY, true);
        else if (p->protect & PROT_TUNABLES)
                add_policy(h, "/sys/fs/cgroup", READ_WRITE, true);
        if (p->protect & PROT_DEVICES) {
                add_policy(h, "/dev", READ_ONLY, true);
                add_policy(h, "/dev", NOT_EXECUTABLE, true);
                add_policy(h, "/dev/shm", READ_WRITE, true);
                add_policy(h, "/dev/mqueue", READ_WRITE, true);
                add_policy(h, "/dev/pts", READ_WRITE, true);
        }
        for (uint32_t i = 0; i < p->dirs.n; i++)
                if (d[i].kind != DIR_CONFIGURATION)
                        add_policy(h, plan_str(p, d[i].path), READ_WRITE, true);
        add_policies(h, p->read_only, READ_ONLY);
        add_policies(h, p->read_write, READ_WRITE);
        add_policies(h, p->no_exec, NOT_EXECUTABLE);
        add_policies(h, p->exec, EXECUTABLE);
        check_missing(h);
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct wish *)a)->path, ((const struct wish *)b)->path);
}

/* ---- flags of all mounts by the nearest policy ---- */

static bool is_mount_point(const char *path)
{
        struct statx here;

        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &here) == 0 &&
               (here.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static void make_mount_points(struct helper *h)
{
        if (n_wishes > 1)
                qsort(wishes, n_wishes, sizeof(*wishes), by_path);
        for (size_t i = 0; i < n_wishes; i++) {
                const char *path = wishes[i].path;

                if (is_mount_point(path))
                        continue;
                if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
                        fail(h, -errno, path);
        }
}

static void apply_one(struct helper *h, const char *path)
{
        struct mount_attr attr = { 0 };
        int writing, executing;

        policy_of(path, &writing, &executing);
        attr.attr_set = (writing == READ_ONLY ? MOUNT_ATTR_RDONLY : 0) |
                        (executing == NOT_EXECUTABLE ? MOUNT_ATTR_NOEXEC : 0);
        if (!attr.attr_set)
                return;
        /* an automount point is not used by that: what comes upon it one day has the flags that it comes with */
        if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &attr,
                    sizeof(attr)) == 0)
                return;
        if (errno == EINVAL || errno == ENOENT || errno == EACCES) /* hidden below another mount, or gone */
                return;
        if (errno != ENOSYS)
                fail(h, -errno, path);
        /* before 5.12: by remounting, which keeps no other flags than it is told */
        if (mount(NULL, path, NULL,
                    MS_BIND | MS_REMOUNT | (writing == READ_ONLY ? MS_RDONLY : 0) |
                            (executing == NOT_EXECUTABLE ? MS_NOEXEC : 0),
                    NULL) < 0)
                fail(h, -errno, path);
}

static void apply_policies(struct helper *h)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file("/proc/self/mountinfo", 8u << 20, &text, NULL);

        if (r < 0)
                fail(h, r, "/proc/self/mountinfo");
        for (char *line = text; line && *line;) {
                char *next = strchr(line, '\n'), path[PATH_MAX];

                if (next)
                        *next++ = '\0';
                if (sscanf(line, "%*d %*d %*s %*s %4095s", path) == 1) {
                        str_unescape_octal(path);
                        apply_one(h, path);
                }
                line = next;
        }
}

/* ---- all of it ---- */

bool helper_wants_mounts(const struct helper *h)
{
        const struct exec_plan *p = h->plan;

        return p->protect_system || p->protect_home || p->protect_proc || p->root_directory ||
               p->read_write.n || p->read_only.n || p->inaccessible.n || p->exec.n || p->no_exec.n ||
               p->tmpfs.n || p->binds.n || p->images.n || p->log_namespace ||
               (p->flags & PLAN_DYNAMIC_USER) ||
               (p->protect & ~(uint32_t)(PROT_HOSTNAME | PROT_CLOCK | PROT_NETWORK | PROT_USERS));
}

void helper_mounts(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        unsigned long propagation = p->protect & PROT_MOUNT_FLAGS ? (unsigned long)p->mount_flags : MS_SLAVE;
        const char *root = plan_str(p, p->root_directory);

        if (unshare(CLONE_NEWNS) < 0)
                fail(h, -errno, "mount namespace");
        /* nothing of ours may reach the host */
        if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
                fail(h, -errno, "/");
        root = image_root(h) ?: root;
        if (root && !streq(root, "/")) {
                mount_root = root;
                if (!is_mount_point(root) && mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
                        fail(h, -errno, root);
        }
        image_extend(h);
        mount_structure(h);
        gather_policies(h);
        make_mount_points(h);
        mount_inaccessible_paths(h);
        apply_policies(h);
        if (*mount_root) {
                if (chdir(mount_root) < 0 || mount(mount_root, "/", NULL, MS_MOVE, NULL) < 0 ||
                        chroot(".") < 0 || chdir("/") < 0)
                        helper_fail(h, EXIT_CHROOT, -errno, mount_root);
        }
        if (propagation != MS_SLAVE && mount(NULL, "/", NULL, propagation | MS_REC, NULL) < 0)
                fail(h, -errno, "MountFlags");
}
