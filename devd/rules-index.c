/* Which lines an event has to look at.
 *
 * Events come in few kinds: action, subsystem, device type, with a node or not, with an interface or not. For each
 * kind that is met, a plan is made once: the lines that are left when everything that depends only on the kind is
 * decided – lines that cannot match, lines that can have no effect on such a device, and what lies behind a GOTO
 * that is always taken. An event then walks its plan, which for most kinds is a tenth of the rules. */
#include <fnmatch.h>
#include <stdio.h>

#include "rules-int.h"
#include "constants.h"
#include "db.h"

#define MAX_PLANS 512 /* kinds are few; a flood of invented ones starts anew */

int decide_statically(const struct token *t, struct device *d)
{
        const char *s;

        switch (t->type) {
        case M_ACTION: s = d->action; break;
        case M_SUBSYSTEM: s = d->subsystem; break;
        case M_CONST: s = constant_value(t->key); break;
        case M_ENV:
                if (streq(t->key, "DEVTYPE"))
                        s = d->devtype;
                else if (streq(t->key, "ACTION"))
                        s = d->action;
                else if (streq(t->key, "SUBSYSTEM"))
                        s = d->subsystem;
                else
                        return -1;
                if (!s) /* the properties of the control socket may stand in for it */
                        return -1;
                break;
        default: return -1;
        }
        return pattern_match(&t->pattern, s ? s : "") == (t->op == OP_MATCH);
}

/* What a line may do for a device of this kind (trap 6 of the language). */
static unsigned useful_flags(const struct device *d)
{
        unsigned mask = LINE_OTHER | LINE_GOTO;

        if (!streq_null(d->action, "remove")) {
                if (d->major >= 0)
                        mask |= LINE_DEVNODE;
                if (d->ifindex > 0)
                        mask |= LINE_NAME;
        }
        return mask;
}

/* -1: cannot match; else the number of tokens still open, bits of the decided ones in *ret. */
static int decide_line(const struct rules *r, const struct line *l, struct device *d, uint32_t *ret)
{
        uint32_t decided = 0;
        int open = 0;

        for (unsigned i = 0; i < l->n; i++) {
                const struct token *t = &r->tokens[l->first + i];
                int x;

                if (!IS_MATCH(t->type))
                        break;
                x = decide_statically(t, d);
                if (x == 0)
                        return -1;
                if (x > 0 && i < 32)
                        decided |= UINT32_C(1) << i;
                else
                        open++;
        }
        *ret = decided;
        return open;
}

/* The first line after at, before end, that one of the lines so far may jump to; end when there is none. */
static size_t landing(const struct rules *r, const struct plan_entry *e, size_t n, size_t at, size_t end)
{
        for (size_t i = 0; i < n; i++) {
                const struct line *l = &r->lines[e[i].line];

                if ((l->flags & LINE_GOTO) && l->target > at && l->target < end)
                        end = l->target;
        }
        return end;
}

static int make_plan(const struct rules *r, struct device *d, struct plan *p)
{
        unsigned mask = useful_flags(d);
        struct plan_entry *e = malloc(MAX(r->n_lines, (size_t)1) * sizeof(*e)), *shrunk;
        size_t n = 0;

        if (!e)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_lines;) {
                const struct line *l = &r->lines[i];
                uint32_t decided;
                int open;

                if ((l->flags & LINE_DEAD) || !(l->flags & mask) ||
                        (open = decide_line(r, l, d, &decided)) < 0) {
                        i++;
                        continue;
                }
                if (open == 0 && (l->flags & LINE_GOTO)) {
                        /* Always taken, when it is come to: what lies between is skipped, but for where a jump over
                         * this one leads to. Kept only if there is such a place, or if it does something else too. */
                        size_t next = landing(r, e, n, i, l->target);

                        if (next < l->target || (l->flags & mask & ~(unsigned)LINE_GOTO))
                                e[n++] = (struct plan_entry) { .line = (unsigned)i, .decided = decided };
                        i = next;
                        continue;
                }
                e[n++] = (struct plan_entry) { .line = (unsigned)i, .decided = decided };
                i++;
        }
        shrunk = realloc(e, MAX(n, (size_t)1) * sizeof(*e));
        p->e = shrunk ? shrunk : e;
        p->n = n;
        return 0;
}

static void plan_free(struct plan *p)
{
        if (p) {
                free(p->key);
                free(p->e);
        }
        free(p);
}

void plans_free(struct rules *r)
{
        HASHMAP_FOREACH (e, &r->plans)
                plan_free(e->value);
        hash_done(&r->plans);
        r->plans = (struct hash) { 0 };
}

void rules_trim(struct rules *r)
{
        plans_free(r);
}

