/* Journal files: what is written is read again, files that are full, continued, damaged, not ours; old ones removed. That
 * others read them, too, is tests/ns/journal.t's. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/str.h"
#include "logd/journal-dir.h"
#include "logd/journal-read.h"
#include "logd/journal-write.h"
#include "tests/tap.h"

#define SIZE (1024 * 1024)

static char dir[] = "/tmp/rouse-journal.XXXXXX";
static char path[128];
static const struct journal_ids ids = { .machine = "machine-machine", .boot = "boot-boot-boot-" };
static const uint8_t no_series[16];

static int append(struct journal *j, const char *message, const char *pid, usec_t t)
{
        struct journal_field_value f[] = {
                { "MESSAGE", 7, message, strlen(message) }, { "_PID", 4, pid, strlen(pid) },
                { "_SYSTEMD_UNIT", 13, "a.service", 9 }, { "PRIORITY", 8, "3", 1 },
                { "EXTRA", 5, "more", 4 }, { "not a key", 9, "dropped", 7 },
                { "_PID", 4, pid, strlen(pid) }, /* twice is once */
        };

        return journal_append(j, &ids, t, t / 2, f, ARRAY_SIZE(f));
}

static int open_it(struct journal *j)
{
        int r = journal_open(path, &ids, SIZE, (gid_t)-1, no_series, 0, j);

        return r < 0 ? r : journal_map(j);
}

static void round_trip(void)
{
        struct journalread *r;
        struct ring_entry e;
        struct journal j;
        const char *v;
        size_t len;

        is_int(open_it(&j), 0, "a new file");
        ok(append(&j, "first", "11", 1000) >= 0 && append(&j, "second", "12", 2000) >= 0 &&
                        append(&j, "earlier", "11", 1500) >= 0,
                "three entries");
        is_int(journalread_open(path, &r), 0, "can be read while it is written");
        is_int((int64_t)journalread_count(r), 3, "all of them");
        is_int(journalread_get(r, 1, &e), 0, "the second");
        is_str(e.message, "second", "its message");
        is_str(e.unit, "a.service", "its unit");
        ok(e.pid == 12 && e.priority == 3 && e.realtime == 2000 && e.monotonic == 1000 && e.seq == 2,
                "its numbers");
        ok(memcmp(e.boot, ids.boot, 16) == 0, "its boot");
        v = ring_entry_field(&e, "EXTRA", &len);
        ok(v && len == 4 && memcmp(v, "more", 4) == 0, "a field without a place of its own");
        ok(!ring_entry_field(&e, "not a key", &len), "what is no field name is dropped");
        ok(journalread_get(r, 2, &e) >= 0 && e.realtime == 2000, "times never go back");
        ok(journalread_get(r, 3, &e) < 0, "no fourth");
        journalread_close(r);
        journal_close(&j, JOURNAL_OFFLINE);
}

static void goes_on(void)
{
        struct journal_header h;
        struct journal j;
        struct stat before, after;

        is_int(open_it(&j), 0, "a file that was closed in order is continued");
        ok(append(&j, "fourth", "13", 3000) >= 0, "one more");
        (void)stat(path, &before);
        is_int(journal_open(path, &ids, SIZE, (gid_t)-1, no_series, 0, &(struct journal) { 0 }), -EUCLEAN,
                "one that is being written is not");
        journal_close(&j, JOURNAL_ARCHIVED);
        (void)stat(path, &after);
        ok(after.st_size < before.st_size, "an archived one is cut to its size");
        is_int(journal_peek(path, &h), 0, "its header");
        ok(h.state == JOURNAL_ARCHIVED && h.n_entries == 4 && h.tail_seqnum == 4 && h.head_realtime == 1000,
                "says what it has");
        is_int(journal_archive(dir), 0, "moved away");
        is_int(journal_open(path, &ids, SIZE, (gid_t)-1, h.seqnum_id, 4, &j), 0, "the next of the series");
        ok(journal_map(&j) >= 0 && append(&j, "fifth", "14", 4000) >= 0, "one in it");
        journal_close(&j, JOURNAL_OFFLINE);
        ok(journal_peek(path, &h) >= 0 && h.tail_seqnum == 5, "its numbers go on");
}

