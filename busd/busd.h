/* rouse-busd: org.freedesktop.systemd1 on the bus, out of what PID 1 says over the control protocol.
 *
 *     a client ── D-Bus ──▶ bus.c ─▶ dispatch.c ─▶ access.c ─▶ methods*.c ──▶ link.c ── control socket ──▶ PID 1
 *              ◀── reply, signal ── events.c, encode*.c ◀── records, events ──┘
 *
 * The process keeps no state about units, but answers that are still true (cache.c). A method call becomes one or more
 * requests to PID 1 over one connection, and is answered when their END arrives; since PID 1 answers in order and tells
 * events over the same connection, a client sees a job's end never before the reply that named the job. What the
 * interface has is in the tables table-*.inc;
 * properties are made from the records of the verb `show` (encode.c), and properties of transient units become lines
 * of a unit file (transient.c).
 *
 * Nothing waits for this process: PID 1 starts it when dbus is there (init/bus.c), tells it what it needs when it comes
 * (again), and goes on without it. */
#pragma once

#include <systemd/sd-bus.h>

#include "lib/ctlproto.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/str.h"

#define BUS_NAME      "org.freedesktop.systemd1"
#define BUS_PATH      "/org/freedesktop/systemd1"
#define UNITS_PATH    BUS_PATH "/unit"
#define JOBS_PATH     BUS_PATH "/job"
#define BUS_INTERFACE BUS_NAME "."
#define ERROR_PREFIX  BUS_NAME "."

struct busd;

/* ---- the tables (table.c) ---- */

enum interface {
        IF_Manager,
        IF_Unit,
        IF_Job,
        IF_Service,
        IF_Socket,
        IF_Target,
        IF_Device,
        IF_Mount,
        IF_Automount,
        IF_Timer,
        IF_Swap,
        IF_Path,
        IF_Slice,
        IF_Scope,
        IF_Exec, /* groups of properties: no interfaces of their own */
        IF_Kill,
        IF_Cgroup,
        IF_MAX
};
/* How a change of a property is told: in PropertiesChanged, only that it changed, not at all, or it never changes. */
enum changes { CHANGES, INVALIDATES, SILENT, CONST, WRITABLE };
/* Who may call a method: everybody, root alone, or whom polkit lets do this. */
enum access { ANYONE, ROOT, UNITS, FILES, RELOAD, ENVIRONMENT };

struct call;
struct method {
        enum interface interface;
        const char *name, *in, *out, *args;
        int (*handler)(struct call *c); /* NULL: not supported */
        const char *what;               /* for handlers of several methods: a verb of PID 1's … */
        enum access access;
};
struct signal {
        enum interface interface;
        const char *name, *signature, *args;
};
struct property {
        enum interface interface;
        const char *name, *signature;
        enum changes changes;
};
extern const struct method methods[];
extern const struct signal signals[];
extern const struct property properties[];
extern const size_t n_methods, n_signals, n_properties;

const char *interface_name(enum interface i); /* "Manager" … */
/* "org.freedesktop.systemd1.Unit" → IF_Unit; -ENOENT. */
int interface_find(const char *full);
/* The interface of a unit's type by its name; -EINVAL. */
int interface_of_unit(const char *name);
/* Does the interface have the properties of this group (or is it the same)? */
bool interface_has(enum interface i, enum interface group);
const struct method *method_find(enum interface i, const char *name);
const struct property *property_find(enum interface i, const char *name);

/* ---- PID 1 (link.c) ---- */

/* The whole answer to a request. error: 0 or a negative errno, message for people or NULL. */
struct answer {
        struct ctl_record *records;
        size_t n;
        int error;
        const char *message;
};
typedef void (*answer_fn)(struct busd *b, const struct answer *a, void *data);

int link_open(struct busd *b);
void link_close(struct busd *b);
/* Makes all strings of a record valid UTF-8. */
void link_make_text(struct ctl_record *rec);
/* Sends a request; done is called once, never before this returns 0. data is the caller's. */
int link_request(struct busd *b, const char *verb, char *const *args, char *const *options, answer_fn done,
        void *data);

/* The same for a question whose answer can be said again until something changes (cache.c): then done is called at once. */
int link_ask(struct busd *b, const char *verb, char *const *args, char *const *options, answer_fn done,
        void *data);

/* cache.c: answers of PID 1 that are still true. */
void cache_open(void);
/* The number that is the same as long as nothing changes in PID 1; 0: not known. */
uint64_t cache_generation(void);
char *cache_key(const char *verb, char *const *args, char *const *options);
/* NULL: not there, or no longer true. */
const struct answer *cache_find(const char *key);
/* Takes key and records, which were asked for and given at this generation. */
void cache_keep(char *key, uint64_t generation, struct ctl_record *records, size_t n);
void cache_done(void);

/* ---- buses (bus.c) ---- */

