/* Values of [Socket], [Timer] and [Path]: addresses to listen on, times, watched paths. */
#include <netinet/ip.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/calendar.h"
#include "names.h"
#include "parse.h"
#include "probe.h"
#include "types.h"

/* ---- sockets ---- */

static bool all_digits(const char *s)
{
        return *s && s[strspn(s, "0123456789")] == '\0';
}

/* Only what can be seen without a look at the system: the socket type resolves the rest. */
static bool is_port(const char *s, size_t n)
{
        char text[8];
        uint32_t v;

        if (n >= sizeof(text))
                return false;
        snprintf(text, sizeof(text), "%.*s", (int)n, s);
        return all_digits(text) && parse_u32(text, &v) >= 0 && v > 0 && v <= 65535;
}

static bool address_plausible(int kind, const char *s)
{
        const char *colon = strrchr(s, ':'), *scope, *address = s;

        switch (kind) {
        case -'f':
        case -'s':
        case -'u': return *s == '/' && path_is_normalized(s);
        case -'m': return *s == '/' && s[1] && !strchr(s + 1, '/');
        case -'n': return *s >= 'a' && *s <= 'z';
        default:
                if (*s == '/')
                        return strlen(s) < 108;
                if (*s == '@')
                        return s[1] && strlen(s) < 109;
                if (startswith(s, "vsock:"))
                        return true;
                s = colon ? colon + 1 : s;
                scope = *address == '[' ? strchr(s, '%') : NULL;
                return scope ? scope[1] && is_port(s, (size_t)(scope - s)) : is_port(s, strlen(s));
        }
}

static void free_ports(struct socket_unit *s)
{
        while (s->ports) {
                struct socket_port *next = s->ports->next;

                free(s->ports->address);
                free(s->ports);
                s->ports = next;
        }
}

int parse_value_listen(const struct parse *p)
{
        struct socket_unit *s = UNIT_CAST(socket_unit, p->u);
        _cleanup_free_ char *address = NULL;
        struct socket_port *port, **at = &s->ports;
        int kind = (int)p->d->arg, r;

        if (!*p->value) {
                free_ports(s);
                return 0;
        }
        r = parse_resolve(p, p->value, &address);
        if (r < 0)
                return r;
        if (!address_plausible(kind, address))
                return -EINVAL;
        if (*address == '/' && kind != -'m')
                path_simplify(address);
        port = calloc(1, sizeof(*port));
        if (!port)
                return -ENOMEM;
        *port = (struct socket_port) {
                .kind = kind, .address = TAKE_PTR(address), .fd = -1, .made = -1, .io.fd = -1, .socket = s
        };
        while (*at)
                at = &(*at)->next;
        *at = port;
        return 0;
}

int parse_value_socket_service(const struct parse *p)
{
        _cleanup_free_ char *name = NULL;
        int r = parse_resolve(p, p->value, &name);

        if (r < 0)
                return r;
        if (unit_type_from_name(name) != UNIT_SERVICE || !unit_name_valid(name, false))
                return -EINVAL;
        return str_replace(p->target, name);
}

/* FileDescriptorName=: no ':' and no control characters, at most 255 bytes. */
int parse_value_fd_name(const struct parse *p)
{
        _cleanup_free_ char *name = NULL;
        int r;

        if (!*p->value)
                return str_replace(p->target, NULL);
        r = parse_resolve(p, p->value, &name);
        if (r < 0)
                return r;
        if (strlen(name) > 255)
                return -EINVAL;
        for (const char *c = name; *c; c++)
                if (*c == ':' || (unsigned char)*c < ' ' || *c == 127)
                        return -EINVAL;
        return str_replace(p->target, name);
}

/* Sizes into int64_t; "infinity" and what does not fit are out of range. */
int parse_value_socket_size(const struct parse *p)
{
        uint64_t v;
        int r = parse_size(p->value, &v);

        if (r < 0)
                return r;
        if (v > INT64_MAX)
                return -ERANGE;
        *(int64_t *)p->target = (int64_t)v;
        return 0;
}

