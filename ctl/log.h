/* journalctl(1): what is asked of the log (log-options.c), finding it (log.c), how an entry is printed (log-print.c), and
 * what is done with the files (log-manage.c). */
#pragma once

#include "ctl.h"
#include "logset.h"

enum log_format {
        FORMAT_SHORT,
        FORMAT_MONOTONIC,
        FORMAT_ISO,
        FORMAT_ISO_PRECISE,
        FORMAT_PRECISE,
        FORMAT_UNIX,
        FORMAT_CAT,
        FORMAT_JSON,
        FORMAT_VERBOSE,
        FORMAT_EXPORT
};

/* Where an entry stands, as text: "b=BOOT;m=MONOTONIC;t=REALTIME;x=HASH". */
struct log_cursor {
        uint8_t boot[16];
        usec_t realtime, monotonic;
        uint64_t hash; /* of the message */
};
#define CURSOR_TEXT_MAX 128

struct log_query {
        struct ring_filter filter;
        char **units, **identifiers, **files, **output_fields;
        char **matches; /* "KEY=value": those of one key are alternatives */
        enum log_format format;
        int64_t lines; /* -1: all */
        bool follow, reverse, quiet, no_hostname, utc, no_tail, show_cursor;
        const char *boot; /* -b's argument, "" without; NULL: all boots */
        bool one_boot;
        uint8_t boot_id[16]; /* with one_boot */
        char *ring;          /* NULL: the usual one */
        const char *dir, *cursor_file, *field;
        bool have_cursor, cursor_inclusive, cursor_passed;
        struct log_cursor cursor;
        /* instead of printing entries */
        int (*manage)(struct log_query *q);
        bool rotate_first; /* before old files are removed */
        struct {
                uint64_t size;
                usec_t time;
                uint32_t files;
        } vacuum;
};

/* log-print.c */
void log_print_entry(const struct log_query *q, const struct ring_entry *e);
/* Value of any field of an entry, also of those that have a place of their own; into buf where it must be written. */
const char *log_entry_value(
        const struct ring_entry *e, const char *key, size_t key_len, char buf[static 48], size_t *ret_len);
void log_cursor_of(const struct ring_entry *e, struct log_cursor *ret);
void log_cursor_format(const struct log_cursor *c, char buf[static CURSOR_TEXT_MAX]);
int log_cursor_parse(const char *text, struct log_cursor *ret);

/* log.c */
/* The ring that is read: of --namespace=, or that a test has named. */
const char *log_ring(const struct log_query *q);
int log_run(struct log_query *q);
/* The directory that is asked about: -D's, else this machine's. */
int log_directory(const struct log_query *q, char **ret);

/* log-manage.c */
int log_list_boots(struct log_query *q);
int log_list_values(struct log_query *q); /* -F */
int log_list_keys(struct log_query *q);   /* -N */
int log_disk_usage(struct log_query *q);
int log_vacuum(struct log_query *q);
int log_flush(struct log_query *q);
int log_rotate(struct log_query *q);
int log_sync(struct log_query *q);
int log_let_go(struct log_query *q);
int log_nothing(struct log_query *q);
