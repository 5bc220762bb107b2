/* Mount units.
 *
 *   dead → mounting → mounted ⇄ remounting,  mounted → unmounting → dead,  any → failed
 *
 * Who mounts (decisions 6): PID 1 itself what has no device behind it (tmpfs, mqueue, bind mounts …) and cannot
 * block; devd's workers what is on a block device; a control process in the unit's own cgroup (mount(8), with the
 * file system's helper) everything else. /proc/self/mountinfo is the only truth: devd watches it and sends the
 * differences, and a mount that somebody else made is a unit too. */
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/devlink.h"
#include "lib/fileio.h"
#include "manager.h"
#include "mount-options.h"
#include "names.h"
#include "probe.h"
#include "types.h"

enum { MOUNT_RESULT_SUCCESS, MOUNT_RESULT_RESOURCES, MOUNT_RESULT_TIMEOUT, MOUNT_RESULT_EXIT_CODE };
static const char *const result_names[] = { "success", "resources", "timeout", "exit-code" };

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [MNT_DEAD] = { UNIT_INACTIVE, "dead" },
        [MNT_MOUNTING] = { UNIT_ACTIVATING, "mounting" },
        [MNT_MOUNTING_DONE] = { UNIT_ACTIVATING, "mounting-done" },
        [MNT_MOUNTED] = { UNIT_ACTIVE, "mounted" },
        [MNT_REMOUNTING] = { UNIT_RELOADING, "remounting" },
        [MNT_UNMOUNTING] = { UNIT_DEACTIVATING, "unmounting" },
        [MNT_UNMOUNTING_SIGTERM] = { UNIT_DEACTIVATING, "unmounting-sigterm" },
        [MNT_UNMOUNTING_SIGKILL] = { UNIT_DEACTIVATING, "unmounting-sigkill" },
        [MNT_FAILED] = { UNIT_FAILED, "failed" },
};

static void set_state(struct mount *mt, enum mount_state state)
{
        struct unit *u = &mt->unit;
        enum active_state old = unit_active_state(u);

        mt->state = state;
        if (state != MNT_MOUNTING)
                probe_forget(&mt->place);
        if (state == MNT_DEAD || state == MNT_FAILED || state == MNT_MOUNTED) {
                mt->devd_asked = false;
                (void)loop_timer_set(u->manager->loop, &mt->timer, USEC_INFINITY);
        }
        unit_notify(u, old, mt->result != MOUNT_RESULT_SUCCESS);
}

static void fail(struct mount *mt, int result)
{
        mt->result = result;
        if (result != MOUNT_RESULT_SUCCESS)
                log_unit(mt->unit.id, LOG_WARNING, "Failed with result '%s'", result_names[result]);
        set_state(mt,
                mt->in_mountinfo ? MNT_MOUNTED : (result == MOUNT_RESULT_SUCCESS ? MNT_DEAD : MNT_FAILED));
}

static void on_timeout(struct loop_timer *t)
{
        struct mount *mt = t->data;

        log_unit(mt->unit.id, LOG_WARNING, "%s %s timed out", states[mt->state].name, mt->where);
        if (mt->control_pid > 0)
                (void)cgroup_kill(&mt->unit, SIGKILL, 0, 0);
        if (mt->state == MNT_UNMOUNTING &&
                !mt->lazy) { /* at the end of the machine's day a held mount is let go */
                log_unit(mt->unit.id, LOG_WARNING, "%s is detached lazily", mt->where);
                (void)probe_ask(
                        mt->unit.manager, LOOK_DETACH, mt->where, USEC_INFINITY, false, NULL, NULL, NULL);
        }
        fail(mt, MOUNT_RESULT_TIMEOUT);
}

static void mount_init(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        u->ignore_on_isolate = true;
        mt->directory_mode = 0755;
        mt->timeout = u->manager->default_timeout_start;
}

static void mount_init_live(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        mt->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timeout, .data = mt };
}

static void mount_forget(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        free(mt->where);
        free(mt->what);
        free(mt->options);
        free(mt->fstype);
}

