/* Socket units.
 *
 *   dead → start-pre → (start-chown → sockets opened) → start-post → listening ⇄ running → stop-pre → stop-post →
 *   dead | failed
 *
 * start-chown: a child makes sockets that PID 1 does not make itself (socket-child.c).
 * listening: somebody may come; the descriptors are in the loop. running: the service is up and has the descriptors;
 * the loop leaves them alone until the service is down again (trigger_notify). With Accept=yes the unit stays
 * listening and each connection starts an instance of the service's template. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "manager.h"
#include "socket.h"

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [SOCK_DEAD] = { UNIT_INACTIVE, "dead" },
        [SOCK_START_PRE] = { UNIT_ACTIVATING, "start-pre" },
        [SOCK_START_CHOWN] = { UNIT_ACTIVATING, "start-chown" },
        [SOCK_START_POST] = { UNIT_ACTIVATING, "start-post" },
        [SOCK_LISTENING] = { UNIT_ACTIVE, "listening" },
        [SOCK_RUNNING] = { UNIT_ACTIVE, "running" },
        [SOCK_STOP_PRE] = { UNIT_DEACTIVATING, "stop-pre" },
        [SOCK_STOP_PRE_SIGTERM] = { UNIT_DEACTIVATING, "stop-pre-sigterm" },
        [SOCK_STOP_PRE_SIGKILL] = { UNIT_DEACTIVATING, "stop-pre-sigkill" },
        [SOCK_STOP_POST] = { UNIT_DEACTIVATING, "stop-post" },
        [SOCK_FINAL_SIGTERM] = { UNIT_DEACTIVATING, "final-sigterm" },
        [SOCK_FINAL_SIGKILL] = { UNIT_DEACTIVATING, "final-sigkill" },
        [SOCK_FAILED] = { UNIT_FAILED, "failed" },
};
enum { R_SUCCESS, R_RESOURCES, R_TIMEOUT, R_EXIT_CODE, R_TRIGGER_LIMIT, R_SERVICE_START_LIMIT };
static const char *const result_names[] = { "success", "resources", "timeout", "exit-code",
        "trigger-limit-hit", "service-start-limit-hit" };
enum { K_START_PRE, K_START_POST, K_STOP_PRE, K_STOP_POST, K_SOCKETS };

static void watch_ports(struct socket_unit *s, bool on);
static void enter_listening(struct socket_unit *s);
static void enter_dead(struct socket_unit *s);
static void enter_stop_post(struct socket_unit *s);

static void set_state(struct socket_unit *s, enum socket_state state)
{
        enum active_state old = unit_active_state(&s->unit);

        s->state = state;
        if (state != SOCK_LISTENING)
                watch_ports(s, false);
        if (state == SOCK_DEAD || state == SOCK_FAILED || state == SOCK_LISTENING || state == SOCK_RUNNING)
                (void)loop_timer_set(s->unit.manager->loop, &s->timer, USEC_INFINITY);
        unit_notify(&s->unit, old, false);
}

/* ---- control processes ---- */

static int spawn(struct socket_unit *s, int kind, struct exec_command *c)
{
        struct exec_params p = { .command = c,
                .control = true,
                .stdin_fd = -1,
                .apply_permissions = !(c->flags & CMD_FULL_PRIVILEGE) };
        int pidfd, r = exec_spawn(&s->unit, &s->exec, &p, &s->control_pid, &pidfd);

        if (r < 0)
                return log_unit_errno(s->unit.id, LOG_ERR, r, "Could not run %s: %m", c->path);
        s->unit.manager->n_spawned++;
        s->control_kind = kind;
        s->control_command = c;
        (void)loop_timer_set(s->unit.manager->loop, &s->timer, usec_add(now_monotonic(), s->timeout));
        return unit_watch_pid(&s->unit, s->control_pid, pidfd);
}

/* True: a command runs, and what comes after it waits. */
static bool run(struct socket_unit *s, int kind, enum socket_state state)
{
        if (!s->commands[kind])
                return false;
        if (spawn(s, kind, s->commands[kind]) < 0) {
                s->result = R_RESOURCES;
                return false;
        }
        set_state(s, state);
        return true;
}

static void finish_ports(struct socket_unit *s)
{
        for (struct socket_port *p = s->ports; p; p = p->next) {
                int r = p->fd >= 0 ? 0 : socket_port_open(s, p);

                if (r < 0) {
                        log_unit_errno(s->unit.id, LOG_ERR, r, "Could not listen on %s: %m", p->address);
                        s->result = R_RESOURCES;
                        enter_dead(s);
                        return;
                }
        }
        (void)socket_make_symlinks(s);
        if (!run(s, K_START_POST, SOCK_START_POST))
                enter_listening(s);
}

