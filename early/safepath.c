#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "early/safepath.h"

#define MAX_LINKS 32

const char *fd_path(int fd, char *buf)
{
        snprintf(buf, 32, "/proc/self/fd/%d", fd);
        return buf;
}

int reopen_fd(int fd, int flags)
{
        char buf[32];
        int n = open(fd_path(fd, buf), flags | O_CLOEXEC);

        return n < 0 ? -errno : n;
}

/* No link on the way: one call. -ELOOP: there is one. */
static int open_straight(struct early *e, const char *path, int flags)
{
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC | flags,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        path += strspn(path, "/");
        fd = syscall(SYS_openat2, e->root_fd, *path ? path : ".", &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

/* The state of a walk, component by component. */
struct walk {
        struct early *e;
        int fd;      /* where we are */
        uid_t owner; /* of the directory or link that led to the next component */
        char *rest;  /* what is still to be walked */
        unsigned links;
};

static void walk_done(struct walk *w)
{
        close_fd(w->fd);
        free(w->rest);
}

static int walk_to_root(struct walk *w)
{
        int fd = openat(w->e->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        close_fd(w->fd);
        w->fd = fd;
        return 0;
}

static bool is_root_dir(struct walk *w)
{
        struct stat a, b;

        return fstat(w->fd, &a) == 0 && fstat(w->e->root_fd, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

/* A link: its target goes before the rest. Takes link_fd. */
static int walk_link(struct walk *w, int link_fd, const struct stat *st, const char *rest)
{
        _cleanup_free_ char *target = NULL;
        _cleanup_close_ int fd = link_fd;
        char *n;
        int r;

        if (++w->links > MAX_LINKS)
                return -ELOOP;
        r = readlinkat_alloc(fd, "", &target);
        if (r < 0)
                return r;
        n = str_printf("%s/%s", target, rest);
        if (!n)
                return -ENOMEM;
        free(w->rest);
        w->rest = n;
        w->owner = st->st_uid;
        return target[0] == '/' ? walk_to_root(w) : 0;
}

/* One component. 1: more to do, 0: this was the last. */
static int walk_step(struct walk *w, bool follow, bool create)
{
        char *name = w->rest + strspn(w->rest, "/"), *rest;
        _cleanup_close_ int fd = -1;
        bool last;
        struct stat st;

        if (!*name)
                return 0;
        rest = name + strcspn(name, "/");
        last = rest[strspn(rest, "/")] == 0;
        if (*rest)
                *rest++ = 0;
        if (streq(name, ".") || (streq(name, "..") && is_root_dir(w))) {
                memmove(w->rest, rest, strlen(rest) + 1);
                return 1;
        }
        fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT && create && mkdirat(w->fd, name, 0755) >= 0)
                fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (w->owner != 0 && w->owner != st.st_uid)
                return -EPERM;
        if (S_ISLNK(st.st_mode) && (!last || follow))
                return walk_link(w, TAKE_FD(fd), &st, rest) < 0 ? -ELOOP : 1;
        if (!last && !S_ISDIR(st.st_mode))
                return -ENOTDIR;
        close_fd(w->fd);
        w->fd = TAKE_FD(fd);
        w->owner = st.st_uid;
        memmove(w->rest, rest, strlen(rest) + 1);
        return last ? 0 : 1;
}

static int walk_path(struct early *e, const char *path, bool follow, bool create)
{
        _cleanup_(walk_done) struct walk w = { .e = e, .fd = -1, .rest = strdup(path) };
        int r;

        if (!w.rest)
                return -ENOMEM;
        r = walk_to_root(&w);
        if (r < 0)
                return r;
        do
                r = walk_step(&w, follow, create);
        while (r > 0);
        return r < 0 ? r : TAKE_FD(w.fd);
}

int safe_open(struct early *e, const char *path, bool follow)
{
        int fd = open_straight(e, path, follow ? 0 : O_NOFOLLOW);

        return fd == -ELOOP ? walk_path(e, path, follow, false) : fd;
}

void safe_forget(struct early *e)
{
        free(e->parent_path);
        e->parent_path = NULL;
        e->parent_fd = close_fd(e->parent_fd);
}

int safe_parent(struct early *e, const char *path, bool create, int *ret_dir_fd, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *dir = NULL;
        int fd;

        if (!slash || !slash[1])
                return -EINVAL;
        dir = slash == path ? strdup("/") : strndup(path, slash - path);
        if (!dir)
                return -ENOMEM;
        if (!e->parent_path || !streq(e->parent_path, dir)) {
                fd = open_straight(e, dir, O_DIRECTORY);
                if (fd == -ELOOP || fd == -ENOTDIR || (fd == -ENOENT && create))
                        fd = walk_path(e, dir, true, create);
                if (fd < 0)
                        return fd;
                safe_forget(e);
                e->parent_path = TAKE_PTR(dir);
                e->parent_fd = fd;
        }
        *ret_dir_fd = e->parent_fd;
        *ret_name = slash + 1;
        return 0;
}

bool path_has_glob(const char *path)
{
        return strpbrk(path, "*?[") != NULL;
}

static int glob_names(struct early *e, const char *dir, const char *pattern, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_close_ int fd = -1;
        int r, dfd;

        fd = safe_open(e, *dir ? dir : "/", true);
        if (fd < 0)
                return fd == -ENOTDIR ? -ENOENT : fd;
        dfd = reopen_fd(fd, O_RDONLY | O_DIRECTORY);
        if (dfd < 0)
                return dfd == -ENOTDIR ? -ENOENT : dfd;
        d = fdopendir(dfd);
        if (!d) {
                close_fd(dfd);
                return -ENOMEM;
        }
        for (struct dirent *de; (de = readdir(d));) {
                if (streq(de->d_name, ".") || streq(de->d_name, "..") ||
                        fnmatch(pattern, de->d_name, FNM_PERIOD) != 0)
                        continue;
                r = strv_add(&names, de->d_name);
                if (r < 0)
                        return r;
        }
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

/* done: the part of the path without wildcards; rest: begins with '/' or is empty. */
static int glob_below(struct early *e, const char *done, const char *rest, glob_fn fn, void *data)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *dir = NULL, *pattern = NULL;
        const char *wild = strpbrk(rest, "*?["), *start, *end;
        int r;

        if (!wild) {
                _cleanup_free_ char *path = str_printf("%s%s", done, rest);
                _cleanup_close_ int fd = -1;

                if (!path)
                        return -ENOMEM;
                fd = safe_open(e, path, false);
                if (fd < 0)
                        return fd == -ENOTDIR ? -ENOENT : fd;
                return fn(e, path, data);
        }
        for (start = wild; start > rest && start[-1] != '/';)
                start--;
        end = start + strcspn(start, "/");
        dir = str_printf("%s%.*s", done, (int)(start - rest), rest);
        pattern = strndup(start, end - start);
        if (!dir || !pattern)
                return -ENOMEM;
        r = glob_names(e, dir, pattern, &names);
        if (r < 0)
                return r;
        FOREACH_STR (n, names) {
                _cleanup_free_ char *next = str_printf("%s%s", dir, *n);

                if (!next)
                        return -ENOMEM;
                r = glob_below(e, next, end, fn, data);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int safe_glob(struct early *e, const char *pattern, glob_fn fn, void *data)
{
        int r = path_has_glob(pattern) ? glob_below(e, "", pattern, fn, data) : fn(e, pattern, data);

        return r == -ENOENT ? 0 : r;
}
