/* Services: their live state for re-execution and recovery (state.h). */
#include <stdio.h>

#include "manager.h"
#include "service.h"

#define NO_NUMBER INT64_MIN

/* ---- writing ---- */

/* Which of a list of commands it is, -1: none. */
static int index_of_command(const struct exec_command *list, const struct exec_command *c)
{
        for (int i = 0; list; list = list->next, i++)
                if (list == c)
                        return i;
        return -1;
}

static void put_processes(const struct service *s, struct state_out *out)
{
        state_put_pid(out, "main-pid", s->main_pid);
        state_put_flag(out, "main-pid-known", s->main_pid_known);
        state_put_int(out, "main-command", index_of_command(s->commands[CMD_START], s->main_command), -1);
        state_put_int(out, "main-code", s->main_code, 0);
        state_put_int(out, "main-status", s->main_status, 0);
        state_put_int(out, "main-start", s->main_start, 0);
        state_put_int(out, "main-exit", s->main_exit, 0);
        state_put_int(out, "watchdog-ping", s->watchdog_ping, 0);
        if (!s->control_command)
                return;
        state_put_pid(out, "control-pid", s->control_pid);
        state_put_int(out, "control-kind", s->control_kind, NO_NUMBER);
        state_put_int(out, "control-command",
                index_of_command(s->commands[s->control_kind], s->control_command), -1);
}

static void put_descriptors(const struct service *s, struct state_out *out)
{
        if (s->notify_io.fd >= 0) {
                state_put(out, "notify-path", s->notify_path);
                state_put_fd(out, "notify-fd", s->notify_io.fd);
        }
        for (const struct stored_fd *f = s->store; f; f = f->next) {
                state_put(out, "store-name", f->name);
                state_put_flag(out, "store-unpolled", !f->polled);
                state_put_fd(out, "store-fd", f->fd);
        }
        for (int i = 0; i < 3; i++)
                state_put_fd(out, "stdio-fd", s->stdio_fds[i]);
        state_put_fd(out, "connection-fd", s->socket_fd);
        state_put(out, "connection-peer", s->socket_peer);
        if (s->accept_socket)
                state_put(out, "accept-socket", s->accept_socket->id);
}

static void put_timer(struct state_out *out, const char *key, const struct loop_timer *t)
{
        state_put_int(out, key, t->when, USEC_INFINITY);
}

void service_serialise(struct unit *u, struct state_out *out)
{
        const struct service *s = UNIT_CAST(service, u);

        if (s->state == SVC_DEAD && s->result == RESULT_SUCCESS && !s->main_exit && s->n_store == 0 &&
                s->socket_fd < 0)
                return;
        state_put(out, "state", service_state_names[s->state]);
        state_put_int(out, "result", s->result, RESULT_SUCCESS);
        state_put_int(out, "reload-result", s->reload_result, RESULT_SUCCESS);
        put_processes(s, out);
        put_descriptors(s, out);
        state_put_flag(out, "forbid-restart", s->forbid_restart);
        state_put_flag(out, "will-auto-restart", s->will_auto_restart);
        state_put_flag(out, "ready", s->notify_ready);
        state_put_flag(out, "oom-killed", s->oom_killed);
        state_put_flag(out, "bus-name-owned", s->bus_name_owned);
        state_put_flag(out, "step", s->step_running);
        state_put_flag(out, "idle-waiting", s->idle_waiting);
        state_put(out, "status", s->status_text);
        state_put_int(out, "errno", s->status_errno, 0);
        state_put_int(out, "restarts", s->n_restarts, 0);
        put_timer(out, "timer", &s->timer);
        state_put_int(out, "timer-limit", s->timer_limit, USEC_INFINITY);
        put_timer(out, "watchdog-timer", &s->watchdog_timer);
        state_put_int(out, "watchdog", s->watchdog_override, USEC_INFINITY);
}

/* ---- reading ---- */

static bool take_number(struct service *s, const char *key, const char *value)
{
        const struct {
                const char *key;
                int *number;
                usec_t *time;
                bool *flag;
        } rows[] = {
                { "main-code", .number = &s->main_code },
                { "main-status", .number = &s->main_status },
                { "errno", .number = &s->status_errno },
                { "main-start", .time = &s->main_start },
                { "main-exit", .time = &s->main_exit },
                { "watchdog-ping", .time = &s->watchdog_ping },
                { "watchdog", .time = &s->watchdog_override },
                { "timer-limit", .time = &s->timer_limit },
                { "main-pid-known", .flag = &s->main_pid_known },
                { "forbid-restart", .flag = &s->forbid_restart },
                { "will-auto-restart", .flag = &s->will_auto_restart },
                { "ready", .flag = &s->notify_ready },
                { "oom-killed", .flag = &s->oom_killed },
                { "bus-name-owned", .flag = &s->bus_name_owned },
                { "step", .flag = &s->step_running },
                { "idle-waiting", .flag = &s->idle_waiting },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t v = state_get_int(value, 0);

                if (!streq(key, rows[i].key))
                        continue;
                if (rows[i].number)
                        *rows[i].number = (int)v;
                else if (rows[i].time)
                        *rows[i].time = v;
                else
                        *rows[i].flag = v != 0;
                return true;
        }
        return false;
}

