/* org.freedesktop.DBus.Properties: every value is asked of PID 1 when it is asked for. */
#include "busd.h"

/* What PID 1 finds out anew each time: counters of control groups, files that may have changed. */
static bool is_live(const struct property *p)
{
        static const char *const names[] = { "MemoryCurrent", "MemoryAvailable", "TasksCurrent",
                "CPUUsageNSec", "IOReadBytes", "IOReadOperations", "IOWriteBytes", "IOWriteOperations",
                "IPIngressBytes", "IPIngressPackets", "IPEgressBytes", "IPEgressPackets", "EffectiveCPUs",
                "EffectiveMemoryNodes", "NeedDaemonReload", "UID", "GID", NULL };

        return strv_contains((char *const *)names, p->name);
}

/* The record of an object's properties: one, those of an interface, or (both are none) all. */
static int request_properties(struct call *c, const struct property *one, int interface,
        int (*done)(struct call *c, const struct answer *a))
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char *options[] = { (char *)"raw", NULL, NULL }, *unit[] = { c->unit, NULL };

        if (c->job)
                return call_request(c, "list-jobs", NULL, NULL, done);
        if (one) {
                strbuf_puts(&b, "properties=Id");
                encode_sources(&b, one);
                if (b.failed)
                        return -ENOMEM;
                options[1] = b.s;
                if (!is_live(one))
                        return call_ask(c, "show", c->unit ? unit : NULL, options, done);
        } else if (c->unit && interface >= 0)
                options[1] = (char *)(interface == IF_Unit ? "part=unit" : "part=type");
        return call_request(c, "show", c->unit ? unit : NULL, options, done);
}

/* The record that is the object's; NULL when there is none. */
static const struct ctl_record *own_record(struct call *c, const struct answer *a)
{
        static const struct ctl_record none;

        if (a->error < 0)
                return NULL;
        if (!c->job)
                return a->n > 0 ? &a->records[0] : &none;
        for (size_t i = 0; i < a->n; i++)
                if (record_u64(&a->records[i], "Job") == c->job)
                        return &a->records[i];
        return NULL;
}

/* A job's record has other names than its properties. */
static int with_job_names(const struct ctl_record *rec, struct ctl_record *ret)
{
        static const char *const names[][2] = { { "Id", "Job" }, { "Unit", "Unit" }, { "JobType", "Type" },
                { "State", "State" } };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
                r = ctl_record_add(ret, str_printf("%s=%s", names[i][0], record_str(rec, names[i][1])));
        return r;
}

static int no_object(struct call *c, const struct answer *a)
{
        if (c->job && a->error == 0)
                return call_fail(c, SD_BUS_ERROR_UNKNOWN_OBJECT, "Job %u does not exist.", c->job);
        return call_fail_errno(c, a->error, a->message);
}

/* The interfaces of an object that have properties; -1: the end. */
static void interfaces_of(struct call *c, int ret[3])
{
        ret[0] = c->job ? IF_Job : c->unit ? IF_Unit : IF_Manager;
        ret[1] = c->unit ? interface_of_unit(c->unit) : -1;
        ret[2] = -1;
}

static bool object_has(struct call *c, int interface)
{
        int of[3];

        interfaces_of(c, of);
        return interface >= 0 && (interface == of[0] || interface == of[1]);
}

