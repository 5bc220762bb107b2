/* What pid1.c (the link) and pid1-devices.c (devices and watched names) share. */
#pragma once

#include "lib/devlink.h"
#include "lib/hash.h"
#include "pid1.h"

struct outgoing {
        struct wire_writer w;
        struct outgoing *next;
};

struct pid1 {
        struct loop_io io;
        void *buf;
        uint64_t peer_generation;
        struct hash watches; /* name → struct watched */
        struct outgoing *backlog, **backlog_tail;
        size_t backlog_size;
        uint32_t *settles;
        size_t n_settles;
        bool said_idle, coldplugged; /* PID 1 has asked for coldplug: before that, absence means nothing */
};

/* pid1-devices.c */
void pid1_watch(struct devd *m, const char *name);
void pid1_unwatch(struct devd *m, const char *name);
void pid1_free_watches(struct pid1 *p);
/* Every device with tag systemd that the database knows. */
void pid1_send_snapshot(struct devd *m);
/* Idle: what is not there now is said not to be there. */
void pid1_resolve_absent(struct devd *m);
