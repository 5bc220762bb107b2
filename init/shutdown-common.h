/* rouse-shutdown, the last program: PID 1 becomes it once all services are stopped.
 *
 *     copy into a memfd and execute that (the root must not be busy by us)
 *     kill what still runs: SIGTERM, bounded wait for their ends, SIGKILL
 *     until nothing changes: swap off, unmount, detach loop, dm and md devices
 *     what cannot be unmounted becomes read-only; hooks; sync
 *     where the initramfs prepared it: into /run/initramfs, and the same once more, now with the root itself
 *     reboot(2)
 *
 * Nothing here waits without a bound, and whatever had to be forced is named in one line at the end. */
#pragma once

#include <stdio.h>
#include "lib/fileio.h"
#include "lib/str.h"
#include "lib/util.h"

struct shutdown {
        const char *verb;
        bool test;           /* --test-no-reboot */
        bool watchdog;       /* --watchdog: descriptor 3 is the hardware watchdog, and stays open */
        usec_t term_timeout; /* between SIGTERM and SIGKILL */
        int exit_code;
        int signal_fd;           /* SIGCHLD */
        int console_fd, kmsg_fd; /* -1: none */
        char **forced;           /* "killed sleep[12]", "read-only /srv" … */
};

/* One line to the console and the kernel log: "rouse-shutdown: …". */
void shutdown_say(struct shutdown *s, const char *fmt, ...) _printf_(2, 3);
/* Notes a thing that had to be forced. */
void shutdown_forced(struct shutdown *s, const char *fmt, ...) _printf_(2, 3);

/* shutdown-leave.c: what rouse-initrd kept in /run/initramfs takes the root down from outside. */
#define SHUTDOWN_OLDROOT "/oldroot"
bool shutdown_has_left(void); /* are we that program? */
/* 0: there is nothing to go to; negative errno: it did not work. Does not return when it did. */
int shutdown_leave(struct shutdown *s, char **argv);

/* shutdown-kill.c */
void shutdown_kill_all(struct shutdown *s);
void shutdown_reap(struct shutdown *s);
/* Runs fn in a child and waits at most timeout. Its exit status; -ETIMEDOUT (killed and left). */
int shutdown_run_bounded(struct shutdown *s, int (*fn)(void *data), void *data, usec_t timeout);
/* Waits until the child pid ends or the time is over; ret_status as waitpid's. */
int shutdown_wait_child(struct shutdown *s, pid_t pid, usec_t deadline, int *ret_status);

/* shutdown-mounts.c: each returns how many were dealt with in this pass. */
unsigned shutdown_swaps(struct shutdown *s);
unsigned shutdown_umount_pass(struct shutdown *s);
/* What is left becomes read-only; notes what does not. */
void shutdown_readonly_rest(struct shutdown *s);

struct mount_entry {
        char *where, *type, *source, *options;
        dev_t dev;
        bool keep; /* the root and API file systems: never unmounted */
};
/* mountinfo's text → entries in the file's order. Bad lines are passed over. */
int shutdown_mounts_parse(char *text, struct mount_entry **ret, size_t *ret_n);
void shutdown_mounts_free(struct mount_entry *m, size_t n);

/* shutdown-devices.c */
unsigned shutdown_detach_devices(struct shutdown *s, bool report);

/* shutdown-hooks.c: executables of the system-shutdown directories, all at once, with the verb. */
void shutdown_hooks(struct shutdown *s);
