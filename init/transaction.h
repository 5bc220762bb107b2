/* What the files of the transaction share: transaction.c (gathering, merging, installing), transaction-order.c (cycles). */
#pragma once

#include "job.h"

struct tjob;

/* "by needs job": when `job` goes, `by` goes too if matters. */
struct tlink {
        struct tjob *by, *job;
        bool matters;
        struct tlink *next_of_job, *next_of_by;
};

struct tjob {
        struct unit *u;
        enum job_type type;
        bool matters, deleted, reached, ignore_order;
        bool excluded;          /* a stop that another unit's Conflicts= asks for */
        bool installed;         /* not of this transaction: a job that is there, for the search of cycles */
        struct tjob *next;      /* in the transaction */
        struct tjob *unit_next; /* on the same unit */
        struct tlink *needed_by, *needs;
        int color; /* depth-first search: 0 new, 1 on the path, 2 done */
        struct tjob *path_next;
};

struct transaction {
        struct manager *m;
        struct tjob *jobs, *anchor;
        struct hash by_unit; /* unit id → first tjob of the unit */
        enum job_mode mode;
        char *error;
        unsigned depth;
        bool starting; /* the search of cycles takes restarts as what they will be: starts */
        bool by_name; /* there is a cycle: the search goes by name, so that it finds the same one at every boot */
        struct tlink **all_links;
        size_t n_links, cap_links;
};

int tr_fail(struct transaction *tr, int err, const char *fmt, ...) _printf_(3, 4);
/* The unit's job as it is to be; NULL: none. */
struct tjob *tr_only(struct transaction *tr, struct unit *u);
/* Finds or makes one. */
int tr_get(struct transaction *tr, enum job_type type, struct unit *u, struct tjob **ret, bool *ret_new);
/* transaction-order.c: drops ordering edges until the jobs wait for each other in no circle. */
int tr_order(struct transaction *tr);