static int start_child(struct socket_unit *s)
{
        int pidfd, r = socket_child_start(s, &s->control_pid, &pidfd);

        if (r < 0)
                return log_unit_errno(s->unit.id, LOG_ERR, r, "Could not run what makes its sockets: %m");
        s->unit.manager->n_spawned++;
        s->control_kind = K_SOCKETS;
        s->control_command = NULL;
        (void)loop_timer_set(s->unit.manager->loop, &s->timer, usec_add(now_monotonic(), s->timeout));
        return unit_watch_pid(&s->unit, s->control_pid, pidfd);
}

static void open_ports(struct socket_unit *s)
{
        if (!socket_wants_child(s))
                finish_ports(s);
        else if (start_child(s) >= 0)
                set_state(s, SOCK_START_CHOWN);
        else {
                s->result = R_RESOURCES;
                enter_dead(s);
        }
}

/* The channel may have been lost with the PID 1 before: then it is done again. */
static void child_ended(struct socket_unit *s, bool good)
{
        bool channel = s->made_io.cb;

        if (socket_child_answered(s))
                finish_ports(s);
        else if (good && !channel)
                open_ports(s);
        else {
                log_unit(s->unit.id, LOG_ERR, "What makes its sockets ended before it was done");
                s->result = R_RESOURCES;
                enter_stop_post(s);
        }
}

static void enter_dead(struct socket_unit *s)
{
        socket_ports_close(s);
        if (s->result != R_SUCCESS)
                log_unit(s->unit.id, LOG_WARNING, "Failed with result '%s'", result_names[s->result]);
        set_state(s, s->result == R_SUCCESS ? SOCK_DEAD : SOCK_FAILED);
        if (cgroup_is_empty(&s->unit) != 0)
                cgroup_release(&s->unit);
        exec_run_ended(&s->unit, &s->exec);
}

static void enter_stop_post(struct socket_unit *s)
{
        socket_ports_close(s);
        if (!run(s, K_STOP_POST, SOCK_STOP_POST))
                enter_dead(s);
}

static void socket_child(struct unit *u, pid_t pid, int code, int status)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);
        struct exec_command *c = s->control_command;
        bool good;

        if (pid != s->control_pid)
                return;
        s->control_pid = 0;
        if (s->control_kind == K_SOCKETS) {
                child_ended(s, code == CLD_EXITED && status == 0);
                return;
        }
        c->code = code;
        c->status = status;
        good = (code == CLD_EXITED && status == 0) || c->flags & CMD_IGNORE_FAILURE;
        if (!good) {
                log_unit(u->id, LOG_WARNING, "%s ended with status %d", c->path, status);
                s->result = R_EXIT_CODE;
                if (s->control_kind == K_START_PRE || s->control_kind == K_START_POST) {
                        enter_stop_post(s);
                        return;
                }
        } else if (c->next && spawn(s, s->control_kind, c->next) >= 0)
                return;
        switch (s->control_kind) {
        case K_START_PRE: open_ports(s); break;
        case K_START_POST: enter_listening(s); break;
        case K_STOP_PRE: enter_stop_post(s); break;
        case K_STOP_POST: enter_dead(s); break;
        }
}

static void on_timeout(struct loop_timer *t)
{
        struct socket_unit *s = t->data;

        log_unit(s->unit.id, LOG_WARNING, "State '%s' timed out", states[s->state].name);
        s->result = R_TIMEOUT;
        (void)cgroup_kill(&s->unit, SIGKILL, 0, 0);
        s->control_pid = 0;
        enter_dead(s);
}

/* ---- traffic ---- */

