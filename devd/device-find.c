/* Devices by other names than their path: subsystem and name, database id, interface index, node. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "device.h"
#include "lib/fileio.h"

int device_from_subsystem(const char *subsystem, const char *sysname, struct device **ret)
{
        static const char *const forms[] = { "/sys/class/%s/%s", "/sys/bus/%s/devices/%s",
                "/sys/firmware/%s/%s" };
        _cleanup_free_ char *raw = strdup(sysname);
        char path[PATH_MAX];

        if (!raw)
                return -ENOMEM;
        if (streq(subsystem, "module"))
                snprintf(path, sizeof(path), "/sys/module/%s", raw);
        else if (streq(subsystem, "subsystem")) {
                snprintf(path, sizeof(path), "/sys/bus/%s", raw);
                if (device_from_syspath(path, NULL, ret) >= 0)
                        return 0;
                snprintf(path, sizeof(path), "/sys/class/%s", raw);
        } else if (streq(subsystem, "drivers") && strchr(raw, ':')) {
                char *colon = strchr(raw, ':');

                *colon = 0;
                snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s", raw, colon + 1);
        } else {
                for (char *p = raw; *p; p++)
                        if (*p == '/')
                                *p = '!';
                for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                        snprintf(path, sizeof(path), forms[i], subsystem, raw);
                        if (device_from_syspath(path, NULL, ret) >= 0)
                                return 0;
                }
                return -ENODEV;
        }
        return device_from_syspath(path, NULL, ret);
}

static int device_from_ifindex(const char *number, struct device **ret)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;
        int want;

        if (parse_int(number, &want) < 0 || want <= 0 || real_sys_path("/sys/class/net", NULL, path) < 0)
                return -EINVAL;
        dir = opendir(path);
        if (!dir)
                return errno == ENOENT ? -ENODEV : -errno;
        while ((e = readdir(dir))) {
                _cleanup_device_ struct device *d = NULL;

                if (e->d_name[0] == '.' ||
                        snprintf(path, sizeof(path), "/sys/class/net/%s", e->d_name) >= (int)sizeof(path) ||
                        device_from_syspath(path, NULL, &d) < 0 || d->ifindex != want)
                        continue;
                *ret = TAKE_PTR(d);
                return 0;
        }
        return -ENODEV;
}

int device_from_id(const char *id, struct device **ret)
{
        char path[PATH_MAX];
        const char *colon;

        switch (id[0]) {
        case 'b':
        case 'c':
                if (!id[1] || id[1 + strspn(id + 1, "0123456789:")])
                        return -EINVAL;
                if (snprintf(path, sizeof(path), "/sys/dev/%s/%s", id[0] == 'b' ? "block" : "char",
                            id + 1) >= (int)sizeof(path))
                        return -EINVAL;
                return device_from_syspath(path, NULL, ret);
        case 'n': return device_from_ifindex(id + 1, ret);
        case '+':
                colon = strchr(id, ':');
                if (!colon || colon == id + 1 || !colon[1] || strchr(id, '/'))
                        return -EINVAL;
                return device_from_subsystem(strndupa(id + 1, (size_t)(colon - id - 1)), colon + 1, ret);
        default: return -EINVAL;
        }
}

int device_from_devnode(const char *node, struct device **ret)
{
        char path[PATH_MAX], id[64];
        struct stat st;
        int r;

        r = real_dev_path(node, path);
        if (r < 0)
                return r;
        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
                return -ENODEV;
        snprintf(id, sizeof(id), "%c%u:%u", S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev),
                minor(st.st_rdev));
        return device_from_id(id, ret);
}
