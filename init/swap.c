/* Swap units: /proc/swaps is the truth, swapon and swapoff are control processes of the unit. */
#include <stdio.h>
#include <sys/wait.h>

#include "lib/fileio.h"
#include "manager.h"
#include "mount-options.h"
#include "types.h"

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [SWP_DEAD] = { UNIT_INACTIVE, "dead" },
        [SWP_ACTIVATING] = { UNIT_ACTIVATING, "activating" },
        [SWP_ACTIVE] = { UNIT_ACTIVE, "active" },
        [SWP_DEACTIVATING] = { UNIT_DEACTIVATING, "deactivating" },
        [SWP_FAILED] = { UNIT_FAILED, "failed" },
};
static const char *const result_names[] = { "success", "resources", "timeout", "exit-code" };

static void set_state(struct swap *s, enum swap_state state)
{
        enum active_state old = unit_active_state(&s->unit);

        s->state = state;
        if (state == SWP_DEAD || state == SWP_ACTIVE || state == SWP_FAILED)
                (void)loop_timer_set(s->unit.manager->loop, &s->timer, USEC_INFINITY);
        unit_notify(&s->unit, old, false);
}

static void on_timeout(struct loop_timer *t)
{
        struct swap *s = t->data;

        log_unit(s->unit.id, LOG_WARNING, "Timed out");
        (void)cgroup_kill(&s->unit, SIGKILL, 0, 0);
        s->result = 2;
        set_state(s, s->in_proc ? SWP_ACTIVE : SWP_FAILED);
}

static void swap_init(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        u->ignore_on_isolate = true;
        s->timeout = u->manager->default_timeout_start;
}

static void swap_init_live(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        s->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timeout, .data = s };
}

static void swap_forget(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        free(s->what);
        free(s->options);
}

/* What is in use can be given up, whatever its file says now. */
static void swap_reloaded(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        if (!s->what)
                (void)unit_name_to_path(u->id, &s->what);
}

static void swap_done(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        loop_timer_cancel(u->manager->loop, &s->timer);
        free(s->control_command.path);
        strv_free(s->control_command.argv);
}

static int swap_load(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);
        _cleanup_free_ char *name = NULL;
        int r;

        if (!u->fragment_path && !s->what && !s->in_proc)
                return -ENOENT;
        if (!s->what && unit_name_to_path(u->id, &s->what) < 0)
                return -ENOEXEC;
        if (path_startswith(s->what, "/dev")) {
                r = unit_name_from_path(s->what, "device", &name);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_REQUIRES, name, ORIGIN_IMPLICIT);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_AFTER, name, ORIGIN_IMPLICIT);
        } else
                r = unit_add_mounts_for(u, s->what, ORIGIN_IMPLICIT);
        if (r < 0 || u->default_dependencies_off)
                return r;
        r = unit_add_dep_by_name(u, DEP_CONFLICTS, "umount.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_BEFORE, "umount.target", ORIGIN_DEFAULT);
        if (r >= 0 && !mount_option(s->options, "nofail"))
                r = unit_add_dep_by_name(u, DEP_BEFORE, "swap.target", ORIGIN_DEFAULT);
        return r;
}

static int spawn(struct swap *s, const char *program)
{
        struct exec_params p = {
                .command = &s->control_command, .control = true, .stdin_fd = -1, .apply_permissions = true
        };
        _cleanup_strv_ char **argv = NULL;
        int pidfd, r = strv_add(&argv, program);

        if (r >= 0 && endswith(program, "swapon")) {
                _cleanup_free_ char *options = mount_options_for_helper(s->options, NULL);

                if (s->priority_set)
                        r = strv_addf(&argv, "-p%d", s->priority);
                if (r >= 0 && options && *options) {
                        r = strv_add(&argv, "-o");
                        if (r >= 0)
                                r = strv_add(&argv, options);
                }
        }
        if (r >= 0)
                r = strv_add(&argv, s->what);
        if (r < 0)
                return r;
        strv_free(s->control_command.argv);
        free(s->control_command.path);
        s->control_command.argv = TAKE_PTR(argv);
        s->control_command.path = strdup(program);
        if (!s->control_command.path)
                return -ENOMEM;
        r = exec_spawn(&s->unit, &s->exec, &p, &s->control_pid, &pidfd);
        if (r < 0)
                return r;
        s->unit.manager->n_spawned++;
        (void)loop_timer_set(s->unit.manager->loop, &s->timer, usec_add(now_monotonic(), s->timeout));
        return unit_watch_pid(&s->unit, s->control_pid, pidfd);
}

static int begin(struct unit *u, const char *program, enum swap_state state)
{
        struct swap *s = UNIT_CAST(swap, u);
        int r;

        if (s->control_pid > 0)
                return s->state == state ? 0 : -EAGAIN;
        s->result = 0;
        r = spawn(s, program);
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r, "Could not run %s: %m", program);
        set_state(s, state);
        return 0;
}

static int swap_start(struct unit *u)
{
        return begin(u, "/sbin/swapon", SWP_ACTIVATING);
}

static int swap_stop(struct unit *u)
{
        return begin(u, "/sbin/swapoff", SWP_DEACTIVATING);
}

