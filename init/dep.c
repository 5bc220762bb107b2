/* Edges of the unit graph. Each stands in both units, as a set of types on one entry a neighbour, so that a unit with
 * ten relations to another has one entry, and the inverse is always there. Units with many neighbours (targets) get an
 * index by the neighbour's address. */
#include "unit.h"

#include "manager.h"

#define DEP_INDEX_FROM 16 /* neighbours from which on an index pays */

static const char *const dep_names[DEP_MAX] = {
#define X(type, name) [DEP_##type] = #name,
        DEPENDENCIES(X)
#undef X
};

/* Types whose other end may have to be started, and so is read from disk at once. */
#define DEP_PULLS_IN                                                                                        \
        (DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_WANTS) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_REQUISITE) |      \
                DEP_BIT(DEP_UPHOLDS) | DEP_BIT(DEP_IN_SLICE) | DEP_BIT(DEP_REQUIRED_BY) |                   \
                DEP_BIT(DEP_TRIGGERS))

const char *dep_to_string(enum dep_type t)
{
        return dep_names[t];
}

static uint32_t ptr_hash(const void *p)
{
        uint64_t x = (uintptr_t)p;

        return (uint32_t)((x >> 4) * 0x9E3779B97F4A7C15ull >> 32);
}

static size_t index_size(const struct unit *u)
{
        return u->cap_deps * 2;
}

static void index_insert(struct unit *u, uint32_t n)
{
        size_t mask = index_size(u) - 1, i = ptr_hash(u->deps[n].other) & mask;

        while (u->dep_index[i])
                i = (i + 1) & mask;
        u->dep_index[i] = n + 1;
}

static void index_rebuild(struct unit *u)
{
        free(u->dep_index);
        u->dep_index = NULL;
        if (u->cap_deps <= DEP_INDEX_FROM)
                return;
        u->dep_index = calloc(index_size(u), sizeof(*u->dep_index));
        if (!u->dep_index)
                return; /* linear search still works */
        for (size_t i = 0; i < u->n_deps; i++)
                index_insert(u, i);
}

static struct unit_dep *dep_find(const struct unit *u, const struct unit *other)
{
        if (u->dep_index) {
                size_t mask = index_size(u) - 1;

                for (size_t i = ptr_hash(other) & mask; u->dep_index[i]; i = (i + 1) & mask)
                        if (u->deps[u->dep_index[i] - 1].other == other)
                                return &u->deps[u->dep_index[i] - 1];
                return NULL;
        }
        for (size_t i = 0; i < u->n_deps; i++)
                if (u->deps[i].other == other)
                        return &u->deps[i];
        return NULL;
}

/* The slot of a neighbour that is there. */
static size_t index_find(const struct unit *u, const struct unit *other)
{
        size_t mask = index_size(u) - 1, i = ptr_hash(other) & mask;

        while (u->deps[u->dep_index[i] - 1].other != other)
                i = (i + 1) & mask;
        return i;
}

/* Empties a slot, and moves up those behind it that had been displaced by it. */
static void index_remove(struct unit *u, size_t hole)
{
        size_t mask = index_size(u) - 1;

        for (size_t i = (hole + 1) & mask; u->dep_index[i]; i = (i + 1) & mask) {
                size_t home = ptr_hash(u->deps[u->dep_index[i] - 1].other) & mask;

                if (((i - home) & mask) < ((i - hole) & mask))
                        continue;
                u->dep_index[hole] = u->dep_index[i];
                hole = i;
        }
        u->dep_index[hole] = 0;
}

static int dep_set(struct unit *u, struct unit *other, uint32_t types, uint32_t own, uint32_t origin)
{
        struct unit_dep *d = dep_find(u, other);

        if (!d) {
                if (u->n_deps == u->cap_deps) {
                        size_t cap = u->cap_deps ? u->cap_deps * 2 : 8;
                        struct unit_dep *n = reallocarray(u->deps, cap, sizeof(*n));

                        if (!n)
                                return -ENOMEM;
                        u->deps = n;
                        u->cap_deps = cap;
                        index_rebuild(u);
                }
                d = &u->deps[u->n_deps++];
                *d = (struct unit_dep) { .other = other };
                if (u->dep_index)
                        index_insert(u, u->n_deps - 1);
        }
        d->types |= types;
        d->own |= own;
        d->origin |= origin;
        return 0;
}

bool unit_has_dep(const struct unit *u, enum dep_type t, const struct unit *other)
{
        struct unit_dep *d = dep_find(u, other);

        return d && d->types & DEP_BIT(t);
}

uint32_t unit_dep_types(const struct unit *u, const struct unit *other, uint32_t *ret_origin)
{
        struct unit_dep *d = dep_find(u, other);

        if (d && ret_origin)
                *ret_origin = d->origin;
        return d ? d->types : 0;
}

