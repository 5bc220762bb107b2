#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/fileio.h"
#include "lib/id128.h"
#include "logd/journal-dir.h"
#include "logd/logd.h"

#define STORE_DELAY (2 * USEC_PER_SEC)
#define BEGIN_DELAY (3 * USEC_PER_SEC) /* after a boot's own "/var is there": when its rush is over */
#define RETRY_DELAY (5 * 60 * USEC_PER_SEC)
#define USE_MAX     ((uint64_t)4 << 30) /* journald.conf(5): a tenth of the file system, at most this */
#define FILE_MAX    ((uint64_t)16 << 20)
#define FILE_MIN    ((uint64_t)512 << 10)
#define FILES_MAX   100
#define NUMBERS     8
#define OWN_FIELDS  16

/* ---- a disk that fails while it is mapped ---- */

static sigjmp_buf on_bus_error;
static volatile sig_atomic_t mapped;

static void bus_error(int sig)
{
        if (mapped)
                siglongjmp(on_bus_error, 1);
        signal(sig, SIG_DFL);
        raise(sig);
}

static void give_up(struct logd *d, int r, const char *what)
{
        struct disk *k = &d->disk;

        bool said = k->broken;

        journal_unmap(&k->file);
        k->file.fd = close_fd(k->file.fd);
        k->broken = true;
        if (!said)
                logd_say(d, r == -EROFS ? LOG_INFO : LOG_ERR,
                        "%s in %s: %s; the log goes on in memory alone", what, k->dir, strerror(-r));
        (void)loop_timer_set(d->loop, &k->store_timer, usec_add(now_monotonic(), RETRY_DELAY));
}

/* ---- a record as an entry ---- */

struct entry {
        struct journal_field_value fields[OWN_FIELDS + FIELDS_MAX];
        unsigned n;
        char numbers[NUMBERS][24];
        unsigned n_numbers;
};

static void put(struct entry *e, const char *key, const void *value, size_t len)
{
        e->fields[e->n++] = (struct journal_field_value) { key, strlen(key), value, len };
}

static void put_text(struct entry *e, const char *key, const char *value)
{
        if (*value)
                put(e, key, value, strlen(value));
}

static void put_number(struct entry *e, const char *key, int64_t v)
{
        char *buf = e->numbers[e->n_numbers++];

        put(e, key, buf, (size_t)snprintf(buf, sizeof(e->numbers[0]), "%lld", (long long)v));
}

static void put_id(struct entry *e, const char *key, uint32_t v)
{
        if (v != RING_NO_ID)
                put_number(e, key, v);
}

static void make_entry(const struct disk *k, const struct ring_entry *r, const char *machine,
        const char *boot, struct entry *e)
{
        const char *key, *value;
        size_t p = 0, kl, vl;

        e->n = e->n_numbers = 0;
        put(e, "MESSAGE", r->message, r->message_len);
        put_number(e, "PRIORITY", r->priority);
        if (r->transport != TRANSPORT_DRIVER)
                put_number(e, "SYSLOG_FACILITY", r->facility);
        put_text(e, "SYSLOG_IDENTIFIER", r->identifier);
        put_text(e, "_TRANSPORT", log_transport_to_string(r->transport));
        put_id(e, "_PID", r->pid);
        put_id(e, "_UID", r->uid);
        put_id(e, "_GID", r->gid);
        put_text(e, "_COMM", r->comm);
        put_text(e, "_SYSTEMD_UNIT", r->unit);
        put_text(e, "_BOOT_ID", boot);
        put_text(e, "_MACHINE_ID", machine);
        put_text(e, "_HOSTNAME", k->host);
        while (ring_entry_next_field(r, &p, &key, &kl, &value, &vl) && e->n < ARRAY_SIZE(e->fields) - 2)
                e->fields[e->n++] = (struct journal_field_value) { key, kl, value, vl };
}

/* Entries of a file are in the order of their times; a record that came later than what it tells of (the kernel's, PID 1's
 * from before our start, a clock that was set) says its own time in a field. */
static void put_times(const struct disk *k, const struct ring_entry *r, struct entry *e)
{
        usec_t realtime, monotonic;

        journal_tail(&k->file, &k->ids, &realtime, &monotonic);
        if (r->realtime < realtime)
                put_number(e, "_SOURCE_REALTIME_TIMESTAMP", r->realtime);
        if (r->monotonic < monotonic || r->transport == TRANSPORT_KERNEL)
                put_number(e, "_SOURCE_MONOTONIC_TIMESTAMP", r->monotonic);
}

/* ---- the file ---- */

