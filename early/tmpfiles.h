/* tmpfiles.d(5) at boot: the removals, then the creations and adjustments. Ages are read for their syntax and
 * left to the installed systemd-tmpfiles --clean. */
#pragma once

#include <sys/stat.h>

#include "early/early.h"

struct tmpfiles_item {
        char type;
        bool plus, boot, no_error, replace, base64, credential, if_source; /* + ! - = ~ ^ ? */
        char *path;
        bool glob;
        mode_t mode;
        bool mode_set, mode_masked, mode_new_only;
        char *user, *group; /* NULL: unset */
        bool user_new_only, group_new_only;
        char *arg; /* expanded, unescaped; NULL: none */
        size_t arg_len;
        const char *file;
        unsigned line;
        struct tmpfiles_item *same_path; /* the next one of this path, in order of work */
        struct tmpfiles_item *next;
        bool done;
};

struct tmpfiles {
        struct tmpfiles_item *items, **tail;
        struct hash by_path;
        char **files; /* owns the file names that items point to */
        unsigned bad; /* lines that could not be parsed */
};

/* Parses one line into t. 0 or -EINVAL (logged). */
int tmpfiles_parse_line(struct early *e, const char *path, unsigned line, char *text, void *data);
/* Puts the items into their order of work and drops what conflicts. */
int tmpfiles_index(struct tmpfiles *t);
void tmpfiles_free(struct tmpfiles *t);
/* Where a type stands when several lines have the same path; -1 for an unknown type. */
int tmpfiles_rank(char type);
int tmpfiles_log(const struct tmpfiles_item *i, int level, int err, const char *what);

/* tmpfiles-make.c: what creates nodes. tmpfiles-set.c: what changes what is there. */
int tmpfiles_make(struct early *e, const struct tmpfiles_item *i);
int tmpfiles_write(struct early *e, const char *path, void *item);
int tmpfiles_adjust(struct early *e, const char *path, void *item);
/* Mode and owner of the line for the O_PATH fd, whose state is st. */
int tmpfiles_set_perms(
        struct early *e, const struct tmpfiles_item *i, int fd, const struct stat *st, bool created);
/* 1 if tmpfiles_set_perms() would have something to do; -ESRCH: unknown user (logged). */
int tmpfiles_perms_differ(
        struct early *e, const struct tmpfiles_item *i, const struct stat *st, bool created);
int tmpfiles_argument(struct early *e, const struct tmpfiles_item *i, char **ret, size_t *ret_len);
/* The attribute letters of h and H: bits to set and bits that the line speaks of. -EINVAL. */
int file_attributes_parse(const char *arg, unsigned *ret_value, unsigned *ret_mask);

/* tree.c */
/* Removes name below dir_fd with all that is in it (not across mounts); only the content without self. */
int tree_remove(int dir_fd, const char *name, bool self);
int tree_copy(int from_dir, const char *from, int to_dir, const char *to);

/* acl.c: "u:daemon:rw,d:g::r-x" applied to fd. append keeps the entries that are there. */
int acl_apply(struct early *e, int fd, const struct stat *st, const char *text, bool append);
