/* rouse-exec: what comes from disk images and extensions. RootImage= stands in the place of RootDirectory=, MountImages= are
 * mounted like BindPaths=, ExtensionImages= and ExtensionDirectories= lie over /usr and /opt as overlayfs, read-only.
 *
 * An image is a file system without a partition table, in a file or on a block device. A file becomes a loop device
 * that the kernel gives back when the last mount of it is gone; it is opened before the service has a /dev of its own.
 * An extension has to say that it is made for this root: extension-release.NAME, see os-release(5). */
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "exec-main-mount.h"
#include "lib/fileio.h"

#define ROOT_PLACE  "/run/rouse/image-root" /* mount points, in the service's namespace only */
#define LAYER_PLACE "/run/rouse/image-layers"
#define MAX_IMAGES  64
#define RELEASES    "/usr/lib/extension-release.d"

static void fail(struct helper *h, int err, const char *what)
{
        helper_fail(h, EXIT_NAMESPACE, err, what);
}

/* "[-]SOURCE[:DEST][:OPTIONS]" of one kind, taken apart; \: is a colon of the name. */
struct image {
        char *source, *dest, *options;
        int fd; /* detached mount, -1: left out */
};

static char *take_part(char **at)
{
        char *begin = *at, *to = begin, *s = begin;

        if (!s)
                return NULL;
        for (; *s && *s != ':'; s++) {
                if (*s == '\\' && s[1] == ':')
                        s++;
                *to++ = *s;
        }
        *at = *s ? s + 1 : NULL;
        *to = '\0';
        return begin;
}

/* False: it is not there, and need not be. */
static bool take_apart(struct helper *h, const char *text, bool has_dest, struct image *ret)
{
        bool optional = *text == '-';
        char *copy = strdup(text + optional), *at = copy;

        if (!copy)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        *ret = (struct image) { .fd = -1 };
        ret->source = take_part(&at);
        if (has_dest)
                ret->dest = take_part(&at);
        ret->options = at ?: (char *)"";
        if (startswith(ret->options, "root:")) /* the one partition that there is */
                ret->options += strlen("root:");
        if (*ret->source != '/' || (has_dest && (!ret->dest || *ret->dest != '/')) ||
                strchr(ret->options, ':'))
                fail(h, -EINVAL, text);
        return !optional || access(ret->source, F_OK) == 0;
}

/* ---- loop devices ---- */

static int new_loop(int file, bool read_only, char *name, size_t n)
{
        struct loop_config config = { .fd = (uint32_t)file,
                .info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) };
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (control < 0)
                return -errno;
        for (int tries = 0; tries < 64; tries++) { /* others look for one at the same time */
                int number = ioctl(control, LOOP_CTL_GET_FREE), fd;

                if (number < 0)
                        return -errno;
                snprintf(name, n, "/dev/loop%d", number);
                fd = open(name, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                if (ioctl(fd, LOOP_CONFIGURE, &config) >= 0)
                        return fd;
                close(fd);
                if (errno != EBUSY)
                        return -errno;
        }
        return -EBUSY;
}

/* ---- file systems ---- */

static const struct {
        const char *type, *magic;
        size_t n;
        off_t at;
} magics[] = {
        { "squashfs", "hsqs", 4, 0 },
        { "ext4", "\x53\xef", 2, 1080 },
        { "erofs", "\xe2\xe1\xf5\xe0", 4, 1024 },
        { "xfs", "XFSB", 4, 0 },
        { "btrfs", "_BHRfS_M", 8, 65600 },
};

static const char *type_of(int fd)
{
        for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
                char found[8];

                if (pread(fd, found, magics[i].n, magics[i].at) == (ssize_t)magics[i].n &&
                        memcmp(found, magics[i].magic, magics[i].n) == 0)
                        return magics[i].type;
        }
        return NULL;
}

/* Options that are the mount's; the rest is the file system's own. */
static unsigned mount_flag(const char *option)
{
        static const struct {
                const char *name;
                unsigned attr;
        } flags[] = {
                { "ro", MOUNT_ATTR_RDONLY },
                { "nosuid", MOUNT_ATTR_NOSUID },
                { "nodev", MOUNT_ATTR_NODEV },
                { "noexec", MOUNT_ATTR_NOEXEC },
                { "noatime", MOUNT_ATTR_NOATIME },
        };

        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (streq(option, flags[i].name))
                        return flags[i].attr;
        return 0;
}

