/* What is asked of the log (log.c) and how an entry is printed (log-print.c). */
#pragma once

#include "ctl.h"
#include "logd/ringread.h"

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

struct log_query {
        struct ring_filter filter;
        char **units, **identifiers;
        enum log_format format;
        int64_t lines; /* -1: all */
        bool follow, reverse, quiet, no_hostname, utc, no_tail, boot_other, list_boots, disk_usage, nothing;
};

void log_print_entry(const struct log_query *q, const struct ring_entry *e);
