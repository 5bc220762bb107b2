/* Methods that queue jobs, and those about jobs.
 *
 * PID 1 makes no job for a unit that is as it should be; a client, however, waits for the end of the job whose path it
 * gets. So it gets the path of one that ends at once: numbers from NOTHING_TO_DO on are ours. */
#include <stdio.h>

#include "busd.h"

#define NOTHING_TO_DO 0x40000000u

static uint32_t last_nothing = NOTHING_TO_DO;

static int job_error(struct call *c, int error, const char *message)
{
        if (error == -EEXIST)
                return call_fail(c, ERROR_PREFIX "TransactionIsDestructive", "%s", message);
        if (error == -EOPNOTSUPP)
                return call_fail(c, ERROR_PREFIX "JobTypeNotApplicable", "%s", message);
        return call_fail_errno(c, error, message);
}

static int tell_nothing(struct call *c, uint32_t id, const char *path, const char *unit)
{
        emit_manager(c->b, "JobNew", "uos", id, path, unit);
        emit_manager(c->b, "JobRemoved", "uoss", id, path, unit, "done");
        return 0;
}

/* The record of the job that was asked for. 0: there is none, and the call is answered. */
static int job_of(struct call *c, const struct answer *a, const struct ctl_record **ret)
{
        const struct ctl_record *rec = a->n > 0 ? &a->records[0] : NULL;

        if (rec && record_get(rec, "Error"))
                return job_error(c, -(int)record_u64(rec, "Error"), record_str(rec, "Message"));
        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (!rec)
                return -EBADMSG;
        *ret = rec;
        return 1;
}

int job_done(struct call *c, const struct answer *a)
{
        const struct ctl_record *rec;
        _cleanup_free_ char *path = NULL;
        int r = job_of(c, a, &rec);
        uint32_t id;

        if (r <= 0)
                return r;
        id = (uint32_t)record_u64(rec, "Job") ?: ++last_nothing;
        path = job_path(id);
        r = path ? call_reply(c, "o", path) : -ENOMEM;
        return r >= 0 && id > NOTHING_TO_DO ? tell_nothing(c, id, path, record_str(rec, "Unit")) : r;
}

static int queue_job(struct call *c, const char *verb, const char *unit, const char *mode)
{
        char option[80];

        if (strlen(mode) > 40)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid job mode.");
        snprintf(option, sizeof(option), "mode=%s", *mode ? mode : "replace");
        asker_add(c);
        return call_request(
                c, verb, (char *[]) { (char *)unit, NULL }, (char *[]) { option, NULL }, job_done);
}

/* StartUnit and its kin; what is the verb. */
int on_queue(struct call *c)
{
        const char *name, *mode;
        int r = call_unit(c, &name);

        if (r >= 0)
                r = sd_bus_message_read_basic(c->m, 's', &mode);
        if (r < 0)
                return call_fail_errno(c, r, r == -EINVAL ? "Invalid unit name." : NULL);
        return queue_job(c, c->method->what, name, mode);
}

static int replaced_known(struct call *c, const struct answer *a)
{
        const char *old, *name, *mode;
        int r = sd_bus_message_rewind(c->m, 1);

        if (r >= 0)
                r = sd_bus_message_read(c->m, "sss", &old, &name, &mode);
        if (r < 0)
                return r;
        if (a->error < 0 || a->n == 0 || !record_u64(&a->records[0], "Job"))
                return call_fail(c, ERROR_PREFIX "NoSuchJob", "No job queued for unit %s", old);
        return queue_job(c, "start", name, mode);
}

/* StartUnitReplace: only while the other unit has a job, which the mode may replace. */
int on_start_replace(struct call *c)
{
        const char *old, *name, *mode;
        int r = sd_bus_message_read(c->m, "sss", &old, &name, &mode);

        if (r < 0)
                return r;
        if (interface_of_unit(old) < 0 || interface_of_unit(name) < 0)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid unit name.");
        return call_request(c, "show", (char *[]) { (char *)old, NULL },
                (char *[]) { (char *)"raw", (char *)"properties=Job", NULL }, replaced_known);
}

/* ---- EnqueueUnitJob ---- */

static int enqueued(struct call *c, const struct answer *a)
{
        const struct ctl_record *rec;
        _cleanup_free_ char *job = NULL, *unit = NULL;
        sd_bus_message *reply = NULL;
        int r = job_of(c, a, &rec);
        uint32_t id;

        if (r <= 0)
                return r;
        id = (uint32_t)record_u64(rec, "Job") ?: ++last_nothing;
        job = job_path(id);
        unit = unit_path(record_str(rec, "Unit"));
        r = job && unit ? sd_bus_message_new_method_return(c->m, &reply) : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(reply, "uosos", id, job, record_str(rec, "Unit"), unit,
                        record_get(rec, "Type") ?: (const char *)c->data);
        if (r >= 0)
                r = encode_empty(reply, "a(uosos)");
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r >= 0 && id > NOTHING_TO_DO ? tell_nothing(c, id, job, record_str(rec, "Unit")) : r;
}

