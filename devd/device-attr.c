/* sysfs attributes of a device, read once an event.
 *
 * The cache is a short array: absence is remembered too, since rules ask a hundred times for files that are not
 * there. Values longer than a page are cut as sysfs itself would. A write forgets the whole cache, because one
 * attribute may change another. */
#include <fcntl.h>
#include <stdio.h>

#include "device.h"
#include "lib/fileio.h"
#include "lib/hash.h"

#define ATTR_MAX   4096
#define MAX_CACHED 512 /* names may be made up by substitution: a bound for what one event may ask for */

struct attr {
        struct attr *next;
        uint32_t hash;
        char *value; /* into name's allocation, NULL: absent */
        char name[];
};

void device_forget_attrs(struct device *d)
{
        device_free_attrs(d);
}

void device_take_reads(struct device *d, struct device *from)
{
        if (!streq(d->syspath, from->syspath))
                return;
        if (!d->attrs)
                d->attrs = TAKE_PTR(from->attrs);
        if (!d->parent_known && from->parent_known) {
                d->parent = TAKE_PTR(from->parent);
                d->parent_known = true;
                from->parent_known = false;
        }
}

void device_free_attrs(struct device *d)
{
        struct attr *a = d->attrs, *next;

        for (; a; a = next) {
                next = a->next;
                free(a);
        }
        d->attrs = NULL;
}

/* 0 with the text in buf (NUL-terminated), or -errno when the attribute counts as absent: -ELOOP when it is a link,
 * -EISDIR when it is a directory. Of what is write-only sysfs lets nobody read, not even root. */
static int read_regular(int dirfd, const char *path, char *buf)
{
        _cleanup_close_ int fd = -1;
        ssize_t n;

        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        n = read(fd, buf, ATTR_MAX);
        if (n < 0)
                return -errno;
        if (memchr(buf, 0, (size_t)n)) /* binary data: only text is of use to rules */
                n = (ssize_t)strnlen(buf, (size_t)n);
        while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == '\r'))
                n--;
        buf[n] = 0;
        return 0;
}

static int read_attr(struct device *d, const char *name, char *buf)
{
        char path[PATH_MAX], target[PATH_MAX];
        int dirfd, r;
        ssize_t n;

        r = near_sys_path(d->syspath, name, path, &dirfd);
        if (r >= 0)
                r = read_regular(dirfd, path, buf);
        if (r != -ELOOP)
                return r;
        /* Only these links point at something with a name of its own. */
        if (!streq(name, "driver") && !streq(name, "subsystem") && !streq(name, "module"))
                return -EINVAL;
        n = readlinkat(dirfd, path, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        snprintf(buf, ATTR_MAX, "%s", path_basename(target));
        return 0;
}

const char *device_attr(struct device *d, const char *name)
{
        uint32_t h = hash_string(name);
        char buf[ATTR_MAX + 1];
        struct attr *a, **tail = (struct attr **)&d->attrs;
        size_t ln = strlen(name), lv, n = 0;
        bool there;

        for (; (a = *tail); tail = &a->next, n++)
                if (a->hash == h && streq(a->name, name))
                        return a->value;
        if (d->virtual_only || n >= MAX_CACHED)
                return NULL;
        there = read_attr(d, name, buf) >= 0;
        lv = there ? strlen(buf) + 1 : 0;
        a = malloc(sizeof(*a) + ln + 1 + lv);
        if (!a)
                return NULL;
        a->next = NULL;
        a->hash = h;
        memcpy(a->name, name, ln + 1);
        a->value = there ? memcpy(a->name + ln + 1, buf, lv) : NULL;
        *tail = a;
        return a->value;
}

int device_write_attr(struct device *d, const char *name, const char *value)
{
        char path[PATH_MAX];
        int r;

        if (name[0] == '[')
                r = resolve_subsystem_kernel(name, path);
        else if (name[0] == '/')
                return -EINVAL;
        else
                r = real_sys_path(d->syspath, name, path);
        if (r < 0)
                return r;
        r = write_attr(path, value);
        device_forget_attrs(d);
        return r;
}

int resolve_subsystem_kernel(const char *spec, char buf[static PATH_MAX])
{
        _cleanup_device_ struct device *d = NULL;
        char subsystem[256], kernel[256];
        const char *slash, *end;
        int r;

        if (spec[0] != '[' || !(slash = strchr(spec, '/')) || !(end = strchr(slash, ']')) ||
                slash == spec + 1)
                return -EINVAL;
        if (slash - spec > 255 || end - slash > 255 || end == slash + 1)
                return -EINVAL;
        memcpy(subsystem, spec + 1, (size_t)(slash - spec - 1));
        subsystem[slash - spec - 1] = 0;
        memcpy(kernel, slash + 1, (size_t)(end - slash - 1));
        kernel[end - slash - 1] = 0;
        r = device_from_subsystem(subsystem, kernel, &d);
        if (r < 0)
                return r;
        end++;
        while (*end == '/')
                end++;
        return real_sys_path(d->syspath, *end ? end : NULL, buf);
}
