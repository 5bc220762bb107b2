/* The log: `rousectl log` and journalctl(1), reading logd's ring (logd/ringread.h) without the daemon. What it keeps is
 * this boot's, bounded; -b with another boot says so. */
#include "log.h"

#include <getopt.h>
#include <time.h>

#include "lib/unitname.h"

static const struct {
        const char *name;
        enum log_format format;
} formats[] = {
        { "short", FORMAT_SHORT },
        { "short-full", FORMAT_SHORT },
        { "short-iso", FORMAT_ISO },
        { "short-iso-precise", FORMAT_ISO_PRECISE },
        { "short-precise", FORMAT_PRECISE },
        { "short-monotonic", FORMAT_MONOTONIC },
        { "short-unix", FORMAT_UNIX },
        { "with-unit", FORMAT_SHORT },
        { "cat", FORMAT_CAT },
        { "json", FORMAT_JSON },
        { "json-pretty", FORMAT_JSON },
        { "json-sse", FORMAT_JSON },
        { "json-seq", FORMAT_JSON },
        { "verbose", FORMAT_VERBOSE },
        { "export", FORMAT_EXPORT },
};

/* ---- queries ---- */

/* The ring's filter knows one unit; with several, or a pattern, entries are chosen here. */
static bool wanted(const struct log_query *q, const struct ring_entry *e)
{
        if (!ring_filter_match(&q->filter, e))
                return false;
        if (q->units && !q->filter.unit && !(*e->unit && match_any(q->units, e->unit)))
                return false;
        return !q->identifiers || strv_contains(q->identifiers, e->identifier);
}

static int print_all(struct ringread *r, const struct log_query *q, int64_t *ret_n)
{
        struct ring_entry e;
        int64_t n = 0;
        int k;

        while ((k = ringread_next(r, &e, NULL)) > 0)
                if (wanted(q, &e)) {
                        log_print_entry(q, &e);
                        n++;
                }
        *ret_n = n;
        return k;
}

/* Positions of the entries that match, the last `lines` of them, forwards or backwards. */
static int print_chosen(struct ringread *r, const struct log_query *q, int64_t *ret_n)
{
        uint64_t *pos = NULL;
        struct ring_entry e;
        size_t n = 0, cap = 0, from;

        while (ringread_next(r, &e, NULL) > 0) {
                if (!wanted(q, &e))
                        continue;
                if (n == cap) {
                        uint64_t *p = reallocarray(pos, cap ? cap * 2 : 1024, sizeof(*p));

                        if (!p)
                                break;
                        pos = p;
                        cap = cap ? cap * 2 : 1024;
                }
                pos[n++] = e.pos;
        }
        from = q->lines >= 0 && (uint64_t)q->lines < n ? n - (size_t)q->lines : 0;
        for (size_t i = from; i < n; i++) {
                ringread_seek_pos(r, q->reverse ? pos[n - 1 - (i - from)] : pos[i]);
                if (ringread_next(r, &e, NULL) > 0)
                        log_print_entry(q, &e);
        }
        *ret_n = (int64_t)(n - from);
        free(pos);
        return 0;
}

static int follow(struct ringread **r, const struct log_query *q)
{
        for (;;) {
                int64_t n;
                int k;

                fflush(stdout);
                k = ringread_wait(*r, USEC_INFINITY);
                if (k == -ESTALE) {
                        ringread_closep(r);
                        *r = NULL;
                        k = ringread_open(NULL, r);
                }
                if (k < 0)
                        return k;
                (void)print_all(*r, q, &n);
        }
}

