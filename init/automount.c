/* Automount units: a directory whose first use mounts what is behind it (autofs of the kernel, protocol 5, "direct").
 *
 *   dead → loading → waiting ⇄ running → dead | failed
 *
 * loading: devd is asked for the module, or a child is putting it up (automount-child.c). waiting: the autofs is mounted; who goes there sleeps in the kernel, and a
 * packet with a token comes through the pipe. The mount unit is started, and its end answers the token: go on, or ENOENT.
 * running: it is mounted; with TimeoutIdleSec= a child of ours asks the kernel now and then to expire it, which sends a
 * packet that the stop of the mount unit answers.
 *
 * Processes of PID 1's own process group pass through (option pgrp=), or mounting would wait for itself: so mounts
 * below an automount are made by PID 1 or by a control process that stays in its group, never by devd (mount.c). */
#include <fcntl.h>
#include <linux/auto_fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "automount.h"
#include "lib/fileio.h"
#include "manager.h"
#include "probe.h"
#include "state.h"
#include "types.h"

enum { R_SUCCESS, R_RESOURCES, R_START_LIMIT, R_MOUNT_START_LIMIT, R_UNMOUNTED };
static const char *const result_names[] = { "success", "resources", "start-limit-hit",
        "mount-start-limit-hit", "unmounted" };

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [AUTOMOUNT_DEAD] = { UNIT_INACTIVE, "dead" },
        [AUTOMOUNT_LOADING] = { UNIT_ACTIVATING, "loading" },
        [AUTOMOUNT_WAITING] = { UNIT_ACTIVE, "waiting" },
        [AUTOMOUNT_RUNNING] = { UNIT_ACTIVE, "running" },
        [AUTOMOUNT_FAILED] = { UNIT_FAILED, "failed" },
};

static void set_state(struct automount *a, enum automount_state state)
{
        enum active_state old = unit_active_state(&a->unit);

        a->state = state;
        if (state != AUTOMOUNT_RUNNING)
                (void)loop_timer_set(a->unit.manager->loop, &a->timer, USEC_INFINITY);
        unit_notify(&a->unit, old, false);
}

static struct unit *mount_of(struct automount *a)
{
        return a->mount_name ? unit_find(a->unit.manager, a->mount_name) : NULL;
}

bool automount_guards(struct unit *mount)
{
        UNIT_FOREACH_DEP(mount, DEP_BIT(DEP_TRIGGERED_BY), o)
        if (o->type == UNIT_AUTOMOUNT && UNIT_CAST(automount, o)->fd >= 0)
                return true;
        return false;
}

/* ---- tokens ---- */