int on_enqueue_job(struct call *c)
{
        static const char *const types[] = { "start", "stop", "restart", "reload", "try-restart",
                "reload-or-restart", "reload-or-start", "try-reload-or-restart" };
        const char *name, *type, *mode, *verb = NULL;
        char option[80];
        int r = call_unit(c, &name);

        if (r >= 0)
                r = sd_bus_message_read(c->m, "ss", &type, &mode);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (streq(types[i], type))
                        verb = streq(type, "reload-or-start") ? "reload-or-restart" : types[i];
        if (!verb || strlen(mode) > 40)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid job type or mode.");
        snprintf(option, sizeof(option), "mode=%s", *mode ? mode : "replace");
        c->data = (void *)verb;
        asker_add(c);
        return call_request(
                c, verb, (char *[]) { (char *)name, NULL }, (char *[]) { option, NULL }, enqueued);
}

/* ---- EnqueueMarkedJobs ---- */

static int append_path(struct call *c, sd_bus_message *m, const struct ctl_record *rec)
{
        uint32_t id = (uint32_t)record_u64(rec, "Job");
        _cleanup_free_ char *path = job_path(id);

        if (id == 0) /* refused, or nothing to do: that unit has none */
                return 0;
        return path ? sd_bus_message_append_basic(m, 'o', path) : -ENOMEM;
}

static int marked_enqueued(struct call *c, const struct answer *a)
{
        struct answer some = {
                .records = a->records, .n = a->n, .error = a->n > 0 ? 0 : a->error, .message = a->message
        };

        return call_reply_records(c, "o", &some, append_path);
}

int on_enqueue_marked(struct call *c)
{
        asker_add(c);
        return call_request(c, "enqueue-marked", NULL, NULL, marked_enqueued);
}

/* ---- jobs ---- */

static int append_job(struct call *c, sd_bus_message *m, const struct ctl_record *j)
{
        uint32_t id = (uint32_t)record_u64(j, "Job");
        _cleanup_free_ char *job = job_path(id), *unit = unit_path(record_str(j, "Unit"));

        if (!job || !unit)
                return -ENOMEM;
        return sd_bus_message_append(m, "(usssoo)", id, record_str(j, "Unit"), record_str(j, "Type"),
                record_str(j, "State"), job, unit);
}

static int list_jobs_done(struct call *c, const struct answer *a)
{
        if (a->error == -ENOENT)
                return call_fail(c, ERROR_PREFIX "NoSuchJob", "%s", a->message);
        return call_reply_records(c, "(usssoo)", a, append_job);
}

/* ListJobs; GetJobAfter and its kin: those "after" or "before" one. */
int on_list_jobs(struct call *c)
{
        char option[32];
        int r = !c->method->what || c->job ? 0 : sd_bus_message_read_basic(c->m, 'u', &c->job);

        if (r < 0)
                return r;
        if (c->method->what)
                snprintf(option, sizeof(option), "%s=%u", c->method->what, c->job);
        return call_request(
                c, "list-jobs", NULL, c->method->what ? (char *[]) { option, NULL } : NULL, list_jobs_done);
}

static int get_job_done(struct call *c, const struct answer *a)
{
        for (size_t i = 0; i < a->n; i++)
                if (record_u64(&a->records[i], "Job") == c->job) {
                        _cleanup_free_ char *path = job_path(c->job);

                        return path ? call_reply(c, "o", path) : -ENOMEM;
                }
        return call_fail(c, ERROR_PREFIX "NoSuchJob", "Job %u does not exist.", c->job);
}

int on_get_job(struct call *c)
{
        int r = sd_bus_message_read_basic(c->m, 'u', &c->job);

        return r < 0 ? r : call_request(c, "list-jobs", NULL, NULL, get_job_done);
}

static int cancel_done(struct call *c, const struct answer *a)
{
        if (a->error == -ENOENT)
                return call_fail(c, ERROR_PREFIX "NoSuchJob", "Job %u does not exist.", c->job);
        return a->error < 0 ? call_fail_errno(c, a->error, a->message) : call_reply(c, NULL);
}

int on_cancel_job(struct call *c)
{
        char text[16];
        int r = c->job ? 0 : sd_bus_message_read_basic(c->m, 'u', &c->job);

        if (r < 0)
                return r;
        snprintf(text, sizeof(text), "%u", c->job);
        return call_request(c, "cancel", (char *[]) { text, NULL }, NULL, cancel_done);
}
