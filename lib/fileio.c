/* Files read and written whole, links, directories. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "fileio.h"
#include "str.h"

#define READ_DEFAULT_MAX (16u << 20)

static ssize_t read_retry(int fd, void *buf, size_t n)
{
        ssize_t got;

        do
                got = read(fd, buf, n);
        while (got < 0 && errno == EINTR);
        return got < 0 ? -errno : got;
}

/* Reads fd to its end. The size is only a hint: /proc and /sys say 0 or 4096, files may grow meanwhile. */
static int read_fd(int fd, size_t max, size_t hint, char **ret, size_t *ret_len)
{
        size_t cap = MIN(hint > 0 ? hint + 2 : 4096, max + 2), len = 0;
        _cleanup_free_ char *buf = malloc(cap);

        if (!buf)
                return -ENOMEM;
        for (;;) {
                ssize_t n;

                if (cap - len < 2) {
                        char *bigger = realloc(buf, MIN(cap * 2, max + 2));

                        if (!bigger)
                                return -ENOMEM;
                        buf = bigger;
                        cap = MIN(cap * 2, max + 2);
                }
                n = read_retry(fd, buf + len, cap - 1 - len);
                if (n < 0)
                        return (int)n;
                if (n == 0)
                        break;
                len += (size_t)n;
                if (len > max)
                        return -E2BIG;
        }
        buf[len] = '\0';
        *ret = TAKE_PTR(buf);
        if (ret_len)
                *ret_len = len;
        return 0;
}

int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        /* O_NONBLOCK: a FIFO put in a file's place must not hold PID 1. */
        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (max == 0)
                max = READ_DEFAULT_MAX;
        max = MIN(max, (size_t)SSIZE_MAX / 2);
        if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size > max && st.st_blocks > 0)
                return -E2BIG;
        return read_fd(fd, max, S_ISREG(st.st_mode) ? (size_t)st.st_size : 0, ret, ret_len);
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
        return read_file_at(AT_FDCWD, path, max, ret, ret_len);
}

int read_one_line(const char *path, char **ret)
{
        char *s;
        int r = read_file(path, 0, &s, NULL);

        if (r < 0)
                return r;
        s[strcspn(s, "\n")] = '\0';
        *ret = s;
        return 0;
}

int write_attr_at(int dirfd, const char *path, const char *value)
{
        _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        size_t len = strlen(value);
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = write(fd, value, len);
        if (n < 0)
                return -errno;
        return (size_t)n == len ? 0 : -EIO;
}

int write_attr(const char *path, const char *value)
{
        return write_attr_at(AT_FDCWD, path, value);
}

int write_all(int fd, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                p += n;
                len -= (size_t)n;
        }
        return 0;
}

/* A name beside path that nobody else takes: hidden, so that directory readers skip it. */
static char *temporary_name(const char *path)
{
        const char *base = path_basename(path);
        uint64_t random = 0;

        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = (uint64_t)now_monotonic() ^ (uint64_t)getpid() << 40;
        return str_printf("%.*s.#%.200s%016llx", (int)(base - path), path, base, (unsigned long long)random);
}

int write_file_atomic(const char *path, const void *data, size_t len, mode_t mode, bool sync)
{
        _cleanup_free_ char *tmp = temporary_name(path);
        _cleanup_close_ int fd = -1;
        int r;

        if (!tmp)
                return -ENOMEM;
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, len);
        if (r >= 0 && fchmod(fd, mode) < 0)
                r = -errno;
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        if (r >= 0 && rename(tmp, path) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(tmp);
        return r;
}

void remove_left_temporaries(const char *path)
{
        const char *base = path_basename(path);
        _cleanup_free_ char *dir = str_printf("%.*s.", (int)(base - path), path);
        _cleanup_free_ char *prefix = str_printf(".#%.200s", base);
        _cleanup_closedir_ DIR *d = dir ? opendir(dir) : NULL;
        struct dirent *e;
        struct stat st;

        while (d && prefix && (e = readdir(d))) {
                const char *random = startswith(e->d_name, prefix);

                if (random && strspn(random, "0123456789abcdef") == 16 && !random[16] &&
                        fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
                        (usec_t)st.st_mtime * USEC_PER_SEC + 600 * USEC_PER_SEC < now_realtime())
                        (void)unlinkat(dirfd(d), e->d_name, 0);
        }
}

int symlink_atomic(const char *target, const char *path)
{
        _cleanup_free_ char *tmp = temporary_name(path);

        if (!tmp)
                return -ENOMEM;
        if (symlink(target, tmp) < 0)
                return -errno;
        if (rename(tmp, path) < 0) {
                int r = -errno;

                (void)unlink(tmp);
                return r;
        }
        return 0;
}

/* mkdir -p of path[0..len). */
static int mkdir_upto(const char *path, size_t len, mode_t mode)
{
        _cleanup_free_ char *p = strndup(path, len);
        struct stat st;

        if (!p)
                return -ENOMEM;
        if (len == 0)
                return 0;
        if (mkdir(p, mode) >= 0)
                return 0;
        if (errno == ENOENT) {
                size_t up = len;
                int r;

                while (up > 0 && path[up - 1] != '/')
                        up--;
                while (up > 0 && path[up - 1] == '/')
                        up--;
                if (up == 0)
                        return -ENOENT;
                r = mkdir_upto(path, up, mode);
                if (r < 0)
                        return r;
                if (mkdir(p, mode) >= 0)
                        return 0;
        }
        /* EROFS, EACCES and the like do not matter when it is there. */
        if (errno != ENOENT) {
                int saved = errno;

                if (stat(p, &st) >= 0)
                        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
                errno = saved;
        }
        return -errno;
}

int mkdir_p(const char *path, mode_t mode)
{
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        return mkdir_upto(path, n, mode);
}

int mkdir_parents(const char *path, mode_t mode)
{
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        while (n > 0 && path[n - 1] != '/')
                n--;
        while (n > 0 && path[n - 1] == '/')
                n--;
        return mkdir_upto(path, n, mode);
}

void closedirp(DIR **d)
{
        if (*d)
                closedir(*d);
}

int readlinkat_alloc(int dirfd, const char *path, char **ret)
{
        for (size_t size = 128; size <= 1u << 20; size *= 2) {
                char *buf = malloc(size);
                ssize_t n;

                if (!buf)
                        return -ENOMEM;
                n = readlinkat(dirfd, path, buf, size);
                if (n >= 0 && (size_t)n < size) {
                        buf[n] = '\0';
                        *ret = buf;
                        return 0;
                }
                free(buf);
                if (n < 0)
                        return -errno;
        }
        return -ENAMETOOLONG;
}

int readlink_alloc(const char *path, char **ret)
{
        return readlinkat_alloc(AT_FDCWD, path, ret);
}