static int mount_device(const char *type, const char *device, bool read_only, const char *options)
{
        _cleanup_close_ int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
        _cleanup_strv_ char **list = strv_split(options, ",");
        unsigned attr = read_only ? MOUNT_ATTR_RDONLY : 0;
        int fd;

        if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", device, 0) < 0)
                return -errno;
        FOREACH_STR (o, list) {
                char *eq = strchr(*o, '=');
                unsigned flag = mount_flag(*o);

                attr |= flag;
                if (flag || startswith(*o, "x-") || streq(*o, "rw"))
                        continue;
                if (eq)
                        *eq++ = '\0';
                if (syscall(SYS_fsconfig, fs, eq ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, *o, eq, 0) < 0)
                        return -errno;
        }
        if (attr & MOUNT_ATTR_RDONLY && syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return -errno;
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
        return fd < 0 ? -errno : fd;
}

/* A detached mount of what the image holds. */
static int mount_image(const struct image *i, bool read_only)
{
        _cleanup_close_ int file = read_only ? -1 : open(i->source, O_RDWR | O_CLOEXEC), loop = -1;
        char device[32];
        const char *type;
        struct stat st;

        if (file < 0) {
                read_only = true;
                file = open(i->source, O_RDONLY | O_CLOEXEC);
        }
        if (file < 0 || fstat(file, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode)) {
                loop = new_loop(file, read_only, device, sizeof(device));
                if (loop < 0)
                        return loop;
        } else if (!S_ISBLK(st.st_mode))
                return -ENOTBLK;
        type = type_of(file);
        if (!type)
                return -EMEDIUMTYPE;
        return mount_device(type, loop >= 0 ? device : i->source, read_only, i->options);
}

static int place_mount(int fd, const char *path)
{
        int r = mkdir_p(path, 0755);

        if (r < 0 && access(path, F_OK) < 0)
                return r;
        return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* ---- RootImage= ---- */

static const char *image_of_kind(struct helper *h, const char *kind, uint32_t *at)
{
        for (; *at < h->plan->images.n; (*at)++) {
                const char *s = startswith(plan_item(h->plan, h->plan->images, *at), kind);

                if (s && *s == '=') {
                        (*at)++;
                        return s + 1;
                }
        }
        return NULL;
}

const char *image_root(struct helper *h)
{
        uint32_t at = 0, k = 0;
        const char *text = image_of_kind(h, "RootImage", &at),
                   *options = image_of_kind(h, "RootImageOptions", &k);
        struct image i;
        int r;

        if (!text)
                return NULL;
        if (!take_apart(h, text, false, &i))
                return NULL;
        if (options)
                i.options = (char *)(startswith(options, "root:") ?: options);
        i.fd = mount_image(&i, false);
        r = i.fd < 0 ? i.fd : place_mount(i.fd, ROOT_PLACE);
        if (r < 0)
                fail(h, r, i.source);
        close(i.fd);
        return ROOT_PLACE;
}

/* ---- MountImages= ---- */

static struct image mounts[MAX_IMAGES];
static size_t n_mounts;

void image_prepare_mounts(struct helper *h)
{
        const char *text;

        for (uint32_t at = 0; (text = image_of_kind(h, "MountImages", &at)) && n_mounts < MAX_IMAGES;) {
                struct image *i = &mounts[n_mounts];

                if (!take_apart(h, text, true, i))
                        continue;
                i->fd = mount_image(i, false);
                if (i->fd < 0)
                        fail(h, i->fd, i->source);
                n_mounts++;
        }
}

void image_place_mounts(struct helper *h)
{
        for (size_t k = 0; k < n_mounts; k++) {
                _cleanup_free_ char *dest = mount_resolve(mounts[k].dest);
                int r;

                if (!dest)
                        dest = str_printf("%s%s", mount_root, mounts[k].dest);
                r = dest ? place_mount(mounts[k].fd, dest) : -ENOMEM;
                if (r < 0)
                        fail(h, r, mounts[k].dest);
                close(mounts[k].fd);
        }
}

/* ---- extensions ---- */

/* The value of KEY=, without quotes, "" where there is none. */
static char *release_value(const char *text, const char *key)
{
        for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
                const char *v = startswith(s, key);
                size_t n;

                if (!v || *v != '=')
                        continue;
                v++;
                n = strcspn(v, "\n");
                if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v)
                        return strndup(v + 1, n - 2);
                return strndup(v, n);
        }
        return strdup("");
}