static void limits(const struct logd *d, struct journal_limits *ret, uint64_t *ret_file)
{
        const struct logd_config *c = &d->config;
        uint64_t size = 0;
        struct statvfs vfs;

        if (statvfs(d->disk.dir, &vfs) >= 0)
                size = (uint64_t)vfs.f_blocks * vfs.f_frsize;
        *ret = (struct journal_limits) {
                .max_use = c->system_max_use ?: MIN(MAX(size / 10, FILE_MIN * 2), USE_MAX),
                .keep_free = c->system_keep_free ?: MIN(size / 100 * 15, USE_MAX),
                .max_files = c->system_max_files ?: FILES_MAX,
                .retention = c->max_retention,
        };
        *ret_file = c->system_max_file ?: MIN(ret->max_use / 8, FILE_MAX);
        *ret_file = MAX(*ret_file, FILE_MIN);
}

static void make_room(struct logd *d)
{
        struct journal_limits l;
        uint64_t bytes, file;
        int n;

        limits(d, &l, &file);
        n = journal_vacuum(d->disk.dir, &l, &bytes);
        if (n > 0)
                logd_say(d, LOG_INFO, "%d old journal files removed, %llu KiB", n,
                        (unsigned long long)bytes / 1024);
        else if (n < 0)
                logd_say(d, LOG_WARNING, "old journal files cannot be removed: %s", strerror(-n));
}

static int make_dir(struct logd *d)
{
        gid_t group = logd_group();
        int r;

        if (mkdir_parents(d->disk.dir, 0755) < 0)
                return -errno;
        r = mkdir(d->disk.dir, 02755) < 0 ? -errno : 0;
        if (r == -EEXIST)
                return 0;
        if (r >= 0 && (chown(d->disk.dir, (uid_t)-1, group) < 0 || chmod(d->disk.dir, 02755) < 0))
                r = -errno;
        return r;
}

static int open_file(struct logd *d)
{
        struct disk *k = &d->disk;
        _cleanup_free_ char *path = path_join(k->dir, JOURNAL_ACTIVE);
        struct journal_header before = { 0 };
        struct journal_limits l;
        uint64_t size;
        int r;

        if (k->file.fd >= 0)
                return 0;
        if (!path)
                return -ENOMEM;
        r = make_dir(d);
        if (r < 0)
                return r;
        limits(d, &l, &size);
        (void)journal_peek(path, &before);
        r = journal_open(
                path, &k->ids, size, logd_group(), before.seqnum_id, le64toh(before.tail_seqnum), &k->file);
        if (r == -EUCLEAN) {
                r = journal_archive(k->dir);
                if (r >= 0)
                        r = journal_open(path, &k->ids, size, logd_group(), before.seqnum_id,
                                le64toh(before.tail_seqnum), &k->file);
        }
        if (r < 0)
                return r;
        k->opened = now_monotonic();
        make_room(d);
        return 0;
}

/* Closes the file as an archived one and begins another. */
static int next_file(struct logd *d)
{
        int r;

        journal_close(&d->disk.file, JOURNAL_ARCHIVED);
        r = journal_archive(d->disk.dir);
        if (r < 0 && r != -ENOENT)
                return r;
        r = open_file(d);
        return r < 0 ? r : journal_map(&d->disk.file);
}

/* ---- from the ring to the file ---- */

static int append(struct logd *d, const struct ring_entry *r, struct entry *e)
{
        struct disk *k = &d->disk;

        return journal_append(&k->file, &k->ids, r->realtime, r->monotonic, e->fields, e->n);
}

static int store_records(struct logd *d)
{
        static struct entry e; /* large */
        struct disk *k = &d->disk;
        struct ring_entry r;
        char machine[33], boot[33];
        int n;

        id128_format(machine, k->ids.machine);
        id128_format(boot, k->ids.boot);
        n = journal_map(&k->file);
        while (n >= 0 && (n = ringread_next(k->cursor, &r, NULL)) > 0) {
                make_entry(k, &r, machine, boot, &e);
                put_times(k, &r, &e);
                ring_store_begin(&d->ring);
                n = append(d, &r, &e);
                if (n == -EFBIG || n == -EBADMSG) {
                        n = next_file(d);
                        if (n >= 0)
                                n = append(d, &r, &e);
                        if (n == -EFBIG) /* longer than a whole file */
                                n = 0;
                }
                ring_store_end(&d->ring, n < 0 ? r.pos : ringread_pos(k->cursor));
                if (n < 0)
                        ringread_seek_pos(k->cursor, r.pos);
        }
        return n;
}

/* The same; -EIO when the disk failed under the mapping. */
static int store_guarded(struct logd *d)
{
        int r;

        if (sigsetjmp(on_bus_error, 1)) {
                mapped = 0;
                ring_store_abort(&d->ring);
                return -EIO;
        }
        mapped = 1;
        r = store_records(d);
        mapped = 0;
        return r;
}

