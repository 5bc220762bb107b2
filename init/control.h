/* The control server's own interface: control.c has the socket, the clients and the verb table; control-units.c,
 * control-jobs.c, control-power.c and control-manager.c have the verbs; control-record.c the answers; show.c the properties.
 *
 * A verb gets a request and returns 0 (END follows), a negative errno (END carries it, with the text that
 * request_fail() left), or CONTROL_LATER: it answers by itself (a listing, a wait for jobs).
 *
 * Memory: a client has at most CLIENT_QUEUE_MAX bytes queued; one that does not read is dropped. Listings are made
 * unit by unit, only as fast as they are read, from a snapshot of the names. */
#pragma once

#include <sys/socket.h>

#include "lib/ctlproto.h"
#include "manager.h"

#define CONTROL_LATER 1

struct control;
struct client;

struct request {
        struct client *client;
        struct manager *m;
        uint32_t id;
        char **args;
        char **options; /* "KEY=value" or "KEY" */
        char *error;    /* text for END */
};

enum {
        VERB_ROOT = 1,
        VERB_EVENTS = 2,
        VERB_READ = 4 /* nothing that is told changes by it: generation.h */
};
struct verb {
        const char *name;
        unsigned flags, min_args;
        int (*run)(struct request *r);
        const char *args, *help;
};
extern const struct verb control_verbs[];
extern const size_t n_control_verbs;

/* Value of an option ("" for a bare one), NULL when absent. */
const char *request_option(const struct request *r, const char *key);
bool request_flag(const struct request *r, const char *key);
int request_fail(struct request *r, int error, const char *fmt, ...) _printf_(3, 4);

/* What belongs to the interface Unit, and what to that of the unit's type. */
enum record_part { PART_ALL, PART_UNIT, PART_TYPE };

/* A record being made, in the message that it is sent in. Values beyond the size of a message are sent in pieces
 * ("Key+=more"); a record of several messages has "More=1" at the end of all but the last. */
struct record {
        struct client *client; /* NULL: an event's, event_send() knows for whom */
        uint32_t id;
        const char *event;
        struct wire_writer w;
        usec_t offset;   /* of the real time from the monotonic one: asked for once; 0: not yet */
        size_t count_at; /* where the number of strings is in w; 0: nothing was added yet */
        uint32_t n;
        bool failed,
                raw /* for programs: nothing is joined or shortened, nor told that is empty, not set or a "no" */
                ;
        enum record_part part;
        char *const *only; /* keys wanted; NULL: all */
        size_t n_only;     /* how many, when they are sorted */
        uint64_t marks;    /* a bit a key that is wanted: most others are told by it */
};
void record_begin(struct record *rec, struct request *r);
void record_add(struct record *rec, const char *key, const char *value);
void record_addf(struct record *rec, const char *key, const char *fmt, ...) _printf_(3, 4);
void record_add_u64(struct record *rec, const char *key, uint64_t v);
/* Sorts keys: only these are wanted. The record borrows them. */
void record_only(struct record *rec, char **keys);
bool record_wants(const struct record *rec, const char *key);
static inline bool record_has_part(const struct record *rec, enum record_part part)
{
        return rec->part == PART_ALL || rec->part == part;
}
void record_send(struct record *rec);
void control_end(struct client *c, uint32_t id, int error, const char *message);
void control_text(struct request *r, const char *text);

/* control.c's, for control-record.c: sends w or queues it; w's contents are undefined afterwards. */
void client_send(struct client *c, struct wire_writer *w);
void client_watch(struct client *c);
/* From now on a datagram may have several messages. */
void client_pack(struct client *c);
/* It has not read all that it was sent. */
bool client_lags(const struct client *c);
/* The message is whole, but for its length. Events have one. */
void record_finish(struct record *rec);

/* Calls emit for every known unit, as the client reads; END by itself. Returns CONTROL_LATER or -errno. */
int control_listing(struct request *r, void (*emit)(struct request *r, struct unit *u));

/* What a client waits for: jobs of one request. */
struct wait_group;
int control_wait_new(struct request *r, struct wait_group **ret);
int control_wait_add(struct wait_group *g, struct job *j);
/* Waits until u has ended, which gives a record of how; until it is frozen or thawed; until its directories are gone.
 * 0, -ENOMEM. */