struct connection {
        struct busd *busd;
        sd_bus *bus;
        bool system; /* the system bus; else a direct connection of root's */
        bool subscribed, dead, holds /* units, refs.c */;
        bool due; /* there may be something to read, or room to write */
        unsigned id;
        struct loop_io io;
        struct connection *next;
};

enum telling { TELL_NOTHING, TELL_JOBS, TELL_ALL };

struct busd {
        struct loop *loop;
        struct link *link;
        struct connection *connections, *system;
        struct loop_io private_io;
        struct loop_timer bus_timer; /* sd-bus's own deadlines */
        struct hash senders;         /* unique names → uid (access.c) */
        size_t n_senders;
        sd_bus_track *subscribers, *askers; /* on the system bus (events.c) */
        struct hash names;                  /* well-known names that units have (names.c) */
        struct hash holders;                /* clients that hold units (refs.c) */
        enum telling telling;               /* what PID 1 was asked to tell (events.c) */
        unsigned n_ready;
        bool exiting;
        int status;
};
/* bus.c: ends the loop. */
void busd_exit(struct busd *b, int status);

int bus_open_system(struct busd *b);
int bus_open_private(struct busd *b);
/* A peer that is root and speaks D-Bus directly; fd becomes the connection's, also on failure. */
int bus_add_direct(struct busd *b, int fd);
void bus_close_all(struct busd *b);
/* Handles what came on all connections, before each wait of the loop; returns how long that may take at most. */
usec_t bus_process(struct busd *b);

/* ---- calls (dispatch.c) ---- */

struct call {
        struct busd *b;
        struct connection *conn;
        sd_bus_message *m;
        const struct method *method;
        char *unit;   /* of the object, NULL for the manager's and jobs' */
        uint32_t job; /* of the object, 0 */
        int (*done)(struct call *c, const struct answer *a);
        void *data; /* the handler's own, freed with the call */
        void (*data_free)(void *data);
        unsigned pending;
        bool replied;
        struct call *next;
};

/* A message's way in: 1 it was handled, 0 it is none of ours. */
int dispatch(struct connection *conn, sd_bus_message *m);
/* Runs a call that access.c has let through, and frees it when nothing is pending. */
void call_run(struct call *c);
void call_unref(struct call *c);
/* A connection goes: its calls are not answered any more. */
void call_forget(struct connection *conn);
/* Asks PID 1; done makes the reply. An error of PID 1's is answered by call_error() unless done is told errors. */
int call_request(struct call *c, const char *verb, char *const *args, char *const *options,
        int (*done)(struct call *c, const struct answer *a));
/* The same, for a question that may be answered out of what was read before. */
int call_ask(struct call *c, const char *verb, char *const *args, char *const *options,
        int (*done)(struct call *c, const struct answer *a));
/* Answers with an error: its D-Bus name, text. Returns 0. */
int call_fail(struct call *c, const char *error, const char *fmt, ...) _printf_(3, 4);
/* The D-Bus error for a negative errno. */
int call_fail_errno(struct call *c, int error, const char *message);
/* Sends a reply made by sd_bus_message_new_method_return(). */
int call_send(struct call *c, sd_bus_message *reply);
int call_reply(struct call *c, const char *types, ...);
/* Replies with one array, whose elements fill appends; with one of what one appends for each record of an answer, which
 * may be an error. */
int call_reply_array(struct call *c, const char *contents,
        int (*fill)(struct call *c, sd_bus_message *reply, const void *data), const void *data);
int call_reply_records(struct call *c, const char *contents, const struct answer *a,
        int (*one)(struct call *c, sd_bus_message *reply, const struct ctl_record *rec));
/* The unit that the call is about: the object's, or the first argument. Borrowed. */
int call_unit(struct call *c, const char **ret);

/* The calling process. */
int call_pid(struct call *c, pid_t *ret);

char *unit_path(const char *name);
char *job_path(uint32_t id);
/* Both NULL and 0 for other objects. -ENOENT: not one of our objects. */
int object_of_path(const char *path, char **ret_unit, uint32_t *ret_job);

/* The standard interfaces: properties.c, introspect.c. */
int on_get(struct call *c);
int on_get_all(struct call *c);
int on_set(struct call *c);
int on_introspect(struct call *c);
char *introspect_all(void); /* every interface; the caller's */

/* access.c: runs the call now or later, or refuses it. */
void access_check(struct call *c);
void access_done(struct busd *b);

/* ---- properties (encode.c, encode-forms.c) ---- */