/* What is mounted can be unmounted, whatever its file says now. */
static void mount_reloaded(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        if (!mt->where)
                (void)unit_name_to_path(u->id, &mt->where);
}

static void mount_done(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        probe_forget(&mt->place);
        loop_timer_cancel(u->manager->loop, &mt->timer);
        free(mt->mi_what);
        free(mt->mi_type);
        free(mt->mi_options);
        free(mt->control_command.path);
        strv_free(mt->control_command.argv);
}

/* ---- loading ---- */

/* Mount points that come with the kernel or the boot and are never taken down by a job. */
static bool is_api(const char *where)
{
        static const char *const below[] = { "/proc", "/sys", "/dev", "/run", NULL };

        for (const char *const *p = below; *p; p++)
                if (path_startswith(where, *p))
                        return true;
        return streq(where, "/") || streq(where, "/usr");
}

static bool is_device_path(const char *what)
{
        return what && path_startswith(what, "/dev") && *path_startswith(what, "/dev");
}

static int add_device_deps(struct unit *u, const struct mount *mt)
{
        _cleanup_free_ char *name = NULL;
        struct unit *dev;
        int r;

        if (!is_device_path(mt->what) || streq(mt->where, "/") || mount_option(mt->options, "bind"))
                return 0;
        r = unit_name_from_path(mt->what, "device", &name);
        if (r >= 0)
                r = unit_get(u->manager, name, &dev);
        if (r < 0)
                return r;
        /* A file system without its disk is of no use to anybody: it is unmounted. */
        return unit_add_dep2(
                u, DEP_AFTER, u->fragment_path ? DEP_BINDS_TO : DEP_REFERENCES, dev, ORIGIN_IMPLICIT);
}

static int add_default_deps(struct unit *u, const struct mount *mt)
{
        bool net = mount_option(mt->options, "_netdev") || mount_type_is_network(mt->fstype);
        const char *target = net ? "remote-fs.target" : "local-fs.target";
        const char *pre = net ? "remote-fs-pre.target" : "local-fs-pre.target";
        int r;

        if (u->default_dependencies_off || is_api(mt->where))
                return 0;
        r = unit_add_dep_by_name(u, DEP_CONFLICTS, "umount.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_BEFORE, "umount.target", ORIGIN_DEFAULT);
        if (r < 0 || !u->fragment_path)
                return r;
        r = unit_add_dep_by_name(u, DEP_AFTER, pre, ORIGIN_DEFAULT);
        if (r >= 0 && net)
                r = unit_add_dep_by_name(u, DEP_AFTER, "network.target", ORIGIN_DEFAULT);
        if (r >= 0 && net)
                r = unit_add_dep_by_name(u, DEP_AFTER, "network-online.target", ORIGIN_DEFAULT);
        if (r >= 0 && net)
                r = unit_add_dep_by_name(u, DEP_WANTS, "network-online.target", ORIGIN_DEFAULT);
        if (r >= 0 && !mount_option(mt->options, "nofail"))
                r = unit_add_dep_by_name(u, DEP_BEFORE, target, ORIGIN_DEFAULT);
        return r;
}

static int add_parent(struct unit *u, const char *where)
{
        _cleanup_free_ char *parent = strdup(where);
        char *slash;

        if (!parent)
                return -ENOMEM;
        slash = strrchr(parent, '/');
        if (streq(where, "/") || !slash)
                return 0;
        slash[slash == parent] = '\0';
        return unit_add_mounts_for(u, parent, ORIGIN_IMPLICIT);
}

static int mount_load(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);
        _cleanup_free_ char *path = NULL;
        int r = unit_name_to_path(u->id, &path);

        if (r < 0)
                return r;
        if (!u->fragment_path && !mt->what && !mt->in_mountinfo && !streq(path, "/"))
                return -ENOENT;
        if (!mt->where)
                mt->where = strdup(path);
        if (!mt->where)
                return -ENOMEM;
        path_simplify(mt->where);
        if (!streq(mt->where, path)) {
                (void)str_replace(&u->load_error, "Where= does not match the unit's name");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC,
                        "Where=%s does not match the unit's name. Refusing.", mt->where);
        }
        if (u->fragment_path && !mt->what) {
                (void)str_replace(&u->load_error, "What= is missing");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC, "What= is missing. Refusing.");
        }
        if (streq(mt->where, "/")) {
                u->perpetual = true;
                u->default_dependencies_off = true;
        }
        if (!u->description)
                (void)str_replace(&u->description, mt->where);
        r = add_parent(u, mt->where);
        if (r >= 0)
                r = add_device_deps(u, mt);
        if (r >= 0 && mt->what && mt->what[0] == '/' && !is_device_path(mt->what))
                r = unit_add_mounts_for(u, mt->what, ORIGIN_IMPLICIT); /* bind, loop */
        return r < 0 ? r : add_default_deps(u, mt);
}

