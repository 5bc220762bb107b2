/* loop.c: priorities, removal and freeing from callbacks, stale events, timers, deferred calls. Nothing here
 * waits for more than some milliseconds. */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "lib/loop.h"
#include "lib/str.h"
#include "tests/tap.h"

static struct loop *l;
static struct strbuf trace; /* what ran, a letter each */

struct source {
        struct loop_io io;
        struct loop_timer timer;
        struct loop_deferred deferred;
        int fd;
        char letter;
        void (*also)(struct source *s);
        struct source *other;
};

static void note(struct source *s)
{
        strbuf_putc(&trace, s->letter);
        if (s->also)
                s->also(s);
}

static void on_io(struct loop_io *io, uint32_t revents)
{
        note(io->data);
}

static void on_timer(struct loop_timer *t)
{
        note(t->data);
}

static void on_deferred(struct loop_deferred *d)
{
        note(d->data);
}

/* An eventfd that is readable for ever, and its registration. */
static struct source *source_new(char letter, int priority)
{
        struct source *s = calloc(1, sizeof(*s));

        s->letter = letter;
        s->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        s->io = (struct loop_io) {
                .fd = s->fd, .events = EPOLLIN, .priority = priority, .cb = on_io, .data = s
        };
        s->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timer, .data = s };
        s->deferred = (struct loop_deferred) { .cb = on_deferred, .data = s };
        return s;
}

static void source_free(struct source *s)
{
        loop_io_remove(l, &s->io);
        loop_timer_cancel(l, &s->timer);
        loop_defer_cancel(l, &s->deferred);
        close(s->fd);
        free(s);
}

static const char *turn(usec_t timeout)
{
        trace.len = 0;
        strbuf_puts(&trace, "");
        if (loop_turn(l, timeout) < 0)
                strbuf_putc(&trace, '!');
        return trace.s;
}

static void remove_other(struct source *s)
{
        loop_io_remove(l, &s->other->io);
}

static void free_self(struct source *s)
{
        source_free(s);
}

static void free_other(struct source *s)
{
        if (s->other)
                source_free(s->other);
        s->other = NULL;
}

static void replace_other(struct source *s)
{
        /* Takes the slot of the removed one: the event fetched for that must not reach this. */
        loop_io_remove(l, &s->other->io);
        s->other = source_new('n', 0);
        loop_io_add(l, &s->other->io);
        s->also = NULL;
}

static void unwant_other(struct source *s)
{
        loop_io_modify(l, &s->other->io, 0);
}

static void descriptors(void)
{
        struct source *a = source_new('a', 0), *b = source_new('b', 5), *c = source_new('c', -5), *n;
        int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        struct loop_io plain = { .fd = file, .events = EPOLLIN };
        unsigned slot;

        loop_io_remove(l, &plain);
        is_int(plain.fd, -1, "removing what was never registered is harmless");
        plain.fd = file;
        is_int(loop_io_add(l, &plain), -EPERM, "a regular file cannot be watched");
        close(file);
        is_str(turn(0), "", "nothing there");
        loop_io_add(l, &a->io);
        loop_io_add(l, &b->io);
        loop_io_add(l, &c->io);
        is_int(loop_io_add(l, &a->io), -EEXIST, "twice");
        is_str(turn(0), "cab", "by priority");
        is_str(turn(USEC_INFINITY), "cab", "level-triggered");
        is_int(loop_io_modify(l, &a->io, 0), 0, "modify");
        is_str(turn(0), "cb", "a no longer wants");
        loop_io_modify(l, &a->io, EPOLLIN);

        c->other = b;
        c->also = unwant_other;
        is_str(turn(0), "ca", "an event no longer wanted is not told");
        loop_io_modify(l, &b->io, EPOLLIN);
        c->also = remove_other;
        is_str(turn(0), "ca", "an event of a source removed is dropped");
        is_int(b->io.fd, -1, "its fd is -1");
        is_int(loop_io_modify(l, &b->io, 0), -ENOENT, "it cannot be modified");
        b->io.fd = b->fd;
        loop_io_add(l, &b->io);
        slot = b->io.slot;
        c->also = replace_other;
        is_str(turn(0), "ca", "nor given to the next in its slot");
        n = c->other;
        is_int(n->io.slot, slot, "which has the slot");
        is_str(turn(0), "can", "that gets its own");
        c->other = n;
        c->also = free_other;
        is_str(turn(0), "ca", "freed by another's callback");
        c->also = free_self;
        is_str(turn(0), "ca", "freed by its own");
        is_str(turn(0), "a", "and gone");
        source_free(a);
        source_free(b);
}

