#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>

#include "lib/str.h"
#include "logd/journal-read.h"
#include "logd/journal.h"

#define PAYLOAD_MAX (64u * 1024 * 1024) /* of one compressed field */

struct journalread {
        int fd;
        const uint8_t *map;
        uint64_t size;
        bool compact;
        uint64_t *entries; /* offsets */
        size_t n;
        /* of the entry that was read last */
        struct strbuf unit, identifier, comm, message, fields, payload;
};

/* The object of a type at an offset, whole inside the file; its size. */
static const void *object_at(
        const struct journalread *r, uint64_t offset, enum journal_type type, size_t min, uint64_t *ret_size)
{
        const struct journal_object *o;
        uint64_t size;

        if (offset % 8 || offset < JOURNAL_HEADER_MIN || offset > r->size || min > r->size - offset)
                return NULL;
        o = (const void *)(r->map + offset);
        size = le64toh(o->size);
        if (o->type != type || size < min || size > r->size - offset)
                return NULL;
        *ret_size = size;
        return o;
}

/* Item i of an array of offsets. */
static uint64_t item_at(const struct journalread *r, const struct journal_array *a, uint64_t i)
{
        uint32_t small;

        if (!r->compact)
                return le64toh(a->items[i]);
        memcpy(&small, (const uint8_t *)a->items + i * 4, 4);
        return le32toh(small);
}

/* Follows the chain of all entries. A damaged one ends what can be read. */
static int load_entries(struct journalread *r, uint64_t offset, uint64_t n)
{
        const size_t width = r->compact ? 4 : 8;
        uint64_t size;

        /* each has an object of its own */
        n = MIN(n, r->size / sizeof(struct journal_entry));
        r->entries = calloc(n ? n : 1, sizeof(*r->entries));
        if (!r->entries)
                return -ENOMEM;
        while (offset && r->n < n) {
                const struct journal_array *a = object_at(r, offset, JOURNAL_ENTRY_ARRAY, sizeof(*a), &size);
                uint64_t next;

                if (!a)
                        break;
                for (uint64_t i = 0; i < (size - sizeof(*a)) / width && r->n < n; i++) {
                        uint64_t at = item_at(r, a, i);

                        if (!at)
                                return 0;
                        r->entries[r->n++] = at;
                }
                next = le64toh(a->next);
                if (next <= offset) /* arrays are only ever added at the end */
                        break;
                offset = next;
        }
        return 0;
}

static int read_header(struct journalread *r)
{
        struct journal_header h = { 0 };

        memcpy(&h, r->map, MIN(r->size, (uint64_t)sizeof(h)));
        if (memcmp(h.signature, JOURNAL_SIGNATURE, 8) != 0 || le64toh(h.header_size) < JOURNAL_HEADER_MIN)
                return -EBADMSG;
        if (le32toh(h.incompatible) & ~(uint32_t)JOURNAL_INCOMPATIBLE_ALL)
                return -EPROTONOSUPPORT;
        r->compact = le32toh(h.incompatible) & JOURNAL_COMPACT;
        return load_entries(r, le64toh(h.entry_array), le64toh(h.n_entries));
}

int journalread_open(const char *path, struct journalread **ret)
{
        struct journalread *r = calloc(1, sizeof(*r));
        struct stat st;
        void *p;
        int k;

        if (!r)
                return -ENOMEM;
        r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (r->fd < 0 || fstat(r->fd, &st) < 0)
                k = -errno;
        else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < JOURNAL_HEADER_MIN)
                k = -EBADMSG;
        else {
                r->size = (uint64_t)st.st_size;
                p = mmap(NULL, r->size, PROT_READ, MAP_SHARED, r->fd, 0);
                r->map = p == MAP_FAILED ? NULL : p;
                k = r->map ? read_header(r) : -errno;
        }
        if (k < 0) {
                journalread_close(r);
                return k;
        }
        *ret = r;
        return 0;
}

void journalread_close(struct journalread *r)
{
        if (!r)
                return;
        if (r->map)
                munmap((void *)r->map, r->size);
        close_fd(r->fd);
        free(r->entries);
        strbuf_done(&r->unit);
        strbuf_done(&r->identifier);
        strbuf_done(&r->comm);
        strbuf_done(&r->message);
        strbuf_done(&r->fields);
        strbuf_done(&r->payload);
        free(r);
}

