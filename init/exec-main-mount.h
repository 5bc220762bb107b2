/* The two halves of the mount namespace: exec-main-mount.c (policies), exec-main-tree.c (what stands where). */
#pragma once

#include "exec-main.h"

extern const char *mount_root; /* RootDirectory=, "" for the host's root */

/* Path inside the root with links resolved (owned), NULL when it is missing. */
char *mount_resolve(const char *path);
/* tmpfs, bind mounts, private /tmp and /dev, /proc, dynamic user's directories … */
void mount_structure(struct helper *h);
/* exec-main-image.c: where RootImage= is mounted, NULL: there is none. */
const char *image_root(struct helper *h);
/* ExtensionImages=, ExtensionDirectories=: over /usr and /opt of the root. */
void image_extend(struct helper *h);
/* MountImages=: opened while the host's /dev is there, placed when all else is. */
void image_prepare_mounts(struct helper *h);
void image_place_mounts(struct helper *h);
/* What nobody may see, last: the private /dev and /proc are there. */
void mount_inaccessible_paths(struct helper *h);
