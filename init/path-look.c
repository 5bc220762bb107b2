/* Looking at paths: see path-look.h. */
#include "path-look.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "autofs.h"
#include "lib/fileio.h"

#define MASK_ABOVE (IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define MASK_CHANGE                                                                                         \
        (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |               \
                IN_MOVED_FROM | IN_MOVED_TO)

const char *const path_question_names[LOOK_MAX] = {
        [LOOK_EXISTS] = "exists",
        [LOOK_GLOB] = "glob",
        [LOOK_DIRECTORY] = "directory",
        [LOOK_SYMLINK] = "symlink",
        [LOOK_MOUNT_POINT] = "mount-point",
        [LOOK_READ_WRITE] = "read-write",
        [LOOK_ENCRYPTED] = "encrypted",
        [LOOK_DIRECTORY_NOT_EMPTY] = "directory-not-empty",
        [LOOK_FILE_NOT_EMPTY] = "file-not-empty",
        [LOOK_EXECUTABLE] = "executable",
        [LOOK_NEEDS_UPDATE] = "needs-update",
        [LOOK_STAMP] = "stamp",
        [LOOK_TOUCH] = "touch",
        [LOOK_PID_FILE] = "pid-file",
        [LOOK_UNLINK] = "unlink",
        [LOOK_DETACH] = "detach",
        [LOOK_TAKE_DOWN] = "take-down",
        [LOOK_PLACE] = "place",
};

/* ---- conditions ---- */

static int look_glob(const char *pattern)
{
        glob_t g = {};
        int r = glob(pattern, GLOB_NOSORT | GLOB_BRACE, NULL, &g);

        globfree(&g);
        return r == 0 ? 1 : r == GLOB_NOMATCH ? 0 : -EIO;
}

static int look_not_empty(const char *path)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *de;

        if (!d)
                return 0;
        while ((de = readdir(d)))
                if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
                        return 1;
        return 0;
}

