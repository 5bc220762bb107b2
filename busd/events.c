/* Signals: PID 1's events, told to everybody who has subscribed.
 *
 * While somebody listens, PID 1 tells of each unit that changed what of it is in PropertiesChanged (init/bus.c). Who has
 * subscribed on the system bus is kept in a file, so that a bridge that was started again goes on telling them. */
#include <stdio.h>

#include "busd.h"
#include "lib/fileio.h"

#define SUBSCRIBERS_FILE "/run/rouse/busd.subscribers"

/* ---- subscribers ---- */

/* Direct connections hear everything: they are few, and their programs expect it. Who asked for a job on the bus hears
 * of jobs. */
static bool hears(struct busd *b, struct connection *c, bool jobs)
{
        if (!c->system)
                return true;
        return (b->subscribers && sd_bus_track_count(b->subscribers) > 0) ||
               (jobs && b->askers && sd_bus_track_count(b->askers) > 0);
}

void asker_add(struct call *c)
{
        struct busd *b = c->b;
        int r = 0;

        if (!c->conn->system)
                return;
        if (!b->askers)
                r = sd_bus_track_new(b->system->bus, &b->askers, NULL, NULL);
        if (r >= 0)
                r = sd_bus_track_add_sender(b->askers, c->m);
        if (r >= 0)
                r = events_wanted(b, NULL);
        if (r < 0)
                log_debug_errno(r, "A client that asked for a job cannot be followed: %m");
}

static bool anybody_hears(struct busd *b, bool jobs)
{
        for (struct connection *c = b->connections; c; c = c->next)
                if (!c->dead && hears(b, c, jobs))
                        return true;
        return false;
}

/* "properties=…": what PropertiesChanged carries, and what its forms are made from. */
static const char *told_properties(void)
{
        static char *option;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (option)
                return option;
        strbuf_puts(&b, "properties=Id");
        for (size_t i = 0; i < n_properties; i++)
                if (properties[i].changes == CHANGES && properties[i].interface != IF_Manager &&
                        properties[i].interface != IF_Job)
                        encode_sources(&b, &properties[i]);
        option = strbuf_take(&b);
        return option;
}

static int subscribed(struct call *c, const struct answer *a)
{
        return a->error < 0 ? call_fail_errno(c, a->error, a->message) : call_reply(c, NULL);
}

int events_wanted(struct busd *b, struct call *subscriber)
{
        enum telling want = anybody_hears(b, false)  ? TELL_ALL
                            : anybody_hears(b, true) ? TELL_JOBS
                                                     : TELL_NOTHING;
        char *options[] = { (char *)(want == TELL_ALL    ? told_properties()
                                     : want == TELL_JOBS ? "jobs"
                                                         : NULL),
                NULL };
        int r;

        if (want == b->telling)
                return subscriber ? call_reply(subscriber, NULL) : 0;
        if (want == TELL_ALL && !*options)
                return -ENOMEM;
        r = subscriber ? call_request(subscriber, "bus-tell", NULL, options, subscribed)
                       : link_request(b, "bus-tell", NULL, options, NULL, NULL);
        if (r >= 0)
                b->telling = want;
        return r;
}

static void subscribers_save(struct busd *b)
{
        _cleanup_strbuf_ struct strbuf text = { 0 };

        for (const char *n = sd_bus_track_first(b->subscribers); n; n = sd_bus_track_next(b->subscribers))
                strbuf_printf(&text, "%s\n", n);
        if (text.failed || write_file_atomic(SUBSCRIBERS_FILE, text.s ?: "", text.len, 0600, false) < 0)
                log_debug("%s could not be written: who subscribed is forgotten when rouse-busd is started "
                          "again",
                        SUBSCRIBERS_FILE);
}

int subscriber_add(struct busd *b, const char *name)
{
        int r;

        if (!name)
                return -EINVAL;
        r = b->subscribers ? 0 : sd_bus_track_new(b->system->bus, &b->subscribers, NULL, NULL);
        if (r >= 0)
                r = sd_bus_track_add_name(b->subscribers, name);
        if (r > 0)
                subscribers_save(b);
        return r;
}

bool subscriber_remove(struct busd *b, const char *name)
{
        bool was = name && b->subscribers && sd_bus_track_remove_name(b->subscribers, name) > 0;

        if (was)
                subscribers_save(b);
        return was;
}

void subscribers_load(struct busd *b)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **names = NULL;

        if (read_file(SUBSCRIBERS_FILE, 0, &text, NULL) < 0)
                return;
        names = strv_split(text, "\n");
        FOREACH_STR (n, names) {
                sd_bus_creds *creds = NULL;

                if (sd_bus_get_name_creds(b->system->bus, *n, SD_BUS_CREDS_EUID, &creds) >= 0)
                        (void)subscriber_add(b, *n);
                sd_bus_creds_unref(creds);
        }
}

/* ---- signals of the manager ---- */

void emit_manager(struct busd *b, const char *name, const char *types, ...)
{
        for (struct connection *c = b->connections; c; c = c->next) {
                sd_bus_message *m = NULL;
                va_list ap;
                int r;

                if (c->dead || !hears(b, c, startswith(name, "Job")))
                        continue;
                r = sd_bus_message_new_signal(c->bus, &m, BUS_PATH, BUS_INTERFACE "Manager", name);
                va_start(ap, types);
                if (r >= 0 && types)
                        r = sd_bus_message_appendv(m, types, ap);
                va_end(ap);
                if (r >= 0)
                        r = sd_bus_send(c->bus, m, NULL);
                if (r < 0)
                        log_debug_errno(r, "Signal %s could not be sent: %m", name);
                sd_bus_message_unref(m);
        }
}

