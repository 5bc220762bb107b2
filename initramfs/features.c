/* The table of features: see features.h. */

#include <glob.h>
#include <mntent.h>
#include <stdio.h>
#include "initramfs/features.h"
#include "initramfs/full.h"
#include "initramfs/rootconf.h"
#include "lib/log.h"
#include "lib/paths.h"

/* Lists are words separated by blanks. The first module and the first program are what a feature cannot do without;
 * the others come in where they are. Programs and files: SOURCE[:DESTINATION]; files may be patterns. Libraries are
 * names or patterns below the directories of libraries. */
static const struct feature {
        const char *name, *what;
        const char *modules, *programs, *libraries, *files;
        enum { ON_REQUEST = 1, ALWAYS_OWN = 2, KERNEL_ASKS = 4, WAY_BACK = 8, NETWORK = 16 } flags;
} table[] = {
        { "luks", "LUKS1 and LUKS2 by passphrase or key file",
                "dm_crypt dm_mod xts aes ecb cbc essiv ctr sha256 sha512 sha1 wp512 rmd160 aesni_intel "
                "sha256_ssse3 "
                "sha512_ssse3 twofish serpent camellia adiantum nhpoly1305 algif_skcipher algif_hash af_alg "
                "dm_integrity "
                "authenc",
                "/sbin/cryptsetup", "libgcc_s.so.1", NULL, KERNEL_ASKS | WAY_BACK },
        { "tpm2", "LUKS2 by a TPM2 token", "tpm tpm_tis tpm_crb tpm_tis_core", "/sbin/cryptsetup",
                "cryptsetup/libcryptsetup-token-systemd-tpm2.so libtss2-esys.so.0 libtss2-rc.so.0 "
                "libtss2-mu.so.0 "
                "libtss2-tcti-device.so.0",
                NULL, ON_REQUEST | KERNEL_ASKS | WAY_BACK },
        { "lvm", "LVM: linear, thin, raid, mirror, cache",
                "dm_mod dm_thin_pool dm_raid dm_mirror dm_snapshot dm_cache dm_cache_smq dm_writecache "
                "raid0 raid1 raid10 "
                "raid456",
                "/sbin/lvm /usr/sbin/thin_check /usr/sbin/cache_check", NULL,
                "/etc/lvm/lvm.conf /etc/lvm/lvmlocal.conf /etc/lvm/devices/* /etc/lvm/profile/*",
                KERNEL_ASKS | WAY_BACK },
        { "mdraid", "md arrays of every level", "md_mod raid0 raid1 raid10 raid456 linear multipath",
                "/sbin/mdadm", NULL, "/etc/mdadm/mdadm.conf /etc/mdadm/mdadm.conf.d/* /etc/mdadm.conf",
                KERNEL_ASKS | WAY_BACK },
        { "multipath", "several ways to one disk",
                "dm_multipath dm_mod dm_service_time dm_round_robin dm_queue_length scsi_dh_alua "
                "scsi_dh_rdac "
                "scsi_dh_emc scsi_dh_hp_sw",
                "/sbin/multipath /sbin/kpartx", NULL,
                "/lib/multipath/* /etc/multipath.conf /etc/multipath/* /etc/multipath/conf.d/*",
                ON_REQUEST | KERNEL_ASKS | WAY_BACK },
        { "verity", "dm-verity by roothash=", "dm_verity dm_mod", "/sbin/veritysetup", "libgcc_s.so.1", NULL,
                KERNEL_ASKS | WAY_BACK },
        { "btrfs", "btrfs of several members", "btrfs", NULL, NULL, NULL, ALWAYS_OWN },
        { "nfs", "a root by NFS, with DHCP",
                "nfs nfsv4 nfsv3 nfsv2 af_packet virtio_net e1000 e1000e igb igc ixgbe r8169 8139cp 8139too "
                "tg3 bnx2 sky2 "
                "forcedeth atl1c alx vmxnet3 hv_netvsc xen_netfront ena pcnet32 usbnet cdc_ether asix "
                "ax88179_178a r8152",
                "/sbin/mount.nfs", NULL,
                "/etc/netconfig /etc/protocols /etc/services /etc/nfs.conf /etc/nfsmount.conf",
                ON_REQUEST | KERNEL_ASKS | WAY_BACK | NETWORK },
        { "overlay", "a root that is written to in memory only", "overlay", NULL, NULL, NULL, ALWAYS_OWN },
        { "tmpfs-root", "a root in memory, unpacked from an archive", NULL,
                "/bin/tar /bin/gzip /usr/bin/xz /usr/bin/zstd /bin/bzip2 /usr/bin/lz4", NULL, NULL,
                ON_REQUEST },
        { "shell", "a shell for emergencies", NULL, "/bin/busybox:/bin/sh", NULL, NULL, ON_REQUEST },
        { "shell-password", "that shell only for who knows root's password", NULL, "/sbin/sulogin", NULL,
                NULL, ON_REQUEST },
};

