/* What comes into an image: /init, device nodes, modules, the root's file system and its check, files asked for. */

#include <mntent.h>
#include <stdio.h>
#include "initramfs/digest.h"
#include "initramfs/elf.h"
#include "initramfs/features.h"
#include "initramfs/full.h"
#include "initramfs/generate.h"
#include "initramfs/hardware.h"
#include "initramfs/microcode.h"
#include "initramfs/select.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"

/* --- the root's file system --- */

/* Types of / and /usr; with which of them fsck runs at boot. */
struct root_fs {
        char **types;
        char **checked;
        bool known;       /* fstab, the configuration or the machine says it; else these are guesses */
        bool usr_checked; /* a /usr of its own, which cannot be checked by what is on it */
};

static void root_fs_done(struct root_fs *r)
{
        strv_free(r->types);
        strv_free(r->checked);
}

static int add_type(struct root_fs *fs, const char *type, bool check)
{
        int r = strv_add_unique(&fs->types, type);

        return r >= 0 && check ? strv_add_unique(&fs->checked, type) : r;
}

static int read_fstab(const struct image *im, struct root_fs *fs)
{
        _cleanup_strbuf_ struct strbuf text = { 0 };
        struct mntent *m;
        int r = image_read_source(im, "/etc/fstab", &text, NULL);

        if (r < 0 || !text.len)
                return r == -ENOENT || r >= 0
                               ? 0
                               : log_warning_errno(r, "Cannot read etc/fstab of the root: %m");
        FILE *f = fmemopen(text.s, text.len, "r");
        if (!f)
                return -errno;
        while ((m = getmntent(f)) && r >= 0) {
                bool root = streq(m->mnt_dir, "/");

                if (!root && !streq(m->mnt_dir, "/usr"))
                        continue;
                fs->usr_checked |= !root && m->mnt_passno != 0;
                _cleanup_strv_ char **types = strv_split(m->mnt_type, ",");
                FOREACH_STR (t, types)
                        if (!streq(*t, "auto") && (r = add_type(fs, *t, m->mnt_passno != 0)) < 0)
                                break;
        }
        endmntent(f);
        return r;
}

static int find_root_fs(
        const struct config *c, const struct image *im, const struct hardware *h, struct root_fs *fs)
{
        static const char *const usual[] = { "ext4", "xfs", "btrfs", "vfat" };
        int r = read_fstab(im, fs);

        FOREACH_STR (t, c->fstypes)
                if (r >= 0)
                        r = add_type(fs, *t, true);
        if (r >= 0 && !fs->types && h->root_type)
                r = add_type(fs, h->root_type, true);
        fs->known = fs->types;
        /* Nothing says what the root will be: the usual ones, and the check that most need. */
        for (size_t i = 0; i < ARRAY_SIZE(usual) && r >= 0 && !fs->known; i++)
                r = add_type(fs, usual[i], i == 0);
        return r;
}

/* An ext root is checked by its own fsck, while it is mounted read-only. One in the image costs more than all the rest of
 * it: only for what cannot be done so, and for somebody who has a shell to use it from. */
static bool wants_fsck(
        const struct config *c, const struct image *im, const struct root_fs *fs, const char *type)
{
        if (c->full)
                return c->fsck != FSCK_NONE;
        if (c->fsck != FSCK_AUTO)
                return c->fsck == FSCK_IMAGE;
        return !startswith(type, "ext") || fs->usr_checked || image_find(im, "/bin/sh");
}