int control_wait_end(struct wait_group *g, struct unit *u);
int control_wait_freezer(struct wait_group *g, struct unit *u);
int control_wait_clean(struct wait_group *g, struct unit *u);
/* The job of the request's verb for one unit: 0, or the error that its record told. g: NULL, or who waits for it. */
int control_queue_job(struct request *r, struct unit *u, enum job_mode mode, struct wait_group *g);
int control_job_mode(struct request *r, enum job_mode *ret);
/* All jobs are queued: END when they have ended; now, when there are none. */
void control_wait_done(struct wait_group *g, int error, const char *message);
void control_wait_drop_client(struct client *c);
/* Begins a reload; END when it is done. CONTROL_LATER or -errno. */
int control_wait_reload(struct request *r);

/* Its waits as lines "FD REQUEST JOB…"; from " REQUEST JOB…" again; and when the jobs are there. */
void control_wait_serialise(struct client *c, int fd, struct state_out *s);
void control_wait_deserialise(struct client *c, const char *value);
void control_wait_restored(struct client *c);

/* The client's part of control-jobs.c. */
struct wait_group **client_waits(struct client *c);
struct manager *client_manager(struct client *c);

/* verbs */
int verb_list_units(struct request *r);
int verb_list_jobs(struct request *r);
int verb_list_unit_files(struct request *r);
int verb_show(struct request *r);
int verb_is_active(struct request *r);
int verb_cat(struct request *r);
int verb_pid_of(struct request *r);
int verb_job(struct request *r);
int verb_enqueue_marked(struct request *r);
int verb_cancel(struct request *r);
int verb_kill(struct request *r);
int verb_reset_failed(struct request *r);
int verb_clean(struct request *r);
int verb_start_transient(struct request *r);
int verb_attach(struct request *r);
int verb_abandon(struct request *r);
int verb_set_property(struct request *r);
int verb_freeze(struct request *r);
int verb_daemon_reload(struct request *r);
int verb_daemon_reexec(struct request *r);
int verb_set_environment(struct request *r);
int verb_unset_environment(struct request *r);
int verb_show_environment(struct request *r);
int verb_log_level(struct request *r);
int verb_get_default(struct request *r);
int verb_analyze_data(struct request *r);
int verb_show_status(struct request *r);
int verb_exit_code(struct request *r);
int verb_subscribe(struct request *r);
int verb_power(struct request *r);
int verb_switch_root(struct request *r);
int verb_shutdown(struct request *r);
int verb_version(struct request *r);
/* bus.c */
int verb_bus_attach(struct request *r);
int verb_bus_name(struct request *r);
int verb_bus_tell(struct request *r);
int verb_ref(struct request *r);
int verb_unref(struct request *r);
/* bus-refs.c: a record for each hold on a unit. */
void bus_tell_refs(struct request *r);

/* The verb that was asked, for functions that serve several. */
const char *request_verb(const struct request *r);
pid_t request_pid(const struct request *r);
bool request_may_change(const struct request *r); /* root, or who runs the manager */
void client_subscribe(struct client *c);
/* The unit that this boot aims for, by its own name. */
const char *control_default_target(struct manager *m);

/* control-power.c */
void control_power_close(struct manager *m);
void control_power_serialise(struct manager *m, struct state_out *s);
bool control_power_deserialise(struct manager *m, const char *key, const char *value);

/* show.c: all properties of u, or of the manager, to rec. */
void show_unit(struct record *rec, struct unit *u);
void show_manager(struct record *rec, struct manager *m);
/* Commands in the form "{ path=… ; argv[]=… ; … }". */
void show_command(struct record *rec, const char *key, const struct exec_command *list);
/* The type's own configuration, from the directive table (show-config.c). */
void show_config(struct record *rec, struct unit *u);

/* For job.c and unit-run.c: tells subscribers. Cheap when there are none. */
void control_job_event(struct manager *m, struct job *j, bool gone, int result);
void control_unit_event(struct unit *u);
/* Asks a scope's controller to stop it: event "request-stop". false: nobody listens. */
bool control_request_stop(struct unit *u, const char *controller);
/* The same for what has one thing to say: "unit-new" and "unit-removed" (Id), "bus-name" (Name), "reloading" (Active). */
void control_simple_event(struct manager *m, const char *event, const char *key, const char *value);
void control_startup_event(struct manager *m);
