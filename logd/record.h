/* A log record on its way from a socket to the ring: pointers into what was received, nothing owned. */
#pragma once

#include "lib/util.h"
#include "logd/ring.h"

struct span {
        const char *p;
        size_t n;
};

#define FIELDS_MAX 256

static inline struct span SPAN(const char *s) {
        return (struct span) { s, s ? strlen(s) : 0 };
}

struct field {
        struct span key, value;
};

struct record {
        usec_t realtime, monotonic;
        uint32_t pid, uid, gid; /* RING_NO_ID: not known */
        uint8_t priority, facility, transport, flags;
        struct span unit, identifier, comm, message;
        struct field fields[FIELDS_MAX]; /* further fields of native messages */
        unsigned n_fields;
};

static inline void record_init(struct record *r, enum log_transport transport)
{
        /* not the fields: they are many, and counted */
        memset(r, 0, offsetof(struct record, fields));
        r->n_fields = 0;
        r->pid = r->uid = r->gid = RING_NO_ID;
        r->priority = 6;
        r->facility = 3;
        r->transport = transport;
}

/* parse-syslog.c: "<13>Oct 11 22:14:15 tag[12]: text". Never fails: what is no header is text. */
void syslog_parse(const char *data, size_t len, struct record *r, uint32_t *ret_syslog_pid);
/* "<N>" at the beginning of s: returns how many bytes it has, 0 if there is none. */
size_t syslog_prefix(const char *s, size_t len, int *ret_priority);

/* parse-native.c: KEY=value lines and KEY, length, binary. A trailing piece that is malformed is dropped:
 * -EBADMSG, what came before is in r. trusted: fields beginning with "_" count (PID 1). */
int native_parse(const char *data, size_t len, bool trusted, struct record *r);
/* The source's own CLOCK_MONOTONIC time, when it is trusted and gave one: else 0. */
usec_t native_source_time(const struct record *r);

/* parse-kmsg.c: one record of /dev/kmsg. 0, or -EBADMSG. */
int kmsg_parse(const char *data, size_t len, struct record *r);