const struct plan *plan_for(const struct rules *rules, struct device *d)
{
        struct rules *r = (struct rules *)rules; /* the index alone is filled as it is used */
        const char *devtype = device_devtype(d);
        struct plan *p;
        char key[512];

        (void)str_concat_to(key, sizeof(key), d->major >= 0 ? "1" : "0", d->ifindex > 0 ? "1|" : "0|",
                d->action ?: "", "|", d->subsystem ?: "", "|", devtype ?: "", NULL);
        p = hash_get(&r->plans, key);
        if (p)
                return p;
        if (r->plans.n >= MAX_PLANS)
                plans_free(r);
        p = calloc(1, sizeof(*p));
        if (!p)
                return NULL;
        p->key = strdup(key);
        if (!p->key || make_plan(r, d, p) < 0 || hash_put(&r->plans, p->key, p) < 0) {
                plan_free(p);
                return NULL;
        }
        return p;
}

/* --- could anything match? -------------------------------------------------------------------------- */

/* Whether IMPORT{parent} would find anything. */
static bool parent_has(struct device *d, const char *glob)
{
        struct device *p = device_parent(d);

        if (!p)
                return false;
        if (!p->db_loaded)
                (void)db_read(p);
        for (size_t i = 0; i < p->n_props; i++)
                if (fnmatch(glob, p->props[i].key, 0) == 0)
                        return true;
        return false;
}

/* 1 holds, 0 does not, -1 not known without looking at files or at what rules do. Before any line has matched,
 * properties are still the kernel's, and there are no names, links or results. */
static int decide_untouched(const struct token *t, struct device *d)
{
        const char *s;
        uint32_t i;

        switch (t->type) {
        case M_DEVPATH: s = d->devpath; break;
        case M_KERNEL: s = d->sysname; break;
        case M_ENV: s = device_prop_hashed(d, t->key, t->key_hash); break;
        case M_NAME: s = d->name; break;
        case M_TAG:
                for (i = 0; d->tags_current && d->tags_current[i]; i++)
                        return -1;
                return t->op == OP_NOMATCH;
        case M_IMPORT_PARENT: return t->subst ? -1 : parent_has(d, t->value) == (t->op == OP_MATCH);
        case M_SYMLINK:
                if (d->links)
                        return -1;
                return t->op == OP_NOMATCH;
        default: return decide_statically(t, d);
        }
        return pattern_match(&t->pattern, s ? s : "") == (t->op == OP_MATCH);
}

/* PROGRAM and IMPORT do something even when a later token of their line fails. */
static bool has_effect_as_match(const struct token *t, struct device *d)
{
        if (t->type == M_IMPORT_PARENT && !t->subst)
                return parent_has(d, t->value);
        return t->type >= M_PROGRAM && t->type <= M_IMPORT_PARENT;
}

enum outlook { CANNOT, MIGHT, MUST, ACTS };

/* What will become of a line, all rules before it having done nothing. */
static enum outlook line_outlook(const struct rules *r, const struct plan_entry *p, struct device *d)
{
        const struct line *l = &r->lines[p->line];
        enum outlook x = MUST;

        for (unsigned k = 0; k < l->n; k++) {
                const struct token *t = &r->tokens[l->first + k];
                int y;

                if (!IS_MATCH(t->type))
                        break;
                if (k < 32 && (p->decided & UINT32_C(1) << k))
                        continue;
                y = decide_untouched(t, d);
                if (has_effect_as_match(t, d))
                        return ACTS;
                if (y == 0)
                        return CANNOT;
                if (y < 0)
                        x = MIGHT;
        }
        return l->flags & LINE_EFFECTS_BUT_GOTO ? ACTS : x;
}

bool rules_may_match(const struct rules *r, struct device *d)
{
        const struct plan *p;
        unsigned landings[64];
        size_t n_landings = 0;

        if (!r)
                return false;
        (void)device_complete(d);
        p = plan_for(r, d);
        if (!p)
                return true;
        for (size_t i = 0; i < p->n; i++) {
                enum outlook x = line_outlook(r, &p->e[i], d);
                unsigned target = r->lines[p->e[i].line].target; /* without GOTO 0 */

                if (x == ACTS)
                        return true;
                if (x == CANNOT || !target)
                        continue;
                if (n_landings == ARRAY_SIZE(landings)) {
                        n_landings = 0;
                        for (size_t k = 0; k < ARRAY_SIZE(landings); k++)
                                if (landings[k] > p->e[i].line)
                                        landings[n_landings++] = landings[k];
                        if (n_landings == ARRAY_SIZE(landings))
                                return true;
                }
                landings[n_landings++] = target;
                if (x != MUST)
                        continue;
                /* a jump that is certain when it is come to; where another may lead over it, it goes on there */
                for (size_t k = 0; k < n_landings; k++)
                        if (landings[k] > p->e[i].line && landings[k] < target)
                                target = landings[k];
                while (i + 1 < p->n && p->e[i + 1].line < target)
                        i++;
        }
        return false;
}
