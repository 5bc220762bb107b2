/* The image with units: see full.h.
 *
 * Programs come from the sysroot, where rouse must be installed. Stock units are those of the table; units of the
 * administrator's own come by --unit with what they execute, and are wanted by what their [Install] names, if that is
 * in the image, else by initrd.target. */

#include <glob.h>
#include <stdio.h>
#include "initramfs/full.h"
#include "lib/inifile.h"
#include "lib/log.h"
#include "lib/paths.h"
#include "lib/unitname.h"

#define UNITS_STOCK "/usr/lib/systemd/system"
#define UNITS_ADMIN "/etc/systemd/system"
#define WHY         "image with units"

static const struct {
        const char *source, *path; /* NULL: the same */
        bool must;
} programs[] = {
        { "/usr/sbin/rouse", NULL, true },
        { ROUSE_DEVD, NULL, true },
        { ROUSE_DEVD_PROBE, NULL, true },
        { ROUSE_DEVD_WORKER, NULL, true },
        { ROUSE_EARLY, NULL, true },
        { ROUSE_EXEC, NULL, true },
        { ROUSE_SHUTDOWN, NULL, true },
        { "/usr/bin/rousectl", NULL, true },
        { ROUSE_LIBDIR "/udev/ata_id", NULL, true },
        { ROUSE_LIBDIR "/udev/scsi_id", NULL, true },
        { ROUSE_LIBDIR "/rouse-sulogin", NULL, false },
        { "/sbin/fsck", NULL, false },
        { "/etc/udev/udev.conf", NULL, false },
        { "/etc/systemd/system.conf", NULL, false },
        { "/etc/os-release", "/etc/initrd-release", true },
};

static const struct {
        const char *path, *target;
} links[] = {
        { "/init", "usr/sbin/rouse" },
        { "/usr/bin/systemctl", "rousectl" },
        { "/usr/bin/systemd-run", "rousectl" },
        { "/usr/bin/udevadm", "rousectl" },
        { "/sbin/modprobe", ROUSE_LIBDIR "/rouse-initrd" },
        { UNITS_ADMIN "/default.target", UNITS_STOCK "/initrd.target" },
};

static const char *const rules[] = { "50-udev-default", "55-dm", "60-block", "60-persistent-storage",
        "60-persistent-storage-dm", "63-md-raid-arrays", "64-btrfs", "80-drivers", "99-systemd" };

static const char *const units[] = { "initrd.target", "initrd-root-device.target", "initrd-root-fs.target",
        "initrd-usr-fs.target", "initrd-fs.target", "initrd-parse-etc.service", "initrd-cleanup.service",
        "initrd-udevadm-cleanup-db.service", "initrd-switch-root.target", "initrd-switch-root.service",
        "basic.target", "sysinit.target", "sockets.target", "timers.target", "paths.target", "slices.target",
        "local-fs-pre.target", "local-fs.target", "swap.target", "systemd-udevd.service",
        "systemd-udev-trigger.service", "systemd-modules-load.service", "systemd-sysctl.service",
        "systemd-fsck@.service", "modprobe@.service", "network.target", "network-pre.target",
        "emergency.target", "emergency.service", "rescue.target", "rescue.service", "shutdown.target",
        "umount.target", "final.target", "ctrl-alt-del.target", "reboot.target", "systemd-reboot.service",
        "poweroff.target", "systemd-poweroff.service", "halt.target", "systemd-halt.service" };

/* What the features need besides, where rules and units do what rouse-initrd does in other images. */
static const struct stacked {
        const char *feature, *programs, *rules, *units, *at_first;
} stacked[] = {
        { "luks",
                "/lib/systemd/systemd-cryptsetup "
                "/lib/systemd/system-generators/systemd-cryptsetup-generator "
                "/usr/bin/systemd-tty-ask-password-agent /bin/systemd-tty-ask-password-agent /sbin/dmsetup",
                "95-dm-notify",
                "cryptsetup-pre.target cryptsetup.target blockdev@.target "
                "system-systemd\\x2dcryptsetup.slice "
                "systemd-ask-password-console.path systemd-ask-password-console.service",
                "cryptsetup.target systemd-ask-password-console.path" },
        { "verity",
                "/lib/systemd/systemd-veritysetup "
                "/lib/systemd/system-generators/systemd-veritysetup-generator "
                "/sbin/dmsetup",
                "95-dm-notify", "veritysetup-pre.target veritysetup.target", "veritysetup.target" },
        { "lvm", "/sbin/dmsetup", "56-lvm 69-lvm 95-dm-notify", NULL, NULL },
        { "mdraid", "/sbin/mdmon /bin/readlink /usr/bin/basename", "64-md-raid-assembly",
                "mdadm-last-resort@.timer mdadm-last-resort@.service mdmon@.service", NULL },
        { "btrfs", NULL, NULL, NULL, NULL },
        { "overlay", NULL, NULL, NULL, NULL },
        { "shell", NULL, NULL, NULL, NULL },
        { "shell-password", NULL, NULL, NULL, NULL },
};