static bool has(const struct features *f, size_t i)
{
        return f->on & 1ul << i;
}

static int find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (streq(table[i].name, name))
                        return i;
        return -EINVAL;
}

void features_print(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                printf("  %-16s %s\n", table[i].name, table[i].what);
}

/* --- which --- */

static bool is_there(const struct image *im, const char *word)
{
        _cleanup_free_ char *path = strndup(word, strcspn(word, " :"));
        _cleanup_close_ int fd = path ? image_open_source(im, path) : -1;

        return fd >= 0;
}

/* All that are installed, but those that have other uses or open a way in. */
static void choose_installed(struct features *f, const struct image *im)
{
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (!(table[i].flags & ON_REQUEST) &&
                        (table[i].flags & ALWAYS_OWN || is_there(im, table[i].programs)))
                        f->on |= 1ul << i, f->whole |= 1ul << i;
}

static void choose(struct features *f, const char *name, bool required)
{
        int i = find(name);

        if (i < 0)
                return;
        f->on |= 1ul << i;
        if (required)
                f->required |= 1ul << i, f->whole |= 1ul << i;
}

/* A generic image is thought to open anything: what it cannot, though the tools are there, is said. */
static void say_left_out(const struct features *f, const struct config *c, const struct image *im)
{
        _cleanup_strbuf_ struct strbuf names = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                _cleanup_free_ char *minus = str_printf("-%s", table[i].name);

                if (!has(f, i) && !(table[i].flags & ON_REQUEST) && is_there(im, table[i].programs) &&
                        !strv_contains(c->features, minus ?: ""))
                        strbuf_printf(&names, "%s%s", names.len ? ", " : "", table[i].name);
        }
        if (names.len)
                log_notice("Not in the image, since nothing says that the root needs it: %s (--feature "
                           "NAME, or "
                           "--feature installed, brings it in)",
                        names.s);
}

int features_choose(const struct config *c, const struct image *im, const struct hardware *h,
        char *const *root_types, struct features *ret)
{
        _cleanup_strv_ char **configured = NULL;
        struct features f = { 0 };
        int r = 0;

        if (c->mode == MODE_GENERIC && !c->full) {
                for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                        if (table[i].flags & ALWAYS_OWN)
                                f.on |= 1ul << i;
                r = rootconf_features(im, &configured);
                FOREACH_STR (n, configured)
                        choose(&f, *n, false);
        }
        if (r < 0)
                return r;
        FOREACH_STR (n, h->features)
                choose(&f, *n, true);
        FOREACH_STR (t, root_types)
                if (streq(*t, "nfs") || streq(*t, "nfs4"))
                        choose(&f, "nfs", true);
        FOREACH_STR (n, c->features) {
                if (streq(*n, "installed")) {
                        choose_installed(&f, im);
                        continue;
                }
                int i = find(**n == '-' ? *n + 1 : *n);

                if (i < 0)
                        return log_error_errno(-EINVAL, "There is no feature %s", *n);
                if (**n == '-')
                        f.on &= ~(1ul << i), f.required &= ~(1ul << i);
                else
                        choose(&f, *n, true);
        }
        /* A token opens what cryptsetup opens; a password needs what it lets in. */
        if (has(&f, find("tpm2")))
                choose(&f, "luks", true);
        if (has(&f, find("shell-password")))
                choose(&f, "shell", true);
        for (size_t i = 0; i < ARRAY_SIZE(table) && c->full; i++)
                if (f.required & 1ul << i && !full_has_feature(table[i].name))
                        return log_error_errno(-EOPNOTSUPP,
                                "An image with units cannot have the feature %s (%s); without --full it can",
                                table[i].name, table[i].what);
        if (c->mode == MODE_GENERIC && !c->full)
                say_left_out(&f, c, im);
        f.units = c->full;
        *ret = f;
        return 0;
}

/* --- modules --- */

