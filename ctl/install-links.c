/* Changing: the links of enable, disable, mask and set-default. See install.h.
 *
 * A link points at the unit's file by its path as the running system sees it (without the root). Only links are ever
 * removed; a regular file in the way is an error. */
#include "install.h"

#include <dirent.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/unitname.h"

#define DEPTH_MAX 16 /* of Also= */

static char *config_path(const char *root, bool runtime, const char *tail)
{
        const char *dir = runtime ? "/run/systemd/system" : "/etc/systemd/system";
        _cleanup_free_ char *path = path_join(dir, tail);

        return !path ? NULL : root ? path_join(root, path) : TAKE_PTR(path);
}

int install_make_link(const char *target, const char *path, bool force, install_fn fn, char **ret_error)
{
        _cleanup_free_ char *old = NULL;
        struct stat st;
        int r;

        if (lstat(path, &st) == 0) {
                if (!S_ISLNK(st.st_mode) || readlink_alloc(path, &old) < 0) {
                        *ret_error = str_printf("File %s already exists.", path);
                        return -EEXIST;
                }
                if (streq(old, target) ||
                        (streq(path_basename(old), path_basename(target)) && !streq(target, "/dev/null")))
                        return 0;
                if (!force) {
                        *ret_error = str_printf("File %s already exists and is a symlink to %s.", path, old);
                        return -EEXIST;
                }
                fn(false, path, NULL);
        }
        r = mkdir_parents(path, 0755);
        if (r >= 0)
                r = symlink_atomic(target, path);
        if (r < 0)
                return r;
        fn(true, path, target);
        return 1;
}

static int make_links(const char *root, bool runtime, bool force, const struct install_info *i,
        const char *name, char *const *targets, const char *suffix, install_fn fn, char **ret_error)
{
        int changed = 0;

        FOREACH_STR (t, targets) {
                _cleanup_free_ char *tail =
                        str_printf("%s%s%s%s", *t, suffix, *suffix ? "/" : "", *suffix ? name : "");
                _cleanup_free_ char *path = tail ? config_path(root, runtime, tail) : NULL;
                int r;

                if (!unit_name_valid(*t, true)) {
                        *ret_error = str_printf(
                                "Invalid unit name \"%s\" in the [Install] section of %s.", *t, i->path);
                        return -EINVAL;
                }
                if (!path)
                        return -ENOMEM;
                if (!*suffix && streq(*t, name))
                        continue; /* its own alias */
                r = install_make_link(i->path, path, force, fn, ret_error);
                if (r < 0)
                        return r;
                changed |= r;
        }
        return changed;
}

static int enable_depth(const char *root, bool runtime, bool force, const char *name, install_fn fn,
        char **ret_error, int depth)
{
        _cleanup_(install_info_done) struct install_info i = { 0 };
        _cleanup_free_ char *instance = NULL;
        enum file_state s = install_state(root, name);
        int r, changed = 0;

        if (s == FILE_MASKED || s == FILE_MASKED_RUNTIME) {
                *ret_error = str_printf("Unit file %s is masked.", name);
                return -ERFKILL;
        }
        r = install_read(root, name, &i);
        if (r < 0) {
                *ret_error = str_printf(
                        r == -ENOENT ? "Unit file %s does not exist." : "Unit file %s cannot be read.",
                        name);
                return r;
        }
        if (s == FILE_ALIAS) {
                *ret_error = str_printf("Refusing to operate on alias name or linked unit file: %s", name);
                return -EINVAL;
        }
        if (unit_name_is_template(name) && i.default_instance &&
                unit_name_replace_instance(name, i.default_instance, &instance) >= 0) {
                name = instance; /* read again: its names hold specifiers */
                install_info_done(&i);
                r = install_read(root, name, &i);
                if (r < 0)
                        return r;
        }
        if (unit_name_is_template(name) && i.wanted_by) {
                *ret_error = str_printf("Unit %s is a template: name an instance.", name);
                return -EINVAL;
        }
        r = make_links(root, runtime, force, &i, name, i.aliases, "", fn, ret_error);
        changed |= r > 0;
        if (r >= 0)
                r = make_links(root, runtime, force, &i, name, i.wanted_by, ".wants", fn, ret_error);
        changed |= r > 0;
        if (r >= 0)
                r = make_links(root, runtime, force, &i, name, i.required_by, ".requires", fn, ret_error);
        changed |= r > 0;
        FOREACH_STR (a, i.also) {
                if (r < 0 || depth >= DEPTH_MAX || streq(*a, i.name))
                        continue;
                r = enable_depth(root, runtime, force, *a, fn, ret_error, depth + 1);
                changed |= r > 0;
        }
        return r < 0 ? r : changed;
}

int install_enable(
        const char *root, bool runtime, bool force, const char *name, install_fn fn, char **ret_error)
{
        return enable_depth(root, runtime, force, name, fn, ret_error, 0);
}

/* ---- removing ---- */

static bool names_match(const char *entry, const char *name)
{
        _cleanup_free_ char *template = NULL;

        return streq(entry, name) ||
               (unit_name_is_template(name) && unit_name_template(entry, &template) >= 0 &&
                       streq(template, name));
}

static int remove_link(const char *path, install_fn fn)
{
        if (unlink(path) < 0)
                return -errno;
        fn(false, path, NULL);
        return 1;
}

