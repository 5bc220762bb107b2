#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "logd/ringread.h"

struct ringread {
        int fd;
        const struct ring_header *h;
        const uint8_t *data;
        size_t map_size;
        uint64_t data_room; /* what is mapped of the data area: data_size must not exceed it */
        uint64_t pos;
        uint8_t *copy;
        size_t copy_size;
        uint32_t wake; /* its value before the end was seen */
        char *path;
};

static uint64_t load(const uint64_t *p)
{
        return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

const char *log_transport_to_string(enum log_transport t)
{
        static const char *const names[] = { "kernel", "syslog", "journal", "stdout", "driver" };

        return (unsigned)t < ARRAY_SIZE(names) ? names[t] : "?";
}

void ringread_close(struct ringread *r)
{
        if (!r)
                return;
        if (r->h)
                munmap((void *)r->h, r->map_size);
        close_fd(r->fd);
        free(r->copy);
        free(r->path);
        free(r);
}

void ringread_closep(struct ringread **r)
{
        ringread_close(*r);
}

static bool header_ok(const struct ring_header *h, uint64_t file_size)
{
        return h->magic == RING_MAGIC && h->version == RING_VERSION && h->header_size == RING_HEADER &&
               h->data_size >= RING_SIZE_MIN && h->data_size % 8 == 0 &&
               h->data_size <= file_size - RING_HEADER;
}

static int open_fd(int fd, struct ringread **ret)
{
        struct ringread *r = calloc(1, sizeof(*r));
        struct stat st;
        void *p;

        if (!r)
                return -ENOMEM;
        r->fd = -1;
        if (fstat(fd, &st) < 0) {
                free(r);
                return -errno;
        }
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t)(RING_HEADER + RING_SIZE_MIN)) {
                free(r);
                return -EBADMSG;
        }
        r->map_size = st.st_size;
        p = mmap(NULL, r->map_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED) {
                free(r);
                return -errno;
        }
        r->h = p;
        r->data = (const uint8_t *)p + RING_HEADER;
        r->data_room = r->map_size - RING_HEADER;
        if (!header_ok(r->h, r->map_size)) {
                ringread_close(r);
                return -EBADMSG;
        }
        r->pos = load(&r->h->tail);
        *ret = r;
        return 0;
}

