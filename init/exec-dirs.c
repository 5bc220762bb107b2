/* RuntimeDirectory= and its four relatives: made by PID 1 before the process, since their places are local
 * (decisions 2); what would take long (a tree to be given to another user) is left to rouse-exec.
 *
 * With DynamicUser= the state, cache and log directories are below …/private, which only root may enter, with a
 * link at the usual place; rouse-exec makes them visible inside the service. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "exec-internal.h"
#include "exit-status.h"
#include "lib/fileio.h"

const char *const exec_dir_prefix[DIR_MAX] = { "/run", "/var/lib", "/var/cache", "/var/log", "/etc" };
const char *const exec_dir_variable[DIR_MAX] = { "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY",
        "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY" };
static const int exit_codes[DIR_MAX] = { EXIT_RUNTIME_DIRECTORY, EXIT_STATE_DIRECTORY, EXIT_CACHE_DIRECTORY,
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

static int make_entry(
        struct unit *u, const struct exec_context *c, struct exec_identity *id, int kind, const char *entry)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        const char *link = exec_dir_split(entry, &name);
        /* the configuration stays root's, and a user that only NSS knows is given the directory by rouse-exec */
        bool owned = id->set && !id->by_nss && kind != DIR_CONFIGURATION;
        mode_t mode = c->dirs[kind].mode;
        int r;

        path = name ? path_join(exec_dir_prefix[kind], name) : NULL;
        if (!path)
                return -ENOMEM;
        if (c->dynamic_user && !id->user.found && kind != DIR_CONFIGURATION && kind != DIR_RUNTIME)
                r = make_private(kind, name, mode, id->user.uid, id->gid);
        else
                r = make_one(path, mode, owned, id->user.uid, id->gid);
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r, "Could not make directory %s: %m", path);
        id->give_trees |= r > 0;
        while (r >= 0 && link && *link) {
                size_t n = strcspn(link, ":");
                _cleanup_free_ char *where = str_printf("%s/%.*s", exec_dir_prefix[kind], (int)n, link);

                r = where ? make_link(path, where) : -ENOMEM;
                link += n + (link[n] == ':');
        }
        return r;
}

int exec_directories_make(
        struct unit *u, const struct exec_context *c, struct exec_identity *id, int *ret_code)
{
        for (int kind = 0; kind < DIR_MAX; kind++)
                FOREACH_STR (d, c->dirs[kind].paths) {
                        int r = make_entry(u, c, id, kind, *d);

                        if (r < 0) {
                                *ret_code = exit_codes[kind];
                                return r;
                        }
                }
        return 0;
}

/* ---- removal ---- */

static int remove_below(int dir, const char *name, dev_t dev, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        struct stat st;
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0)
                return errno == ENOENT ? 0 : unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        if (fstat(fd, &st) < 0 || st.st_dev != dev || depth > 256) { /* never into another file system */
                close(fd);
                return -EXDEV;
        }
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        for (struct dirent *e; (e = readdir(d));) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)
                        remove_below(fd, e->d_name, dev, depth + 1);
                else
                        unlinkat(fd, e->d_name, 0);
        }
        return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

void exec_remove_tree(struct unit *u, const char *path)
{
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return;
        if (S_ISDIR(st.st_mode))
                r = remove_below(AT_FDCWD, path, st.st_dev, 0);
        else
                r = unlink(path) < 0 ? -errno : 0;
        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Could not remove %s: %m", path);
}

static void remove_entry(struct unit *u, int kind, const char *entry)
{
        _cleanup_free_ char *name = NULL;
        const char *link = exec_dir_split(entry, &name);
        char path[PATH_MAX];

        if (!name || strlen(name) + 32 > sizeof(path))
                return;
        stpcpy(stpcpy(stpcpy(path, exec_dir_prefix[kind]), "/"), name);
        exec_remove_tree(u, path);
        if (kind != DIR_RUNTIME && kind != DIR_CONFIGURATION) {
                stpcpy(stpcpy(stpcpy(path, exec_dir_prefix[kind]), "/private/"), name);
                exec_remove_tree(u, path);
        }
        for (; link && *link; link += strcspn(link, ":"), link += *link == ':') {
                _cleanup_free_ char *where =
                        str_printf("%s/%.*s", exec_dir_prefix[kind], (int)strcspn(link, ":"), link);

                if (where)
                        unlink(where);
        }
}

void exec_directories_remove(struct unit *u, const struct exec_context *c, unsigned mask)
{
        for (int kind = 0; kind < DIR_MAX; kind++)
                if (mask & 1u << kind)
                        FOREACH_STR (d, c->dirs[kind].paths)
                                remove_entry(u, kind, *d);
}
