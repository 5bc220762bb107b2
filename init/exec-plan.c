/* Building and checking the plan of a process; linked into PID 1 and rouse-exec. */
#include "exec-plan.h"

#define PLAN_ALIGN 8u

int plan_begin(struct plan_builder *b)
{
        *b = (struct plan_builder) { .cap = 4096 };
        b->block = calloc(1, b->cap);
        if (!b->block)
                return -ENOMEM;
        b->len = sizeof(struct exec_plan);
        plan_of(b)->magic = PLAN_MAGIC;
        plan_of(b)->version = PLAN_VERSION;
        return 0;
}

uint32_t plan_reserve(struct plan_builder *b, size_t n)
{
        size_t at = (b->len + PLAN_ALIGN - 1) & ~(size_t)(PLAN_ALIGN - 1), cap = b->cap;
        char *grown;

        if (b->failed || n > PLAN_MAX || at + n > PLAN_MAX) {
                b->failed = true;
                return 0;
        }
        while (cap < at + n)
                cap *= 2;
        if (cap != b->cap) {
                grown = realloc(b->block, cap);
                if (!grown) {
                        b->failed = true;
                        return 0;
                }
                memset(grown + b->cap, 0, cap - b->cap);
                b->block = grown;
                b->cap = cap;
        }
        b->len = at + n;
        return (uint32_t)at;
}

uint32_t plan_add_str(struct plan_builder *b, const char *s)
{
        size_t n = s ? strlen(s) + 1 : 0;
        uint32_t at = s ? plan_reserve(b, n) : 0;

        if (at)
                memcpy(b->block + at, s, n);
        return at;
}

struct plan_array plan_add_array(struct plan_builder *b, const void *data, size_t n, size_t each)
{
        struct plan_array a = { 0 };

        if (n == 0)
                return a;
        a.off = plan_reserve(b, n * each);
        if (a.off) {
                memcpy(b->block + a.off, data, n * each);
                a.n = (uint32_t)n;
        }
        return a;
}

struct plan_list plan_add_strv(struct plan_builder *b, char *const *v)
{
        struct plan_list l = { .n = (uint32_t)strv_len(v) };

        if (l.n == 0)
                return l;
        l.off = plan_reserve(b, l.n * sizeof(uint32_t));
        for (uint32_t i = 0; i < l.n && !b->failed; i++) {
                uint32_t s = plan_add_str(b, v[i]);

                ((uint32_t *)(b->block + l.off))[i] = s;
        }
        return l;
}

int plan_finish(struct plan_builder *b)
{
        if (b->failed)
                return b->len >= PLAN_MAX / 2 ? -E2BIG : -ENOMEM;
        plan_of(b)->size = (uint32_t)b->len;
        return 0;
}

void plan_done(struct plan_builder *b)
{
        free(b->block);
        b->block = NULL;
}

/* ---- checking ---- */

static bool str_good(const struct exec_plan *p, uint32_t off)
{
        return off == 0 ||
               (off >= sizeof(*p) && off < p->size && memchr((const char *)p + off, 0, p->size - off));
}

static bool array_good(const struct exec_plan *p, struct plan_array a, size_t each)
{
        return a.n == 0 || (a.off >= sizeof(*p) && a.off % 4 == 0 && a.off <= p->size &&
                                   a.n <= (p->size - a.off) / each);
}

static bool list_good(const struct exec_plan *p, struct plan_list l)
{
        if (!array_good(p, (struct plan_array) { l.off, l.n }, sizeof(uint32_t)))
                return false;
        for (uint32_t i = 0; i < l.n; i++) {
                uint32_t s = ((const uint32_t *)((const char *)p + l.off))[i];

                if (s == 0 || !str_good(p, s))
                        return false;
        }
        return true;
}

/* A field that is patched: the string must have room for the longest value. */
static bool patch_good(const struct exec_plan *p, uint32_t off, size_t room)
{
        return off == 0 || (off >= sizeof(*p) && off <= p->size && room <= p->size - off);
}

int plan_check(const struct exec_plan *p, size_t len)
{
        if (len < sizeof(*p) || p->magic != PLAN_MAGIC || p->version != PLAN_VERSION || p->size > len ||
                p->size < sizeof(*p))
                return -EBADMSG;

        const uint32_t strings[] = { p->path, p->stdio[0].path, p->stdio[1].path, p->stdio[2].path, p->unit,
                p->run, p->journal, p->tty_path, p->utmp_id, p->utmp_mode, p->cwd, p->apparmor, p->user,
                p->group, p->home, p->shell, p->pam_name, p->root_directory, p->net_ns, p->ipc_ns,
                p->log_namespace, p->cred_dir };
        const struct plan_list lists[] = { p->argv, p->env, p->search, p->group_names, p->env_files,
                p->unset_env, p->read_write, p->read_only, p->inaccessible, p->exec, p->no_exec, p->tmpfs,
                p->load_creds, p->set_creds, p->load_encrypted, p->set_encrypted, p->tmp_dirs, p->images };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                if (!str_good(p, strings[i]))
                        return -EBADMSG;
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                if (!list_good(p, lists[i]))
                        return -EBADMSG;
        if (!array_good(p, p->fds, 4) || !array_good(p, p->data, 1) ||
                !array_good(p, p->limits, sizeof(struct plan_limit)) || !array_good(p, p->affinity, 1) ||
                !array_good(p, p->numa_mask, 1) || !array_good(p, p->groups, 4) ||
                !array_good(p, p->seccomp, 4) || !array_good(p, p->binds, sizeof(struct plan_bind)) ||
                !array_good(p, p->dirs, sizeof(struct plan_dir)))
                return -EBADMSG;
        if (!patch_good(p, p->env_listen_pid, 12) || !patch_good(p, p->env_exec_pid, 12) ||
                !patch_good(p, p->env_watchdog_pid, 12) || !patch_good(p, p->env_journal, 44) ||
                !patch_good(p, p->ptrs, (p->argv.n + p->env.n + 2) * sizeof(void *)))
                return -EBADMSG;
        for (uint32_t i = 0; i < p->binds.n; i++) {
                const struct plan_bind *d = (const struct plan_bind *)plan_at(p, p->binds) + i;

                if (!str_good(p, d->source) || !str_good(p, d->dest))
                        return -EBADMSG;
        }
        for (uint32_t i = 0; i < p->dirs.n; i++) {
                const struct plan_dir *d = (const struct plan_dir *)plan_at(p, p->dirs) + i;

                if (!str_good(p, d->path) || !str_good(p, d->entry))
                        return -EBADMSG;
        }
        return 0;
}
