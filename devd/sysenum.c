/* Enumeration of /sys: see sysenum.h. */
#include "sysenum.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/fileio.h"

/* What a boot waits for, in the order in which it is wanted; all others follow as the kernel lists them. */
static const char *const wanted[] = { "class/block", "bus/virtio", "bus/pci", "class/net", "class/tty",
        "class/input", "class/tpmrm", "bus/acpi", "bus/platform", "bus/usb" };

static int add_source(struct sysenum *s, const char *kind, const char *name, const char *sub,
        const char *subsystem, bool plain)
{
        char *dir = str_printf("/sys/%s%s%s%s", kind, name ? "/" : "", name ?: "", sub);
        struct sysenum_source *p = s->source;

        if (!dir)
                return -ENOMEM;
        /* A class and a bus may have the same name, with devices of their own each (nd). */
        for (size_t i = 0; i < s->n; i++)
                if (streq(p[i].dir, dir)) {
                        free(dir);
                        return 0;
                }
        if ((s->n & (s->n - 1)) == 0) {
                p = reallocarray(s->source, s->n ? s->n * 2 : 1, sizeof(*p));
                if (!p) {
                        free(dir);
                        return -ENOMEM;
                }
                s->source = p;
        }
        p += s->n;
        p->dir = dir;
        p->subsystem = strdup(subsystem);
        p->plain = plain;
        s->n++;
        return p->subsystem ? 0 : -ENOMEM;
}

static int add_device_source(struct sysenum *s, const char *kind, const char *name)
{
        return add_source(s, kind, name, streq(kind, "bus") ? "/devices" : "", name, false);
}

/* Every entry of /sys/KIND: devices of it (or, with drivers, the drivers of it). */
static int add_all(struct sysenum *s, const char *kind, bool drivers)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;
        int r = 0;

        snprintf(path, sizeof(path), "%s/%s", root_sys(), kind);
        dir = opendir(path);
        while (dir && r >= 0 && (e = readdir(dir))) {
                if (e->d_name[0] == '.')
                        continue;
                if (drivers)
                        r = add_source(s, kind, e->d_name, "/drivers", "drivers", true);
                else
                        r = add_device_source(s, kind, e->d_name);
        }
        return r;
}

int sysenum_open(struct sysenum *s)
{
        int r = 0;

        *s = (struct sysenum) {};
        for (size_t i = 0; i < ARRAY_SIZE(wanted) && r >= 0; i++) {
                const char *slash = strchr(wanted[i], '/');

                r = add_device_source(s, slash - wanted[i] == 3 ? "bus" : "class", slash + 1);
        }
        if (r >= 0)
                r = add_source(s, "module", NULL, "", "module", true);
        if (r >= 0)
                r = add_all(s, "bus", false);
        if (r >= 0)
                r = add_all(s, "class", false);
        if (r >= 0)
                r = add_all(s, "bus", true);
        if (r >= 0)
                r = add_source(s, "bus", NULL, "", "subsystem", true);
        if (r >= 0)
                r = add_source(s, "class", NULL, "", "subsystem", true);
        if (r < 0)
                sysenum_done(s);
        return r;
}

void sysenum_done(struct sysenum *s)
{
        for (size_t i = 0; i < s->n; i++) {
                free(s->source[i].dir);
                free(s->source[i].subsystem);
        }
        free(s->source);
        *s = (struct sysenum) {};
}

static bool put(struct uevent *u, size_t *len, const char *a, const char *b)
{
        size_t la = strlen(a), lb = strlen(b);

        if (*len + la + lb + 2 > sizeof(u->buf))
                return false;
        memcpy(u->buf + *len, a, la);
        memcpy(u->buf + *len + la, b, lb);
        *len += la + lb;
        u->buf[(*len)++] = '\0';
        return true;
}

/* The uevent file's lines, as they are. Its absence is no error for what is not below /sys/devices. */
static int put_uevent_file(struct uevent *u, size_t *len, const char *devpath)
{
        char path[PATH_MAX];
        ssize_t n;
        int fd;

        if (str_concat_to(path, sizeof(path), root_sys(), devpath, "/uevent", NULL) < 0)
                return -ENAMETOOLONG;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return startswith(devpath, "/devices/") && errno == ENOENT ? -ENODEV : 0;
        n = read(fd, u->buf + *len, sizeof(u->buf) - *len - 64);
        close(fd);
        for (ssize_t i = 0; i < n; i++)
                if (u->buf[*len + (size_t)i] == '\n')
                        u->buf[*len + (size_t)i] = '\0';
        if (n > 0) {
                *len += (size_t)n;
                if (u->buf[*len - 1] != '\0')
                        u->buf[(*len)++] = '\0';
        }
        return 0;
}

/* file: read what the kernel says of it; buses, classes, drivers and modules say nothing. */
static int make_event(struct uevent *u, const char *action, const char *devpath, const char *subsystem,
        uint64_t seqnum, bool file)
{
        char head[PATH_MAX], number[32];
        size_t len = 0;
        int r;

        if (str_concat_to(head, sizeof(head), action, "@", NULL) < 0)
                return -ENAMETOOLONG;
        snprintf(number, sizeof(number), "%llu", (unsigned long long)MAX(seqnum, (uint64_t)1));
        if (!put(u, &len, head, devpath) || !put(u, &len, "ACTION=", action) ||
                !put(u, &len, "DEVPATH=", devpath) || !put(u, &len, "SUBSYSTEM=", subsystem))
                return -ENAMETOOLONG;
        r = file ? put_uevent_file(u, &len, devpath) : 0;
        if (r < 0)
                return r;
        if (!put(u, &len, "SEQNUM=", number))
                return -E2BIG;
        return uevent_parse(u, len);
}

int sysenum_event(
        struct uevent *u, const char *action, const char *devpath, const char *subsystem, uint64_t seqnum)
{
        return make_event(u, action, devpath, subsystem, seqnum, true);
}

/* "../../devices/pci…/vda" → "/devices/pci…/vda"; NULL for what is not a device. */
static char *devpath_of(const struct sysenum_source *s, int dirfd, const char *name)
{
        char target[PATH_MAX];
        const char *t = target;
        ssize_t n;

        if (s->plain) {
                const char *below = startswith(s->dir, "/sys");

                return below ? path_join(below, name) : NULL;
        }
        n = readlinkat(dirfd, name, target, sizeof(target) - 1);
        if (n <= 0)
                return NULL;
        target[n] = '\0';
        while (startswith(t, "../"))
                t += 3;
        return str_concat("/", t, NULL);
}

int sysenum_walk(
        const struct sysenum_source *s, const char *action, uint64_t seqnum, sysenum_cb cb, void *data)
{
        static struct uevent u;
        _cleanup_closedir_ DIR *dir = NULL;
        _cleanup_strv_ char **paths = NULL;
        char path[PATH_MAX];
        struct dirent *e;
        int r;

        r = real_sys_path(s->dir, NULL, path);
        if (r < 0)
                return r;
        dir = opendir(path);
        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        while ((e = readdir(dir))) {
                char *devpath;

                if (e->d_name[0] == '.')
                        continue;
                devpath = devpath_of(s, dirfd(dir), e->d_name);
                if (devpath && strv_push(&paths, devpath) < 0)
                        return -ENOMEM;
        }
        strv_sort(paths);
        FOREACH_STR (p, paths)
                if (make_event(&u, action, *p, s->subsystem, seqnum, !s->plain) >= 0)
                        cb(&u, data);
        return 0;
}