/* Those of the stock units that sysinit.target wants. */
static const char *const at_first[] = { "systemd-udevd.service", "systemd-udev-trigger.service",
        "systemd-modules-load.service", "systemd-sysctl.service" };

static int must(struct image *im, const char *what, const char *source, int r)
{
        if (r < 0)
                image_missing(
                        im, LOG_ERR, "An image with units needs %s %s: %s", what, source, strerror(-r));
        return r;
}

static int add_rules(struct image *im, const char *name)
{
        _cleanup_free_ char *path = str_printf("/usr/lib/udev/rules.d/%s.rules", name);
        int r = path ? image_add_file(im, path, NULL, "rules for devices") : -ENOMEM;

        return r == -ENOENT ? 0 : r;
}

static int add_programs(struct image *im)
{
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(programs) && r >= 0; i++) {
                r = image_add_file(im, programs[i].source, programs[i].path, WHY);
                if (r < 0 && r != -ENOMEM)
                        r = programs[i].must ? must(im, "the file", programs[i].source, r) : 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(links) && r >= 0; i++)
                r = image_add_link(im, links[i].path, links[i].target, WHY);
        for (size_t i = 0; i < ARRAY_SIZE(rules) && r >= 0; i++)
                r = add_rules(im, rules[i]);
        return r;
}

/* Users and groups of the system, for rules and for User=; people's names stay at home. */
static int add_accounts(struct image *im)
{
        static const char *const files[] = { "/etc/passwd", "/etc/group" };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_strbuf_ struct strbuf text = { 0 }, out = { 0 };
                int r = image_read_source(im, files[i], &text, NULL);

                if (r < 0)
                        return must(im, "the file", files[i], r);
                for (char *p = text.s, *line; (line = strsep(&p, "\n"));) {
                        _cleanup_strv_ char **f = strv_split(line, ":");
                        uint32_t id;

                        if (strv_len(f) >= 3 && parse_u32(f[2], &id) >= 0 && (id < 1000 || id == 65534))
                                strbuf_printf(&out, "%s\n", line);
                }
                r = image_add_data(im, files[i], 0644, &out, "accounts of the system");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- units --- */

static int add_wanted(struct image *im, const char *target, const char *kind, const char *unit)
{
        _cleanup_free_ char *path = str_printf(UNITS_ADMIN "/%s.%s/%s", target, kind, unit);
        struct image_entry *e = NULL;
        int r = path ? 0 : -ENOMEM;

        /* The path of the unit itself: a link that leads to it is what an index goes by. */
        for (size_t i = 0; i < 3 && r >= 0 && !e; i++) {
                static const char *const dirs[] = { UNITS_ADMIN, ROUSE_UNITDIR, UNITS_STOCK };
                _cleanup_free_ char *at = str_printf("%s/%s", dirs[i], unit);

                e = at ? image_find(im, at) : NULL;
                if (e) {
                        _cleanup_free_ char *to = str_printf("/%s", e->path);
                        r = to ? image_add_link(im, path, to, WHY) : -ENOMEM;
                }
        }
        return r;
}

/* A unit of a directory and its drop-ins there; -ENOENT when there is no such unit. */
static int add_unit_from(struct image *im, const char *dir, const char *name, const char *why)
{
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name),
                            *pattern = str_printf("%s%s/%s.d/*.conf", im->sysroot ?: "", dir, name);
        glob_t g = { 0 };
        int r = path && pattern ? image_add_file(im, path, NULL, why) : -ENOMEM;

        if (r >= 0 && glob(pattern, 0, NULL, &g) == 0)
                for (size_t i = 0; i < g.gl_pathc && r >= 0; i++)
                        r = image_add_file(im, g.gl_pathv[i] + strlen(im->sysroot ?: ""), NULL, why);
        globfree(&g);
        return r;
}

static int add_stock_unit(struct image *im, const char *name)
{
        int r = add_unit_from(im, ROUSE_UNITDIR, name, "stock unit");

        if (r == -ENOENT)
                r = add_unit_from(im, UNITS_STOCK, name, "stock unit");
        return r < 0 ? must(im, "the unit", name, r) : r;
}

static int add_stock_units(struct image *im)
{
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(units) && r >= 0; i++)
                r = add_stock_unit(im, units[i]);
        for (size_t i = 0; i < ARRAY_SIZE(at_first) && r >= 0; i++)
                r = add_wanted(im, "sysinit.target", "wants", at_first[i]);
        return r;
}

/* --- units of the administrator's own --- */

struct own_unit {
        struct image *im;
        const char *name;
        bool installed; /* something in the image wants it */
        int error;
};

