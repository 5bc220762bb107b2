/* What journalctl(1) does with the log's files besides printing entries. */
#include "log.h"

#include <signal.h>
#include <time.h>

#include "lib/id128.h"
#include "logd/ask.h"
#include "logd/journal-dir.h"

#define ASK_TIMEOUT (30 * USEC_PER_SEC)

static int open_set(struct log_query *q, struct logset **ret)
{
        int r = logset_open(q->dir, q->files, log_ring(q), ret);

        if (r < 0)
                fprintf(stderr, "No log can be read: %s\n", strerror(-r));
        return r;
}

static void print_time(const struct log_query *q, usec_t t)
{
        time_t sec = (time_t)(t / USEC_PER_SEC);
        char buf[64] = "?";
        struct tm tm;

        if (q->utc ? gmtime_r(&sec, &tm) : localtime_r(&sec, &tm))
                (void)strftime(buf, sizeof(buf), "%a %Y-%m-%d %H:%M:%S %Z", &tm);
        fputs(buf, stdout);
}

int log_list_boots(struct log_query *q)
{
        _cleanup_logset_ struct logset *s = NULL;
        _cleanup_free_ struct logset_boot *boots = NULL;
        char id[ID128_TEXT_MAX];
        int n;

        if (open_set(q, &s) < 0)
                return 1;
        n = logset_boots(s, &boots);
        if (n < 0)
                return 1;
        printf("IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n");
        for (int i = 0; i < n; i++) {
                printf("%3d %s ", i - n + 1, id128_format(id, boots[i].id));
                print_time(q, boots[i].first);
                putchar(' ');
                print_time(q, boots[i].last);
                putchar('\n');
        }
        return 0;
}

int log_list_values(struct log_query *q)
{
        _cleanup_logset_ struct logset *s = NULL;
        _cleanup_strv_ char **seen = NULL;
        struct ring_entry e;
        char buf[48];
        size_t len;

        if (open_set(q, &s) < 0)
                return 1;
        while (logset_next(s, &e) > 0) {
                const char *v = log_entry_value(&e, q->field, strlen(q->field), buf, &len);
                _cleanup_free_ char *copy = v ? strndup(v, len) : NULL;

                if (copy && !strv_contains(seen, copy) && strv_push(&seen, TAKE_PTR(copy)) < 0)
                        return 1;
        }
        FOREACH_STR (v, seen)
                puts(*v);
        return 0;
}

int log_list_keys(struct log_query *q)
{
        static const char *const own[] = { "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER",
                "_BOOT_ID", "_COMM", "_GID", "_HOSTNAME", "_PID", "_SYSTEMD_UNIT", "_TRANSPORT", "_UID" };
        _cleanup_logset_ struct logset *s = NULL;
        _cleanup_strv_ char **seen = NULL;
        struct ring_entry e;

        if (open_set(q, &s) < 0)
                return 1;
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (strv_add(&seen, own[i]) < 0)
                        return 1;
        while (logset_next(s, &e) > 0) {
                const char *key, *value;
                size_t p = 0, kl, vl;

                while (ring_entry_next_field(&e, &p, &key, &kl, &value, &vl) > 0) {
                        _cleanup_free_ char *copy = strndup(key, kl);

                        if (copy && !strv_contains(seen, copy) && strv_push(&seen, TAKE_PTR(copy)) < 0)
                                return 1;
                }
        }
        strv_sort(seen);
        FOREACH_STR (v, seen)
                puts(*v);
        return 0;
}

int log_disk_usage(struct log_query *q)
{
        _cleanup_free_ char *dir = NULL;
        char buf[32];
        uint64_t n;

        if (log_directory(q, &dir) < 0)
                return 1;
        n = journal_usage(dir);
        if (n)
                printf("The log takes up %s in %s, ", format_bytes(buf, sizeof(buf), n), dir);
        else
                printf("The log is not kept on disk, ");
        printf("and %uM in " LOGD_RUN_DIR ".\n", RING_SIZE >> 20);
        return 0;
}

static int ask(int sig, int value, const char *mark)
{
        int r = logd_ask(sig, value, mark, ASK_TIMEOUT);

        if (r == -ESRCH)
                fprintf(stderr, "The log daemon does not run.\n");
        else if (r < 0)
                fprintf(stderr, "The log daemon cannot be asked: %s\n", strerror(-r));
        return r < 0;
}

int log_vacuum(struct log_query *q)
{
        struct journal_limits l = {
                .max_use = q->vacuum.size, .max_files = q->vacuum.files, .retention = q->vacuum.time
        };
        _cleanup_free_ char *dir = NULL;
        char buf[32];
        uint64_t bytes = 0;
        int r = log_directory(q, &dir);

        if (q->rotate_first && ask(SIGUSR2, 0, "rotated"))
                return 1;
        if (r >= 0)
                r = journal_vacuum(dir, &l, &bytes);
        if (r < 0 && r != -ENOENT) {
                fprintf(stderr, "Old journal files cannot be removed: %s\n", strerror(-r));
                return 1;
        }
        fprintf(stderr, "Vacuuming done, freed %s of archived journals from %s.\n",
                format_bytes(buf, sizeof(buf), bytes), dir);
        return 0;
}

int log_flush(struct log_query *q)
{
        return ask(SIGUSR1, LOGD_NOW, "flushed");
}

int log_rotate(struct log_query *q)
{
        return ask(SIGUSR2, 0, "rotated");
}

int log_sync(struct log_query *q)
{
        return ask(SIGRTMIN + 1, 0, "synced");
}

int log_let_go(struct log_query *q)
{
        return ask(SIGUSR1, LOGD_LET_GO, "relinquished");
}

int log_nothing(struct log_query *q)
{
        return 0;
}
