/* In the initramfs: the mount unit of the real root out of the kernel command line, and of what its fstab wants there
 * (systemd-fstab-generator(8), systemd.mount(5): x-initrd.mount).
 *
 *     root= rootfstype= rootflags= ro rw → sysroot.mount, required by initrd-root-fs.target; its device by
 *                                          initrd-root-device.target; checked by systemd-fsck@DEVICE.service
 *     /usr in /sysroot/etc/fstab         → sysroot-usr.mount, required by initrd-usr-fs.target
 *     x-initrd.mount there               → sysroot-….mount, required by initrd-fs.target
 *
 * The second part happens when the root is there: initrd-parse-etc.service reloads the manager. */
#include "generate-fstab.h"

#include "generate.h"
#include "lib/cmdline.h"

#define ROOT      "/sysroot"
#define ETC_THERE "/sysroot/etc/fstab"

static bool is_device(const char *what)
{
        return startswith(what, "/dev/") && !streq(what, "/dev/nfs");
}

static bool program_exists(struct manager *m, const char *type)
{
        _cleanup_free_ char *path = str_printf("%s/sbin/fsck%s%s", m->root ?: "", *type ? "." : "", type);

        return path && access(path, X_OK) >= 0;
}

/* Requires= and After= on the check, in the form that needs no wrapper where the type is known. */
static void check_first(struct manager *m, struct strbuf *b, const struct fstab_entry *e)
{
        bool known = !streq(e->type, "auto");
        _cleanup_free_ char *service = NULL, *dropin = NULL;
        _cleanup_strbuf_ struct strbuf text = {};
        const char *mode = cmdline_get(m->cmdline, "fsck.mode");

        if (e->passno <= 0 || (mode && streq(mode, "skip")) || !program_exists(m, known ? e->type : "") ||
                generate_instance("systemd-fsck@.service", e->what, &service) < 0)
                return;
        strbuf_printf(b, "Requires=%s\nAfter=%s\n", service, service);
        dropin = str_printf("%s.d/50-type.conf", service);
        strbuf_printf(&text, "[Service]\nExecStart=\nExecStart=fsck.%s -a %s%%f\n", e->type,
                mode && streq(mode, "force") ? "-f " : "");
        if (known && (!dropin || generate_add(m, GEN_NORMAL, dropin, &text) < 0))
                log_oom();
}

/* initrd-root-device.target stands for the root's device. */
static int require_device(struct manager *m, const char *what)
{
        _cleanup_free_ char *device = NULL;
        _cleanup_strbuf_ struct strbuf b = {};
        int r = unit_name_from_path(what, "device", &device);

        if (r < 0)
                return r;
        strbuf_printf(&b, "[Unit]\nRequires=%s\nAfter=%s\n", device, device);
        return generate_add(m, GEN_NORMAL, "initrd-root-device.target.d/50-root-device.conf", &b);
}

static int add_mount(struct manager *m, const struct fstab_entry *e, const char *source, const char *target)
{
        static const char *const own[] = { "x-initrd.mount", "x-systemd.device-timeout",
                "x-systemd.mount-timeout", "defaults", NULL };
        _cleanup_free_ char *name = NULL, *what = generate_escape(e->what),
                            *where = generate_escape(e->where), *options = fstab_without(e->options, own);
        _cleanup_strbuf_ struct strbuf b = {};
        int r = unit_name_from_path(e->where, "mount", &name);

        if (r < 0 || !what || !where || !options)
                return r < 0 ? r : -ENOMEM;
        strbuf_printf(&b,
                "[Unit]\nDescription=%s\nSourcePath=%s\nDefaultDependencies=no\n"
                "Conflicts=umount.target\nBefore=umount.target %s\n",
                where, source, target);
        if (is_device(e->what))
                check_first(m, &b, e);
        strbuf_printf(&b, "\n[Mount]\nWhat=%s\nWhere=%s\n", what, where);
        if (!streq(e->type, "auto"))
                strbuf_printf(&b, "Type=%s\n", e->type);
        if (*options)
                strbuf_printf(&b, "Options=%s\n", options);
        r = generate_add(m, GEN_NORMAL, name, &b);
        if (r < 0)
                return r;
        return load_add_virtual_dep(
                m, fstab_flag(e->options, "nofail") ? DEP_WANTS : DEP_REQUIRES, target, name);
}

static int add_root(struct manager *m)
{
        const char *root = cmdline_get(m->cmdline, "root"), *type = cmdline_get(m->cmdline, "rootfstype"),
                   *flags = cmdline_get(m->cmdline, "rootflags"), *access_mode = "ro";
        _cleanup_free_ char *what = NULL, *options = NULL;

        if (str_empty(root)) {
                log_error("There is no root= on the kernel command line; nothing will be mounted on " ROOT);
                return 0;
        }
        FOREACH_STR (w, m->cmdline)
                if (streq(*w, "ro") || streq(*w, "rw"))
                        access_mode = *w;
        what = fstab_resolve(root);
        options = str_printf("%s%s%s", access_mode, str_empty(flags) ? "" : ",", flags ?: "");
        if (!what || !options)
                return -ENOMEM;
        if (!generate_value_ok(what) || !generate_value_ok(options) || (type && !generate_value_ok(type)) ||
                !is_device(what)) {
                log_error("root=%s is no device: an image with units mounts devices only", root);
                return 0;
        }
        const struct fstab_entry e = { .what = what,
                .where = (char *)ROOT,
                .type = str_empty(type) ? (char *)"auto" : (char *)type,
                .options = options,
                .passno = 1 };
        int r = require_device(m, what);

        return r < 0 ? r : add_mount(m, &e, "/proc/cmdline", "initrd-root-fs.target");
}

/* A line of the root's own fstab. */
static int add_there(struct manager *m, const struct fstab_entry *e)
{
        bool usr = streq(e->where, "/usr");
        _cleanup_free_ char *where = str_printf(ROOT "%s", e->where);
        struct fstab_entry there = *e;

        if (!usr && !fstab_flag(e->options, "x-initrd.mount"))
                return 0;
        if (!where)
                return -ENOMEM;
        if (e->where[0] != '/' || !path_is_normalized(e->where) || streq(e->where, "/"))
                return 0;
        there.where = where;
        return add_mount(m, &there, ETC_THERE, usr ? "initrd-usr-fs.target" : "initrd-fs.target");
}

int generate_sysroot(struct manager *m)
{
        int r = add_root(m);

        return r < 0 ? r : fstab_read(m, ETC_THERE, add_there);
}
