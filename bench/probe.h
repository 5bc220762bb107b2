/* The probe's parts: what it says and to whom, the conditions that it waits for, the kernel's record of
 * forks and execs. No allocation after start, no dependence on what the guest has mounted. */
#pragma once

#include <sys/types.h>
#include <stdbool.h>
#include <stdint.h>

/* File systems of the probe's own, mounted nowhere: descriptors of their root directories. */
struct probe_fs {
        int proc;
        int dev;
        int tracing;
};

int64_t probe_now(void); /* ns, CLOCK_MONOTONIC */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
void say_bytes(const void *data, size_t n);
ssize_t read_at(int dir, const char *path, char *buf, size_t size);

/* probe-conditions.c */

struct condition {
        const char *name;
        bool (*holds)(struct condition *c, const struct probe_fs *fs);
        const char *argument;
        int port;
        int fd;
        bool sent;
        int64_t listens; /* when somebody first listened on the port */
        int64_t since;   /* when the condition was first seen to hold, 0: not yet */
};

bool conditions_check(const struct probe_fs *fs);
int conditions_wait(int64_t until);
void conditions_say(const struct probe_fs *fs);
pid_t serial_agetty(const struct probe_fs *fs);
bool login_prompted(const struct probe_fs *fs, pid_t agetty);
void processes_say(const struct probe_fs *fs);

/* probe-perf.c */

int perf_start(const struct probe_fs *fs, bool switches);
void perf_say(void);