/* ---- running ---- */

static void arm(struct mount *mt)
{
        (void)loop_timer_set(mt->unit.manager->loop, &mt->timer,
                mt->timeout > 0 ? usec_add(now_monotonic(), mt->timeout) : USEC_INFINITY);
}

static int spawn(struct mount *mt, char **argv)
{
        struct exec_params p = { .command = &mt->control_command,
                .control = true,
                .same_group = true,
                .stdin_fd = -1,
                .apply_permissions = true };
        int pidfd, r;

        strv_free(mt->control_command.argv);
        free(mt->control_command.path);
        mt->control_command.argv = argv;
        mt->control_command.path = strdup(argv[0]);
        if (!mt->control_command.path)
                return -ENOMEM;
        r = exec_spawn(&mt->unit, &mt->exec, &p, &mt->control_pid, &pidfd);
        if (r < 0)
                return r;
        mt->unit.manager->n_spawned++;
        return unit_watch_pid(&mt->unit, mt->control_pid, pidfd);
}

static int spawn_mount(struct mount *mt, const char *extra)
{
        _cleanup_strv_ char **argv = NULL;
        _cleanup_free_ char *options = mount_options_for_helper(mt->options, extra);
        int r = options ? strv_add(&argv, "/bin/mount") : -ENOMEM;

        if (r >= 0 && mt->sloppy)
                r = strv_add(&argv, "-s");
        if (r >= 0)
                r = strv_add(&argv, mt->what);
        if (r >= 0)
                r = strv_add(&argv, mt->where);
        if (r >= 0 && mt->fstype && !streq(mt->fstype, "auto")) {
                r = strv_add(&argv, "-t");
                if (r >= 0)
                        r = strv_add(&argv, mt->fstype);
        }
        if (r >= 0 && *options) {
                r = strv_add(&argv, "-o");
                if (r >= 0)
                        r = strv_add(&argv, options);
        }
        return r < 0 ? r : spawn(mt, TAKE_PTR(argv));
}

/* mount(2) here: no device, no network, nothing that could block. */
static int mount_directly(struct mount *mt)
{
        _cleanup_free_ char *data = NULL;
        unsigned long flags;
        int r = mount_options_split(mt->options, &flags, &data);

        if (r < 0)
                return r;
        if (mount(mt->what, mt->where, mt->fstype ?: "none", flags, data) < 0)
                return -errno;
        /* a bind mount takes its other flags only by a second call */
        if (flags & MS_BIND && flags & ~(unsigned long)(MS_BIND | MS_REC) &&
                mount(NULL, mt->where, NULL, flags | MS_REMOUNT, NULL) < 0)
                return -errno;
        return 0;
}

/* Would mount(2) have to wait until the kernel has loaded the file system's module? */
static bool type_may_be_missing(const char *type)
{
        static const char *const built_in[] = { "none", "tmpfs", "ramfs", "proc", "sysfs", "devpts",
                "mqueue", "hugetlbfs", "debugfs", "tracefs", "securityfs", "cgroup2", "bpf", "pstore",
                NULL };
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **words = NULL;

        for (const char *const *t = built_in; *t; t++)
                if (streq(*t, type))
                        return false;
        if (read_file("/proc/filesystems", 0, &text, NULL) < 0)
                return false;
        words = strv_split(text, "\t\n");
        return !strv_contains(words, type);
}

