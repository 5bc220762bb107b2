/* The writing side of ring.h; one writer. */
#pragma once

#include "logd/record.h"

struct ring {
        int fd;
        struct ring_header *h; /* the mapping; NULL: not open */
        uint8_t *data;
        size_t map_size;
        uint64_t reserved; /* bytes of the data area that are sure to have memory */
        bool woken;        /* nobody was woken since the last record */
};

/* Opens or makes the file; continues what is there when it is sound, else begins anew (1: an unsound one was
 * replaced). size: of the data area for a new one. */
int ring_open(const char *path, size_t size, gid_t group, struct ring *ret);
void ring_close(struct ring *r);
/* Adds a record; ret_pos (may be NULL) is its position. -E2BIG, -ENOSPC: counted as dropped. */
int ring_append(struct ring *r, const struct record *rec, uint64_t *ret_pos);
/* Around the storing of one record on disk: before it, and after it with the position behind it (ring.h). */
void ring_store_begin(struct ring *r);
void ring_store_end(struct ring *r, uint64_t pos);
void ring_store_abort(struct ring *r); /* nothing was stored; also when nothing was begun */
/* Wakes readers that wait, once for all records since the last call. */
void ring_wake(struct ring *r);
