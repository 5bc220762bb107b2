/* Mounts and the switch of root: see switch.h. */

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"

static const struct {
        const char *type, *where, *options;
        unsigned long flags;
        bool needed;
} api[] = {
        { "devtmpfs", "/dev", "mode=0755", MS_NOSUID, true },
        { "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
        { "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
        { "tmpfs", "/run", "mode=0755,size=20%", MS_NOSUID | MS_NODEV, true },
};

static void use_console(void)
{
        int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        for (int i = 0; i < 3; i++)
                if (i != fd)
                        dup2(fd, i);
        if (fd > 2)
                close(fd);
        else
                fcntl(fd, F_SETFD, 0);
}

int mount_api(void)
{
        int result = 0;

        umask(0022);
        for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
                mkdir(api[i].where, 0755);
                if (mount(api[i].type, api[i].where, api[i].type, api[i].flags, api[i].options) < 0 &&
                        errno != EBUSY && result == 0)
                        result = -errno;
                if (i == 0)
                        use_console();
        }
        return result;
}

int mount_device(
        const char *node, const char *where, const char *type, unsigned long flags, const char *data)
{
        _cleanup_strv_ char **types = strv_split(type, ",");
        int r = -ENODEV;

        FOREACH_STR (t, types) {
                if (mount(node, where, *t, flags, data) >= 0)
                        return 0;
                r = -errno;
                if (r == -ENODEV)
                        log_warning("Cannot mount %s: the kernel has no file system %s, and neither has "
                                    "this image",
                                node, *t);
                else
                        log_warning_errno(r, "Cannot mount %s as %s: %m", node, *t);
        }
        return r;
}

/* Is there an executable file at path, as seen from inside the new root? */
static bool is_program(int root_fd, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
        _cleanup_close_ int fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        struct stat st;

        if (fd < 0 && errno == ENOSYS)
                return faccessat(root_fd, path + 1, X_OK, AT_SYMLINK_NOFOLLOW) == 0;
        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

const char *find_init(const struct initrd_options *o, struct strbuf *tried)
{
        static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
        _cleanup_close_ int root = open(NEW_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root < 0)
                return NULL;
        if (o->init) {
                if (is_program(root, o->init))
                        return o->init;
                strbuf_puts(tried, o->init);
                log_error("init=%s is not a program in the root; trying the usual ones", o->init);
        }
        for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
                if (is_program(root, usual[i]))
                        return usual[i];
                strbuf_printf(tried, "%s%s", tried->len ? " " : "", usual[i]);
        }
        return NULL;
}

/* Deletes what is on one file system below dir_fd, which it takes over. */
static void delete_tree(int dir_fd, dev_t dev)
{
        _cleanup_closedir_ DIR *d = fdopendir(dir_fd);
        struct dirent *e;

        if (!d) {
                close(dir_fd);
                return;
        }
        while ((e = readdir(d))) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (e->d_type != DT_DIR) {
                        unlinkat(dirfd(d), e->d_name, 0);
                        continue;
                }
                struct stat st;
                int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        continue;
                if (fstat(fd, &st) < 0 || st.st_dev != dev) {
                        close(fd);
                        continue;
                }
                delete_tree(fd, dev);
                unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
        }
}

static void move_api(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
                char to[64];

                snprintf(to, sizeof to, NEW_ROOT "%s", api[i].where);
                if (mount(api[i].where, to, NULL, MS_MOVE, NULL) >= 0)
                        continue;
                /* A root without that directory: the real init mounts what it can. */
                log_warning_errno(-errno, "Cannot move %s into the root: %m", api[i].where);
                umount2(api[i].where, MNT_DETACH);
        }
}

int switch_root(const char *init, char **argv)
{
        _cleanup_close_ int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct statfs fs;
        struct stat st;

        if (old < 0 || fstat(old, &st) < 0 || fstatfs(old, &fs) < 0)
                return -errno;
        move_api();
        if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
                chdir("/") < 0)
                return log_error_errno(-errno, "Cannot make the mounted file system the root: %m");
        /* Only ever what the kernel unpacked into memory. */
        if (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC)
                delete_tree(TAKE_FD(old), st.st_dev);
        argv[0] = (char *)init;
        execv(init, argv);
        return log_error_errno(-errno, "Cannot execute %s: %m", init);
}
