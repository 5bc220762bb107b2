/* Option lists of fstab as mount(2) wants them, and the mount itself. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "lib/fileio.h"
#include "mounts.h"

static const struct {
        const char *name;
        unsigned long set, clear;
} flag_options[] = {
        { "defaults", 0, 0 },
        { "ro", MS_RDONLY, 0 },
        { "rw", 0, MS_RDONLY },
        { "suid", 0, MS_NOSUID },
        { "nosuid", MS_NOSUID, 0 },
        { "dev", 0, MS_NODEV },
        { "nodev", MS_NODEV, 0 },
        { "exec", 0, MS_NOEXEC },
        { "noexec", MS_NOEXEC, 0 },
        { "async", 0, MS_SYNCHRONOUS },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "dirsync", MS_DIRSYNC, 0 },
        { "remount", MS_REMOUNT, 0 },
        { "mand", MS_MANDLOCK, 0 },
        { "nomand", 0, MS_MANDLOCK },
        { "atime", 0, MS_NOATIME },
        { "noatime", MS_NOATIME, 0 },
        { "diratime", 0, MS_NODIRATIME },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "relatime", MS_RELATIME, 0 },
        { "norelatime", 0, MS_RELATIME },
        { "strictatime", MS_STRICTATIME, 0 },
        { "nostrictatime", 0, MS_STRICTATIME },
        { "lazytime", MS_LAZYTIME, 0 },
        { "nolazytime", 0, MS_LAZYTIME },
        { "iversion", MS_I_VERSION, 0 },
        { "noiversion", 0, MS_I_VERSION },
        { "silent", MS_SILENT, 0 },
        { "loud", 0, MS_SILENT },
        { "nosymfollow", 256 /* MS_NOSYMFOLLOW */, 0 },
};

/* Options that are for others than mount(2): dropped here. */
static bool is_foreign(const char *o)
{
        static const char *const names[] = { "auto", "noauto", "nofail", "fail", "_netdev", "nouser",
                "noowner" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(o, names[i]))
                        return true;
        return startswith(o, "x-systemd.") || startswith(o, "x-initrd.") || startswith(o, "x-gvfs-") ||
               startswith(o, "comment=") || startswith(o, "x-rouse.");
}

/* What only libmount does right: loop devices, binds and propagation, permissions of users, its own X- options. */
static bool needs_libmount(const char *o)
{
        static const char *const names[] = { "bind", "rbind", "move", "shared", "rshared", "private",
                "rprivate", "slave", "rslave", "unbindable", "runbindable", "user", "users", "owner",
                "group", "loop", "sloppy" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(o, names[i]))
                        return true;
        return startswith(o, "x-") || startswith(o, "X-") || startswith(o, "user=") ||
               startswith(o, "loop=") || startswith(o, "offset=") || startswith(o, "sizelimit=") ||
               startswith(o, "uhelper=") || startswith(o, "helper=") || startswith(o, "verity.") ||
               startswith(o, "encryption=");
}

static bool take_flag(struct mount_plan *p, const char *o)
{
        for (size_t i = 0; i < ARRAY_SIZE(flag_options); i++)
                if (streq(o, flag_options[i].name)) {
                        p->flags = (p->flags & ~flag_options[i].clear) | flag_options[i].set;
                        return true;
                }
        return false;
}

/* Splits at commas outside double quotes (SELinux contexts have commas). */
static char *next_option(char **rest)
{
        char *start = *rest, *p;
        bool quoted = false;

        if (!start)
                return NULL;
        for (p = start; *p && (quoted || *p != ','); p++)
                if (*p == '"')
                        quoted = !quoted;
        *rest = *p ? p + 1 : NULL;
        *p = '\0';
        return start;
}

int mount_plan_parse(const char *options, struct mount_plan *ret)
{
        _cleanup_strbuf_ struct strbuf data = {};
        _cleanup_free_ char *copy = strdup(options ?: "");
        struct mount_plan p = { .plain = true };
        char *rest = copy, *o;

        if (!copy)
                return -ENOMEM;
        while ((o = next_option(&rest))) {
                if (!*o || is_foreign(o) || take_flag(&p, o))
                        continue;
                if (needs_libmount(o))
                        p.plain = false;
                else
                        strbuf_printf(&data, "%s%s", data.len ? "," : "", o);
        }
        if (data.failed)
                return -ENOMEM;
        p.data = data.s ? strbuf_take(&data) : NULL;
        *ret = p;
        return 0;
}

/* What the table of mounts is to say, as mount(8) has it: the device, not the link that led there; one of the device
 * mapper by its name. */
static char *device_itself(const char *what)
{
        _cleanup_free_ char *real = startswith(what, "/dev/") ? realpath(what, NULL) : NULL;
        _cleanup_free_ char *attr = NULL, *name = NULL, *mapped = NULL;

        if (!real)
                return strdup(what);
        if (startswith(real, "/dev/dm-"))
                attr = str_printf("/sys/class/block/%s/dm/name", real + strlen("/dev/"));
        if (attr && read_one_line(attr, &name) >= 0)
                mapped = path_join("/dev/mapper", name);
        return mapped && access(mapped, F_OK) == 0 ? TAKE_PTR(mapped) : TAKE_PTR(real);
}

int mount_plan_run(const struct mount_plan *p, const char *what, const char *where, const char *type,
        bool rw_only, int out_fd)
{
        _cleanup_free_ char *source = device_itself(what);
        unsigned long flags = p->flags;
        int r = 0;

        if (!source)
                return -ENOMEM;
        if (!(flags & MS_REMOUNT) && access(where, F_OK) < 0)
                r = mkdir_p(where, 0755);
        if (r < 0) {
                dprintf(out_fd, "the mount point cannot be made: %s", strerror(-r));
                return r;
        }
        r = mount(source, where, type, flags, p->data) < 0 ? -errno : 0;
        if ((r == -EROFS || r == -EACCES) && !(flags & (MS_RDONLY | MS_REMOUNT)) && !rw_only) {
                r = mount(source, where, type, flags | MS_RDONLY, p->data) < 0 ? -errno : 0;
                if (r >= 0)
                        dprintf(out_fd, "%s is write-protected, mounted read-only", what);
        }
        if (r < 0)
                dprintf(out_fd, "%s (%s) cannot be mounted: %s%s", what, type, strerror(-r),
                        r == -EINVAL   ? " (wrong file system type, bad option, or bad superblock)"
                        : r == -ENODEV ? " (the kernel does not know this file system)"
                                       : "");
        return r;
}
