/* The log on disk: what the ring has is put into /var/log/journal/MACHINE-ID/system.journal in the format that journalctl
 * and libsystemd read (journal.h), where journald.conf(5) says so: Storage=persistent, or auto and /var/log/journal is
 * there.
 *
 * It follows the ring by a cursor, some seconds behind, at once for what is critical or when a quarter of the ring waits:
 * the ring takes what comes, the disk is never on anybody's way. It begins when it is told that /var is there (SIGUSR1)
 * and lets go of it when told (before /var is unmounted). */
#pragma once

#include "lib/loop.h"
#include "logd/config.h"
#include "logd/journal-write.h"
#include "logd/ringread.h"
#include "logd/ringwrite.h"

struct logd;

struct disk {
        bool allowed;        /* /var is there, and the configuration wants it */
        bool broken;         /* an error was said; tried again some minutes later */
        char *dir;           /* of this machine's files */
        struct journal file; /* fd -1: none */
        struct journal_ids ids;
        struct ringread *cursor; /* NULL: the configuration wants no disk */
        struct loop_timer store_timer, sync_timer;
        usec_t opened;
        char host[65];
};

void disk_init(struct logd *d);
void disk_done(struct logd *d);
/* A record of this priority came: it will be on disk in time. */
void disk_note(struct logd *d, int priority);
/* /var is there: now (all that waits is on disk when this returns), or when there is time. */
void disk_begin(struct logd *d, bool now);
/* /var goes. */
void disk_let_go(struct logd *d);
void disk_rotate(struct logd *d);
void disk_sync(struct logd *d);
