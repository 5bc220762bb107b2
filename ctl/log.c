/* Finding entries of the log: journalctl(1), `rousectl log`. Works without the log daemon. */
#include "log.h"

#include "lib/fileio.h"
#include "lib/id128.h"

/* ---- which entries ---- */

static bool has_value(const struct ring_entry *e, const char *match)
{
        const char *eq = strchr(match, '='), *v;
        char buf[48];
        size_t len;

        v = log_entry_value(e, match, (size_t)(eq - match), buf, &len);
        return v && len == strlen(eq + 1) && memcmp(v, eq + 1, len) == 0;
}

/* Matches of one key are alternatives; every key that is named must have one. */
static bool matches(const struct log_query *q, const struct ring_entry *e)
{
        FOREACH_STR (m, q->matches) {
                size_t key = (size_t)(strchr(*m, '=') - *m) + 1;
                bool any = false;

                FOREACH_STR (other, q->matches)
                        any |= strncmp(*m, *other, key) == 0 && has_value(e, *other);
                if (!any)
                        return false;
        }
        return true;
}

/* The unit that sent it, or that PID 1 speaks of. */
static bool of_units(const struct log_query *q, const struct ring_entry *e)
{
        _cleanup_free_ char *about = NULL;
        const char *v = NULL;
        size_t len;

        if (*e->unit && match_any(q->units, e->unit))
                return true;
        if (e->pid == 1)
                v = ring_entry_field(e, "UNIT", &len);
        about = v ? strndup(v, len) : NULL;
        return about && match_any(q->units, about);
}

static bool after_cursor(struct log_query *q, const struct ring_entry *e)
{
        struct log_cursor c;

        if (!q->have_cursor || q->cursor_passed)
                return true;
        log_cursor_of(e, &c);
        if (memcmp(&c, &q->cursor, sizeof(c)) == 0) {
                q->cursor_passed = true;
                return q->cursor_inclusive;
        }
        q->cursor_passed = memcmp(c.boot, q->cursor.boot, 16) == 0 ? c.monotonic > q->cursor.monotonic
                                                                   : c.realtime > q->cursor.realtime;
        return q->cursor_passed;
}

static bool wanted(const struct log_query *q, const struct ring_entry *e)
{
        if (q->one_boot && e->boot && memcmp(e->boot, q->boot_id, 16) != 0)
                return false;
        if (!ring_filter_match(&q->filter, e) || (q->units && !of_units(q, e)))
                return false;
        if (q->identifiers && !strv_contains(q->identifiers, e->identifier))
                return false;
        return matches(q, e);
}

/* ---- walking ---- */

/* "-- Boot ID --" where another boot begins. */
static void print_boot(const struct log_query *q, const struct ring_entry *e, uint8_t boot[static 16])
{
        static const uint8_t none[16];
        char text[ID128_TEXT_MAX];

        if (!e->boot || memcmp(boot, e->boot, 16) == 0)
                return;
        if (memcmp(boot, none, 16) != 0 && q->format < FORMAT_CAT && !q->quiet)
                printf("-- Boot %s --\n", id128_format(text, e->boot));
        memcpy(boot, e->boot, 16);
}

/* From where the set stands, backwards or not; most < 0: all. Whether there was one, and where it was. */
static bool print_entries(
        struct logset *s, struct log_query *q, int64_t most, bool back, struct log_cursor *last)
{
        uint8_t boot[16] = { 0 };
        struct ring_entry e;
        int64_t n = 0;

        while ((most < 0 || n < most) && (back ? logset_prev(s, &e) : logset_next(s, &e)) > 0) {
                if (!wanted(q, &e) || (!back && !after_cursor(q, &e)))
                        continue;
                print_boot(q, &e, boot);
                log_print_entry(q, &e);
                log_cursor_of(&e, last);
                n++;
        }
        return n > 0;
}

/* To where the last lines that are wanted begin. How many they are. */
static int64_t seek_last(struct logset *s, const struct log_query *q)
{
        struct ring_entry e;
        int64_t n = 0;

        logset_seek_tail(s);
        while (n < q->lines && logset_prev(s, &e) > 0)
                n += wanted(q, &e);
        return n;
}

static bool print_wanted(struct logset *s, struct log_query *q, struct log_cursor *last)
{
        if (!q->reverse && q->lines >= 0)
                return print_entries(s, q, seek_last(s, q), false, last);
        if (q->reverse)
                logset_seek_tail(s);
        else
                logset_seek_head(s);
        return print_entries(s, q, q->lines, q->reverse, last);
}

