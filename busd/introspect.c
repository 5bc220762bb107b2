/* Introspection, out of the tables: what it says is what dispatch.c does. */
#include <stdio.h>

#include "busd.h"

static const char head[] =
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
        "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n"
        " <interface name=\"org.freedesktop.DBus.Peer\">\n"
        "  <method name=\"Ping\"/>\n"
        "  <method name=\"GetMachineId\"><arg type=\"s\" name=\"machine_uuid\" "
        "direction=\"out\"/></method>\n"
        " </interface>\n"
        " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
        "  <method name=\"Introspect\"><arg name=\"data\" type=\"s\" direction=\"out\"/></method>\n"
        " </interface>\n";
static const char properties_interface[] =
        " <interface name=\"org.freedesktop.DBus.Properties\">\n"
        "  <method name=\"Get\"><arg name=\"interface\" direction=\"in\" type=\"s\"/>"
        "<arg name=\"property\" direction=\"in\" type=\"s\"/>"
        "<arg name=\"value\" direction=\"out\" type=\"v\"/></method>\n"
        "  <method name=\"GetAll\"><arg name=\"interface\" direction=\"in\" type=\"s\"/>"
        "<arg name=\"properties\" direction=\"out\" type=\"a{sv}\"/></method>\n"
        "  <method name=\"Set\"><arg name=\"interface\" direction=\"in\" type=\"s\"/>"
        "<arg name=\"property\" direction=\"in\" type=\"s\"/>"
        "<arg name=\"value\" direction=\"in\" type=\"v\"/></method>\n"
        "  <signal name=\"PropertiesChanged\"><arg type=\"s\" name=\"interface\"/>"
        "<arg type=\"a{sv}\" name=\"changed_properties\"/>"
        "<arg type=\"as\" name=\"invalidated_properties\"/></signal>\n"
        " </interface>\n";

static size_t type_length(const char *s)
{
        size_t n = 0, depth = 0;

        do {
                while (s[n] == 'a')
                        n++;
                depth += s[n] == '(' || s[n] == '{';
                depth -= s[n] == ')' || s[n] == '}';
                n++;
        } while (depth > 0 && s[n]);
        return n;
}

/* One <arg> for each complete type of the signature; *names: what is left of the names, after them. */
static void add_arguments(struct strbuf *b, const char *signature, const char **names, const char *direction)
{
        while (*signature) {
                size_t n = type_length(signature), k = strcspn(*names, ",");

                strbuf_printf(b, "   <arg type=\"%.*s\" name=\"%.*s\"%s%s%s/>\n", (int)n, signature, (int)k,
                        *names, direction ? " direction=\"" : "", direction ?: "", direction ? "\"" : "");
                signature += n;
                *names += k + ((*names)[k] == ',');
        }
}

static void add_property(struct strbuf *b, const struct property *p)
{
        static const char *const changes[] = {
                [INVALIDATES] = "invalidates", [SILENT] = "false", [CONST] = "const", [WRITABLE] = "false"
        };

        strbuf_printf(b, "  <property name=\"%s\" type=\"%s\" access=\"%s\">", p->name, p->signature,
                p->changes == WRITABLE ? "readwrite" : "read");
        if (changes[p->changes])
                strbuf_printf(b,
                        "<annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" "
                        "value=\"%s\"/>",
                        changes[p->changes]);
        strbuf_puts(b, "</property>\n");
}

/* all: for `--introspect`, which also says what is only there by name. */
static void add_interface(struct strbuf *b, enum interface i, bool all)
{
        strbuf_printf(b, " <interface name=\"" BUS_INTERFACE "%s\">\n", interface_name(i));
        for (size_t n = 0; n < n_methods; n++) {
                const char *names = methods[n].args;

                if (methods[n].interface != i)
                        continue;
                strbuf_printf(b, "  <method name=\"%s\">\n", methods[n].name);
                add_arguments(b, methods[n].in, &names, "in");
                add_arguments(b, methods[n].out, &names, "out");
                if (all && !methods[n].handler)
                        strbuf_puts(b, "   <annotation name=\"rouse.NotSupported\" value=\"true\"/>\n");
                strbuf_puts(b, "  </method>\n");
        }
        for (size_t n = 0; n < n_signals; n++) {
                const char *names = signals[n].args;

                if (signals[n].interface != i)
                        continue;
                strbuf_printf(b, "  <signal name=\"%s\">\n", signals[n].name);
                add_arguments(b, signals[n].signature, &names, NULL);
                strbuf_puts(b, "  </signal>\n");
        }
        for (size_t n = 0; n < n_properties; n++)
                if (interface_has(i, properties[n].interface))
                        add_property(b, &properties[n]);
        strbuf_puts(b, " </interface>\n");
}

char *introspect_all(void)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        strbuf_puts(&b, "<node>\n");
        for (int i = 0; i < IF_Exec; i++)
                add_interface(&b, (enum interface)i, true);
        strbuf_puts(&b, "</node>\n");
        return strbuf_take(&b);
}

static int reply_xml(struct call *c, struct strbuf *b)
{
        strbuf_puts(b, "</node>\n");
        return b->failed ? -ENOMEM : call_reply(c, "s", b->s);
}

/* The children of /unit and of /job. */
static int children_done(struct call *c, const struct answer *a)
{
        bool jobs = streq(sd_bus_message_get_path(c->m), JOBS_PATH);
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        strbuf_puts(&b, head);
        for (size_t i = 0; i < a->n; i++) {
                _cleanup_free_ char *path = jobs ? NULL : unit_path(record_str(&a->records[i], "Id"));

                strbuf_printf(&b, " <node name=\"%s\"/>\n",
                        jobs ? record_str(&a->records[i], "Job") : path_basename(path ?: "/"));
        }
        return reply_xml(c, &b);
}

/* A node above: "/" has "org", and so on. */
static int introspect_ancestor(struct call *c, const char *path)
{
        const char *rest = path_startswith(BUS_PATH, path);
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (streq(path, UNITS_PATH))
                return call_request(c, "list-units", NULL, NULL, children_done);
        if (streq(path, JOBS_PATH))
                return call_request(c, "list-jobs", NULL, NULL, children_done);
        strbuf_printf(&b, "%s <node name=\"%.*s\"/>\n", head, (int)strcspn(rest ?: "", "/"), rest ?: "");
        return reply_xml(c, &b);
}

int on_introspect(struct call *c)
{
        const char *path = sd_bus_message_get_path(c->m);
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (!c->unit && !c->job && !streq(path, BUS_PATH))
                return introspect_ancestor(c, path);
        strbuf_printf(&b, "%s%s", head, properties_interface);
        add_interface(&b, c->job ? IF_Job : c->unit ? IF_Unit : IF_Manager, false);
        if (c->unit)
                add_interface(&b, (enum interface)interface_of_unit(c->unit), false);
        if (!c->unit && !c->job)
                strbuf_puts(&b, " <node name=\"unit\"/>\n <node name=\"job\"/>\n");
        return reply_xml(c, &b);
}
