/* PID 1's side of the bridge to D-Bus (busd/): when it is started, what it is told, what it tells.
 *
 * Nothing here waits. The bridge is started when the boot is over and dbus runs; sooner, when a Type=dbus service needs
 * its name to be seen, or when dbus has been there for a while and the boot is not over: something in it may be asking
 * the bus for the manager. It comes back by itself (Restart=), and with dbus.
 *
 * A Type=dbus service that was started while no bridge can come, since dbus or rouse-busd is not installed, counts as
 * ready at once. When the bridge or the bus goes, services keep the state that they have; what the bridge tells first
 * after it came back ends a wait for a name, but takes nothing away: only a name that was seen and then lost does.
 *
 * While somebody on the bus has subscribed the bridge is told what units become: once a turn, when it has read what it was
 * told before, and before the end of a unit's job or of the unit is told, so that all who hear of that know the rest. */
#include "control.h"
#include "generation.h"
#include "service.h"
#include "state.h"

#define BRIDGE     "rouse-busd.service"
#define BUS        "dbus.service"
#define BUS_SOCKET "dbus.socket"
/* After the boot: what has just come up answers its first clients before. */
#define GRACE_AFTER_BOOT (500 * USEC_PER_MSEC)
/* From dbus being up, in a boot that goes on: see above. */
#define GRACE_IN_BOOT (1500 * USEC_PER_MSEC)
#define ENDED_MAX     64u

/* Jobs that ended: told again to a bridge that was away, whose clients wait for them. */
struct ended_job {
        uint32_t id;
        enum job_result result;
        char *unit;
};

struct bus {
        struct manager *m;
        struct client *bridge;
        struct loop_timer timer;
        struct loop_deferred start;
        struct ended_job ended[ENDED_MAX];
        unsigned n_ended;
        bool told_jobs;      /* it hears of jobs and of units that come */
        char **told_keys;    /* properties that are told of a unit that changed; NULL: it is not told */
        struct record told;  /* of these, to be begun with */
        struct hash changed; /* units that are still to be told of */
        struct loop_deferred tell;
};

static struct bus *bus_of(struct manager *m)
{
        if (!m->bus) {
                m->bus = calloc(1, sizeof(*m->bus));
                if (m->bus)
                        m->bus->m = m;
        }
        return m->bus;
}

void bus_free(struct manager *m)
{
        struct bus *b = m->bus;

        if (!b)
                return;
        loop_timer_cancel(m->loop, &b->timer);
        loop_defer_cancel(m->loop, &b->start);
        loop_defer_cancel(m->loop, &b->tell);
        hash_done(&b->changed);
        strv_free(b->told_keys);
        for (unsigned i = 0; i < ENDED_MAX; i++)
                free(b->ended[i].unit);
        free(b);
        m->bus = NULL;
}

/* ---- starting it ---- */

static bool unit_is(struct manager *m, const char *name, enum active_state state)
{
        struct unit *u = unit_find(m, name);

        return u && unit_active_state(u) == state;
}

static void start_bridge(struct loop_deferred *d)
{
        struct manager *m = ((struct bus *)d->data)->m;
        _cleanup_free_ char *error = NULL;
        struct unit *u;
        int r;

        if (m->shutting_down || unit_load_by_name(m, BRIDGE, &u) < 0 || u->job ||
                unit_active_state(u) == UNIT_ACTIVE || unit_active_state(u) == UNIT_ACTIVATING)
                return;
        r = manager_add_job(m, JOB_START, u, JOB_FAIL, false, NULL, &error);
        if (r < 0)
                log_warning("The bridge to D-Bus is not started: %s", error ?: strerror(-r));
}

/* As soon as PID 1 is done with what it is doing. */
static void want_bridge(struct manager *m)
{
        struct bus *b = bus_of(m);

        if (!b || m->shutting_down || !load_find_fragment(m, BRIDGE))
                return;
        b->start.cb = start_bridge;
        b->start.data = b;
        loop_defer(m->loop, &b->start);
}

static void grace_over(struct loop_timer *t)
{
        struct bus *b = t->data;

        if (unit_is(b->m, BUS, UNIT_ACTIVE))
                want_bridge(b->m);
}

static void arm(struct manager *m, usec_t delay)
{
        struct bus *b = bus_of(m);

        if (!b)
                return;
        b->timer.cb = grace_over;
        b->timer.data = b;
        (void)loop_timer_set(m->loop, &b->timer, usec_add(now_monotonic(), delay));
}

