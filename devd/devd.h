/* The daemon's own state, and who calls whom.
 *
 *     intake.c   kernel uevents ──┐
 *     coldplug.c /sys ────────────┼─→ queue.c (what may run now) ─→ event.c (rules, node, links, database, RUN)
 *     reenum.c   lost events ─────┘                                   │            │
 *     watch.c    close-write → the kernel is asked for "change"       │            ├─→ monitor.c  libudev clients
 *                                                                     │            └─→ pid1.c     PID 1
 *                                                                     ├─→ modules.c  (finit_module in a child)
 *                                                                     └─→ worker-pool.c, task.c (probes, programs)
 *
 * One thread, one epoll. Nothing here waits: whatever may block is a task (task.c: a forked child that runs one
 * function, or a program) or a request to a worker process (worker-pool.c: those that need libkmod, libblkid or
 * libmount). A module that is not there (its pointer NULL, its fd -1) is left out: tests start the parts they
 * need. */
#pragma once

#include <sys/socket.h>
#include "lib/loop.h"
#include "device.h"
#include "db.h"
#include "rules.h"

struct queue;
struct pool;
struct tasks;
struct modules;
struct pid1;
struct watches;
struct control;
struct coldplug;
struct mounts;
struct keys;
struct monitor;
struct initrd_devices;

struct devd {
        struct loop *loop;
        struct rules *rules;
        char **rules_dirs;    /* NULL: the standard ones */
        usec_t rules_checked; /* when they were last compared with the files */
        bool standalone;      /* no PID 1 on the other end of a link: plain udevd */
        pid_t trust_pid;      /* uevents from this pid count too (namespace tests) */
        bool unclean;         /* a devd before this one left its queue flag behind */
        usec_t event_timeout; /* one program of an event */
        usec_t exec_delay;    /* before each program of RUN */
        int timeout_signal;   /* for a program that took too long */
        bool disks_read_only; /* physical block devices are made so when they appear */
        unsigned children_max;
        char **global_env; /* udevadm control --property */
        char *worker_path; /* rouse-devd-worker */
        uint64_t seqnum;   /* the newest that was seen; given to events that have none */

        struct queue *queue;
        struct tasks *tasks;
        struct pool *pool;
        struct modules *modules;
        struct watches *watches;
        struct monitor *monitor;
        struct control *control;
        struct coldplug *coldplug;
        struct mounts *mounts;
        struct keys *keys;
        struct pid1 *pid1;
        struct initrd_devices *initrd; /* what rouse-initrd learnt, until the first coldplug is over */
        unsigned n_known, n_probed;    /* block devices until then: known from there, probed */
        struct loop_io uevent_io;
};

/* daemon.c */
struct daemon_options {
        bool no_coldplug, no_watch;
        const char *worker_path;
        pid_t trust_pid;
        char **rules_dirs;     /* NULL: the standard ones */
        int children_max;      /* 0: by the machine's size */
        int64_t event_timeout; /* µs; 0: 180 s */
        const char *conf;      /* instead of /etc/udev/udev.conf */
};
/* settings.c: udev.conf, the options, the kernel command line, in this order. */
void settings_read(struct devd *m, const struct daemon_options *o);
int daemon_run(const struct daemon_options *o);
/* Reads rules again (only if something changed, unless force). Running events keep going. */
void daemon_reload(struct devd *m, bool force);
/* leave.c: in an initramfs, at the end: what was probed, for the daemon of the root. */
void leave_devices(void);
/* Everything that was asked for is done: queue empty, coldplug over, no module being loaded. */
bool daemon_idle(const struct devd *m);
/* About to take events from the kernel: the queue flag stands before they are ours alone. */
void daemon_busy(struct devd *m);
bool daemon_is_busy(void); /* does the flag stand? */
/* Called whenever one of these may have become true; tells settle, control, PID 1. */
void daemon_check_idle(struct devd *m);

/* intake.c: the kernel's uevents into the queue. */
int intake_open(struct devd *m, int fd);
void intake_close(struct devd *m);
/* Reads what is there now (a ping is answered after that). */
void intake_drain(struct devd *m);

/* reenum.c: compares /sys, the database and the queue after an overflow or a restart; queues "add" for what the
 * database does not know, "remove" for what is gone, and "change" for block devices (a lost change has no trace). */
void reenum_start(struct devd *m, const char *why);

/* netif.c: renames an interface in a child; done gets 0 or -errno. */
int netif_rename(struct devd *m, int ifindex, const char *from, const char *name,
        void (*done)(int r, void *data), void *data);
/* An interface has another name now, or is gone: who waits for its name tries again. */
void netif_name_free(struct devd *m);

/* static-nodes.c: /dev nodes of modules.devname, so that opening one loads its module. Number made or -errno. */
int static_nodes_create(const char *modules_devname, const char *dev_root);

/* once.c, verify.c */
int once_main(int argc, char **argv);
int test_main(int argc, char **argv);
int test_builtin_main(int argc, char **argv);
int verify_main(int argc, char **argv);
