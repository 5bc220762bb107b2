/* The two halves of the mount namespace: exec-main-mount.c (policies), exec-main-tree.c (what stands where). */
#pragma once

#include "exec-main.h"

extern const char *mount_root; /* RootDirectory=, "" for the host's root */

/* Path inside the root with links resolved (owned), NULL when it is missing. */
char *mount_resolve(const char *path);
/* tmpfs, bind mounts, private /tmp and /dev, /proc, dynamic user's directories … */
void mount_structure(struct helper *h);
/* What nobody may see, last: the private /dev and /proc are there. */
void mount_inaccessible_paths(struct helper *h);