/* Appends the value as a variant. */
int encode_property(sd_bus_message *m, const struct property *p, const struct ctl_record *rec);
/* Adds ",NAME…": the keys of `show` that the property is made from. */
void encode_sources(struct strbuf *b, const struct property *p);
/* A zero of any signature. */
int encode_empty(sd_bus_message *m, const char *signature);
/* Properties of interface i (and its groups) as a{sv}; only: those that are told when they change (-1: all). */
int encode_all(sd_bus_message *m, enum interface i, const struct ctl_record *rec, int only);
/* Unit files were changed, or all read anew (NULL): what was found out of the unit is not believed any more. */
void encode_forget_files(const char *id);
/* Of the real time from the monotonic one, asked for once a turn of the loop. */
usec_t encode_offset(void);
void encode_new_turn(void);
typedef int (*encode_fn)(sd_bus_message *m, const struct property *p, const struct ctl_record *rec);
encode_fn encode_form(const struct property *p);
/* Of properties that are numbers on the bus and words to people; -EINVAL. */
int encode_number_of_word(const char *name, const char *text);
int encode_u64_text(const char *name, const char *text, uint64_t *ret);

/* ---- properties of transient units (transient.c) ---- */

/* What an a(sv) says: lines "Setting=value", and options of the verb start-transient. */
struct transient {
        char **lines, **options;
        bool add_ref;
        uint32_t caller; /* in: the process that 0 among PIDs stands for */
};
void transient_done(struct transient *t);
#define _cleanup_transient_ _cleanup_(transient_done)
/* The error's text is the caller's. */
int transient_read(sd_bus_message *m, struct transient *t, char **ret_error);

/* ---- signals (events.c) ---- */

void event_received(struct busd *b, const char *event, const struct ctl_record *rec);
/* A signal of the manager's, to all who subscribed. */
void emit_manager(struct busd *b, const char *name, const char *types, ...);
void emit_files_changed(struct busd *b);
void on_job_removed(struct busd *b, const struct ctl_record *rec);
/* Somebody came or left: PID 1 is asked to tell of jobs and of units that change, or not to. Who has just subscribed (or NULL) is
 * answered when it knows. */
int events_wanted(struct busd *b, struct call *subscriber);
void events_done(struct busd *b);
void subscribers_load(struct busd *b);
/* Who asks for a job on the bus is told of its end, subscribed or not. */
void asker_add(struct call *c);
int subscriber_add(struct busd *b, const char *name);
bool subscriber_remove(struct busd *b, const char *name);

/* ---- refs.c: clients that hold units ---- */

/* How PID 1 knows the caller: "owner=…" (or another key), which is followed from now on, so that what it holds is let go
 * when it leaves. NULL: out of memory. */
char *holder_option(struct call *c, const char *key);
/* PID 1 has told of a holder from before: another bridge's client. */
void holder_found(struct busd *b, const char *owner);
void holder_connection_gone(struct connection *conn);
void holders_done(struct busd *b);

/* ---- names.c, activation.c ---- */

/* Becomes the bridge: PID 1 says which names to watch and what ended meanwhile; events from then on. */
int names_attach(struct busd *b);
void names_add(struct busd *b, const char *name);
void names_done(struct busd *b);
int activation_init(struct busd *b);
/* The name is ours and PID 1 knows us: ready. */
void busd_ready(struct busd *b);

/* Where unit files are changed: NULL is /; a test has a root of its own. */
extern const char *file_root;

/* ---- handlers of methods: methods-*.c ---- */

int on_get_unit(struct call *c);
int on_get_unit_by_pid(struct call *c);
int on_get_unit_by_pidfd(struct call *c);
int on_get_unit_by_invocation(struct call *c);
int on_get_unit_by_cgroup(struct call *c);
int on_load_unit(struct call *c);
int on_list_units(struct call *c);
int on_list_units_by_names(struct call *c);
int on_get_processes(struct call *c);
int on_unit_verb(struct call *c);
int on_kill_unit(struct call *c);
int on_clean_unit(struct call *c);
int on_hold(struct call *c); /* refs.c */
int on_queue(struct call *c);
int on_start_replace(struct call *c);
int on_enqueue_job(struct call *c);
int on_enqueue_marked(struct call *c);
int on_list_jobs(struct call *c);
int on_get_job(struct call *c);
int on_cancel_job(struct call *c);
int on_start_transient(struct call *c);
int on_set_properties(struct call *c);
int on_attach_processes(struct call *c);
int on_subscribe(struct call *c);
int on_unsubscribe(struct call *c);
int on_manager_verb(struct call *c);
int on_manager_value(struct call *c);
int on_end_now(struct call *c);
int on_switch_root(struct call *c);
int on_environment(struct call *c);
int on_unset_and_set_environment(struct call *c);
int on_dump(struct call *c);
int on_dynamic_users(struct call *c); /* methods-users.c */
int on_dynamic_user_by_name(struct call *c);
int on_dynamic_user_by_uid(struct call *c);
int on_files(struct call *c);
int on_preset_all_files(struct call *c);
int on_add_dependency_files(struct call *c);
int on_list_unit_files(struct call *c);
int on_get_unit_file_state(struct call *c);
int on_get_default_target(struct call *c);
int on_set_default_target(struct call *c);

/* What several of them share: the reply after a request that made a job, or acted on a unit. */
int job_done(struct call *c, const struct answer *a);
int unit_done(struct call *c, const struct answer *a);
