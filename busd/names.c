/* Names on the bus that units wait for (BusName=): PID 1 says which, and is told who owns them, first as it is when the
 * watch begins, then each change. */
#include <stdio.h>

#include "busd.h"

#define DBUS "org.freedesktop.DBus"

struct watched {
        struct busd *busd;
        sd_bus_slot *match, *question;
        char name[];
};

static void watched_free(struct watched *w)
{
        sd_bus_slot_unref(w->match);
        sd_bus_slot_unref(w->question);
        free(w);
}

void names_done(struct busd *b)
{
        HASHMAP_FOREACH (e, &b->names)
                watched_free(e->value);
        hash_done(&b->names);
}

/* owner: "" for none. first: not a change, but how it is. */
static void tell(struct watched *w, const char *owner, bool first)
{
        char option[300];
        char *options[] = { option, first ? (char *)"first" : NULL, NULL };
        int r;

        snprintf(option, sizeof(option), "owner=%s", owner);
        r = link_request(w->busd, "bus-name", (char *[]) { w->name, NULL }, options, NULL, NULL);
        if (r < 0)
                log_warning_errno(r, "PID 1 could not be told who owns %s: %m", w->name);
}

static int on_change(sd_bus_message *m, void *data, sd_bus_error *error)
{
        const char *name, *from, *to;
        struct watched *w = data;

        if (sd_bus_message_read(m, "sss", &name, &from, &to) >= 0 && streq(name, w->name))
                tell(w, to, false);
        return 0;
}

static int on_owner(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct watched *w = data;
        const char *owner = "";

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "s", &owner) < 0)
                owner = "";
        tell(w, owner, true);
        return 1;
}

static bool bus_name_ok(const char *s)
{
        size_t n = strlen(s);

        return n > 2 && n < 256 && strchr(s, '.') &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == n;
}

/* Asked again when it is known: a service was started anew, and may have missed it. */
void names_add(struct busd *b, const char *name)
{
        _cleanup_free_ char *rule = NULL;
        struct watched *w = hash_get(&b->names, name);
        int r = 0;

        if (!b->system || !bus_name_ok(name))
                return;
        if (!w) {
                w = calloc(1, sizeof(*w) + strlen(name) + 1);
                rule = str_printf("type='signal',sender='" DBUS
                                  "',path='/org/freedesktop/DBus',interface='" DBUS
                                  "',member='NameOwnerChanged',arg0='%s'",
                        name);
                r = w && rule ? 0 : -ENOMEM;
                if (r >= 0) {
                        w->busd = b;
                        strcpy(w->name, name);
                        r = sd_bus_add_match_async(b->system->bus, &w->match, rule, on_change, NULL, w);
                }
                if (r >= 0)
                        r = hash_put(&b->names, w->name, w);
                if (r < 0 && w) {
                        watched_free(w);
                        w = NULL;
                }
        }
        if (w) {
                w->question = sd_bus_slot_unref(w->question);
                r = sd_bus_call_method_async(b->system->bus, &w->question, DBUS, "/org/freedesktop/DBus",
                        DBUS, "GetNameOwner", on_owner, w, "s", name);
        }
        if (r < 0)
                log_warning_errno(r, "The name %s cannot be watched: %m", name);
}

static void attached(struct busd *b, const struct answer *a, void *data)
{
        if (a->error < 0) {
                log_error_errno(a->error, "PID 1 does not take us as its bridge: %m");
                busd_exit(b, EXIT_FAILURE);
                return;
        }
        for (size_t i = 0; i < a->n; i++)
                if (record_get(&a->records[i], "Name"))
                        names_add(b, record_str(&a->records[i], "Name"));
                else if (record_get(&a->records[i], "Holder"))
                        holder_found(b, record_str(&a->records[i], "Holder"));
                else
                        on_job_removed(b, &a->records[i]); /* one that ended while nobody told it */
        cache_open();
        busd_ready(b);
}

int names_attach(struct busd *b)
{
        int r = link_request(b, "subscribe", NULL, NULL, NULL, NULL);

        if (r >= 0)
                r = link_request(b, "bus-attach", NULL, (char *[]) { (char *)"pack", NULL }, attached, NULL);
        return r < 0 ? r : events_wanted(b, NULL);
}