size_t journalread_count(const struct journalread *r)
{
        return r->n;
}

int journalread_times(const struct journalread *r, size_t i, usec_t *ret_realtime, const uint8_t **ret_boot)
{
        const struct journal_entry *e;
        uint64_t size;

        e = i < r->n ? object_at(r, r->entries[i], JOURNAL_ENTRY, sizeof(*e), &size) : NULL;
        if (!e)
                return -EBADMSG;
        *ret_realtime = (usec_t)MIN(le64toh(e->realtime), (uint64_t)INT64_MAX);
        *ret_boot = e->boot_id;
        return 0;
}

/* ---- one entry ---- */

static int decompress(struct journalread *r, const uint8_t *p, size_t len, const char **ret, size_t *ret_len)
{
        unsigned long long n = ZSTD_getFrameContentSize(p, len);
        size_t got;

        if (n > PAYLOAD_MAX) /* unknown, or no frame */
                return -EBADMSG;
        strbuf_done(&r->payload);
        r->payload.s = malloc(n + 1);
        if (!r->payload.s)
                return -ENOMEM;
        r->payload.cap = n + 1;
        got = ZSTD_decompress(r->payload.s, n, p, len);
        if (ZSTD_isError(got))
                return -EBADMSG;
        r->payload.s[got] = 0;
        r->payload.len = got;
        *ret = r->payload.s;
        *ret_len = got;
        return 0;
}

/* "KEY=value" of the data object at an offset. */
static int payload_at(struct journalread *r, uint64_t offset, const char **ret, size_t *ret_len)
{
        const size_t head = sizeof(struct journal_data) + (r->compact ? 8 : 0);
        const struct journal_data *d;
        const uint8_t *p;
        uint64_t size;

        d = object_at(r, offset, JOURNAL_DATA, head, &size);
        if (!d)
                return -EBADMSG;
        p = (const uint8_t *)d + head;
        if (d->o.flags & JOURNAL_DATA_ZSTD)
                return decompress(r, p, size - head, ret, ret_len);
        if (d->o.flags & JOURNAL_DATA_COMPRESSED)
                return -EOPNOTSUPP;
        *ret = (const char *)p;
        *ret_len = size - head;
        return 0;
}

static uint64_t number(const char *s, size_t n)
{
        char text[24] = "";
        uint64_t v;

        if (n == 0 || n >= sizeof(text))
                return UINT64_MAX;
        memcpy(text, s, n);
        return parse_u64(text, &v) < 0 ? UINT64_MAX : v;
}

static void number_to(uint32_t *ret, const char *s, size_t n)
{
        uint64_t v = number(s, n);

        *ret = v < RING_NO_ID ? (uint32_t)v : RING_NO_ID;
}

enum known {
        K_MESSAGE,
        K_IDENTIFIER,
        K_COMM,
        K_UNIT,
        K_PRIORITY,
        K_FACILITY,
        K_PID,
        K_UID,
        K_GID,
        K_TRANSPORT,
        K_REALTIME,
        K_MONOTONIC,
        K_IMPLIED, /* what every entry of the file says, or the entry itself */
};
static const struct {
        const char *key;
        enum known known;
} known_keys[] = {
        { "MESSAGE", K_MESSAGE },
        { "SYSLOG_IDENTIFIER", K_IDENTIFIER },
        { "_COMM", K_COMM },
        { "_SYSTEMD_UNIT", K_UNIT },
        { "PRIORITY", K_PRIORITY },
        { "SYSLOG_FACILITY", K_FACILITY },
        { "_PID", K_PID },
        { "_UID", K_UID },
        { "_GID", K_GID },
        { "_TRANSPORT", K_TRANSPORT },
        { "_SOURCE_REALTIME_TIMESTAMP", K_REALTIME },
        { "_SOURCE_MONOTONIC_TIMESTAMP", K_MONOTONIC },
        { "_BOOT_ID", K_IMPLIED },
        { "_MACHINE_ID", K_IMPLIED },
        { "_HOSTNAME", K_IMPLIED },
};

static int known_key(const char *key, size_t n)
{
        for (size_t i = 0; i < ARRAY_SIZE(known_keys); i++)
                if (strlen(known_keys[i].key) == n && memcmp(known_keys[i].key, key, n) == 0)
                        return (int)known_keys[i].known;
        return -1;
}