static int keep_token(struct automount *a, uint32_t token, bool expire)
{
        struct automount_token *t = reallocarray(a->tokens, a->n_tokens + 1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        a->tokens = t;
        a->tokens[a->n_tokens++] = (struct automount_token) { token, expire };
        state_touch(&a->unit);
        return 0;
}

static void answer_one(struct automount *a, uint32_t token, bool good)
{
        if (ioctl(a->fd, good ? AUTOFS_IOC_READY : AUTOFS_IOC_FAIL, (long)token) < 0)
                log_unit_errno(a->unit.id, LOG_WARNING, -errno, "autofs does not take the answer: %m");
}

/* Those of one kind, or of both. */
static void answer(struct automount *a, bool expire, bool good)
{
        size_t kept = 0;

        for (size_t i = 0; i < a->n_tokens; i++)
                if (a->tokens[i].expire == expire)
                        answer_one(a, a->tokens[i].token, good);
                else
                        a->tokens[kept++] = a->tokens[i];
        a->n_tokens = kept;
        state_touch(&a->unit);
}

static bool has_token(const struct automount *a, bool expire)
{
        for (size_t i = 0; i < a->n_tokens; i++)
                if (a->tokens[i].expire == expire)
                        return true;
        return false;
}

/* ---- taking it down ---- */

static void close_pipe(struct automount *a)
{
        int fd = a->pipe.fd;

        loop_io_remove(a->unit.manager->loop, &a->pipe);
        a->pipe.fd = -1;
        close_fd(fd);
}

/* What is mounted upon it first, then the autofs itself: until it is no mount point any more. The last user of a file
 * system that hangs would wait for it: a child is that. */
static void detach(struct automount *a)
{
        char path[64];

        if (probe_may_block(a->unit.manager, a->where, false)) {
                int r = probe_ask(
                        a->unit.manager, LOOK_TAKE_DOWN, a->where, USEC_INFINITY, false, NULL, NULL, NULL);

                if (r < 0)
                        log_unit_errno(a->unit.id, LOG_WARNING, r, "Its autofs stays: %m");
                return;
        }
        snprintf(path, sizeof(path), "/proc/self/fd/%d", a->fd);
        for (int i = 0; i < 16 && umount2(path, MNT_DETACH) >= 0; i++)
                ;
}

static void unmount(struct automount *a)
{
        automount_child_forget(a);
        if (a->expire_pid > 0)
                (void)kill(a->expire_pid, SIGKILL);
        if (a->fd >= 0) {
                answer(a, false, false);
                answer(a, true, false);
                if (a->pipe.fd >= 0)
                        detach(a);
                a->fd = close_fd(a->fd);
        }
        if (a->pipe.fd >= 0)
                close_pipe(a);
        a->n_tokens = 0;
}

static void enter_dead(struct automount *a, int result)
{
        if (a->result == R_SUCCESS)
                a->result = result;
        unmount(a);
        if (a->result != R_SUCCESS)
                log_unit(a->unit.id, LOG_WARNING, "Failed with result '%s'", result_names[a->result]);
        set_state(a, a->result == R_SUCCESS ? AUTOMOUNT_DEAD : AUTOMOUNT_FAILED);
}

/* ---- idle mounts ---- */

static void arm_expire(struct automount *a)
{
        usec_t span = a->idle_timeout;

        if (span == 0 || span == USEC_INFINITY || a->state != AUTOMOUNT_RUNNING)
                return;
        (void)loop_timer_set(a->unit.manager->loop, &a->timer,
                usec_add(now_monotonic(), MAX(span / 4, 100 * USEC_PER_MSEC)));
}

/* The kernel's expire call waits for our own answer, so a child makes it. */
static void on_expire(struct loop_timer *timer)
{
        struct automount *a = timer->data;
        pid_t pid;

        if (a->state != AUTOMOUNT_RUNNING || a->fd < 0)
                return;
        if (a->expire_pid > 0 || has_token(a, true)) {
                arm_expire(a);
                return;
        }
        pid = fork();
        if (pid == 0) {
                int how = 0;

                while (ioctl(a->fd, AUTOFS_IOC_EXPIRE_MULTI, &how) >= 0)
                        ;
                _exit(errno == EAGAIN ? 0 : 1);
        }
        if (pid < 0) {
                log_unit_errno(a->unit.id, LOG_WARNING, -errno, "No process to ask for idle mounts: %m");
                arm_expire(a);
                return;
        }
        a->expire_pid = pid;
        (void)unit_watch_pid(&a->unit, pid, -1);
}

static void automount_child(struct unit *u, pid_t pid, int code, int status)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (pid != a->expire_pid)
                return;
        a->expire_pid = 0;
        arm_expire(a);
}

/* ---- the mount ---- */

/* Its job ended, or its state changed: what do the tokens get? */
static void recheck(struct loop_deferred *d)
{
        struct automount *a = d->data;
        struct unit *mnt = mount_of(a);
        enum active_state s = mnt ? unit_active_state(mnt) : UNIT_INACTIVE;
        bool up = s == UNIT_ACTIVE || s == UNIT_RELOADING, down = s == UNIT_INACTIVE || s == UNIT_FAILED;

        if (a->state != AUTOMOUNT_WAITING && a->state != AUTOMOUNT_RUNNING)
                return;
        if (down && has_token(a, true))
                answer(a, true, true);
        if (up && !(mnt->job && mnt->job->type == JOB_STOP) && has_token(a, true))
                answer(a, true, false); /* busy after all */
        if (up && has_token(a, false))
                answer(a, false, true);
        if (down && !mnt->job && has_token(a, false)) {
                answer(a, false, false);
                if (mnt->start_limit_hit) {
                        enter_dead(a, R_MOUNT_START_LIMIT);
                        return;
                }
        }
        if (up && a->state == AUTOMOUNT_WAITING)
                set_state(a, AUTOMOUNT_RUNNING);
        else if (down && a->state == AUTOMOUNT_RUNNING)
                set_state(a, AUTOMOUNT_WAITING);
        if (up && !loop_timer_armed(&a->timer))
                arm_expire(a);
}