static void flush_port(struct socket_port *p)
{
        char buf[512];
        int fd;

        /* a service may have had it otherwise */
        (void)fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK);
        if (p->kind == SOCK_STREAM || p->kind == SOCK_SEQPACKET) {
                while ((fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
                        close(fd);
                return;
        }
        while (read(p->fd, buf, sizeof(buf)) > 0)
                ;
}

/* What it starts. By the edge, which follows when the name turns out to be an alias. */
static struct unit *service_of(struct socket_unit *s)
{
        UNIT_FOREACH_DEP(&s->unit, s->accept ? 0 : DEP_BIT(DEP_TRIGGERS), o)
        if (o->type == UNIT_SERVICE)
                return unit_follow_merge(o);
        return NULL;
}

struct service *socket_service(struct socket_unit *s)
{
        struct unit *u = service_of(s);

        return u ? UNIT_CAST(service, u) : NULL;
}

/* TriggerLimit*: a socket whose service does not take what comes must not spin. */
static bool trigger_ok(struct socket_unit *s)
{
        usec_t now = now_monotonic();

        if (s->trigger_interval == 0 || s->trigger_burst == 0)
                return true;
        if (s->trigger_begin == 0 || now - s->trigger_begin > s->trigger_interval) {
                s->trigger_begin = now;
                s->n_trigger = 0;
        }
        if (s->n_trigger++ < s->trigger_burst)
                return true;
        log_unit(s->unit.id, LOG_ERR, "Triggered too often; no longer listening");
        s->result = R_TRIGGER_LIMIT;
        enter_stop_post(s);
        return false;
}

/* Connections from the address that peer ("REMOTE_ADDR=… …") begins with. */
static int connections_from(struct socket_unit *s, const char *peer)
{
        size_t len = strcspn(peer, " ") + 1;
        int n = 0;

        UNITS_FOREACH(u, s->unit.manager, UNIT_SERVICE)
        {
                struct service *svc = UNIT_CAST(service, u);

                n += svc->accept_socket == &s->unit && svc->socket_peer &&
                     strncmp(svc->socket_peer, peer, len) == 0;
        }
        return n;
}

static void refuse(struct socket_unit *s, int fd, const char *limit, int n)
{
        log_unit(s->unit.id, LOG_WARNING, "Too many connections (%s=%d); one is refused", limit, n);
        s->n_refused++;
        close(fd);
}

static void start_instance(struct socket_unit *s, int fd)
{
        _cleanup_free_ char *instance = NULL, *env = NULL, *template = NULL, *name = NULL, *prefix = NULL;
        struct unit *u;
        struct service *svc;
        int r;

        r = socket_peer_name(s, fd, &instance, &env);
        if (r >= 0 && env && s->max_connections_per_source > 0 &&
                connections_from(s, env) >= s->max_connections_per_source) {
                refuse(s, fd, "MaxConnectionsPerSource", s->max_connections_per_source);
                return;
        }
        s->n_accepted++;
        if (r >= 0 && s->service_name)
                template = strdup(s->service_name);
        else if (r >= 0) {
                r = unit_name_prefix(s->unit.id, &prefix);
                template = r >= 0 ? str_printf("%s@.service", prefix) : NULL;
        }
        if (r >= 0)
                r = template ? unit_name_replace_instance(template, instance, &name) : -ENOMEM;
        if (r >= 0)
                r = unit_load_by_name(s->unit.manager, name, &u);
        if (r < 0 || u->load_state != UNIT_LOADED) {
                log_unit_errno(
                        s->unit.id, LOG_ERR, r < 0 ? r : -ENOENT, "No service for the connection: %m");
                close(fd);
                return;
        }
        svc = UNIT_CAST(service, u);
        svc->socket_fd = fd;
        free(svc->socket_peer);
        svc->socket_peer = TAKE_PTR(env);
        svc->accept_socket = &s->unit;
        u->collect_inactive_or_failed = true;
        s->n_connections++;
        r = manager_add_job(s->unit.manager, JOB_START, u, JOB_REPLACE, false, NULL, NULL);
        if (r < 0) {
                log_unit_errno(s->unit.id, LOG_ERR, r, "Could not start %s: %m", name);
                svc->socket_fd = close_fd(fd);
                svc->accept_socket = NULL;
                s->n_connections--;
        }
}

static void accept_connection(struct socket_unit *s, struct socket_port *p)
{
        int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
                return;
        if ((int)s->n_connections >= s->max_connections) {
                refuse(s, fd, "MaxConnections", s->max_connections);
                return;
        }
        if (trigger_ok(s))
                start_instance(s, fd);
        else
                close(fd);
}

static void start_service(struct socket_unit *s)
{
        struct unit *service = service_of(s);
        _cleanup_free_ char *err = NULL;
        int r;

        if (!service || !trigger_ok(s))
                return;
        r = manager_add_job(s->unit.manager, JOB_START, service, JOB_REPLACE, false, NULL, &err);
        if (r < 0) {
                log_unit_errno(s->unit.id, LOG_WARNING, r, "Could not start %s: %s", service->id, err ?: "");
                s->result = R_RESOURCES;
                enter_stop_post(s);
                return;
        }
        set_state(s, SOCK_RUNNING);
}

static void on_readable(struct loop_io *io, uint32_t revents)
{
        struct socket_port *p = io->data;
        struct socket_unit *s = p->socket;

        if (s->unit.job && s->unit.job->type == JOB_STOP) {
                flush_port(p);
                return;
        }
        if (s->accept)
                accept_connection(s, p);
        else
                start_service(s);
}

static void watch_ports(struct socket_unit *s, bool on)
{
        struct loop *l = s->unit.manager->loop;

        for (struct socket_port *p = s->ports; p; p = p->next) {
                if (!on) {
                        if (p->io.fd >= 0)
                                loop_io_remove(l, &p->io);
                        p->io.fd = -1;
                } else if (p->fd >= 0 && p->io.fd < 0) {
                        p->socket = s;
                        p->io = (struct loop_io) {
                                .fd = p->fd, .events = EPOLLIN, .cb = on_readable, .data = p
                        };
                        if (loop_io_add(l, &p->io) < 0) {
                                p->io.fd = -1;
                                log_unit(s->unit.id, LOG_WARNING, "%s cannot be watched", p->address);
                        }
                }
        }
}

static void enter_listening(struct socket_unit *s)
{
        if (!s->accept && s->flush_pending)
                for (struct socket_port *p = s->ports; p; p = p->next)
                        flush_port(p);
        watch_ports(s, true);
        set_state(s, SOCK_LISTENING);
}

static void socket_trigger_notify(struct unit *u, struct unit *triggered)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);
        enum active_state a = unit_active_state(triggered);

        if (s->accept || (s->state != SOCK_RUNNING && s->state != SOCK_LISTENING))
                return;
        if (triggered->start_limit_hit) {
                s->result = R_SERVICE_START_LIMIT;
                enter_stop_post(s);
                return;
        }
        if (triggered->job && triggered->job->type != JOB_STOP)
                return;
        if (a == UNIT_INACTIVE || a == UNIT_FAILED) {
                if (s->state == SOCK_RUNNING && !UNIT_CAST(service, triggered)->will_auto_restart)
                        enter_listening(s);
        } else if (a == UNIT_ACTIVE && s->state == SOCK_LISTENING)
                set_state(s, SOCK_RUNNING); /* it was started by somebody else, and has the descriptors */
}

