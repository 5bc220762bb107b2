/* sysusers.d(5): lines, and the additions to the four account files that follow from them. */
#pragma once

#include "early/early.h"

struct sysusers_line {
        char type;                              /* u g m r */
        char *name, *id, *gecos, *home, *shell; /* NULL where "-" or missing */
        const char *path;                       /* of the file, for messages */
        unsigned line;
        struct sysusers_line *next;
};

struct id_range {
        uint32_t from, to;
};

struct sysusers {
        struct sysusers_line *lines, **tail;
        struct id_range ranges[32];
        unsigned n_ranges;
        char **paths; /* owns the names that lines point to */
        /* what is to be added, as text in the files' own form */
        struct strbuf passwd, shadow, group, gshadow;
        /* "group:user" additions to groups that are there */
        char **memberships;
        unsigned added_users, added_groups;
};

void sysusers_done(struct sysusers *s);
/* Parses one line that is neither empty nor a comment. 0 or -EINVAL (logged). */
int sysusers_parse_line(struct early *e, const char *path, unsigned line, char *text, void *data);
bool user_name_valid(const char *name);
/* Writes passwd, group, shadow and gshadow anew with the additions. */
int sysusers_write(struct early *e, struct sysusers *s);
/* The new text of a group or gshadow file: members added (field index of the member list), lines appended. */
char *sysusers_new_group_text(const char *old, char *const *memberships, const char *added, unsigned field);