int features_select(
        const struct features *f, const struct config *c, struct selection *s, const struct hardware *h)
{
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(table) && r >= 0; i++) {
                _cleanup_strv_ char **modules =
                        has(f, i) && table[i].modules ? strv_split(table[i].modules, " ") : NULL;
                _cleanup_free_ char *why = str_printf("feature %s", table[i].name);

                FOREACH_STR (m, modules)
                        if (r >= 0)
                                /* Where udev's rules run the tools, nobody has asked for a driver before. */
                                r = select_name(s, *m, why ?: "",
                                        f->units && m == modules && full_has_feature(table[i].name),
                                        m == modules && f->required & 1ul << i);
                if (r >= 0 && has(f, i) && table[i].flags & NETWORK)
                        r = select_network(s, c->mode, h);
        }
        return MIN(r, 0);
}

/* --- programs and files --- */

static int add_program(struct image *im, const char *word, const char *why)
{
        _cleanup_free_ char *source = strdup(word);
        char *to = source ? strchr(source, ':') : NULL;

        if (!source)
                return -ENOMEM;
        if (to)
                *to++ = 0;
        return image_add_file(im, source, to, why);
}

/* Paths of the sysroot that fit a pattern. */
static int add_pattern(struct image *im, const char *pattern, const char *why)
{
        _cleanup_free_ char *full = str_printf("%s%s", im->sysroot ?: "", pattern);
        glob_t g = { 0 };
        int r = full ? 0 : -ENOMEM;

        if (full && glob(full, 0, NULL, &g) == 0)
                for (size_t i = 0; i < g.gl_pathc && r >= 0; i++) {
                        r = image_add_file(im, g.gl_pathv[i] + strlen(im->sysroot ?: ""), NULL, why);
                        if (r == -EISDIR || r == -ENOENT)
                                r = 0;
                }
        globfree(&g);
        return r;
}

static int add_library(struct image *im, const char *name, const char *why)
{
        static const char *const dirs[] = { "/lib/*-linux-gnu*/", "/usr/lib/*-linux-gnu*/", "/usr/lib/",
                "/usr/lib64/" };
        size_t before = im->n;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(dirs) && r >= 0 && im->n == before; i++) {
                _cleanup_free_ char *pattern = str_printf("%s%s", dirs[i], name);
                r = pattern ? add_pattern(im, pattern, why) : -ENOMEM;
        }
        return r;
}

static const char *keyscript(char *const *options)
{
        const char *v = NULL;

        FOREACH_STR (o, options)
                v = startswith(*o, "keyscript=") ?: v;
        return v;
}

/* The entries that may be needed for the root: those of the machine's own root if that is known, else all that can be
 * opened without the root. */
static bool wanted_entry(const struct hardware *h, char *const *f, size_t n)
{
        const char *key = n > 2 ? f[2] : "none", *options = n > 3 ? f[3] : "";
        _cleanup_strv_ char **words = strv_split(options, ",");

        if (strv_contains(words, "initramfs") || strv_contains(words, "x-initrd.attach"))
                return true;
        if (h->mappings)
                return strv_contains(h->mappings, f[0]);
        return !strv_contains(words, "noauto") && !strv_contains(words, "swap") &&
               (streq(key, "none") || streq(key, "-") || strchr(key, ':') || keyscript(words));
}

/* The program that an entry's key comes from, and the file that it is given, if that is one. */
static int add_keyscript(struct image *im, const char *script, char *const *f)
{
        _cleanup_free_ char *path =
                str_printf("%s%s", strchr(script, '/') ? "" : "/lib/cryptsetup/scripts/", script);
        int r = path ? image_add_file(im, path, NULL, "keyscript of the root") : -ENOMEM;

        if (r < 0 && r != -ENOMEM)
                image_missing(im, LOG_WARNING,
                        "Keyscript %s of %s cannot be read; a passphrase will be asked for", path, f[0]);
        else if (r >= 0 && f[2][0] == '/' && !startswith(f[2], "/dev/") &&
                 image_add_file(im, f[2], NULL, "key file of the root") >= 0)
                im->secret = true;
        return r == -ENOMEM ? r : 0;
}

static void add_key(struct image *im, char *const *f)
{
        if (f[2][0] != '/')
                return;
        if (!strchr(f[2], ':') && !startswith(f[2], "/dev/") &&
                image_add_file(im, f[2], NULL, "key file of the root") < 0)
                image_missing(im, LOG_WARNING,
                        "Key file %s of %s cannot be read; a passphrase will be asked for", f[2], f[0]);
        else
                im->secret = true;
}

