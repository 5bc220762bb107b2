/* RuntimeDirectory= and its four relatives: made by PID 1 before the process, as a rule (decisions 2). Left to rouse-exec
 * is what would take long: a tree to be given to another user, and all that is on a file system that may hang.
 *
 * With DynamicUser= the state, cache and log directories are below …/private, which only root may enter, with a
 * link at the usual place; rouse-exec makes them visible inside the service. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "exec-dir.h"
#include "exec-internal.h"
#include "exit-status.h"
#include "lib/fileio.h"
#include "probe.h"

bool exec_dir_is_private(const struct exec_context *c, const struct exec_identity *id, int kind)
{
        return c->dynamic_user && !id->user.found && kind != DIR_CONFIGURATION && kind != DIR_RUNTIME;
}

bool exec_dir_is_slow(struct unit *u, int kind, const char *entry)
{
        _cleanup_free_ char *name = NULL, *path = NULL, *private = NULL;

        exec_dir_split(entry, &name);
        path = name ? path_join(exec_dir_prefix[kind], name) : NULL;
        private = name ? str_printf("%s/private/%s", exec_dir_prefix[kind], name) : NULL;
        return (path && probe_may_block(u->manager, path, false)) ||
               (private && probe_may_block(u->manager, private, false));
}

static int make_entry(
        struct unit *u, const struct exec_context *c, struct exec_identity *id, int kind, const char *entry)
{
        struct exec_dir_wish d = { .kind = kind,
                .entry = entry,
                .mode = c->dirs[kind].mode,
                /* the configuration stays root's, and a user that only NSS knows is given the directory by rouse-exec */
                .owned = id->set && !id->by_nss && kind != DIR_CONFIGURATION,
                .private = exec_dir_is_private(c, id, kind),
                .uid = id->user.uid,
                .gid = id->gid };
        int r;

        if (exec_dir_is_slow(u, kind, entry)) {
                id->slow_dirs = true;
                return 0;
        }
        r = exec_dir_make(&d);
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r, "Could not make directory %s/%s: %m",
                        exec_dir_prefix[kind], entry);
        id->give_trees |= r > 0;
        return 0;
}

int exec_directories_make(
        struct unit *u, const struct exec_context *c, struct exec_identity *id, int *ret_code)
{
        for (int kind = 0; kind < DIR_MAX; kind++)
                FOREACH_STR (d, c->dirs[kind].paths) {
                        int r = make_entry(u, c, id, kind, *d);

                        if (r < 0) {
                                *ret_code = exec_dir_exit[kind];
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

        if (probe_may_block(u->manager, path, false)) {
                char *argv[] = { (char *)exec_helper_path, (char *)"--remove", (char *)path, NULL };

                r = exec_detached(u->manager, argv);
                if (r < 0)
                        log_unit_errno(u->id, LOG_WARNING, r, "Could not remove %s: %m", path);
                return;
        }
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
