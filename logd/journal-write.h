/* Writing of one journal file (journal.h). It is mapped only from journal_map() to journal_unmap(), so that a log daemon
 * at rest holds no page of it. One writer; readers may read meanwhile: what is not linked yet is not seen. */
#pragma once

#include "logd/journal.h"

struct journal {
        int fd;
        uint8_t *map; /* NULL: not mapped */
        uint64_t size, max_size;
        uint8_t file_id[16]; /* the key of the hashes */
        bool dirty;          /* something is written that is not synced */
};

struct journal_field_value {
        const char *key;
        size_t key_len;
        const void *value;
        size_t len;
};

struct journal_ids {
        uint8_t machine[16], boot[16];
};

/* Opens PATH to go on with it, or makes it. seqnum_id, seqnum: where a new file's numbers go on (zeroes: a new series).
 * -EUCLEAN: there is one that cannot be continued (another format, or not closed): move it away. */
int journal_open(const char *path, const struct journal_ids *ids, uint64_t max_size, gid_t group,
        const uint8_t seqnum_id[static 16], uint64_t seqnum, struct journal *ret);
/* Syncs, marks it as closed in order (ARCHIVED: cut to its size too), and closes it. */
void journal_close(struct journal *j, enum journal_state state);
int journal_map(struct journal *j);
void journal_unmap(struct journal *j);
/* Adds an entry; the file must be mapped. Times that go back are lifted to the last entry's.
 * -EFBIG: full, begin another; -ENOSPC …; -EBADMSG: damaged, begin another. */
int journal_append(struct journal *j, const struct journal_ids *ids, usec_t realtime, usec_t monotonic,
        const struct journal_field_value *fields, unsigned n_fields);
/* The last entry's times, 0 when there is none (monotonic: of this boot); the file must be mapped. */
void journal_tail(
        const struct journal *j, const struct journal_ids *ids, usec_t *ret_realtime, usec_t *ret_monotonic);
/* Data on disk, and the file marked as closed in order until the next entry. */
int journal_sync(struct journal *j);
/* The header of any file that has at least one; -EBADMSG. */
int journal_peek(const char *path, struct journal_header *ret);

/* Bob Jenkins' lookup3, both halves: what entries are compared by between files. */
uint64_t jenkins_hash64(const void *data, size_t len);
