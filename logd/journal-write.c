#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/id128.h"
#include "lib/siphash.h"
#include "logd/journal-write.h"

#define GROW          (256u * 1024)
#define HEADER_SIZE   sizeof(struct journal_header)
#define FIELD_BUCKETS 333u
#define ARRAY_FIRST   4u    /* items of a chain's first array; each further one has twice as many, */
#define ARRAY_MOST    4096u /* up to these */

_Static_assert(sizeof(struct journal_header) == 256, "layout");
_Static_assert(sizeof(struct journal_data) == 64, "layout");
_Static_assert(sizeof(struct journal_entry) == 64, "layout");

static struct journal_header *header(const struct journal *j)
{
        return (struct journal_header *)j->map;
}

static void add64(uint64_t *p, uint64_t n)
{
        *p = htole64(le64toh(*p) + n);
}

/* ---- space ---- */

/* Memory on the disk up to end, reserved so that no write through the mapping can fail. */
static int grow(struct journal *j, uint64_t end)
{
        uint64_t size = MIN((end + GROW - 1) / GROW * GROW, j->max_size);

        if (end > j->max_size)
                return -EFBIG;
        if (end <= j->size)
                return 0;
        if (fallocate(j->fd, 0, (off_t)j->size, (off_t)(size - j->size)) < 0) {
                int r = errno == EOPNOTSUPP ? posix_fallocate(j->fd, (off_t)j->size, (off_t)(size - j->size))
                                            : errno;
                if (r != 0)
                        return -r;
        }
        j->size = size;
        if (j->map)
                header(j)->arena_size = htole64(size - le64toh(header(j)->header_size));
        return 0;
}

/* The object of a type at an offset, if it lies in the file. */
static void *object_at(struct journal *j, uint64_t offset, enum journal_type type, size_t min)
{
        struct journal_object *o;
        uint64_t size;

        if (offset % 8 || offset < HEADER_SIZE || offset > j->size - min)
                return NULL;
        o = (void *)(j->map + offset);
        size = le64toh(o->size);
        return o->type == type && size >= min && size <= j->size - offset ? o : NULL;
}

static int new_object(struct journal *j, enum journal_type type, uint64_t size, uint64_t *ret_offset)
{
        struct journal_header *h = header(j);
        uint64_t tail = le64toh(h->tail_object), offset;
        struct journal_object *o;
        int r;

        if (tail < HEADER_SIZE || tail > j->size - sizeof(*o) || tail % 8)
                return -EBADMSG;
        o = (void *)(j->map + tail);
        if (le64toh(o->size) < sizeof(*o) || le64toh(o->size) > j->size - tail)
                return -EBADMSG;
        offset = tail + JOURNAL_ALIGN(le64toh(o->size));
        r = grow(j, offset + JOURNAL_ALIGN(size));
        if (r < 0)
                return r;
        o = (void *)(j->map + offset);
        memset(o, 0, JOURNAL_ALIGN(size));
        o->type = type;
        o->size = htole64(size);
        h->tail_object = htole64(offset);
        add64(&h->n_objects, 1);
        *ret_offset = offset;
        return 0;
}

/* ---- hash tables ---- */

struct table {
        struct journal_bucket *items;
        uint64_t n;
};

static struct table data_table(struct journal *j)
{
        struct journal_header *h = header(j);

        return (struct table) { (void *)(j->map + le64toh(h->data_table)),
                le64toh(h->data_table_size) / sizeof(struct journal_bucket) };
}

static struct table field_table(struct journal *j)
{
        struct journal_header *h = header(j);

        return (struct table) { (void *)(j->map + le64toh(h->field_table)),
                le64toh(h->field_table_size) / sizeof(struct journal_bucket) };
}

