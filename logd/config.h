/* journald.conf(5), as far as it is for us. */
#pragma once

#include "lib/util.h"

enum logd_storage { STORAGE_AUTO, STORAGE_VOLATILE, STORAGE_PERSISTENT, STORAGE_NONE };

struct logd_config {
        enum logd_storage storage;
        usec_t rate_interval;
        uint32_t rate_burst;
        uint64_t runtime_max_use;                                   /* 0: the default */
        uint64_t system_max_use, system_keep_free, system_max_file; /* 0: the defaults */
        uint32_t system_max_files;
        usec_t max_retention, max_file_age, sync_interval; /* the first two: 0: no limit */
        uint32_t line_max;
        bool to_syslog, to_kmsg, to_console, read_kmsg;
        int max_store, max_syslog, max_kmsg, max_console;
        char *tty_path;
};

/* Defaults, then the files below root ("") of the log namespace ns (NULL: the usual one), then the kernel command line
 * unless root or ns is given. */
int logd_config_load(struct logd_config *c, const char *root, const char *ns);
void logd_config_done(struct logd_config *c);
