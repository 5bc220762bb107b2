/* Answers: options of a request, records and ends. A record is written into the message that carries it, or into several
 * when it is long. */
#include <stdarg.h>

#include "control.h"

#define RECORD_MAX (96u * 1024) /* bytes of one message: well below WIRE_MAX */

const char *request_option(const struct request *r, const char *key)
{
        size_t n = strlen(key);

        FOREACH_STR (o, r->options)
                if (strncmp(*o, key, n) == 0 && ((*o)[n] == '=' || (*o)[n] == '\0'))
                        return (*o)[n] ? *o + n + 1 : "";
        return NULL;
}

bool request_flag(const struct request *r, const char *key)
{
        return request_option(r, key) != NULL;
}

int request_fail(struct request *r, int error, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        va_list ap;

        va_start(ap, fmt);
        (void)strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        free(r->error);
        r->error = strbuf_take(&b);
        return error;
}

void record_begin(struct record *rec, struct request *r)
{
        *rec = (struct record) { .client = r->client, .id = r->id };
}

static void message_begin(struct record *rec)
{
        wire_begin(&rec->w, rec->event ? CTL_EVENT : CTL_RECORD, rec->id);
        if (rec->event)
                wire_str(&rec->w, rec->event);
        rec->count_at = rec->w.b.len;
        rec->n = 0;
        wire_u32(&rec->w, 0);
}

void record_finish(struct record *rec)
{
        if (rec->count_at == 0)
                message_begin(rec);
        if (!rec->w.b.failed) /* after the field's type */
                memcpy(rec->w.b.s + rec->count_at + 1, &rec->n, sizeof(rec->n));
        rec->failed |= rec->w.b.failed;
        rec->count_at = 0;
}

static void record_flush(struct record *rec)
{
        record_finish(rec);
        if (!rec->failed)
                client_send(rec->client, &rec->w);
}

static void record_push(struct record *rec, const char *key, const char *op, const char *value, size_t len)
{
        if (rec->count_at > 0 && rec->client && rec->w.b.len + strlen(key) + len > RECORD_MAX) {
                wire_str(&rec->w, "More=1");
                rec->n++;
                record_flush(rec);
        }
        if (rec->count_at == 0)
                message_begin(rec);
        wire_setting(&rec->w, key, op, value, len);
        rec->n++;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint64_t mark_of(const char *key)
{
        return 1ull << (((uint8_t)key[0] + (key[0] ? 7u * (uint8_t)key[1] : 0)) & 63);
}

void record_only(struct record *rec, char **keys)
{
        rec->only = keys;
        rec->n_only = strv_len(keys);
        rec->marks = 0;
        if (keys)
                qsort(keys, rec->n_only, sizeof(*keys), compare_keys);
        FOREACH_STR (k, keys)
                rec->marks |= mark_of(*k);
}

bool record_wants(const struct record *rec, const char *key)
{
        if (!rec->only)
                return true;
        return rec->marks & mark_of(key) &&
               bsearch(&key, rec->only, rec->n_only, sizeof(key), compare_keys) != NULL;
}

void record_add(struct record *rec, const char *key, const char *value)
{
        const size_t piece = RECORD_MAX / 2;
        size_t len;

        if (!record_wants(rec, key))
                return;
        if (!value)
                value = "";
        if (!*value && rec->raw)
                return; /* as good as not told */
        len = strlen(value);
        record_push(rec, key, "=", value, MIN(len, piece));
        for (size_t at = piece; at < len; at += piece)
                record_push(rec, key, "+=", value + at, MIN(len - at, piece));
}

void record_addf(struct record *rec, const char *key, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char small[128];
        va_list ap;
        int n;

        if (!record_wants(rec, key))
                return;
        va_start(ap, fmt);
        n = vsnprintf(small, sizeof(small), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof(small)) {
                record_push(rec, key, "=", small, (size_t)n);
                return;
        }
        va_start(ap, fmt);
        (void)strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        rec->failed |= b.failed;
        record_add(rec, key, b.s);
}

void record_add_u64(struct record *rec, const char *key, uint64_t v)
{
        char digits[24], *p = digits + sizeof(digits);

        if (!record_wants(rec, key))
                return;
        do
                *--p = (char)('0' + v % 10);
        while ((v /= 10) > 0);
        record_push(rec, key, "=", p, (size_t)(digits + sizeof(digits) - p));
}

void record_send(struct record *rec)
{
        record_flush(rec);
        if (rec->failed)
                log_oom();
        wire_done(&rec->w);
}

void control_end(struct client *c, uint32_t id, int error, const char *message)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, CTL_END, id);
        wire_u32(&w, (uint32_t)(error < 0 ? -error : error));
        wire_str(&w, message);
        client_send(c, &w);
        client_watch(c);
}

void control_text(struct request *r, const char *text)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, CTL_TEXT, r->id);
        wire_str(&w, text);
        client_send(r->client, &w);
}
