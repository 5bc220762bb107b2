/* What PID 1 says: a bounded ring, from which the log daemon gets it by native journal datagrams with the original
 * times; warnings also go to the kernel's log, so that they are seen when nothing else works. Nothing here waits. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fileio.h"
#include "manager.h"

#define RING_ENTRIES 512
#define RING_TEXT    400

struct entry {
        usec_t when;
        int level;
        char unit[72];
        char text[RING_TEXT];
};
static struct entry *ring;
static unsigned head, used, dropped;
static int journal_fd = -1, kmsg_fd = -1;
static usec_t next_try;
static struct manager *manager;

static void to_kmsg(int level, const char *unit, const char *text)
{
        char line[RING_TEXT + 128];
        int n;

        if (kmsg_fd < 0)
                kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (kmsg_fd < 0)
                return;
        n = snprintf(line, sizeof(line), "<%d>rouse[%d]: %s%s%s\n", level | LOG_DAEMON, getpid(), unit ?: "",
                unit ? ": " : "", text);
        (void)!write(kmsg_fd, line, (size_t)MIN(n, (int)sizeof(line) - 1));
}

void ring_take(struct manager *m)
{
        manager = m;
        log_set_hook(ring_log);
}

/* LogLevelMax= is for what is said of the unit, too. */
static bool is_wanted(const char *unit, int level)
{
        struct unit *u = unit && manager ? unit_find(manager, unit) : NULL;
        const struct exec_context *c = u ? unit_exec(u) : NULL;

        return !c || c->log_level_max < 0 || level <= c->log_level_max;
}

static void ring_add(usec_t when, int level, const char *unit, const char *text)
{
        struct entry *e;

        if (!ring)
                ring = calloc(RING_ENTRIES, sizeof(*ring));
        if (!ring)
                return;
        if (used == RING_ENTRIES) {
                head = (head + 1) % RING_ENTRIES;
                used--;
                dropped++;
        }
        e = &ring[(head + used++) % RING_ENTRIES];
        e->when = when;
        e->level = level;
        snprintf(e->unit, sizeof(e->unit), "%s", unit);
        snprintf(e->text, sizeof(e->text), "%s", text);
        for (char *c = e->text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
}

void ring_log(int level, const char *unit, const char *file, int line, const char *text)
{
        if (getpid() != 1) { /* --test, --verify and the tests: for people */
                fprintf(stderr, "%s%s%s\n", unit ?: "", unit ? ": " : "", text);
                return;
        }
        if (!is_wanted(unit, level))
                return;
        if (level <= LOG_WARNING || log_get_max_level() >= LOG_DEBUG)
                to_kmsg(level, unit, text);
        ring_add(now_monotonic(), level, unit ?: "", text);
}

static int send_entry(const struct entry *e)
{
        static const struct sockaddr_un sa = { .sun_family = AF_UNIX,
                .sun_path = "/run/systemd/journal/socket" };
        char msg[RING_TEXT + 300];
        int n = snprintf(msg, sizeof(msg),
                "PRIORITY=%d\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=rouse\n_SOURCE_MONOTONIC_TIMESTAMP=%"
                "lld\n%s%s%sMESSAGE=%s%s%s\n",
                e->level, (long long)e->when, *e->unit ? "UNIT=" : "", e->unit, *e->unit ? "\n" : "",
                e->unit, *e->unit ? ": " : "", e->text);

        if (sendto(journal_fd, msg, (size_t)MIN(n, (int)sizeof(msg) - 1), MSG_DONTWAIT | MSG_NOSIGNAL,
                    (const struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        return 0;
}

/* For the next PID 1: a line an entry, "TIME LEVEL UNIT TEXT", "-" for no unit. */
int ring_save(const char *path)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (unsigned i = 0; i < used; i++) {
                const struct entry *e = &ring[(head + i) % RING_ENTRIES];

                strbuf_printf(&b, "%lld %d %s %s\n", (long long)e->when, e->level, *e->unit ? e->unit : "-",
                        e->text);
        }
        if (b.failed)
                return -ENOMEM;
        return b.len ? write_file_atomic(path, b.s, b.len, 0600, false) : 0;
}

void ring_load(const char *path)
{
        _cleanup_free_ char *text = NULL;

        if (read_file(path, 1 << 20, &text, NULL) < 0)
                return;
        (void)unlink(path);
        for (char *p = text, *line; (line = strsep(&p, "\n"));) {
                long long when;
                char unit[72];
                int level, at = 0;

                if (sscanf(line, "%lld %d %71s %n", &when, &level, unit, &at) != 3 || !at || level < 0 ||
                        level > LOG_DEBUG)
                        continue;
                ring_add(when, level, streq(unit, "-") ? "" : unit, line + at);
        }
}

void ring_flush(struct manager *m)
{
        if (used == 0 || !m->is_pid1 || now_monotonic() < next_try)
                return;
        if (journal_fd < 0)
                journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        while (used > 0) {
                if (send_entry(&ring[head]) < 0) {
                        next_try = now_monotonic() + 100 * USEC_PER_MSEC;
                        return;
                }
                head = (head + 1) % RING_ENTRIES;
                used--;
        }
        if (dropped > 0) {
                unsigned n = dropped;

                dropped = 0;
                log_warning("%u earlier messages were lost before the log daemon took them", n);
        }
}
