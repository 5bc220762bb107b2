/* Services: defaults, checks after reading, implicit dependencies (systemd.service(5), "Automatic dependencies"). */
#include <stdio.h>

#include "lib/fileio.h"
#include "manager.h"
#include "service.h"

void service_init(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);
        struct manager *m = u->manager;

        s->timeout_start = m->default_timeout_start;
        s->timeout_stop = m->default_timeout_stop;
        s->timeout_abort = m->default_timeout_abort;
        s->restart_usec = m->default_restart_sec;
        s->restart_max_usec = s->runtime_max = USEC_INFINITY;
        s->reload_signal = SIGHUP;
        s->exec.std_output = m->default_std_output;
        s->exec.std_error = m->default_std_error;
}

void service_init_live(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        s->watchdog_override = USEC_INFINITY;
        s->stdio_fds[0] = s->stdio_fds[1] = s->stdio_fds[2] = -1;
        s->socket_fd = s->notify_io.fd = s->exec_io.fd = s->pidfile_io.fd = -1;
        s->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = service_timer, .data = s };
        s->watchdog_timer.when = s->runtime_timer.when = USEC_INFINITY;
}

void service_forget(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        s->main_command = s->control_command = NULL;
        for (int i = 0; i < CMD_MAX; i++)
                exec_command_free_list(s->commands[i]);
        free(s->pid_file);
        free(s->bus_name);
        free(s->step);
        free(s->usb_descriptors);
        free(s->usb_strings);
        strv_free(s->sockets);
}

/* The process that runs is the one of the new ExecStart= from now on: its "-" and its times are looked up there. */
void service_reloaded(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        if (s->main_pid <= 0 || !s->commands[CMD_START])
                return;
        s->main_command = s->commands[CMD_START];
        s->main_command->pid = s->main_pid;
        s->main_command->start = s->main_start;
}

void service_done(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);
        struct loop *l = u->manager->loop;

        loop_timer_cancel(l, &s->timer);
        loop_timer_cancel(l, &s->watchdog_timer);
        loop_timer_cancel(l, &s->runtime_timer);
        service_unwatch_pid_file(s);
        notify_close(u, &s->notify_io, &s->notify_path);
        service_store_drop(s);
        service_close_stdio(s);
        close_fd(s->socket_fd);
        free(s->socket_peer);
        free(s->status_text);
}

static int bad(struct unit *u, const char *why)
{
        (void)str_replace(&u->load_error, why);
        log_unit(u->id, LOG_ERR, "%s. Refusing.", why);
        return -ENOEXEC;
}

static int check(struct service *s)
{
        struct unit *u = &s->unit;

        if (!s->commands[CMD_START] && !s->step && !s->commands[CMD_STOP] &&
                u->success_action == ACTION_NONE)
                return bad(u, "Service has no ExecStart=, ExecStop=, or SuccessAction=");
        if (s->type != SERVICE_ONESHOT && !s->commands[CMD_START] && !s->step)
                return bad(u, "Service has no ExecStart= setting, which is only allowed for Type=oneshot "
                              "services");
        if (!s->remain_after_exit && !s->commands[CMD_START] && !s->step && u->success_action == ACTION_NONE)
                return bad(u, "Service has no ExecStart= and no RemainAfterExit=yes");
        if (s->type != SERVICE_ONESHOT && s->commands[CMD_START] && s->commands[CMD_START]->next)
                return bad(u, "Service has more than one ExecStart= setting, which is only allowed for "
                              "Type=oneshot services");
        if (s->type == SERVICE_ONESHOT && (s->restart == RESTART_ALWAYS || s->restart == RESTART_ON_SUCCESS))
                return bad(u, "Restart=always and on-success are not allowed for Type=oneshot services");
        if (s->type == SERVICE_DBUS && !s->bus_name)
                return bad(u, "Service is of type D-Bus but no D-Bus service name has been specified");
        return 0;
}

static int add_defaults(struct service *s)
{
        struct unit *u = &s->unit;
        int r;

        if (u->default_dependencies_off)
                return 0;
        r = unit_add_dep_by_name(u, DEP_REQUIRES, "sysinit.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_AFTER, "sysinit.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_AFTER, "basic.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_CONFLICTS, "shutdown.target", ORIGIN_DEFAULT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_BEFORE, "shutdown.target", ORIGIN_DEFAULT);
        return r;
}

static int add_sockets(struct service *s)
{
        struct unit *u = &s->unit;
        _cleanup_free_ char *name = NULL;
        int r = 0;

        FOREACH_STR (i, s->sockets) {
                r = unit_add_dep_by_name(u, DEP_TRIGGERED_BY, *i, ORIGIN_FILE);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_AFTER, *i, ORIGIN_FILE);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_WANTS, *i, ORIGIN_FILE);
        }
        if (r < 0 || u->instance)
                return r;
        /* NAME.socket starts NAME.service, whether or not the service says so */
        r = unit_name_change_suffix(u->id, "socket", &name);
        if (r >= 0 && !s->sockets && load_find_fragment(u->manager, name)) {
                struct unit *so;

                r = unit_get(u->manager, name, &so);
                if (r >= 0)
                        r = unit_add_dep(u, DEP_AFTER, so, ORIGIN_IMPLICIT);
        }
        return MIN(r, 0);
}

int service_load(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);
        int r;

        if (!s->type_set)
                s->type = s->bus_name                           ? SERVICE_DBUS
                          : (s->commands[CMD_START] || s->step) ? SERVICE_SIMPLE
                                                                : SERVICE_ONESHOT;
        r = check(s);
        if (r < 0)
                return r;
        if (s->type == SERVICE_ONESHOT && !s->timeout_start_set)
                s->timeout_start = USEC_INFINITY;
        if (s->exec.pam_name || s->exec.dynamic_user)
                s->exec.remove_ipc |= s->exec.dynamic_user;
        if (s->notify_access == NOTIFY_UNSET &&
                (s->type == SERVICE_NOTIFY || s->type == SERVICE_NOTIFY_RELOAD || s->watchdog > 0 ||
                        s->fd_store_max > 0))
                s->notify_access = NOTIFY_MAIN;
        if (!s->timeout_abort_set && s->timeout_stop != u->manager->default_timeout_stop)
                s->timeout_abort = s->timeout_stop;
        if (s->notify_access == NOTIFY_UNSET)
                s->notify_access = NOTIFY_NONE;
        if (s->oom_policy == OOM_UNSET)
                s->oom_policy =
                        s->cgroup.delegate ? OOM_CONTINUE : (enum oom_policy)u->manager->default_oom_policy;
        if (s->oom_policy == OOM_KILL)
                s->cgroup.oom_kill_group = 1;
        r = add_defaults(s);
        if (r >= 0)
                r = add_sockets(s);
        if (r >= 0 && s->bus_name && s->type == SERVICE_DBUS)
                r = unit_add_dep_by_name(u, DEP_AFTER, "dbus.socket", ORIGIN_IMPLICIT);
        if (r >= 0 && s->exec.private_tmp) {
                r = unit_add_mounts_for(u, "/tmp", ORIGIN_IMPLICIT);
                if (r >= 0)
                        r = unit_add_mounts_for(u, "/var/tmp", ORIGIN_IMPLICIT);
        }
        return r;
}
