/* The control protocol: what rousectl and rouse-busd speak with PID 1, over ROUSE_CONTROL
 * (SOCK_SEQPACKET, lib/wire.h). Peers are told apart by SO_PEERCRED: reading is open to all, changing to root.
 *
 * A request is CTL_REQUEST: s verb, u argc, s×argc arguments, u n, s×n options ("KEY=value" or "KEY"). The
 * answer is any number of CTL_RECORD, then exactly one CTL_END with the same id. Verbs, their arguments,
 * options and records are listed in init/control.c's table and in docs/protocols.md. */
#pragma once

#include "wire.h"

enum ctl_type {
        CTL_REQUEST = 100,
        CTL_RECORD, /* u n, s×n "Key=value": one unit, job, property set … */
        CTL_TEXT,   /* s text, as is */
        CTL_END,    /* u errno (0 = done), s message or NULL */
        CTL_EVENT,  /* after verb "subscribe": s event, u n, s×n "Key=value" */
};

/* What CTL_RECORD and CTL_EVENT carry: "Key=value" strings, a key possibly several times. */
struct ctl_record {
        char **v;     /* the strings: they lie in … */
        char **owned; /* … what the messages had of them, and values that came in pieces */
        /* By ctl_record_index(): a hash table of places in v (+1), of each key the last; and for each place that of the
         * next string of its key, after the last one the first. */
        uint32_t *index, n_index, *next;
};
#define CTL_RECORD_FOREACH(value, rec, key)                                                                 \
        for (char **_s = ctl_record_first(rec, key); _s; _s = ctl_record_next(rec, _s, key))                \
                for (const char *value = ctl_record_value(*_s, key); value; value = NULL)
/* The value, if s is one of key; else NULL. */
const char *ctl_record_value(const char *s, const char *key);
/* Makes looking for keys fast, until something is added. Without memory it stays slow. */
void ctl_record_index(struct ctl_record *rec);
/* Where the key is first, NULL when absent. */
char **ctl_record_first(const struct ctl_record *rec, const char *key);
/* The next string of the key after s, NULL at the end. */
char **ctl_record_next(const struct ctl_record *rec, char **s, const char *key);
/* For who looks for a key in many records: its hash, found out once. NULL when absent. */
uint32_t ctl_key_hash(const char *key);
const char *record_get_hashed(const struct ctl_record *rec, const char *key, uint32_t hash);
/* First value of a key, NULL when absent. */
const char *record_get(const struct ctl_record *rec, const char *key);
const char *record_str(const struct ctl_record *rec, const char *key); /* "" when absent */
uint64_t record_u64(const struct ctl_record *rec, const char *key);
/* Adds the list of strings that comes next in the message to rec, joining pieces of long values. *ret_complete: no
 * further message belongs to this record. */
int ctl_record_gather(struct wire_reader *in, struct ctl_record *rec, bool *ret_complete);
/* Adds a string, which is taken: -ENOMEM, or -ENOMEM when it is NULL. */
int ctl_record_add(struct ctl_record *rec, char *s);
int ctl_record_copy(const struct ctl_record *rec, struct ctl_record *ret);
void ctl_record_done(struct ctl_record *rec);
#define _cleanup_record_ _cleanup_(ctl_record_done)