static void automount_trigger_notify(struct unit *u, struct unit *mount)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (a->fd >= 0)
                loop_defer(u->manager->loop, &a->recheck);
}

static void missing(struct automount *a, pid_t pid)
{
        struct manager *m = a->unit.manager;

        if (a->unit.job && a->unit.job->type == JOB_STOP) { /* on the way out nothing is mounted any more */
                answer(a, false, false);
                return;
        }
        log_unit(a->unit.id, LOG_DEBUG, "Process %d goes to %s", (int)pid, a->where);
        if (trigger_start(&a->unit, a->mount_name, &a->watch, &a->recheck) < 0) {
                answer(a, false, false);
                return;
        }
        loop_defer(m->loop, &a->recheck); /* it may be there already */
}

static void expired(struct automount *a)
{
        struct unit *mnt = mount_of(a);
        _cleanup_free_ char *err = NULL;
        int r = mnt ? manager_add_job(a->unit.manager, JOB_STOP, mnt, JOB_REPLACE, false, NULL, &err) : 0;

        if (r < 0)
                log_unit_errno(
                        a->unit.id, LOG_WARNING, r, "Could not stop %s: %s", a->mount_name, err ?: "");
        loop_defer(a->unit.manager->loop, &a->recheck);
}

static void on_packet(struct loop_io *io, uint32_t revents)
{
        struct automount *a = io->data;
        union autofs_v5_packet_union p;
        ssize_t n = read(io->fd, &p, sizeof(p));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n != (ssize_t)sizeof(p)) {
                log_unit(a->unit.id, LOG_WARNING,
                        n == 0 ? "Its autofs was unmounted by somebody else"
                               : "A packet of autofs could not be read");
                close_pipe(a);
                enter_dead(a, R_UNMOUNTED);
                return;
        }
        switch (p.hdr.type) {
        case autofs_ptype_missing_direct:
                if (keep_token(a, p.v5_packet.wait_queue_token, false) < 0)
                        answer_one(a, p.v5_packet.wait_queue_token, false);
                else
                        missing(a, (pid_t)p.v5_packet.pid);
                break;
        case autofs_ptype_expire_direct:
                if (keep_token(a, p.v5_packet.wait_queue_token, true) < 0)
                        answer_one(a, p.v5_packet.wait_queue_token, false);
                else
                        expired(a);
                break;
        default: log_unit(a->unit.id, LOG_WARNING, "autofs sent a packet of type %d, ignored", p.hdr.type);
        }
}

/* ---- putting it up ---- */

static int watch_pipe(struct automount *a, int fd)
{
        int r;

        a->pipe = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_packet, .data = a };
        r = loop_io_add(a->unit.manager->loop, &a->pipe);
        if (r < 0) {
                close(fd);
                a->pipe.fd = -1;
        }
        return r;
}

static struct autofs_plan plan_of(const struct automount *a)
{
        usec_t idle = a->idle_timeout == USEC_INFINITY ? 0 : a->idle_timeout;

        return (struct autofs_plan) { .directory_mode = a->directory_mode,
                .seconds = (unsigned long)((idle + USEC_PER_SEC - 1) / USEC_PER_SEC),
                .group = (int)getpgrp(),
                .options = a->extra_options };
}

void automount_made(struct automount *a, int r, int root, int pipe)
{
        if (r >= 0) {
                a->fd = root;
                r = watch_pipe(a, pipe);
        }
        if (r < 0) {
                log_unit_errno(a->unit.id, LOG_ERR, r, "No automount at %s: %m", a->where);
                enter_dead(a, R_RESOURCES);
        } else
                set_state(a, AUTOMOUNT_WAITING);
}

