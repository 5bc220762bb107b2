/* Making one entry of RuntimeDirectory= or its relatives, by PID 1 or, where the file system may hang, by rouse-exec:
 * exec-dirs.c says when. Nothing of PID 1's is needed here. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "exec-dir.h"
#include "exit-status.h"
#include "lib/fileio.h"

const char *const exec_dir_prefix[DIR_MAX] = { "/run", "/var/lib", "/var/cache", "/var/log", "/etc" };
const char *const exec_dir_variable[DIR_MAX] = { "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY",
        "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY" };
const int exec_dir_exit[DIR_MAX] = { EXIT_RUNTIME_DIRECTORY, EXIT_STATE_DIRECTORY, EXIT_CACHE_DIRECTORY,
        EXIT_LOGS_DIRECTORY, EXIT_CONFIGURATION_DIRECTORY };

const char *exec_dir_split(const char *entry, char **ret_path)
{
        const char *colon = strchr(entry, ':');

        *ret_path = colon ? strndup(entry, (size_t)(colon - entry)) : strdup(entry);
        return colon ? colon + 1 : NULL;
}

static bool is_empty_dir(int fd)
{
        _cleanup_closedir_ DIR *d = NULL;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        bool empty = true;

        d = copy >= 0 ? fdopendir(copy) : NULL;
        if (!d) {
                close_fd(copy);
                return false;
        }
        for (struct dirent *e; empty && (e = readdir(d));)
                empty = streq(e->d_name, ".") || streq(e->d_name, "..");
        return empty;
}

/* Directory path with mode and owner; its parents with 0755. 1: what is in it must change its owner too. */
static int make_one(const char *path, mode_t mode, bool owned, uid_t uid, gid_t gid)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        r = mkdir(path, mode) < 0 ? -errno : 0;
        if (r == -ENOENT) {
                r = mkdir_parents(path, 0755);
                if (r < 0)
                        return r;
                r = mkdir(path, mode) < 0 ? -errno : 0;
        }
        if (r < 0 && r != -EEXIST && access(path, F_OK) < 0)
                return r; /* on a read-only file system one that is there is as good */
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
                return -errno;
        if (!owned || (st.st_uid == uid && st.st_gid == gid))
                return 0;
        /* a tree is given by rouse-exec, the directory itself last: who is interrupted begins again */
        if (!is_empty_dir(fd))
                return 1;
        return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

static int make_link(const char *target, const char *path)
{
        struct stat st;

        if (lstat(path, &st) >= 0 && !S_ISLNK(st.st_mode))
                return 0; /* something of the administrator's: theirs */
        mkdir_parents(path, 0755);
        return symlink_atomic(target, path);
}

/* …/private/NAME, a directory found at the old place moved there, and the link. */
static int make_private(int kind, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
        _cleanup_free_ char *private = str_printf("%s/private", exec_dir_prefix[kind]);
        _cleanup_free_ char *path = str_printf("%s/private/%s", exec_dir_prefix[kind], name);
        _cleanup_free_ char *outer = str_printf("%s/%s", exec_dir_prefix[kind], name);
        _cleanup_free_ char *target = NULL;
        struct stat st;
        int r, up = 0;

        for (const char *s = name; *s; s++)
                up += *s == '/';
        target = str_printf("%.*sprivate/%s", up * 3, "../../../../../../../../", name);
        if (!private || !path || !outer || !target)
                return -ENOMEM;
        r = make_one(private, 0700, true, 0, 0);
        if (r < 0)
                return r;
        if (lstat(outer, &st) >= 0 && S_ISDIR(st.st_mode) && access(path, F_OK) < 0) {
                mkdir_parents(path, 0755);
                if (rename(outer, path) < 0)
                        return -errno;
        }
        r = make_one(path, mode, true, uid, gid);
        up = r < 0 ? r : make_link(target, outer);
        return up < 0 ? up : r;
}

int exec_dir_make(const struct exec_dir_wish *d)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        const char *link = exec_dir_split(d->entry, &name);
        int r, give;

        path = name ? path_join(exec_dir_prefix[d->kind], name) : NULL;
        if (!path)
                return -ENOMEM;
        give = d->private ? make_private(d->kind, name, d->mode, d->uid, d->gid)
                          : make_one(path, d->mode, d->owned, d->uid, d->gid);
        r = MIN(give, 0);
        while (r >= 0 && link && *link) {
                size_t n = strcspn(link, ":");
                _cleanup_free_ char *where = str_printf("%s/%.*s", exec_dir_prefix[d->kind], (int)n, link);

                r = where ? make_link(path, where) : -ENOMEM;
                link += n + (link[n] == ':');
        }
        return r < 0 ? r : give;
}
