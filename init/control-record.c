/* Answers: options of a request, records and ends. A record is gathered as strings and sent as one message, or as
 * several when it is long. */
#include <stdarg.h>

#include "control.h"

#define RECORD_MAX (96u * 1024) /* of strings in one message: well below WIRE_MAX */

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
        *rec = (struct record) { .client = r->client, .id = r->id, .type = CTL_RECORD };
}

void record_clear(struct record *rec)
{
        for (size_t i = 0; i < rec->n; i++)
                free(rec->v[i]);
        rec->n = rec->bytes = 0;
}

static void record_flush(struct record *rec, bool more)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, rec->type, rec->id);
        if (rec->type == CTL_EVENT)
                wire_str(&w, rec->event);
        wire_u32(&w, (uint32_t)(rec->n + more));
        for (size_t i = 0; i < rec->n; i++)
                wire_str(&w, rec->v[i]);
        if (more)
                wire_str(&w, "More=1");
        if (!rec->failed)
                client_send(rec->client, &w);
        record_clear(rec);
}

static void record_push(struct record *rec, char *s)
{
        size_t len = s ? strlen(s) + 6 : 0;

        if (!s) {
                rec->failed = true;
                return;
        }
        if (rec->n > 0 && rec->bytes + len > RECORD_MAX)
                record_flush(rec, true);
        if (rec->n == rec->cap) {
                size_t cap = rec->cap ? rec->cap * 2 : 32;
                char **v = reallocarray(rec->v, cap, sizeof(*v));

                if (!v) {
                        free(s);
                        rec->failed = true;
                        return;
                }
                rec->v = v;
                rec->cap = cap;
        }
        rec->v[rec->n++] = s;
        rec->bytes += len;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void record_only(struct record *rec, char **keys)
{
        rec->only = keys;
        rec->n_only = strv_len(keys);
        if (keys)
                qsort(keys, rec->n_only, sizeof(*keys), compare_keys);
}

bool record_wants(const struct record *rec, const char *key)
{
        if (!rec->only)
                return true;
        return rec->n_only ? bsearch(&key, rec->only, rec->n_only, sizeof(key), compare_keys) != NULL
                           : strv_contains(rec->only, key);
}

void record_add(struct record *rec, const char *key, const char *value)
{
        const size_t piece = RECORD_MAX / 2;

        if (!record_wants(rec, key))
                return;
        if (!value)
                value = "";
        record_push(rec, str_printf("%s=%.*s", key, (int)piece, value));
        for (size_t len = strlen(value), at = piece; at < len; at += piece)
                record_push(rec, str_printf("%s+=%.*s", key, (int)piece, value + at));
}

void record_addf(struct record *rec, const char *key, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        va_list ap;

        if (!record_wants(rec, key))
                return;
        va_start(ap, fmt);
        (void)strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        record_add(rec, key, b.s);
}

void record_add_u64(struct record *rec, const char *key, uint64_t v)
{
        record_addf(rec, key, "%llu", (unsigned long long)v);
}

void record_send(struct record *rec)
{
        record_flush(rec, false);
        if (rec->failed)
                log_oom();
        free(rec->v);
        rec->v = NULL;
        rec->cap = 0;
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
