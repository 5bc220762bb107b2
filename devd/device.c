/* Device objects: made from uevents, sysfs paths and database ids; properties, tags, links, parents.
 *
 * A device made from a uevent or by device_from_syspath() is complete. A parent reached through
 * device_parent_lazy() is only a path that exists, and its subsystem, driver and uevent file are read when
 * asked for: most rules look at the subsystems of the chain and at nothing else. Names are those of the usual
 * places ("/sys/…", "/dev/…"); the roots come in only where a file is opened. */
#include <fcntl.h>
#include <stdio.h>

#include "device.h"

static char *sys_root, *dev_root, *run_root;

void device_set_roots(const char *sys, const char *dev, const char *run_udev)
{
        /* Out of memory leaves the former value: only tests and tools set these, at their start. */
        (void)str_replace(&sys_root, sys);
        (void)str_replace(&dev_root, dev);
        (void)str_replace(&run_root, run_udev);
        if (sys_root)
                path_simplify(sys_root);
        if (dev_root)
                path_simplify(dev_root);
        if (run_root)
                path_simplify(run_root);
}

const char *root_sys(void)
{
        return sys_root ? sys_root : "/sys";
}

const char *root_dev(void)
{
        return dev_root ? dev_root : "/dev";
}

const char *root_run(void)
{
        return run_root ? run_root : "/run/udev";
}

static int join3(char *buf, const char *a, const char *b, const char *c)
{
        size_t la = strlen(a), lb = strlen(b), lc = c ? strlen(c) : 0;

        if (la + lb + lc + 2 > PATH_MAX)
                return -ENAMETOOLONG;
        memcpy(buf, a, la);
        memcpy(buf + la, b, lb);
        la += lb;
        if (c) {
                buf[la++] = '/';
                memcpy(buf + la, c, lc);
                la += lc;
        }
        buf[la] = 0;
        return 0;
}

int real_sys_path(const char *syspath, const char *below, char buf[static PATH_MAX])
{
        const char *rest = startswith(syspath, "/sys");

        return join3(buf, root_sys(), rest ? rest : syspath, below);
}

int real_dev_path(const char *devnode, char buf[static PATH_MAX])
{
        const char *rest = startswith(devnode, "/dev");

        return join3(buf, root_dev(), rest ? rest : devnode, NULL);
}

/* --- life ------------------------------------------------------------------------------------------- */

static struct device *device_alloc(void)
{
        struct device *d = calloc(1, sizeof(*d));

        if (!d)
                return NULL;
        d->refs = 1;
        d->major = d->minor = -1;
        d->mode = (mode_t)-1;
        d->uid = (uid_t)-1;
        d->gid = (gid_t)-1;
        return d;
}

struct device *device_ref(struct device *d)
{
        if (d)
                d->refs++;
        return d;
}

void device_unref(struct device *d)
{
        if (!d || --d->refs > 0)
                return;
        for (size_t i = 0; i < d->n_props; i++)
                free(d->props[i].key);
        free(d->props);
        free(d->syspath);
        free(d->sysname_buf);
        free(d->subsystem);
        free(d->devtype);
        free(d->driver);
        free(d->devnode);
        free(d->id);
        free(d->action);
        free(d->name);
        strv_free(d->links);
        strv_free(d->tags_all);
        strv_free(d->tags_current);
        strv_free(d->seclabels);
        free(d->db_text);
        device_free_attrs(d);
        device_unref(d->parent);
        free(d);
}

void device_unrefp(struct device **d)
{
        device_unref(*d);
}

/* --- identity --------------------------------------------------------------------------------------- */

static int set_syspath(struct device *d, const char *devpath)
{
        const char *raw;

        if (devpath[0] != '/' || !path_is_normalized(devpath))
                return -EINVAL;
        d->syspath = str_concat("/sys", devpath, NULL);
        if (!d->syspath)
                return -ENOMEM;
        d->devpath = d->syspath + strlen("/sys");
        raw = path_basename(d->devpath);
        d->sysname = raw;
        if (!*raw)
                return -EINVAL;
        if (strchr(raw, '!')) {
                d->sysname_buf = strdup(raw);
                if (!d->sysname_buf)
                        return -ENOMEM;
                for (char *p = d->sysname_buf; *p; p++)
                        if (*p == '!')
                                *p = '/';
                d->sysname = d->sysname_buf;
        }
        return 0;
}

