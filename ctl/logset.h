/* The whole log: journal files on disk (logd/journal-read.h) and behind them what the ring (logd/ringread.h) has that is
 * not on disk yet, as one sequence in the order of time, walked in both directions. */
#pragma once

#include "logd/ringread.h"

struct logset;

struct logset_boot {
        uint8_t id[16];
        usec_t first, last; /* CLOCK_REALTIME */
};

/* dir: of journal files, NULL: this machine's; files (may be NULL): these instead. With either the ring is left out unless
 * ring is given. At least one source must be there: -ENOENT. */
int logset_open(const char *dir, char *const *files, const char *ring, struct logset **ret);
void logset_close(struct logset *s);
void logset_closep(struct logset **s);
#define _cleanup_logset_ _cleanup_(logset_closep)

/* Between entries: before the first, behind the last. */
void logset_seek_head(struct logset *s);
void logset_seek_tail(struct logset *s);
/* The next entry in a direction: 1, or 0 at that end. Its boot is always set. Damaged entries are passed over. */
int logset_next(struct logset *s, struct ring_entry *ret);
int logset_prev(struct logset *s, struct ring_entry *ret);
/* The boots that have entries, oldest first. Number of them. */
int logset_boots(struct logset *s, struct logset_boot **ret);
/* The ring, to follow it from where the set ends; NULL: none. */
struct ringread *logset_ring(struct logset *s);
/* Directory of this machine's journal files. */
int logset_dir(char **ret);
