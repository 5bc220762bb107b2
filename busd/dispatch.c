/* Method calls: from a message to its table row, through access.c to the handler, and the replies.
 *
 * A call lives until it is answered and no request of it is under way. When its connection goes first, the answers of
 * PID 1 that still come are dropped. */
#include <ctype.h>

#include "busd.h"

/* ---- object paths ---- */

static char *encode_path(const char *prefix, const char *name)
{
        char *path = NULL;

        return sd_bus_path_encode(prefix, name, &path) < 0 ? NULL : path;
}

char *unit_path(const char *name)
{
        return encode_path(UNITS_PATH, name);
}

char *job_path(uint32_t id)
{
        return str_printf(JOBS_PATH "/%u", id);
}

int object_of_path(const char *path, char **ret_unit, uint32_t *ret_job)
{
        _cleanup_free_ char *name = NULL;
        const char *rest;

        *ret_unit = NULL;
        *ret_job = 0;
        if (streq(path, BUS_PATH))
                return 0;
        rest = startswith(path, JOBS_PATH "/");
        if (rest)
                return isdigit((unsigned char)*rest) && parse_u32(rest, ret_job) >= 0 && *ret_job ? 0
                                                                                                  : -ENOENT;
        if (!startswith(path, UNITS_PATH "/") || sd_bus_path_decode(path, UNITS_PATH, &name) <= 0 ||
                interface_of_unit(name) < 0)
                return -ENOENT;
        *ret_unit = TAKE_PTR(name);
        return 0;
}

/* ---- calls ---- */

static struct call *calls;

void call_unref(struct call *c)
{
        if (c->pending > 0)
                return;
        for (struct call **p = &calls; *p; p = &(*p)->next)
                if (*p == c) {
                        *p = c->next;
                        break;
                }
        if (!c->replied && c->conn)
                (void)call_fail(c, SD_BUS_ERROR_FAILED, "The call was not answered.");
        if (c->data_free)
                c->data_free(c->data);
        sd_bus_message_unref(c->m);
        free(c->unit);
        free(c);
}

void call_forget(struct connection *conn)
{
        for (struct call *c = calls; c; c = c->next)
                if (c->conn == conn)
                        c->conn = NULL;
}

int call_send(struct call *c, sd_bus_message *reply)
{
        if (c->replied || !c->conn)
                return 0;
        c->replied = true;
        if (!sd_bus_message_get_expect_reply(c->m))
                return 0;
        return sd_bus_send(c->conn->bus, reply, NULL);
}

