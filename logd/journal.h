/* The format of journal files, by the public description of it (systemd.io, "Journal File Format"): a header, then
 * objects, each aligned to 8 bytes; all numbers little-endian.
 *
 *     DATA         "KEY=value", once a file; linked into the data hash table and into its field's list
 *     FIELD        "KEY"; linked into the field hash table, heads the list of its data
 *     ENTRY        one record: times, boot, and offsets of its data
 *     ENTRY_ARRAY  offsets of entries, chained; one chain for all entries, one for each data object
 *
 * journal-write.c writes such files (keyed hashes, nothing compressed, no sealing), journal-read.c reads anybody's. */
#pragma once

#include <endian.h>
#include "lib/util.h"

#define JOURNAL_SIGNATURE    "LPKSHHRH"
#define JOURNAL_ALIGN(n)     (((n) + 7) & ~(uint64_t)7)
#define JOURNAL_DIR          "/var/log/journal"
#define JOURNAL_KEY_MAX      64u
#define JOURNAL_ENTRY_FIELDS 320u /* the most that an entry may have */

enum journal_incompatible {
        JOURNAL_COMPRESSED_XZ = 1,
        JOURNAL_COMPRESSED_LZ4 = 2,
        JOURNAL_KEYED_HASH = 4,
        JOURNAL_COMPRESSED_ZSTD = 8,
        JOURNAL_COMPACT = 16,
        JOURNAL_INCOMPATIBLE_ALL = 31
};
enum journal_state { JOURNAL_OFFLINE, JOURNAL_ONLINE, JOURNAL_ARCHIVED };
enum journal_type {
        JOURNAL_UNUSED,
        JOURNAL_DATA,
        JOURNAL_FIELD,
        JOURNAL_ENTRY,
        JOURNAL_DATA_TABLE,
        JOURNAL_FIELD_TABLE,
        JOURNAL_ENTRY_ARRAY,
        JOURNAL_TAG
};
/* Flags of a DATA object: how its payload is compressed. */
enum { JOURNAL_DATA_XZ = 1, JOURNAL_DATA_LZ4 = 2, JOURNAL_DATA_ZSTD = 4, JOURNAL_DATA_COMPRESSED = 7 };

struct journal_header {
        uint8_t signature[8];
        uint32_t compatible, incompatible;
        uint8_t state, reserved[7];
        uint8_t file_id[16], machine_id[16], boot_id[16] /* of the last writer */, seqnum_id[16];
        uint64_t header_size, arena_size;
        uint64_t data_table, data_table_size; /* of the table's items; size in bytes */
        uint64_t field_table, field_table_size;
        uint64_t tail_object, n_objects, n_entries;
        uint64_t tail_seqnum, head_seqnum;
        uint64_t entry_array;
        uint64_t head_realtime, tail_realtime, tail_monotonic;
        uint64_t n_data, n_fields, n_tags, n_entry_arrays;
        uint64_t data_chain_depth, field_chain_depth;
};
#define JOURNAL_HEADER_MIN offsetof(struct journal_header, n_data)

struct journal_object {
        uint8_t type, flags, reserved[6];
        uint64_t size; /* this header included */
};

struct journal_data {
        struct journal_object o;
        uint64_t hash, next_hash, next_field;
        uint64_t entry, entry_array, n_entries; /* the first entry that has it, the others, all */
        uint8_t payload[];                      /* in a compact file 8 bytes later */
};

struct journal_field {
        struct journal_object o;
        uint64_t hash, next_hash, head_data;
        uint8_t payload[];
};

struct journal_item {
        uint64_t offset, hash;
};

struct journal_entry {
        struct journal_object o;
        uint64_t seqnum, realtime, monotonic;
        uint8_t boot_id[16];
        uint64_t xor_hash;
        struct journal_item items[]; /* in a compact file 32-bit offsets alone */
};

struct journal_array {
        struct journal_object o;
        uint64_t next;
        uint64_t items[]; /* in a compact file 32 bits each */
};

struct journal_bucket {
        uint64_t head, tail;
};

/* A name of a field as the format allows it: capitals, digits, underscores, not a digit first, at most 64. */
static inline bool journal_key_ok(const char *s, size_t n)
{
        if (n == 0 || n > JOURNAL_KEY_MAX || (s[0] >= '0' && s[0] <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
                        return false;
        return true;
}
