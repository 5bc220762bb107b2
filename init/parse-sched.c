/* Values of the execution context: scheduling of CPU and I/O, affinity, personality. */
#include <sched.h>
#include <stdio.h>

#include "names.h"
#include "parse.h"

int parse_value_io_class(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int64_t class;
        int r;

        if (!*p->value) {
                c->ioprio_set = false;
                c->ioprio = 2 << 13 | 4;
                return 0;
        }
        r = name_value(names_io_class, p->value, &class);
        if (r < 0)
                return r;
        c->ioprio = (int)class << 13 | (c->ioprio_set ? c->ioprio & 0x1fff : 4);
        c->ioprio_set = true;
        return 0;
}

int parse_value_io_priority(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int v, r;

        if (!*p->value) {
                c->ioprio_set = false;
                return 0;
        }
        r = parse_int(p->value, &v);
        if (r < 0)
                return r;
        if (v < 0 || v > 7)
                return -ERANGE;
        c->ioprio = (c->ioprio_set ? c->ioprio & ~0x1fff : 2 << 13) | v;
        c->ioprio_set = true;
        return 0;
}

int parse_value_cpu_policy(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int r = parse_value_enum(p);

        if (r < 0)
                return r;
        c->cpu_sched_set = true;
        if ((c->cpu_policy == SCHED_FIFO || c->cpu_policy == SCHED_RR) && c->cpu_priority < 1)
                c->cpu_priority = 1;
        return 0;
}

int parse_value_cpu_priority(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int v, r = parse_int(p->value, &v);

        if (r < 0)
                return r;
        if (v < 0 || v > 99)
                return -ERANGE;
        c->cpu_priority = v;
        c->cpu_sched_set = true;
        return 0;
}

/* "1,3-5 8": calls set() for each range. */
static int each_cpu_range(const char *s, int (*set)(void *data, unsigned from, unsigned to), void *data)
{
        _cleanup_strv_ char **words = strv_split(s, " \t,");

        if (!words)
                return *s ? -ENOMEM : 0;
        FOREACH_STR (w, words) {
                char *dash = strchr(*w, '-');
                uint32_t from, to;
                int r;

                if (dash)
                        *dash = '\0';
                r = parse_u32(*w, &from);
                if (r < 0)
                        return r;
                to = from;
                if (dash && (r = parse_u32(dash + 1, &to)) < 0)
                        return r;
                if (to < from)
                        return -EINVAL;
                if (to >= 8192)
                        return -ERANGE;
                r = set(data, from, to);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_affinity(void *data, unsigned from, unsigned to)
{
        struct exec_context *c = data;
        size_t len = to / 8 + 1;

        if (len > c->cpu_affinity_len) {
                uint8_t *m = realloc(c->cpu_affinity, len);

                if (!m)
                        return -ENOMEM;
                memset(m + c->cpu_affinity_len, 0, len - c->cpu_affinity_len);
                c->cpu_affinity = m;
                c->cpu_affinity_len = len;
        }
        for (unsigned i = from; i <= to; i++)
                c->cpu_affinity[i / 8] |= (uint8_t)(1u << (i % 8));
        return 0;
}

int parse_value_cpu_affinity(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);

        if (!*p->value) {
                free(c->cpu_affinity);
                c->cpu_affinity = NULL;
                c->cpu_affinity_len = 0;
                c->cpu_affinity_numa = false;
                return 0;
        }
        c->cpu_affinity_numa = streq(p->value, "numa");
        if (c->cpu_affinity_numa)
                return 0;
        return each_cpu_range(p->value, set_affinity, c);
}

static int add_range(void *data, unsigned from, unsigned to)
{
        struct strbuf *b = data;

        if (from == to)
                return strbuf_printf(b, "%s%u", b->len ? "," : "", from);
        return strbuf_printf(b, "%s%u-%u", b->len ? "," : "", from, to);
}

/* The kernel's list format ("0-3,8"), as cpuset and set_mempolicy want it; assignments add. */
int parse_value_cpu_list(const struct parse *p)
{
        _cleanup_strbuf_ struct strbuf b = {};
        char **to = p->target;
        int r;

        if (!*p->value)
                return str_replace(to, NULL);
        if (*to)
                strbuf_puts(&b, *to);
        if (streq(p->value, "all"))
                strbuf_puts(&b, "all");
        else if ((r = each_cpu_range(p->value, add_range, &b)) < 0)
                return r;
        if (b.failed)
                return -ENOMEM;
        free(*to);
        *to = strbuf_take(&b);
        return 0;
}

int parse_value_personality(const struct parse *p)
{
        int64_t v;
        int r;

        if (!*p->value) {
                *(unsigned long *)p->target = ~0ul;
                return 0;
        }
        r = name_value(names_personality, p->value, &v);
        if (r >= 0)
                *(unsigned long *)p->target = (unsigned long)v;
        return r;
}

int parse_value_keyring(const struct parse *p)
{
        int r = parse_value_enum(p);

        if (r >= 0)
                unit_exec(p->u)->keyring_set = true;
        return r;
}
