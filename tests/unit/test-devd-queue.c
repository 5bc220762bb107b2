/* Order of events: what may run beside what. */
#include "devd/queue.h"
#include "lib/str.h"
#include "tests/tap.h"

static struct queue q;

static void add(const char *action, const char *devpath, const char *more)
{
        static struct uevent u;
        size_t n = (size_t)snprintf(u.buf, sizeof(u.buf), "%s@%s%cACTION=%s%cDEVPATH=%s%cSUBSYSTEM=block",
                           action, devpath, 0, action, 0, devpath, 0) +
                   1;

        /* more: words "KEY=value" */
        for (const char *p = more; *p; p += strcspn(p, " "), p += strspn(p, " "))
                n += (size_t)snprintf(u.buf + n, sizeof(u.buf) - n, "%.*s", (int)strcspn(p, " "), p) + 1;
        if (uevent_parse(&u, n) < 0 || queue_add(&q, &u) < 0)
                ok(false, "the test's own event");
}

/* The paths of all that may run now, in order; they stay running. */
static const char *runnable(struct event **ret, size_t n)
{
        static char buf[512];
        struct event *e;
        size_t i = 0;

        buf[0] = '\0';
        while ((e = queue_next(&q))) {
                if (i < n)
                        ret[i++] = e;
                snprintf(
                        buf + strlen(buf), sizeof(buf) - strlen(buf), "%s%s", buf[0] ? " " : "", e->devpath);
        }
        return buf;
}

static void family(void)
{
        struct event *e[8];

        add("add", "/d/a", "");
        add("add", "/d/a/b", "");
        add("add", "/d/a/b/c", "");
        add("add", "/d/ab", "");
        add("add", "/d/x/y", "");
        is_str(runnable(e, 8), "/d/a /d/ab /d/x/y", "unrelated paths run beside each other, children wait");
        queue_finish(&q, e[0]);
        is_str(runnable(e + 3, 5), "/d/a/b", "the child after its parent");
        add("remove", "/d/a", "");
        is_str(runnable(e + 4, 4), "", "a parent waits for all below it");
        queue_finish(&q, e[3]);
        is_str(runnable(e + 3, 5), "/d/a/b/c", "the grandchild first");
        queue_finish(&q, e[3]);
        is_str(runnable(e + 3, 5), "/d/a", "then the parent's removal");
        queue_finish(&q, e[3]);
        queue_finish(&q, e[1]);
        queue_finish(&q, e[2]);
        is_int((int64_t)q.n, 0, "nothing is left");
        is_int((int64_t)q.paths.n, 0, "no path node is left");
}

static void same_device(void)
{
        struct event *e[8];

        for (int i = 0; i < 5; i++)
                add("change", "/d/a", "");
        for (int i = 0; i < 5; i++) {
                is_str(runnable(e, 8), "/d/a", "one event of a device at a time");
                queue_finish(&q, e[0]);
        }
        is_int((int64_t)q.n, 0, "all five");
}

static void keys(void)
{
        struct event *e[8];

        add("remove", "/d/one", "MAJOR=8 MINOR=1 DEVNAME=sda");
        add("add", "/d/two", "MAJOR=8 MINOR=1 DEVNAME=sdb");
        is_str(runnable(e, 8), "/d/one", "the same number at another path waits");
        queue_finish(&q, e[0]);
        is_str(runnable(e, 8), "/d/two", "and runs then");
        add("add", "/d/three", "MAJOR=9 MINOR=1 DEVNAME=sdb");
        is_str(runnable(e + 1, 7), "", "the same node name waits");
        queue_finish(&q, e[0]);
        is_str(runnable(e, 8), "/d/three", "and runs then");
        queue_finish(&q, e[0]);
        add("add", "/d/n1", "IFINDEX=5");
        add("add", "/d/n2", "IFINDEX=5");
        is_str(runnable(e, 8), "/d/n1", "the same interface index waits");
        queue_finish(&q, e[0]);
        is_str(runnable(e, 8), "/d/n2", "and runs then");
        queue_finish(&q, e[0]);
        is_int((int64_t)q.keys.n, 0, "no key is left");
}

static void moves(void)
{
        struct event *e[8];

        add("add", "/d/net/eth0", "");
        add("move", "/d/net/lan", "DEVPATH_OLD=/d/net/eth0");
        add("add", "/d/net/eth0", "");
        add("add", "/d/net/lan/q", "");
        is_str(runnable(e, 8), "/d/net/eth0", "a move waits for events of the old name");
        queue_finish(&q, e[0]);
        is_str(runnable(e, 8), "/d/net/lan", "then runs alone: later ones of both names wait");
        queue_finish(&q, e[0]);
        is_str(runnable(e, 8), "/d/net/eth0 /d/net/lan/q", "and run after it");
        queue_finish(&q, e[0]);
        queue_finish(&q, e[1]);
        is_int((int64_t)q.paths.n, 0, "no path node is left");
}

static void storm(void)
{
        usec_t start = now_monotonic();
        unsigned done = 0;
        struct event *e;
        char path[64];

        for (int i = 0; i < 20000; i++) {
                snprintf(path, sizeof(path), "/devices/pci/host%d/disk%d", i % 7, i % 1000);
                add(i % 3 ? "change" : "add", path, "");
                if (i % 1000 == 999)
                        add("change", "/devices/pci", "");
        }
        while ((e = queue_next(&q))) {
                queue_finish(&q, e);
                done++;
        }
        is_int(done, 20020, "a storm of 20,020 events with a common parent's among them");
        ok(now_monotonic() - start < 5 * USEC_PER_SEC, "in linear time");
        is_int((int64_t)(q.n + q.paths.n + q.keys.n), 0, "nothing is left");
}

static void stopped(void)
{
        struct event *e;

        add("add", "/d/a", "");
        q.stopped = true;
        ok(!queue_next(&q), "a stopped queue gives nothing out");
        q.stopped = false;
        e = queue_next(&q);
        ok(e, "and goes on later");
        ok(queue_has_path(&q, "/d/a") && !queue_has_path(&q, "/d"), "what is pending is known by path");
        queue_finish(&q, e);
        ok(!queue_has_path(&q, "/d/a"), "no longer");
        ok(queue_add_synthetic(&q, "add", "/d/s", "b1:2", "/dev/s") >= 0, "an event of our own");
        queue_done_all(&q);
        is_int((int64_t)q.n, 0, "is freed with the queue");
}

int main(void)
{
        queue_init(&q);
        family();
        same_device();
        keys();
        moves();
        storm();
        stopped();
        queue_done_all(&q);
        return tap_done();
}
