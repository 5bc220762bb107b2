/* Paths resolved below early.root_fd without being led astray.
 *
 * A symbolic link on the way is followed only if whoever controls it could have done the same without it: a
 * step from something that a non-root user owns to something owned by somebody else is refused with -EPERM
 * ("unsafe path"). Without links on the way one openat2(2) does it all. The directory of the last path is
 * kept open, since neighbours in the configuration are neighbours in the tree. */
#pragma once

#include "early/early.h"

/* O_PATH fd of path itself (a link at its end is followed only with follow). */
int safe_open(struct early *e, const char *path, bool follow);
/* Directory of path (borrowed: valid until the next call) and its last component. With create the
 * directories that are missing are made, owned by root, mode 0755. */
int safe_parent(struct early *e, const char *path, bool create, int *ret_dir_fd, const char **ret_name);
/* To be called after something was removed or renamed. */
void safe_forget(struct early *e);
bool path_has_glob(const char *path);
/* Calls fn for each existing path that matches, in sorted order. A pattern without wildcards is
 * given to fn as it is, there or not: fn says -ENOENT.
 * Ends at the first negative result that is not -ENOENT and returns it. */
typedef int (*glob_fn)(struct early *e, const char *path, void *data);
int safe_glob(struct early *e, const char *pattern, glob_fn fn, void *data);
/* Another kind of fd for what an O_PATH fd shows. */
int reopen_fd(int fd, int flags);
/* "/proc/self/fd/N" for calls that take no O_PATH fd. buf of at least 32 bytes; returned. */
const char *fd_path(int fd, char *buf);