void emit_files_changed(struct busd *b)
{
        encode_forget_files(NULL);
        emit_manager(b, "UnitFilesChanged", NULL);
}

/* ---- PropertiesChanged ---- */

static int append_invalidated(sd_bus_message *m, enum interface i)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t n = 0; n < n_properties && r >= 0; n++)
                if (properties[n].changes == INVALIDATES && interface_has(i, properties[n].interface))
                        r = sd_bus_message_append_basic(m, 's', properties[n].name);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int emit_changed(
        struct connection *c, const char *path, enum interface i, const struct ctl_record *rec)
{
        sd_bus_message *m = NULL;
        char interface[64];
        int r = sd_bus_message_new_signal(
                c->bus, &m, path, "org.freedesktop.DBus.Properties", "PropertiesChanged");

        snprintf(interface, sizeof(interface), BUS_INTERFACE "%s", interface_name(i));
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', interface);
        if (r >= 0)
                r = encode_all(m, i, rec, CHANGES);
        if (r >= 0)
                r = append_invalidated(m, i);
        if (r >= 0)
                r = sd_bus_send(c->bus, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

void events_done(struct busd *b)
{
        encode_forget_files(NULL);
        sd_bus_track_unref(b->subscribers);
        sd_bus_track_unref(b->askers);
        b->subscribers = b->askers = NULL;
}

/* ---- events ---- */

static void on_job_new(struct busd *b, const struct ctl_record *rec)
{
        uint32_t id = (uint32_t)record_u64(rec, "Job");
        _cleanup_free_ char *path = job_path(id);

        (void)events_wanted(b, NULL);
        if (path)
                emit_manager(b, "JobNew", "uos", id, path, record_str(rec, "Unit"));
}

void on_job_removed(struct busd *b, const struct ctl_record *rec)
{
        uint32_t id = (uint32_t)record_u64(rec, "Job");
        _cleanup_free_ char *path = job_path(id);

        if (path)
                emit_manager(b, "JobRemoved", "uoss", id, path, record_str(rec, "Unit"),
                        record_str(rec, "Result"));
}

static void on_unit(struct busd *b, const struct ctl_record *rec)
{
        const char *id = record_str(rec, "Id");
        _cleanup_free_ char *path = unit_path(id);
        int type = interface_of_unit(id);

        if (!record_get(rec, "StateChangeTimestamp"))
                return; /* of before we were the bridge */
        (void)events_wanted(b, NULL);
        for (struct connection *c = b->connections; c && path && type >= 0; c = c->next) {
                if (c->dead || !hears(b, c, false))
                        continue;
                if (type != IF_Target)
                        (void)emit_changed(c, path, (enum interface)type, rec);
                (void)emit_changed(c, path, IF_Unit, rec);
        }
}

static void on_unit_new(struct busd *b, const struct ctl_record *rec)
{
        _cleanup_free_ char *path = unit_path(record_str(rec, "Id"));

        if (path)
                emit_manager(b, "UnitNew", "so", record_str(rec, "Id"), path);
}

static void on_unit_removed(struct busd *b, const struct ctl_record *rec)
{
        const char *id = record_str(rec, "Id");
        _cleanup_free_ char *path = unit_path(id);

        encode_forget_files(id);
        if (path)
                emit_manager(b, "UnitRemoved", "so", id, path);
}

static void on_reloading(struct busd *b, const struct ctl_record *rec)
{
        encode_forget_files(NULL);
        emit_manager(b, "Reloading", "b", (int)record_u64(rec, "Active"));
}

static void on_startup_finished(struct busd *b, const struct ctl_record *rec)
{
        uint64_t initrd = record_u64(rec, "InitRDUSec"), userspace = record_u64(rec, "UserspaceUSec"),
                 total = record_u64(rec, "FinishUSec"), kernel = initrd ?: userspace;

        emit_manager(b, "StartupFinished", "tttttt", (uint64_t)0, (uint64_t)0, kernel,
                initrd ? userspace - initrd : (uint64_t)0, total - userspace, total);
}

/* Its controller is to end the scope: told to it alone. */
static void on_request_stop(struct busd *b, const struct ctl_record *rec)
{
        _cleanup_free_ char *path = unit_path(record_str(rec, "Id"));
        sd_bus_message *m = NULL;
        int r;

        if (!b->system || !path)
                return;
        r = sd_bus_message_new_signal(b->system->bus, &m, path, BUS_INTERFACE "Scope", "RequestStop");
        if (r >= 0)
                r = sd_bus_message_set_destination(m, record_str(rec, "Controller"));
        if (r >= 0)
                r = sd_bus_send(b->system->bus, m, NULL);
        if (r < 0)
                log_debug_errno(r, "%s: its controller could not be told: %m", record_str(rec, "Id"));
        sd_bus_message_unref(m);
}

static void on_bus_name(struct busd *b, const struct ctl_record *rec)
{
        names_add(b, record_str(rec, "Name"));
}

static const struct {
        const char *event;
        void (*fn)(struct busd *b, const struct ctl_record *rec);
} events[] = {
        { "job-new", on_job_new },
        { "job-removed", on_job_removed },
        { "unit", on_unit },
        { "unit-new", on_unit_new },
        { "unit-removed", on_unit_removed },
        { "reloading", on_reloading },
        { "startup-finished", on_startup_finished },
        { "request-stop", on_request_stop },
        { "bus-name", on_bus_name },
};

void event_received(struct busd *b, const char *event, const struct ctl_record *rec)
{
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                if (streq(events[i].event, event))
                        events[i].fn(b, rec);
}