/* Sends it off by the one who does this kind; the answer comes later, or at once for our own. */
static int begin_mount(struct mount *mt)
{
        struct manager *m = mt->unit.manager;
        int r;

        /* devd's workers would wait for the autofs that waits for them */
        if (mount_needs_helper(mt->fstype, mt->what, mt->options) ||
                (is_device_path(mt->what) && automount_guards(&mt->unit)))
                return spawn_mount(mt, NULL);
        if (is_device_path(mt->what)) {
                mt->devd_asked = true;
                r = devlink_mount(m, mt->where, mt->what, streq_null(mt->fstype, "auto") ? NULL : mt->fstype,
                        mt->options,
                        (mt->sloppy ? DL_MOUNT_SLOPPY : 0) | (mt->rw_only ? DL_MOUNT_RWONLY : 0));
                return r == -ENOTCONN ? 0 : r; /* asked again when devd is there */
        }
        if (mt->fstype && type_may_be_missing(mt->fstype))
                return spawn_mount(mt, NULL);
        r = mount_directly(mt);
        if (r < 0)
                return log_unit_errno(
                        mt->unit.id, LOG_ERR, r, "Could not mount %s on %s: %m", mt->what, mt->where);
        mountinfo_message(m, true, mt->where, mt->what, mt->fstype, mt->options);
        return 0;
}

/* What a bind mount shows; NULL: it is none. */
static const char *bind_source(const struct mount *mt)
{
        bool bind = mount_option(mt->options, "bind") || mount_option(mt->options, "rbind") ||
                    streq_null(mt->fstype, "bind");

        return bind && *mt->what == '/' ? mt->what : NULL;
}

/* Where the mount point is, or what is bound, is on a file system that may hang: the whole is done by children. */
static bool may_block(const struct mount *mt)
{
        const char *source = mt->what ? bind_source(mt) : NULL, *slash = strrchr(mt->where, '/');
        _cleanup_free_ char *parent =
                slash > mt->where ? strndup(mt->where, (size_t)(slash - mt->where)) : NULL;

        return (parent && probe_may_block(mt->unit.manager, parent, false)) ||
               (source && probe_may_block(mt->unit.manager, source, false));
}

static void place_made(void *data, int r, const struct path_answer *a)
{
        struct mount *mt = data;

        if (mt->state != MNT_MOUNTING)
                return;
        if (r < 0)
                log_unit_errno(mt->unit.id, LOG_ERR, r, "No directory to mount on at %s: %m", mt->where);
        if (r < 0 || spawn_mount(mt, NULL) < 0)
                fail(mt, MOUNT_RESULT_RESOURCES);
}

/* An automount point is there already, and would keep a child that is not of PID 1's group waiting. */
static int ask_for_place(struct mount *mt)
{
        _cleanup_free_ char *text = NULL;

        if (automount_guards(&mt->unit))
                return spawn_mount(mt, NULL);
        text = path_place_text(mt->where, bind_source(mt), mt->directory_mode);
        return text ? probe_ask(mt->unit.manager, LOOK_PLACE, text, USEC_INFINITY, false, place_made, mt,
                              &mt->place)
                    : -ENOMEM;
}

static int mount_start(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);
        bool slow;
        int r;

        if (mt->state == MNT_MOUNTING)
                return 0;
        if (mt->state == MNT_UNMOUNTING)
                return -EAGAIN;
        if (!mt->what)
                return -ENOEXEC;
        mt->result = MOUNT_RESULT_SUCCESS;
        slow = may_block(mt);
        r = slow ? 0 : path_make_place(mt->where, bind_source(mt), mt->directory_mode);
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r, "No directory to mount on at %s: %m", mt->where);
        arm(mt);
        set_state(mt, MNT_MOUNTING);
        if (mt->state != MNT_MOUNTING)
                return 0;
        if ((slow ? ask_for_place(mt) : begin_mount(mt)) < 0)
                fail(mt, MOUNT_RESULT_RESOURCES);
        return 0;
}

