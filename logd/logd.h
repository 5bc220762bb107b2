/* rouse-logd: takes what services print, syslog and native datagrams, and the kernel's log; keeps it in a ring
 * that anyone may read (ringread.h), and passes it on to a syslog daemon.
 *
 *     socket → parse-*.c → struct record → who sent it (meta.c) → limits → ring → forward.c, disk.c
 *
 * One thread, one loop. A sender is looked up in /proc once, when its first message comes, and remembered by a
 * pidfd until it ends: no file is read per line. The stream fds of services are given to the service manager
 * to keep (FDSTORE=1), with what their headers said as the fd's name, so a restart loses none of them. */
#pragma once

#include "lib/hash.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/str.h"
#include "logd/config.h"
#include "logd/disk.h"
#include "logd/notify.h"
#include "logd/ringwrite.h"

#define LOGD_SOCKET_DIR  "/run/systemd/journal" /* with ".NAMESPACE" behind it for one */
#define DATAGRAM_MAX     (256u * 1024)
#define LINE_MAX_DEFAULT (48u * 1024)
#define UNITS_MAX        4096 /* units whose settings are kept; they are read again when they log again */
#define TURN_BUDGET      64   /* messages of one source in one turn of the loop */

struct logd;

/* meta.c: a process that logs. */
struct sender {
        uint32_t pid;
        struct loop_io end; /* its pidfd: readable when it has ended */
        char comm[17];
        char *unit; /* NULL: none */
        struct logd *d;
        struct sender *next, *prev; /* most recently used first */
        char key[12];
};

/* settings.c: a unit that logs, and what its file says of that. */
struct unit_log {
        char *unit;
        int level_max;        /* 7: all */
        usec_t rate_interval; /* 0: no limit */
        uint32_t rate_burst;
        char *fields; /* in native form */
        size_t fields_len;
        usec_t begin; /* of the interval that ratelimit.c counts in */
        unsigned n, suppressed;
};

/* stream.c: one service's standard output. */
struct stream {
        struct loop_io io;
        struct logd *d;
        uint32_t pid, uid, gid;
        char *identifier, *unit, comm[17];
        unsigned header_lines; /* how many of the seven have been read */
        int priority;          /* with facility: 8 × facility + level */
        bool level_prefix, to_syslog, to_kmsg, to_console;
        bool stored; /* the manager keeps a copy of the fd */
        char *buf;
        size_t have, cap;
        struct stream *next, *prev;
};

struct logd {
        struct loop *loop;
        const char *root; /* "" or the directory of a test */
        const char *ns;   /* NULL, or the log namespace that this daemon is for */
        char *socket_dir, *ring_path;
        struct logd_config config;
        struct ring ring;
        bool ring_tried;
        char **said_early; /* our own messages from before the ring: level digit, text */
        char *unit;        /* our own */

        struct loop_io stdout_io, syslog_io, native_io, early_io, kmsg_io, signal_io;
        struct loop_timer store_timer, kmsg_timer;
        struct loop_deferred after_turn;
        struct stream *streams;
        unsigned n_streams;
        char *datagram; /* DATAGRAM_MAX */

        struct hash senders;
        struct sender *first_sender, *last_sender;
        struct hash units; /* struct unit_log by name */
        struct loop_io settings_io;

        /* forward.c */
        int syslog_fd;
        struct loop_io syslog_out, syslog_watch;
        struct ringread *cursor; /* what has not been passed on yet */
        bool syslog_connected, syslog_behind;
        int kmsg_out, console_out;
        uint64_t kmsg_next; /* sequence number expected */

        struct disk disk;
};

/* deliver.c: the one way of every record. Takes what is missing (unit, comm, times) from the sender. */
void logd_deliver(struct logd *d, struct record *r, bool to_kmsg, bool to_console);
/* The group that may read logs. */
gid_t logd_group(void);
/* A message of our own. */
void logd_say(struct logd *d, int level, const char *fmt, ...) _printf_(3, 4);

/* meta.c */
struct sender *sender_get(struct logd *d, uint32_t pid);
void senders_free(struct logd *d);
/* The unit that a cgroup path ("/system.slice/ssh.service/x") belongs to; NULL. */
char *unit_of_cgroup(const char *path);

/* settings.c. NULL: no unit, or no memory. */
struct unit_log *unit_log_get(struct logd *d, struct span unit);
/* A settings file's text. -EBADMSG, then l is as before. */
int unit_log_parse(struct unit_log *l, const struct logd_config *config, const char *text, size_t len);
/* LogExtraFields= */
void unit_log_add_fields(const struct unit_log *l, struct record *r);
int settings_watch(struct logd *d);
void unit_logs_free(struct logd *d);

/* ratelimit.c: may this record be kept? */
bool ratelimit_pass(struct logd *d, struct unit_log *l, const struct record *r);

/* stream.c */
void stream_accept(struct loop_io *io, uint32_t revents);
/* One that the manager kept for us. */
int stream_restore(struct logd *d, int fd, const char *name);
void stream_free(struct stream *s);
void streams_store(struct loop_timer *t);
/* One header line. 0, or -EINVAL: the stream is closed. */
int stream_header_line(struct stream *s, const char *line, size_t len);
/* The fd's name in the manager's store, and back. */
char *stream_name(const struct stream *s);
int stream_parse_name(struct stream *s, const char *name);

/* datagram.c */
void datagram_ready(struct loop_io *io, uint32_t revents);
void kmsg_ready(struct loop_io *io, uint32_t revents);
int kmsg_open(struct logd *d);

/* forward.c */
void forward_init(struct logd *d);
void forward_syslog(struct logd *d);
void forward_direct(struct logd *d, const struct record *r, bool to_kmsg, bool to_console);
void forward_done(struct logd *d);
