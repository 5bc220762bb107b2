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

static int reply_nothing(struct call *c, const char *unit)
{
        uint32_t id = ++last_nothing;
        _cleanup_free_ char *path = job_path(id);
        int r = path ? call_reply(c, "o", path) : -ENOMEM;

        if (r >= 0) {
                emit_manager(c->b, "JobNew", "uos", id, path, unit);
                emit_manager(c->b, "JobRemoved", "uoss", id, path, unit, "done");
        }
        return r;
}

int job_done(struct call *c, const struct answer *a)
{
        const struct ctl_record *rec = a->n > 0 ? &a->records[0] : NULL;
        _cleanup_free_ char *path = NULL;
        uint32_t id;

        if (rec && record_get(rec, "Error"))
                return job_error(c, -(int)record_u64(rec, "Error"), record_str(rec, "Message"));
        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (!rec)
                return -EBADMSG;
        id = (uint32_t)record_u64(rec, "Job");
        if (id == 0)
                return reply_nothing(c, record_str(rec, "Unit"));
        path = job_path(id);
        return path ? call_reply(c, "o", path) : -ENOMEM;
}

/* StartUnit and its kin; what is the verb. */
int on_queue(struct call *c)
{
        const char *name, *mode;
        char option[80];
        int r = call_unit(c, &name);

        if (r >= 0)
                r = sd_bus_message_read_basic(c->m, 's', &mode);
        if (r < 0)
                return call_fail_errno(c, r, r == -EINVAL ? "Invalid unit name." : NULL);
        if (strlen(mode) > 40)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid job mode.");
        snprintf(option, sizeof(option), "mode=%s", *mode ? mode : "replace");
        asker_add(c);
        return call_request(c, c->method->what, (char *[]) { (char *)name, NULL },
                (char *[]) { option, NULL }, job_done);
}

/* ---- EnqueueUnitJob ---- */

static int enqueued(struct call *c, const struct answer *a)
{
        const struct ctl_record *rec = a->n > 0 ? &a->records[0] : NULL;
        _cleanup_free_ char *job = NULL, *unit = NULL;
        sd_bus_message *reply = NULL;
        uint32_t id;
        int r;

        if (rec && record_get(rec, "Error"))
                return job_error(c, -(int)record_u64(rec, "Error"), record_str(rec, "Message"));
        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (!rec)
                return -EBADMSG;
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
        if (r >= 0 && id >= NOTHING_TO_DO) {
                emit_manager(c->b, "JobNew", "uos", id, job, record_str(rec, "Unit"));
                emit_manager(c->b, "JobRemoved", "uoss", id, job, record_str(rec, "Unit"), "done");
        }
        return r;
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

static int marked_enqueued(struct call *c, const struct answer *a)
{
        sd_bus_message *reply = NULL;
        int r;

        if (a->error < 0 && a->n == 0)
                return call_fail_errno(c, a->error, a->message);
        r = sd_bus_message_new_method_return(c->m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "o");
        for (size_t i = 0; i < a->n && r >= 0; i++) {
                uint32_t id = (uint32_t)record_u64(&a->records[i], "Job");
                _cleanup_free_ char *path = job_path(id);

                if (id) /* refused, or nothing to do: that unit has none */
                        r = path ? sd_bus_message_append_basic(reply, 'o', path) : -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

int on_enqueue_marked(struct call *c)
{
        asker_add(c);
        return call_request(c, "enqueue-marked", NULL, NULL, marked_enqueued);
}

/* ---- jobs ---- */

static int list_jobs_done(struct call *c, const struct answer *a)
{
        sd_bus_message *reply = NULL;
        int r;

        if (a->error == -ENOENT)
                return call_fail(c, ERROR_PREFIX "NoSuchJob", "%s", a->message);
        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        r = sd_bus_message_new_method_return(c->m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(usssoo)");
        for (size_t i = 0; i < a->n && r >= 0; i++) {
                const struct ctl_record *j = &a->records[i];
                uint32_t id = (uint32_t)record_u64(j, "Job");
                _cleanup_free_ char *job = job_path(id), *unit = unit_path(record_str(j, "Unit"));

                r = job && unit ? sd_bus_message_append(reply, "(usssoo)", id, record_str(j, "Unit"),
                                          record_str(j, "Type"), record_str(j, "State"), job, unit)
                                : -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
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