static int remove_in(const char *dir, const char *name, bool is_config_dir, install_fn fn)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        int changed = 0;

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *path = path_join(dir, e->d_name), *target = NULL;

                if (!path || e->d_name[0] == '.')
                        continue;
                if (is_config_dir && (endswith(e->d_name, ".wants") || endswith(e->d_name, ".requires"))) {
                        if (e->d_type == DT_DIR && remove_in(path, name, false, fn) > 0) {
                                changed = 1;
                                (void)rmdir(path); /* when empty */
                        }
                        continue;
                }
                if (e->d_type != DT_LNK || readlink_alloc(path, &target) < 0 || streq(target, "/dev/null"))
                        continue;
                if (names_match(e->d_name, name) || names_match(path_basename(target), name))
                        changed |= remove_link(path, fn) > 0;
        }
        return changed;
}

static int disable_depth(const char *root, bool runtime, const char *name, install_fn fn, int depth)
{
        _cleanup_(install_info_done) struct install_info i = { 0 };
        int changed = 0;

        /* without --runtime both kinds go */
        for (int run = runtime; run < 2; run++) {
                _cleanup_free_ char *dir = config_path(root, run, "");

                if (dir)
                        changed |= remove_in(path_simplify(dir), name, true, fn);
        }
        if (install_read(root, name, &i) >= 0)
                FOREACH_STR (a, i.also)
                        if (depth < DEPTH_MAX && !streq(*a, name))
                                changed |= disable_depth(root, runtime, *a, fn, depth + 1);
        return changed;
}

int install_disable(const char *root, bool runtime, const char *name, install_fn fn)
{
        return disable_depth(root, runtime, name, fn, 0);
}

int install_link(const char *root, bool runtime, const char *path, install_fn fn, char **ret_error)
{
        _cleanup_free_ char *link = config_path(root, runtime, path_basename(path));

        return link ? install_make_link(path, link, false, fn, ret_error) : -ENOMEM;
}

int install_mask(
        const char *root, bool runtime, bool force, const char *name, install_fn fn, char **ret_error)
{
        _cleanup_free_ char *link = config_path(root, runtime, name);

        return link ? install_make_link("/dev/null", link, force, fn, ret_error) : -ENOMEM;
}

int install_unmask(const char *root, bool runtime, const char *name, install_fn fn)
{
        int changed = 0;

        for (int run = runtime; run < 2; run++) {
                _cleanup_free_ char *link = config_path(root, run, name), *target = NULL;

                if (link && readlink_alloc(link, &target) >= 0 && streq(target, "/dev/null"))
                        changed |= remove_link(link, fn) > 0;
        }
        return changed;
}

/* ---- presets, dependencies of targets ---- */

int install_apply_preset(const char *root, bool runtime, bool force, const char *mode, const char *name,
        install_fn fn, char **ret_error)
{
        _cleanup_strv_ char **instances = NULL;
        bool enable = install_preset(root, name, &instances), full = str_empty(mode) || streq(mode, "full");
        int r = 0;

        if (!full && !streq(mode, enable ? "enable-only" : "disable-only"))
                return 0;
        if (!enable)
                return install_disable(root, runtime, name, fn);
        if (!instances)
                return install_enable(root, runtime, force, name, fn, ret_error);
        FOREACH_STR (i, instances) {
                _cleanup_free_ char *one = NULL;
                int k = unit_name_replace_instance(name, *i, &one);

                if (k >= 0)
                        k = install_enable(root, runtime, force, one, fn, ret_error);
                if (k < 0)
                        return k;
                r |= k;
        }
        return r;
}

bool install_preset_applies(const char *root, const char *name)
{
        enum file_state s = install_state(root, name);

        return s == FILE_ENABLED || s == FILE_DISABLED || s == FILE_INDIRECT || s == FILE_ENABLED_RUNTIME;
}

int install_add_dependency(const char *root, bool runtime, bool force, const char *target,
        const char *suffix, const char *name, install_fn fn, char **ret_error)
{
        _cleanup_free_ char *file = NULL, *tail = str_printf("%s.%s/%s", target, suffix, name),
                            *link = tail ? config_path(root, runtime, tail) : NULL;
        int r = install_find(root, name, &file);

        if (r < 0) {
                *ret_error = str_printf("Unit file %s does not exist.", name);
                return r;
        }
        return link ? install_make_link(file, link, force, fn, ret_error) : -ENOMEM;
}

/* ---- the default target ---- */

int install_get_default(const char *root, char **ret)
{
        _cleanup_free_ char *path = NULL, *full = NULL, *target = NULL;
        int r = install_find(root, "default.target", &path);

        if (r < 0)
                return r;
        full = root ? path_join(root, path) : strdup(path);
        if (!full)
                return -ENOMEM;
        r = readlink_alloc(full, &target);
        *ret = strdup(r < 0 ? "default.target" : path_basename(target));
        return *ret ? 0 : -ENOMEM;
}

int install_set_default(const char *root, const char *name, install_fn fn, char **ret_error)
{
        _cleanup_free_ char *path = NULL, *link = config_path(root, false, "default.target");
        int r = install_find(root, name, &path);

        if (r < 0) {
                *ret_error = str_printf("Unit file %s does not exist.", name);
                return r;
        }
        return link ? install_make_link(path, link, true, fn, ret_error) : -ENOMEM;
}
