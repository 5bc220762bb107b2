/* A directory of journal files: /var/log/journal/MACHINE-ID, with system.journal, which is written, and what it was
 * before: system@….journal, closed in order, and system@….journal~, not. */
#pragma once

#include "lib/util.h"

#define JOURNAL_ACTIVE "system.journal"

struct journal_limits {
        uint64_t max_use;   /* bytes of all files; 0: no limit */
        uint64_t keep_free; /* bytes of the file system that stay free; 0: no limit */
        uint32_t max_files; /* 0: no limit */
        usec_t retention;   /* 0: no limit */
};

/* Moves PATH's file away under the name that says what it holds. */
int journal_archive(const char *dir);
/* Removes the oldest archived files until the limits hold. Number of them. */
int journal_vacuum(const char *dir, const struct journal_limits *limits, uint64_t *ret_bytes);
/* Space of all files; 0 where there is no directory. */
uint64_t journal_usage(const char *dir);
/* Paths of all journal files, active ones too, sorted. */
int journal_files(const char *dir, char ***ret);