int parse_value_ip_tos(const struct parse *p)
{
        int64_t v;
        int n, r;

        if (name_value(names_ip_tos, p->value, &v) >= 0) {
                *(int *)p->target = (int)v;
                return 0;
        }
        r = parse_int(p->value, &n);
        if (r < 0)
                return r;
        if (n < 0 || n > 255)
                return -ERANGE;
        *(int *)p->target = n;
        return 0;
}

/* Priority= of [Swap]. */
int parse_value_swap_priority(const struct parse *p)
{
        struct swap *s = UNIT_CAST(swap, p->u);
        int v, r;

        if (!*p->value) {
                s->priority_set = false;
                return 0;
        }
        r = parse_int(p->value, &v);
        if (r < 0)
                return r;
        if (v < -1 || v > 32767)
                return -ERANGE;
        s->priority = v;
        s->priority_set = true;
        return 0;
}

/* ---- timers ---- */

void timer_values_free(struct timer_unit *t)
{
        while (t->values) {
                struct timer_value *next = t->values->next;

                free(t->values->calendar);
                calendar_free(t->values->spec);
                free(t->values);
                t->values = next;
        }
}

static int add_timer_value(struct timer_unit *t, struct timer_value v)
{
        struct timer_value **at = &t->values, *n = malloc(sizeof(*n));

        if (!n) {
                free(v.calendar);
                calendar_free(v.spec);
                return -ENOMEM;
        }
        *n = v;
        while (*at)
                at = &(*at)->next;
        *at = n;
        return 0;
}

/* An empty value of any of them drops all of them. */
int parse_value_timer(const struct parse *p)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, p->u);
        _cleanup_free_ char *s = NULL;
        usec_t value;
        int r;

        if (!*p->value) {
                timer_values_free(t);
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r >= 0)
                r = parse_timespan(s, USEC_PER_SEC, &value);
        return r < 0 ? r
                     : add_timer_value(t,
                               (struct timer_value) { .base = (enum timer_base)p->d->arg, .value = value });
}

/* The expression as written is kept for `show`. */
int parse_value_calendar(const struct parse *p)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, p->u);
        _cleanup_calendar_ struct calendar *spec = NULL;
        _cleanup_free_ char *s = NULL;
        int r;

        if (!*p->value) {
                timer_values_free(t);
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r >= 0)
                r = calendar_parse(s, &spec);
        return r < 0 ? r
                     : add_timer_value(t, (struct timer_value) { .base = TIMER_CALENDAR,
                                                  .calendar = TAKE_PTR(s),
                                                  .spec = TAKE_PTR(spec) });
}

/* Unit= of timers and paths: any unit but another of the same type. */
int parse_value_timer_unit(const struct parse *p)
{
        _cleanup_free_ char *name = NULL;
        int r = parse_resolve(p, p->value, &name);

        if (r < 0)
                return r;
        if (!unit_name_valid(name, false) || unit_type_from_name(name) == (int)p->u->type)
                return -EINVAL;
        return str_replace(p->target, name);
}

/* ---- paths ---- */

void path_specs_free(struct path_unit *u)
{
        while (u->specs) {
                struct path_spec *next = u->specs->next;

                probe_forget(&u->specs->watcher);
                free(u->specs->path);
                free(u->specs);
                u->specs = next;
        }
}

int parse_value_path_spec(const struct parse *p)
{
        struct path_unit *u = UNIT_CAST(path_unit, p->u);
        struct path_spec **at = &u->specs, *spec;
        _cleanup_free_ char *s = NULL, *path = NULL;
        int r;

        if (!*p->value) {
                path_specs_free(u);
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r >= 0)
                r = parse_path_value(s, &path);
        if (r < 0)
                return r;
        spec = calloc(1, sizeof(*spec));
        if (!spec)
                return -ENOMEM;
        spec->kind = (int)p->d->arg;
        spec->path = TAKE_PTR(path);
        spec->wd = -1;
        while (*at)
                at = &(*at)->next;
        *at = spec;
        return 0;
}
