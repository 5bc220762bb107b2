/* The switch of root: see switchroot.h. */

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/switchroot.h"

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

const char *switch_root_init(const char *where, const char *wanted, struct strbuf *tried)
{
        static const char *const usual[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
        _cleanup_close_ int root = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root < 0)
                return NULL;
        if (!str_empty(wanted)) {
                if (is_program(root, wanted))
                        return wanted;
                strbuf_puts(tried, wanted);
                log_error("init=%s is not a program in the root; trying the usual ones", wanted);
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

static void move_api(const char *where)
{
        static const char *const api[] = { "/dev", "/proc", "/sys", "/run" };

        for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
                _cleanup_free_ char *to = str_printf("%s%s", where, api[i]);

                if (to && mount(api[i], to, NULL, MS_MOVE, NULL) >= 0)
                        continue;
                /* A root without that directory: the real init mounts what it can. */
                log_warning_errno(-errno, "Cannot move %s into the root: %m", api[i]);
                umount2(api[i], MNT_DETACH);
        }
}

int switch_root_keep_shutdown(void)
{
        _cleanup_free_ char *data = NULL;
        size_t len;
        int r = read_file("/shutdown", 16 << 20, &data, &len);

        if (r < 0)
                return r;
        mkdir("/run/initramfs", 0755);
        return write_file_atomic("/run/initramfs/shutdown", data, len, 0755, false);
}

int switch_root(const char *where, const char *init, char **argv)
{
        _cleanup_close_ int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct statfs fs;
        struct stat st;

        if (old < 0 || fstat(old, &st) < 0 || fstatfs(old, &fs) < 0)
                return -errno;
        move_api(where);
        if (chdir(where) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
                chdir("/") < 0)
                return log_error_errno(-errno, "Cannot make the mounted file system the root: %m");
        /* Only ever what the kernel unpacked into memory. */
        if (fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC)
                delete_tree(TAKE_FD(old), st.st_dev);
        argv[0] = (char *)init;
        execv(init, argv);
        return log_error_errno(-errno, "Cannot execute %s: %m", init);
}