static int spawn_umount(struct mount *mt)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_add(&argv, "/bin/umount");

        if (r >= 0 && mt->lazy)
                r = strv_add(&argv, "-l");
        if (r >= 0 && mt->force)
                r = strv_add(&argv, "-f");
        if (r >= 0)
                r = strv_add(&argv, "-c"); /* the path is as it shall be: nothing to look up */
        if (r >= 0)
                r = strv_add(&argv, mt->where);
        return r < 0 ? r : spawn(mt, TAKE_PTR(argv));
}

static int begin_umount(struct mount *mt)
{
        struct manager *m = mt->unit.manager;
        int r;

        if (automount_guards(&mt->unit) || may_block(mt))
                return spawn_umount(mt);
        r = devlink_umount(m, mt->where, mt->lazy, mt->force);
        if (r != -ENOTCONN)
                return r;
        r = umount2(mt->where, UMOUNT_NOFOLLOW | (mt->lazy ? MNT_DETACH : 0)) < 0 ? -errno : 0;
        umount_done_message(m, mt->where, (unsigned)-r, NULL);
        return 0;
}

static int mount_stop(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        if (mt->state == MNT_UNMOUNTING)
                return 0;
        if (mt->control_pid > 0) { /* still mounting: not any more */
                (void)cgroup_kill(u, SIGTERM, 0, 0);
                return -EAGAIN;
        }
        mt->result = MOUNT_RESULT_SUCCESS;
        arm(mt);
        set_state(mt, MNT_UNMOUNTING);
        if (begin_umount(mt) < 0)
                fail(mt, MOUNT_RESULT_RESOURCES);
        return 0;
}

static int mount_reload(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        arm(mt);
        set_state(mt, MNT_REMOUNTING);
        if (spawn_mount(mt, "remount") < 0)
                fail(mt, MOUNT_RESULT_RESOURCES);
        return 0;
}

static void mount_child(struct unit *u, pid_t pid, int code, int status)
{
        struct mount *mt = UNIT_CAST(mount, u);
        bool good = code == CLD_EXITED && status == 0;

        if (pid != mt->control_pid)
                return;
        mt->control_pid = 0;
        mt->control_command.code = code;
        mt->control_command.status = status;
        if (mt->state == MNT_UNMOUNTING) {
                umount_done_message(u->manager, mt->where, good ? 0 : EBUSY, NULL);
                cgroup_release(u);
                return;
        }
        if (!good) {
                log_unit(u->id, LOG_NOTICE, "Mount process ended, code=%s, status=%d",
                        code == CLD_EXITED ? "exited" : "killed", status);
                fail(mt, MOUNT_RESULT_EXIT_CODE);
        } else if (mt->state == MNT_MOUNTING)
                mountinfo_message(u->manager, true, mt->where, mt->what, mt->fstype, mt->options);
        else
                set_state(mt, mt->in_mountinfo ? MNT_MOUNTED : MNT_DEAD);
        cgroup_release(u);
}

static enum active_state mount_active_state(struct unit *u)
{
        return states[UNIT_CAST(mount, u)->state].state;
}

static const char *mount_sub_state(struct unit *u)
{
        return states[UNIT_CAST(mount, u)->state].name;
}

static const char *mount_result(struct unit *u)
{
        return result_names[UNIT_CAST(mount, u)->result];
}

static void mount_reset_failed(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        mt->result = MOUNT_RESULT_SUCCESS;
        if (mt->state == MNT_FAILED)
                set_state(mt, MNT_DEAD);
}

static pid_t mount_control_pid(struct unit *u)
{
        return UNIT_CAST(mount, u)->control_pid;
}

static usec_t mount_timeout_of(struct unit *u)
{
        return UNIT_CAST(mount, u)->timer.when;
}

/* ---- state: what is mounted, the kernel says (mountinfo_scan()) ---- */

