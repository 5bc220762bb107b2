/* The ring: writing, wrapping, reading while it is overwritten, a ring that is not to be believed, a full disk. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "logd/logd.h"
#include "logd/ringread.h"
#include "tests/tap.h"

static char dir[] = "/tmp/rouse-ring.XXXXXX";

static void append(struct ring *ring, const char *unit, int priority, const char *fmt, unsigned n)
{
        static struct record r;
        char text[256];

        snprintf(text, sizeof(text), fmt, n);
        record_init(&r, TRANSPORT_NATIVE);
        r.unit = SPAN(unit);
        r.identifier = SPAN("id");
        r.message = SPAN(text);
        r.priority = priority;
        r.realtime = 1000 + n;
        r.pid = n % 2 ? 1 : 100;
        r.n_fields = 1;
        r.fields[0] = (struct field) { SPAN("UNIT"), SPAN("about.service") };
        (void)ring_append(ring, &r, NULL);
}

static void small(const char *path)
{
        struct ring_filter f = { .unit = "b.service", .priority = -1 },
                           about = { .unit = "about.service", .priority = -1 };
        struct ring_filter errors = { .priority = 3 }, grep = { .priority = -1, .grep = "sage 7" };
        _cleanup_ringread_ struct ringread *rd = NULL;
        struct ring_entry e;
        struct ring ring;
        const char *v;
        size_t len;
        unsigned n = 0;

        is_int(ring_open(path, 256 * 1024, 0, &ring), 0, "new ring");
        for (unsigned i = 0; i < 10; i++)
                append(&ring, i % 3 ? "a.service" : "b.service", i % 8, "message %u", i % 8);
        is_int(ringread_open(path, &rd), 0, "open for reading");
        while (ringread_next(rd, &e, NULL) > 0)
                n++;
        is_int(n, 8 + 2, "all");
        ok(e.seq == 10 && streq(e.message, "message 1") && streq(e.identifier, "id"), "the last one");
        v = ring_entry_field(&e, "UNIT", &len);
        ok(v && len == 13 && !ring_entry_field(&e, "NO", &len), "its field");
        is_int(ringread_seek_last(rd, &f, 2), 2, "the last two of a unit");
        is_int(ringread_next_match(rd, &f, &e), 1, "first of them");
        is_int((int64_t)e.seq, 7, "is the right one");
        ringread_seek_first(rd);
        for (n = 0; ringread_next_match(rd, &about, &e) > 0; n++)
                ;
        is_int(n, 5, "what PID 1 says about a unit");
        ringread_seek_first(rd);
        for (n = 0; ringread_next_match(rd, &errors, &e) > 0; n++)
                ;
        is_int(n, 6, "priority");
        ringread_seek_first(rd);
        for (n = 0; ringread_next_match(rd, &grep, &e) > 0; n++)
                ;
        is_int(n, 1, "text");
        is_int(ringread_wait(rd, 0), 0, "nothing new");
        append(&ring, "a.service", 6, "late %u", 1);
        is_int(ringread_wait(rd, 0), 1, "something new");
        ring_close(&ring);
        is_int(ring_open(path, 256 * 1024, 0, &ring), 0, "taken over");
        append(&ring, "a.service", 6, "after the restart %u", 1);
        ok(ringread_next(rd, &e, NULL) == 1 && ringread_next(rd, &e, NULL) == 1 && e.seq == 12,
                "and continued");
        ring_close(&ring);
}

static void wrapping(const char *path)
{
        _cleanup_ringread_ struct ringread *rd = NULL;
        struct ring_entry e;
        struct ring ring;
        uint64_t last = 0;
        unsigned n = 0, lost = 0;
        bool in_order = true;

        (void)unlink(path);
        is_int(ring_open(path, RING_SIZE_MIN, 0, &ring), 0, "smallest ring");
        for (unsigned i = 0; i < 5000; i++)
                append(&ring, "a.service", 6, i % 7 ? "some text of a certain length %u" : "short %u", i);
        is_int(ringread_open(path, &rd), 0, "open");
        while (ringread_next(rd, &e, &lost) > 0) {
                in_order &= last == 0 || e.seq == last + 1;
                last = e.seq;
                n++;
        }
        ok(in_order && last == 5000 && n > 300 && n < 1000 && lost == 0,
                "the newest, in order, none missing");
        for (unsigned i = 0; i < 5000; i++)
                append(&ring, "a.service", 6, "x %u", i);
        ok(ringread_next(rd, &e, &lost) == 1 && lost == 1 && e.seq > 5000,
                "a reader left behind is told, and goes on");
        ring_close(&ring);
        is_int(ring_open(path, RING_SIZE_MIN, 0, &ring), 0, "a wrapped one is taken over");
        ring_close(&ring);
}

static void big_records(const char *path)
{
        static struct record r;
        static char big[100000];
        _cleanup_ringread_ struct ringread *rd = NULL;
        struct ring_entry e;
        struct ring ring;

        (void)unlink(path);
        memset(big, 'x', sizeof(big));
        is_int(ring_open(path, RING_SIZE_MIN, 0, &ring), 0, "ring");
        record_init(&r, TRANSPORT_NATIVE);
        r.message = (struct span) { big, sizeof(big) };
        r.n_fields = 1;
        r.fields[0] = (struct field) { SPAN("BIG"), { big, sizeof(big) } };
        for (int i = 0; i < 20; i++)
                is_int(ring_append(&ring, &r, NULL), 0, "a record larger than the ring");
        is_int(ringread_open(path, &rd), 0, "open");
        ok(ringread_next(rd, &e, NULL) == 1 && (e.flags & RECORD_TRUNCATED) &&
                        e.message_len == RING_SIZE_MIN / 8 && e.fields_len == 0,
                "is cut");
        ring_close(&ring);
}

/* Random bytes over header and records: the reader ends, within the file, and the writer begins anew. */
static void corrupt(const char *path)
{
        unsigned seed = 7;
        size_t read_some = 0;

        for (int round = 0; round < 300; round++) {
                _cleanup_ringread_ struct ringread *rd = NULL;
                _cleanup_close_ int fd = -1;
                struct ring_entry e;
                struct ring ring;

                (void)unlink(path);
                if (ring_open(path, RING_SIZE_MIN, 0, &ring) < 0)
                        exit(1);
                for (unsigned i = 0; i < 600; i++)
                        append(&ring, "a.service", 6, "message %u", i);
                ring_close(&ring);
                fd = open(path, O_RDWR | O_CLOEXEC);
                for (int k = 0; k < 8; k++) {
                        uint32_t v = (uint32_t)rand_r(&seed) >> rand_r(&seed) % 31;
                        off_t where = round % 2 ? rand_r(&seed) % 64
                                                : (off_t)RING_HEADER + rand_r(&seed) % (int)RING_SIZE_MIN;

                        if (pwrite(fd, &v, 1 + rand_r(&seed) % 4, where) < 0)
                                exit(1);
                }
                if (ringread_open(path, &rd) < 0)
                        continue;
                for (unsigned n = 0; n < 100000 && ringread_next(rd, &e, NULL) > 0; n++)
                        read_some += strlen(e.unit) + strlen(e.identifier) + strlen(e.message);
                if (ring_open(path, RING_SIZE_MIN, 0, &ring) < 0)
                        exit(1);
                append(&ring, "a.service", 6, "goes on %u", 1);
                ring_close(&ring);
        }
        ok(read_some > 0, "300 damaged rings were read without harm");
}

