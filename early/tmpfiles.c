/* tmpfiles, tmpfiles-dev: the order of work.
 *
 * Removal first (r, R, and the contents of D), deepest paths first; then creation, in the order of the files
 * except that a path comes after the lines of its parent directories, and wildcards come last. The lines are
 * parsed once for both steps. */
#include <fcntl.h>
#include <sysexits.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"

static int load(struct early *e)
{
        int r;

        if (e->tmpfiles)
                return 0;
        e->tmpfiles = calloc(1, sizeof(*e->tmpfiles));
        if (!e->tmpfiles)
                return log_oom();
        r = conf_lines(e, "tmpfiles.d", false, tmpfiles_parse_line, e->tmpfiles, &e->tmpfiles->bad);
        if (r < 0)
                return r;
        r = tmpfiles_index(e->tmpfiles);
        return r < 0 ? log_oom() : 0;
}

static bool wanted(const struct tmpfiles_item *i, bool dev)
{
        return (path_startswith(i->path, "/dev") != NULL) == dev;
}

/* Runs one line. Its failure counts unless the line says "-". */
static int create_one(struct early *e, struct tmpfiles_item *i)
{
        int r;

        if (i->done)
                return 0;
        i->done = true;
        switch (i->type) {
        case 'x':
        case 'X':
        case 'r':
        case 'R': return 0;
        case 'w': r = safe_glob(e, i->path, tmpfiles_write, i); break;
        case 'e':
        case 'z':
        case 'Z':
        case 't':
        case 'T':
        case 'h':
        case 'H':
        case 'a':
        case 'A': r = safe_glob(e, i->path, tmpfiles_adjust, i); break;
        default: r = tmpfiles_make(e, i); break;
        }
        return r < 0 && !i->no_error ? r : 0;
}

static unsigned create_path(struct early *e, struct tmpfiles_item *head)
{
        unsigned failed = 0;

        for (struct tmpfiles_item *i = head; i; i = i->same_path)
                failed += create_one(e, i) < 0;
        return failed;
}

/* The lines of all parent directories of path, outermost first, then those of path. */
static unsigned create_with_parents(struct early *e, const char *path)
{
        char buf[PATH_MAX];
        struct tmpfiles_item *head;
        unsigned failed = 0;

        if (strlen(path) >= sizeof(buf))
                return 1;
        strcpy(buf, path);
        for (char *slash = strchr(buf + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                head = hash_get(&e->tmpfiles->by_path, buf);
                if (head && !head->done && !head->glob)
                        failed += create_path(e, head);
                *slash = '/';
        }
        head = hash_get(&e->tmpfiles->by_path, buf);
        return head ? failed + create_path(e, head) : failed;
}

static int remove_path(struct early *e, const char *path, void *data)
{
        struct tmpfiles_item *i = data;
        const char *name;
        int dir_fd, r;

        r = safe_parent(e, path, false, &dir_fd, &name);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return tmpfiles_log(i, LOG_WARNING, r, "not removed");
        switch (i->type) {
        case 'r':
                if (unlinkat(dir_fd, name, 0) < 0)
                        r = errno == EISDIR && unlinkat(dir_fd, name, AT_REMOVEDIR) >= 0 ? 0 : -errno;
                break;
        case 'R': r = tree_remove(dir_fd, name, true); break;
        default: r = tree_remove(dir_fd, name, false); break;
        }
        safe_forget(e);
        if (r < 0 && r != -ENOENT)
                return tmpfiles_log(i, LOG_WARNING, r, "not removed");
        return 0;
}

static unsigned depth(const char *path)
{
        unsigned n = 0;

        for (; *path; path++)
                n += *path == '/';
        return n;
}

static unsigned remove_all(struct early *e, bool dev)
{
        unsigned failed = 0, deepest = 0;

        for (struct tmpfiles_item *i = e->tmpfiles->items; i; i = i->next)
                if (strchr("rRD", i->type))
                        deepest = MAX(deepest, depth(i->path));
        for (unsigned d = deepest; d > 0; d--)
                for (struct tmpfiles_item *i = e->tmpfiles->items; i; i = i->next)
                        if (!i->done && strchr("rRD", i->type) && depth(i->path) == d && wanted(i, dev))
                                failed += i->type == 'D' ? remove_path(e, i->path, i) < 0
                                                         : safe_glob(e, i->path, remove_path, i) < 0;
        return failed;
}

static int run(struct early *e, bool dev)
{
        unsigned failed = 0;
        mode_t mask;
        int r;

        r = load(e);
        if (r < 0)
                return r;
        mask = umask(0);
        if (!dev)
                failed += remove_all(e, dev);
        for (int globs = 0; globs <= 1; globs++)
                for (struct tmpfiles_item *i = e->tmpfiles->items; i; i = i->next)
                        if (!i->done && i->glob == (globs == 1) && wanted(i, dev))
                                failed += create_with_parents(e, i->path);
        umask(mask);
        safe_forget(e);
        if (e->tmpfiles->bad)
                strbuf_printf(&e->message, "%u lines could not be understood%s", e->tmpfiles->bad,
                        failed ? "; " : "");
        if (failed)
                strbuf_printf(&e->message, "%u lines could not be carried out", failed);
        e->status = failed ? EX_CANTCREAT : EX_DATAERR;
        return failed || e->tmpfiles->bad ? -EIO : 0;
}

int step_tmpfiles(struct early *e, char *const *args)
{
        int r = run(e, false);

        tmpfiles_free(e->tmpfiles); /* a second call reads the files again */
        e->tmpfiles = NULL;
        return r;
}

int step_tmpfiles_dev(struct early *e, char *const *args)
{
        return run(e, true);
}
