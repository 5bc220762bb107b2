/* rouse-exec: what stands where in the service's mount namespace. Mounts are prepared detached (fsmount, open_tree)
 * and moved into place, so that nothing half-made is ever seen. */
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "exec-main-mount.h"
#include "lib/fileio.h"

static void fail(struct helper *h, int err, const char *what)
{
        helper_fail(h, EXIT_NAMESPACE, err, what);
}

/* ---- detached mounts ---- */

/* A new file system of this type; options "a=b,c". Negative errno. */
static int new_filesystem(const char *type, const char *options, unsigned attr)
{
        _cleanup_close_ int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
        _cleanup_strv_ char **list = strv_split(options, ",");
        int fd;

        if (fs < 0)
                return -errno;
        FOREACH_STR (o, list) {
                char *eq = strchr(*o, '=');

                if (eq)
                        *eq++ = '\0';
                if (syscall(SYS_fsconfig, fs, eq ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, *o, eq, 0) < 0)
                        return -errno;
        }
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
        return fd < 0 ? -errno : fd;
}

static int clone_tree(int dir, const char *path, bool recursive)
{
        int fd = (int)syscall(SYS_open_tree, dir, path,
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) |
                        (*path ? 0 : AT_EMPTY_PATH));

        return fd < 0 ? -errno : fd;
}

