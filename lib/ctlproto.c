/* Records of the control protocol, at the reader's end. */
#include "ctlproto.h"

const char *ctl_record_value(const char *s, const char *key)
{
        const char *rest = startswith(s, key);

        return rest && *rest == '=' ? rest + 1 : NULL;
}

uint32_t ctl_key_hash(const char *s)
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
                uint32_t at = ctl_key_hash(rec->v[i]) & (size - 1);

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

static char **first_hashed(const struct ctl_record *rec, const char *key, uint32_t hash)
{
        for (uint32_t at = hash & (rec->n_index - 1); rec->index[at]; at = (at + 1) & (rec->n_index - 1))
                if (ctl_record_value(rec->v[rec->index[at] - 1], key))
                        return &rec->v[rec->next[rec->index[at] - 1]];
        return NULL;
}

char **ctl_record_first(const struct ctl_record *rec, const char *key)
{
        return rec->index ? first_hashed(rec, key, ctl_key_hash(key)) : look_through(rec->v, key);
}

char **ctl_record_next(const struct ctl_record *rec, char **s, const char *key)
{
        size_t at = (size_t)(s - rec->v);

        if (!rec->index)
                return look_through(s + 1, key);
        return rec->next[at] > at ? rec->v + rec->next[at] : NULL;
}

const char *record_get_hashed(const struct ctl_record *rec, const char *key, uint32_t hash)
{
        char **s = rec->index ? first_hashed(rec, key, hash) : look_through(rec->v, key);

        return s ? strchr(*s, '=') + 1 : NULL;
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

/* A value that came in pieces is a string of its own, the last of those that are owned. */
static int join_piece(struct ctl_record *rec, size_t n, const char *s)
{
        char **last = &rec->v[n - 1], *joined = str_printf("%s%s", *last, strchr(s, '=') + 1);
        size_t n_owned = strv_len(rec->owned);
        int r;

        if (!joined)
                return -ENOMEM;
        if (rec->owned[n_owned - 1] == *last) {
                free(*last);
                rec->owned[n_owned - 1] = joined;
        } else if ((r = strv_push(&rec->owned, joined)) < 0)
                return r;
        *last = joined;
        return 0;
}

/* The strings that come next are kept as they came, in one piece. */
static int keep_strings(struct wire_reader *in, struct ctl_record *rec, struct wire_reader *ret)
{
        size_t size = (size_t)(in->end - in->p);
        char *block = malloc(size + 1);
        int r;

        if (!block)
                return -ENOMEM;
        memcpy(block, in->p, size);
        *ret = *in;
        ret->p = (const uint8_t *)block;
        ret->end = ret->p + size;
        r = strv_push(&rec->owned, block);
        return r < 0 ? r : 0;
}

int ctl_record_gather(struct wire_reader *in, struct ctl_record *rec, bool *ret_complete)
{
        uint32_t more = wire_get_u32(in);
        size_t n = strv_len(rec->v);
        struct wire_reader kept;
        char **grown;
        int r;

        /* a string takes six bytes at least: no allocation beyond what was sent */
        if (in->bad || more > (size_t)(in->end - in->p) / 6)
                return -EBADMSG;
        grown = reallocarray(rec->v, n + more + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        rec->v = grown;
        rec->v[n] = NULL;
        *ret_complete = true;
        r = keep_strings(in, rec, &kept);
        for (uint32_t i = 0; i < more && r >= 0; i++) {
                char *s = (char *)wire_get_str(&kept);

                if (!s)
                        r = -EBADMSG;
                else if (streq(s, "More=1"))
                        *ret_complete = false;
                else if (n > 0 && is_piece(s))
                        r = join_piece(rec, n, s);
                else {
                        rec->v[n] = s;
                        rec->v[++n] = NULL;
                }
        }
        in->p = in->end;
        return r;
}

int ctl_record_add(struct ctl_record *rec, char *s)
{
        size_t n = strv_len(rec->v);
        char **grown = s ? reallocarray(rec->v, n + 2, sizeof(*grown)) : NULL;
        int r = -ENOMEM;

        if (grown) {
                rec->v = grown;
                rec->v[n] = rec->v[n + 1] = NULL;
                r = strv_push(&rec->owned, s);
                if (r >= 0)
                        rec->v[n] = s;
        } else
                free(s);
        return r < 0 ? r : 0;
}

int ctl_record_copy(const struct ctl_record *rec, struct ctl_record *ret)
{
        int r = 0;

        *ret = (struct ctl_record) { 0 };
        FOREACH_STR (s, rec->v)
                if (r >= 0)
                        r = ctl_record_add(ret, strdup(*s));
        if (r < 0)
                ctl_record_done(ret);
        return r;
}

void ctl_record_done(struct ctl_record *rec)
{
        free(rec->v); /* its strings are owned */
        strv_free(rec->owned);
        free(rec->index);
        *rec = (struct ctl_record) { 0 };
}