static int look_mount_point(const char *path)
{
        struct statx x;

        if (statx(AT_FDCWD, path, 0, 0, &x) < 0)
                return 0;
        if (x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
                return !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
        return -EOPNOTSUPP;
}

/* Is a block device, or all that it stands on, dm-crypt? */
static int device_encrypted(unsigned major, unsigned minor, int depth)
{
        _cleanup_free_ char *path = str_printf("/sys/dev/block/%u:%u/dm/uuid", major, minor), *uuid = NULL;
        _cleanup_free_ char *slaves = str_printf("/sys/dev/block/%u:%u/slaves", major, minor);
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;
        bool found = false;

        if (!path || !slaves || depth > 16)
                return -ELOOP;
        if (read_one_line(path, &uuid) >= 0 && startswith(uuid, "CRYPT-"))
                return 1;
        d = opendir(slaves);
        while (d && (de = readdir(d))) {
                _cleanup_free_ char *dev = NULL, *numbers = NULL;
                unsigned a, b;

                if (de->d_name[0] == '.')
                        continue;
                dev = str_printf("%s/%s/dev", slaves, de->d_name);
                if (!dev || read_one_line(dev, &numbers) < 0 || sscanf(numbers, "%u:%u", &a, &b) != 2)
                        return 0;
                if (device_encrypted(a, b, depth + 1) <= 0)
                        return 0;
                found = true;
        }
        return found;
}

static int look_executable(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static int look_exists(const char *path)
{
        return access(path, F_OK) >= 0;
}

static int look_directory(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0 && S_ISDIR(st.st_mode);
}

static int look_symlink(const char *path)
{
        struct stat st;

        return lstat(path, &st) >= 0 && S_ISLNK(st.st_mode);
}

static int look_read_write(const char *path)
{
        struct statvfs vfs;

        return statvfs(path, &vfs) >= 0 && !(vfs.f_flag & ST_RDONLY);
}

static int look_encrypted(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0 ? device_encrypted(major(st.st_dev), minor(st.st_dev), 0) : 0;
}

static int look_file_not_empty(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int look_needs_update(const char *path)
{
        _cleanup_free_ char *stamp = path_join(path, ".updated");
        struct stat usr, st;

        if (!stamp)
                return -ENOMEM;
        if (look_read_write(path) <= 0 || stat("/usr", &usr) < 0)
                return 0; /* cannot be updated anyway */
        if (lstat(stamp, &st) < 0)
                return 1;
        /* Whole seconds: a stamp made by copying tools may have lost the rest. */
        return usr.st_mtim.tv_sec > st.st_mtim.tv_sec;
}

/* ---- stamps, PID files ---- */

static int look_touch(const char *path)
{
        int r = mkdir_parents(path, 0755);

        if (r >= 0)
                r = write_file_atomic(path, "", 0, 0644, false);
        return MIN(r, 0);
}

static int look_stamp(const char *path, struct path_answer *ret)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return look_touch(path);
        ret->value = (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
        return 0;
}

/* ---- places to mount on ---- */

int path_make_place(const char *where, const char *source, mode_t directory_mode)
{
        struct stat st;
        int fd, r;

        if (source && stat(source, &st) < 0)
                (void)mkdir_p(source, directory_mode);
        else if (source && !S_ISDIR(st.st_mode) && access(where, F_OK) < 0) {
                r = mkdir_parents(where, directory_mode);
                fd = r < 0 ? r : open(where, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
                r = fd >= 0 ? 0 : r < 0 ? r : -errno;
                close_fd(fd);
                return r;
        }
        r = mkdir_p(where, directory_mode);
        return r < 0 && access(where, F_OK) < 0 ? r : 0;
}

char *path_place_text(const char *where, const char *source, mode_t directory_mode)
{
        return str_printf("%o %zu %s%s", directory_mode, strlen(where), where, source ?: "");
}

static int look_place(const char *text)
{
        _cleanup_free_ char *where = NULL;
        unsigned mode;
        size_t n;
        int at = 0;

        if (sscanf(text, "%o %zu %n", &mode, &n, &at) < 2 || at == 0 || strlen(text + at) < n)
                return -EINVAL;
        where = strndup(text + at, n);
        if (!where)
                return -ENOMEM;
        text += at + (int)n;
        return path_make_place(where, *text ? text : NULL, mode);
}

/* Nobody but root can have had a hand in where path leads: every directory, link and file on the way is root's. */
static bool only_roots(const char *path, int links)
{
        _cleanup_free_ char *p = strdup(path);
        struct stat st;

        for (char *end = p; end;) {
                char was;

                end += strspn(end, "/");
                end += strcspn(end, "/");
                was = *end;
                *end = '\0';
                if (lstat(p, &st) < 0 || st.st_uid != 0)
                        return false;
                if (S_ISLNK(st.st_mode)) {
                        _cleanup_free_ char *to = NULL, *rest = strdup(was ? end + 1 : ""), *next = NULL;

                        if (!rest || links >= 40 || readlink_alloc(p, &to) < 0)
                                return false;
                        *strrchr(p, '/') = '\0';
                        next = str_concat(*to == '/' ? "" : p, "/", to, "/", rest, NULL);
                        return next && only_roots(next, links + 1);
                }
                if (!was)
                        return true;
                *end = was;
                if (!end[strspn(end, "/")])
                        return true;
        }
        return false;
}

static int look_pid_file(const char *path, struct path_answer *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char buf[32];
        struct stat st;
        int32_t pid;
        ssize_t n;

        if (fd < 0)
                return -errno;
        n = read(fd, buf, sizeof(buf) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ENODATA;
        buf[n] = '\0';
        if (parse_int(str_strip(buf), &pid) < 0)
                return -EBADMSG;
        ret->value = pid;
        ret->trusted = fstat(fd, &st) >= 0 && st.st_uid == 0 && only_roots(path, 0);
        return 0;
}

static int look_unlink(const char *path)
{
        return unlink(path) < 0 ? -errno : 0;
}

static int look_detach(const char *path)
{
        return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

int path_look(enum path_question q, const char *path, struct path_answer *ret)
{
        static int (*const simple[LOOK_MAX])(const char *path) = {
                [LOOK_EXISTS] = look_exists,
                [LOOK_GLOB] = look_glob,
                [LOOK_DIRECTORY] = look_directory,
                [LOOK_SYMLINK] = look_symlink,
                [LOOK_MOUNT_POINT] = look_mount_point,
                [LOOK_READ_WRITE] = look_read_write,
                [LOOK_ENCRYPTED] = look_encrypted,
                [LOOK_DIRECTORY_NOT_EMPTY] = look_not_empty,
                [LOOK_FILE_NOT_EMPTY] = look_file_not_empty,
                [LOOK_EXECUTABLE] = look_executable,
                [LOOK_NEEDS_UPDATE] = look_needs_update,
                [LOOK_TOUCH] = look_touch,
                [LOOK_UNLINK] = look_unlink,
                [LOOK_DETACH] = look_detach,
                [LOOK_TAKE_DOWN] = autofs_take_down,
                [LOOK_PLACE] = look_place,
        };
        struct path_answer a = { 0 };
        int r;

        if (q >= LOOK_MAX)
                return -EINVAL;
        if (q == LOOK_STAMP)
                r = look_stamp(path, &a);
        else if (q == LOOK_PID_FILE)
                r = look_pid_file(path, &a);
        else
                r = simple[q](path);
        if (r >= 0 && ret)
                *ret = a;
        return r;
}

/* ---- path units ---- */

static bool dir_not_empty(const char *path)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *de;

        while (d && (de = readdir(d)))
                if (de->d_name[0] != '.' && !hidden_or_backup_file(de->d_name))
                        return true;
        return false;
}

static bool is_pattern(const char *s, size_t n)
{
        return strcspn(s, "*?[") < n;
}

/* Does anything match pattern (a relative path) below dir? */
static bool glob_below(const char *dir, const char *pattern, int depth)
{
        size_t n = strcspn(pattern, "/");
        const char *rest = pattern + n + strspn(pattern + n, "/");
        _cleanup_free_ char *part = strndup(pattern, n);
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;

        if (!part || depth > 32)
                return false;
        if (!is_pattern(part, n)) {
                _cleanup_free_ char *next = path_join(dir, part);

                return next && access(next, F_OK) >= 0 && (!*rest || glob_below(next, rest, depth + 1));
        }
        d = opendir(dir);
        while (d && (de = readdir(d))) {
                _cleanup_free_ char *next = NULL;

                if (fnmatch(part, de->d_name, FNM_PERIOD) != 0)
                        continue;
                if (!*rest)
                        return true;
                next = path_join(dir, de->d_name);
                if (next && glob_below(next, rest, depth + 1))
                        return true;
        }
        return false;
}

bool path_spec_holds(const struct path_spec *s)
{
        switch (s->kind) {
        case PATH_EXISTS: return access(s->path, F_OK) >= 0;
        case PATH_EXISTS_GLOB: return glob_below("/", s->path + strspn(s->path, "/"), 0);
        case PATH_DIRECTORY_NOT_EMPTY: return dir_not_empty(s->path);
        default: return false;
        }
}

bool path_spec_came_or_went(struct path_spec *s)
{
        bool now = access(s->path, F_OK) >= 0, was = s->existed;

        s->existed = now;
        return (s->kind == PATH_CHANGED || s->kind == PATH_MODIFIED) && now != was;
}

static uint32_t own_mask(const struct path_spec *s)
{
        return MASK_CHANGE | (s->kind == PATH_MODIFIED ? IN_MODIFY : 0);
}

bool path_spec_is_event(const struct path_spec *s, const struct inotify_event *e)
{
        return s->wd == e->wd && (s->kind == PATH_CHANGED || s->kind == PATH_MODIFIED) &&
               e->mask & own_mask(s);
}

int path_spec_watch(struct path_spec *s, int inotify, char **ret_what)
{
        _cleanup_free_ char *path = strdup(s->path);
        size_t at = 0;

        s->wd = -1;
        if (!path)
                return -ENOMEM;
        if (inotify_add_watch(inotify, "/", MASK_ABOVE | IN_MASK_ADD) < 0)
                return -errno;
        for (;;) {
                char *end;
                bool last;
                int wd;

                at += strspn(path + at, "/");
                end = path + at + strcspn(path + at, "/");
                if (!path[at] ||
                        (s->kind == PATH_EXISTS_GLOB && is_pattern(path + at, (size_t)(end - path) - at)))
                        return 0;
                last = end[strspn(end, "/")] == '\0';
                *end = '\0';
                wd = inotify_add_watch(inotify, path, (last ? own_mask(s) : MASK_ABOVE) | IN_MASK_ADD);
                if (wd < 0) {
                        if (errno == ENOENT || errno == EACCES || errno == ENOTDIR)
                                return 0;
                        *ret_what = TAKE_PTR(path);
                        return -errno;
                }
                if (last) {
                        s->wd = wd;
                        return 0;
                }
                *end = '/';
                at = (size_t)(end - path);
        }
}
