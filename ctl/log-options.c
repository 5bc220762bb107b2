/* journalctl(1)'s options. */
#include "log.h"

#include <getopt.h>
#include <time.h>

#include "lib/fileio.h"

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
        L_NO_HOSTNAME = 256,
        L_UTC,
        L_NAMESPACE,
        L_NO_TAIL,
        L_IGNORED,
        L_FILE,
        L_VACUUM_SIZE,
        L_VACUUM_TIME,
        L_VACUUM_FILES,
        L_AFTER_CURSOR,
        L_CURSOR_FILE,
        L_SHOW_CURSOR,
        L_OUTPUT_FIELDS,
        L_VERSION,
        L_HELP,
        L_MANAGE /* + a place in managing[] */
};

/* What is done instead of printing entries. */
static const struct {
        const char *name;
        int (*fn)(struct log_query *q);
} managing[] = {
        { "list-boots", log_list_boots },
        { "disk-usage", log_disk_usage },
        { "flush", log_flush },
        { "rotate", log_rotate },
        { "sync", log_sync },
        { "relinquish-var", log_let_go },
        { "smart-relinquish-var", log_let_go },
        { "update-catalog", log_nothing },
        { "fields", log_list_keys },
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
        { "output-fields", 1, NULL, L_OUTPUT_FIELDS },
        { "identifier", 1, NULL, 't' },
        { "reverse", 0, NULL, 'r' },
        { "since", 1, NULL, 'S' },
        { "until", 1, NULL, 'U' },
        { "grep", 1, NULL, 'g' },
        { "field", 1, NULL, 'F' },
        { "cursor", 1, NULL, 'c' },
        { "after-cursor", 1, NULL, L_AFTER_CURSOR },
        { "cursor-file", 1, NULL, L_CURSOR_FILE },
        { "show-cursor", 0, NULL, L_SHOW_CURSOR },
        { "directory", 1, NULL, 'D' },
        { "file", 1, NULL, L_FILE },
        { "quiet", 0, NULL, 'q' },
        { "all", 0, NULL, 'a' },
        { "no-hostname", 0, NULL, L_NO_HOSTNAME },
        { "namespace", 1, NULL, L_NAMESPACE },
        { "utc", 0, NULL, L_UTC },
        { "no-tail", 0, NULL, L_NO_TAIL },
        { "no-pager", 0, NULL, L_IGNORED },
        { "no-full", 0, NULL, L_IGNORED },
        { "full", 0, NULL, L_IGNORED },
        { "system", 0, NULL, L_IGNORED },
        { "merge", 0, NULL, 'm' },
        { "case-sensitive", 2, NULL, L_IGNORED },
        { "vacuum-size", 1, NULL, L_VACUUM_SIZE },
        { "vacuum-time", 1, NULL, L_VACUUM_TIME },
        { "vacuum-files", 1, NULL, L_VACUUM_FILES },
        { "list-boots", 0, NULL, L_MANAGE },
        { "disk-usage", 0, NULL, L_MANAGE + 1 },
        { "flush", 0, NULL, L_MANAGE + 2 },
        { "rotate", 0, NULL, L_MANAGE + 3 },
        { "sync", 0, NULL, L_MANAGE + 4 },
        { "relinquish-var", 0, NULL, L_MANAGE + 5 },
        { "smart-relinquish-var", 0, NULL, L_MANAGE + 6 },
        { "update-catalog", 0, NULL, L_MANAGE + 7 },
        { "fields", 0, NULL, L_MANAGE + 8 },
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

static int set_lines(struct log_query *q, const char *arg)
{
        q->lines = arg ? -1 : 10;
        return !arg || streq(arg, "all") ? 0 : parse_i64(arg, &q->lines);
}

static int set_cursor(struct log_query *q, const char *text, bool inclusive)
{
        q->have_cursor = true;
        q->cursor_inclusive = inclusive;
        return log_cursor_parse(text, &q->cursor);
}

/* A file that is not there yet is the beginning. */
static int set_cursor_file(struct log_query *q, const char *path)
{
        _cleanup_free_ char *text = NULL;
        int r = read_one_line(path, &text);

        q->cursor_file = path;
        return r == -ENOENT ? 0 : r < 0 ? r : set_cursor(q, text, false);
}

static int set_vacuum(struct log_query *q, int c, const char *arg)
{
        q->rotate_first |= q->manage == log_rotate;
        q->manage = log_vacuum;
        return c == L_VACUUM_SIZE   ? parse_size(arg, &q->vacuum.size)
               : c == L_VACUUM_TIME ? parse_timespan(arg, USEC_PER_SEC, &q->vacuum.time)
                                    : parse_u32(arg, &q->vacuum.files);
}

static int set_text_option(struct log_query *q, int c, const char *arg)
{
        _cleanup_strv_ char **words = NULL;

        switch (c) {
        case 'u': return add_unit(q, arg);
        case 'b': q->boot = !arg || streq(arg, "all") ? arg ? NULL : "" : arg; return 0;
        case 'n': return set_lines(q, arg);
        case 'p': return set_priority(q, arg);
        case 'o': return set_format(q, arg);
        case 't': return strv_add(&q->identifiers, arg);
        case 'S': return parse_when(arg, &q->filter.since);
        case 'U': return parse_when(arg, &q->filter.until);
        case 'g': q->filter.grep = arg; return 0;
        case 'F':
                q->field = arg;
                q->manage = log_list_values;
                return 0;
        case 'c':
        case L_AFTER_CURSOR: return set_cursor(q, arg, c == 'c');
        case L_CURSOR_FILE: return set_cursor_file(q, arg);
        case 'D': q->dir = arg; return 0;
        case L_FILE: return strv_add(&q->files, arg);
        case L_OUTPUT_FIELDS:
                words = strv_split(arg, ",");
                return words ? strv_extend(&q->output_fields, words) : -ENOMEM;
        default: return set_vacuum(q, c, arg);
        }
}

/* Its log is in memory alone. */
static int set_namespace(struct log_query *q, const char *arg)
{
        char *dir;

        if (!*arg || strchr(arg, '/'))
                return -EINVAL;
        dir = str_printf(LOGD_RUN_DIR ".%s", arg);
        free(q->ring);
        q->ring = dir ? path_join(dir, "ring") : NULL;
        q->dir = dir;
        return q->ring ? 0 : -ENOMEM;
}

static int set_option(struct log_query *q, int c, const char *arg)
{
        switch (c) {
        case 'f':
                q->follow = true;
                if (q->lines < 0 && !q->no_tail)
                        q->lines = 10;
                return 0;
        case 'k':
                q->filter.transport = TRANSPORT_KERNEL + 1;
                if (!q->boot)
                        q->boot = "";
                return 0;
        case 'e':
                if (q->lines < 0)
                        q->lines = 1000;
                return 0;
        case 'r': q->reverse = true; return 0;
        case 'q': q->quiet = true; return 0;
        case 'N': q->manage = log_list_keys; return 0;
        case L_NO_HOSTNAME: q->no_hostname = true; return 0;
        case L_NAMESPACE: return set_namespace(q, arg);
        case L_UTC: q->utc = true; return 0;
        case L_NO_TAIL:
                q->no_tail = true;
                q->lines = -1;
                return 0;
        case L_SHOW_CURSOR: q->show_cursor = true; return 0;
        case 'a':
        case 'x':
        case 'm':
        case L_IGNORED: return 0;
        default: break;
        }
        if (c >= L_MANAGE) {
                int (*fn)(struct log_query * q) = managing[c - L_MANAGE].fn;

                q->rotate_first |= fn == log_rotate;
                if (fn != log_rotate || q->manage != log_vacuum)
                        q->manage = fn;
                return 0;
        }
        return set_text_option(q, c, arg);
}

static int add_match(struct log_query *q, const char *match)
{
        const char *v;

        if ((v = startswith(match, "UNIT=")))
                return add_unit(q, v);
        if (!strchr(match, '=') || *match == '=')
                return -EINVAL;
        return strv_add(&q->matches, match);
}

static int usage(void)
{
        puts("journalctl [-u UNIT] [-t IDENTIFIER] [-b [BOOT]] [-n LINES] [-f] [-k] [-p LEVEL] [-r] [-S "
             "TIME] [-U TIME] "
             "[-g TEXT] [-o FORMAT] [-D DIR] [FIELD=VALUE…]\n"
             "journalctl --list-boots | -F FIELD | -N | --disk-usage | --flush | --rotate | --sync | "
             "--vacuum-size=BYTES | --vacuum-time=TIME | --vacuum-files=N\nSee rousectl(1).");
        return 0;
}

static int run(struct log_query *q, int argc, char **argv)
{
        int c;

        optind = 1;
        while ((c = getopt_long(argc, argv, "u:n::fb::p:kexo:t:rS:U:g:qamD:c:F:N", log_options, NULL)) >=
                0) {
                const char *arg = optarg;

                if (c == '?')
                        return 1;
                if (c == L_VERSION)
                        return verb_version("version", NULL);
                if (c == L_HELP)
                        return usage();
                /* "-n 20", "-b -1": an optional argument may stand apart */
                if (!arg && (c == 'n' || c == 'b') && optind < argc && argv[optind][0] &&
                        (strspn(argv[optind], "+-0123456789") == strlen(argv[optind]) ||
                                (c == 'b' && strspn(argv[optind], "0123456789abcdef") == 32)))
                        arg = argv[optind++];
                if (set_option(q, c, arg) < 0) {
                        fprintf(stderr, "Invalid value '%s'.\n", arg ?: "");
                        return 1;
                }
        }
        for (; optind < argc; optind++)
                if (add_match(q, argv[optind]) < 0) {
                        fprintf(stderr, "Cannot match by '%s'.\n", argv[optind]);
                        return 1;
                }
        return q->manage ? q->manage(q) : log_run(q);
}

static int run_and_free(struct log_query *q, int argc, char **argv)
{
        int r = run(q, argc, argv);

        strv_free(q->units);
        strv_free(q->identifiers);
        strv_free(q->files);
        strv_free(q->matches);
        strv_free(q->output_fields);
        return r;
}

int journalctl_main(int argc, char **argv)
{
        struct log_query q = { .filter.priority = -1, .lines = -1 };

        return run_and_free(&q, argc, argv);
}

/* `rousectl log`: this boot's, unless -b says otherwise. */
int verb_log(const char *verb, char **args)
{
        struct log_query q = { .filter.priority = -1, .lines = -1, .boot = "" };
        _cleanup_strv_ char **argv = NULL;

        if (strv_add(&argv, "rousectl log") < 0 || strv_extend(&argv, args) < 0)
                return 1;
        return run_and_free(&q, (int)strv_len(argv), argv);
}
