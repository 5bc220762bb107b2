/* Whole trees: removing and copying, by directory fds, never through a link, never across a mount when removing. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"

#define DEPTH_MAX 200

static DIR *open_dir_at(int dir_fd, const char *name)
{
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d;

        if (fd < 0)
                return NULL;
        d = fdopendir(fd);
        if (!d)
                close_fd(fd);
        return d;
}

static int remove_content(int dir_fd, const char *name, dev_t dev, unsigned depth);

static int remove_entry(int dir_fd, const char *name, dev_t dev, unsigned depth)
{
        struct stat st;
        int r = 0;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISDIR(st.st_mode))
                return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (st.st_dev != dev)
                return 0;
        r = remove_content(dir_fd, name, dev, depth + 1);
        if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != EBUSY && r >= 0)
                r = errno == ENOTEMPTY ? 0 : -errno; /* not empty: a mount below was left */
        return r;
}

static int remove_content(int dir_fd, const char *name, dev_t dev, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        int r, ret = 0;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        d = open_dir_at(dir_fd, name);
        if (!d)
                return -errno;
        for (struct dirent *de; (de = readdir(d));) {
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;
                r = remove_entry(dirfd(d), de->d_name, dev, depth);
                if (r < 0)
                        ret = r;
        }
        return ret;
}

int tree_remove(int dir_fd, const char *name, bool self)
{
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (self)
                return remove_entry(dir_fd, name, st.st_dev, 0);
        return S_ISDIR(st.st_mode) ? remove_content(dir_fd, name, st.st_dev, 0) : 0;
}

static int copy_bytes(int from, int to)
{
        char buf[16384];

        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
                int r;

                if (n > 0)
                        continue;
                /* 0 may also mean a file of /proc or /sys: read(2) decides */
                n = read(from, buf, sizeof(buf));
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                r = write_all(to, buf, n);
                if (r < 0)
                        return r;
        }
}

static void copy_xattrs(int from, int to)
{
        char names[4096], value[8192];
        ssize_t len = flistxattr(from, names, sizeof(names));

        for (char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
                ssize_t v = fgetxattr(from, n, value, sizeof(value));

                if (v >= 0)
                        (void)fsetxattr(to, n, value, v, 0);
        }
}

static int copy_owner(int fd, const struct stat *st)
{
        struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (fchown(fd, st->st_uid, st->st_gid) < 0)
                return -errno;
        if (fchmod(fd, st->st_mode & 07777) < 0)
                return -errno;
        (void)futimens(fd, times);
        return 0;
}

static int copy_file(int from_dir, const char *from, int to_dir, const char *to, const struct stat *st)
{
        _cleanup_close_ int in = -1, out = -1;
        int r;

        in = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (in < 0)
                return -errno;
        out = openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (out < 0)
                return errno == EEXIST ? 0 : -errno;
        r = copy_bytes(in, out);
        if (r < 0) {
                (void)unlinkat(to_dir, to, 0);
                return r;
        }
        copy_xattrs(in, out);
        return copy_owner(out, st);
}

static int copy_entry(int from_dir, const char *from, int to_dir, const char *to, unsigned depth);

static int copy_dir(
        int from_dir, const char *from, int to_dir, const char *to, const struct stat *st, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_close_ int out = -1;
        bool made;
        int r;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        d = open_dir_at(from_dir, from);
        if (!d)
                return -errno;
        made = mkdirat(to_dir, to, 0700) >= 0;
        if (!made && errno != EEXIST)
                return -errno;
        out = openat(to_dir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (out < 0)
                return -errno;
        for (struct dirent *de; (de = readdir(d));) {
                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;
                r = copy_entry(dirfd(d), de->d_name, out, de->d_name, depth + 1);
                if (r < 0)
                        return r;
        }
        if (!made)
                return 0;
        copy_xattrs(dirfd(d), out);
        return copy_owner(out, st);
}

static int copy_entry(int from_dir, const char *from, int to_dir, const char *to, unsigned depth)
{
        _cleanup_free_ char *target = NULL;
        struct stat st;
        int r;

        if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISREG(st.st_mode))
                return copy_file(from_dir, from, to_dir, to, &st);
        if (S_ISDIR(st.st_mode))
                return copy_dir(from_dir, from, to_dir, to, &st, depth);
        if (S_ISLNK(st.st_mode)) {
                r = readlinkat_alloc(from_dir, from, &target);
                if (r < 0)
                        return r;
                r = symlinkat(target, to_dir, to);
        } else
                r = mknodat(to_dir, to, st.st_mode, st.st_rdev);
        if (r < 0)
                return errno == EEXIST ? 0 : -errno;
        return fchownat(to_dir, to, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int tree_copy(int from_dir, const char *from, int to_dir, const char *to)
{
        return copy_entry(from_dir, from, to_dir, to, 0);
}