static void put_up(struct automount *a)
{
        struct autofs_plan plan = plan_of(a);
        int root = -1, pipe = -1, r;

        if (!probe_may_block(a->unit.manager, a->where, false)) {
                r = autofs_put_up(a->where, &plan, &root, &pipe);
                automount_made(a, r, root, pipe);
                return;
        }
        r = automount_child_start(a, &plan);
        if (r < 0)
                automount_made(a, r, -1, -1);
        else if (a->state != AUTOMOUNT_LOADING)
                set_state(a, AUTOMOUNT_LOADING);
}

static void end_loading(struct automount *a)
{
        a->unit.manager->n_low_modules -= a->low_modules;
        a->low_modules = false;
}

static void module_loaded(struct unit *u, int status, const char *message)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (a->state != AUTOMOUNT_LOADING)
                return;
        end_loading(a);
        put_up(a); /* if it is not there, mount(2) says so */
}

static bool kernel_has_autofs(void)
{
        _cleanup_free_ char *text = NULL;

        return read_file("/proc/filesystems", 0, &text, NULL) >= 0 && strstr(text, "\tautofs\n");
}

/* Does a job of another unit wait for us? */
static bool is_waited_for(const struct unit *u)
{
        UNIT_FOREACH_DEP((struct unit *)u, DEP_BIT(DEP_BEFORE), o)
        if (o->job)
                return true;
        return false;
}

static void load_module(struct automount *a)
{
        static char *modules[] = { (char *)"autofs4", NULL };
        struct unit *u = &a->unit;

        a->low_modules = !is_waited_for(u);
        u->manager->n_low_modules += a->low_modules;
        if (devlink_load_modules(u->manager, modules, a->low_modules, module_loaded, u) < 0)
                module_loaded(u, 1, NULL);
}

static int automount_start(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);
        struct unit *mnt = mount_of(a);

        if (a->state != AUTOMOUNT_DEAD && a->state != AUTOMOUNT_FAILED)
                return 0;
        if (mnt && unit_active_state(mnt) == UNIT_ACTIVE) {
                log_unit(u->id, LOG_ERR, "Path %s is already a mount point, refusing start.", a->where);
                return -EEXIST;
        }
        a->result = R_SUCCESS;
        if (kernel_has_autofs()) {
                put_up(a);
                return 0;
        }
        set_state(a, AUTOMOUNT_LOADING);
        load_module(a);
        return 0;
}

static int automount_stop(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (a->state == AUTOMOUNT_LOADING) {
                end_loading(a);
                devlink_forget(u->manager, u);
        }
        trigger_forget(u, &a->watch, &a->recheck);
        enter_dead(a, R_SUCCESS);
        return 0;
}

/* ---- the rest ---- */

static void automount_init(struct unit *u)
{
        UNIT_CAST(automount, u)->directory_mode = 0755;
        u->ignore_on_isolate = true;
}

static void automount_init_live(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        a->fd = a->pipe.fd = a->made_io.fd = a->made_root = a->made_pidfd = -1;
        a->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_expire, .data = a };
        a->recheck = (struct loop_deferred) { .cb = recheck, .data = a };
}

static void automount_forget(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        free(a->where);
        free(a->extra_options);
        free(a->mount_name);
}

static void automount_done(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        loop_timer_cancel(u->manager->loop, &a->timer);
        trigger_forget(u, &a->watch, &a->recheck);
        devlink_forget(u->manager, u);
        unmount(a);
        free(a->tokens);
}

static int add_default_deps(struct unit *u)
{
        static const struct {
                enum dep_type t;
                const char *name;
        } deps[] = {
                { DEP_AFTER, "local-fs-pre.target" },
                { DEP_BEFORE, "local-fs.target" },
                { DEP_CONFLICTS, "umount.target" },
                { DEP_BEFORE, "umount.target" },
        };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(deps) && r >= 0 && !u->default_dependencies_off; i++)
                r = unit_add_dep_by_name(u, deps[i].t, deps[i].name, ORIGIN_DEFAULT);
        return MIN(r, 0);
}