static void until_full(void)
{
        static char big[700 * 1024];
        struct journalread *r;
        struct ring_entry e;
        struct journal j;
        int n = 0, k;
        char text[64];

        (void)unlink(path);
        is_int(open_it(&j), 0, "a new file");
        do {
                snprintf(text, sizeof(text), "message %d", n % 100);
                k = append(&j, text, "1", 1000 + n);
        } while (k >= 0 && ++n < 1000000);
        is_int(k, -EFBIG, "a file that is full says so");
        ok(n > 1000, "after many");
        journal_close(&j, JOURNAL_ARCHIVED);
        is_int(journalread_open(path, &r), 0, "is read");
        is_int((int64_t)journalread_count(r), n, "to its last entry");
        ok(journalread_get(r, (size_t)n - 1, &e) >= 0 && e.realtime == 1000 + n - 1,
                "which is the last that went in");
        journalread_close(r);
        (void)unlink(path);
        is_int(open_it(&j), 0, "a new file");
        memset(big, 'x', sizeof(big) - 1);
        ok(append(&j, big, "1", 1) >= 0, "a long message");
        big[0] = 'y';
        is_int(append(&j, big, "1", 2), -EFBIG, "no room for another");
        journal_close(&j, JOURNAL_OFFLINE);
        is_int(journalread_open(path, &r), 0, "is read");
        ok(journalread_count(r) == 1 && journalread_get(r, 0, &e) >= 0 && e.message_len == sizeof(big) - 1,
                "whole");
        journalread_close(r);
}

/* Each byte of a small file changed in turn: read, and continued, without harm. */
static void damaged(void)
{
        _cleanup_free_ char *whole = NULL;
        struct ring_entry e;
        struct journal j;
        size_t len;

        (void)unlink(path);
        ok(open_it(&j) >= 0 && append(&j, "one", "1", 1) >= 0 && append(&j, "two", "2", 2) >= 0,
                "a small file");
        journal_close(&j, JOURNAL_ARCHIVED);
        ok(read_file(path, SIZE, &whole, &len) >= 0, "read");
        whole[16] = JOURNAL_OFFLINE;
        for (size_t i = 0; i < len; i += i < 256 || whole[i] ? 1 : 97) {
                struct journalread *r = NULL;
                char saved = whole[i];

                whole[i] = (char)(saved ^ (i % 2 ? 0x81 : 0xff));
                (void)write_file_atomic(path, whole, len, 0600, false);
                whole[i] = saved;
                if (journalread_open(path, &r) >= 0)
                        for (size_t k = 0; k < journalread_count(r); k++)
                                (void)journalread_get(r, k, &e);
                journalread_close(r);
                if (open_it(&j) >= 0) {
                        (void)append(&j, "three", "3", 3);
                        journal_close(&j, JOURNAL_OFFLINE);
                }
        }
        ok(true, "survived");
}

static void old_ones(void)
{
        struct journal_limits l = { .max_files = 2 };
        _cleanup_strv_ char **left = NULL;
        uint64_t bytes;

        for (int i = 0; i < 5; i++) {
                _cleanup_free_ char *f = str_printf("%s/system@%d.journal", dir, i);
                struct timespec t[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };

                (void)write_file_atomic(f, dir, sizeof(dir), 0600, false);
                (void)utimensat(AT_FDCWD, f, t, 0);
        }
        ok(journal_vacuum(dir, &l, &bytes) >= 4 && bytes > 0, "more than so many: the oldest go");
        ok(journal_files(dir, &left) >= 0 && strv_len(left) == 2, "as many are left");
        l = (struct journal_limits) { .retention = 3600 * USEC_PER_SEC };
        (void)journal_vacuum(dir, &l, &bytes);
        ok(access(path, F_OK) == 0, "what is written now is never removed");
        l = (struct journal_limits) { .max_use = 1 };
        is_int(journal_vacuum(dir, &l, &bytes), 1, "no room at all: the last archived one goes");
        is_int(journal_vacuum(dir, &l, &bytes), 0, "and nothing else can");
        ok(journal_usage(dir) > 0 && journal_usage("/nonexistent") == 0, "what they take up");
}

int main(void)
{
        ok(jenkins_hash64("Four score and seven years ago", 30) == 0x17770551ce7226e6,
                "lookup3's own example");
        if (!mkdtemp(dir))
                return EXIT_FAILURE;
        snprintf(path, sizeof(path), "%s/" JOURNAL_ACTIVE, dir);
        round_trip();
        goes_on();
        until_full();
        damaged();
        old_ones();
        if (fork() == 0)
                execlp("rm", "rm", "-rf", dir, NULL);
        return tap_done();
}