static void swap_child(struct unit *u, pid_t pid, int code, int status)
{
        struct swap *s = UNIT_CAST(swap, u);
        bool good = code == CLD_EXITED && status == 0;

        if (pid != s->control_pid)
                return;
        s->control_pid = 0;
        if (!good) {
                log_unit(u->id, LOG_WARNING, "%s ended with status %d", s->control_command.path, status);
                s->result = 3;
        } else
                s->in_proc = s->state == SWP_ACTIVATING;
        set_state(s, s->in_proc ? SWP_ACTIVE : (good ? SWP_DEAD : SWP_FAILED));
        cgroup_release(u);
}

static enum active_state swap_active_state(struct unit *u)
{
        return states[UNIT_CAST(swap, u)->state].state;
}

static const char *swap_sub_state(struct unit *u)
{
        return states[UNIT_CAST(swap, u)->state].name;
}

static const char *swap_result(struct unit *u)
{
        return result_names[UNIT_CAST(swap, u)->result];
}

static void swap_reset_failed(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        s->result = 0;
        if (s->state == SWP_FAILED)
                set_state(s, SWP_DEAD);
}

static void swap_serialise(struct unit *u, struct state_out *out)
{
        struct swap *s = UNIT_CAST(swap, u);

        if (s->state != SWP_DEAD)
                state_put(out, "state", states[s->state].name);
        state_put_int(out, "result", s->result, 0);
        state_put_flag(out, "in-proc", s->in_proc);
        state_put_pid(out, "control-pid", s->control_pid);
        state_put_int(out, "timer", s->timer.when, USEC_INFINITY);
}

static bool swap_deserialise(struct unit *u, const char *key, const char *value)
{
        struct swap *s = UNIT_CAST(swap, u);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                s->state = (enum swap_state)i;
        } else if (streq(key, "result"))
                s->result = (int)MIN((uint64_t)state_get_int(value, 0), ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "in-proc"))
                s->in_proc = true;
        else if (streq(key, "control-pid"))
                s->control_pid = state_get_pid(value);
        else if (streq(key, "timer"))
                (void)loop_timer_set(u->manager->loop, &s->timer, state_get_int(value, USEC_INFINITY));
        else
                return false;
        return true;
}

static void swap_coldplug(struct unit *u)
{
        struct swap *s = UNIT_CAST(swap, u);

        swap_reloaded(u);
        if (s->control_pid > 0)
                state_watch_pid(u, s->control_pid);
}

const struct unit_ops swap_ops = {
        .size = sizeof(struct swap),
        .section = "Swap",
        .exec_offset = offsetof(struct swap, exec),
        .kill_offset = offsetof(struct swap, kill),
        .cgroup_offset = offsetof(struct swap, cgroup),
        .can_fail_transient = true,
        .live_offset = offsetof(struct swap, state),
        .init = swap_init,
        .init_live = swap_init_live,
        .forget = swap_forget,
        .reloaded = swap_reloaded,
        .load = swap_load,
        .done = swap_done,
        .start = swap_start,
        .stop = swap_stop,
        .child = swap_child,
        .active_state = swap_active_state,
        .sub_state = swap_sub_state,
        .result = swap_result,
        .reset_failed = swap_reset_failed,
        .serialise = swap_serialise,
        .deserialise = swap_deserialise,
        .coldplug = swap_coldplug,
};

/* One that has no file is a unit as long as it is in use. */
static void load_again(struct unit *u)
{
        u->load_state = UNIT_STUB;
        (void)str_replace(&u->load_error, NULL);
        unit_queue_load(u);
        manager_dispatch_load_queue(u->manager);
}

static void note_in_proc(struct swap *s, bool there)
{
        struct unit *u = &s->unit;

        s->in_proc = there;
        if (there != (s->state == SWP_ACTIVE))
                set_state(s, there ? SWP_ACTIVE : SWP_DEAD);
        if (!there && !u->fragment_path) {
                free(s->what);
                s->what = NULL;
                load_again(u);
        }
}

/* Somebody else has made it: its unit has the name of its path. */
static void found(struct manager *m, const char *what)
{
        _cleanup_free_ char *name = NULL;
        struct unit *u;

        if (unit_name_from_path(what, "swap", &name) < 0 || unit_get(m, name, &u) < 0)
                return;
        if (u->load_state == UNIT_STUB || u->load_state == UNIT_NOT_FOUND) {
                UNIT_CAST(swap, u)->in_proc = true; /* so that it is a unit even without a file */
                load_again(u);
        }
        u = unit_follow_merge(u);
        if (u->load_state == UNIT_LOADED)
                note_in_proc(UNIT_CAST(swap, u), true);
}

void swapinfo_message(struct manager *m, bool there, const char *what, int priority)
{
        bool known = false;

        UNITS_FOREACH(u, m, UNIT_SWAP)
        {
                struct swap *s = UNIT_CAST(swap, u);

                if (u->load_state != UNIT_LOADED || !s->what)
                        continue;
                if (!streq(s->what, what)) {
                        _cleanup_free_ char *real = realpath(s->what, NULL);

                        if (!streq_null(real, what))
                                continue;
                }
                known = true;
                if (s->control_pid <= 0)
                        note_in_proc(s, there);
        }
        if (there && !known)
                found(m, what);
}
