/* Records of the control protocol, at the reader's end. */
#include "ctlproto.h"

const char *ctl_record_value(const char *s, const char *key)
{
        const char *rest = startswith(s, key);

        return rest && *rest == '=' ? rest + 1 : NULL;
}

const char *record_get(const struct ctl_record *rec, const char *key)
{
        return strv_env_get(rec->v, key);
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
static int join_pieces(char **v, char *s)
{
        char *plus = strstr(s, "+=");
        size_t n = strv_len(v);
        char *joined;

        if (!plus || plus > strchr(s, '=') || n == 0)
                return 0;
        joined = str_printf("%s%s", v[n - 1], plus + 2);
        if (!joined)
                return -ENOMEM;
        free(v[n - 1]);
        v[n - 1] = joined;
        return 1;
}

int ctl_record_gather(struct wire_reader *in, struct ctl_record *rec, bool *ret_complete)
{
        _cleanup_strv_ char **v = NULL;
        int r = wire_get_strv(in, &v);

        if (r < 0)
                return r;
        *ret_complete = true;
        FOREACH_STR (s, v) {
                if (streq(*s, "More=1")) {
                        *ret_complete = false;
                        continue;
                }
                r = join_pieces(rec->v, *s);
                if (r == 0)
                        r = strv_add(&rec->v, *s);
                if (r < 0)
                        return r;
        }
        return 0;
}

void ctl_record_done(struct ctl_record *rec)
{
        strv_free(rec->v);
        rec->v = NULL;
}