/* ---- unit ---- */

static void socket_init(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        s->backlog = SOMAXCONN;
        s->max_connections = 64;
        s->priority = s->mark = s->ip_tos = s->ip_ttl = -1;
        s->socket_mode = 0666;
        s->directory_mode = 0755;
        s->timeout = u->manager->default_timeout_start;
        s->trigger_interval = 2 * USEC_PER_SEC;
        s->trigger_burst = UINT32_MAX; /* resolved at load: it depends on Accept= */
}

static void socket_init_live(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        s->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timeout, .data = s };
}

static void free_ports(struct socket_port *list)
{
        for (struct socket_port *p = list, *n; p; p = n) {
                n = p->next;
                socket_port_close(p);
                free(p->address);
                free(p);
        }
}

/* Open descriptors outlive the configuration that they came from: see socket_reloaded(). */
static void socket_forget(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        s->control_command = NULL;
        free_ports(s->old_ports);
        s->old_ports = TAKE_PTR(s->ports);
        for (int i = 0; i < 4; i++)
                exec_command_free_list(s->commands[i]);
        free(s->service_name);
        free(s->user);
        free(s->group);
        free(s->fd_name);
        free(s->bind_to_device);
        free(s->congestion);
        free(s->smack_label);
        strv_free(s->symlinks);
}

static struct socket_port *same_port(struct socket_port *list, const struct socket_port *p)
{
        while (list && (list->fd >= 0 || list->kind != p->kind || !streq(list->address, p->address)))
                list = list->next;
        return list;
}

/* Ports that are still configured keep their descriptors, and so what waits in them; the others are closed. When the
 * files no longer make a socket unit, all stay as they were. */
static void socket_reloaded(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);
        struct socket_port *old = TAKE_PTR(s->old_ports);
        bool watched = false;

        if (!s->ports) {
                s->ports = old;
                return;
        }
        for (struct socket_port *p = old; p; p = p->next) {
                struct socket_port *now = p->fd >= 0 ? same_port(s->ports, p) : NULL;

                if (p->io.fd >= 0) {
                        watched = true;
                        loop_io_remove(u->manager->loop, &p->io);
                }
                if (now) {
                        now->fd = TAKE_FD(p->fd);
                        now->endpoints = TAKE_PTR(p->endpoints);
                        now->n_endpoints = p->n_endpoints;
                        p->n_endpoints = 0;
                }
        }
        free_ports(old);
        if (watched)
                watch_ports(s, true);
}

