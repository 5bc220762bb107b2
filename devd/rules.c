/* Loading of rules directories, and the way of one event through the compiled lines. */
#include <stdio.h>
#include <sys/stat.h>

#include "rules-int.h"
#include "db.h"
#include "lib/fileio.h"
#include "lib/log.h"

static const char *const standard_dirs[] = {
        "/etc/udev/rules.d",
        "/run/udev/rules.d",
        "/usr/local/lib/udev/rules.d",
        "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
        NULL,
};

/* --- loading ---------------------------------------------------------------------------------------- */

struct reading {
        struct rules *r;
        unsigned file;
};

static int take_line(char *line, const struct line_parts *parts, void *data)
{
        struct reading *x = data;

        return compile_line(x->r, x->file, line, parts);
}

static int add_source(struct rules *r, const char *path, const struct timespec *mtime)
{
        if (r->n_sources >= UINT16_MAX)
                return -E2BIG;
        if (r->n_sources == r->cap_sources) {
                size_t cap = r->cap_sources ? r->cap_sources * 2 : 64;
                struct source *v = realloc(r->sources, cap * sizeof(*v));

                if (!v)
                        return -ENOMEM;
                r->sources = v;
                r->cap_sources = cap;
        }
        r->sources[r->n_sources] = (struct source) { .path = arena_strndup(&r->arena, path, strlen(path)),
                .mtime = *mtime,
                .first_line = (unsigned)r->n_lines };
        return r->sources[r->n_sources++].path ? 0 : -ENOMEM;
}

int rules_load_text(struct rules *r, const char *path, char *text)
{
        struct reading x = { .r = r, .file = (unsigned)r->n_sources };
        struct timespec none = { 0 };
        int n;

        n = add_source(r, path, &none);
        if (n >= 0)
                n = read_rule_lines(path, text, take_line, &x, &r->problems);
        return n < 0 ? n : compile_finish_file(r, x.file);
}

static int load_file(struct rules *r, const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t len;
        struct stat st;
        int n;

        n = read_file(path, 4 * 1024 * 1024, &text, &len);
        if (n < 0) {
                if (n == -ENOMEM)
                        return n;
                r->problems++;
                log_file(path, 0, LOG_ERR, "cannot be read: %s; its rules are missing", strerror(-n));
                return 0;
        }
        if (strlen(text) != len) {
                r->problems++;
                log_file(path, 0, LOG_ERR, "holds a NUL byte after byte %zu, the rest is not read",
                        strlen(text));
        }
        n = rules_load_text(r, path, text);
        if (n >= 0 && stat(path, &st) >= 0)
                r->sources[r->n_sources - 1].mtime = st.st_mtim;
        return n;
}

static int stamp_dirs(struct rules *r, char *const *dirs)
{
        size_t n = strv_len(dirs);

        r->dirs = calloc(MAX(n, (size_t)1), sizeof(*r->dirs));
        if (!r->dirs)
                return -ENOMEM;
        for (; r->n_dirs < n; r->n_dirs++) {
                struct dirstamp *s = &r->dirs[r->n_dirs];
                struct stat st;

                s->path = strdup(dirs[r->n_dirs]);
                if (!s->path)
                        return -ENOMEM;
                s->there = stat(s->path, &st) >= 0;
                if (s->there)
                        s->mtime = st.st_mtim;
        }
        return 0;
}

