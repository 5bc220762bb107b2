/* Units that clients on the bus hold (RefUnit, AddRef): such a unit is not forgotten when it has ended.
 *
 * A hold has the name that the bridge gave its client. PID 1 keeps them, so that they outlive the bridge: one that comes
 * back is told of all of them (bus-attach), and lets go of those whose client has left meanwhile. */
#include "control.h"
#include "state.h"

#define REFS_MAX 4096u /* of a unit */

int unit_add_ref(struct unit *u, const char *owner)
{
        int r = strv_len(u->refs) < REFS_MAX ? strv_add(&u->refs, owner) : -EUSERS;

        if (r >= 0)
                state_touch(u);
        return r;
}

/* One hold of the owner's, or all that it has on the unit. Returns how many went. */
static unsigned drop(struct unit *u, const char *owner, bool all)
{
        unsigned n = 0;

        for (char **s = u->refs; s && *s;)
                if (streq(*s, owner) && (all || n == 0)) {
                        free(*s);
                        for (char **t = s; *t; t++)
                                t[0] = t[1];
                        n++;
                } else
                        s++;
        if (u->refs && !*u->refs) {
                free(u->refs);
                u->refs = NULL;
        }
        if (n > 0) {
                state_touch(u);
                unit_gc_queue(u);
        }
        return n;
}

static int owner_of(struct request *r, const char **ret)
{
        *ret = request_option(r, "owner");
        if (bus_bridge(r->m) != r->client)
                return request_fail(r, -EACCES, "Only the bridge to D-Bus may say that.");
        return str_empty(*ret) ? request_fail(r, -EINVAL, "owner= says who holds the units.") : 0;
}

/* ref UNIT… owner=NAME */
int verb_ref(struct request *r)
{
        const char *owner;
        int k = owner_of(r, &owner);

        FOREACH_STR (name, k < 0 ? NULL : r->args) {
                struct unit *u;

                k = unit_load_by_name(r->m, *name, &u);
                if (k >= 0 && u->load_state != UNIT_LOADED)
                        k = request_fail(r, -ENOENT, "Unit %s not loaded.", *name);
                if (k >= 0)
                        k = unit_add_ref(u, owner);
                if (k < 0)
                        break;
        }
        return k;
}

/* unref [UNIT…] owner=NAME: without units, all that the owner holds */
int verb_unref(struct request *r)
{
        const char *owner;
        int k = owner_of(r, &owner);

        if (k < 0)
                return k;
        if (!r->args || !*r->args) {
                HASHMAP_FOREACH (e, &r->m->units)
                        (void)drop(e->value, owner, true);
                return 0;
        }
        FOREACH_STR (name, r->args) {
                struct unit *u = unit_find(r->m, *name);

                if (!u)
                        return request_fail(r, -ENOENT, "Unit %s not loaded.", *name);
                if (drop(u, owner, false) == 0)
                        return request_fail(r, -ENXIO, "Unit %s is not held by the caller.", *name);
        }
        return 0;
}

void bus_tell_refs(struct request *r)
{
        HASHMAP_FOREACH (e, &r->m->units) {
                struct unit *u = e->value;

                if (!streq(e->key, u->id))
                        continue;
                FOREACH_STR (owner, u->refs) {
                        struct record rec;

                        record_begin(&rec, r);
                        record_add(&rec, "Holder", *owner);
                        record_send(&rec);
                }
        }
}
