/* See rootconf.h. One test a feature; each looks into files of the sysroot alone. */

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include "initramfs/rootconf.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* Calls fn for the words of each line that is no comment, until it returns other than 0. A file that is not there has
 * no lines. */
static int each_line(
        const struct image *im, const char *path, int (*fn)(char *const *words, void *data), void *data)
{
        _cleanup_strbuf_ struct strbuf text = { 0 };
        int r = image_read_source(im, path, &text, NULL);

        if (r < 0)
                return r == -ENOENT ? 0 : log_warning_errno(r, "Cannot read %s of the root: %m", path);
        r = 0;
        for (char *p = text.s, *line; r == 0 && (line = strsep(&p, "\n"));) {
                _cleanup_strv_ char **words = strv_split(line, " \t");

                if (words && *words && **words != '#')
                        r = fn(words, data);
        }
        return r;
}

static bool has_files(const struct image *im, const char *dir)
{
        _cleanup_close_ int fd = image_open_source(im, dir);
        _cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *e;

        if (!d)
                return false;
        (void)TAKE_FD(fd);
        while ((e = readdir(d)))
                if (e->d_name[0] != '.')
                        return true;
        return false;
}

/* "/dev/VG/LV", or "/dev/mapper/VG-LV": one dash, those within the names being doubled. */
static bool is_logical_volume(const char *device)
{
        static const char *const not_groups[] = { "disk/", "md/", "mapper/", "block/", "shm/" };
        const char *name = startswith(device, "/dev/"), *mapped = startswith(device, "/dev/mapper/");

        if (mapped) {
                unsigned single = 0;

                for (const char *p = mapped; (p = strchr(p, '-')); p++)
                        if (p[1] == '-')
                                p++;
                        else
                                single++;
                return single == 1;
        }
        for (size_t i = 0; name && i < ARRAY_SIZE(not_groups); i++)
                if (startswith(name, not_groups[i]))
                        return false;
        return name && strchr(name, '/');
}

static int names_md(char *const *words, void *data)
{
        return strcasecmp(words[0], "ARRAY") == 0;
}

static int any(char *const *words, void *data)
{
        return 1;
}

/* Swap under a key of the moment, and what is opened by hand later, are no part of a root. */
static int opens_root(char *const *words, void *data)
{
        _cleanup_strv_ char **options = strv_split(strv_len(words) > 3 ? words[3] : "", ",");

        return !strv_contains(options, "swap") && !strv_contains(options, "tmp") &&
               !strv_contains(options, "noauto");
}

static int root_line_on(char *const *words, bool (*is)(const char *device))
{
        if (strv_len(words) < 3)
                return 0;
        return (streq(words[1], "/") || streq(words[1], "/usr") || streq(words[2], "swap")) && is(words[0]);
}

static int on_lvm(char *const *words, void *data)
{
        return root_line_on(words, is_logical_volume);
}

static int crypt_on_lvm(char *const *words, void *data)
{
        return strv_len(words) > 1 && is_logical_volume(words[1]);
}

static bool is_array(const char *device)
{
        return startswith(device, "/dev/md");
}

static int on_md(char *const *words, void *data)
{
        return root_line_on(words, is_array);
}

static int says_roothash(char *const *words, void *data)
{
        FOREACH_STR (w, words)
                if (startswith(*w, "roothash="))
                        return 1;
        return 0;
}

static int uses_luks(const struct image *im)
{
        return each_line(im, "/etc/crypttab", opens_root, NULL);
}

static int uses_lvm(const struct image *im)
{
        int r = each_line(im, "/etc/fstab", on_lvm, NULL);

        if (r == 0)
                r = each_line(im, "/etc/crypttab", crypt_on_lvm, NULL);
        /* LVM itself keeps these as soon as there is a group. */
        return r != 0 ? r : has_files(im, "/etc/lvm/backup") || has_files(im, "/etc/lvm/devices");
}

static int uses_md(const struct image *im)
{
        static const char *const files[] = { "/etc/mdadm/mdadm.conf", "/etc/mdadm.conf" };
        int r = each_line(im, "/etc/fstab", on_md, NULL);

        for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
                r = each_line(im, files[i], names_md, NULL);
        return r;
}

static int uses_verity(const struct image *im)
{
        int r = each_line(im, "/etc/veritytab", any, NULL);

        return r != 0 ? r : each_line(im, "/etc/kernel/cmdline", says_roothash, NULL);
}

/* Maps that have been made. */
static int uses_multipath(const struct image *im)
{
        return each_line(im, "/etc/multipath/wwids", any, NULL);
}

int rootconf_features(const struct image *im, char ***list)
{
        static const struct {
                const char *feature;
                int (*uses)(const struct image *im);
        } tests[] = { { "luks", uses_luks }, { "lvm", uses_lvm }, { "mdraid", uses_md },
                { "verity", uses_verity }, { "multipath", uses_multipath } };

        for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
                int r = tests[i].uses(im);

                if (r == -ENOMEM || (r > 0 && (r = strv_add_unique(list, tests[i].feature)) < 0))
                        return r;
        }
        return 0;
}
