/* Mounts that need more than mount(2): a type to be found out, loop devices, options of libmount's own. */
#include <libmount/libmount.h>
#include <sys/mount.h>

#include "lib/devlink.h"
#include "worker.h"

static int prepare(struct libmnt_context *c, const char *what, const char *where, const char *type,
        const char *options, unsigned flags)
{
        int r = mnt_context_set_source(c, what);

        if (r == 0)
                r = mnt_context_set_target(c, where);
        if (r == 0 && type)
                r = mnt_context_set_fstype(c, type);
        if (r == 0 && options)
                r = mnt_context_set_options(c, options);
        if (r == 0 && (flags & DL_MOUNT_REMOUNT))
                r = mnt_context_append_options(c, "remount");
        if (r == 0 && (flags & DL_MOUNT_SLOPPY))
                r = mnt_context_enable_sloppy(c, 1);
        if (r == 0 && (flags & DL_MOUNT_RWONLY))
                r = mnt_context_enable_rwonly_mount(c, 1);
        /* A helper would live in devd's cgroup: those types are PID 1's. */
        return r == 0 ? mnt_context_disable_helpers(c, 1) : r;
}

int worker_mount(const char *what, const char *where, const char *type, const char *options, unsigned flags,
        char **ret_message)
{
        struct libmnt_context *c = mnt_new_context();
        _cleanup_free_ char *dirs = NULL;
        char text[512] = "";
        int r;

        if (!c)
                return -ENOMEM;
        if (!(flags & DL_MOUNT_REMOUNT)) {
                dirs = str_printf("X-mount.mkdir%s%s", str_empty(options) ? "" : ",", options ?: "");
                options = dirs;
        }
        r = prepare(c, what, where, type, options, flags);
        if (r < 0) {
                mnt_free_context(c);
                return r;
        }
        r = mnt_context_mount(c);
        mnt_context_get_excode(c, r, text, sizeof(text));
        if (r > 0) /* the system call's errno */
                r = -r;
        else if (r < 0 && mnt_context_syscall_called(c))
                r = -mnt_context_get_syscall_errno(c) ?: r;
        if (text[0])
                *ret_message = strdup(text);
        mnt_free_context(c);
        return r;
}