/* hash and next_hash lie at the same place in DATA and FIELD. */
static int find_hashed(struct journal *j, struct table t, enum journal_type type, size_t payload_at,
        uint64_t hash, const void *payload, size_t len, uint64_t *ret, uint64_t *depth_mark)
{
        uint64_t offset = le64toh(t.items[hash % t.n].head), depth = 0;

        while (offset) {
                struct journal_field *f = object_at(j, offset, type, payload_at);
                uint64_t next;

                if (!f)
                        return -EBADMSG;
                if (le64toh(f->hash) == hash && le64toh(f->o.size) == payload_at + len &&
                        memcmp((uint8_t *)f + payload_at, payload, len) == 0) {
                        *ret = offset;
                        return 1;
                }
                next = le64toh(f->next_hash);
                if (next && next <= offset) /* objects are only ever added at the end: a loop */
                        return -EBADMSG;
                offset = next;
                depth++;
        }
        if (depth > le64toh(*depth_mark))
                *depth_mark = htole64(depth);
        return 0;
}

static int link_hashed(
        struct journal *j, struct table t, enum journal_type type, uint64_t hash, uint64_t offset)
{
        struct journal_bucket *b = &t.items[hash % t.n];

        if (b->tail) {
                struct journal_field *last =
                        object_at(j, le64toh(b->tail), type, sizeof(struct journal_field));

                if (!last)
                        return -EBADMSG;
                last->next_hash = htole64(offset);
        } else
                b->head = htole64(offset);
        b->tail = htole64(offset);
        return 0;
}

static int get_field(struct journal *j, const char *key, size_t len, uint64_t *ret)
{
        uint64_t hash = siphash24(key, len, j->file_id), offset;
        struct journal_field *f;
        int r = find_hashed(j, field_table(j), JOURNAL_FIELD, sizeof(*f), hash, key, len, ret,
                &header(j)->field_chain_depth);

        if (r != 0)
                return r;
        r = new_object(j, JOURNAL_FIELD, sizeof(*f) + len, &offset);
        if (r < 0)
                return r;
        f = (void *)(j->map + offset);
        f->hash = htole64(hash);
        memcpy(f->payload, key, len);
        r = link_hashed(j, field_table(j), JOURNAL_FIELD, hash, offset);
        if (r < 0)
                return r;
        add64(&header(j)->n_fields, 1);
        *ret = offset;
        return 0;
}

/* The data object of "KEY=value", made if it is new. */
static int get_data(
        struct journal *j, const uint8_t *text, size_t len, size_t key_len, struct journal_item *ret)
{
        uint64_t hash = siphash24(text, len, j->file_id), offset, field;
        struct journal_data *d;
        struct journal_field *f;
        int r = find_hashed(j, data_table(j), JOURNAL_DATA, sizeof(*d), hash, text, len, &offset,
                &header(j)->data_chain_depth);

        *ret = (struct journal_item) { offset, hash };
        if (r != 0)
                return r < 0 ? r : 0;
        r = get_field(j, (const char *)text, key_len, &field);
        if (r >= 0)
                r = new_object(j, JOURNAL_DATA, sizeof(*d) + len, &offset);
        if (r < 0)
                return r;
        d = (void *)(j->map + offset);
        d->hash = htole64(hash);
        memcpy(d->payload, text, len);
        r = link_hashed(j, data_table(j), JOURNAL_DATA, hash, offset);
        if (r < 0)
                return r;
        f = object_at(j, field, JOURNAL_FIELD, sizeof(*f));
        if (!f)
                return -EBADMSG;
        d->next_field = f->head_data;
        f->head_data = htole64(offset);
        add64(&header(j)->n_data, 1);
        ret->offset = offset;
        return 0;
}

/* ---- chains of entries ---- */

/* Where the item number n of a chain goes. The chain's head lies at `head` of the file. */
struct place {
        uint64_t item;     /* offset of the free place; 0: the chain is full, */
        uint64_t link;     /* and a new array is linked here */
        uint64_t new_size; /* with this many items */
};