void bus_booted(struct manager *m)
{
        if (unit_is(m, BUS, UNIT_ACTIVE))
                arm(m, GRACE_AFTER_BOOT);
}

void bus_unit_changed(struct unit *u)
{
        struct manager *m = u->manager;
        bool is_bus = streq(u->id, BUS);

        if (!is_bus && !streq(u->id, BRIDGE))
                return;
        if (is_bus && unit_active_state(u) == UNIT_ACTIVE && !m->boot_finished)
                arm(m, GRACE_IN_BOOT);
        else if (m->boot_finished && unit_is(m, BUS, UNIT_ACTIVE) &&
                 (is_bus || unit_active_state(u) == UNIT_INACTIVE))
                want_bridge(m);
}

/* ---- names ---- */

/* Is there a bus, or will there be, and a bridge for it? */
static bool bridge_can_come(struct manager *m)
{
        struct unit *u;

        if (m->bus && m->bus->bridge)
                return true;
        if (!load_find_fragment(m, BRIDGE) || m->shutting_down)
                return false;
        u = unit_find(m, BRIDGE);
        if (u && (u->load_state == UNIT_MASKED || unit_active_state(u) == UNIT_FAILED))
                return false;
        if (unit_is(m, BUS, UNIT_ACTIVE) || unit_is(m, BUS_SOCKET, UNIT_ACTIVE))
                return true;
        u = unit_find(m, BUS);
        return u && (unit_active_state(u) == UNIT_ACTIVATING || (u->job && u->job->type == JOB_START));
}

bool bus_await_name(struct service *s)
{
        struct manager *m = s->unit.manager;

        if (!bridge_can_come(m))
                return false;
        if (m->bus && m->bus->bridge)
                control_simple_event(m, "bus-name", "Name", s->bus_name);
        else
                want_bridge(m);
        return true;
}

static void name_told(struct unit *u, bool owned, bool first)
{
        struct service *s = UNIT_CAST(service, u);
        bool was = s->bus_name_owned;

        s->bus_name_owned = owned;
        if (owned && s->state == SVC_START) {
                service_ready(s);
        } else if (!owned && was && !first && (s->state == SVC_RUNNING || s->state == SVC_EXITED)) {
                log_unit(u->id, LOG_INFO, "The name %s is no longer on the bus: stopping", s->bus_name);
                service_enter_stop(s, RESULT_SUCCESS);
        }
}

static bool has_name(struct unit *u)
{
        return u->load_state == UNIT_LOADED && UNIT_CAST(service, u)->type == SERVICE_DBUS &&
               UNIT_CAST(service, u)->bus_name;
}

/* bus-name NAME owner=OWNER [first] */
int verb_bus_name(struct request *r)
{
        const char *owner = request_option(r, "owner");
        bool first = request_flag(r, "first");

        if (!bus_of(r->m) || r->m->bus->bridge != r->client)
                return request_fail(r, -EACCES, "Only the bridge to D-Bus may say that.");
        UNITS_FOREACH(u, r->m, UNIT_SERVICE)
        if (has_name(u) && streq(UNIT_CAST(service, u)->bus_name, r->args[0]))
                name_told(u, !str_empty(owner), first);
        return 0;
}

/* ---- what units become ---- */

static void tell_unit(struct bus *b, struct unit *u)
{
        struct record rec = b->told;

        rec.client = b->bridge;
        (void)hash_del(&b->changed, u->id);
        show_unit(&rec, u);
        record_send(&rec);
        client_watch(b->bridge);
}

static void tell_changed(struct loop_deferred *d)
{
        struct bus *b = d->data;

        HASHMAP_FOREACH (e, &b->changed) {
                if (!b->bridge || client_lags(b->bridge))
                        return; /* bus_client_read() comes back */
                tell_unit(b, e->value);
        }
}

void bus_unit_event(struct unit *u)
{
        struct bus *b = u->manager->bus;

        if (!b || !b->bridge || !b->told_keys || hash_get(&b->changed, u->id))
                return;
        if (hash_put(&b->changed, u->id, u) < 0)
                return (void)log_oom();
        b->tell.cb = tell_changed;
        b->tell.data = b;
        loop_defer(u->manager->loop, &b->tell);
}