int ringread_open(const char *path, struct ringread **ret)
{
        _cleanup_close_ int fd = -1;
        struct ringread *r;
        int k;

        fd = open(path ?: LOGD_RING, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        k = open_fd(fd, &r);
        if (k < 0)
                return k;
        r->path = strdup(path ?: LOGD_RING);
        if (!r->path) {
                ringread_close(r);
                return -ENOMEM;
        }
        r->fd = TAKE_FD(fd);
        *ret = r;
        return 0;
}

int ring_entry_parse(const uint8_t *buf, size_t len, struct ring_entry *ret)
{
        struct ring_record h;
        uint64_t need;
        const char *p;

        if (len < sizeof(h))
                return -EBADMSG;
        memcpy(&h, buf, sizeof(h));
        need = sizeof(h) + (uint64_t)h.unit_len + 1 + h.identifier_len + 1 + h.comm_len + 1 +
               (uint64_t)h.message_len + 1 + h.fields_len;
        if (h.kind != RING_RECORD || h.size > len || need > h.size || h.priority > 7 ||
                h.transport >= TRANSPORT_MAX)
                return -EBADMSG;
        p = (const char *)buf + sizeof(h);
        *ret = (struct ring_entry) {
                .seq = h.seq,
                .realtime = h.realtime,
                .monotonic = h.monotonic,
                .pid = h.pid,
                .uid = h.uid,
                .gid = h.gid,
                .priority = h.priority,
                .facility = h.facility,
                .transport = h.transport,
                .flags = h.flags,
                .message_len = h.message_len,
                .fields_len = h.fields_len,
        };
        ret->unit = p;
        ret->identifier = ret->unit + h.unit_len + 1;
        ret->comm = ret->identifier + h.identifier_len + 1;
        ret->message = ret->comm + h.comm_len + 1;
        ret->fields = (const uint8_t *)ret->message + h.message_len + 1;
        if (ret->unit[h.unit_len] || ret->identifier[h.identifier_len] || ret->comm[h.comm_len] ||
                ret->message[h.message_len])
                return -EBADMSG;
        return 0;
}

/* Copies n bytes at pos. -EBADMSG: that cannot be; -ESTALE: overwritten meanwhile. */
static int copy_at(struct ringread *r, uint64_t pos, size_t n)
{
        uint64_t size = load(&r->h->data_size), off;

        if (size > r->data_room || size < RING_SIZE_MIN || size % 8)
                return -EBADMSG;
        off = pos % size;
        if (n > size - off)
                return -EBADMSG;
        if (r->copy_size < n) {
                uint8_t *bigger = realloc(r->copy, n);

                if (!bigger)
                        return -ENOMEM;
                r->copy = bigger;
                r->copy_size = n;
        }
        memcpy(r->copy, r->data + off, n);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return load(&r->h->tail) > pos ? -ESTALE : 0;
}

/* kind and size of the record at pos, checked against what is valid. */
static int record_size(
        struct ringread *r, uint64_t pos, uint64_t head, uint32_t *ret_kind, uint32_t *ret_size)
{
        uint32_t v[2];
        int k = copy_at(r, pos, sizeof(v));

        if (k < 0)
                return k;
        memcpy(v, r->copy, sizeof(v));
        if ((v[0] != RING_SKIP && v[0] != RING_RECORD) || v[1] < 8 || v[1] % 8 || v[1] > head - pos ||
                (v[0] == RING_RECORD && v[1] < sizeof(struct ring_record)))
                return -EBADMSG;
        *ret_kind = v[0];
        *ret_size = v[1];
        return 0;
}

int ringread_next(struct ringread *r, struct ring_entry *ret, unsigned *ret_lost)
{
        for (;;) {
                uint64_t tail, head;
                uint32_t kind, size, wake = __atomic_load_n(&r->h->wake, __ATOMIC_ACQUIRE);
                int k;

                head = load(&r->h->head);
                tail = load(&r->h->tail);
                if (r->pos < tail) {
                        if (ret_lost)
                                (*ret_lost)++;
                        r->pos = tail;
                }
                if (r->pos >= head || r->pos % 8) {
                        r->pos = head;
                        r->wake = wake;
                        return 0;
                }
                k = record_size(r, r->pos, head, &kind, &size);
                if (k >= 0 && kind == RING_RECORD) {
                        k = copy_at(r, r->pos, size);
                        if (k >= 0)
                                k = ring_entry_parse(r->copy, size, ret);
                        if (k >= 0) {
                                ret->pos = r->pos;
                                r->pos += size;
                                return 1;
                        }
                }
                if (k == -ENOMEM)
                        return k;
                if (k == -ESTALE)
                        continue; /* tail is behind us now: counted above */
                if (k < 0) {      /* damaged: what follows cannot be found */
                        if (ret_lost)
                                (*ret_lost)++;
                        r->pos = head;
                        continue;
                }
                r->pos += size;
        }
}

int ring_entry_next_field(const struct ring_entry *e, size_t *p, const char **ret_key, size_t *ret_key_len,
        const char **ret_value, size_t *ret_value_len)
{
        const char *s, *eq;
        uint32_t len;

        if (e->fields_len < 4 || *p > e->fields_len - 4)
                return 0;
        memcpy(&len, e->fields + *p, 4);
        if (len > e->fields_len - 4 - *p)
                return 0;
        s = (const char *)e->fields + *p + 4;
        eq = memchr(s, '=', len);
        if (!eq)
                return 0;
        *ret_key = s;
        *ret_key_len = eq - s;
        *ret_value = eq + 1;
        *ret_value_len = s + len - (eq + 1);
        *p += 4 + len;
        return 1;
}

const char *ring_entry_field(const struct ring_entry *e, const char *key, size_t *ret_len)
{
        const char *k, *v;
        size_t p = 0, kl, vl;

        while (ring_entry_next_field(e, &p, &k, &kl, &v, &vl))
                if (kl == strlen(key) && memcmp(k, key, kl) == 0) {
                        *ret_len = vl;
                        return v;
                }
        return NULL;
}

static bool about_unit(const struct ring_entry *e, const char *unit)
{
        size_t len;
        const char *v;

        if (streq(e->unit, unit))
                return true;
        if (e->pid != 1)
                return false;
        v = ring_entry_field(e, "UNIT", &len);
        return v && len == strlen(unit) && memcmp(v, unit, len) == 0;
}

bool ring_filter_match(const struct ring_filter *f, const struct ring_entry *e)
{
        if (!f)
                return true;
        if (f->priority >= 0 && e->priority > f->priority)
                return false;
        if (f->since && e->realtime < f->since)
                return false;
        if (f->until && e->realtime > f->until)
                return false;
        if (f->pid && e->pid != f->pid)
                return false;
        if (f->transport && e->transport != f->transport - 1)
                return false;
        if (f->identifier && !streq(f->identifier, e->identifier))
                return false;
        if (f->unit && !about_unit(e, f->unit))
                return false;
        return !f->grep || memmem(e->message, e->message_len, f->grep, strlen(f->grep));
}

int ringread_next_match(struct ringread *r, const struct ring_filter *f, struct ring_entry *ret)
{
        int k;

        while ((k = ringread_next(r, ret, NULL)) > 0)
                if (ring_filter_match(f, ret))
                        return 1;
        return k;
}

void ringread_seek_first(struct ringread *r)
{
        r->pos = load(&r->h->tail);
}

void ringread_seek_pos(struct ringread *r, uint64_t pos)
{
        r->pos = pos;
}

void ringread_seek_end(struct ringread *r)
{
        r->wake = __atomic_load_n(&r->h->wake, __ATOMIC_ACQUIRE);
        r->pos = load(&r->h->head);
}

uint64_t ringread_stored(const struct ringread *r, uint32_t *ret_turn)
{
        *ret_turn = __atomic_load_n(&r->h->store_turn, __ATOMIC_ACQUIRE);
        return load(&r->h->stored);
}

uint64_t ringread_pos(const struct ringread *r)
{
        return r->pos;
}

uint64_t ringread_end(const struct ringread *r)
{
        return load(&r->h->head);
}

uint32_t ringread_writer(const struct ringread *r)
{
        return r->h->writer;
}

int ringread_seek_last(struct ringread *r, const struct ring_filter *f, unsigned n)
{
        _cleanup_free_ uint64_t *last = n ? calloc(n, sizeof(*last)) : NULL;
        struct ring_entry e;
        unsigned seen = 0;
        int k;

        if (n && !last)
                return -ENOMEM;
        ringread_seek_first(r);
        while ((k = ringread_next_match(r, f, &e)) > 0)
                if (n)
                        last[seen++ % n] = e.pos;
        if (k < 0)
                return k;
        if (n && seen > 0)
                r->pos = last[seen > n ? seen % n : 0];
        return MIN(seen, n);
}

int ringread_wait(struct ringread *r, usec_t timeout)
{
        struct timespec ts = { timeout / USEC_PER_SEC, timeout % USEC_PER_SEC * 1000 };
        struct stat mine, now;

        if (r->path && (stat(r->path, &now) < 0 || fstat(r->fd, &mine) < 0 || now.st_ino != mine.st_ino))
                return -ESTALE;
        if (load(&r->h->head) > r->pos)
                return 1;
        if (syscall(SYS_futex, &r->h->wake, FUTEX_WAIT, r->wake, timeout == USEC_INFINITY ? NULL : &ts, NULL,
                    0) < 0 &&
                errno != EAGAIN)
                return errno == ETIMEDOUT ? 0 : errno == EINTR ? -EINTR : -errno;
        return 1;
}

int ring_check_fd(int fd, struct ring_header *ret, uint64_t *ret_records)
{
        _cleanup_ringread_ struct ringread *r = NULL;
        struct ring_entry e;
        unsigned lost = 0;
        uint64_t n = 0;
        int k;

        k = open_fd(fd, &r);
        if (k < 0)
                return k;
        if (r->h->tail > r->h->head || r->h->head - r->h->tail > r->h->data_size || r->h->tail % 8 ||
                r->h->head % 8)
                return -EBADMSG;
        while ((k = ringread_next(r, &e, &lost)) > 0)
                n++;
        if (k < 0)
                return k;
        if (lost)
                return -EBADMSG;
        *ret = *r->h;
        *ret_records = n;
        return 0;
}