static int find_place(struct journal *j, uint64_t head, uint64_t n, struct place *ret)
{
        struct place p = { .link = head, .new_size = ARRAY_FIRST };
        uint64_t offset;

        while ((offset = le64toh(*(uint64_t *)(j->map + p.link)))) {
                struct journal_array *a = object_at(j, offset, JOURNAL_ENTRY_ARRAY, sizeof(*a) + 8);
                uint64_t here;

                if (!a || (p.link >= HEADER_SIZE && offset <= p.link))
                        return -EBADMSG;
                here = (le64toh(a->o.size) - sizeof(*a)) / 8;
                if (n < here) {
                        p.item = offset + sizeof(*a) + n * 8;
                        break;
                }
                n -= here;
                p.new_size = MIN(here * 2, (uint64_t)ARRAY_MOST);
                p.link = offset + offsetof(struct journal_array, next);
        }
        if (!p.item && n != 0)
                return -EBADMSG;
        *ret = p;
        return 0;
}

static uint64_t array_size(const struct place *p)
{
        return p->item ? 0 : JOURNAL_ALIGN(sizeof(struct journal_array) + p->new_size * 8);
}

/* Puts an entry behind the n that a chain has. */
static int link_entry(struct journal *j, uint64_t head, uint64_t n, uint64_t entry)
{
        struct place p;
        uint64_t offset;
        int r = find_place(j, head, n, &p);

        if (r < 0)
                return r;
        if (p.item) {
                *(uint64_t *)(j->map + p.item) = htole64(entry);
                return 0;
        }
        r = new_object(j, JOURNAL_ENTRY_ARRAY, array_size(&p), &offset);
        if (r < 0)
                return r;
        ((struct journal_array *)(j->map + offset))->items[0] = htole64(entry);
        *(uint64_t *)(j->map + p.link) = htole64(offset);
        add64(&header(j)->n_entry_arrays, 1);
        return 0;
}

/* Reserves what an entry and the arrays that it is linked into will take: from here on nothing can fail for want of room,
 * and leave half an entry. */
static int reserve_entry(struct journal *j, const struct journal_item *items, unsigned n)
{
        uint64_t need = sizeof(struct journal_entry) + n * sizeof(*items),
                 tail = le64toh(header(j)->tail_object);
        struct journal_object *last = (void *)(j->map + tail);
        struct place p = { 0 };
        int r = find_place(
                j, offsetof(struct journal_header, entry_array), le64toh(header(j)->n_entries), &p);

        need += array_size(&p);
        for (unsigned i = 0; i < n && r >= 0; i++) {
                struct journal_data *d = object_at(j, items[i].offset, JOURNAL_DATA, sizeof(*d));

                if (!d)
                        return -EBADMSG;
                if (!d->n_entries)
                        continue;
                r = find_place(j, items[i].offset + offsetof(struct journal_data, entry_array),
                        le64toh(d->n_entries) - 1, &p);
                if (r >= 0)
                        need += array_size(&p);
        }
        return r < 0 ? r : grow(j, tail + JOURNAL_ALIGN(le64toh(last->size)) + need);
}

static int link_data(struct journal *j, uint64_t data, uint64_t entry)
{
        struct journal_data *d = object_at(j, data, JOURNAL_DATA, sizeof(*d));
        uint64_t n;
        int r = 0;

        if (!d)
                return -EBADMSG;
        n = le64toh(d->n_entries);
        if (n == 0)
                d->entry = htole64(entry);
        else
                r = link_entry(j, data + offsetof(struct journal_data, entry_array), n - 1, entry);
        if (r >= 0)
                add64(&((struct journal_data *)(j->map + data))->n_entries, 1);
        return r;
}

static int compare_items(const void *a, const void *b)
{
        return CMP(((const struct journal_item *)a)->offset, ((const struct journal_item *)b)->offset);
}

static unsigned sort_items(struct journal_item *items, unsigned n)
{
        unsigned m = 0;

        qsort(items, n, sizeof(*items), compare_items);
        for (unsigned i = 0; i < n; i++)
                if (m == 0 || items[i].offset != items[m - 1].offset)
                        items[m++] = items[i];
        return m;
}

