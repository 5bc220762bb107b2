#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "logd/ringread.h"
#include "logd/ringwrite.h"

#define ALIGN8(n) (((n) + 7) & ~(uint64_t)7)

static void store(uint64_t *p, uint64_t v)
{
        __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

void ring_close(struct ring *r)
{
        if (r->h)
                munmap(r->h, r->map_size);
        r->h = NULL;
        r->data = NULL;
        r->fd = close_fd(r->fd);
}

void ring_store_begin(struct ring *r)
{
        __atomic_add_fetch(&r->h->store_turn, 1, __ATOMIC_ACQ_REL);
}

void ring_store_end(struct ring *r, uint64_t pos)
{
        store(&r->h->stored, pos);
        __atomic_add_fetch(&r->h->store_turn, 1, __ATOMIC_ACQ_REL);
}

void ring_store_abort(struct ring *r)
{
        if (r->h->store_turn % 2)
                __atomic_add_fetch(&r->h->store_turn, 1, __ATOMIC_ACQ_REL);
}

static int map_file(struct ring *r, uint64_t data_size)
{
        void *p;

        r->map_size = RING_HEADER + data_size;
        p = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r->h = p;
        r->data = (uint8_t *)p + RING_HEADER;
        return 0;
}

static int create(struct ring *r, const char *path, uint64_t size, gid_t group)
{
        int k;

        (void)unlink(path);
        r->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (r->fd < 0)
                return -errno;
        (void)fchown(r->fd, -1, group);
        if (fchmod(r->fd, 0640) < 0 || ftruncate(r->fd, RING_HEADER + size) < 0)
                return -errno;
        /* memory that is reserved cannot fail later, as a page fault on a full tmpfs would: by SIGBUS */
        if (fallocate(r->fd, 0, 0, RING_HEADER + RING_SIZE_STEP) < 0)
                return -errno;
        r->reserved = RING_SIZE_STEP;
        k = map_file(r, size);
        if (k < 0)
                return k;
        *r->h = (struct ring_header) {
                .version = RING_VERSION,
                .header_size = RING_HEADER,
                .data_size = size,
                .seq = 1,
                .writer = getpid(),
        };
        store(&r->h->magic, RING_MAGIC);
        return 0;
}

/* The ring of the writer before us: taken over if all of it can be read. */
static int take_over(struct ring *r, const char *path)
{
        struct ring_header h;
        uint64_t records;
        int k;

        r->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (r->fd < 0)
                return -errno;
        k = ring_check_fd(r->fd, &h, &records);
        if (k >= 0)
                k = map_file(r, h.data_size);
        if (k < 0) {
                r->fd = close_fd(r->fd);
                return k;
        }
        r->reserved = MIN(ALIGN8(h.head), h.data_size) / RING_SIZE_STEP * RING_SIZE_STEP;
        r->h->writer = getpid();
        if (r->h->stored > r->h->head)
                r->h->stored = r->h->head;
        ring_store_abort(r); /* the writer before us may have ended in the middle of it */
        return 0;
}

int ring_open(const char *path, size_t size, gid_t group, struct ring *ret)
{
        struct ring r = { .fd = -1, .woken = true };
        int k, old;

        size = MAX(size, (size_t)RING_SIZE_MIN) / RING_SIZE_STEP * RING_SIZE_STEP;
        old = take_over(&r, path);
        if (old < 0) {
                k = create(&r, path, size, group);
                if (k < 0) {
                        (void)unlink(path);
                        ring_close(&r);
                        return k;
                }
        }
        *ret = r;
        return old < 0 && old != -ENOENT;
}

/* Makes sure that the bytes up to `end` of the data area have memory. On a full file system the ring becomes
 * as small as what it has; only possible while nothing lies behind. */
static int reserve(struct ring *r, uint64_t end)
{
        while (r->reserved < MIN(end, r->h->data_size)) {
                if (fallocate(r->fd, 0, RING_HEADER + r->reserved, RING_SIZE_STEP) < 0) {
                        if (r->reserved < RING_SIZE_MIN || r->h->head > r->reserved)
                                return -ENOSPC;
                        store(&r->h->data_size, r->reserved);
                        return 0;
                }
                r->reserved += RING_SIZE_STEP;
        }
        return 0;
}

/* Moves tail so that [head, head + size) overwrites nothing valid. */
static void make_room(struct ring *r, uint64_t size)
{
        uint64_t tail = r->h->tail;

        while (r->h->head + size > tail + r->h->data_size) {
                const struct ring_record *old = (const void *)(r->data + tail % r->h->data_size);

                tail += old->size;
        }
        store(&r->h->tail, tail);
}

static void put_skip(struct ring *r, uint64_t size)
{
        struct ring_record *s = (void *)(r->data + r->h->head % r->h->data_size);

        make_room(r, size);
        s->kind = RING_SKIP;
        s->size = size;
        store(&r->h->head, r->h->head + size);
}

static uint8_t *put_span(uint8_t *p, struct span s, size_t n)
{
        if (n)
                memcpy(p, s.p, n);
        p[n] = 0;
        return p + n + 1;
}

static size_t fields_size(const struct record *rec)
{
        size_t n = 0;

        for (unsigned i = 0; i < rec->n_fields; i++)
                n += 4 + rec->fields[i].key.n + 1 + rec->fields[i].value.n;
        return n;
}

static uint8_t *put_field(uint8_t *p, const struct field *f)
{
        uint32_t len = f->key.n + 1 + f->value.n;

        memcpy(p, &len, 4);
        memcpy(p + 4, f->key.p, f->key.n);
        p[4 + f->key.n] = '=';
        if (f->value.n)
                memcpy(p + 4 + f->key.n + 1, f->value.p, f->value.n);
        return p + 4 + len;
}

static void put_record(struct ring *r, const struct record *rec, const struct ring_record *hdr)
{
        uint8_t *p = r->data + r->h->head % r->h->data_size;

        memcpy(p, hdr, sizeof(*hdr));
        p += sizeof(*hdr);
        p = put_span(p, rec->unit, hdr->unit_len);
        p = put_span(p, rec->identifier, hdr->identifier_len);
        p = put_span(p, rec->comm, hdr->comm_len);
        p = put_span(p, rec->message, hdr->message_len);
        for (unsigned i = 0; i < hdr->n_fields; i++)
                p = put_field(p, &rec->fields[i]);
}

/* Lengths cut to what a record may have: an eighth of the ring. */
static void plan_record(const struct ring *r, const struct record *rec, struct ring_record *ret)
{
        size_t most = r->h->data_size / 8, fixed;
        struct ring_record h = {
                .kind = RING_RECORD,
                .seq = r->h->seq,
                .realtime = rec->realtime,
                .monotonic = rec->monotonic,
                .pid = rec->pid,
                .uid = rec->uid,
                .gid = rec->gid,
                .priority = rec->priority,
                .facility = rec->facility,
                .transport = rec->transport,
                .flags = rec->flags,
                .unit_len = MIN(rec->unit.n, 256u),
                .identifier_len = MIN(rec->identifier.n, 256u),
                .comm_len = MIN(rec->comm.n, 64u),
                .n_fields = rec->n_fields,
        };

        h.fields_len = fields_size(rec) < most ? fields_size(rec) : 0;
        if (!h.fields_len && h.n_fields) {
                h.n_fields = 0;
                h.flags |= RECORD_TRUNCATED;
        }
        fixed = sizeof(h) + h.unit_len + h.identifier_len + h.comm_len + 4 + h.fields_len;
        h.message_len = MIN(rec->message.n, most);
        if (h.message_len < rec->message.n)
                h.flags |= RECORD_TRUNCATED;
        h.size = ALIGN8(fixed + h.message_len);
        *ret = h;
}

int ring_append(struct ring *r, const struct record *rec, uint64_t *ret_pos)
{
        struct ring_record hdr;
        uint64_t to_end;
        int k;

        if (!r->h)
                return -ENOSPC;
        plan_record(r, rec, &hdr);
        to_end = r->h->data_size - r->h->head % r->h->data_size;
        k = reserve(r, r->h->head + hdr.size);
        if (k < 0) {
                r->h->dropped++;
                return k;
        }
        to_end = r->h->data_size - r->h->head % r->h->data_size; /* reserve() may have made it smaller */
        if (hdr.size > to_end)
                put_skip(r, to_end);
        make_room(r, hdr.size);
        put_record(r, rec, &hdr);
        if (ret_pos)
                *ret_pos = r->h->head;
        r->h->seq++;
        store(&r->h->head, r->h->head + hdr.size);
        r->woken = false;
        return 0;
}

void ring_wake(struct ring *r)
{
        if (r->woken || !r->h)
                return;
        r->woken = true;
        __atomic_store_n(&r->h->wake, (uint32_t)r->h->seq, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &r->h->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