static void take_transport(struct ring_entry *e, const char *v, size_t n)
{
        for (enum log_transport t = 0; t < TRANSPORT_MAX; t++) {
                const char *name = log_transport_to_string(t);

                if (strlen(name) == n && memcmp(name, v, n) == 0)
                        e->transport = (uint8_t)t;
        }
}

static void take_known(struct journalread *r, struct ring_entry *e, enum known k, const char *v, size_t n)
{
        uint64_t num;

        switch (k) {
        case K_MESSAGE: (void)strbuf_add(&r->message, v, n); break;
        case K_IDENTIFIER: (void)strbuf_add(&r->identifier, v, n); break;
        case K_COMM: (void)strbuf_add(&r->comm, v, n); break;
        case K_UNIT: (void)strbuf_add(&r->unit, v, n); break;
        case K_PRIORITY: e->priority = (uint8_t)MIN(number(v, n), (uint64_t)7); break;
        case K_FACILITY: e->facility = (uint8_t)MIN(number(v, n), (uint64_t)23); break;
        case K_PID: number_to(&e->pid, v, n); break;
        case K_UID: number_to(&e->uid, v, n); break;
        case K_GID: number_to(&e->gid, v, n); break;
        case K_TRANSPORT: take_transport(e, v, n); break;
        case K_REALTIME:
        case K_MONOTONIC:
                num = number(v, n);
                if (num < INT64_MAX)
                        *(k == K_REALTIME ? &e->realtime : &e->monotonic) = (usec_t)num;
                break;
        case K_IMPLIED: break;
        }
}

static void take_field(struct journalread *r, struct ring_entry *e, const char *text, size_t len)
{
        const char *eq = memchr(text, '=', len);
        uint32_t n32 = (uint32_t)len;
        int k;

        if (!eq || len > UINT32_MAX)
                return;
        k = known_key(text, (size_t)(eq - text));
        if (k >= 0) {
                take_known(r, e, (enum known)k, eq + 1, len - (size_t)(eq + 1 - text));
                return;
        }
        (void)strbuf_add(&r->fields, &n32, sizeof(n32));
        (void)strbuf_add(&r->fields, text, len);
}

static void clear(struct strbuf *b)
{
        b->len = 0;
        b->failed = false;
        (void)strbuf_add(b, "", 0);
}

int journalread_get(struct journalread *r, size_t i, struct ring_entry *ret)
{
        const size_t width = r->compact ? 4 : sizeof(struct journal_item);
        struct strbuf *const texts[] = { &r->unit, &r->identifier, &r->comm, &r->message, &r->fields };
        const struct journal_entry *e;
        struct ring_entry out = { .pid = RING_NO_ID,
                .uid = RING_NO_ID,
                .gid = RING_NO_ID,
                .priority = 6,
                .transport = TRANSPORT_NATIVE };
        uint64_t size, offset;
        const char *text;
        size_t len;

        e = i < r->n ? object_at(r, r->entries[i], JOURNAL_ENTRY, sizeof(*e), &size) : NULL;
        if (!e)
                return -EBADMSG;
        for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
                clear(texts[k]);
        out.seq = le64toh(e->seqnum);
        out.realtime = (usec_t)MIN(le64toh(e->realtime), (uint64_t)INT64_MAX);
        out.monotonic = (usec_t)MIN(le64toh(e->monotonic), (uint64_t)INT64_MAX);
        out.boot = e->boot_id;
        for (uint64_t k = 0; k < (size - sizeof(*e)) / width; k++) {
                uint32_t small;

                memcpy(&small, (const uint8_t *)e->items + k * 4, 4);
                offset = r->compact ? le32toh(small) : le64toh(e->items[k].offset);
                if (payload_at(r, offset, &text, &len) >= 0)
                        take_field(r, &out, text, len);
        }
        out.unit = r->unit.s ?: "";
        out.identifier = r->identifier.s ?: "";
        out.comm = r->comm.s ?: "";
        out.message = r->message.s ?: "";
        out.message_len = r->message.len;
        out.fields = (const uint8_t *)r->fields.s;
        out.fields_len = r->fields.len;
        *ret = out;
        return 0;
}
