/* One directory of RuntimeDirectory=, StateDirectory= …: exec-dir.c. */
#pragma once

#include "exec.h"

extern const char *const exec_dir_prefix[DIR_MAX]; /* "/run" … */
extern const char *const exec_dir_variable[DIR_MAX];
extern const int exec_dir_exit[DIR_MAX]; /* exit status when it cannot be made */

struct exec_dir_wish {
        int kind;          /* enum exec_dir */
        const char *entry; /* "NAME:LINK:LINK" */
        mode_t mode;
        bool owned, private; /* private: below …/private, with a link */
        uid_t uid;
        gid_t gid;
};
/* Makes it and its links. 1: what is in it must change its owner, too. */
int exec_dir_make(const struct exec_dir_wish *d);
/* Splits "a:b" at its first colon: *ret_path is a copy of a, the result the link's name or NULL. */
const char *exec_dir_split(const char *entry, char **ret_path);