static void many(void)
{
        struct source *s[200];
        size_t seen[3] = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
                s[i] = source_new("abc"[i % 3], (int)(i % 3));
                loop_io_add(l, &s[i]->io);
        }
        turn(0);
        is_int((int64_t)trace.len, ARRAY_SIZE(s), "one turn sees all that is ready");
        for (size_t i = 0; i < trace.len; i++)
                seen[trace.s[i] - 'a']++;
        ok(seen[0] == 67 && strspn(trace.s, "a") == 67, "the urgent ones first");
        for (size_t i = 0; i < ARRAY_SIZE(s); i += 2)
                source_free(s[i]);
        turn(0);
        is_int((int64_t)trace.len, ARRAY_SIZE(s) / 2, "half of them gone");
        for (size_t i = 1; i < ARRAY_SIZE(s); i += 2)
                source_free(s[i]);
}

static void rearm_now(struct source *s)
{
        loop_timer_set(l, &s->timer, 1);
}

static void cancel_other(struct source *s)
{
        loop_timer_cancel(l, &s->other->timer);
}

static void rearm_other(struct source *s)
{
        loop_timer_set(l, &s->other->timer, 1);
        s->also = NULL;
}

static void timers(void)
{
        struct source *a = source_new('a', 0), *b = source_new('b', 0), *c = source_new('c', 0);
        usec_t start;

        loop_timer_cancel(l, &a->timer);
        loop_timer_set(l, &a->timer, 30);
        loop_timer_set(l, &b->timer, 10);
        loop_timer_set(l, &c->timer, 20);
        is_str(turn(USEC_INFINITY), "bca", "by time");
        is_int(a->timer.when, USEC_INFINITY, "not armed any more");
        is_str(turn(0), "", "once only");

        a->also = rearm_now;
        loop_timer_set(l, &a->timer, 1);
        loop_timer_set(l, &b->timer, 2);
        is_str(turn(0), "ab", "armed again for the past: waits for the next turn");
        is_str(turn(USEC_INFINITY), "a", "which comes at once");
        a->also = NULL;
        loop_timer_cancel(l, &a->timer);

        loop_timer_set(l, &a->timer, 1);
        loop_timer_set(l, &b->timer, 2);
        loop_timer_set(l, &c->timer, 3);
        a->also = cancel_other;
        a->other = b;
        is_str(turn(0), "ac", "cancelled while due");
        loop_timer_set(l, &a->timer, 1);
        loop_timer_set(l, &b->timer, 2);
        a->also = rearm_other;
        is_str(turn(0), "a", "armed again while due: not in this turn");
        is_str(turn(0), "b", "but in the next");
        loop_timer_set(l, &a->timer, 1);
        loop_timer_set(l, &b->timer, 2);
        a->also = free_other;
        is_str(turn(0), "a", "freed while due");
        loop_timer_set(l, &c->timer, 1);
        c->also = free_self;
        is_str(turn(0), "c", "freed by its own callback");
        a->also = NULL;

        start = now_monotonic();
        loop_timer_set(l, &a->timer, start + 300000);
        is_str(turn(1000), "", "the timeout is earlier");
        while (loop_timer_armed(&a->timer))
                turn(USEC_INFINITY);
        ok(now_monotonic() >= start + 300000, "not before its time");
        loop_timer_set(l, &a->timer, start + 3600 * USEC_PER_SEC);
        loop_timer_set(l, &a->timer, 5);
        is_str(turn(USEC_INFINITY), "a", "moved to an earlier time");
        loop_timer_set(l, &a->timer, USEC_INFINITY);
        is_str(turn(0), "", "infinity disarms");
        source_free(a);
}

static struct {
        usec_t last;
        int fired, disorder;
} heap_test;

static void on_heap_timer(struct loop_timer *t)
{
        usec_t *when = t->data;

        heap_test.fired++;
        heap_test.disorder += *when < heap_test.last;
        heap_test.last = *when;
}