static void *writer(void *p)
{
        struct ring *ring = p;

        for (unsigned i = 0; i < 200000; i++) {
                append(ring, "a.service", 6, i % 3 ? "a message with a number: %u" : "%u", i);
                if (i % 64 == 0)
                        ring_wake(ring);
        }
        append(ring, "end", 6, "end %u", 0);
        ring_wake(ring);
        return NULL;
}

static void concurrent(const char *path)
{
        _cleanup_ringread_ struct ringread *rd = NULL;
        struct ring_entry e;
        struct ring ring;
        pthread_t t;
        uint64_t last = 0, n = 0;
        bool good = true, end = false;

        (void)unlink(path);
        if (ring_open(path, RING_SIZE_MIN, 0, &ring) < 0 || ringread_open(path, &rd) < 0)
                exit(1);
        pthread_create(&t, NULL, writer, &ring);
        while (!end) {
                while (ringread_next(rd, &e, NULL) > 0) {
                        good &= e.seq > last && streq(e.identifier, "id");
                        last = e.seq;
                        end |= streq(e.unit, "end");
                        n++;
                }
                if (!end && ringread_wait(rd, 10 * USEC_PER_SEC) == 0)
                        break;
        }
        pthread_join(t, NULL);
        ok(good && end && n > 0, "read while it is written: in order, whole records, to the end");
        ring_close(&ring);
}

static void full_disk(void)
{
        _cleanup_free_ char *mnt = str_printf("%s/mnt", dir), *path = str_printf("%s/mnt/ring", dir);
        _cleanup_ringread_ struct ringread *rd = NULL;
        struct ring_entry e;
        struct ring ring;
        unsigned n = 0;

        if (mkdir(mnt, 0755) < 0 || mount("t", mnt, "tmpfs", 0, "size=400k") < 0) {
                ok(true, "full disk # SKIP cannot mount");
                return;
        }
        is_int(ring_open(path, 8 * 1024 * 1024, 0, &ring), 0, "a ring larger than its file system");
        for (unsigned i = 0; i < 20000; i++)
                append(&ring, "a.service", 6, "message %u", i);
        is_int(ringread_open(path, &rd), 0, "open");
        while (ringread_next(rd, &e, NULL) > 0)
                n++;
        ok(n > 1000 && streq(e.message, "message 19999"), "becomes as small as it must");
        ring_close(&ring);
        umount2(mnt, MNT_DETACH);
}

int main(void)
{
        _cleanup_free_ char *path = NULL, *cmd = NULL;

        if (!mkdtemp(dir))
                return 1;
        path = str_printf("%s/ring", dir);
        small(path);
        wrapping(path);
        big_records(path);
        corrupt(path);
        concurrent(path);
        full_disk();
        cmd = str_printf("rm -rf %s", dir);
        if (system(cmd) != 0)
                return 1;
        return tap_done();
}