/* The program of an Exec…= line, by its path or from the usual directories. */
static int add_executed(struct own_unit *u, const struct ini_line *l)
{
        static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
                "/sbin", "/bin" };
        bool optional = memchr(l->value, '-', strspn(l->value, "@-:+!|"));
        const char *p = l->value + strspn(l->value, "@-:+!|");
        _cleanup_free_ char *word = strndup(p, strcspn(p, " \t")), *why = str_printf("run by %s", u->name);
        int r = -ENOENT;

        if (!word || !why)
                return -ENOMEM;
        if (!*word)
                return 0;
        if (*word == '/')
                r = image_add_file(u->im, word, NULL, why);
        for (size_t i = 0; i < ARRAY_SIZE(dirs) && *word != '/' && r == -ENOENT; i++) {
                _cleanup_free_ char *path = path_join(dirs[i], word);
                r = path ? image_find(u->im, path) ? 0 : image_add_file(u->im, path, NULL, why) : -ENOMEM;
        }
        if (r < 0 && !optional)
                log_file(l->path, l->line, LOG_ERR, "%s cannot be put into the image: %s", word,
                        strerror(-r));
        return r < 0 && optional && r != -ENOMEM ? 0 : r;
}

static int on_unit_line(const struct ini_line *l, void *data)
{
        struct own_unit *u = data;
        bool wants = streq(l->key, "WantedBy");

        if (startswith(l->key, "Exec") && *l->value)
                return add_executed(u, l);
        if (streq(l->key, "EnvironmentFile") && *l->value == '/')
                return image_add_file(u->im, l->value, NULL, u->name);
        if (!streq(l->section, "Install") || !(wants || streq(l->key, "RequiredBy")))
                return 0;
        _cleanup_strv_ char **by = strv_split(l->value, " \t");
        FOREACH_STR (target, by) {
                _cleanup_free_ char *stock = str_printf(UNITS_STOCK "/%s", *target);

                if (!stock || !image_find(u->im, stock))
                        continue;
                int r = add_wanted(u->im, *target, wants ? "wants" : "requires", u->name);
                if (r < 0)
                        return r;
                u->installed = true;
        }
        return 0;
}

static int add_own_unit(struct image *im, const char *name)
{
        static const char *const dirs[] = { UNITS_ADMIN, "/usr/local/lib/systemd/system", ROUSE_UNITDIR,
                UNITS_STOCK };
        struct own_unit u = { .im = im, .name = name };
        size_t before = im->n;
        int r = -ENOENT;

        if (!unit_name_valid(name, true))
                r = -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == -ENOENT; i++)
                r = add_unit_from(im, dirs[i], name, "unit that was asked for");
        if (r < 0)
                return must(im, "the unit", name, r);
        for (size_t i = before, end = im->n; i < end && r >= 0; i++) {
                struct image_entry *e = im->entry[i];
                _cleanup_free_ char *path = str_printf("/%s", e->path),
                                    *text = S_ISREG(e->mode) ? strndup(e->data.s ?: "", e->data.len) : NULL;

                if (path && text)
                        r = ini_parse_text(path, text, strlen(text), on_unit_line, &u, NULL);
        }
        return r < 0 || u.installed ? r : add_wanted(im, "initrd.target", "wants", name);
}

int full_install(const struct config *c, struct image *im)
{
        int r;

        if ((r = add_programs(im)) < 0 || (r = add_accounts(im)) < 0 || (r = add_stock_units(im)) < 0)
                return r;
        FOREACH_STR (u, c->units)
                if ((r = add_own_unit(im, *u)) < 0)
                        return r;
        return 0;
}

/* --- features --- */

static const struct stacked *find_stacked(const char *feature)
{
        for (size_t i = 0; i < ARRAY_SIZE(stacked); i++)
                if (streq(stacked[i].feature, feature))
                        return &stacked[i];
        return NULL;
}

bool full_has_feature(const char *feature)
{
        return find_stacked(feature);
}

int full_add_feature(struct image *im, const char *feature)
{
        const struct stacked *f = find_stacked(feature);
        int r = 0;

        if (!f)
                return 0;
        _cleanup_strv_ char **files = f->programs ? strv_split(f->programs, " ") : NULL,
                            **names = f->rules ? strv_split(f->rules, " ") : NULL,
                            **own = f->units ? strv_split(f->units, " ") : NULL,
                            **first = f->at_first ? strv_split(f->at_first, " ") : NULL;
        FOREACH_STR (p, files)
                if (r >= 0)
                        r = must(im, "the file", *p, image_add_file(im, *p, NULL, WHY));
        FOREACH_STR (n, names)
                if (r >= 0)
                        r = add_rules(im, *n);
        FOREACH_STR (u, own)
                if (r >= 0)
                        r = add_stock_unit(im, *u);
        FOREACH_STR (u, first)
                if (r >= 0)
                        r = add_wanted(im, "sysinit.target", "wants", *u);
        return MIN(r, 0);
}