static int socket_defaults(struct unit *u)
{
        static const struct {
                enum dep_type t;
                const char *name;
        } deps[] = {
                { DEP_BEFORE, "sockets.target" },
                { DEP_AFTER, "sysinit.target" },
                { DEP_REQUIRES, "sysinit.target" },
                { DEP_CONFLICTS, "shutdown.target" },
                { DEP_BEFORE, "shutdown.target" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(deps); i++) {
                int r = unit_add_dep_by_name(u, deps[i].t, deps[i].name, ORIGIN_DEFAULT);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int load_service(struct socket_unit *s)
{
        struct unit *u = &s->unit;
        _cleanup_free_ char *name = NULL;
        struct unit *service;
        int r;

        if (s->accept)
                return 0;
        r = s->service_name ? (name = strdup(s->service_name)) ? 0 : -ENOMEM
                            : unit_name_change_suffix(u->id, "service", &name);
        if (r >= 0)
                r = unit_get(u->manager, name, &service);
        if (r >= 0)
                r = unit_add_dep2(u, DEP_BEFORE, DEP_TRIGGERS, service, ORIGIN_IMPLICIT);
        return r;
}

static int socket_load(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);
        int r;

        if (!s->ports) {
                (void)str_replace(&u->load_error, "no Listen…= setting");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC,
                        "Unit has no Listen setting (ListenStream=, ListenDatagram=, …). Refusing.");
        }
        if (s->trigger_burst == UINT32_MAX)
                s->trigger_burst = s->accept ? 200 : 20;
        for (struct socket_port *p = s->ports; p; p = p->next) {
                p->socket = s;
                if (p->io.fd == 0 && !p->io.cb)
                        p->io.fd = -1;
                if (p->address[0] == '/') {
                        r = unit_add_mounts_for(u, p->address, ORIGIN_IMPLICIT);
                        if (r < 0)
                                return r;
                }
        }
        r = load_service(s);
        if (r >= 0 && !u->default_dependencies_off)
                r = socket_defaults(u);
        return r;
}

static void socket_done(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        loop_timer_cancel(u->manager->loop, &s->timer);
        s->remove_on_stop = false;
        socket_ports_close(s);
        free_ports(s->ports);
        s->ports = NULL;
}

static int socket_start(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);
        struct unit *service = service_of(s);

        if (s->state != SOCK_DEAD && s->state != SOCK_FAILED)
                return states[s->state].state == UNIT_DEACTIVATING ? -EAGAIN : 0;
        if (service && unit_active_state(service) != UNIT_INACTIVE &&
                unit_active_state(service) != UNIT_FAILED) {
                log_unit(u->id, LOG_ERR, "Its service %s is already running without it; refused",
                        service->id);
                return -EBUSY;
        }
        s->result = R_SUCCESS;
        s->n_trigger = 0;
        if (!run(s, K_START_PRE, SOCK_START_PRE))
                open_ports(s);
        return 0;
}

static int socket_stop(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        if (s->control_pid > 0)
                (void)cgroup_kill(u, SIGTERM, 0, 0);
        s->control_pid = 0; /* its end no longer matters */
        if (!run(s, K_STOP_PRE, SOCK_STOP_PRE))
                enter_stop_post(s);
        return 0;
}

static enum active_state socket_active_state(struct unit *u)
{
        return states[UNIT_CAST(socket_unit, u)->state].state;
}

static const char *socket_sub_state(struct unit *u)
{
        return states[UNIT_CAST(socket_unit, u)->state].name;
}

static const char *socket_result(struct unit *u)
{
        return result_names[UNIT_CAST(socket_unit, u)->result];
}

static void socket_reset_failed(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        s->result = R_SUCCESS;
        if (s->state == SOCK_FAILED)
                set_state(s, SOCK_DEAD);
}

static pid_t socket_control_pid(struct unit *u)
{
        return UNIT_CAST(socket_unit, u)->control_pid;
}

/* ---- state ---- */