/* /lib is /usr/lib on a merged system: reading it twice would be work for nothing. */
static bool same_directory(const char *a, const char *b)
{
        struct stat x, y;

        return stat(a, &x) >= 0 && stat(b, &y) >= 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int standard(char ***ret)
{
        _cleanup_strv_ char **v = NULL;

        for (size_t i = 0; standard_dirs[i]; i++) {
                if (streq(standard_dirs[i], "/lib/udev/rules.d") &&
                        same_directory(standard_dirs[i], "/usr/lib/udev/rules.d"))
                        continue;
                if (strv_add(&v, standard_dirs[i]) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

static void drop_compile_state(struct rules *r)
{
        strv_free(r->users);
        strv_free(r->groups);
        r->users = r->groups = NULL;
}

struct rules *rules_new(void)
{
        static uint64_t serial;
        struct rules *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        r->serial = ++serial;
        r->cap_tokens = 4096; /* what Debian's own files need; an array that is there has a first element */
        r->tokens = malloc(r->cap_tokens * sizeof(*r->tokens));
        if (!r->tokens) {
                free(r);
                return NULL;
        }
        return r;
}

/* The arrays as long as they are needed, in memory of their own: what lies among the daemon's other memory keeps more
 * than itself from being given back. */
static void fit(struct rules *r)
{
        struct token *t = realloc(r->tokens, MAX(r->n_tokens, (size_t)1) * sizeof(*t));
        struct line *l = realloc(r->lines, MAX(r->n_lines, (size_t)1) * sizeof(*l));

        if (t) {
                r->tokens = t;
                r->cap_tokens = MAX(r->n_tokens, (size_t)1);
        }
        if (l) {
                r->lines = l;
                r->cap_lines = MAX(r->n_lines, (size_t)1);
        }
}

/* r is given to the caller, or freed. */
static int load_files(struct rules *r, char *const *files, int n, struct rules **ret, unsigned *ret_problems)
{
        FOREACH_STR (f, files) {
                if (n >= 0)
                        n = load_file(r, *f);
        }
        drop_compile_state(r);
        fit(r);
        if (n < 0) {
                rules_free(r);
                return n;
        }
        if (ret_problems)
                *ret_problems = r->problems;
        *ret = r;
        return 0;
}

int rules_load(char *const *dirs, struct rules **ret, unsigned *ret_problems)
{
        _cleanup_strv_ char **own = NULL, **files = NULL;
        struct rules *r;
        int n = 0;

        if (!dirs) {
                n = standard(&own);
                if (n < 0)
                        return n;
                dirs = own;
        }
        r = rules_new();
        if (!r)
                return -ENOMEM;
        n = stamp_dirs(r, dirs);
        if (n >= 0)
                n = conf_files_list("/", dirs, ".rules", &files);
        return load_files(r, files, n, ret, ret_problems);
}

int rules_load_files(char *const *files, struct rules **ret, unsigned *ret_problems)
{
        struct rules *r = rules_new();

        return r ? load_files(r, files, 0, ret, ret_problems) : -ENOMEM;
}

void rules_free(struct rules *r)
{
        if (!r)
                return;
        drop_compile_state(r);
        plans_free(r);
        for (size_t i = 0; i < r->n_dirs; i++)
                free(r->dirs[i].path);
        free(r->dirs);
        free(r->sources);
        free(r->lines);
        free(r->tokens);
        arena_free(&r->arena);
        free(r);
}

size_t rules_count_files(const struct rules *r)
{
        return r->n_sources;
}

size_t rules_count_lines(const struct rules *r)
{
        return r->n_lines;
}

static bool differs(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

bool rules_stale(const struct rules *r)
{
        struct stat st;

        for (size_t i = 0; i < r->n_dirs; i++) {
                bool there = stat(r->dirs[i].path, &st) >= 0;

                if (there != r->dirs[i].there || (there && differs(&st.st_mtim, &r->dirs[i].mtime)))
                        return true;
        }
        for (size_t i = 0; i < r->n_sources; i++)
                if (stat(r->sources[i].path, &st) < 0 || differs(&st.st_mtim, &r->sources[i].mtime))
                        return true;
        return false;
}

void rules_event_done(struct rules_event *e)
{
        for (size_t i = 0; i < e->n_run; i++)
                free(e->run[i].command);
        free(e->run);
        free(e->program_result);
        free(e->stopped);
        e->run = NULL;
        e->stopped = NULL;
        e->program_result = NULL;
        e->n_run = 0;
}

/* --- one event -------------------------------------------------------------------------------------- */

/* 1 when all matches hold, 0, or -errno. */
static int matches(
        struct evaluation *v, const struct plan_entry *p, const struct token *t, unsigned n, unsigned *ret_i)
{
        unsigned i = v->token, at;
        int r;

        v->token = 0;
        while (i < n && IS_MATCH(t[i].type)) {
                if (i < 32 && (p->decided & UINT32_C(1) << i)) {
                        i++;
                        continue;
                }
                at = i;
                if (IS_PARENT_MATCH(t[i].type)) {
                        unsigned k = i;

                        while (k < n && IS_PARENT_MATCH(t[k].type))
                                k++;
                        r = eval_parents(v, &t[i], k - i);
                        i = k;
                } else {
                        r = eval_match(v, &t[i++]);
                }
                if (r == RULES_DEFER)
                        v->token = at;
                if (r <= 0)
                        return r;
        }
        *ret_i = i;
        return 1;
}

static int run_line(struct evaluation *v, const struct plan_entry *p)
{
        const struct token *t = v->rules->tokens + v->line->first;
        unsigned i = 0;
        int r;

        v->escape = ESCAPE_UNSET;
        r = matches(v, p, t, v->line->n, &i);
        if (r <= 0)
                return r;
        for (; i < v->line->n; i++) {
                r = eval_assign(v, &t[i]);
                if (r < 0)
                        return r;
        }
        return 1;
}

/* What the kernel suggested for the node, and the rule of thumb for groups (trap 13). */
static void default_permissions(struct device *d)
{
        const char *s;
        uint32_t id;

        if (d->major < 0)
                return;
        if (!d->owner_set && (s = device_prop(d, "DEVUID")) && parse_u32(s, &id) >= 0 && id != UINT32_MAX)
                d->uid = id;
        if (!d->group_set && (s = device_prop(d, "DEVGID")) && parse_u32(s, &id) >= 0 && id != UINT32_MAX)
                d->gid = id;
        if (d->mode_set)
                return;
        if ((s = device_prop(d, "DEVMODE")) && parse_mode(s, &d->mode) >= 0)
                return;
        if (d->gid != (gid_t)-1 && d->gid > 0)
                d->mode = 0660;
}

bool rules_stopped(const struct rules *r, const struct rules_event *e)
{
        return e->stopped && e->stopped->serial == r->serial;
}

/* All that was decided until an op put the rules off. Without it, and where a line has changed what is logged, they
 * are applied from the start again. */
static void keep_stopped(const struct evaluation *v)
{
        if (v->saved_log_level >= 0)
                return;
        v->e->stopped = malloc(sizeof(*v));
        if (v->e->stopped)
                *v->e->stopped = *v;
}

int rules_apply(const struct rules *r, struct device *d, struct rules_event *e, const struct rules_ops *ops)
{
        struct evaluation v = { .rules = r, .d = d, .e = e, .ops = ops, .saved_log_level = -1 };
        const struct plan *p;
        int x = 0;

        v.serial = r->serial;
        if (rules_stopped(r, e) && e->stopped->d == d)
                v = *e->stopped;
        free(e->stopped);
        e->stopped = NULL;
        (void)device_complete(d);
        p = plan_for(r, d);
        if (!p)
                return -ENOMEM;
        for (; v.entry < p->n; v.entry++) {
                v.line = &r->lines[p->e[v.entry].line];
                x = run_line(&v, &p->e[v.entry]);
                if (x < 0)
                        break;
                if (x > 0 && (v.line->flags & LINE_GOTO))
                        while (v.entry + 1 < p->n && p->e[v.entry + 1].line < v.line->target)
                                v.entry++;
        }
        if (x == RULES_DEFER)
                keep_stopped(&v);
        if (v.saved_log_level >= 0)
                log_set_max_level(v.saved_log_level);
        if (x < 0)
                return x;
        default_permissions(d);
        return 0;
}

/* --- static nodes ----------------------------------------------------------------------------------- */

static int tag_static_node(const char *tag, const char *node)
{
        char path[PATH_MAX], name[NAME_MAX + 1], dev[PATH_MAX];
        int r;

        links_escape(node, name);
        if (snprintf(path, sizeof(path), "%s/static_node-tags/%s/%s", root_run(), tag, name) >=
                        (int)sizeof(path) ||
                snprintf(dev, sizeof(dev), "/dev/%s", node) >= (int)sizeof(dev))
                return -ENAMETOOLONG;
        r = mkdir_parents(path, 0755);
        return r < 0 ? r : symlink_atomic(dev, path);
}

static int static_node(const struct rules *r, const struct line *l, const char *node)
{
        mode_t mode = (mode_t)-1;
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        char dev[PATH_MAX], path[PATH_MAX];
        int x;

        if (snprintf(dev, sizeof(dev), "/dev/%s", node) >= (int)sizeof(dev) || real_dev_path(dev, path) < 0)
                return -ENAMETOOLONG;
        if (access(path, F_OK) < 0)
                return 0;
        for (const struct token *t = r->tokens + l->first, *end = t + l->n; t < end; t++)
                switch (t->type) {
                case A_OWNER_ID: uid = t->uid; break;
                case A_GROUP_ID: gid = t->gid; break;
                case A_MODE_ID: mode = t->mode; break;
                case A_TAG:
                        x = t->op == OP_REMOVE || t->subst ? 0 : tag_static_node(t->value, node);
                        if (x < 0)
                                log_warning_errno(x, "cannot tag the static node %s: %m", dev);
                }
        if (mode == (mode_t)-1 && gid != (gid_t)-1 && gid > 0)
                mode = 0660;
        if (mode == (mode_t)-1 && uid == (uid_t)-1 && gid == (gid_t)-1)
                return 0;
        return node_apply_permissions(dev, 0, 0, mode, uid, gid, NULL);
}

int rules_apply_static_nodes(const struct rules *r)
{
        int first = 0;

        for (size_t i = 0; i < r->n_lines; i++) {
                const struct line *l = &r->lines[i];

                if (!(l->flags & LINE_STATIC_NODE))
                        continue;
                for (const struct token *t = r->tokens + l->first, *end = t + l->n; t < end; t++) {
                        int x = t->type == A_STATIC_NODE ? static_node(r, l, t->value) : 0;

                        if (x < 0) {
                                log_warning_errno(x,
                                        "/dev/%s: cannot apply the rule for the static node: %m", t->value);
                                first = first < 0 ? first : x;
                        }
                }
        }
        return first;
}
