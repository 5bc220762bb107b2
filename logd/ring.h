/* The ring of log records: one file (LOGD_RING), of fixed size, mapped by its one writer and any readers.
 *
 *     struct ring_header (one page)   data area of data_size bytes
 *
 * Positions are 64-bit and only grow; a position's place is position % data_size. [tail, head) is what is
 * valid. Records are 8-byte aligned and lie in one piece: what does not fit before the end of the data area
 * is preceded by a RING_SKIP record that fills it. Everything is in host order: the file never leaves its
 * machine or its boot.
 *
 *     record: struct ring_record, then unit NUL identifier NUL comm NUL message NUL fields, padded to 8
 *     fields: u32 length, then that many bytes "KEY=value" (binary values allowed), repeated
 *
 * The writer first moves tail over what it is about to overwrite, then writes, then moves head, then wakes
 * the futex `wake` (the low half of the sequence number). A reader copies a record and then looks at tail: a
 * record that tail has passed meanwhile is not used. So a reader needs no lock, and can harm nobody. Reading
 * is in ringread.h, which takes nothing of the file on trust.
 *
 * What is on disk, too, lies before `stored` (disk.c): who reads both begins here with the ring. `store_turn` is odd while
 * a record is being stored, so that a reader can take both ends at one moment.
 *
 * data_size may shrink once, in the first lap, when /run is full (RING_SIZE_STEP at a time is reserved). */
#pragma once

#include "lib/util.h"

#define LOGD_RUN_DIR   "/run/log/rouse" /* with ".NAMESPACE" behind it for one */
#define LOGD_RING      LOGD_RUN_DIR "/ring"
#define RING_MAGIC     0x676f6c6573756f72ull /* "rouselog" */
#define RING_VERSION   1
#define RING_HEADER    4096u
#define RING_SIZE      (8u * 1024 * 1024)
#define RING_SIZE_MIN  (64u * 1024)
#define RING_SIZE_STEP (64u * 1024)

struct ring_header {
        uint64_t magic;
        uint32_t version, header_size;
        uint64_t data_size;
        uint64_t head, tail;
        uint64_t seq;     /* of the next record; begins with 1 */
        uint64_t dropped; /* records that could not be kept (too long, no room) */
        uint32_t wake;    /* futex */
        uint32_t writer;  /* pid of the writer */
        uint64_t stored;
        uint32_t store_turn;
};

enum ring_kind { RING_SKIP = 0x504b5352, RING_RECORD = 0x43455252 };

enum log_transport {
        TRANSPORT_KERNEL,
        TRANSPORT_SYSLOG,
        TRANSPORT_NATIVE,
        TRANSPORT_STDOUT,
        TRANSPORT_DRIVER,
        TRANSPORT_MAX
};

enum { RECORD_TRUNCATED = 1 /* message or fields were cut */, RECORD_NO_FORWARD = 2 /* not for syslog */ };

struct ring_record {
        uint32_t kind, size; /* size of all, a multiple of 8 */
        uint64_t seq;
        int64_t realtime, monotonic;
        uint32_t pid, uid, gid;
        uint8_t priority, facility, transport, flags;
        uint16_t unit_len, identifier_len, comm_len, n_fields;
        uint32_t message_len, fields_len;
};

#define RING_NO_ID 0xFFFFFFFFu

/* Values that go with SIGUSR1 (sigqueue(3)) to the writer; without one: put all on disk now. */
enum { LOGD_NOW, LOGD_WHEN_IDLE, LOGD_LET_GO };
