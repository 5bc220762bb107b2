/* keyboard: key codes (KEYBOARD_KEY_scancode=name) and axis ranges (EVDEV_ABS_axis=min:max:res:fuzz:flat) that the
 * hardware database gave as properties, set on the event node. */
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "builtin.h"
#include "input-keys.h"
#include "lib/log.h"

static int open_node(struct device *d, int *fd)
{
        char path[PATH_MAX];
        int r;

        if (*fd >= 0)
                return 0;
        if (!d->devnode)
                return -ENODEV;
        r = real_dev_path(d->devnode, path);
        if (r < 0)
                return r;
        *fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return *fd < 0 ? log_debug_errno(-errno, "%s: cannot open: %m", d->devnode) : 0;
}

/* "!vendor" → forces a release event by the driver; only the name matters here. */
static void map_key(struct device *d, int fd, const char *scancode, const char *name)
{
        struct {
                unsigned scan, key;
        } map;
        char *end;
        int code;

        map.scan = (unsigned)strtoul(scancode, &end, 16);
        if (end == scancode || *end) {
                log_warning("%s: KEYBOARD_KEY_%s: not a scan code", d->sysname, scancode);
                return;
        }
        if (*name == '!')
                name++;
        if (!*name)
                return;
        code = input_key_code(name);
        if (code < 0) {
                log_warning("%s: KEYBOARD_KEY_%s=%s: no such key", d->sysname, scancode, name);
                return;
        }
        map.key = (unsigned)code;
        if (ioctl(fd, EVIOCSKEYCODE, &map) < 0)
                log_debug_errno(-errno, "%s: cannot map scan code %s to %s: %m", d->sysname, scancode, name);
}

static const char *take_number(const char *s, int *ret)
{
        char *end;
        long v;

        if (*s && *s != ':') {
                v = strtol(s, &end, 0);
                if (end != s && v >= INT_MIN && v <= INT_MAX)
                        *ret = (int)v;
                s = end + strcspn(end, ":");
        }
        return *s == ':' ? s + 1 : s;
}

/* Empty fields leave what the kernel has. */
static void set_axis(struct device *d, int fd, const char *axis, const char *value)
{
        struct input_absinfo a;
        char *end;
        unsigned long n = strtoul(axis, &end, 16);

        if (end == axis || *end || n > ABS_MAX || ioctl(fd, EVIOCGABS(n), &a) < 0)
                return;
        value = take_number(value, &a.minimum);
        value = take_number(value, &a.maximum);
        value = take_number(value, &a.resolution);
        value = take_number(value, &a.fuzz);
        (void)take_number(value, &a.flat);
        if (ioctl(fd, EVIOCSABS(n), &a) < 0)
                log_debug_errno(-errno, "%s: cannot set axis %lu: %m", d->sysname, n);
}

int builtin_keyboard(struct device *d, struct rules_event *e, int argc, char **argv)
{
        _cleanup_close_ int fd = -1;

        for (size_t i = 0; i < d->n_props; i++) {
                const struct prop *p = &d->props[i];
                const char *key = startswith(p->key, "KEYBOARD_KEY_"),
                           *axis = startswith(p->key, "EVDEV_ABS_");

                if (!key && !axis)
                        continue;
                if (open_node(d, &fd) < 0)
                        return -ENODEV;
                if (key)
                        map_key(d, fd, key, p->value);
                else
                        set_axis(d, fd, axis, p->value);
        }
        return 0;
}