static int automount_load(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);
        _cleanup_free_ char *path = NULL;
        char *parent;
        int r = unit_name_to_path(u->id, &path);

        if (r < 0)
                return r;
        if (!a->where)
                a->where = strdup(path);
        if (!a->where)
                return -ENOMEM;
        path_simplify(a->where);
        if (!streq(a->where, path) || streq(path, "/")) {
                (void)str_replace(&u->load_error, "Where= does not match the unit's name");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC,
                        "Where=%s does not match the unit's name. Refusing.", a->where);
        }
        r = unit_name_change_suffix(u->id, "mount", &a->mount_name);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_BEFORE, a->mount_name, ORIGIN_IMPLICIT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_TRIGGERS, a->mount_name, ORIGIN_IMPLICIT);
        parent = strrchr(path, '/');
        parent[parent == path] = '\0';
        if (r >= 0)
                r = unit_add_mounts_for(u, path, ORIGIN_IMPLICIT);
        return r < 0 ? r : add_default_deps(u);
}

static enum active_state automount_active_state(struct unit *u)
{
        return states[UNIT_CAST(automount, u)->state].state;
}

static const char *automount_sub_state(struct unit *u)
{
        return states[UNIT_CAST(automount, u)->state].name;
}

static const char *automount_result(struct unit *u)
{
        return result_names[UNIT_CAST(automount, u)->result];
}

static void automount_reset_failed(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        a->result = R_SUCCESS;
        if (a->state == AUTOMOUNT_FAILED)
                set_state(a, AUTOMOUNT_DEAD);
}

static void automount_limit_hit(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        a->result = R_START_LIMIT;
        set_state(a, AUTOMOUNT_FAILED);
}

/* ---- state: the autofs stays, with its descriptors and what it was not answered yet ---- */

static void automount_serialise(struct unit *u, struct state_out *s)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (a->state != AUTOMOUNT_DEAD)
                state_put(s, "state", states[a->state].name);
        state_put_int(s, "result", a->result, R_SUCCESS);
        state_put_fd(s, "root-fd", a->fd);
        state_put_fd(s, "pipe-fd", a->pipe.fd);
        for (size_t i = 0; i < a->n_tokens; i++)
                state_put_int(s, a->tokens[i].expire ? "expire-token" : "token", a->tokens[i].token, -1);
        state_put_pid(s, "expire-pid", a->expire_pid);
}

static bool automount_deserialise(struct unit *u, const char *key, const char *value)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                a->state = (enum automount_state)i;
        } else if (streq(key, "result"))
                a->result = (int)MIN((uint64_t)state_get_int(value, 0), ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "root-fd"))
                a->fd = state_get_fd(value);
        else if (streq(key, "pipe-fd"))
                a->pipe.fd = state_get_fd(value);
        else if (streq(key, "token") || streq(key, "expire-token"))
                (void)keep_token(a, (uint32_t)state_get_int(value, 0), *key == 'e');
        else if (streq(key, "expire-pid"))
                a->expire_pid = state_get_pid(value);
        else
                return false;
        return true;
}

static void automount_coldplug(struct unit *u)
{
        struct automount *a = UNIT_CAST(automount, u);

        if (a->expire_pid > 0)
                state_watch_pid(u, a->expire_pid);
        if (a->state == AUTOMOUNT_LOADING &&
                kernel_has_autofs()) /* a child's, which has nobody to tell any more */
                put_up(a);
        else if (a->state == AUTOMOUNT_LOADING) /* asked of devd by the PID 1 before */
                load_module(a);
        if (a->pipe.fd < 0)
                return;
        if (watch_pipe(a, a->pipe.fd) < 0)
                log_unit(u->id, LOG_ERR, "Its autofs will not be answered");
        arm_expire(a);
        loop_defer(u->manager->loop, &a->recheck);
}

const struct unit_ops automount_ops = {
        .size = sizeof(struct automount),
        .section = "Automount",
        .live_offset = offsetof(struct automount, state),
        .init = automount_init,
        .init_live = automount_init_live,
        .forget = automount_forget,
        .load = automount_load,
        .done = automount_done,
        .start = automount_start,
        .stop = automount_stop,
        .child = automount_child,
        .active_state = automount_active_state,
        .sub_state = automount_sub_state,
        .result = automount_result,
        .reset_failed = automount_reset_failed,
        .limit_hit = automount_limit_hit,
        .trigger_notify = automount_trigger_notify,
        .serialise = automount_serialise,
        .deserialise = automount_deserialise,
        .coldplug = automount_coldplug,
};
