/* rouse-exec: what comes from disk images and extensions. RootImage= stands in the place of RootDirectory=, MountImages= are
 * mounted like BindPaths=, ExtensionImages= and ExtensionDirectories= lie over /usr and /opt as overlayfs, read-only.
 *
 * exec-main-disk.c knows what an image holds; it is opened before the service has a /dev of its own. An extension has
 * to say that it is made for this root: extension-release.NAME, see os-release(5). */
#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "exec-main-disk.h"
#include "exec-main-mount.h"
#include "exec-main-verity.h"
#include "lib/fileio.h"
#include "lib/machine.h"

#define ROOT_PLACE  "/run/rouse/image-root" /* mount points, in the service's namespace only */
#define LAYER_PLACE "/run/rouse/image-layers"
#define MAX_IMAGES  64
#define RELEASES    "/usr/lib/extension-release.d"
#define RELAX       "x-systemd.relax-extension-release-check"

static void fail(struct helper *h, int err, const char *what)
{
        helper_fail(h, EXIT_NAMESPACE, err, what);
}

/* "[-]SOURCE[:DEST][:OPTIONS]" of one kind, taken apart; \: is a colon of the name. OPTIONS are the root's, or
 * "PARTITION:OPTIONS:PARTITION:OPTIONS…". */
struct image {
        char *source, *dest;
        const char *options[PART_MAX];
        struct disk disk;
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

static void take_option(struct helper *h, struct image *i, const char *name, const char *options)
{
        int part = disk_part_from_string(name, strlen(name));

        if (part < 0)
                fail(h, part, name);
        i->options[part] = options;
}

static void take_options(struct helper *h, struct image *i, char *text)
{
        if (!text || !strchr(text, ':'))
                i->options[PART_ROOT] = text;
        else
                while (text) {
                        const char *name = strsep(&text, ":");

                        take_option(h, i, name, strsep(&text, ":") ?: "");
                }
}

/* False: it is not there, and need not be. */
static bool take_apart(struct helper *h, const char *text, bool has_dest, struct image *ret)
{
        bool optional = *text == '-';
        char *copy = strdup(text + optional), *at = copy;

        if (!copy)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        *ret = (struct image) { 0 };
        ret->source = take_part(&at);
        if (has_dest)
                ret->dest = take_part(&at);
        if (*ret->source != '/' || (has_dest && (!ret->dest || *ret->dest != '/')))
                fail(h, -EINVAL, text);
        take_options(h, ret, at);
        return !optional || access(ret->source, F_OK) == 0;
}

/* settings: RootHash=, RootHashSignature=, RootVerity=; NULL where none is said. */
static void open_image(struct helper *h, struct image *i, bool read_only, const char *const settings[3])
{
        struct verity verity[2] = { 0 };
        int r = verity_read(i->source, "root", settings[0], settings[1], settings[2], &verity[0]);

        if (r >= 0)
                r = verity_read(i->source, "usr", NULL, NULL, NULL, &verity[1]);
        if (r >= 0)
                r = disk_open(i->source, read_only, i->options, verity, &i->disk);
        if (r < 0)
                fail(h, r, i->source);
}

static const char *const nothing_said[3];

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
        static const char *const kinds[] = { "RootHash", "RootHashSignature", "RootVerity" };
        uint32_t at = 0;
        const char *text = image_of_kind(h, "RootImage", &at), *options, *settings[3];
        struct image i;
        int r;

        if (!text || !take_apart(h, text, false, &i))
                return NULL;
        for (at = 0; (options = image_of_kind(h, "RootImageOptions", &at));) {
                char *copy = strdup(options);

                if (!copy)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
                take_options(h, &i, copy);
        }
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                at = 0;
                settings[k] = image_of_kind(h, kinds[k], &at);
        }
        open_image(h, &i, false, settings);
        r = disk_place(&i.disk, ROOT_PLACE);
        if (r < 0)
                fail(h, r, i.source);
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
                open_image(h, i, false, nothing_said);
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
                r = dest ? disk_place(&mounts[k].disk, dest) : -ENOMEM;
                if (r < 0)
                        fail(h, r, mounts[k].dest);
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
        _cleanup_free_ char *id = release_value(release, "ID"),
                            *machine = release_value(release, "ARCHITECTURE");
        bool said, same;

        if (!id || !*id || !machine ||
                (*machine && !streq(machine, "_any") && !streq(machine, architecture_name())))
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

static int is_release(const struct dirent *e)
{
        return startswith(e->d_name, "extension-release.") != NULL;
}

static bool is_tagged(const char *path)
{
        char value[8] = "";
        ssize_t n = getxattr(path, "user.extension-release.strict", value, sizeof(value) - 1);

        return n > 0 && parse_boolean(value) == 0;
}

/* The one file that there is; relaxed: whatever its name is, otherwise it has to say itself that this does not matter. */
static char *other_release(const char *layer, bool relaxed)
{
        _cleanup_free_ char *dir = str_printf("%s" RELEASES, layer), *path = NULL;
        struct dirent **list = NULL;
        int n = dir ? scandir(dir, &list, is_release, NULL) : -1;

        if (n == 1)
                path = path_join(dir, list[0]->d_name);
        for (int i = 0; i < n; i++)
                free(list[i]);
        free(list);
        return path && (relaxed || is_tagged(path)) ? TAKE_PTR(path) : NULL;
}

static void check_release(struct helper *h, const char *layer, const struct image *i, const char *host)
{
        _cleanup_free_ char *name = strdup(path_basename(i->source)), *path = NULL, *other = NULL,
                            *text = NULL;
        char *raw = name ? (char *)endswith(name, ".raw") : NULL;
        bool relaxed = i->options[PART_ROOT] && strstr(i->options[PART_ROOT], RELAX);

        if (raw)
                *raw = '\0';
        path = name ? str_printf("%s" RELEASES "/extension-release.%s", layer, name) : NULL;
        if (path && access(path, F_OK) < 0)
                other = other_release(layer, relaxed);
        if (!path || read_file(other ?: path, 64 * 1024, &text, NULL) < 0 || !made_for(text, host))
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

static void start_layers(struct helper *h, char **ret_host)
{
        int r = read_host_release(ret_host);

        if (r >= 0)
                r = mkdir_p(LAYER_PLACE, 0755);
        if (r < 0)
                fail(h, r, "os-release");
        if (mount("layers", LAYER_PLACE, "tmpfs", MS_NODEV | MS_NOSUID, "mode=0700") < 0 ||
                mkdir(LAYER_PLACE "/none", 0755) < 0)
                fail(h, -errno, LAYER_PLACE);
}

static void open_directory(struct helper *h, struct image *i)
{
        int fd = (int)syscall(
                SYS_open_tree, AT_FDCWD, i->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

        if (fd < 0)
                fail(h, -errno, i->source);
        for (int part = 0; part < PART_MAX; part++)
                i->disk.fd[part] = part == PART_ROOT ? fd : -1;
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
                        if (n == 0)
                                start_layers(h, &host);
                        if (k == 0)
                                open_image(h, &i, true, nothing_said);
                        else
                                open_directory(h, &i);
                        snprintf(layer, sizeof(layer), LAYER_PLACE "/%zu", n++);
                        r = disk_place(&i.disk, layer);
                        if (r < 0)
                                fail(h, r, i.source);
                        check_release(h, layer, &i, host);
                }
        }
        if (n == 0)
                return;
        lay_over(h, n, "/usr");
        lay_over(h, n, "/opt");
        (void)umount2(LAYER_PLACE, MNT_DETACH); /* the overlays hold what they need */
}