int call_reply(struct call *c, const char *types, ...)
{
        sd_bus_message *reply = NULL;
        va_list ap;
        int r;

        if (!c->conn || c->replied)
                return 0;
        r = sd_bus_message_new_method_return(c->m, &reply);
        va_start(ap, types);
        if (r >= 0 && types && *types)
                r = sd_bus_message_appendv(reply, types, ap);
        va_end(ap);
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

int call_reply_array(struct call *c, const char *contents,
        int (*fill)(struct call *c, sd_bus_message *reply, const void *data), const void *data)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(c->m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', contents);
        if (r >= 0)
                r = fill(c, reply, data);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

struct records {
        const struct answer *a;
        int (*one)(struct call *c, sd_bus_message *reply, const struct ctl_record *rec);
};

static int fill_records(struct call *c, sd_bus_message *reply, const void *data)
{
        const struct records *of = data;
        int r = 0;

        for (size_t i = 0; i < of->a->n && r >= 0; i++)
                r = of->one(c, reply, &of->a->records[i]);
        return r;
}

int call_reply_records(struct call *c, const char *contents, const struct answer *a,
        int (*one)(struct call *c, sd_bus_message *reply, const struct ctl_record *rec))
{
        struct records of = { a, one };

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        return call_reply_array(c, contents, fill_records, &of);
}

int call_fail(struct call *c, const char *error, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        sd_bus_error e = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        va_list ap;

        if (!c->conn || c->replied)
                return 0;
        va_start(ap, fmt);
        (void)strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        e = SD_BUS_ERROR_MAKE_CONST(error, b.s ?: "");
        if (sd_bus_message_new_method_error(c->m, &reply, &e) >= 0)
                (void)call_send(c, reply);
        sd_bus_message_unref(reply);
        return 0;
}

/* What PID 1 answers, and what D-Bus calls it; docs/protocols.md has the former. */
static const struct {
        int error;
        const char *name;
} error_names[] = {
        { ENOENT, ERROR_PREFIX "NoSuchUnit" },
        { ESRCH, ERROR_PREFIX "NoUnitForPID" },
        { ENXIO, ERROR_PREFIX "NotReferenced" },
        { EEXIST, ERROR_PREFIX "UnitExists" },
        { EDEADLK, ERROR_PREFIX "TransactionOrderIsCyclic" },
        { EBUSY, ERROR_PREFIX "TransactionIsDestructive" },
        { EPERM, ERROR_PREFIX "OnlyByDependency" },
        { ESHUTDOWN, ERROR_PREFIX "ShuttingDown" },
        { ERFKILL, ERROR_PREFIX "UnitMasked" },
        { EBADR, ERROR_PREFIX "JobTypeNotApplicable" },
        { ENOEXEC, ERROR_PREFIX "BadUnitSetting" },
        { EACCES, SD_BUS_ERROR_ACCESS_DENIED },
        { EINVAL, SD_BUS_ERROR_INVALID_ARGS },
        { EBADMSG, SD_BUS_ERROR_INVALID_ARGS },
        { ENOMEM, SD_BUS_ERROR_NO_MEMORY },
        { EOPNOTSUPP, SD_BUS_ERROR_NOT_SUPPORTED },
        { ECONNRESET, SD_BUS_ERROR_DISCONNECTED },
        { ENOTCONN, SD_BUS_ERROR_DISCONNECTED },
};

int call_fail_errno(struct call *c, int error, const char *message)
{
        const char *name = SD_BUS_ERROR_FAILED;

        for (size_t i = 0; i < ARRAY_SIZE(error_names); i++)
                if (error_names[i].error == -error)
                        name = error_names[i].name;
        return call_fail(c, name, "%s", message ?: strerror(-error));
}

static void request_done(struct busd *b, const struct answer *a, void *data)
{
        struct call *c = data;
        int r = 0;

        c->pending--;
        if (c->conn && !c->replied)
                r = c->done(c, a);
        if (r < 0)
                (void)call_fail_errno(c, r, NULL);
        call_unref(c);
}

static int request(struct call *c,
        int (*send)(struct busd *b, const char *verb, char *const *args, char *const *options,
                answer_fn done, void *data),
        const char *verb, char *const *args, char *const *options,
        int (*done)(struct call *c, const struct answer *a))
{
        int r;

        c->done = done;
        c->pending += 2; /* one of them keeps the call while the answer may come at once */
        r = send(c->b, verb, args, options, request_done, c);
        c->pending -= r < 0 ? 2 : 1;
        return r;
}

int call_request(struct call *c, const char *verb, char *const *args, char *const *options,
        int (*done)(struct call *c, const struct answer *a))
{
        return request(c, link_request, verb, args, options, done);
}

int call_ask(struct call *c, const char *verb, char *const *args, char *const *options,
        int (*done)(struct call *c, const struct answer *a))
{
        return request(c, link_ask, verb, args, options, done);
}

int call_unit(struct call *c, const char **ret)
{
        const char *name;
        int r;

        if (c->unit) {
                *ret = c->unit;
                return 0;
        }
        r = sd_bus_message_read_basic(c->m, 's', &name);
        if (r < 0)
                return r;
        if (interface_of_unit(name) < 0)
                return -EINVAL;
        *ret = name;
        return 0;
}

/* ---- the way in ---- */

static const struct method standard[] = {
        { IF_MAX, "Get", "ss", "v", "interface,property,value", on_get, NULL, ANYONE },
        { IF_MAX, "GetAll", "s", "a{sv}", "interface,properties", on_get_all, NULL, ANYONE },
        { IF_MAX, "Set", "ssv", "", "interface,property,value", on_set, NULL, ROOT },
        { IF_MAX, "Introspect", "", "s", "data", on_introspect, NULL, ANYONE },
};

static const struct method *find_standard(const char *interface, const char *member)
{
        const char *of = streq(member, "Introspect") ? "org.freedesktop.DBus.Introspectable"
                                                     : "org.freedesktop.DBus.Properties";

        if (interface && !streq(interface, of))
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(standard); i++)
                if (streq(standard[i].name, member))
                        return &standard[i];
        return NULL;
}

static const struct method *find_method(struct call *c, const char *interface, const char *member)
{
        int on_object[2] = { c->job    ? IF_Job
                             : c->unit ? IF_Unit
                                       : IF_Manager,
                c->unit ? interface_of_unit(c->unit) : -1 };
        int wanted = interface ? interface_find(interface) : -1;
        const struct method *found = find_standard(interface, member);

        for (int i = 0; i < 2 && !found; i++)
                if (on_object[i] >= 0 && (!interface || wanted == on_object[i]))
                        found = method_find((enum interface)on_object[i], member);
        return found;
}

/* An object above ours, which can only be looked at. */
static bool is_ancestor(const char *path)
{
        return streq(path, "/") || streq(path, "/org") || streq(path, "/org/freedesktop") ||
               streq(path, UNITS_PATH) || streq(path, JOBS_PATH);
}

void call_run(struct call *c)
{
        int r;

        if (!c->method->handler)
                r = call_fail(c, SD_BUS_ERROR_NOT_SUPPORTED, "rouse does not have %s.", c->method->name);
        else
                r = c->method->handler(c);
        if (r < 0)
                (void)call_fail_errno(c, r, NULL);
        call_unref(c);
}

int dispatch(struct connection *conn, sd_bus_message *m)
{
        const char *path = sd_bus_message_get_path(m), *interface = sd_bus_message_get_interface(m),
                   *member = sd_bus_message_get_member(m);
        struct call *c;

        if (!sd_bus_message_is_method_call(m, NULL, NULL) || !path || !member ||
                (interface && streq(interface, "org.freedesktop.DBus.Peer")))
                return 0;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct call) { .b = conn->busd, .conn = conn, .m = sd_bus_message_ref(m), .next = calls };
        calls = c;
        if (object_of_path(path, &c->unit, &c->job) < 0) {
                if (!is_ancestor(path)) {
                        (void)call_fail(c, SD_BUS_ERROR_UNKNOWN_OBJECT, "There is no object %s.", path);
                        call_unref(c);
                        return 1;
                }
                c->method = find_standard(interface, member);
                if (c->method && !streq(member, "Introspect"))
                        c->method = NULL;
        } else
                c->method = find_method(c, interface, member);
        if (!c->method)
                (void)call_fail(c, SD_BUS_ERROR_UNKNOWN_METHOD, "%s has no method %s%s%s.", path,
                        interface ?: "", interface ? "." : "", member);
        else if (!sd_bus_message_has_signature(m, c->method->in))
                (void)call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "%s takes the arguments '%s', not '%s'.",
                        member, c->method->in, sd_bus_message_get_signature(m, 1) ?: "");
        if (c->replied)
                call_unref(c);
        else
                access_check(c);
        return 1;
}