static int get_done(struct call *c, const struct answer *a)
{
        _cleanup_record_ struct ctl_record job = { 0 };
        const struct ctl_record *rec = own_record(c, a);
        const struct property *p = c->data;
        sd_bus_message *reply = NULL;
        int r;

        if (!rec)
                return no_object(c, a);
        r = c->job ? with_job_names(rec, &job) : 0;
        if (r >= 0)
                r = sd_bus_message_new_method_return(c->m, &reply);
        if (r >= 0)
                r = encode_property(reply, p, c->job ? &job : rec);
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

static int read_names(struct call *c, const char **interface, const struct property **ret)
{
        const char *name;
        int of[3], r = sd_bus_message_read(c->m, "ss", interface, &name), i;

        if (r < 0)
                return r;
        *ret = NULL;
        i = interface_find(*interface);
        interfaces_of(c, of);
        if (**interface == '\0')
                for (int k = 0; of[k] >= 0 && !*ret; k++)
                        *ret = property_find((enum interface)of[k], name);
        else if (object_has(c, i))
                *ret = property_find((enum interface)i, name);
        else {
                (void)call_fail(
                        c, SD_BUS_ERROR_UNKNOWN_INTERFACE, "The object has no interface %s.", *interface);
                return 0;
        }
        if (!*ret)
                (void)call_fail(c, SD_BUS_ERROR_UNKNOWN_PROPERTY, "%s has no property %s.",
                        **interface ? *interface : "The object", name);
        return *ret != NULL;
}

int on_get(struct call *c)
{
        const struct property *p;
        const char *interface;
        int r = read_names(c, &interface, &p);

        if (r <= 0)
                return r;
        c->data = (void *)p;
        return request_properties(c, p, -1, get_done);
}

static int get_all_done(struct call *c, const struct answer *a)
{
        _cleanup_record_ struct ctl_record job = { 0 };
        const struct ctl_record *rec = own_record(c, a);
        sd_bus_message *reply = NULL;
        int of[3], r;

        if (!rec)
                return no_object(c, a);
        r = c->job ? with_job_names(rec, &job) : 0;
        if (r >= 0)
                r = sd_bus_message_new_method_return(c->m, &reply);
        interfaces_of(c, of);
        if (r >= 0 && c->data) { /* all interfaces: one dictionary of all of them */
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
                for (size_t n = 0; n < n_properties && r >= 0; n++) {
                        const struct property *p = &properties[n];

                        if (!interface_has((enum interface)of[0], p->interface) &&
                                (of[1] < 0 || !interface_has((enum interface)of[1], p->interface)))
                                continue;
                        if ((r = sd_bus_message_open_container(reply, 'e', "sv")) >= 0 &&
                                (r = sd_bus_message_append_basic(reply, 's', p->name)) >= 0 &&
                                (r = encode_property(reply, p, c->job ? &job : rec)) >= 0)
                                r = sd_bus_message_close_container(reply);
                }
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
        } else if (r >= 0) {
                const char *interface;

                (void)sd_bus_message_rewind(c->m, 1);
                r = sd_bus_message_read(c->m, "s", &interface);
                if (r >= 0)
                        r = encode_all(
                                reply, (enum interface)interface_find(interface), c->job ? &job : rec, -1);
        }
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

int on_get_all(struct call *c)
{
        static bool all_interfaces = true;
        const char *interface;
        int r = sd_bus_message_read(c->m, "s", &interface);

        if (r < 0)
                return r;
        if (*interface == '\0')
                c->data = &all_interfaces;
        else if (startswith(interface, "org.freedesktop.DBus.")) {
                sd_bus_message *reply = NULL;

                r = sd_bus_message_new_method_return(c->m, &reply);
                if (r >= 0)
                        r = encode_empty(reply, "a{sv}");
                if (r >= 0)
                        r = call_send(c, reply);
                sd_bus_message_unref(reply);
                return r;
        } else if (!object_has(c, interface_find(interface)))
                return call_fail(
                        c, SD_BUS_ERROR_UNKNOWN_INTERFACE, "The object has no interface %s.", interface);
        return request_properties(c, NULL, *interface ? interface_find(interface) : -1, get_all_done);
}

static int done_empty(struct call *c, const struct answer *a)
{
        return a->error < 0 ? call_fail_errno(c, a->error, a->message) : call_reply(c, NULL);
}

int on_set(struct call *c)
{
        const struct property *p;
        const char *interface, *value;
        int r = read_names(c, &interface, &p);

        if (r <= 0)
                return r;
        if (p->changes != WRITABLE)
                return call_fail(c, SD_BUS_ERROR_PROPERTY_READ_ONLY, "Property %s is read-only.", p->name);
        if (!streq(p->name, "LogLevel"))
                return call_fail(c, SD_BUS_ERROR_NOT_SUPPORTED, "rouse cannot set %s.", p->name);
        r = sd_bus_message_read(c->m, "v", "s", &value);
        if (r < 0)
                return r;
        return call_request(c, "log-level", (char *[]) { (char *)value, NULL }, NULL, done_empty);
}