static int put_entry(struct journal *j, const struct journal_ids *ids, uint64_t realtime, uint64_t monotonic,
        const struct journal_item *items, unsigned n, uint64_t xor_hash)
{
        struct journal_header *h = header(j);
        struct journal_entry *e;
        uint64_t offset;
        int r = reserve_entry(j, items, n);

        if (r >= 0)
                r = new_object(j, JOURNAL_ENTRY, sizeof(*e) + n * sizeof(*items), &offset);
        if (r < 0)
                return r;
        if (h->n_entries) {
                realtime = MAX(realtime, le64toh(h->tail_realtime));
                if (memcmp(h->boot_id, ids->boot, 16) == 0)
                        monotonic = MAX(monotonic, le64toh(h->tail_monotonic));
        }
        e = (void *)(j->map + offset);
        e->seqnum = htole64(le64toh(h->tail_seqnum) + 1);
        e->realtime = htole64(realtime);
        e->monotonic = htole64(monotonic);
        memcpy(e->boot_id, ids->boot, 16);
        e->xor_hash = htole64(xor_hash);
        for (unsigned i = 0; i < n; i++)
                e->items[i] = (struct journal_item) { htole64(items[i].offset), htole64(items[i].hash) };
        r = link_entry(j, offsetof(struct journal_header, entry_array), le64toh(h->n_entries), offset);
        for (unsigned i = 0; i < n && r >= 0; i++)
                r = link_data(j, items[i].offset, offset);
        if (r < 0)
                return r;
        if (!h->n_entries) {
                h->head_realtime = htole64(realtime);
                h->head_seqnum = e->seqnum;
        }
        h->tail_realtime = htole64(realtime);
        h->tail_monotonic = htole64(monotonic);
        h->tail_seqnum = e->seqnum;
        memcpy(h->boot_id, ids->boot, 16);
        __atomic_thread_fence(__ATOMIC_RELEASE); /* a reader counts by this */
        add64(&h->n_entries, 1);
        return 0;
}

void journal_tail(
        const struct journal *j, const struct journal_ids *ids, usec_t *ret_realtime, usec_t *ret_monotonic)
{
        const struct journal_header *h = header(j);
        bool same = memcmp(h->boot_id, ids->boot, 16) == 0;

        *ret_realtime = h->n_entries ? (usec_t)le64toh(h->tail_realtime) : 0;
        *ret_monotonic = h->n_entries && same ? (usec_t)le64toh(h->tail_monotonic) : 0;
}

/* The data objects of an entry's fields. */
static int get_items(struct journal *j, const struct journal_field_value *fields, unsigned n_fields,
        struct journal_item *items, unsigned *ret_n)
{
        _cleanup_free_ uint8_t *text = NULL;
        size_t room = 0;
        unsigned n = 0;

        for (unsigned i = 0; i < n_fields && n < JOURNAL_ENTRY_FIELDS; i++) {
                const struct journal_field_value *f = &fields[i];
                size_t len = f->key_len + 1 + f->len;
                int r;

                if (!journal_key_ok(f->key, f->key_len))
                        continue;
                if (len > room) {
                        free(text);
                        room = MAX(len, (size_t)512);
                        text = malloc(room);
                        if (!text)
                                return -ENOMEM;
                }
                memcpy(text, f->key, f->key_len);
                text[f->key_len] = '=';
                if (f->len)
                        memcpy(text + f->key_len + 1, f->value, f->len);
                r = get_data(j, text, len, f->key_len, &items[n++]);
                if (r < 0)
                        return r;
        }
        *ret_n = sort_items(items, n);
        return 0;
}