static int add_fsck(struct image *im, const char *type)
{
        static const char *const without[] = { "xfs", "btrfs", "squashfs", "erofs", "nfs", "nfs4", "tmpfs",
                "overlay" };
        static const char *const dirs[] = { "/sbin", "/usr/sbin" };
        _cleanup_free_ char *dst = str_printf("/sbin/fsck.%s", type);
        int r = -ENOENT;

        for (size_t i = 0; i < ARRAY_SIZE(without); i++)
                if (streq(without[i], type))
                        return 0; /* checks itself, or has nothing to check */
        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == -ENOENT; i++) {
                _cleanup_free_ char *path = str_printf("%s/fsck.%s", dirs[i], type);

                r = path && dst ? image_add_file(im, path, dst, "checks the root") : -ENOMEM;
        }
        if (r < 0 && r != -ENOMEM) {
                image_missing(im, LOG_WARNING,
                        "fsck.%s cannot be had (%s); a root of that type is not checked", type,
                        strerror(-r));
                return 0;
        }
        if (r >= 0 && startswith(type, "ext")) {
                r = image_add_file(im, "/etc/e2fsck.conf", NULL, "settings of fsck.ext4");
                if (r == -ENOENT)
                        r = 0;
        }
        return r;
}

/* --- programs and files --- */

static int read_outside(const char *path, struct strbuf *ret)
{
        size_t len;
        int r = read_file(path, 64u << 20, &ret->s, &len);

        ret->len = len;
        ret->cap = len + 1;
        return r;
}

static int add_init(const struct config *c, struct image *im)
{
        _cleanup_strbuf_ struct strbuf data = { 0 };
        int r;

        if (c->init)
                r = read_outside(c->init, &data);
        else {
                r = image_read_source(im, ROUSE_LIBDIR "/rouse-initrd", &data, NULL);
                if (r == -ENOENT) {
                        /* Not installed there: the one that belongs to this program. */
                        _cleanup_free_ char *self = NULL, *beside = NULL;
                        if (readlink_alloc("/proc/self/exe", &self) >= 0) {
                                beside = str_printf(
                                        "%.*s/rouse-initrd", (int)(strrchr(self, '/') - self), self);
                                r = beside ? read_outside(beside, &data) : -ENOMEM;
                        }
                        if (r == -ENOENT)
                                r = read_outside(ROUSE_LIBDIR "/rouse-initrd", &data);
                }
        }
        if (r < 0)
                return log_error_errno(r, "Cannot read rouse-initrd, which is /init of the image: %m");
        elf_strip(&data);
        return c->full ? image_add_data(im, ROUSE_LIBDIR "/rouse-initrd", 0755, &data,
                                 "loads what the kernel asks for; what is executed when PID 1 cannot start")
                       : image_add_data(im, "/init", 0755, &data, "first program");
}

static int add_files(const struct config *c, struct image *im)
{
        FOREACH_STR (f, c->files) {
                _cleanup_free_ char *path = strdup(*f);
                char *dst = path ? strchr(path, ':') : NULL;

                if (!path)
                        return -ENOMEM;
                if (dst)
                        *dst++ = 0;
                int r = image_add_file(im, path, dst && *dst ? dst : NULL, "asked for");
                if (r < 0) {
                        image_missing(im, LOG_ERR, "Cannot add the file %s: %s", path, strerror(-r));
                        return r;
                }
        }
        return 0;
}

static int add_skeleton(struct image *im)
{
        static const char *const dirs[] = { "dev", "proc", "sys", "run", "sysroot" };
        const char *why = "place to mount on";
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r >= 0; i++)
                r = image_add_dir(im, dirs[i], 0755, why);
        /* The kernel opens the console for /init before /dev is mounted. */
        if (r >= 0)
                r = image_add_node(im, "dev/console", S_IFCHR | 0600, 5, 1, "the kernel opens it for /init");
        return r;
}

/* --- modules --- */

/* A FAT is mounted with a code page and a character set, which the kernel asks for by name: its own, and those that the
 * options of a mount usually name. */
static int select_character_sets(struct selection *s)
{
        static const char *const names[] = { "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859_1" };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
                r = select_name(s, names[i], "vfat mounts with it", false, false);
        return MIN(r, 0);
}