static int set_id(struct device *d)
{
        const char *bus, *end;

        if (d->id)
                return 0;
        if (d->major >= 0)
                d->id = str_printf(
                        "%c%d:%d", streq_null(d->subsystem, "block") ? 'b' : 'c', d->major, d->minor);
        else if (d->ifindex > 0)
                d->id = str_printf("n%d", d->ifindex);
        else if (streq_null(d->subsystem, "drivers") && (end = strstr(d->devpath, "/drivers/"))) {
                for (bus = end; bus > d->devpath && bus[-1] != '/'; bus--)
                        ;
                d->id = str_printf("+drivers:%.*s:%s", (int)(end - bus), bus, path_basename(d->devpath));
        } else if (d->subsystem)
                d->id = str_concat("+", d->subsystem, ":", path_basename(d->devpath), NULL);
        else
                return 0;
        return d->id ? 0 : -ENOMEM;
}

static int parse_devnum(const char *s, int *ret)
{
        return parse_int(s, ret) < 0 || *ret < 0 ? -EINVAL : 0;
}

/* One KEY=value from the kernel: into the fields that have one, and into the properties. */
static int take_kernel_prop(struct device *d, const char *line, size_t lk)
{
        const char *v = line + lk + 1;
        int r = 0, n;

#define IS(name) (lk == sizeof(name) - 1 && memcmp(line, name, lk) == 0)
        if (IS("SUBSYSTEM"))
                r = str_replace(&d->subsystem, v), d->subsystem_known = true;
        else if (IS("DEVTYPE"))
                r = str_replace(&d->devtype, v);
        else if (IS("DRIVER"))
                r = str_replace(&d->driver, v), d->driver_known = true;
        else if (IS("ACTION"))
                r = str_replace(&d->action, v);
        else if (IS("MAJOR"))
                d->major = parse_devnum(v, &n) < 0 ? -1 : n;
        else if (IS("MINOR"))
                d->minor = parse_devnum(v, &n) < 0 ? -1 : n;
        else if (IS("IFINDEX"))
                d->ifindex = parse_devnum(v, &n) < 0 ? 0 : n;
        else if (IS("SEQNUM")) {
                if (parse_u64(v, &d->seqnum) < 0)
                        d->seqnum = 0;
        } else if (IS("DEVNAME")) {
                const char *rest = path_startswith(v, "/dev");
                char node[PATH_MAX];

                rest = rest ? rest : v;
                if (!path_is_normalized(rest) || *rest == '/' || !*rest)
                        return 0;
                if (snprintf(node, sizeof(node), "/dev/%s", rest) >= (int)sizeof(node))
                        return 0;
                r = str_replace(&d->devnode, node);
                return r < 0 ? r : device_store_prop(d, "DEVNAME", 7, node, true);
        }
#undef IS
        return r < 0 ? r : device_store_prop(d, line, lk, v, true);
}

static int check_identity(struct device *d)
{
        if (d->major < 0 || d->minor < 0)
                d->major = d->minor = -1;
        if (d->major == 0 && d->minor == 0)
                d->major = d->minor = -1;
        if (d->major < 0 && d->devnode) { /* a node without a number is none */
                free(d->devnode);
                d->devnode = NULL;
        }
        return set_id(d);
}

