/* The kernel's autofs: put up and taken down, by PID 1 or, where it might hang, by rouse-exec (automount-child.c). */
#pragma once

#include "lib/util.h"

struct autofs_plan {
        mode_t directory_mode;
        unsigned long seconds; /* of idleness before it expires; 0: never */
        int group;             /* the process group that passes through */
        const char *options;   /* more of them, or NULL */
};
/* Of where, made if it is not there: the descriptor of its root, and the end of the pipe that packets come from. The
 * caller is in the group. 0 or -errno. */
int autofs_put_up(const char *where, const struct autofs_plan *p, int *ret_root, int *ret_pipe);

/* Detaches what is mounted at a path, layer by layer, but none below an autofs. 0 or -errno. */
int autofs_take_down(const char *where);
