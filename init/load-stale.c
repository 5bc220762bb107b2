/* Is what PID 1 read of a unit still what the disk says? For `status` ("run daemon-reload") and for a reload that reads
 * again only what changed. Looked up in the unit directories as they are now, since the index is of the last reload. */
#include <fcntl.h>

#include "load.h"

static bool changed_since(struct manager *m, const char *path, usec_t read_mtime)
{
        _cleanup_free_ char *full = root_path(m, path);
        struct stat st;

        if (!full || load_virtual_text(m, path))
                return false;
        if (stat(full, &st) < 0)
                return true;
        return (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000 > read_mtime;
}

static bool there(struct manager *m, const char *dir, const char *name, const char *suffix)
{
        _cleanup_free_ char *path = str_printf("%s%s/%s%s", m->root ? m->root : "", dir, name, suffix);
        struct stat st;

        return path && lstat(path, &st) >= 0;
}

/* A file of this name in a directory that counts more than the one that it was read from. */
static bool overridden(struct manager *m, const char *name, int pos)
{
        struct index *x = index_of(m);

        for (int i = 0; i < x->n_dirs && i < pos; i++)
                if (there(m, x->dirs[i].path, name, ""))
                        return true;
        return false;
}

/* A NAME.d that was not there, or one whose list of files is newer than what was read. */
static bool dropins_changed(struct manager *m, const char *name, usec_t read_mtime)
{
        struct index *x = index_of(m);
        const struct index_subdirs *d = hash_get(&x->subdirs, name);
        int known = 0, now = 0;

        for (const struct index_sub *s = d ? d->kind[SUB_DROPIN] : NULL; s; s = s->next) {
                known += s->on_disk;
                if (s->on_disk && changed_since(m, s->path, MAX(read_mtime, x->made)))
                        return true;
        }
        for (int i = 0; i < x->n_dirs; i++)
                now += x->dirs[i].there && there(m, x->dirs[i].path, name, ".d");
        return now != known;
}

bool unit_needs_reload(struct unit *u)
{
        struct manager *m = u->manager;
        const struct index_entry *e;

        if (!m->index || u->load_state == UNIT_STUB)
                return false;
        e = index_find(m, u->id);
        if (overridden(m, u->id, e ? e->pos : INT_MAX))
                return true;
        if (u->load_state == UNIT_MASKED || u->load_state == UNIT_NOT_FOUND)
                return false;
        if (u->fragment_path && changed_since(m, u->fragment_path, u->files_mtime))
                return true;
        FOREACH_STR (p, u->dropin_paths)
                if (changed_since(m, *p, u->files_mtime))
                        return true;
        FOREACH_STR (n, u->names) {
                _cleanup_free_ char *template = NULL;

                if (dropins_changed(m, *n, u->files_mtime))
                        return true;
                if (u->instance && unit_name_template(*n, &template) >= 0 &&
                        dropins_changed(m, template, u->files_mtime))
                        return true;
        }
        return false;
}

/* ---- for a reload ---- */

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
        const uint8_t *p = data;

        h ^= 0xcbf29ce484222325ull;
        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * 0x100000001b3ull;
        return h;
}

uint64_t hash_text(uint64_t h, const char *path, const char *text)
{
        return mix(mix(h, path, strlen(path)), text, strlen(text));
}

uint64_t hash_file(uint64_t h, const char *path, const struct stat *st)
{
        h = mix(h, path, strlen(path));
        if (st) {
                const int64_t v[] = { (int64_t)st->st_dev, (int64_t)st->st_ino, st->st_size,
                        st->st_mtim.tv_sec, st->st_mtim.tv_nsec };

                h = mix(h, v, sizeof(v));
        }
        return h;
}

/* The names that links give it, in whatever order the index has them. */
uint64_t hash_aliases(struct unit *u, uint64_t h)
{
        struct index *x = index_of(u->manager);

        for (const struct index_entry *e = hash_get(&x->aliases, u->id); e; e = e->next_alias)
                if (hash_get(&x->entries, e->name) == e)
                        h += mix(0, e->name, strlen(e->name));
        return h;
}

uint64_t load_hash(struct unit *u)
{
        const struct index_entry *e = index_find(u->manager, u->id);
        uint64_t h = hash_aliases(u, 0);
        struct stat st = {};

        if (e && e->kind == ENTRY_MASK)
                return hash_text(h, e->path, "");
        if (e && e->kind == ENTRY_ALIAS)
                return hash_text(h, e->path, e->target);
        if (e && e->kind == ENTRY_VIRTUAL)
                h = hash_text(h, e->path, e->text);
        else if (e && e->kind == ENTRY_FILE) {
                _cleanup_free_ char *full = root_path(u->manager, e->path);

                if (full)
                        (void)stat(full, &st);
                h = hash_file(h, e->path, &st);
                if (st.st_size == 0 || S_ISCHR(st.st_mode))
                        return h; /* masked */
        } else if (u->load_state == UNIT_NOT_FOUND)
                return h;
        return u->load_state == UNIT_ERROR ? 0 : hash_subdirs(u, h);
}