static int run_query(struct log_query *q)
{
        _cleanup_ringread_ struct ringread *r = NULL;
        int64_t n = 0;
        int k;

        if (q->boot_other) {
                fprintf(stderr, "Only the log of this boot is kept.\n");
                return 1;
        }
        if (q->units && q->units[0] && !q->units[1] && !is_pattern(q->units[0]))
                q->filter.unit = q->units[0];
        k = ringread_open(secure_getenv("ROUSE_LOG"), &r);
        if (k < 0) {
                fprintf(stderr, "No log can be read: %s\n",
                        k == -ENOENT ? "the log daemon has not run" : strerror(-k));
                return 1;
        }
        if (q->lines >= 0 || q->reverse)
                (void)print_chosen(r, q, &n);
        else
                (void)print_all(r, q, &n);
        if (n == 0 && !q->quiet && !q->follow && q->format != FORMAT_JSON)
                puts("-- No entries --");
        if (!q->follow)
                return 0;
        ringread_seek_end(r);
        k = follow(&r, q);
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

/* ---- options ---- */

/* systemd.time(7), the forms that people type: @SECONDS, "now", "today", "yesterday", "-1h", "1h ago", a date, a time. */
static int parse_when(const char *s, usec_t *ret)
{
        _cleanup_free_ char *ago = NULL;
        time_t now = time(NULL);
        const char *end;
        usec_t span;
        int64_t v;
        struct tm tm;

        if (*s == '@' && parse_i64(s + 1, &v) >= 0) {
                *ret = v * USEC_PER_SEC;
                return 0;
        }
        if ((*s == '-' || *s == '+') && parse_timespan(s + 1, USEC_PER_SEC, &span) >= 0) {
                *ret = now_realtime() + (*s == '-' ? -span : span);
                return 0;
        }
        if (endswith(s, " ago")) {
                ago = strndup(s, strlen(s) - 4);
                if (!ago || parse_timespan(ago, USEC_PER_SEC, &span) < 0)
                        return -EINVAL;
                *ret = now_realtime() - span;
                return 0;
        }
        if (!localtime_r(&now, &tm))
                return -EINVAL;
        if (streq(s, "now")) {
                *ret = now_realtime();
                return 0;
        }
        tm.tm_isdst = -1;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        if (streq(s, "yesterday"))
                tm.tm_mday--;
        else if (!streq(s, "today")) {
                static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
                        "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M" };
                struct tm got;

                end = NULL;
                for (size_t i = 0; i < ARRAY_SIZE(forms) && !end; i++) {
                        got = tm;
                        end = strptime(s, forms[i], &got);
                        if (end && *end)
                                end = NULL;
                }
                if (!end)
                        return -EINVAL;
                tm = got;
        }
        now = mktime(&tm);
        *ret = (usec_t)now * USEC_PER_SEC;
        return now == (time_t)-1 ? -EINVAL : 0;
}

static int set_format(struct log_query *q, const char *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if (streq(formats[i].name, s)) {
                        q->format = formats[i].format;
                        return 0;
                }
        return -EINVAL;
}

enum {
        L_SINCE = 256,
        L_UNTIL,
        L_NO_HOSTNAME,
        L_UTC,
        L_NO_TAIL,
        L_IGNORED,
        L_IGNORED_ARG,
        L_LIST_BOOTS,
        L_DISK_USAGE,
        L_NOTHING,
        L_VERSION,
        L_HELP
};
static const struct option log_options[] = {
        { "unit", 1, NULL, 'u' },
        { "lines", 2, NULL, 'n' },
        { "follow", 0, NULL, 'f' },
        { "boot", 2, NULL, 'b' },
        { "priority", 1, NULL, 'p' },
        { "dmesg", 0, NULL, 'k' },
        { "pager-end", 0, NULL, 'e' },
        { "catalog", 0, NULL, 'x' },
        { "output", 1, NULL, 'o' },
        { "identifier", 1, NULL, 't' },
        { "reverse", 0, NULL, 'r' },
        { "since", 1, NULL, 'S' },
        { "until", 1, NULL, 'U' },
        { "grep", 1, NULL, 'g' },
        { "quiet", 0, NULL, 'q' },
        { "all", 0, NULL, 'a' },
        { "no-hostname", 0, NULL, L_NO_HOSTNAME },
        { "utc", 0, NULL, L_UTC },
        { "no-tail", 0, NULL, L_NO_TAIL },
        { "no-pager", 0, NULL, L_IGNORED },
        { "no-full", 0, NULL, L_IGNORED },
        { "full", 0, NULL, L_IGNORED },
        { "system", 0, NULL, L_IGNORED },
        { "merge", 0, NULL, L_IGNORED },
        { "list-boots", 0, NULL, L_LIST_BOOTS },
        { "disk-usage", 0, NULL, L_DISK_USAGE },
        { "flush", 0, NULL, L_NOTHING },
        { "rotate", 0, NULL, L_NOTHING },
        { "sync", 0, NULL, L_NOTHING },
        { "relinquish-var", 0, NULL, L_NOTHING },
        { "vacuum-size", 1, NULL, L_NOTHING },
        { "vacuum-time", 1, NULL, L_NOTHING },
        { "vacuum-files", 1, NULL, L_NOTHING },
        { "update-catalog", 0, NULL, L_NOTHING },
        { "case-sensitive", 2, NULL, L_IGNORED_ARG },
        { "version", 0, NULL, L_VERSION },
        { "help", 0, NULL, L_HELP },
        { 0 },
};

static int add_unit(struct log_query *q, const char *name)
{
        _cleanup_strv_ char **v = mangle_units((char *[]) { (char *)name, NULL }, "service");

        return strv_extend(&q->units, v);
}

static int set_priority(struct log_query *q, const char *s)
{
        const char *dots = strstr(s, "..");

        q->filter.priority =
                log_level_from_string(dots ? dots + 2 : s); /* FROM..TO: up to the less important */
        return q->filter.priority < 0 ? -EINVAL : 0;
}

