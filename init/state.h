/* Live state as text: what neither the unit files nor the kernel could tell a PID 1 that begins anew. One form serves
 * re-execution, recovery after a crash, and `dump`.
 *
 * The log is a memory file (memfd) that the next program gets by its number. It only grows, until it is written anew:
 *
 *     rouse-state 1
 *     [unit ssh.service]
 *     state=running
 *     main-pid=412 9134          pid, and when it began (field 22 of /proc/PID/stat)
 *     notify-fd=23
 *                                an empty line ends a record
 *     [unit tmp.mount]
 *     …
 *
 * Of two records of one name the later counts; an empty one says that there is nothing left to say. Values hold no new
 * line ("\n" stands for it, "\\" for a backslash). Descriptors are numbers: all of them stay open across the execution,
 * and what no record names is closed afterwards. Keys that are not known are said in the log and left out, so an older
 * or newer rouse can read it; the number in the first line changes when the form itself does.
 *
 * Records are written at the end of the turn in which state_touch() was called, from the end of the boot on (or, when it
 * takes long, from some time into it: startup.c): before that a crash ends in another init (crash.c), and nothing is
 * written. unit_notify(), unit_watch_pid() and jobs touch by
 * themselves; a type touches when something changes that its serialise() writes and that comes with none of these.
 *
 * How a type takes part (struct unit_ops): serialise() puts a line for each value that is not what init_live() left;
 * deserialise() takes one line back; when all units have been read, coldplug() watches descriptors and processes, arms
 * timers, and asks the kernel what has become of it (state_watch_pid()). No state changes there by unit_notify(): what
 * has ended meanwhile is told to ops->child() later, in the loop. */
#pragma once

#include "unit.h"

struct state_out {
        struct strbuf b;
};

/* Nothing is put for NULL, for "unless", and for a descriptor below 0. */
void state_put(struct state_out *s, const char *key, const char *value);
void state_put_int(struct state_out *s, const char *key, int64_t value, int64_t unless);
void state_put_flag(struct state_out *s, const char *key, bool value); /* "1", or nothing */
void state_put_fd(struct state_out *s, const char *key, int fd);
void state_put_pid(
        struct state_out *s, const char *key, pid_t pid); /* with its start time; nothing for ≤ 0 */
void state_put_strv(struct state_out *s, const char *key, char *const *list); /* a line each */
/* The name of a state: state_find_name() finds its number again, -1 when there is none. */
int state_find_name(const char *const *names, size_t n, const char *value);

/* Values that deserialise() gets. Bad ones give the "unless" of before, -1 or 0. */
int64_t state_get_int(const char *value, int64_t otherwise);
/* Adopts the descriptor (it is close-on-exec again from now on); -1 when it is not open. */
int state_get_fd(const char *value);
/* The process, if it is still the one that was written; 0 when another has its number or it is gone without a trace.
 * One that has ended but waits to be reaped still counts. */
pid_t state_get_pid(const char *value);
/* For coldplug(): watches pid, which the record named (gone: it is not there any more). A process that is gone is told
 * to ops->child() from the loop, as killed: how it ended nobody knows, and a restart is the safe side. */
void state_watch_pid(struct unit *u, pid_t pid);

/* Its record is to be written anew. */
void state_touch(struct unit *u);
void state_touch_manager(struct manager *m);
/* unit_free(): its record ends. */
void state_forget(struct unit *u);
void state_forget_gone(struct unit *u);

/* The boot is over: records are written from now on. */
void state_begin(struct manager *m);
/* All of it now, into a new file; its descriptor (the manager's) or -errno. */
int state_write_all(struct manager *m);
/* The descriptor of the log, -1 when none is kept; async-signal-safe. */
int state_fd(void);
/* Before state_restore(): the log that there is, so that a crash on the way can begin with it again; -1: no more. */
void state_set_fd(int fd);
/* Back from the log: units are loaded, their state and jobs are as they were. 0 or -errno. */
int state_restore(struct manager *m, int fd);
/* The log's text, what `dump` shows. */
int state_dump(struct manager *m, char **ret);
void state_free(struct manager *m);

/* When pid began, in clock ticks since boot; 0: there is none. */
uint64_t process_start_time(pid_t pid);

#define STATE_FIRST_LINE "rouse-state 1\n"
/* state-parse.c, the reader alone: calls record() for the last record of each name, in the order of their first; text is cut up. */
int state_parse(char *text, int (*record)(const char *name, char *lines, void *data), void *data);
/* Next "key=value" of lines, unescaped in place; false at the end. */
bool state_next_line(char **lines, char **ret_key, char **ret_value);
