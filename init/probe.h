/* What PID 1 wants to know of paths that may be on a slow file system (decisions 2): rouse-exec looks, and PID 1 goes on.
 *
 * probe_may_block() knows from /proc/self/mountinfo, which is read again only when the kernel says that it changed;
 * where no file system is mounted that may hang (network, FUSE), nothing more is done. Paths in /etc, /usr, /run (but
 * for /run/user) and the kernel's file systems are not even asked about, and the root, /usr, /etc and /run count as local
 * whatever they are: without them nothing runs. */
#pragma once

#include "path-look.h"
#include "unit.h"

#define PROBE_DEADLINE (10 * USEC_PER_SEC)

struct probe;
/* r: as path_look(), -ETIMEDOUT after the deadline, -EIO when the helper died. The probe is gone already. */
typedef void (*probe_answer_fn)(void *data, int r, const struct path_answer *a);

/* Would a look at path (pattern: with wildcards) possibly hang? */
bool probe_may_block(struct manager *m, const char *path, bool pattern);
/* answer may be NULL: nobody wants to know. wait: the helper looks until there is something (PID_FILE). */
int probe_ask(struct manager *m, enum path_question q, const char *path, usec_t deadline, bool wait,
        probe_answer_fn answer, void *data, struct probe **ret);
/* argv is a call of rouse-exec that answers as a look does. */
int probe_run(struct manager *m, char *const argv[], usec_t deadline, probe_answer_fn answer, void *data,
        struct probe **ret);
/* Watches for a path unit: tells each change of `watcher_holds` (changed false), and each event (changed true). r < 0:
 * it is over. directory_mode: made first where it is not 0. */
typedef void (*probe_watch_fn)(struct path_spec *s, bool changed, int r);
int probe_watch(struct manager *m, struct path_spec *s, mode_t directory_mode, probe_watch_fn tell);
/* Nobody wants the answer any more. NULL is fine; *p becomes NULL. */
void probe_forget(struct probe **p);
void probes_free(struct manager *m);