static int add_modules(const struct config *c, struct image *im, const struct hardware *h,
        const struct root_fs *fs, const struct features *features)
{
        _cleanup_(selection_done) struct selection s = { 0 };
        _cleanup_strbuf_ struct strbuf memory = { 0 };
        _cleanup_digest_ struct digest *d = NULL;
        int r = digest_for_kernel(c->sysroot, c->release, &memory, &d);

        if (r < 0 || (r = selection_open(&s, d, im)) < 0)
                return r;
        FOREACH_STR (m, c->modules)
                if (r >= 0)
                        r = select_name(&s, *m, "asked for", true, true);
        if (r >= 0)
                r = select_drivers(&s, c->mode, h);
        FOREACH_STR (t, fs->types) {
                _cleanup_free_ char *alias = str_printf("fs-%s", *t);
                struct digest_module m;

                if (r < 0 || !alias)
                        break;
                /* A file system that is built in has no alias among the modules. */
                if (digest_module(d, *t, &m) >= 0 && m.flags & DIGEST_BUILTIN)
                        continue;
                r = select_name(&s, alias, "file system of the root", fs->known, fs->known);
                if (r >= 0 && streq(*t, "vfat"))
                        r = select_character_sets(&s);
                /* Its softdep says "crc32", which is also the name of a module that is built in. */
                if (r >= 0 && streq(*t, "f2fs"))
                        r = select_name(&s, "crypto-crc32", "f2fs mounts with it", fs->known, false);
        }
        if (r >= 0)
                r = features_select(features, c, &s, h);
        if (r >= 0)
                r = select_weak(&s, c->sysroot);
        if (r >= 0)
                r = selection_install(&s);
        if (r >= 0 && c->full)
                r = selection_list_early(&s);
        return r < 0 ? r : s.errors ? -ENOENT : 0;
}

/* What each file is for, kept in the image for --inspect. */
static int add_manifest(struct image *im)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (size_t i = 0; i < im->n; i++)
                if (!S_ISDIR(im->entry[i]->mode))
                        strbuf_printf(&b, "%s\t%s\n", im->entry[i]->path, im->entry[i]->why);
        return b.failed ? -ENOMEM
                        : image_add_data(im, "/etc/rouse/image.list", 0644, &b, "what each file is for");
}

/* Is the sysroot the file system of a root, and not a directory on this machine's? */
static bool is_mounted_there(const struct image *im)
{
        struct stat here, there;

        return fstat(im->root_fd, &there) == 0 && stat("/", &here) == 0 && here.st_dev != there.st_dev;
}

int generate(const struct config *c, struct image *im)
{
        _cleanup_(hardware_done) struct hardware h = { 0 };
        _cleanup_(root_fs_done) struct root_fs fs = { 0 };
        struct features features;
        int r = 0;

        if (c->hardware)
                r = hardware_read(&h, c->hardware);
        else if (!im->sysroot && c->mode != MODE_GENERIC)
                r = hardware_scan(&h);
        else if (!im->sysroot || is_mounted_there(im))
                r = hardware_scan_stack(&h, im->sysroot ?: "/");
        if (r < 0 || (r = find_root_fs(c, im, &h, &fs)) < 0 || (r = add_skeleton(im)) < 0 ||
                (r = add_init(c, im)) < 0 || (c->full && (r = full_install(c, im)) < 0) ||
                (r = features_choose(c, im, &h, fs.types, &features)) < 0 ||
                (r = add_modules(c, im, &h, &fs, &features)) < 0 ||
                (r = features_install(&features, im, &h)) < 0)
                return r;
        if (strv_contains(fs.types, "vfat") &&
                (r = image_add_link(im, "/sbin/modprobe", "/init", "the kernel calls it for modules")) < 0)
                return r;
        if (c->microcode && (r = microcode_write(im, h.cpu, &im->early)) < 0)
                return r;
        r = add_files(c, im);
        FOREACH_STR (t, fs.checked)
                if (r >= 0 && wants_fsck(c, im, &fs, *t))
                        r = add_fsck(im, *t);
        return r < 0 ? r : add_manifest(im);
}
