/* Reading a unit: its names, its file, its drop-ins, its .wants directories; then its type's own load().
 *
 *     unit_load: alias? → merge into the unit that it stands for, go on with that one
 *                the index's entry, or the template's → masked, not-found, or parse (table.c fills the unit)
 *                drop-ins of all its names → parse
 *                .wants, .requires, .upholds of all its names → edges
 *                slice, implicit edges of the execution context, type's load(), RequiresMountsFor=
 *
 * Nothing here fails as such: what goes wrong becomes the unit's load state and load_error, with file:line in the
 * log. A unit is parsed only when somebody asks for it. */
#include "load.h"

#include <fcntl.h>
#include <stdio.h>

#include "manager.h"
#include "table.h"
#include "lib/fileio.h"
#include "lib/inifile.h"

#define UNIT_FILE_MAX (16 << 20)

/* ---- one file ---- */

static int read_all(int fd, size_t size, char **ret)
{
        _cleanup_free_ char *text = malloc(size + 1);
        size_t len = 0;

        if (!text)
                return -ENOMEM;
        while (len < size) {
                ssize_t n = read(fd, text + len, size - len);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        text[len] = '\0';
        *ret = TAKE_PTR(text);
        return (int)len;
}

/* A unit's files are on the local root, in /etc, /run or /usr (a linked one elsewhere is the administrator's choice,
 * as with systemd). FIFOs and devices are refused before they can block. */
int load_read(struct manager *m, const char *path, char **ret_text, size_t *ret_len, struct stat *ret_st)
{
        _cleanup_free_ char *full = root_path(m, path);
        _cleanup_close_ int fd = -1;
        int r;

        if (!full)
                return -ENOMEM;
        fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        index_of(m)->stats.n_open++;
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret_st) < 0)
                return -errno;
        if (S_ISCHR(ret_st->st_mode))
                return -ENODATA; /* /dev/null mounted over it */
        if (S_ISDIR(ret_st->st_mode))
                return -EISDIR;
        if (!S_ISREG(ret_st->st_mode))
                return -EINVAL;
        if (ret_st->st_size == 0)
                return -ENODATA;
        if (ret_st->st_size > UNIT_FILE_MAX)
                return -E2BIG;
        r = read_all(fd, (size_t)ret_st->st_size, ret_text);
        if (r < 0)
                return r;
        *ret_len = (size_t)r;
        return 0;
}

struct parse_state {
        struct unit *u;
        char bad_section[64]; /* the one named last, so that each is named once */
};

static int take_line(const struct ini_line *l, void *data)
{
        struct parse_state *s = data;

        if (!directive_section_known(s->u->type, l->section)) {
                if (startswith(l->section, "X-"))
                        return 0;
                if (strncmp(s->bad_section, l->section, sizeof(s->bad_section) - 1) == 0 && *l->section)
                        return 0;
                s->u->n_problems++;
                if (!*l->section)
                        return log_file(
                                l->path, l->line, LOG_WARNING, "Assignment outside of a section, ignored");
                snprintf(s->bad_section, sizeof(s->bad_section), "%s", l->section);
                return log_file(
                        l->path, l->line, LOG_WARNING, "Unknown section [%.100s], ignored", l->section);
        }
        return directive_apply(s->u, l->path, l->line, l->section, l->key, l->value);
}

int load_parse(struct unit *u, const char *path, char *text, size_t len)
{
        struct parse_state s = { .u = u };
        unsigned problems = 0;
        int r = ini_parse_text(path, text, len, take_line, &s, &problems);

        u->n_problems += problems;
        return r;
}

/* ---- the names ---- */

static bool type_has_aliases(enum unit_type t)
{
        return t != UNIT_MOUNT && t != UNIT_SLICE && t != UNIT_SWAP && t != UNIT_AUTOMOUNT;
}

/* u is an alias: everything that was said about it goes to the unit that it stands for. */
static int load_follow_alias(struct unit *u, struct unit **ret)
{
        _cleanup_free_ char *real = NULL;
        struct unit *target;
        int r = load_real_name(u->manager, u->id, &real);

        if (r < 0)
                return r;
        if (streq(real, u->id) || !type_has_aliases(u->type)) {
                *ret = u;
                return 0;
        }
        r = unit_get(u->manager, real, &target);
        if (r < 0)
                return r;
        r = unit_merge(target, u);
        if (r < 0)
                return r;
        *ret = target;
        return 0;
}

static void add_alias(struct unit *u, const char *name)
{
        int r = unit_add_name(u, name);

        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Alias %s cannot be given to %s: %m", name, u->id);
}

/* All names that links give to u, so that edges to any of them reach it. */
static int load_add_aliases(struct unit *u)
{
        struct index *x = index_of(u->manager);
        _cleanup_free_ char *template = NULL;

        if (!type_has_aliases(u->type))
                return 0;
        for (struct index_entry *e = hash_get(&x->aliases, u->id); e; e = e->next_alias)
                if (hash_get(&x->entries, e->name) == e)
                        add_alias(u, e->name);
        if (!u->instance || unit_name_template(u->id, &template) < 0)
                return 0;
        for (struct index_entry *e = hash_get(&x->aliases, template); e; e = e->next_alias) {
                _cleanup_free_ char *name = NULL;

                if (hash_get(&x->entries, e->name) != e || !unit_name_is_template(e->name))
                        continue;
                if (unit_name_replace_instance(e->name, u->instance, &name) < 0)
                        continue;
                if (!hash_get(&x->entries, name)) /* an own file for this instance counts more */
                        add_alias(u, name);
        }
        return 0;
}

/* ---- the unit ---- */