static int follow(struct ringread *r, struct log_query *q)
{
        _cleanup_ringread_ struct ringread *next = NULL;

        for (;;) {
                struct ring_entry e;
                int k;

                while ((k = ringread_next(r, &e, NULL)) > 0)
                        if (wanted(q, &e))
                                log_print_entry(q, &e);
                fflush(stdout);
                if (k >= 0)
                        k = ringread_wait(r, USEC_INFINITY);
                if (k == -ESTALE) { /* a new log daemon has made a new one */
                        ringread_closep(&next);
                        next = NULL;
                        k = ringread_open(log_ring(q), &next);
                        r = next;
                }
                if (k < 0)
                        return k;
        }
}

/* ---- one query ---- */

const char *log_ring(const struct log_query *q)
{
        return q->ring ? q->ring : q->dir || q->files ? NULL : secure_getenv("ROUSE_LOG");
}

int log_directory(const struct log_query *q, char **ret)
{
        if (!q->dir)
                return logset_dir(ret);
        return (*ret = strdup(q->dir)) ? 0 : -ENOMEM;
}

/* -b: "" or 0 this boot, -N before it, N counted from the first, an ID, ID±N. */
static int choose_boot(struct logset *s, struct log_query *q)
{
        _cleanup_free_ struct logset_boot *boots = NULL;
        const char *arg = q->boot;
        int64_t offset = 0, i;
        int n, at = -1;
        uint8_t id[16];

        if (id128_read("/proc/sys/kernel/random/boot_id", id) < 0)
                memset(id, 0, 16);
        if (strspn(arg, "0123456789abcdef") == 32) {
                _cleanup_free_ char *text = strndup(arg, 32);

                if (!text || id128_parse(text, id) < 0)
                        return -EINVAL;
                arg += 32;
        }
        if (*arg && parse_i64(*arg == '+' ? arg + 1 : arg, &offset) < 0)
                return -EINVAL;
        q->one_boot = true;
        memcpy(q->boot_id, id, 16);
        if (offset == 0)
                return 0;
        n = logset_boots(s, &boots);
        if (n < 0)
                return n;
        for (int k = 0; k < n; k++)
                if (memcmp(boots[k].id, id, 16) == 0)
                        at = k;
        if (at < 0)
                at = n; /* this boot has nothing yet: it is behind the last */
        i = arg == q->boot && offset > 0 ? offset - 1 : at + offset;
        if (i < 0 || i >= n)
                return -ENOENT;
        memcpy(q->boot_id, boots[i].id, 16);
        return 0;
}

static void save_cursor(const struct log_query *q, const struct log_cursor *c)
{
        char text[CURSOR_TEXT_MAX];

        log_cursor_format(c, text);
        if (q->show_cursor)
                printf("-- cursor: %s\n", text);
        if (q->cursor_file && write_file_atomic(q->cursor_file, text, strlen(text), 0644, false) < 0)
                fprintf(stderr, "%s cannot be written.\n", q->cursor_file);
}

int log_run(struct log_query *q)
{
        _cleanup_logset_ struct logset *s = NULL;
        struct log_cursor last = { 0 };
        bool any;
        int k;

        k = logset_open(q->dir, q->files, log_ring(q), &s);
        if (k < 0) {
                fprintf(stderr, "No log can be read: %s\n",
                        k == -ENOENT ? "there is no journal, and the log daemon has not run" : strerror(-k));
                return 1;
        }
        k = q->boot ? choose_boot(s, q) : 0;
        if (k < 0) {
                fprintf(stderr, "No boot \"%s\" in the log.\n", q->boot);
                return 1;
        }
        any = print_wanted(s, q, &last);
        if (any && (q->show_cursor || q->cursor_file))
                save_cursor(q, &last);
        if (!any && !q->quiet && !q->follow && q->format != FORMAT_JSON)
                puts("-- No entries --");
        if (!q->follow || !logset_ring(s))
                return 0;
        k = follow(logset_ring(s), q);
        fprintf(stderr, "The log cannot be followed: %s\n", strerror(-k));
        return 1;
}

void log_print_tail(const char *unit, const char *invocation, int lines)
{
        struct log_query q = { .filter = { .unit = unit, .priority = -1 }, .lines = lines };
        _cleanup_ringread_ struct ringread *r = NULL;
        struct ring_entry e;
        bool first = true;

        if (ringread_open(secure_getenv("ROUSE_LOG"), &r) < 0)
                return;
        (void)ringread_seek_last(r, &q.filter, (unsigned)MAX(lines, 0));
        for (; ringread_next_match(r, &q.filter, &e) > 0; first = false) {
                if (first)
                        putchar('\n');
                log_print_entry(&q, &e);
        }
}