static int add_crypttab(struct image *im, const struct hardware *h)
{
        _cleanup_strbuf_ struct strbuf text = { 0 }, out = { 0 };
        int r = image_read_source(im, "/etc/crypttab", &text, NULL);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *p = text.s, *line; (line = strsep(&p, "\n"));) {
                _cleanup_strv_ char **f = strv_split(line, " \t");
                size_t n = strv_len(f);

                if (n < 2 || f[0][0] == '#' || !wanted_entry(h, f, n))
                        continue;
                _cleanup_strv_ char **options = n > 3 ? strv_split(f[3], ",") : NULL;
                const char *script = keyscript(options);
                if (script && (r = add_keyscript(im, script, f)) < 0)
                        return r;
                strbuf_printf(&out, "%s\n", line);
                if (!script && n > 2)
                        add_key(im, f);
        }
        if (!out.len)
                return 0;
        r = image_add_data(im, "/etc/crypttab", 0600, &out, "names of LUKS devices");
        return MIN(r, 0);
}

/* root's line alone of passwd and shadow. */
static int add_root_password(struct image *im)
{
        static const char *const files[] = { "/etc/passwd", "/etc/shadow" };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_strbuf_ struct strbuf text = { 0 }, out = { 0 };
                int r = image_read_source(im, files[i], &text, NULL);

                if (r < 0)
                        return r;
                for (char *p = text.s, *line; (line = strsep(&p, "\n"));)
                        if (startswith(line, "root:"))
                                strbuf_printf(&out, "%s\n", i == 0 ? "root:x:0:0:root:/:/bin/sh" : line);
                r = image_add_data(im, files[i], i ? 0600 : 0644, &out, "root's password");
                if (r < 0)
                        return r;
        }
        im->secret = true;
        return 0;
}

static int install(const struct feature *t, bool required, bool whole, struct image *im)
{
        _cleanup_free_ char *why = str_printf("feature %s", t->name);
        _cleanup_strv_ char **programs = t->programs ? strv_split(t->programs, " ") : NULL,
                            **libraries = t->libraries ? strv_split(t->libraries, " ") : NULL,
                            **files = t->files ? strv_split(t->files, " ") : NULL;
        int r = why ? 0 : -ENOMEM;

        FOREACH_STR (p, programs) {
                if (r < 0)
                        return r;
                if (p != programs && !whole)
                        break;
                r = add_program(im, *p, why);
                if (r == -ENOENT && p != programs)
                        r = 0;
                if (r == -ENOENT) {
                        image_missing(im, required ? LOG_ERR : LOG_WARNING,
                                "Feature %s needs %s, which is not there", t->name, *p);
                        return required ? r : 0;
                }
        }
        FOREACH_STR (l, libraries)
                if (r >= 0)
                        r = add_library(im, *l, why);
        FOREACH_STR (f, files)
                if (r >= 0)
                        r = add_pattern(im, *f, why);
        return MIN(r, 0);
}

/* There is no udev whose record could say what a disk is called: multipath reads it from the disk. */
static int add_multipath_settings(struct image *im)
{
        _cleanup_strbuf_ struct strbuf text = { 0 };

        strbuf_puts(&text, "overrides {\n\tuid_attribute \"\"\n}\n");
        return text.failed ? -ENOMEM
                           : image_add_data(im, "/etc/multipath/conf.d/rouse-initrd.conf", 0644, &text,
                                     "WWIDs without udev");
}

/* What a root that is made of several parts leaves by, at shutdown. */
static int add_way_back(struct image *im)
{
        int r = image_add_file(im, ROUSE_SHUTDOWN, "/shutdown", "takes the root's devices down at shutdown");

        if (r == -ENOENT) {
                image_missing(im, LOG_WARNING,
                        ROUSE_SHUTDOWN
                        " is not there; at shutdown the devices below the root stay as they are");
                r = 0;
        }
        return r;
}

int features_install(const struct features *f, struct image *im, const struct hardware *h)
{
        unsigned flags = 0;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(table) && r >= 0; i++)
                if (has(f, i)) {
                        r = install(&table[i], f->required & 1ul << i, f->whole & 1ul << i, im);
                        if (r >= 0 && f->units)
                                r = full_add_feature(im, table[i].name);
                        flags |= table[i].flags;
                }
        if (r >= 0 && flags & KERNEL_ASKS)
                r = image_add_link(im, "/sbin/modprobe", "/init", "the kernel calls it for modules");
        if (r >= 0 && flags & WAY_BACK)
                r = add_way_back(im);
        if (r >= 0 && has(f, find("multipath")))
                r = add_multipath_settings(im);
        if (r >= 0 && has(f, find("luks")))
                r = add_crypttab(im, h);
        if (r >= 0 && has(f, find("shell-password")))
                r = add_root_password(im);
        return MIN(r, 0);
}