static bool same_value(const char *a, const char *b, const char *key, bool *ret_said)
{
        _cleanup_free_ char *x = release_value(a, key), *y = release_value(b, key);

        *ret_said = x && y && *x && *y;
        return x && y && streq(x, y);
}

static bool made_for(const char *release, const char *host)
{
        _cleanup_free_ char *id = release_value(release, "ID");
        bool said, same;

        if (!id || !*id)
                return false;
        if (streq(id, "_any"))
                return true;
        if (!same_value(release, host, "ID", &said))
                return false;
        same = same_value(release, host, "SYSEXT_LEVEL", &said);
        return said ? same : same_value(release, host, "VERSION_ID", &said);
}

static int read_host_release(char **ret)
{
        static const char *const places[] = { "/etc/os-release", "/usr/lib/os-release" };

        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                _cleanup_free_ char *path = mount_resolve(places[i]);

                if (path && read_file(path, 64 * 1024, ret, NULL) >= 0)
                        return 0;
        }
        return -ENOENT;
}

static void check_release(struct helper *h, const char *layer, const char *source, const char *host)
{
        _cleanup_free_ char *name = strdup(path_basename(source)), *path = NULL, *text = NULL;
        char *raw = name ? (char *)endswith(name, ".raw") : NULL;

        if (raw)
                *raw = '\0';
        path = name ? str_printf("%s" RELEASES "/extension-release.%s", layer, name) : NULL;
        if (!path || read_file(path, 64 * 1024, &text, NULL) < 0 || !made_for(text, host))
                fail(h, -ENOEXEC, path); /* made for another system, or for none */
}

/* The layers' own DIR above the root's, the last one uppermost. */
static void lay_over(struct helper *h, size_t n_layers, const char *dir)
{
        _cleanup_free_ char *base = mount_resolve(dir), *target = NULL;
        _cleanup_strbuf_ struct strbuf lower = { 0 };
        bool any = false;

        strbuf_puts(&lower, "lowerdir=");
        for (size_t i = n_layers; i > 0; i--) {
                char path[64];

                snprintf(path, sizeof(path), LAYER_PLACE "/%zu%s", i - 1, dir);
                if (access(path, F_OK) == 0) {
                        strbuf_printf(&lower, "%s:", path);
                        any = true;
                }
        }
        if (!any)
                return;
        strbuf_puts(&lower, base ?: LAYER_PLACE "/none");
        target = base ? strdup(base) : str_printf("%s%s", mount_root, dir);
        if (!target || lower.failed)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        if (!base)
                (void)mkdir_p(target, 0755);
        if (mount("overlay", target, "overlay", MS_RDONLY | MS_NODEV, lower.s) < 0)
                fail(h, -errno, target);
}

void image_extend(struct helper *h)
{
        static const char *const kinds[] = { "ExtensionImages", "ExtensionDirectories" };
        _cleanup_free_ char *host = NULL;
        size_t n = 0;

        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                const char *text;

                for (uint32_t at = 0; (text = image_of_kind(h, kinds[k], &at)) && n < MAX_IMAGES;) {
                        char layer[64];
                        struct image i;
                        int r;

                        if (!take_apart(h, text, false, &i))
                                continue;
                        if (n == 0 &&
                                ((r = read_host_release(&host)) < 0 || (r = mkdir_p(LAYER_PLACE, 0755)) < 0))
                                fail(h, r, "os-release");
                        if (n == 0 && (mount("layers", LAYER_PLACE, "tmpfs", MS_NODEV | MS_NOSUID,
                                               "mode=0700") < 0 ||
                                              mkdir(LAYER_PLACE "/none", 0755) < 0))
                                fail(h, -errno, LAYER_PLACE);
                        i.fd = k == 0 ? mount_image(&i, true)
                                      : (int)syscall(SYS_open_tree, AT_FDCWD, i.source,
                                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
                        if (i.fd < 0)
                                fail(h, k == 0 ? i.fd : -errno, i.source);
                        snprintf(layer, sizeof(layer), LAYER_PLACE "/%zu", n++);
                        r = place_mount(i.fd, layer);
                        if (r < 0)
                                fail(h, r, i.source);
                        close(i.fd);
                        check_release(h, layer, i.source, host);
                }
        }
        if (n == 0)
                return;
        lay_over(h, n, "/usr");
        lay_over(h, n, "/opt");
        (void)umount2(LAYER_PLACE, MNT_DETACH); /* the overlays hold what they need */
}