int device_from_uevent(const struct uevent *u, struct device **ret)
{
        _cleanup_device_ struct device *d = device_alloc();
        const char *p, *end = u->buf + u->len;
        int r;

        if (!d)
                return -ENOMEM;
        if (!u->devpath)
                return -EBADMSG;
        r = set_syspath(d, u->devpath);
        if (r < 0)
                return r;
        d->uevent_known = d->subsystem_known = true;
        d->driver_known = u->action && streq(u->action, "remove");
        for (p = u->buf + strnlen(u->buf, u->len) + 1; p < end; p += strlen(p) + 1) {
                const char *eq;

                if (!memchr(p, 0, (size_t)(end - p)))
                        break;
                eq = strchr(p, '=');
                if (!eq || eq == p)
                        continue;
                r = take_kernel_prop(d, p, (size_t)(eq - p));
                if (r < 0)
                        return r;
        }
        if (!d->action && u->action && str_replace(&d->action, u->action) < 0)
                return -ENOMEM;
        r = check_identity(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

int device_from_props(const char *syspath, const char *action, char *const *props, struct device **ret)
{
        _cleanup_device_ struct device *d = device_alloc();
        const char *devpath = path_startswith(syspath, "/sys");
        int r;

        if (!d)
                return -ENOMEM;
        r = devpath ? set_syspath(d, devpath - 1) : -EINVAL;
        d->uevent_known = d->subsystem_known = true;
        FOREACH_STR (p, props) {
                const char *eq = strchr(*p, '=');

                if (r >= 0 && eq && eq != *p)
                        r = take_kernel_prop(d, *p, (size_t)(eq - *p));
        }
        if (r >= 0 && !d->subsystem)
                r = -ENODATA;
        if (r >= 0)
                r = str_replace(&d->action, action);
        if (r >= 0)
                r = check_identity(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* What sysfs has no "subsystem" link for. */
static const char *implied_subsystem(const char *devpath)
{
        if (startswith(devpath, "/module/"))
                return "module";
        if (strstr(devpath, "/drivers/") || endswith(devpath, "/drivers"))
                return "drivers";
        if (startswith(devpath, "/class/") || startswith(devpath, "/bus/") ||
                startswith(devpath, "/subsystem/"))
                return "subsystem";
        return NULL;
}

static char *link_basename(const char *syspath, const char *name)
{
        char path[PATH_MAX], target[PATH_MAX];
        int dirfd;
        ssize_t n;

        if (near_sys_path(syspath, name, path, &dirfd) < 0)
                return NULL;
        n = readlinkat(dirfd, path, target, sizeof(target) - 1);
        if (n <= 0)
                return NULL;
        target[n] = 0;
        return strdup(path_basename(target));
}

const char *device_subsystem(struct device *d)
{
        const char *s;

        if (!d->subsystem_known) {
                struct above *a = device_above(d->syspath, false);

                d->subsystem_known = true;
                if (a && a->subsystem_known) {
                        d->subsystem = a->subsystem ? strdup(a->subsystem) : NULL;
                        return d->subsystem;
                }
                d->subsystem = link_basename(d->syspath, "subsystem");
                if (!d->subsystem && (s = implied_subsystem(d->devpath)))
                        d->subsystem = strdup(s);
                if (a)
                        a->subsystem_known = str_replace(&a->subsystem, d->subsystem) >= 0;
        }
        return d->subsystem;
}

const char *device_driver(struct device *d)
{
        if (!d->driver_known) {
                d->driver_known = true;
                if (!d->driver && !d->virtual_only)
                        d->driver = link_basename(d->syspath, "driver");
        }
        return d->driver;
}

const char *device_devtype(struct device *d)
{
        if (!d->uevent_known)
                (void)device_complete(d);
        return d->devtype;
}

#define UEVENT_FILE_MAX 8192 /* the kernel's own limit is 2 KiB of environment */

/* -ENOENT when there is none; one that cannot be read (in /sys/bus and /sys/module they are write-only) says
 * nothing. */
static int read_uevent_file(struct device *d)
{
        char path[PATH_MAX], text[UEVENT_FILE_MAX + 1], *line, *rest = text;
        _cleanup_close_ int fd = -1;
        int dirfd, r;
        ssize_t n;

        r = near_sys_path(d->syspath, "uevent", path, &dirfd);
        if (r < 0)
                return r;
        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == EACCES || errno == EPERM ? 0 : -errno;
        n = read(fd, text, UEVENT_FILE_MAX);
        if (n < 0)
                return errno == EIO || errno == EACCES || errno == EPERM ? 0 : -errno;
        text[n] = 0;
        while ((line = strsep(&rest, "\n"))) {
                char *eq = strchr(line, '=');

                if (!eq || eq == line)
                        continue;
                r = take_kernel_prop(d, line, (size_t)(eq - line));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Device directories hold a "uevent" file; buses, classes and drivers may not, and are told by their place. */
static bool needs_uevent_file(const char *syspath)
{
        return startswith(syspath, "/sys/devices/");
}

int device_complete(struct device *d)
{
        int r;

        if (d->uevent_known)
                return 0;
        d->uevent_known = true;
        r = device_store_prop(d, "DEVPATH", 7, d->devpath, true);
        if (r >= 0 && device_subsystem(d))
                r = device_store_prop(d, "SUBSYSTEM", 9, d->subsystem, true);
        if (r >= 0)
                r = read_uevent_file(d);
        if (r == -ENOENT || r == -ENODEV)
                r = needs_uevent_file(d->syspath) ? -ENODEV : 0;
        return r < 0 ? r : check_identity(d);
}

static bool is_device_dir(const char *syspath)
{
        struct above *a = device_above(syspath, true);
        char path[PATH_MAX];
        int dirfd;
        bool is;

        if (a && a->checked)
                return a->device;
        if (near_sys_path(syspath, needs_uevent_file(syspath) ? "uevent" : NULL, path, &dirfd) < 0)
                return false;
        is = faccessat(dirfd, path, F_OK, 0) >= 0;
        if (a) {
                a->checked = true;
                a->device = is;
        }
        return is;
}

/* Without links. The kernel knows the answer once it has opened the path: three calls instead of one a component. */
static int resolved_path(const char *path, char real[static PATH_MAX])
{
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char link[64];
        ssize_t n;

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, real, PATH_MAX - 1);
        if (n > 0 && real[0] == '/') {
                real[n] = 0;
                return 0;
        }
        return realpath(path, real) ? 0 : -errno; /* no /proc */
}

static const char *resolved_root(void)
{
        static char real[PATH_MAX];
        static char *of;

        if (!of || !streq(of, root_sys())) {
                if (resolved_path(root_sys(), real) < 0 || str_replace(&of, root_sys()) < 0)
                        return root_sys();
        }
        return real;
}

/* "/sys/class/net/eth0", "/sys/block/sda", with or without the real root → "/devices/…". */
static int canonical_devpath(const char *given, char **ret)
{
        char path[PATH_MAX], real[PATH_MAX];
        const char *rest = path_startswith(given, root_sys());
        int r;

        if (!rest)
                rest = path_startswith(given, "/sys");
        if (!rest && given[0] == '/') /* a plain DEVPATH */
                rest = given + 1;
        if (!rest || !*rest)
                return -EINVAL;
        r = snprintf(path, sizeof(path), "%s/%s", root_sys(), rest);
        if (r < 0 || (size_t)r >= sizeof(path))
                return -ENAMETOOLONG;
        r = resolved_path(path, real);
        if (r < 0)
                return r;
        rest = path_startswith(real, resolved_root());
        if (!rest || !*rest)
                return -EINVAL;
        *ret = str_printf("/%s", rest);
        return *ret ? 0 : -ENOMEM;
}

/* check: whether it is there; else the first read will tell. */
static int new_lazy(const char *devpath, bool check, struct device **ret)
{
        _cleanup_device_ struct device *d = device_alloc();
        int r;

        if (!d)
                return -ENOMEM;
        r = set_syspath(d, devpath);
        if (r < 0)
                return r;
        if (check && !is_device_dir(d->syspath))
                return -ENODEV;
        *ret = TAKE_PTR(d);
        return 0;
}

int device_from_syspath(const char *syspath, const char *action, struct device **ret)
{
        _cleanup_device_ struct device *d = NULL;
        _cleanup_free_ char *devpath = NULL;
        int r;

        r = canonical_devpath(syspath, &devpath);
        if (r >= 0)
                r = new_lazy(devpath, false, &d);
        if (r < 0)
                return r;
        if (action) {
                r = str_replace(&d->action, action);
                if (r >= 0)
                        r = device_store_prop(d, "ACTION", 6, action, true);
                if (r < 0)
                        return r;
        }
        r = device_complete(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* --- the chain -------------------------------------------------------------------------------------- */

struct device *device_parent_lazy(struct device *d)
{
        char path[PATH_MAX], *slash;

        if (d->parent_known || d->virtual_only)
                return d->parent;
        d->parent_known = true;
        if (str_concat_to(path, sizeof(path), d->devpath, NULL) < 0)
                return NULL;
        while ((slash = strrchr(path, '/')) && slash > path) {
                *slash = 0;
                /* "/devices", "/class", "/module" … hold devices and are none. */
                if (strrchr(path, '/') == path)
                        break;
                if (new_lazy(path, true, &d->parent) >= 0)
                        break;
        }
        return d->parent;
}

struct device *device_parent(struct device *d)
{
        struct device *p = device_parent_lazy(d);

        if (p)
                (void)device_complete(p);
        return p;
}

bool device_in_subsystem(struct device *d, const char *subsystem)
{
        const char *s = device_subsystem(d);

        return s && streq(s, subsystem);
}

struct device *device_parent_with(struct device *d, const char *subsystem, const char *devtype)
{
        for (struct device *p = device_parent_lazy(d); p; p = device_parent_lazy(p)) {
                if (!device_in_subsystem(p, subsystem))
                        continue;
                (void)device_complete(p);
                if (!devtype || streq_null(p->devtype, devtype))
                        return p;
        }
        return NULL;
}

const char *device_sysnum_text(const struct device *d)
{
        const char *p = d->sysname + strlen(d->sysname);

        while (p > d->sysname && p[-1] >= '0' && p[-1] <= '9')
                p--;
        return p == d->sysname ? "" : p;
}

int device_sysnum(struct device *d)
{
        const char *t = device_sysnum_text(d);
        int n;

        return *t && parse_int(t, &n) >= 0 ? n : -1;
}