static void socket_serialise(struct unit *u, struct state_out *out)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        if (s->state != SOCK_DEAD)
                state_put(out, "state", states[s->state].name);
        state_put_int(out, "result", s->result, R_SUCCESS);
        state_put_pid(out, "control-pid", s->control_pid);
        if (s->control_pid > 0)
                state_put_int(out, "control-kind", s->control_kind, -1);
        state_put_int(out, "accepted", s->n_accepted, 0);
        state_put_int(out, "refused", s->n_refused, 0);
        if (s->timer.when != USEC_INFINITY)
                state_put_int(out, "timer", s->timer.when, 0);
        for (struct socket_port *p = s->ports; p; p = p->next) {
                _cleanup_free_ char *line =
                        p->fd >= 0 ? str_printf("%d %d %s", p->fd, p->kind, p->address) : NULL;

                state_put(out, "port", line);
                for (size_t i = 0; i < p->n_endpoints; i++) {
                        _cleanup_free_ char *more =
                                str_printf("%d %d %s", p->endpoints[i], p->kind, p->address);

                        state_put(out, "endpoint", more);
                }
        }
}

/* A port that the files no longer know is closed: nobody could ask for it. */
static void take_port(struct socket_unit *s, const char *value, bool endpoint)
{
        char number[16];
        int kind, at = 0;

        snprintf(number, sizeof(number), "%.*s", (int)strcspn(value, " "), value);
        if (sscanf(value, "%*d %d %n", &kind, &at) < 1 || at == 0)
                return;
        for (struct socket_port *p = s->ports; p; p = p->next)
                if ((p->fd < 0) != endpoint && p->kind == kind && streq(p->address, value + at)) {
                        int fd = state_get_fd(number);

                        if (!endpoint)
                                p->fd = fd;
                        else if (fd >= 0)
                                (void)socket_port_add_endpoint(p, fd);
                        return;
                }
}

static bool socket_deserialise(struct unit *u, const char *key, const char *value)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                s->state = (enum socket_state)i;
        } else if (streq(key, "result"))
                s->result = (int)MIN((uint64_t)state_get_int(value, 0), ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "control-pid"))
                s->control_pid = state_get_pid(value);
        else if (streq(key, "control-kind"))
                s->control_kind = (int)MIN((uint64_t)state_get_int(value, 0), (uint64_t)K_SOCKETS);
        else if (streq(key, "accepted"))
                s->n_accepted = (uint32_t)state_get_int(value, 0);
        else if (streq(key, "refused"))
                s->n_refused = (uint32_t)state_get_int(value, 0);
        else if (streq(key, "timer"))
                (void)loop_timer_set(u->manager->loop, &s->timer, state_get_int(value, USEC_INFINITY));
        else if (streq(key, "port") || streq(key, "endpoint"))
                take_port(s, value, streq(key, "endpoint"));
        else
                return false;
        return true;
}

static void socket_coldplug(struct unit *u)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, u);

        if (s->control_pid > 0) {
                s->control_command = s->control_kind < K_SOCKETS ? s->commands[s->control_kind] : NULL;
                if (s->control_command || s->control_kind == K_SOCKETS)
                        state_watch_pid(u, s->control_pid);
                else
                        s->control_pid = 0;
        }
        if (s->state == SOCK_START_CHOWN)
                (void)socket_wants_child(s); /* all of them, once more */
        if (s->state == SOCK_LISTENING || s->state == SOCK_RUNNING)
                for (struct socket_port *p = s->ports; p; p = p->next)
                        if (p->fd < 0 && (socket_wants_child(s) || socket_port_open(s, p) < 0))
                                log_unit(u->id, LOG_WARNING, "%s could not be opened again", p->address);
        if (s->state == SOCK_LISTENING)
                watch_ports(s, true);
}

const struct unit_ops socket_ops = {
        .size = sizeof(struct socket_unit),
        .section = "Socket",
        .exec_offset = offsetof(struct socket_unit, exec),
        .kill_offset = offsetof(struct socket_unit, kill),
        .cgroup_offset = offsetof(struct socket_unit, cgroup),
        .live_offset = offsetof(struct socket_unit, state),
        .init = socket_init,
        .init_live = socket_init_live,
        .forget = socket_forget,
        .reloaded = socket_reloaded,
        .load = socket_load,
        .done = socket_done,
        .start = socket_start,
        .stop = socket_stop,
        .child = socket_child,
        .trigger_notify = socket_trigger_notify,
        .active_state = socket_active_state,
        .sub_state = socket_sub_state,
        .result = socket_result,
        .reset_failed = socket_reset_failed,
        .control_pid = socket_control_pid,
        .serialise = socket_serialise,
        .deserialise = socket_deserialise,
        .coldplug = socket_coldplug,
};
