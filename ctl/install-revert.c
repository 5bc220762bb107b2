/* Back to the vendor's files: of a unit that has a file below /usr, all that /etc and /run have of it goes; of any unit,
 * its drop-ins there. See install.h. */
#include <sys/stat.h>

#include "install.h"

#include "lib/fileio.h"

static bool is_vendor(const char *path)
{
        return startswith(path, "/usr/") || startswith(path, "/lib/");
}

static char *below(const char *root, const char *path)
{
        return root ? path_join(root, path) : strdup(path);
}

static bool has_vendor_file(const char *root, const char *name)
{
        for (const char *const *d = install_dirs; *d; d++) {
                _cleanup_free_ char *path = path_join(*d, name), *full = path ? below(root, path) : NULL;
                struct stat st;

                if (full && is_vendor(path) && lstat(full, &st) >= 0)
                        return true;
        }
        return false;
}

static int remove_file(const char *path, install_fn fn)
{
        if (unlink(path) < 0)
                return errno == ENOENT ? 0 : -errno;
        fn(false, path, NULL);
        return 1;
}

/* NAME.d and all of its drop-ins. */
static int remove_dropins(const char *dir, install_fn fn)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        int changed = 0;

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *path = path_join(dir, e->d_name);
                int r;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                r = path ? remove_file(path, fn) : -ENOMEM;
                if (r < 0)
                        return r;
                changed |= r;
        }
        if (d && rmdir(dir) >= 0)
                fn(false, dir, NULL);
        return changed | !!d;
}

int install_revert(const char *root, const char *name, install_fn fn)
{
        bool vendor = has_vendor_file(root, name);
        int changed = 0;

        for (const char *const *d = install_dirs; *d; d++) {
                _cleanup_free_ char *path = path_join(*d, name), *full = path ? below(root, path) : NULL,
                                    *dropins = full ? str_printf("%s.d", full) : NULL;
                int r;

                if (!dropins)
                        return -ENOMEM;
                if (is_vendor(path) || startswith(path, "/run/systemd/generator"))
                        continue;
                r = remove_dropins(dropins, fn);
                if (r >= 0 && vendor)
                        changed |= r, r = remove_file(full, fn);
                if (r < 0)
                        return r;
                changed |= r;
        }
        return changed;
}