int journal_append(struct journal *j, const struct journal_ids *ids, usec_t realtime, usec_t monotonic,
        const struct journal_field_value *fields, unsigned n_fields)
{
        struct journal_item items[JOURNAL_ENTRY_FIELDS];
        uint64_t xor_hash = 0;
        unsigned n;
        int r;

        if (!j->map)
                return -EBADF;
        if (le64toh(header(j)->n_data) * 4 > data_table(j).n * 3)
                return -EFBIG; /* chains would get long */
        header(j)->state = JOURNAL_ONLINE;
        j->dirty = true;
        r = get_items(j, fields, n_fields, items, &n);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < n; i++) {
                struct journal_data *d = object_at(j, items[i].offset, JOURNAL_DATA, sizeof(*d));

                if (!d)
                        return -EBADMSG;
                xor_hash ^= jenkins_hash64(d->payload, le64toh(d->o.size) - sizeof(*d));
        }
        return put_entry(j, ids, (uint64_t)realtime, (uint64_t)monotonic, items, n, xor_hash);
}

/* ---- the file ---- */

int journal_map(struct journal *j)
{
        if (j->map)
                return 0;
        j->map = mmap(NULL, j->max_size, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
        if (j->map == MAP_FAILED) {
                j->map = NULL;
                return -errno;
        }
        return 0;
}

void journal_unmap(struct journal *j)
{
        if (j->map)
                munmap(j->map, j->max_size);
        j->map = NULL;
}

static int put_table(struct journal *j, enum journal_type type, uint64_t at, uint64_t buckets)
{
        uint64_t size = sizeof(struct journal_object) + buckets * sizeof(struct journal_bucket);
        int r = grow(j, at + size);

        if (r >= 0)
                *(struct journal_object *)(j->map + at) =
                        (struct journal_object) { .type = type, .size = htole64(size) };
        return r;
}

static int create(struct journal *j, const struct journal_ids *ids, const uint8_t seqnum_id[static 16],
        uint64_t seqnum)
{
        static const uint8_t none[16];
        uint64_t buckets = MAX(j->max_size / 768, (uint64_t)2047), fields_at;
        struct journal_header *h;
        int r = grow(j, HEADER_SIZE);

        if (r >= 0)
                r = journal_map(j);
        if (r < 0)
                return r;
        fields_at = HEADER_SIZE + sizeof(struct journal_object) + buckets * sizeof(struct journal_bucket);
        r = put_table(j, JOURNAL_DATA_TABLE, HEADER_SIZE, buckets);
        if (r >= 0)
                r = put_table(j, JOURNAL_FIELD_TABLE, fields_at, FIELD_BUCKETS);
        if (r < 0)
                return r;
        h = header(j);
        id128_random(h->file_id, 0);
        if (memcmp(seqnum_id, none, 16) != 0)
                memcpy(h->seqnum_id, seqnum_id, 16);
        else
                id128_random(h->seqnum_id, 0);
        memcpy(j->file_id, h->file_id, 16);
        memcpy(h->machine_id, ids->machine, 16);
        memcpy(h->boot_id, ids->boot, 16);
        h->incompatible = htole32(JOURNAL_KEYED_HASH);
        h->state = JOURNAL_OFFLINE;
        h->header_size = htole64(HEADER_SIZE);
        h->arena_size = htole64(j->size - HEADER_SIZE);
        h->data_table = htole64(HEADER_SIZE + sizeof(struct journal_object));
        h->data_table_size = htole64(buckets * sizeof(struct journal_bucket));
        h->field_table = htole64(fields_at + sizeof(struct journal_object));
        h->field_table_size = htole64(FIELD_BUCKETS * sizeof(struct journal_bucket));
        h->tail_object = htole64(fields_at);
        h->n_objects = htole64(2);
        h->tail_seqnum = htole64(seqnum);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        memcpy(h->signature, JOURNAL_SIGNATURE, 8);
        return 0;
}

/* May we go on with a file of this header, of size bytes? */
static bool can_continue(const struct journal_header *h, const struct journal_ids *ids, uint64_t size)
{
        uint64_t d = le64toh(h->data_table), dn = le64toh(h->data_table_size), f = le64toh(h->field_table),
                 fn = le64toh(h->field_table_size);

        return memcmp(h->signature, JOURNAL_SIGNATURE, 8) == 0 && h->compatible == 0 &&
               le32toh(h->incompatible) == JOURNAL_KEYED_HASH && h->state == JOURNAL_OFFLINE &&
               le64toh(h->header_size) == HEADER_SIZE && memcmp(h->machine_id, ids->machine, 16) == 0 &&
               d % 8 == 0 && d >= HEADER_SIZE && dn >= sizeof(struct journal_bucket) && dn < size &&
               d <= size - dn && f % 8 == 0 && f >= HEADER_SIZE && fn >= sizeof(struct journal_bucket) &&
               fn < size && f <= size - fn && le64toh(h->tail_object) < size;
}

int journal_open(const char *path, const struct journal_ids *ids, uint64_t max_size, gid_t group,
        const uint8_t seqnum_id[static 16], uint64_t seqnum, struct journal *ret)
{
        struct journal j = { .fd = -1, .max_size = max_size / GROW * GROW };
        struct journal_header h;
        struct stat st;
        bool made = false;
        int r;

        j.fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (j.fd < 0 && errno == ENOENT) {
                j.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                made = true;
        }
        if (j.fd < 0)
                return -errno;
        if (fstat(j.fd, &st) < 0)
                r = -errno;
        else if (made) {
                r = create(&j, ids, seqnum_id, seqnum);
                journal_unmap(&j);
                if (r >= 0 && (fchown(j.fd, -1, group) < 0 || fchmod(j.fd, 0640) < 0))
                        r = -errno;
                if (r < 0)
                        (void)unlink(path);
        } else {
                bool ok = pread(j.fd, &h, sizeof(h), 0) == sizeof(h) &&
                          can_continue(&h, ids, (uint64_t)st.st_size);

                j.size = (uint64_t)st.st_size;
                j.max_size = MAX(j.max_size, (j.size + GROW - 1) / GROW * GROW);
                memcpy(j.file_id, h.file_id, 16);
                r = ok ? 0 : -EUCLEAN;
        }
        if (r < 0) {
                close_fd(j.fd);
                return r;
        }
        *ret = j;
        return 0;
}

static int set_state(struct journal *j, enum journal_state state)
{
        uint8_t b = (uint8_t)state;

        if (pwrite(j->fd, &b, 1, offsetof(struct journal_header, state)) != 1 || fdatasync(j->fd) < 0)
                return -errno;
        return 0;
}

int journal_sync(struct journal *j)
{
        int r;

        if (!j->dirty)
                return 0;
        if (fdatasync(j->fd) < 0)
                return -errno;
        r = set_state(j, JOURNAL_OFFLINE);
        if (r >= 0)
                j->dirty = false;
        return r;
}

/* Cuts what is reserved and not used. */
static void trim(struct journal *j)
{
        struct journal_object o;
        struct journal_header h;
        uint64_t end, arena;

        if (pread(j->fd, &h, sizeof(h), 0) != sizeof(h) ||
                pread(j->fd, &o, sizeof(o), (off_t)le64toh(h.tail_object)) != sizeof(o))
                return;
        end = le64toh(h.tail_object) + JOURNAL_ALIGN(le64toh(o.size));
        arena = htole64(end - le64toh(h.header_size));
        if (end > j->size || ftruncate(j->fd, (off_t)end) < 0)
                return;
        (void)!pwrite(j->fd, &arena, sizeof(arena), offsetof(struct journal_header, arena_size));
}

void journal_close(struct journal *j, enum journal_state state)
{
        journal_unmap(j);
        if (j->fd < 0)
                return;
        (void)journal_sync(j);
        if (state == JOURNAL_ARCHIVED) {
                trim(j);
                (void)set_state(j, JOURNAL_ARCHIVED);
        }
        j->fd = close_fd(j->fd);
}
