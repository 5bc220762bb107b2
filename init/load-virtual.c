/* Units, drop-ins, links and aliases that exist only in memory: what the native generators make. They stand in the index
 * where the files of a generator directory would, so /etc overrides them and they override /usr. */
#include <stdio.h>

#include "load.h"

static int add_virtual_entry(struct index *x, int pos, const char *dir, const char *name, const char *text)
{
        struct index_entry *e = hash_get(&x->entries, name);
        int r;

        if (e && e->pos <= pos)
                return 0; /* a file with more weight, or the first of two */
        e = index_alloc(x, sizeof(*e));
        if (!e || !(e->path = index_join(x, dir, name)))
                return -ENOMEM;
        e->name = path_basename(e->path);
        e->pos = pos;
        e->kind = *text ? ENTRY_VIRTUAL : ENTRY_MASK;
        e->text = text;
        x->stats.n_units++;
        r = hash_put(&x->virtual_paths, e->path, (void *)e->text);
        if (r >= 0)
                r = hash_put(&x->entries, e->name, e);
        return MIN(r, 0);
}

static int add_virtual_in(struct index *x, int pos, const char *dir, enum sub_kind k, const char *name,
        const char *file, const char *text)
{
        struct index_subdirs *d = index_subdirs(x, name, true);
        struct index_virtual *v = index_alloc(x, sizeof(*v));
        struct index_sub *s;
        char path[PATH_MAX];
        int r = 0;

        if (!d || !v ||
                (size_t)snprintf(path, sizeof(path), "%s/%s%s", dir, name, index_sub_suffixes[k]) >=
                        sizeof(path))
                return -ENOMEM;
        s = index_sub_add(x, d, k, path, pos);
        if (!s)
                return -ENOMEM;
        v->path = index_join(x, s->path, file);
        if (!v->path)
                return -ENOMEM;
        v->name = path_basename(v->path);
        v->text = text;
        v->next = s->virtuals;
        s->virtuals = v;
        if (text)
                r = hash_put(&x->virtual_paths, v->path, (void *)text);
        return MIN(r, 0);
}

int load_add_virtual(struct manager *m, enum gen_prio prio, const char *name, const char *text)
{
        struct index *x = m->index;
        const char *slash = strchr(name, '/'), *copy;
        char base[UNIT_NAME_MAX + 1];

        if (!x)
                return -EINVAL;
        copy = index_strdup(x, text);
        if (!copy)
                return -ENOMEM;
        if (!slash)
                return unit_name_valid(name, true)
                               ? add_virtual_entry(x, x->gen_pos[prio], index_gen_dirs[prio], name, copy)
                               : -EINVAL;
        /* "NAME.d/FILE.conf": a drop-in */
        if (slash - name < 3 || (size_t)(slash - name) >= sizeof(base) || memcmp(slash - 2, ".d", 2) != 0)
                return -EINVAL;
        memcpy(base, name, (size_t)(slash - name - 2));
        base[slash - name - 2] = '\0';
        return add_virtual_in(x, x->gen_pos[prio], index_gen_dirs[prio], SUB_DROPIN, base, slash + 1, copy);
}

int load_add_virtual_alias(struct manager *m, enum gen_prio prio, const char *name, const char *target)
{
        struct index *x = m->index;
        struct index_entry *e;
        const char *full;
        int r;

        if (!x)
                return -EINVAL;
        e = hash_get(&x->entries, name);
        if (e && e->pos <= x->gen_pos[prio])
                return 0;
        r = index_alias_target(x, name, target, &full);
        if (r < 0)
                return r;
        e = index_alloc(x, sizeof(*e));
        if (!e || !(e->path = index_join(x, index_gen_dirs[prio], name)))
                return -ENOMEM;
        e->name = path_basename(e->path);
        e->pos = x->gen_pos[prio];
        e->kind = ENTRY_ALIAS;
        e->target = full;
        r = hash_put(&x->entries, e->name, e);
        return r < 0 ? r : index_link_alias(m, e);
}

int load_add_virtual_dep(struct manager *m, enum dep_type t, const char *name, const char *other)
{
        struct index *x = m->index;
        enum sub_kind k = t == DEP_REQUIRES ? SUB_REQUIRES : t == DEP_UPHOLDS ? SUB_UPHOLDS : SUB_WANTS;

        if (!x || !unit_name_valid(name, true) || !unit_name_valid(other, true))
                return -EINVAL;
        return add_virtual_in(x, x->gen_pos[GEN_NORMAL], index_gen_dirs[GEN_NORMAL], k, name, other, NULL);
}

const char *load_virtual_text(struct manager *m, const char *path)
{
        return m->index ? hash_get(&index_of(m)->virtual_paths, path) : NULL;
}
