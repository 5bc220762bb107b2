/* Reading of the ring (ring.h) by any program, without the daemon: `rousectl log`, `journalctl`, `status`.
 * Takes nothing in the file on trust; needs no library besides lib/util.h. */
#pragma once

#include "logd/ring.h"

struct ring_entry {
        uint64_t pos, seq;
        usec_t realtime, monotonic;
        uint32_t pid, uid, gid; /* RING_NO_ID: not known */
        uint8_t priority, facility, transport, flags;
        const char *unit, *identifier, *comm,
                *message;   /* "" when there is none; valid until the next call */
        size_t message_len; /* the message may have NULs in it */
        const uint8_t *fields;
        size_t fields_len;
        const uint8_t *boot; /* 16 bytes; NULL: this boot */
};

/* What to show; a zeroed filter with priority -1 is everything. */
struct ring_filter {
        const char *unit; /* sent by the unit, or said by PID 1 about it */
        const char *identifier;
        int priority;        /* this and more important; -1: all */
        usec_t since, until; /* CLOCK_REALTIME; 0: no limit */
        uint32_t pid;        /* 0: all */
        int transport;       /* a transport + 1; 0: all (TRANSPORT_KERNEL + 1: -k) */
        const char *grep;    /* text that the message has in it */
};

struct ringread;

/* Opens LOGD_RING (path NULL) or another file; the first entry read will be the oldest. */
int ringread_open(const char *path, struct ringread **ret);
void ringread_close(struct ringread *r);
void ringread_closep(struct ringread **r);
#define _cleanup_ringread_ _cleanup_(ringread_closep)

/* The next record: 1, or 0 at the end. Records that were overwritten meanwhile, or are damaged, are skipped;
 * *ret_lost (may be NULL) counts how often that was so. */
int ringread_next(struct ringread *r, struct ring_entry *ret, unsigned *ret_lost);
/* The next one that the filter (NULL: all) lets pass. */
int ringread_next_match(struct ringread *r, const struct ring_filter *f, struct ring_entry *ret);
bool ring_filter_match(const struct ring_filter *f, const struct ring_entry *e);
/* Puts the reader before the last n records that match. Number of them. */
int ringread_seek_last(struct ringread *r, const struct ring_filter *f, unsigned n);
void ringread_seek_first(struct ringread *r);
void ringread_seek_pos(struct ringread *r, uint64_t pos);
/* To the end: only what comes later is read. */
void ringread_seek_end(struct ringread *r);
/* Where the records begin that are not on disk yet; *ret_turn (ring.h): even and the same before and after the disk was
 * looked at, or look again. */
uint64_t ringread_stored(const struct ringread *r, uint32_t *ret_turn);
uint64_t ringread_pos(const struct ringread *r);
uint64_t ringread_end(const struct ringread *r);
/* The process that writes it, by its own word. */
uint32_t ringread_writer(const struct ringread *r);
/* Waits for a record that was not there at the last ringread_next() = 0. 1, 0 after timeout. When the daemon
 * has made a new file: -ESTALE (open again). */
int ringread_wait(struct ringread *r, usec_t timeout);

/* Value of a field of the record, or NULL: KEY=value fields of native messages only. */
const char *ring_entry_field(const struct ring_entry *e, const char *key, size_t *ret_len);
/* Iterates over the fields: *p starts as 0. 1 with key and value, 0 at the end. */
int ring_entry_next_field(const struct ring_entry *e, size_t *p, const char **ret_key, size_t *ret_key_len,
        const char **ret_value, size_t *ret_value_len);

/* Looks through a whole ring file. 0; -EBADMSG. */
int ring_check_fd(int fd, struct ring_header *ret, uint64_t *ret_records);
/* Reads one record that lies in buf (tests, fuzzing, the reader itself). 0 or -EBADMSG. */
int ring_entry_parse(const uint8_t *buf, size_t len, struct ring_entry *ret);
const char *log_transport_to_string(enum log_transport t);