int unit_add_dep(struct unit *u, enum dep_type t, struct unit *other, enum dep_origin o)
{
        int r;

        u = unit_follow_merge(u);
        other = unit_follow_merge(other);
        if (u == other)
                return 0; /* a unit's relation to itself means nothing */
        r = dep_set(u, other, DEP_BIT(t), DEP_BIT(t), o);
        if (r < 0)
                return r;
        r = dep_set(other, u, DEP_BIT(dep_inverse(t)), 0, o);
        if (r < 0)
                return r;
        if (DEP_BIT(t) & DEP_PULLS_IN)
                unit_queue_load(other);
        return 0;
}

int unit_add_dep2(struct unit *u, enum dep_type a, enum dep_type b, struct unit *other, enum dep_origin o)
{
        int r = unit_add_dep(u, a, other, o);

        return r < 0 ? r : unit_add_dep(u, b, other, o);
}

int unit_add_dep_by_name(struct unit *u, enum dep_type t, const char *name, enum dep_origin o)
{
        struct unit *other;
        int r = unit_get(u->manager, name, &other);

        return r < 0 ? r : unit_add_dep(u, t, other, o);
}

static void dep_clear(struct unit *u, struct unit *other, uint32_t types)
{
        struct unit_dep *d = dep_find(u, other);

        if (!d)
                return;
        d->types &= ~types;
        d->own &= ~types;
        if (d->types)
                return;
        if (u->dep_index) {
                index_remove(u, index_find(u, other));
                if (d != &u->deps[u->n_deps - 1])
                        u->dep_index[index_find(u, u->deps[u->n_deps - 1].other)] =
                                (uint32_t)(d - u->deps) + 1;
        }
        *d = u->deps[--u->n_deps];
}

/* Types of edges as the other end names them. */
static uint32_t invert(uint32_t types)
{
        return (types & 0x55555555u) << 1 | (types & 0xAAAAAAAAu) >> 1;
}

void unit_drop_dep(struct unit *u, enum dep_type t, struct unit *other)
{
        dep_clear(u, other, DEP_BIT(t));
        dep_clear(other, u, DEP_BIT(dep_inverse(t)));
}

/* Takes back what u itself said about its neighbours, on all edges with one of these origins; what the neighbours said
 * of u stays. For reading a unit again. An edge that somebody made at run time as well stays whole. */
void unit_drop_own_deps(struct unit *u, uint32_t origins)
{
        for (size_t i = u->n_deps; i-- > 0;) {
                struct unit *other = u->deps[i].other;
                struct unit_dep *back = dep_find(other, u);
                uint32_t gone;

                if (!(u->deps[i].origin & origins) || u->deps[i].origin & ~origins)
                        continue;
                gone = u->deps[i].own & ~invert(back ? back->own : 0);
                u->deps[i].own = 0;
                if (!gone)
                        continue;
                dep_clear(u, other, gone);
                dep_clear(other, u, invert(gone));
                unit_gc_queue(other);
        }
}

void unit_drop_all_deps(struct unit *u)
{
        while (u->n_deps > 0) {
                struct unit *other = u->deps[u->n_deps - 1].other;

                dep_clear(other, u, UINT32_MAX);
                u->n_deps--;
                unit_gc_queue(other);
        }
        free(u->deps);
        free(u->dep_index);
        u->deps = NULL;
        u->dep_index = NULL;
        u->cap_deps = 0;
}

int unit_add_mounts_for(struct unit *u, const char *path, enum dep_origin o)
{
        _cleanup_free_ char *p = strdup(path);
        struct manager *m = u->manager;

        if (!p)
                return -ENOMEM;
        path_simplify(p);
        if (p[0] != '/' || !path_is_normalized(p))
                return -EINVAL;
        for (;;) {
                _cleanup_free_ char *name = NULL;
                struct unit *mnt = NULL;
                char *slash;
                int r = unit_name_from_path(p, "mount", &name);

                if (r >= 0 && !(u->type == UNIT_MOUNT && streq(u->id, name)) &&
                        (unit_find(m, name) || load_find_fragment(m, name))) {
                        r = unit_get(m, name, &mnt);
                        if (r < 0)
                                return r;
                        unit_queue_load(mnt);
                        r = unit_add_dep(u, DEP_AFTER, mnt, o);
                        /* only mounts that somebody configured are required; the rest is there already */
                        if (r >= 0 && load_find_fragment(m, name))
                                r = unit_add_dep(u, DEP_REQUIRES, mnt, o);
                        if (r < 0)
                                return r;
                }
                if (p[1] == '\0')
                        return 0;
                slash = strrchr(p, '/');
                if (slash == p)
                        slash[1] = '\0';
                else
                        *slash = '\0';
        }
}
