/* Records of the control protocol, at the reader's end. */
#include "ctlproto.h"

const char *ctl_record_value(const char *s, const char *key)
{
        const char *rest = startswith(s, key);

        return rest && *rest == '=' ? rest + 1 : NULL;
}

static uint32_t hash_key(const char *s)
{
        uint32_t h = 2166136261u; /* FNV-1a */

        for (; *s && *s != '='; s++)
                h = (h ^ (uint8_t)*s) * 16777619u;
        return h;
}

static bool same_key(const char *a, const char *b)
{
        size_t n = strcspn(a, "=");

        return strncmp(a, b, n) == 0 && b[n] == '=';
}

void ctl_record_index(struct ctl_record *rec)
{
        size_t n = strv_len(rec->v);
        uint32_t size = 64;

        while (size < 2 * n && size < 1u << 20)
                size *= 2;
        if (size < 2 * n || !(rec->index = calloc(size + n, sizeof(*rec->index))))
                return;
        rec->n_index = size;
        rec->next = rec->index + size;
        for (uint32_t i = 0; i < n; i++) {
                uint32_t at = hash_key(rec->v[i]) & (size - 1);

                while (rec->index[at] && !same_key(rec->v[i], rec->v[rec->index[at] - 1]))
                        at = (at + 1) & (size - 1);
                rec->next[i] = i;
                if (rec->index[at]) {
                        uint32_t last = rec->index[at] - 1;

                        rec->next[i] = rec->next[last];
                        rec->next[last] = i;
                }
                rec->index[at] = i + 1;
        }
}

static char **look_through(char **s, const char *key)
{
        for (; s && *s; s++)
                if (ctl_record_value(*s, key))
                        return s;
        return NULL;
}

char **ctl_record_first(const struct ctl_record *rec, const char *key)
{
        if (!rec->index)
                return look_through(rec->v, key);
        for (uint32_t at = hash_key(key) & (rec->n_index - 1); rec->index[at];
                at = (at + 1) & (rec->n_index - 1))
                if (ctl_record_value(rec->v[rec->index[at] - 1], key))
                        return &rec->v[rec->next[rec->index[at] - 1]];
        return NULL;
}

char **ctl_record_next(const struct ctl_record *rec, char **s, const char *key)
{
        size_t at = (size_t)(s - rec->v);

        if (!rec->index)
                return look_through(s + 1, key);
        return rec->next[at] > at ? rec->v + rec->next[at] : NULL;
}

const char *record_get(const struct ctl_record *rec, const char *key)
{
        char **s = ctl_record_first(rec, key);

        return s ? ctl_record_value(*s, key) : NULL;
}

const char *record_str(const struct ctl_record *rec, const char *key)
{
        return record_get(rec, key) ?: "";
}

uint64_t record_u64(const struct ctl_record *rec, const char *key)
{
        const char *s = record_get(rec, key);
        uint64_t v;

        return s && parse_u64(s, &v) >= 0 ? v : 0;
}

/* "Key+=more" continues the value before it. */
static bool is_piece(const char *s)
{
        const char *eq = strchr(s, '=');

        return eq && eq > s && eq[-1] == '+';
}

static int join_piece(char **last, const char *s)
{
        char *joined = str_printf("%s%s", *last, strchr(s, '=') + 1);

        if (!joined)
                return -ENOMEM;
        free(*last);
        *last = joined;
        return 0;
}

static int add_string(struct ctl_record *rec, size_t *n, const char *s)
{
        if (*n > 0 && is_piece(s))
                return join_piece(&rec->v[*n - 1], s);
        rec->v[*n] = strdup(s);
        if (!rec->v[*n])
                return -ENOMEM;
        rec->v[++*n] = NULL;
        return 0;
}

int ctl_record_gather(struct wire_reader *in, struct ctl_record *rec, bool *ret_complete)
{
        uint32_t more = wire_get_u32(in);
        size_t n = strv_len(rec->v);
        char **grown;

        /* a string takes six bytes at least: no allocation beyond what was sent */
        if (in->bad || more > (size_t)(in->end - in->p) / 6)
                return -EBADMSG;
        grown = reallocarray(rec->v, n + more + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        rec->v = grown;
        rec->v[n] = NULL;
        *ret_complete = true;
        for (uint32_t i = 0; i < more; i++) {
                const char *s = wire_get_str(in);
                int r = !s ? -EBADMSG : 0;

                if (s && streq(s, "More=1"))
                        *ret_complete = false;
                else if (s)
                        r = add_string(rec, &n, s);
                if (r < 0)
                        return r;
        }
        return 0;
}

void ctl_record_done(struct ctl_record *rec)
{
        strv_free(rec->v);
        free(rec->index);
        *rec = (struct ctl_record) { 0 };
}
