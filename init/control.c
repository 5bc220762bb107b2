/* The control socket (lib/ctlproto.h): clients, their queues, and the table of verbs.
 *
 * Clients are never trusted: their credentials are the kernel's (SO_PEERCRED), a request is one datagram that wire.h
 * checks, and what they may make PID 1 keep is bounded. A client is freed only from a deferred call, so a verb may use
 * it until it returns. */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "generation.h"
#include "lib/fileio.h"
#include "lib/paths.h"

#define CLIENTS_MAX      256u
#define CLIENTS_USER_MAX 32u
#define CLIENT_QUEUE_MAX (1024u * 1024)
#define ARGS_MAX         4096u
#define LISTING_BURST    128u
#define PACK_MAX         (64u * 1024)

const struct verb control_verbs[] = {
        { "version", VERB_READ, 0, verb_version, "", "name and version of the manager" },
        { "list-units", VERB_READ, 0, verb_list_units, "", "a record a unit: states, description, job" },
        { "list-jobs", VERB_READ, 0, verb_list_jobs, "after=JOB before=JOB",
                "a record a job; only those that wait for one, or that it waits for" },
        { "list-unit-files", VERB_READ, 0, verb_list_unit_files, "",
                "a record a unit name that has a file" },
        { "show", VERB_READ, 0, verb_show, "[UNIT…] properties=A,B part=unit|type",
                "properties of units; of the manager when none is named" },
        { "is-active", VERB_READ, 1, verb_is_active, "UNIT…", "states of units, without loading them" },
        { "cat", 0, 1, verb_cat, "UNIT…", "the files that units were read from" },
        { "pid-of", VERB_READ, 1, verb_pid_of, "PID…", "the unit that a process belongs to" },
        { "start", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait", "queue start jobs" },
        { "stop", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait", "queue stop jobs" },
        { "restart", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait", "queue restart jobs" },
        { "try-restart", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait", "restart what is active" },
        { "reload", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait", "queue reload jobs" },
        { "reload-or-restart", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait",
                "reload, or restart what cannot" },
        { "try-reload-or-restart", VERB_ROOT, 1, verb_job, "UNIT… mode=MODE wait",
                "the same, only for what is active" },
        { "isolate", VERB_ROOT, 1, verb_job, "UNIT wait", "start a unit and stop all others" },
        { "start-transient", VERB_ROOT, 1, verb_start_transient,
                "UNIT [Section.]Key=value… [UNIT …] mode=MODE wait until-end pid=PID controller=NAME "
                "stdio=IN,OUT,ERR ref=NAME",
                "make units and start the first" },
        { "attach", VERB_ROOT, 2, verb_attach, "UNIT PID… subgroup=PATH",
                "move processes into a scope or delegated service" },
        { "abandon", VERB_ROOT, 1, verb_abandon, "SCOPE", "its controller lets go of it" },
        { "set-property", VERB_ROOT, 2, verb_set_property, "UNIT Key=value… runtime",
                "change resource control of a unit, also while it runs" },
        { "freeze", VERB_ROOT, 1, verb_freeze, "UNIT…", "suspend all processes of units" },
        { "thaw", VERB_ROOT, 1, verb_freeze, "UNIT…", "let them go on" },
        { "enqueue-marked", VERB_ROOT, 0, verb_enqueue_marked, "wait",
                "restart or reload what Markers= says" },
        { "cancel", VERB_ROOT, 0, verb_cancel, "[JOB…]", "cancel jobs, or all" },
        { "kill", VERB_ROOT, 1, verb_kill, "UNIT… signal=SIG who=all|main|control",
                "signal the processes of units" },
        { "reset-failed", VERB_ROOT, 0, verb_reset_failed, "[UNIT…]", "forget failures" },
        { "clean", VERB_ROOT, 1, verb_clean, "UNIT… what=runtime|cache|state|logs|configuration|all",
                "remove directories of units that are down" },
        { "daemon-reload", VERB_ROOT, 0, verb_daemon_reload, "", "read all unit files again" },
        { "daemon-reexec", VERB_ROOT, 0, verb_daemon_reexec, "", "execute the manager anew" },
        { "set-environment", VERB_ROOT, 1, verb_set_environment, "NAME=VALUE…", "environment of services" },
        { "unset-environment", VERB_ROOT, 1, verb_unset_environment, "NAME…", "" },
        { "show-environment", 0, 0, verb_show_environment, "", "" },
        { "log-level", 0, 0, verb_log_level, "[LEVEL]", "ask or (root) set what is logged" },
        { "show-status", VERB_ROOT, 1, verb_show_status, "yes|no|auto",
                "whether the console shows what starts and stops" },
        { "exit-code", VERB_ROOT, 1, verb_exit_code, "STATUS",
                "with which the manager is to end (containers)" },
        { "get-default", 0, 0, verb_get_default, "", "the target of this boot" },
        { "analyze-data", 0, 0, verb_analyze_data, "", "times of the manager, then of every unit" },
        { "bus-attach", VERB_ROOT, 0, verb_bus_attach, "pack",
                "be the bridge to D-Bus; pack: several messages may come in one datagram" },
        { "bus-name", VERB_ROOT, 1, verb_bus_name, "NAME owner=OWNER first", "who owns a name on the bus" },
        { "bus-tell", VERB_ROOT | VERB_READ, 0, verb_bus_tell, "jobs properties=A,B",
                "to the bridge: events of jobs; events `unit`, with these, once a turn" },
        { "ref", VERB_ROOT, 1, verb_ref, "UNIT… owner=NAME", "a client on the bus holds units" },
        { "unref", VERB_ROOT, 0, verb_unref, "[UNIT…] owner=NAME", "it lets go of them, or of all" },
        { "subscribe", VERB_EVENTS, 0, verb_subscribe, "", "events from now on" },
        { "poweroff", VERB_ROOT, 0, verb_power, "force message=TEXT", "stop all and power off" },
        { "reboot", VERB_ROOT, 0, verb_power, "[ARGUMENT] force", "stop all and reboot" },
        { "halt", VERB_ROOT, 0, verb_power, "force", "stop all and halt" },
        { "kexec", VERB_ROOT, 0, verb_power, "force", "stop all and execute the loaded kernel" },
        { "exit", VERB_ROOT, 0, verb_power, "[STATUS] force", "end the manager (containers)" },
        { "switch-root", VERB_ROOT, 2, verb_switch_root, "ROOT INIT",
                "from the initramfs into the root that is mounted there" },
        { "rescue", VERB_ROOT, 0, verb_power, "", "isolate rescue.target" },
        { "emergency", VERB_ROOT, 0, verb_power, "", "isolate emergency.target" },
        { "default", VERB_ROOT, 0, verb_power, "", "isolate the default target" },
        { "shutdown", VERB_ROOT, 1, verb_shutdown, "ACTION USEC message=TEXT no-wall",
                "schedule, cancel or show a shutdown" },
};
const size_t n_control_verbs = ARRAY_SIZE(control_verbs);

struct out {
        struct out *next;
        struct wire_writer w;
};

struct listing {
        char **ids;
        size_t i;
        struct request r;
        void (*emit)(struct request *r, struct unit *u);
};

struct client {
        struct control *control;
        struct loop_io io;
        struct ucred cred;
        struct out *queue, **queue_tail;
        size_t queued;
        struct listing *listing;
        struct wait_group *waits;
        const struct verb *verb;
        bool doomed, subscribed;
        bool packs; /* takes several messages in one datagram: what a turn tells it, it is told at once */
        struct wire_writer pack; /* those of this turn */
        struct client *next;
};

struct control {
        struct manager *m;
        struct loop_io io;
        struct loop_deferred reap, unpack;
        struct client *clients;
        unsigned n_clients, n_subscribed;
        char *path;
};

/* ---- clients ---- */

static void listing_free(struct listing *l)
{
        if (!l)
                return;
        strv_free(l->ids);
        strv_free(l->r.options);
        strv_free(l->r.args);
        free(l->r.error);
        free(l);
}

static void client_free(struct client *c)
{
        int fd = c->io.fd;

        control_wait_drop_client(c);
        state_touch_manager(c->control->m);
        bus_client_gone(c->control->m, c);
        listing_free(c->listing);
        while (c->queue) {
                struct out *o = c->queue;

                c->queue = o->next;
                wire_done(&o->w);
                free(o);
        }
        wire_done(&c->pack);
        loop_io_remove(c->control->m->loop, &c->io);
        close_fd(fd);
        c->control->n_clients--;
        c->control->n_subscribed -= c->subscribed;
        free(c);
}

static void reap_clients(struct loop_deferred *d)
{
        struct control *ctl = d->data;

        for (struct client **c = &ctl->clients; *c;)
                if ((*c)->doomed) {
                        struct client *gone = *c;

                        *c = gone->next;
                        client_free(gone);
                } else
                        c = &(*c)->next;
}

static void client_doom(struct client *c)
{
        c->doomed = true;
        loop_defer(c->control->m->loop, &c->control->reap);
}

void client_watch(struct client *c)
{
        uint32_t events = (c->listing ? 0 : EPOLLIN) | (c->queue || c->listing ? EPOLLOUT : 0);

        if (!c->doomed && c->io.events != events && loop_io_modify(c->control->m->loop, &c->io, events) < 0)
                client_doom(c);
}

/* Queues w (which is empty afterwards). A client that reads too slowly is dropped. */
static void queue_message(struct client *c, struct wire_writer *w)
{
        struct out *o;

        if (c->queued + w->b.len > CLIENT_QUEUE_MAX || !(o = calloc(1, sizeof(*o)))) {
                log_debug("A control client (pid %d) does not read its answers; dropped", (int)c->cred.pid);
                client_doom(c);
                return;
        }
        o->w = *w;
        *w = (struct wire_writer) { 0 };
        *c->queue_tail = o;
        c->queue_tail = &o->next;
        c->queued += o->w.b.len;
}

static void send_bytes(struct client *c, struct wire_writer *w)
{
        int r = c->queue ? -EAGAIN : wire_send_bytes(c->io.fd, w, -1);

        if (r == -EAGAIN)
                queue_message(c, w);
        else if (r < 0)
                client_doom(c);
}

static void client_unpack(struct client *c)
{
        if (c->pack.b.len == 0)
                return;
        if (!c->doomed)
                send_bytes(c, &c->pack);
        c->pack.b.len = 0;
        client_watch(c);
}

static void unpack_all(struct loop_deferred *d)
{
        struct control *ctl = d->data;

        for (struct client *c = ctl->clients; c; c = c->next)
                client_unpack(c);
}

void client_send(struct client *c, struct wire_writer *w)
{
        int r = wire_finish(w);

        if (c->doomed)
                return;
        if (r < 0) {
                log_debug_errno(r, "An answer to a control client (pid %d) could not be made: %m; dropped",
                        (int)c->cred.pid);
                client_doom(c);
                return;
        }
        if (c->pack.b.len + w->b.len > PACK_MAX)
                client_unpack(c);
        if (!c->packs || w->b.len > PACK_MAX) {
                send_bytes(c, w);
                return;
        }
        if (strbuf_add(&c->pack.b, w->b.s, w->b.len) < 0) {
                client_doom(c);
                return;
        }
        loop_defer(c->control->m->loop, &c->control->unpack);
}

bool client_lags(const struct client *c)
{
        return c->queue != NULL;
}

void client_pack(struct client *c)
{
        c->packs = true;
}

/* false: there is more to send. */
static bool client_flush(struct client *c)
{
        while (c->queue) {
                struct out *o = c->queue;
                int r = wire_send_bytes(c->io.fd, &o->w, -1);

                if (r == -EAGAIN)
                        return false;
                if (r < 0) {
                        client_doom(c);
                        return false;
                }
                c->queued -= o->w.b.len;
                c->queue = o->next;
                if (!c->queue)
                        c->queue_tail = &c->queue;
                wire_done(&o->w);
                free(o);
        }
        return true;
}

struct wait_group **client_waits(struct client *c)
{
        return &c->waits;
}
struct manager *client_manager(struct client *c)
{
        return c->control->m;
}
const char *request_verb(const struct request *r)
{
        return r->client->verb->name;
}

pid_t request_pid(const struct request *r)
{
        return r->client->cred.pid;
}

bool request_may_change(const struct request *r)
{
        uid_t uid = r->client->cred.uid;

        return uid == 0 || uid == geteuid();
}

void client_subscribe(struct client *c)
{
        c->control->n_subscribed += !c->subscribed;
        c->subscribed = true;
}

/* ---- listings ---- */

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int control_listing(struct request *r, void (*emit)(struct request *r, struct unit *u))
{
        struct listing *l = calloc(1, sizeof(*l));
        size_t n = 0;

        if (!l || !(l->ids = calloc(r->m->units.n + 1, sizeof(char *)))) {
                listing_free(l);
                return -ENOMEM;
        }
        HASHMAP_FOREACH (e, &r->m->units) {
                struct unit *u = e->value;

                if (u->load_state == UNIT_MERGED || !streq(e->key, u->id))
                        continue;
                l->ids[n] = strdup(u->id);
                if (!l->ids[n]) {
                        listing_free(l);
                        return -ENOMEM;
                }
                n++;
        }
        qsort(l->ids, n, sizeof(char *), by_name);
        l->r = (struct request) { .client = r->client,
                .m = r->m,
                .id = r->id,
                .args = TAKE_PTR(r->args),
                .options = TAKE_PTR(r->options) };
        l->emit = emit;
        r->client->listing = l;
        return CONTROL_LATER;
}

static void client_list_more(struct client *c)
{
        struct listing *l = c->listing;

        for (unsigned n = 0; l->ids[l->i] && n < LISTING_BURST && !c->queue && !c->doomed; n++) {
                struct unit *u = unit_find(c->control->m, l->ids[l->i++]);

                if (u)
                        l->emit(&l->r, u);
        }
        if (l->ids[l->i] || c->doomed)
                return;
        c->listing = NULL;
        control_end(c, l->r.id, 0, NULL);
        listing_free(l);
}

/* ---- requests ---- */

static const struct verb *verb_find(const char *name)
{
        for (size_t i = 0; i < n_control_verbs; i++)
                if (streq(control_verbs[i].name, name))
                        return &control_verbs[i];
        return NULL;
}

static int request_run(struct request *r, const char *verb)
{
        struct client *c = r->client;

        c->verb = verb_find(verb);
        if (!c->verb)
                return request_fail(r, -EOPNOTSUPP, "Unknown request '%.64s'.", verb);
        if (c->verb->flags & VERB_ROOT && !request_may_change(r))
                return request_fail(r, -EACCES, "Only root may do that.");
        if (strv_len(r->args) < c->verb->min_args)
                return request_fail(r, -EINVAL, "'%s' needs more arguments.", verb);
        if (!(c->verb->flags & VERB_READ))
                generation_touch();
        return c->verb->run(r);
}

static void request_read(struct client *c, struct wire_reader *in)
{
        struct request r = { .client = c, .m = c->control->m, .id = in->h.id };
        const char *verb;
        int k;

        if (in->h.type != CTL_REQUEST)
                return; /* a newer peer */
        verb = wire_get_str(in);
        if (!verb || wire_get_strv(in, &r.args) < 0 || wire_get_strv(in, &r.options) < 0 ||
                strv_len(r.args) + strv_len(r.options) > ARGS_MAX) {
                control_end(c, r.id, -EBADMSG, "The request could not be read.");
        } else {
                k = request_run(&r, verb);
                if (k != CONTROL_LATER)
                        control_end(c, r.id, MIN(k, 0), r.error);
        }
        strv_free(r.args);
        strv_free(r.options);
        free(r.error);
}

static void on_client(struct loop_io *io, uint32_t revents)
{
        struct client *c = io->data;
        static uint8_t buf[WIRE_MAX];
        struct wire_reader in;
        int r;

        if (c->doomed)
                return;
        if (revents & (EPOLLERR | EPOLLHUP) && !(revents & EPOLLIN)) {
                client_doom(c);
                return;
        }
        if (revents & EPOLLOUT && client_flush(c)) {
                bus_client_read(c->control->m, c);
                if (c->listing)
                        client_list_more(c);
        }
        if (revents & EPOLLIN && !c->listing && !c->doomed) {
                r = wire_recv(io->fd, buf, sizeof(buf), &in, NULL);
                if (r == 1)
                        request_read(c, &in);
                else if (r != -EAGAIN)
                        client_doom(c);
                if (c->listing)
                        client_list_more(c);
        }
        client_unpack(c);
        client_watch(c);
}

/* ---- the socket ---- */

static unsigned clients_of(struct control *ctl, uid_t uid)
{
        unsigned n = 0;

        for (struct client *c = ctl->clients; c; c = c->next)
                n += c->cred.uid == uid;
        return n;
}

static int client_new(struct control *ctl, int fd)
{
        socklen_t len = sizeof(struct ucred);
        struct client *c;
        struct ucred cred;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return -errno;
        if (cred.uid != 0 &&
                (ctl->n_clients >= CLIENTS_MAX / 2 || clients_of(ctl, cred.uid) >= CLIENTS_USER_MAX))
                return -EUSERS;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->control = ctl;
        c->cred = cred;
        c->queue_tail = &c->queue;
        c->io = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 10, .quiet = true, .cb = on_client, .data = c
        };
        r = loop_io_add(ctl->m->loop, &c->io);
        if (r < 0) {
                free(c);
                return r;
        }
        c->next = ctl->clients;
        ctl->clients = c;
        ctl->n_clients++;
        state_touch_manager(ctl->m);
        return 0;
}

static void on_listen(struct loop_io *io, uint32_t revents)
{
        struct control *ctl = io->data;
        int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r;

        if (fd < 0)
                return;
        r = ctl->n_clients >= CLIENTS_MAX ? -EUSERS : client_new(ctl, fd);
        if (r < 0) {
                log_debug_errno(r, "A control client was refused: %m");
                close_fd(fd);
        }
}

static int listen_at(const char *path)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        int r;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        r = mkdir_parents(path, 0755);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(path);
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, 0666) < 0 || listen(fd, 64) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* fd: the socket from before a re-execution, -1: a new one. */
static int control_open_fd(struct manager *m, int fd)
{
        struct control *ctl = calloc(1, sizeof(*ctl));
        int r;

        if (!ctl)
                return -ENOMEM;
        ctl->m = m;
        ctl->reap = (struct loop_deferred) { .cb = reap_clients, .data = ctl };
        ctl->unpack = (struct loop_deferred) { .cb = unpack_all, .data = ctl, .quiet = true };
        ctl->path = m->root ? path_join(m->root, ROUSE_CONTROL) : strdup(ROUSE_CONTROL);
        r = !ctl->path ? -ENOMEM : fd >= 0 ? fd : listen_at(ctl->path);
        if (r >= 0) {
                ctl->io = (struct loop_io) {
                        .fd = r, .events = EPOLLIN, .priority = 10, .cb = on_listen, .data = ctl
                };
                r = loop_io_add(m->loop, &ctl->io);
                if (r < 0)
                        close_fd(ctl->io.fd);
        }
        if (r < 0) {
                log_error_errno(r, "Could not make the control socket %s: %m; rousectl will not work",
                        ctl->path ?: "");
                free(ctl->path);
                free(ctl);
                return r;
        }
        m->control = ctl;
        return 0;
}

int control_open(struct manager *m)
{
        return control_open_fd(m, -1);
}

void control_close(struct manager *m)
{
        struct control *ctl = m->control;
        int fd;

        if (!ctl)
                return;
        control_power_close(m);
        while (ctl->clients) {
                struct client *c = ctl->clients;

                ctl->clients = c->next;
                client_free(c);
        }
        loop_defer_cancel(m->loop, &ctl->reap);
        loop_defer_cancel(m->loop, &ctl->unpack);
        fd = ctl->io.fd;
        loop_io_remove(m->loop, &ctl->io);
        close_fd(fd);
        (void)unlink(ctl->path);
        free(ctl->path);
        free(ctl);
        m->control = NULL;
}

/* ---- state ---- */

void control_serialise(struct manager *m, struct state_out *s)
{
        struct control *ctl = m->control;

        control_power_serialise(m, s);
        if (!ctl)
                return;
        bus_serialise(m, s);
        state_put_fd(s, "control-fd", ctl->io.fd);
        for (struct client *c = ctl->clients; c; c = c->next) {
                char line[48];

                client_unpack(c);
                if (c->doomed)
                        continue;
                snprintf(line, sizeof(line), "%d%s%s%s", c->io.fd, c->subscribed ? " subscribed" : "",
                        bus_bridge(m) == c ? " bridge" : "", c->packs ? " packs" : "");
                state_put(s, "client", line);
                control_wait_serialise(c, c->io.fd, s);
        }
}

static struct client *client_of_fd(struct control *ctl, int fd)
{
        struct client *c = ctl ? ctl->clients : NULL;

        while (c && c->io.fd != fd)
                c = c->next;
        return c;
}

bool control_deserialise(struct manager *m, const char *key, const char *value)
{
        struct control *ctl = m->control;
        char number[16];
        int fd;

        if (streq(key, "control-fd")) {
                fd = state_get_fd(value);
                if (fd >= 0 && control_open_fd(m, fd) < 0)
                        log_error("The control socket was lost");
                return true;
        }
        if (!streq(key, "client") && !streq(key, "client-wait"))
                return bus_deserialise(m, key, value) || control_power_deserialise(m, key, value);
        snprintf(number, sizeof(number), "%.*s", (int)strcspn(value, " "), value);
        if (streq(key, "client-wait")) {
                struct client *c = client_of_fd(ctl, (int)state_get_int(number, -1));

                if (c)
                        control_wait_deserialise(c, value + strcspn(value, " "));
                return true;
        }
        fd = state_get_fd(number);
        if (fd < 0)
                return true;
        if (!ctl || client_new(ctl, fd) < 0)
                close(fd);
        else {
                if (strstr(value, " subscribed"))
                        client_subscribe(ctl->clients);
                if (strstr(value, " bridge"))
                        bus_set_bridge(m, ctl->clients);
                ctl->clients->packs = strstr(value, " packs") != NULL;
        }
        return true;
}

void control_restored(struct manager *m)
{
        struct control *ctl = m->control;

        if (!ctl && control_open(m) < 0)
                return;
        for (struct client *c = ctl ? ctl->clients : NULL; c; c = c->next)
                control_wait_restored(c);
}

/* ---- events ---- */

/* Whom an event is for. */
enum audience { EVERYBODY, BUT_THE_BRIDGE, THOSE_OF_JOBS };

static bool hears(const struct client *c, enum audience for_whom)
{
        struct manager *m = c->control->m;

        return c->subscribed && !c->doomed && (for_whom != BUT_THE_BRIDGE || bus_bridge(m) != c) &&
               (for_whom != THOSE_OF_JOBS || bus_hears_jobs(m, c));
}

static void event_send(struct control *ctl, struct record *made, enum audience for_whom)
{
        record_finish(made);
        for (struct client *c = ctl->clients; c && !made->failed; c = c->next) {
                _cleanup_wire_ struct wire_writer w = { 0 };

                if (!hears(c, for_whom))
                        continue;
                strbuf_add(&w.b, made->w.b.s, made->w.b.len);
                client_send(c, &w);
                client_watch(c);
        }
        wire_done(&made->w);
}

void control_job_event(struct manager *m, struct job *j, bool gone, int result)
{
        struct control *ctl = m->control;
        struct record rec = { .event = gone ? "job-removed" : "job-new" };

        if (!ctl || ctl->n_subscribed == 0)
                return;
        if (gone)
                bus_tell_unit(j->unit);
        record_addf(&rec, "Job", "%u", j->id);
        record_add(&rec, "Unit", j->unit->id);
        record_add(&rec, "Type", job_type_to_string(j->type));
        if (gone)
                record_add(&rec, "Result", job_result_to_string((enum job_result)result));
        event_send(ctl, &rec, THOSE_OF_JOBS);
}

void control_unit_event(struct unit *u)
{
        struct control *ctl = u->manager->control;
        struct record rec = { .event = "unit" };

        bus_unit_event(u);
        if (!ctl || ctl->n_subscribed == 0)
                return;
        record_add(&rec, "Id", u->id);
        record_add(&rec, "ActiveState", active_state_to_string(unit_active_state(u)));
        record_add(&rec, "SubState", unit_sub_state(u));
        event_send(ctl, &rec, BUT_THE_BRIDGE);
}

bool control_request_stop(struct unit *u, const char *controller)
{
        struct control *ctl = u->manager->control;
        struct record rec = { .event = "request-stop" };

        if (!ctl || ctl->n_subscribed == 0)
                return false;
        record_add(&rec, "Id", u->id);
        record_add(&rec, "Controller", controller);
        event_send(ctl, &rec, EVERYBODY);
        return true;
}

void control_simple_event(struct manager *m, const char *event, const char *key, const char *value)
{
        struct record rec = { .event = event };
        struct control *ctl = m->control;

        if (!ctl || ctl->n_subscribed == 0)
                return;
        record_add(&rec, key, value);
        event_send(ctl, &rec, streq(event, "unit-new") ? THOSE_OF_JOBS : EVERYBODY);
}

void control_startup_event(struct manager *m)
{
        struct record rec = { .event = "startup-finished" };
        struct control *ctl = m->control;

        if (!ctl || ctl->n_subscribed == 0)
                return;
        record_add_u64(&rec, "InitRDUSec", (uint64_t)m->t_initrd);
        record_add_u64(&rec, "UserspaceUSec", (uint64_t)m->t_userspace);
        record_add_u64(&rec, "FinishUSec", (uint64_t)m->t_finish);
        event_send(ctl, &rec, EVERYBODY);
}