static int set_log_option(struct log_query *q, int c, const char *arg)
{
        switch (c) {
        case 'u': return add_unit(q, arg);
        case 'n':
                q->lines = 10;
                return !arg || streq(arg, "all") ? (q->lines = arg ? -1 : 10, 0) : parse_i64(arg, &q->lines);
        case 'f':
                q->follow = true;
                if (q->lines < 0 && !q->no_tail)
                        q->lines = 10;
                return 0;
        case 'b': q->boot_other = arg && !streq(arg, "0") && !streq(arg, "all"); return 0;
        case 'p': return set_priority(q, arg);
        case 'k': q->filter.transport = TRANSPORT_KERNEL + 1; return 0;
        case 'e':
                if (q->lines < 0)
                        q->lines = 1000;
                return 0;
        case 'o': return set_format(q, arg);
        case 't': return strv_add(&q->identifiers, arg);
        case 'r': q->reverse = true; return 0;
        case 'S': return parse_when(arg, &q->filter.since);
        case 'U': return parse_when(arg, &q->filter.until);
        case 'g': q->filter.grep = arg; return 0;
        case 'q': q->quiet = true; return 0;
        case L_NO_HOSTNAME: q->no_hostname = true; return 0;
        case L_UTC: q->utc = true; return 0;
        case L_NO_TAIL:
                q->no_tail = true;
                q->lines = -1;
                return 0;
        case L_LIST_BOOTS: q->list_boots = true; return 0;
        case L_DISK_USAGE: q->disk_usage = true; return 0;
        case L_NOTHING: q->nothing = true; return 0;
        case 'a':
        case 'x':
        case 'm':
        case L_IGNORED:
        case L_IGNORED_ARG: return 0;
        default: return -EINVAL;
        }
}

/* FIELD=VALUE: the fields that every record has. */
static int add_match(struct log_query *q, const char *match)
{
        const char *v;

        if ((v = startswith(match, "_SYSTEMD_UNIT=")) || (v = startswith(match, "UNIT=")))
                return add_unit(q, v);
        if ((v = startswith(match, "SYSLOG_IDENTIFIER=")) || (v = startswith(match, "_COMM=")))
                return strv_add(&q->identifiers, v);
        if ((v = startswith(match, "_PID=")))
                return parse_u32(v, &q->filter.pid);
        if ((v = startswith(match, "PRIORITY=")))
                return set_priority(q, v);
        if (streq(match, "_TRANSPORT=kernel")) {
                q->filter.transport = TRANSPORT_KERNEL + 1;
                return 0;
        }
        return -EOPNOTSUPP;
}

int journalctl_main(int argc, char **argv)
{
        struct log_query q = { .filter.priority = -1, .lines = -1 };
        int c;

        optind = 1;
        while ((c = getopt_long(argc, argv, "u:n::fb::p:kexo:t:rS:U:g:qam", log_options, NULL)) >= 0) {
                const char *arg = optarg;

                if (c == '?')
                        return 1;
                if (c == L_VERSION)
                        return verb_version("version", NULL);
                if (c == L_HELP) {
                        puts("journalctl [-u UNIT] [-t IDENTIFIER] [-n LINES] [-f] [-k] [-p LEVEL] [-r] [-S "
                             "TIME] [-U TIME] [-g TEXT] "
                             "[-o FORMAT] [FIELD=VALUE…]\nSee rousectl(1).");
                        return 0;
                }
                /* "-n 20", "-b -1": an optional argument may stand apart */
                if (!arg && (c == 'n' || c == 'b') && optind < argc && argv[optind][0] &&
                        strspn(argv[optind], "+-0123456789") == strlen(argv[optind]))
                        arg = argv[optind++];
                if (set_log_option(&q, c, arg) < 0) {
                        fprintf(stderr, "Invalid value '%s'.\n", arg ?: "");
                        return 1;
                }
        }
        for (; optind < argc; optind++)
                if (add_match(&q, argv[optind]) < 0) {
                        fprintf(stderr, "Cannot match by '%s'.\n", argv[optind]);
                        return 1;
                }
        if (q.nothing)
                return 0; /* the ring needs no flushing, rotating or vacuuming */
        if (q.disk_usage) {
                printf("The log takes up %uM in " LOGD_RUN_DIR ".\n", RING_SIZE >> 20);
                return 0;
        }
        if (q.list_boots) {
                puts("IDX BOOT\n  0 this one: the log of earlier boots is not kept");
                return 0;
        }
        return run_query(&q);
}

int verb_log(const char *verb, char **args)
{
        _cleanup_strv_ char **argv = NULL;

        if (strv_add(&argv, "rousectl log") < 0 || strv_extend(&argv, args) < 0)
                return 1;
        return journalctl_main((int)strv_len(argv), argv);
}