static void mount_serialise(struct unit *u, struct state_out *s)
{
        struct mount *mt = UNIT_CAST(mount, u);

        if (mt->state != MNT_DEAD)
                state_put(s, "state", states[mt->state].name);
        state_put_int(s, "result", mt->result, MOUNT_RESULT_SUCCESS);
        state_put_flag(s, "devd-asked", mt->devd_asked);
        state_put_pid(s, "control-pid", mt->control_pid);
        if (mt->timer.when != USEC_INFINITY)
                state_put_int(s, "timer", mt->timer.when, 0);
}

static bool mount_deserialise(struct unit *u, const char *key, const char *value)
{
        struct mount *mt = UNIT_CAST(mount, u);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                mt->state = (enum mount_state)i;
        } else if (streq(key, "result"))
                mt->result = (int)MIN((uint64_t)state_get_int(value, 0), ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "devd-asked"))
                mt->devd_asked = true;
        else if (streq(key, "control-pid"))
                mt->control_pid = state_get_pid(value);
        else if (streq(key, "timer"))
                (void)loop_timer_set(u->manager->loop, &mt->timer, state_get_int(value, USEC_INFINITY));
        else
                return false;
        return true;
}

static void mount_coldplug(struct unit *u)
{
        struct mount *mt = UNIT_CAST(mount, u);

        mount_reloaded(u);
        if (mt->control_pid > 0)
                state_watch_pid(u, mt->control_pid);
        else if (mt->state == MNT_REMOUNTING)
                mt->state = MNT_MOUNTED;
}

void mount_restored(struct manager *m)
{
        mountinfo_scan(m);
        UNITS_FOREACH(u, m, UNIT_MOUNT)
        {
                struct mount *mt = UNIT_CAST(mount, u);

                if (mt->state == MNT_MOUNTED && !mt->in_mountinfo)
                        set_state(mt, MNT_DEAD);
                else if (mt->state == MNT_MOUNTING && mt->control_pid <= 0 && !mt->devd_asked) {
                        if (ask_for_place(mt) < 0)
                                fail(mt, MOUNT_RESULT_RESOURCES);
                } else if (mt->state == MNT_UNMOUNTING && !mt->in_mountinfo)
                        umount_done_message(m, mt->where, 0, NULL);
                else if (mt->state == MNT_UNMOUNTING && mt->control_pid <= 0)
                        (void)devlink_umount(m, mt->where, mt->lazy, mt->force);
        }
}

const struct unit_ops mount_ops = {
        .size = sizeof(struct mount),
        .section = "Mount",
        .exec_offset = offsetof(struct mount, exec),
        .kill_offset = offsetof(struct mount, kill),
        .cgroup_offset = offsetof(struct mount, cgroup),
        .can_fail_transient = true,
        .live_offset = offsetof(struct mount, state),
        .init = mount_init,
        .init_live = mount_init_live,
        .forget = mount_forget,
        .reloaded = mount_reloaded,
        .load = mount_load,
        .done = mount_done,
        .start = mount_start,
        .stop = mount_stop,
        .reload = mount_reload,
        .child = mount_child,
        .active_state = mount_active_state,
        .sub_state = mount_sub_state,
        .result = mount_result,
        .reset_failed = mount_reset_failed,
        .control_pid = mount_control_pid,
        .timeout_of = mount_timeout_of,
        .serialise = mount_serialise,
        .deserialise = mount_deserialise,
        .coldplug = mount_coldplug,
};

/* ---- from devd and from mountinfo ---- */

static struct mount *find_mount(struct manager *m, const char *where)
{
        _cleanup_free_ char *name = NULL;
        struct unit *u;

        if (unit_name_from_path(where, "mount", &name) < 0)
                return NULL;
        u = unit_find(m, name);
        return u ? UNIT_CAST(mount, u) : NULL;
}

void mount_devd_ready(struct manager *m)
{
        UNITS_FOREACH(u, m, UNIT_MOUNT)
        {
                struct mount *mt = UNIT_CAST(mount, u);

                if (u->load_state == UNIT_LOADED && mt->state == MNT_MOUNTING && mt->devd_asked &&
                        begin_mount(mt) < 0)
                        fail(mt, MOUNT_RESULT_RESOURCES);
        }
}