static int place(int fd, const char *path)
{
        return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* On a file that was removed after it had been mounted (a manager of containers does so at /proc/kmsg) nothing can be
 * mounted, only on what is below it. */
static void place_or_fail(struct helper *h, int fd, const char *path)
{
        int r = fd < 0 ? fd : place(fd, path);

        while (fd >= 0 && r == -ENOENT && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
                r = place(fd, path);
        close_fd(fd);
        if (r < 0)
                fail(h, r, path);
}

static char *in_root(struct helper *h, const char *path)
{
        char *s = str_printf("%s%s", mount_root, path);

        if (!s)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        return s;
}

/* ---- tmpfs ---- */

/* Mount flags among the options of TemporaryFileSystem=; the rest is tmpfs's own. */
static void mount_tmpfs(struct helper *h, const char *path, const char *options)
{
        static const struct {
                const char *name;
                unsigned set, clear;
        } flags[] = {
                { "ro", MOUNT_ATTR_RDONLY, 0 },
                { "rw", 0, MOUNT_ATTR_RDONLY },
                { "nodev", MOUNT_ATTR_NODEV, 0 },
                { "dev", 0, MOUNT_ATTR_NODEV },
                { "noexec", MOUNT_ATTR_NOEXEC, 0 },
                { "exec", 0, MOUNT_ATTR_NOEXEC },
                { "nosuid", MOUNT_ATTR_NOSUID, 0 },
                { "suid", 0, MOUNT_ATTR_NOSUID },
                { "strictatime", MOUNT_ATTR_STRICTATIME, 0 },
                { "nostrictatime", 0, MOUNT_ATTR__ATIME },
                { "noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
                { "relatime", 0, MOUNT_ATTR__ATIME },
        };
        _cleanup_strv_ char **list = strv_split(options ?: "", ",");
        _cleanup_strbuf_ struct strbuf own = { 0 };
        unsigned attr = MOUNT_ATTR_NODEV | MOUNT_ATTR_STRICTATIME;
        bool mode = false;
        char *real;

        FOREACH_STR (o, list) {
                bool known = false;

                for (size_t i = 0; i < ARRAY_SIZE(flags) && !known; i++)
                        if (streq(*o, flags[i].name)) {
                                attr = (attr & ~flags[i].clear) | flags[i].set;
                                known = true;
                        }
                mode |= startswith(*o, "mode=") != NULL;
                if (!known)
                        strbuf_printf(&own, "%s%s", own.len ? "," : "", *o);
        }
        if (!mode)
                strbuf_printf(&own, "%smode=0755", own.len ? "," : "");
        real = mount_resolve(path);
        if (!real) { /* a mount point that is missing is made */
                real = in_root(h, path);
                if (mkdir_p(real, 0755) < 0)
                        fail(h, -ENOENT, path);
        }
        place_or_fail(h, new_filesystem("tmpfs", own.s, attr), real);
        free(real);
}

static void mount_tmpfs_list(struct helper *h)
{
        static const char *const homes[] = { "/home", "/root", "/run/user" };
        const struct exec_plan *p = h->plan;

        for (size_t i = 0; i < ARRAY_SIZE(homes) && p->protect_home == PROTECT_HOME_TMPFS; i++) {
                _cleanup_free_ char *real = mount_resolve(homes[i]);

                if (real)
                        mount_tmpfs(h, homes[i], "ro,nosuid,mode=0755");
        }
        for (uint32_t i = 0; i < p->tmpfs.n; i++) {
                _cleanup_free_ char *path = strdup(plan_item(p, p->tmpfs, i));
                char *options = path ? strchr(path, ':') : NULL;

                if (options)
                        *options++ = '\0';
                mount_tmpfs(h, path, options);
        }
}

/* ---- bind mounts ---- */

/* Something of the same kind as source to mount on. */
static void make_target(struct helper *h, const char *source, const char *dest)
{
        struct stat st;

        if (access(dest, F_OK) == 0 || stat(source, &st) < 0)
                return;
        mkdir_parents(dest, 0755);
        if (S_ISDIR(st.st_mode) ? mkdir(dest, 0755) < 0 : mknod(dest, S_IFREG | 0444, 0) < 0)
                if (errno != EEXIST)
                        fail(h, -errno, dest);
}

struct prepared {
        int fd;
        const struct plan_bind *bind;
};

/* All sources are taken before anything is mounted: they are the host's. */
static struct prepared *prepare_binds(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        const struct plan_bind *b = plan_at(p, p->binds);
        struct prepared *list = calloc(p->binds.n + 1, sizeof(*list));

        for (uint32_t i = 0; list && i < p->binds.n; i++) {
                const char *source = plan_str(p, b[i].source);

                list[i] = (struct prepared) { .fd = clone_tree(AT_FDCWD, source, b[i].recursive),
                        .bind = &b[i] };
                if (list[i].fd < 0 && !(b[i].ignore_missing && list[i].fd == -ENOENT))
                        fail(h, list[i].fd, source);
                if (list[i].fd >= 0 && b[i].read_only) {
                        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

                        if (syscall(SYS_mount_setattr, list[i].fd, "",
                                    AT_EMPTY_PATH | (b[i].recursive ? AT_RECURSIVE : 0), &attr,
                                    sizeof(attr)) < 0)
                                fail(h, -errno, source);
                }
        }
        return list;
}

static void place_binds(struct helper *h, struct prepared *list)
{
        const struct exec_plan *p = h->plan;

        for (uint32_t i = 0; list && i < p->binds.n; i++) {
                _cleanup_free_ char *dest = NULL;

                if (list[i].fd < 0)
                        continue;
                dest = mount_resolve(plan_str(p, list[i].bind->dest));
                if (!dest) {
                        dest = in_root(h, plan_str(p, list[i].bind->dest));
                        make_target(h, plan_str(p, list[i].bind->source), dest);
                }
                place_or_fail(h, list[i].fd, dest);
        }
        free(list);
}

static void bind_host(struct helper *h, const char *source, const char *dest)
{
        _cleanup_free_ char *real = mount_resolve(dest);

        if (!real) {
                real = in_root(h, dest);
                make_target(h, source, real);
        }
        place_or_fail(h, clone_tree(AT_FDCWD, source, true), real);
}

/* ---- /tmp, /dev, /proc, the log ---- */

/* /tmp/systemd-private-BOOT-RUN/tmp, made by the run's first process and shared by the others. */
static void private_tmp(struct helper *h, const char *where)
{
        _cleanup_free_ char *boot = NULL, *dir = NULL, *inner = NULL, *real = mount_resolve(where);
        int r;

        if (!real)
                return;
        if (read_one_line("/proc/sys/kernel/random/boot_id", &boot) < 0)
                boot = strdup("0");
        for (char *s = boot, *to = boot; s && (*to = *s); s++)
                to += *s != '-';
        dir = str_printf("%s/systemd-private-%s-%s", where, boot, plan_str(h->plan, h->plan->run));
        inner = dir ? str_printf("%s/tmp", dir) : NULL;
        if (!inner)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        r = mkdir(dir, 0700) < 0 ? -errno : 0;
        if (r == -EROFS) { /* empty, and as read-only as what is there */
                place_or_fail(h,
                        new_filesystem("tmpfs", "mode=1777",
                                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
                        real);
                return;
        }
        if (r < 0 && r != -EEXIST)
                fail(h, r, dir);
        if (mkdir(inner, 01777) == 0)
                (void)!chmod(inner, 01777);
        else if (errno != EEXIST)
                fail(h, -errno, inner);
        place_or_fail(h, clone_tree(AT_FDCWD, inner, false), real);
}

static void add_device(struct helper *h, int dev, const char *name)
{
        char path[64];
        struct stat st;

        snprintf(path, sizeof(path), "/dev/%s", name);
        if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode))
                return;
        if (mknodat(dev, name, st.st_mode, st.st_rdev) == 0) {
                (void)!fchmodat(dev, name, st.st_mode & 07777, 0);
                return;
        }
        /* a container may not make nodes: the host's one over an empty file */
        if (mknodat(dev, name, S_IFREG | 0600, 0) < 0)
                fail(h, -errno, path);
        int fd = clone_tree(AT_FDCWD, path, false);
        if (fd < 0 || syscall(SYS_move_mount, fd, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                fail(h, -errno, path);
        close(fd);
}

static void private_dev(struct helper *h)
{
        static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
        static const char *const kept[] = { "pts", "shm", "mqueue", "hugepages" };
        static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" },
                { "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" }, { "/proc/kcore", "core" },
                { "pts/ptmx", "ptmx" }, { "/run/systemd/journal/dev-log", "log" } };
        _cleanup_close_ int dev = new_filesystem(
                "tmpfs", "mode=0755,size=4m,nr_inodes=64k", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
        _cleanup_free_ char *where = in_root(h, "/dev");
        mode_t before = umask(0);
        int trees[ARRAY_SIZE(kept)];

        if (dev < 0)
                fail(h, dev, "/dev");
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
                char path[32];

                snprintf(path, sizeof(path), "/dev/%s", kept[i]);
                trees[i] = clone_tree(AT_FDCWD, path, true);
                if (trees[i] >= 0)
                        mkdirat(dev, kept[i], 0755);
        }
        for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
                add_device(h, dev, nodes[i]);
        for (size_t i = 0; i < ARRAY_SIZE(links); i++)
                (void)!symlinkat(links[i][0], dev, links[i][1]);
        mkdir_p(where, 0755);
        if (place(dev, where) < 0)
                fail(h, -errno, "/dev");
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
                _cleanup_free_ char *to = NULL;

                if (trees[i] < 0)
                        continue;
                to = str_printf("%s/%s", where, kept[i]);
                place_or_fail(h, trees[i], to);
        }
        umask(before);
}

/* A /proc of the service's own: who sees what of other processes. */
static void private_proc(struct helper *h)
{
        static const char *const modes[] = { [PROC_NOACCESS] = "hidepid=noaccess",
                [PROC_INVISIBLE] = "hidepid=invisible",
                [PROC_PTRACEABLE] = "hidepid=ptraceable" };
        const struct exec_plan *p = h->plan;
        _cleanup_free_ char *where = in_root(h, "/proc");
        char options[64] = "";
        int fd;

        if (p->protect_proc != PROC_DEFAULT)
                stpcpy(options, modes[p->protect_proc]);
        if (p->protect & PROT_PROC_PID)
                strcat(options, *options ? ",subset=pid" : "subset=pid");
        fd = new_filesystem("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (fd < 0) { /* an old kernel, or a container: the page calls this best effort */
                helper_warn(h, fd, "ProtectProc, ProcSubset");
                return;
        }
        mkdir_p(where, 0755);
        place_or_fail(h, fd, where);
}

/* MountAPIVFS= inside a RootDirectory= */
static void api_filesystems(struct helper *h)
{
        static const char *const paths[] = { "/proc", "/sys", "/dev", "/run" };

        for (size_t i = 0; *mount_root && i < ARRAY_SIZE(paths); i++)
                if (!streq(paths[i], "/dev") || !(h->plan->protect & PROT_DEVICES))
                        bind_host(h, paths[i], paths[i]);
}

/* …/private is closed to all but root: the dynamic user sees only its own directories there. */
static void dynamic_directories(struct helper *h)
{
        static const char *const parents[] = { "/var/lib/private", "/var/cache/private",
                "/var/log/private" };
        const struct exec_plan *p = h->plan;
        const struct plan_dir *d = plan_at(p, p->dirs);

        for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
                int fds[64];
                char dest[64][PATH_MAX];
                size_t n = 0;

                for (uint32_t k = 0; k < p->dirs.n && n < ARRAY_SIZE(fds); k++) {
                        char real[PATH_MAX];

                        if (!realpath(plan_str(p, d[k].path), real) || !path_startswith(real, parents[i]))
                                continue;
                        fds[n] = clone_tree(AT_FDCWD, real, true);
                        if (fds[n] < 0)
                                fail(h, fds[n], real);
                        snprintf(dest[n++], PATH_MAX, "%s", real);
                }
                if (n == 0)
                        continue;
                place_or_fail(h,
                        new_filesystem("tmpfs", "mode=0755,size=1m", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID),
                        parents[i]);
                for (size_t k = 0; k < n; k++) {
                        if (mkdir_p(dest[k], 0755) < 0)
                                fail(h, -errno, dest[k]);
                        place_or_fail(h, fds[k], dest[k]);
                }
        }
}

void mount_structure(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        struct prepared *binds = prepare_binds(h);
        const char *notify = strv_env_get(h->env, "NOTIFY_SOCKET");

        image_prepare_mounts(h);
        if ((p->protect & (PROT_API_VFS | PROT_TUNABLES | PROT_CGROUPS)) || p->protect_proc)
                api_filesystems(h);
        if (*mount_root && notify && *notify == '/')
                bind_host(h, notify, notify);
        if (p->protect_proc != PROC_DEFAULT || (p->protect & PROT_PROC_PID))
                private_proc(h);
        if (p->protect & PROT_DEVICES)
                private_dev(h);
        if (p->protect & PROT_IPC) {
                int fd = new_filesystem(
                        "mqueue", "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
                _cleanup_free_ char *where = mount_resolve("/dev/mqueue");

                if (fd >= 0 && where)
                        place_or_fail(h, fd, where);
        }
        if (p->log_namespace) {
                char source[PATH_MAX];

                snprintf(source, sizeof(source), "/run/systemd/journal.%s", plan_str(p, p->log_namespace));
                bind_host(h, source, "/run/systemd/journal");
        }
        if (p->flags & PLAN_DYNAMIC_USER)
                dynamic_directories(h);
        mount_tmpfs_list(h);
        if (p->protect & PROT_TMP) {
                private_tmp(h, "/tmp");
                private_tmp(h, "/var/tmp");
        }
        place_binds(h, binds);
        image_place_mounts(h);
}

/* ---- what cannot be seen ---- */

#define NOTHING "/run/systemd/inaccessible"

/* A directory with a directory and a file that nobody may open, where systemd has its own too. Kernels before 6.15 do
 * not clone parts of a file system that is mounted nowhere, so that is the second choice, where /run cannot be written. */
static int make_nothing(struct helper *h)
{
        int fd;

        if (mkdir_p(NOTHING, 0755) >= 0 && (mkdir(NOTHING "/dir", 0) == 0 || errno == EEXIST) &&
                (mknod(NOTHING "/file", S_IFCHR, makedev(0, 0)) == 0 || errno == EEXIST)) {
                fd = open(NOTHING, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }
        fd = new_filesystem(
                "tmpfs", "mode=0755,size=64k", MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

        if (fd < 0)
                fail(h, fd, "inaccessible paths");
        mkdirat(fd, "dir", 0);
        /* a device on a file system without devices: closed to root, too; a socket cannot be opened either */
        if (mknodat(fd, "file", S_IFCHR, makedev(1, 3)) < 0)
                (void)!mknodat(fd, "file", S_IFSOCK, 0);
        return fd;
}

static void hide(struct helper *h, int nothing, const char *path, bool optional)
{
        _cleanup_free_ char *real = mount_resolve(path);
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                                               MOUNT_ATTR_NOEXEC };
        struct stat st;
        int fd;

        if (!real || stat(real, &st) < 0) {
                if (!optional)
                        fail(h, -ENOENT, path);
                return;
        }
        fd = clone_tree(nothing, S_ISDIR(st.st_mode) ? "dir" : "file", false);
        if (fd >= 0)
                syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
        place_or_fail(h, fd, real);
}

void mount_inaccessible_paths(struct helper *h)
{
        static const struct {
                uint32_t bit;
                const char *path;
        } own[] = {
                { PROT_MODULES, "/lib/modules" },
                { PROT_MODULES, "/usr/lib/modules" },
                { PROT_LOGS, "/proc/kmsg" },
                { PROT_LOGS, "/dev/kmsg" },
                { PROT_TUNABLES, "/proc/kallsyms" },
                { PROT_TUNABLES, "/proc/kcore" },
        };
        static const char *const homes[] = { "/home", "/root", "/run/user" };
        const struct exec_plan *p = h->plan;
        _cleanup_close_ int nothing = -1;
        bool any = p->inaccessible.n || p->protect_home == PROTECT_HOME_YES ||
                   (p->protect & (PROT_MODULES | PROT_LOGS | PROT_TUNABLES));

        if (!any)
                return;
        nothing = make_nothing(h);
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (p->protect & own[i].bit)
                        hide(h, nothing, own[i].path, true);
        for (size_t i = 0; i < ARRAY_SIZE(homes) && p->protect_home == PROTECT_HOME_YES; i++)
                hide(h, nothing, homes[i], true);
        for (uint32_t i = 0; i < p->inaccessible.n; i++) {
                const char *s = plan_item(p, p->inaccessible, i);
                bool optional = *s == '-';

                s += optional;
                hide(h, nothing, s + (*s == '+'), optional);
        }
}
