/* Edges that follow from what a unit is, whatever its type: the slice that it lives in, the mounts that its paths
 * need, the sockets and directories of its execution context. Default dependencies of a type (shutdown.target,
 * sysinit.target …) are that type's load(). */
#include "load.h"

/* "system-getty.slice" for getty@tty1.service, else system.slice. */
static int default_slice_name(const struct unit *u, char **ret)
{
        _cleanup_free_ char *prefix = NULL, *escaped = NULL;
        char *name;
        int r;

        if (streq(u->id, "init.scope"))
                name = strdup("-.slice");
        else if (u->instance) {
                r = unit_name_prefix(u->id, &prefix);
                if (r < 0)
                        return r;
                escaped = unit_name_escape(prefix);
                if (!escaped)
                        return -ENOMEM;
                name = str_printf("system-%s.slice", escaped);
        } else
                name = strdup("system.slice");
        if (!name)
                return -ENOMEM;
        *ret = name;
        return 0;
}

/* "a-b.slice" → "a.slice" → "-.slice" → none (*ret NULL). */
static int parent_slice_name(const char *id, char **ret)
{
        const char *dash = strrchr(id, '-');
        char *name;

        if (streq(id, "-.slice")) {
                *ret = NULL;
                return 0;
        }
        if (dash == id || (dash && dash[1] == '.') || strstr(id, "--"))
                return -EINVAL;
        name = dash ? str_printf("%.*s.slice", (int)(dash - id), id) : strdup("-.slice");
        if (!name)
                return -ENOMEM;
        *ret = name;
        return 0;
}

int load_slice(struct unit *u)
{
        _cleanup_free_ char *name = NULL;
        int r;

        if (!unit_ops(u)->cgroup_offset)
                return 0;
        if (!u->slice) {
                r = u->type == UNIT_SLICE ? parent_slice_name(u->id, &name) : default_slice_name(u, &name);
                if (r < 0)
                        return r;
                if (!name)
                        return 0;
                r = unit_get(u->manager, name, &u->slice);
                if (r < 0)
                        return r;
        }
        r = unit_add_dep(u, DEP_IN_SLICE, u->slice, ORIGIN_IMPLICIT);
        return r < 0 ? r : unit_add_dep2(u, DEP_AFTER, DEP_REQUIRES, u->slice, ORIGIN_IMPLICIT);
}

int load_mounts_for(struct unit *u)
{
        FOREACH_STR (p, u->requires_mounts_for) {
                int r = unit_add_mounts_for(u, *p, ORIGIN_PATH);

                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

/* ---- execution context ---- */

static bool output_is_log(enum exec_output o)
{
        return o == OUT_JOURNAL || o == OUT_KMSG || o == OUT_JOURNAL_CONSOLE || o == OUT_KMSG_CONSOLE;
}

static int mounts_for_directories(struct unit *u, const struct exec_context *c)
{
        static const char *const roots[DIR_MAX] = { "/run", "/var/lib", "/var/cache", "/var/log", "/etc" };

        for (int d = 0; d < DIR_MAX; d++)
                FOREACH_STR (p, c->dirs[d].paths) {
                        _cleanup_free_ char *path = path_join(roots[d], *p);
                        char *colon = path ? strchr(path, ':') : NULL;
                        int r;

                        if (!path)
                                return -ENOMEM;
                        if (colon)
                                *colon = '\0';
                        r = unit_add_mounts_for(u, path, ORIGIN_PATH);
                        if (r == -ENOMEM)
                                return r;
                }
        return 0;
}

static int mounts_for_paths(struct unit *u, const struct exec_context *c)
{
        const char *const single[] = { c->working_directory, c->root_directory };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(single); i++) {
                if (!single[i] || *single[i] != '/')
                        continue;
                if (i == 0 && c->working_directory_missing_ok)
                        continue;
                r = unit_add_mounts_for(u, single[i], ORIGIN_PATH);
                if (r == -ENOMEM)
                        return r;
        }
        return mounts_for_directories(u, c);
}

static int after_private_tmp(struct unit *u)
{
        static const char *const tmp[] = { "/tmp", "/var/tmp" };

        for (size_t i = 0; i < ARRAY_SIZE(tmp); i++) {
                int r = unit_add_mounts_for(u, tmp[i], ORIGIN_PATH);

                if (r == -ENOMEM)
                        return r;
        }
        return unit_add_dep_by_name(u, DEP_AFTER, "systemd-tmpfiles-setup.service", ORIGIN_IMPLICIT);
}

/* The modules come first: DevicePolicy= allows their devices by numbers that are not known before. */
static int deps_for_image(struct unit *u, const char *image)
{
        static const char *const modules[] = { "modprobe@loop.service", "modprobe@dm_mod.service" };
        int r = 0;

        if (startswith(image, "ExtensionDirectories="))
                return 0;
        if (startswith(image, "RootImage="))
                r = unit_add_dep_by_name(u, DEP_AFTER, "systemd-udevd.service", ORIGIN_IMPLICIT);
        for (size_t i = 0; i < ARRAY_SIZE(modules) && r >= 0; i++) {
                r = unit_add_dep_by_name(u, DEP_AFTER, modules[i], ORIGIN_IMPLICIT);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_WANTS, modules[i], ORIGIN_IMPLICIT);
        }
        return r;
}

int load_exec_deps(struct unit *u)
{
        const struct exec_context *c = unit_exec(u);
        enum exec_output out, err;
        int r;

        if (!c)
                return 0;
        r = mounts_for_paths(u, c);
        if (r >= 0 && c->private_tmp && u->type == UNIT_SERVICE)
                r = after_private_tmp(u);
        FOREACH_STR (i, c->images)
                if (r >= 0)
                        r = deps_for_image(u, *i);
        if (r >= 0 && c->log_namespace) {
                _cleanup_free_ char *socket = str_printf("systemd-journald@%s.socket", c->log_namespace);

                r = socket ? unit_add_dep_by_name(u, DEP_AFTER, socket, ORIGIN_IMPLICIT) : -ENOMEM;
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_REQUIRES, socket, ORIGIN_IMPLICIT);
        }
        out = c->std_output == OUT_DEFAULT ? u->manager->default_std_output : c->std_output;
        err = c->std_error == OUT_DEFAULT ? u->manager->default_std_error : c->std_error;
        if (r >= 0 && u->type == UNIT_SERVICE && (output_is_log(out) || output_is_log(err)))
                r = unit_add_dep_by_name(u, DEP_AFTER, "systemd-journald.socket", ORIGIN_IMPLICIT);
        return r == -ENOMEM ? r : 0;
}
