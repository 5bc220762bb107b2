/* The native journal protocol: fields KEY=value LF, or KEY LF, 64-bit little-endian length, that many bytes, LF. */
#include "logd/record.h"

#define KEY_MAX 64

static bool key_ok(const char *s, size_t n)
{
        if (n == 0 || n > KEY_MAX || (s[0] >= '0' && s[0] <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
                        return false;
        return true;
}

static bool span_is(struct span s, const char *text)
{
        return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static int span_number(struct span s, uint64_t max, uint64_t *ret)
{
        uint64_t v = 0;

        if (s.n == 0 || s.n > 19)
                return -EINVAL;
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] < '0' || s.p[i] > '9')
                        return -EINVAL;
                v = v * 10 + (uint64_t)(s.p[i] - '0');
        }
        if (v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

static void take_priority(struct record *r, struct span v)
{
        uint64_t n;

        if (span_number(v, 7, &n) >= 0)
                r->priority = n;
}

static void take_facility(struct record *r, struct span v)
{
        uint64_t n;

        if (span_number(v, 23, &n) >= 0)
                r->facility = n;
}

static void take_message(struct record *r, struct span v)
{
        r->message = v;
}

static void take_identifier(struct record *r, struct span v)
{
        r->identifier = v;
}

/* Fields that have a place of their own in a record. */
static const struct {
        const char *key;
        void (*take)(struct record *r, struct span v);
} known[] = {
        { "MESSAGE", take_message },
        { "PRIORITY", take_priority },
        { "SYSLOG_FACILITY", take_facility },
        { "SYSLOG_IDENTIFIER", take_identifier },
};

static void take_field(struct record *r, struct span key, struct span value, bool trusted)
{
        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (span_is(key, known[i].key)) {
                        known[i].take(r, value);
                        return;
                }
        if ((key.p[0] == '_' && !trusted) || r->n_fields == FIELDS_MAX)
                return;
        r->fields[r->n_fields++] = (struct field) { key, value };
}

/* One field at *p. 1, or -EBADMSG. */
static int next_field(const char **p, const char *end, struct span *ret_key, struct span *ret_value)
{
        const char *nl = memchr(*p, '\n', end - *p), *eq;
        uint64_t len;

        if (!nl)
                nl = end; /* the last line may lack it */
        eq = memchr(*p, '=', nl - *p);
        if (eq) {
                *ret_key = (struct span) { *p, eq - *p };
                *ret_value = (struct span) { eq + 1, nl - eq - 1 };
                *p = nl < end ? nl + 1 : end;
                return 1;
        }
        if (nl == end || end - nl - 1 < 8)
                return -EBADMSG;
        len = 0;
        for (int i = 7; i >= 0; i--)
                len = len << 8 | (uint8_t)nl[1 + i];
        if (len > (uint64_t)(end - nl - 1 - 8))
                return -EBADMSG;
        *ret_key = (struct span) { *p, nl - *p };
        *ret_value = (struct span) { nl + 9, len };
        *p = nl + 9 + len;
        if (*p < end) {
                if (**p != '\n')
                        return -EBADMSG;
                (*p)++;
        }
        return 1;
}

int native_parse(const char *data, size_t len, bool trusted, struct record *r)
{
        const char *p = data, *end = data + len;

        while (p < end) {
                struct span key, value;
                int k;

                if (*p == '\n') { /* an empty line between fields */
                        p++;
                        continue;
                }
                if (*p == '#' || *p == '.') { /* comments, control lines */
                        const char *nl = memchr(p, '\n', end - p);

                        p = nl ? nl + 1 : end;
                        continue;
                }
                k = next_field(&p, end, &key, &value);
                if (k < 0)
                        return k;
                if (key_ok(key.p, key.n))
                        take_field(r, key, value, trusted);
        }
        return 0;
}

usec_t native_source_time(const struct record *r)
{
        uint64_t n;

        for (unsigned i = 0; i < r->n_fields; i++)
                if (span_is(r->fields[i].key, "_SOURCE_MONOTONIC_TIMESTAMP") &&
                        span_number(r->fields[i].value, INT64_MAX, &n) >= 0)
                        return n;
        return 0;
}