static bool path_is_vendor(const char *path)
{
        return (startswith(path, "/usr/") && !startswith(path, "/usr/local/")) || startswith(path, "/lib/");
}

/* -ENOENT: no file of this name; -ENODATA: masked. */
static int load_fragment(struct unit *u)
{
        const struct index_entry *e = index_find(u->manager, u->id);
        _cleanup_free_ char *text = NULL;
        struct stat st = {};
        size_t len = 0;
        int r;

        if (!e || e->kind == ENTRY_ALIAS)
                return -ENOENT;
        r = str_replace(&u->fragment_path, e->path);
        if (r < 0)
                return r;
        if (e->kind == ENTRY_MASK) {
                u->files_hash = hash_text(u->files_hash, e->path, "");
                return -ENODATA;
        }
        u->vendor = path_is_vendor(e->path);
        u->transient = startswith(e->path, "/run/systemd/transient/") != NULL;
        if (e->kind == ENTRY_VIRTUAL) {
                text = strdup(e->text);
                if (!text)
                        return -ENOMEM;
                len = strlen(text);
                u->files_hash = hash_text(u->files_hash, e->path, text);
        } else {
                r = load_read(u->manager, e->path, &text, &len, &st);
                u->files_hash = hash_file(u->files_hash, e->path, &st);
                if (r < 0)
                        return r;
                u->files_mtime = (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
        }
        return load_parse(u, e->path, text, len);
}

static void load_failed(struct unit *u, enum load_state s, const char *why)
{
        u->load_state = s;
        if (!u->load_error)
                (void)str_replace(&u->load_error, why);
        if (s != UNIT_NOT_FOUND && s != UNIT_MASKED)
                log_unit(u->id, LOG_ERR, "%s: %s; it cannot be started", u->id,
                        u->load_error ? u->load_error : why);
}

/* Did the files alone make it a bad unit? */
static bool load_result(struct unit *u, int r)
{
        const struct unit_ops *ops = unit_ops(u);
        _cleanup_free_ char *why = NULL;

        if (r == -ENODATA) {
                load_failed(u, UNIT_MASKED, "masked");
                return false;
        }
        if (r == -ENOENT) {
                if (ops->always_loaded || ops->can_fail_transient || u->perpetual)
                        return true;
                load_failed(u, UNIT_NOT_FOUND, "no unit file of this name");
                return false;
        }
        if (r < 0) {
                why = str_printf(
                        "cannot read %s: %s", u->fragment_path ? u->fragment_path : u->id, strerror(-r));
                load_failed(u, UNIT_ERROR, why ? why : "cannot be read");
                return false;
        }
        return true;
}

/* One line a unit for all that its files ask for and rouse does not do; a warning when it is a confinement. */
static void tell_unsupported(struct unit *u)
{
        _cleanup_free_ char *all = NULL;

        if (!u->unsupported || u->manager->verify)
                return;
        all = strv_join(u->unsupported, ", ");
        if (all)
                log_unit(u->id, u->unsupported_confines ? LOG_WARNING : LOG_NOTICE,
                        "%s: without effect, not supported yet: %s", u->id, all);
}

static int load_rest(struct unit *u)
{
        int r = load_dropins(u);

        if (r < 0)
                return r;
        r = load_wants(u);
        if (r < 0)
                return r;
        if (u->load_state != UNIT_LOADED)
                return 0;
        r = load_slice(u);
        if (r < 0)
                return r;
        if (unit_ops(u)->load) {
                r = unit_ops(u)->load(u);
                if (r < 0)
                        return r;
        }
        r = load_exec_deps(u);
        if (r < 0)
                return r;
        return load_mounts_for(u);
}

static void load_read_unit(struct unit *u)
{
        int r;

        u->load_state = UNIT_LOADED; /* so that nothing reads it a second time while this goes on */
        (void)load_add_aliases(u);
        u->files_hash = hash_aliases(u, 0);
        if (!load_result(u, load_fragment(u)))
                return;
        r = load_rest(u);
        if (u->load_state == UNIT_LOADED && r < 0) {
                if (r == -ENOENT)
                        load_failed(u, UNIT_NOT_FOUND, "no unit file of this name");
                else if (r == -EINVAL || r == -ENOEXEC)
                        load_failed(
                                u, UNIT_BAD_SETTING, "a setting is missing or does not fit, see the log");
                else
                        load_failed(u, UNIT_ERROR, strerror(-r));
        } else if (u->load_state == UNIT_BAD_SETTING)
                load_failed(u, UNIT_BAD_SETTING, "a setting is not valid");
        tell_unsupported(u);
}

void load_look_again(struct unit *u)
{
        struct manager *m = u->manager;

        if (!m->boot_finished || !m->index || unit_ops(u)->always_loaded)
                return;
        if (load_index_refresh(m) > 0 && u->load_state == UNIT_NOT_FOUND && index_find(m, u->id)) {
                u->load_state = UNIT_STUB;
                (void)str_replace(&u->load_error, NULL);
        }
}

void unit_load(struct unit *u)
{
        struct manager *m = u->manager;
        int r = m->index ? 0 : load_index(m);

        u = unit_follow_merge(u);
        if (u->load_state != UNIT_STUB)
                return;
        if (r >= 0 && !index_find(m, u->id))
                load_look_again(u);
        if (r >= 0)
                r = load_follow_alias(u, &u);
        if (r < 0) {
                load_failed(u, UNIT_ERROR,
                        r == -ELOOP    ? "links of this name go in a circle"
                        : r == -EEXIST ? "its alias names two units that are in use"
                                       : strerror(-r));
                return;
        }
        if (u->load_state == UNIT_STUB)
                load_read_unit(u);
}