void bus_tell_unit(struct unit *u)
{
        struct bus *b = u->manager->bus;

        if (b && b->bridge && hash_get(&b->changed, u->id))
                tell_unit(b, u);
}

void bus_client_read(struct manager *m, struct client *c)
{
        struct bus *b = m->bus;

        if (b && b->bridge == c && b->changed.n > 0)
                loop_defer(m->loop, &b->tell);
}

bool bus_hears_jobs(struct manager *m, const struct client *c)
{
        return bus_bridge(m) != c || m->bus->told_jobs;
}

/* keys: taken. */
static void set_told(struct bus *b, bool jobs, char **keys)
{
        strv_free(b->told_keys);
        b->told_jobs = jobs;
        b->told_keys = keys;
        b->told = (struct record) { .event = "unit", .raw = true };
        record_only(&b->told, keys);
        if (!keys)
                hash_done(&b->changed);
        state_touch_manager(b->m);
}

/* jobs, properties=A,B: what is told of jobs and units, and of units that change; none: nobody listens */
int verb_bus_tell(struct request *r)
{
        const char *properties = request_option(r, "properties");
        char **keys;

        if (!bus_of(r->m) || r->m->bus->bridge != r->client)
                return request_fail(r, -EACCES, "Only the bridge to D-Bus may ask for that.");
        keys = properties ? strv_split(properties, ",") : NULL;
        if (properties && !keys)
                return -ENOMEM;
        set_told(r->m->bus, keys || request_flag(r, "jobs"), keys);
        return 0;
}

void bus_serialise(struct manager *m, struct state_out *s)
{
        _cleanup_free_ char *keys = m->bus && m->bus->told_keys ? strv_join(m->bus->told_keys, ",") : NULL;

        if (m->bus && m->bus->told_jobs)
                state_put(s, "bus-told", keys ?: "");
}

bool bus_deserialise(struct manager *m, const char *key, const char *value)
{
        if (!streq(key, "bus-told"))
                return false;
        if (bus_of(m))
                set_told(m->bus, true, *value ? strv_split(value, ",") : NULL);
        return true;
}

/* ---- the bridge itself ---- */

static void tell_ended(struct request *r, const struct ended_job *j)
{
        struct record rec;

        if (!j->unit)
                return;
        record_begin(&rec, r);
        record_addf(&rec, "Job", "%u", j->id);
        record_add(&rec, "Unit", j->unit);
        record_add(&rec, "Result", job_result_to_string(j->result));
        record_send(&rec);
}

/* A record for each name that services wait for or have, one for each hold on a unit, and one for each of the last jobs
 * that ended. */
int verb_bus_attach(struct request *r)
{
        struct bus *b = bus_of(r->m);

        if (!b)
                return -ENOMEM;
        b->bridge = r->client;
        set_told(b, false, NULL);
        generation_open(r->m);
        if (request_flag(r, "pack"))
                client_pack(r->client);
        state_touch_manager(r->m);
        UNITS_FOREACH(u, r->m, UNIT_SERVICE)
        if (has_name(u)) {
                struct record rec;

                record_begin(&rec, r);
                record_add(&rec, "Name", UNIT_CAST(service, u)->bus_name);
                record_send(&rec);
        }
        bus_tell_refs(r);
        for (unsigned i = 0; i < ENDED_MAX; i++)
                tell_ended(r, &b->ended[(b->n_ended + i) % ENDED_MAX]);
        return 0;
}

struct client *bus_bridge(struct manager *m)
{
        return m->bus ? m->bus->bridge : NULL;
}

void bus_set_bridge(struct manager *m, struct client *c)
{
        struct bus *b = bus_of(m);

        if (b)
                b->bridge = c;
        generation_open(m);
}

void bus_client_gone(struct manager *m, struct client *c)
{
        if (!m->bus || m->bus->bridge != c)
                return;
        m->bus->bridge = NULL;
        set_told(m->bus, false, NULL);
}

void bus_job_ended(struct manager *m, const struct job *j, enum job_result result)
{
        struct bus *b = m->boot_finished ? bus_of(m) : m->bus;
        struct ended_job *e = b ? &b->ended[b->n_ended++ % ENDED_MAX] : NULL;

        if (!e)
                return;
        free(e->unit);
        *e = (struct ended_job) { .id = j->id, .result = result, .unit = strdup(j->unit->id) };
}
