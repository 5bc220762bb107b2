/* The state of rouse-initrd, and how its parts call each other.
 *
 *     initrd.c    events: uevents, modules, timers; the beginning
 *     root.c      from a device that has appeared to a mounted file system, for the root and then for /usr
 *     report.c    what is said when it takes long
 *     handover.c  what the real root's programs get, and the switch of root
 *
 * A goal is a file system that must be mounted before the real init can run. There is one at a time. The phase says
 * how far it is; a failure leads to STUCK, where a shell is offered, and whatever changes leads on from there. */
#pragma once

#include "initramfs/initrd/blocks.h"
#include "initramfs/initrd/check.h"
#include "initramfs/initrd/loader.h"
#include "initramfs/initrd/options.h"
#include "initramfs/initrd/shell.h"
#include "initramfs/initrd/stack.h"
#include "lib/loop.h"

#define QUIET_TIME (3 * USEC_PER_SEC)
#define IDLE_TIME  (USEC_PER_SEC / 2)

enum phase {
        WAITING,    /* for the device (or the network) */
        LOADING_FS, /* its file system's module, and all members */
        CHECKING,
        CHECKED,
        MOUNTING, /* by a program: mount.nfs, tar */
        STUCK,
};

/* In the order of the boot; the names are those of /run/rouse/initrd.times. */
enum initrd_time { T_START, T_MODULES, T_FOUND, T_FSCK, T_MOUNTED, T_SWITCH, T_MAX };

struct goal {
        const char *what; /* "root", "/usr" */
        struct root_spec spec;
        char *where;
        char *fstype; /* NULL: what is found on the device */
        unsigned long flags;
        char *data;
        char *archive; /* what is unpacked into a tmpfs instead of being mounted */
        bool check;
        bool check_later; /* once it is mounted read-only */
        struct block *block;
        bool partial; /* members of a btrfs are missing */
        bool mounted;
};

struct initrd {
        struct loop *loop;
        struct initrd_options o;
        struct loader loader;
        struct blocks blocks;
        struct stack stack;
        struct net *net; /* only for a root on the network */
        struct loop_io uevents;
        struct loop_timer quiet, limit, panic, degraded, idle;
        struct check check;
        struct tool mounter;
        struct shell shell;
        struct goal root, usr, *goal;
        enum phase phase;
        bool walked, said_waiting, broke[BREAK_MOUNT + 1], resumed, take_partial, limit_passed;
        usec_t times[T_MAX], news;
        char **argv;
};

extern struct initrd boot;

/* initrd.c */
void advance(void);   /* the next step, as far as it can be made now; called after every event */
void note_news(void); /* something happened: the time without news begins again */
void stuck(void);
bool stop_at(enum break_point p);
bool all_quiet(void); /* no driver is being loaded, no program runs */

/* root.c */
int goals_init(void);
void goal_seen(struct block *d); /* a device has appeared or changed */
void goal_gone(unsigned maj, unsigned min);
void goal_rematch(void); /* names may have appeared since devices did */
void goal_advance(void);
void goal_mounted(void); /* by a program, at last */

/* resume.c: false while it must be waited for; does not return when there is something to resume. */
bool resume_settled(void);

/* gptauto.c */
bool gpt_auto_matches(const struct blocks *b, const struct block *d);

/* network.c: what is on the network; true when the goal can be mounted. */
#define MOUNT_NFS "/sbin/mount.nfs"
bool network_ready(void);
int network_mount(void);
void network_event(const struct uevent *u);

/* volatile.c */
int volatile_prepare(void); /* asks for the module; 0 when it is there, 1 while it loads */
int volatile_mount(void);

/* report.c */
void report_open(void);
void report_quiet(void);
void report_limit(void);

/* handover.c */
void hand_over(void);
