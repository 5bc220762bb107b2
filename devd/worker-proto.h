/* Between rouse-devd and its two worker programs, rouse-devd-probe (static, libblkid) and rouse-devd-worker (libkmod,
 * libmount, whose libraries take ten times as long to load): lib/wire.h messages over a SOCK_SEQPACKET pair, the worker's end is
 * its fd 3. A worker handles one request at a time, answers with the request's id, and leaves when nothing came
 * for a while or when the other end closes.
 *
 * Requests:
 *   WK_BUILTIN  s command, s sysfs path, s action, strv properties (KEY=value), u flags (WK_LOCK: take the shared
 *               lock of the whole disk first; -EBUSY at once when somebody holds it exclusively)
 *   WK_KMOD     strv module names or aliases, u by name (not passed over when blacklisted; -NO_SUCH_MODULE): live libkmod
 *   WK_MOUNT    s what, s where, s type or NULL, s options or NULL, u flags (DL_MOUNT_*): through libmount
 * Answer:
 *   WK_DONE     u result (as int32_t: ≥ 0 or -errno), s message or NULL, strv properties to set (an empty value
 *               removes), strv tags to add, strv links to add
 *
 * worker_call() is for programs that may wait (--once): starts a worker, asks, waits, applies the answer to d. */
#pragma once

#include "lib/wire.h"

#define NO_SUCH_MODULE                                                                                      \
        ENOPKG /* no module has this name or alias; ENOENT may also be a symbol that the kernel lacks */

enum {
        WK_BUILTIN = 1,
        WK_KMOD,
        WK_MOUNT,
        WK_DONE = 40,
};

enum { WK_LOCK = 1 };

enum worker_kind { WORKER_PROBE, WORKER_FULL };
/* Which of them runs this builtin. */
enum worker_kind worker_kind_of(const char *command);

struct device;

/* "KEY=value" of all properties. */
char **worker_props(struct device *d);
/* Writes a WK_BUILTIN request for d. */
void worker_put_builtin(
        struct wire_writer *w, uint32_t id, struct device *d, const char *command, uint32_t flags);
/* Applies a WK_DONE answer to d (NULL: only the result). The result, or -EBADMSG. */
int worker_get_done(struct wire_reader *r, struct device *d);
/* Starts a worker on one end of a new pair; *ret_fd is the other end. path NULL: where it is installed, or beside
 * this program. */
int worker_spawn(enum worker_kind kind, const char *path, int *ret_fd, pid_t *ret_pid, int *ret_pidfd);
/* Synchronous; see above. d may be NULL for builtins that need none. */
int worker_call(struct device *d, const char *command);