static void store(struct logd *d)
{
        struct disk *k = &d->disk;
        int r;

        loop_timer_cancel(d->loop, &k->store_timer);
        if (!k->allowed || !k->cursor)
                return;
        r = open_file(d);
        if (r < 0) {
                give_up(d, r, "no journal can be opened");
                return;
        }
        if (d->config.max_file_age && usec_add(k->opened, d->config.max_file_age) < now_monotonic())
                r = next_file(d);
        if (r >= 0)
                r = store_guarded(d);
        journal_unmap(&k->file);
        if (r == -ENOSPC)
                make_room(d);
        if (r < 0) {
                give_up(d, r, "the journal cannot be written");
                return;
        }
        k->broken = false;
        if (k->file.dirty && !loop_timer_armed(&k->sync_timer))
                (void)loop_timer_set(
                        d->loop, &k->sync_timer, usec_add(now_monotonic(), d->config.sync_interval));
}

static void store_now(struct loop_timer *t)
{
        store(t->data);
}

void disk_sync(struct logd *d)
{
        int r;

        store(d);
        loop_timer_cancel(d->loop, &d->disk.sync_timer);
        if (d->disk.file.fd < 0)
                return;
        r = journal_sync(&d->disk.file);
        if (r < 0)
                give_up(d, r, "the journal cannot be synced");
}

static void sync_now(struct loop_timer *t)
{
        disk_sync(t->data);
}

void disk_note(struct logd *d, int priority)
{
        struct disk *k = &d->disk;

        if (!k->allowed || k->broken)
                return;
        if (priority <= LOG_CRIT)
                (void)loop_timer_set(d->loop, &k->sync_timer, now_monotonic());
        else if (k->cursor && ringread_end(k->cursor) - ringread_pos(k->cursor) > d->ring.h->data_size / 4)
                (void)loop_timer_set(d->loop, &k->store_timer, now_monotonic());
        else if (k->store_timer.when == USEC_INFINITY)
                (void)loop_timer_set(d->loop, &k->store_timer, usec_add(now_monotonic(), STORE_DELAY));
}

void disk_begin(struct logd *d, bool now)
{
        struct disk *k = &d->disk;
        _cleanup_free_ char *id = str_printf("%s/etc/machine-id", d->root),
                            *early = str_printf("%s/run/machine-id", d->root),
                            *base = str_printf("%s" JOURNAL_DIR, d->root);
        char machine[33];
        int r;

        if (!k->cursor || !id || !early || !base ||
                (d->config.storage == STORAGE_AUTO && access(base, F_OK) < 0))
                return;
        r = id128_read(id, k->ids.machine);
        if (r < 0)
                r = id128_read(early, k->ids.machine); /* of a first boot, not written down yet */
        if (r < 0) {
                logd_say(d, LOG_NOTICE, "%s holds no machine ID: the log stays in memory", id);
                return;
        }
        id128_format(machine, k->ids.machine);
        free(k->dir);
        k->dir = path_join(base, machine);
        k->allowed = k->dir;
        k->broken = false;
        if (now)
                disk_sync(d);
        else if (k->allowed)
                (void)loop_timer_set(d->loop, &k->store_timer, usec_add(now_monotonic(), BEGIN_DELAY));
}

void disk_let_go(struct logd *d)
{
        store(d);
        d->disk.allowed = false;
        loop_timer_cancel(d->loop, &d->disk.store_timer);
        loop_timer_cancel(d->loop, &d->disk.sync_timer);
        journal_close(&d->disk.file, JOURNAL_OFFLINE);
}

void disk_rotate(struct logd *d)
{
        int r;

        store(d);
        if (d->disk.file.fd < 0)
                return;
        r = next_file(d);
        journal_unmap(&d->disk.file);
        if (r < 0)
                give_up(d, r, "no new journal can be made");
}

void disk_init(struct logd *d)
{
        struct disk *k = &d->disk;
        uint32_t turn;
        int r;

        k->file.fd = -1;
        k->store_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = store_now, .data = d };
        k->sync_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = sync_now, .data = d };
        if (!d->ring.h || d->ns || /* a namespace has its log in memory */
                (d->config.storage != STORAGE_AUTO && d->config.storage != STORAGE_PERSISTENT))
                return;
        r = id128_read("/proc/sys/kernel/random/boot_id", k->ids.boot);
        if (r >= 0)
                r = ringread_open(d->ring_path, &k->cursor);
        if (r < 0) {
                logd_say(d, LOG_WARNING, "the log stays in memory: %s", strerror(-r));
                return;
        }
        if (gethostname(k->host, sizeof(k->host) - 1) < 0)
                k->host[0] = 0;
        ringread_seek_pos(k->cursor, MAX(ringread_stored(k->cursor, &turn), ringread_pos(k->cursor)));
        signal(SIGBUS, bus_error);
        if (ringread_pos(k->cursor) > 0) /* a log daemon before us was told that /var is there */
                disk_begin(d, false);
}

void disk_done(struct logd *d)
{
        disk_let_go(d);
        ringread_close(d->disk.cursor);
        d->disk.cursor = NULL;
        free(d->disk.dir);
        d->disk.dir = NULL;
}
