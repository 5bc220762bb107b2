/* Mount requests: see mounts.h. What is mounted: mounts-watch.c. */
#include "mounts.h"

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/devlink.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "modules.h"
#include "pid1.h"
#include "task.h"
#include "worker-pool.h"

struct mounting {
        struct devd *m;
        uint32_t id, flags;
        char *where, *what, *type, *options;
        struct mount_plan plan;
        bool umount, lazy, force;
};

static void mounting_free(struct mounting *x)
{
        free(x->where);
        free(x->what);
        free(x->type);
        free(x->options);
        free(x->plan.data);
        free(x);
}

static void mounting_end(struct mounting *x, int result, const char *message)
{
        struct wire_writer w = {};

        if (result < 0)
                log_error("%s: %s", x->where, !str_empty(message) ? message : strerror(-result));
        else if (!str_empty(message))
                log_warning("%s: %s", x->where, message);
        mounts_refresh(x->m);
        wire_begin(&w, x->umount ? DL_UMOUNT_DONE : DL_MOUNT_DONE, x->id);
        wire_str(&w, x->where);
        wire_u32(&w, result < 0 ? (uint32_t)-result : 0);
        wire_str(&w, !str_empty(message) ? message : result < 0 ? strerror(-result) : NULL);
        pid1_send(x->m, &w);
        mounting_free(x);
}

static void on_child(int result, const char *output, size_t len, void *data)
{
        mounting_end(data, result, output);
}

static void on_worker(int result, struct wire_reader *r, void *data)
{
        const char *message = NULL;

        if (r) {
                result = (int32_t)wire_get_u32(r);
                message = wire_get_str(r);
        }
        mounting_end(data, result, message);
}

static int mount_child(int out_fd, void *arg)
{
        const struct mounting *x = arg;

        return mount_plan_run(&x->plan, x->what, x->where, x->type, x->flags & DL_MOUNT_RWONLY, out_fd);
}

static int ask_worker(struct mounting *x)
{
        _cleanup_wire_ struct wire_writer w = {};

        wire_begin(&w, WK_MOUNT, 1);
        wire_str(&w, x->what);
        wire_str(&w, x->where);
        wire_str(&w, x->type);
        wire_str(&w, x->options);
        wire_u32(&w, x->flags);
        return pool_request(x->m, WORKER_FULL, &w, USEC_INFINITY, on_worker, x, NULL);
}

static void do_mount(struct mounting *x)
{
        int r;

        if (x->type && x->plan.plain)
                r = task_fn(x->m, x->where, mount_child, x, USEC_INFINITY, on_child, x, NULL);
        else
                r = ask_worker(x);
        if (r < 0)
                mounting_end(x, r, NULL);
}

static void on_module(unsigned failed, const char *message, void *data)
{
        do_mount(data); /* when the kernel does not know the type now, mount(2) says so */
}

/* Is the type one of /proc/filesystems? */
static bool kernel_knows(const char *type)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;

        if (read_file("/proc/filesystems", 0, &text, NULL) < 0)
                return true;
        for (rest = text; (line = strsep(&rest, "\n"));) {
                char *tab = strchr(line, '\t');

                if (tab && streq(tab + 1, type))
                        return true;
        }
        return false;
}

/* The type as the database has it: blkid was asked already. */
static char *known_type(const char *what)
{
        _cleanup_device_ struct device *d = NULL;
        const char *type;

        if (!startswith(what, "/dev/") || device_from_devnode(what, &d) < 0 || db_read(d) < 0)
                return NULL;
        type = device_prop(d, "ID_FS_TYPE");
        if (!type || !streq_null(device_prop(d, "ID_FS_USAGE"), "filesystem"))
                return NULL;
        /* libblkid and the kernel disagree about this one's name. */
        return strdup(streq(type, "ntfs") ? "ntfs3" : type);
}

static bool has_helper(const char *type)
{
        char path[PATH_MAX];

        return snprintf(path, sizeof(path), "/sbin/mount.%s", type) < (int)sizeof(path) &&
               access(path, X_OK) >= 0;
}

void mounts_mount(struct devd *m, const struct mount_request *q)
{
        struct mounting *x = calloc(1, sizeof(*x));
        char alias[64], *names[] = { alias, NULL };
        int r;

        if (!x)
                return;
        *x = (struct mounting) { .m = m, .id = q->id, .flags = q->flags };
        if (str_replace(&x->where, q->where) < 0 || str_replace(&x->what, q->what) < 0 ||
                str_replace(&x->options, q->options) < 0 || mount_plan_parse(q->options, &x->plan) < 0) {
                mounting_free(x);
                return;
        }
        if (!str_empty(q->type) && !streq(q->type, "auto"))
                x->type = strdup(q->type);
        else
                x->type = known_type(q->what);
        if (q->flags & DL_MOUNT_REMOUNT)
                x->plan.flags |= MS_REMOUNT;
        if (x->type && (strchr(x->type, ',') || has_helper(x->type)))
                x->plan.plain = false;
        if (x->type && x->plan.plain && !(q->flags & DL_MOUNT_REMOUNT) && !kernel_knows(x->type) &&
                snprintf(alias, sizeof(alias), "fs-%s", x->type) < (int)sizeof(alias)) {
                r = modules_load(m, names, false, on_module, x);
                if (r >= 0)
                        return;
        }
        do_mount(x);
}

static int umount_child(int out_fd, void *arg)
{
        const struct mounting *x = arg;
        int flags = UMOUNT_NOFOLLOW | (x->lazy ? MNT_DETACH : 0) | (x->force ? MNT_FORCE : 0);

        if (umount2(x->where, flags) >= 0)
                return 0;
        dprintf(out_fd, "cannot be unmounted: %s", strerror(errno));
        return -errno;
}

void mounts_umount(struct devd *m, uint32_t id, const char *where, bool lazy, bool force)
{
        struct mounting *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return;
        *x = (struct mounting) { .m = m, .id = id, .umount = true, .lazy = lazy, .force = force };
        r = str_replace(&x->where, where);
        if (r >= 0)
                r = task_fn(m, where, umount_child, x, USEC_INFINITY, on_child, x, NULL);
        if (r < 0)
                mounting_end(x, r, NULL);
}