static void heap(void)
{
        static struct loop_timer t[500];
        static usec_t when[ARRAY_SIZE(t)];
        uint32_t seed = 7;
        int armed = 0;

        for (int step = 0; step < 5000; step++) {
                size_t i;

                seed = seed * 1664525u + 1013904223u;
                i = (seed >> 8) % ARRAY_SIZE(t);
                t[i].cb = on_heap_timer;
                t[i].data = &when[i];
                if (seed >> 30 == 0)
                        loop_timer_cancel(l, &t[i]);
                else {
                        when[i] = 1 + (seed >> 4) % 100000;
                        loop_timer_set(l, &t[i], when[i]);
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(t); i++)
                armed += t[i].heap_index > 0;
        turn(0);
        is_int(heap_test.fired, armed, "all that are armed fire");
        is_int(heap_test.disorder, 0, "in order");
}

static void defer_self(struct source *s)
{
        loop_defer(l, &s->deferred);
        s->also = NULL;
}

static void defer_cancel_other(struct source *s)
{
        loop_defer_cancel(l, &s->other->deferred);
}

static void deferred(void)
{
        struct source *a = source_new('a', 0), *b = source_new('b', 0), *c = source_new('c', 0);

        loop_defer(l, &b->deferred);
        loop_defer(l, &a->deferred);
        loop_defer(l, &b->deferred);
        is_str(turn(USEC_INFINITY), "ba", "in order, once, without waiting");
        loop_defer(l, &a->deferred);
        loop_defer(l, &b->deferred);
        a->also = defer_self;
        is_str(turn(USEC_INFINITY), "ab", "queued by a deferred call");
        is_str(turn(USEC_INFINITY), "a", "runs in the next turn");
        loop_defer(l, &a->deferred);
        loop_defer(l, &b->deferred);
        loop_defer(l, &c->deferred);
        a->also = defer_cancel_other;
        a->other = c;
        is_str(turn(0), "ab", "cancelled by one that runs before, at the end of the list");
        loop_defer(l, &a->deferred);
        loop_defer(l, &b->deferred);
        loop_defer_cancel(l, &b->deferred);
        loop_defer_cancel(l, &b->deferred);
        a->also = free_other;
        loop_defer(l, &c->deferred);
        is_str(turn(0), "a", "freed while queued");
        loop_io_add(l, &b->io);
        b->also = defer_self;
        is_str(turn(0), "bb", "queued by an fd: at the end of the same turn");
        source_free(b);
        source_free(a);
}

static void leave(struct source *s)
{
        loop_exit(l, 42);
}

static void running(void)
{
        struct source *a = source_new('a', 0);
        uint64_t before = loop_wakeups(l);
        usec_t now;

        a->also = leave;
        loop_timer_set(l, &a->timer, 1);
        is_int(loop_run(l), 42, "loop_run gives the code of loop_exit");
        ok(loop_wakeups(l) == before + 1, "after one wake-up");
        now = now_monotonic();
        ok(loop_now(l) >= now, "loop_now outside a turn");
        source_free(a);
}

/* What others may take as a sign that nothing has changed. */
static void counted(void)
{
        struct source *loud = source_new('a', 0), *quiet = source_new('b', 0);
        uint64_t n = 5;

        quiet->io.quiet = quiet->deferred.quiet = true;
        loop_io_add(l, &quiet->io);
        loop_count(l, &n);
        turn(0);
        is_int((int64_t)n, 5, "a quiet descriptor is not counted");
        loop_defer(l, &quiet->deferred);
        turn(0);
        is_int((int64_t)n, 5, "nor a quiet deferred call");
        loop_io_add(l, &loud->io);
        turn(0);
        is_int((int64_t)n, 6, "another descriptor is");
        loop_io_remove(l, &loud->io);
        loop_defer(l, &loud->deferred);
        loop_timer_set(l, &loud->timer, 1);
        turn(0);
        is_int((int64_t)n, 8, "so are a timer and a deferred call");
        loop_count(l, NULL);
        loop_defer(l, &loud->deferred);
        turn(0);
        is_int((int64_t)n, 8, "until nobody wants to know");
        source_free(loud);
        source_free(quiet);
}

int main(void)
{
        if (loop_new(&l) < 0)
                return EXIT_FAILURE;
        descriptors();
        many();
        timers();
        heap();
        deferred();
        counted();
        running();
        loop_free(l);
        loop_free(NULL);
        strbuf_done(&trace);
        return tap_done();
}