/* A mount without a file is a unit as long as the kernel has it. */
static void know_again(struct mount *mt)
{
        struct unit *u = &mt->unit;

        if (u->load_state == UNIT_NOT_FOUND
                        ? !mt->in_mountinfo
                        : u->load_state != UNIT_LOADED || mt->in_mountinfo || u->fragment_path || mt->what)
                return;
        u->load_state = UNIT_STUB;
        (void)str_replace(&u->load_error, NULL);
        unit_queue_load(u);
        manager_dispatch_load_queue(u->manager);
}

void mount_done_message(struct manager *m, const char *where, unsigned err, const char *text)
{
        struct mount *mt = find_mount(m, where);

        if (!mt || mt->state != MNT_MOUNTING)
                return;
        if (err) {
                log_unit(mt->unit.id, LOG_ERR, "Could not mount %s on %s: %s", mt->what, where,
                        text ?: strerror((int)err));
                fail(mt, MOUNT_RESULT_EXIT_CODE);
                return;
        }
        mt->in_mountinfo = true;
        set_state(mt, MNT_MOUNTED);
}

void umount_done_message(struct manager *m, const char *where, unsigned err, const char *text)
{
        struct mount *mt = find_mount(m, where);

        if (!mt || mt->state != MNT_UNMOUNTING)
                return;
        if (err && err != EINVAL) { /* EINVAL: not a mount point any more */
                log_unit(
                        mt->unit.id, LOG_ERR, "Could not unmount %s: %s", where, text ?: strerror((int)err));
                fail(mt, MOUNT_RESULT_EXIT_CODE);
                return;
        }
        mt->in_mountinfo = false;
        set_state(mt, MNT_DEAD);
        know_again(mt);
}

void mountinfo_message(struct manager *m, bool there, const char *where, const char *what, const char *type,
        const char *options)
{
        struct mount *mt = find_mount(m, where);

        if (!mt && there) {
                _cleanup_free_ char *name = NULL;
                struct unit *u;

                if (unit_name_from_path(where, "mount", &name) < 0 || unit_get(m, name, &u) < 0)
                        return;
                mt = UNIT_CAST(mount, u);
        }
        if (!mt)
                return;
        if (mt->unit.load_state == UNIT_STUB) {
                mt->in_mountinfo = there; /* so that it is a unit even without a file */
                unit_queue_load(&mt->unit);
                manager_dispatch_load_queue(m);
                mt = UNIT_CAST(mount, unit_follow_merge(&mt->unit));
        }
        if (mt->unit.load_state != UNIT_LOADED && mt->unit.load_state != UNIT_NOT_FOUND) {
                mt->in_mountinfo = false;
                return;
        }
        mt->in_mountinfo = there;
        if (!there)
                mount_bound_know(mt);
        if (there) {
                know_again(mt);
                (void)str_replace(&mt->mi_what, what);
                (void)str_replace(&mt->mi_type, type);
                (void)str_replace(&mt->mi_options, options);
                mount_bound_know(mt);
                if (mt->state == MNT_DEAD || mt->state == MNT_FAILED ||
                        (mt->state == MNT_MOUNTING && mt->control_pid <= 0))
                        set_state(mt, MNT_MOUNTED);
        } else {
                if (mt->state == MNT_MOUNTED || mt->state == MNT_UNMOUNTING)
                        set_state(mt, MNT_DEAD);
                know_again(mt);
        }
}

void mountinfo_scan(struct manager *m)
{
        _cleanup_free_ char *text = NULL;
        char *line, *save = NULL;

        if (read_file("/proc/self/mountinfo", 0, &text, NULL) < 0)
                return;
        for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *dash = strstr(line, " - "), where[PATH_MAX], options[512], type[64], what[PATH_MAX];

                if (!dash || sscanf(line, "%*d %*d %*s %*s %4095s %511s", where, options) != 2 ||
                        sscanf(dash, " - %63s %4095s", type, what) != 2 || streq(type, "autofs"))
                        continue;
                str_unescape_octal(where);
                str_unescape_octal(what);
                mountinfo_message(m, true, where, what, type, options);
        }
}
