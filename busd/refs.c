/* Clients that hold units: RefUnit, UnrefUnit, AddRef. PID 1 keeps who holds what (init/bus-refs.c); this file names the
 * clients, and tells PID 1 when one has left.
 *
 * A client on the bus is NAME@BUS: its unique name and the bus's id, since a bus that is started again gives the same
 * names anew. One with a direct connection is "direct/PID/NUMBER", PID being ours: it ends with us. */
#include <stdio.h>

#include "busd.h"

struct holder {
        struct busd *busd;
        sd_bus_track *track;
        struct loop_deferred left;
        char owner[];
};

static void holder_free(struct holder *h)
{
        loop_defer_cancel(h->busd->loop, &h->left);
        sd_bus_track_unref(h->track);
        free(h);
}

void holders_done(struct busd *b)
{
        HASHMAP_FOREACH (e, &b->holders)
                holder_free(e->value);
        hash_done(&b->holders);
}

static void let_go(struct busd *b, const char *owner)
{
        _cleanup_free_ char *option = str_printf("owner=%s", owner);
        int r = option ? link_request(b, "unref", NULL, (char *[]) { option, NULL }, NULL, NULL) : -ENOMEM;

        if (r < 0)
                log_warning_errno(r, "PID 1 could not be told that %s has left: %m", owner);
}

static void has_left(struct loop_deferred *d)
{
        struct holder *h = d->data;

        let_go(h->busd, h->owner);
        (void)hash_del(&h->busd->holders, h->owner);
        holder_free(h);
}

/* The track is sd-bus's while it calls this: later. */
static int on_left(sd_bus_track *track, void *data)
{
        struct holder *h = data;

        loop_defer(h->busd->loop, &h->left);
        return 0;
}

/* "NAME@BUS" of this bus; NULL: out of memory, or no bus. */
static char *owner_on_bus(struct busd *b, const char *name)
{
        sd_id128_t id;
        char text[SD_ID128_STRING_MAX];

        if (!b->system || !name || sd_bus_get_bus_id(b->system->bus, &id) < 0)
                return NULL;
        return str_printf("%s@%s", name, sd_id128_to_string(id, text));
}

static int follow(struct busd *b, const char *owner, const char *name)
{
        size_t n = strlen(owner) + 1;
        struct holder *h;
        int r;

        if (hash_get(&b->holders, owner))
                return 0;
        h = calloc(1, sizeof(*h) + n);
        if (!h)
                return -ENOMEM;
        h->busd = b;
        h->left = (struct loop_deferred) { .cb = has_left, .data = h };
        memcpy(h->owner, owner, n);
        r = sd_bus_track_new(b->system->bus, &h->track, on_left, h);
        if (r >= 0)
                r = sd_bus_track_add_name(h->track, name);
        if (r >= 0)
                r = hash_put(&b->holders, h->owner, h);
        if (r < 0)
                holder_free(h);
        return r;
}

char *holder_option(struct call *c, const char *key)
{
        _cleanup_free_ char *owner = NULL;

        if (c->conn->system) {
                const char *name = sd_bus_message_get_sender(c->m);
                int r;

                owner = owner_on_bus(c->b, name);
                r = owner ? follow(c->b, owner, name) : -ENOMEM;
                if (r < 0) {
                        log_debug_errno(r, "A client that holds a unit cannot be followed: %m");
                        return NULL;
                }
        } else {
                owner = str_printf("direct/%d/%u", (int)getpid(), c->conn->id);
                c->conn->holds = true;
        }
        return owner ? str_printf("%s=%s", key, owner) : NULL;
}

void holder_connection_gone(struct connection *conn)
{
        _cleanup_free_ char *owner = NULL;

        if (!conn->holds || !conn->busd->link)
                return;
        owner = str_printf("direct/%d/%u", (int)getpid(), conn->id);
        if (owner)
                let_go(conn->busd, owner);
}

void holder_found(struct busd *b, const char *owner)
{
        _cleanup_free_ char *name = strndup(owner, strcspn(owner, "@")), *known = NULL;
        sd_bus_creds *creds = NULL;

        known = name ? owner_on_bus(b, name) : NULL;
        if (!known || !streq(known, owner) ||
                sd_bus_get_name_creds(b->system->bus, name, SD_BUS_CREDS_EUID, &creds) < 0 ||
                follow(b, owner, name) < 0)
                let_go(b, owner);
        sd_bus_creds_unref(creds);
}

int on_hold(struct call *c)
{
        _cleanup_free_ char *option = NULL;
        const char *name;

        if (call_unit(c, &name) < 0)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid unit name.");
        option = holder_option(c, "owner");
        if (!option)
                return -ENOMEM;
        return call_request(c, c->method->what, (char *[]) { (char *)name, NULL },
                (char *[]) { option, NULL }, unit_done);
}