static struct exec_command *nth_command(struct exec_command *list, int64_t n)
{
        while (list && n-- > 0)
                list = list->next;
        return list;
}

static bool take_process(struct service *s, const char *key, const char *value)
{
        if (streq(key, "main-pid"))
                s->main_pid = state_get_pid(value);
        else if (streq(key, "main-command"))
                s->main_command = nth_command(s->commands[CMD_START], state_get_int(value, 0));
        else if (streq(key, "control-pid"))
                s->control_pid = state_get_pid(value);
        else if (streq(key, "control-kind"))
                s->control_kind = (enum service_cmd)MIN((uint64_t)state_get_int(value, 0), CMD_MAX - 1u);
        else if (streq(key, "control-command"))
                s->control_command = nth_command(s->commands[s->control_kind], state_get_int(value, 0));
        else
                return false;
        return true;
}

static bool take_descriptor(struct service *s, const char *key, const char *value)
{
        int fd;

        if (streq(key, "notify-path"))
                (void)str_replace(&s->notify_path, value);
        else if (streq(key, "notify-fd"))
                (void)notify_adopt(&s->unit, &s->notify_io, state_get_fd(value));
        else if (streq(key, "store-name"))
                (void)str_replace(&s->socket_peer, value); /* until its descriptor comes */
        else if (streq(key, "store-unpolled"))
                s->unpolled = true; /* the next one */
        else if (streq(key, "store-fd")) {
                _cleanup_free_ char *name = s->socket_peer;

                s->socket_peer = NULL;
                fd = state_get_fd(value);
                if (fd >= 0 && service_store_add(s, fd, name, !s->unpolled) < 0)
                        close(fd);
                s->unpolled = false;
        } else if (streq(key, "stdio-fd")) {
                for (int i = 0; i < 3; i++)
                        if (s->stdio_fds[i] < 0) {
                                s->stdio_fds[i] = state_get_fd(value);
                                break;
                        }
        } else if (streq(key, "connection-fd"))
                s->socket_fd = state_get_fd(value);
        else if (streq(key, "connection-peer"))
                (void)str_replace(&s->socket_peer, value);
        else if (streq(key, "accept-socket")) {
                s->accept_socket = unit_find(s->unit.manager, value);
                if (s->accept_socket && s->accept_socket->type == UNIT_SOCKET)
                        UNIT_CAST(socket_unit, s->accept_socket)->n_connections++;
                else
                        s->accept_socket = NULL;
        } else
                return false;
        return true;
}

bool service_deserialise(struct unit *u, const char *key, const char *value)
{
        struct service *s = UNIT_CAST(service, u);
        struct loop *l = u->manager->loop;
        int i;

        if (take_number(s, key, value) || take_process(s, key, value) || take_descriptor(s, key, value))
                return true;
        if (streq(key, "state")) {
                i = state_find_name(service_state_names, SVC_STATE_MAX, value);
                if (i >= 0)
                        s->state = (enum service_state)i;
        } else if (streq(key, "result"))
                s->result = (enum service_result)MIN((uint64_t)state_get_int(value, 0), RESULT_MAX - 1u);
        else if (streq(key, "reload-result"))
                s->reload_result =
                        (enum service_result)MIN((uint64_t)state_get_int(value, 0), RESULT_MAX - 1u);
        else if (streq(key, "status"))
                (void)str_replace(&s->status_text, value);
        else if (streq(key, "restarts"))
                s->n_restarts = (uint32_t)state_get_int(value, 0);
        else if (streq(key, "timer"))
                (void)loop_timer_set(l, &s->timer, state_get_int(value, USEC_INFINITY));
        else if (streq(key, "watchdog-timer")) {
                service_arm_watchdog(s);
                (void)loop_timer_set(l, &s->watchdog_timer, state_get_int(value, USEC_INFINITY));
        } else
                return false;
        return true;
}

/* ---- going on ---- */

/* Its start waits for something that ended with the PID 1 before: a step of early boot is done once more (each may
 * be), and of a program it is enough to know that it runs. */
static void go_on_starting(struct service *s)
{
        if (s->idle_waiting)
                s->unit.manager->n_idle_waiting++;
        else if (s->step)
                service_step_again(s);
        else if (s->type == SERVICE_FORKING && s->control_pid <= 0 && s->pid_file &&
                 service_watch_pid_file(s) < 0)
                service_timer(&s->timer);
        else if (s->type == SERVICE_EXEC && s->main_pid > 0)
                service_ready(s);
}

/* A process whose end was lost with the crash leaves its service waiting: the signals' states are told by the cgroup,
 * others by state_watch_pid(). */
void service_coldplug(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        if (s->main_pid > 0) {
                if (!s->main_command)
                        s->main_command = s->commands[CMD_START];
                if (s->main_command) {
                        s->main_command->pid = s->main_pid;
                        s->main_command->start = s->main_start;
                }
                state_watch_pid(u, s->main_pid);
        }
        if (s->control_pid > 0)
                state_watch_pid(u, s->control_pid);
        if (s->state == SVC_START)
                go_on_starting(s);
}
