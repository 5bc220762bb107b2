/* What the files of the automount type share: automount.c (the unit), automount-child.c (who puts it up instead). */
#pragma once

#include "autofs.h"
#include "types.h"

/* 0 or -errno; automount_made() is told what came of it, from the loop. */
int automount_child_start(struct automount *a, const struct autofs_plan *p);
void automount_child_forget(struct automount *a);

/* automount.c: it stands (r 0; both descriptors are a's from now on), or not. */
void automount_made(struct automount *a, int r, int root, int pipe);
