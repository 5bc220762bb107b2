/* Users and groups without NSS: /etc/passwd and /etc/group as PID 1 may read them. */
#pragma once

#include "lib/util.h"

struct user_record {
        char *name, *home, *shell; /* home, shell NULL for a bare number without a record */
        uid_t uid;
        gid_t gid;
        bool found; /* there is a record in /etc/passwd */
};

void user_record_done(struct user_record *u);
/* Name or number. -ESRCH: not in /etc/passwd (NSS may know it). */
int user_lookup(const char *name, struct user_record *ret);
int group_lookup(const char *name, gid_t *ret);
/* gid and all groups that list the user, and extra (names or numbers), without doubles. -ESRCH for an unknown
 * name in extra. */
int user_groups(const char *user, gid_t gid, char *const *extra, gid_t **ret, size_t *ret_n);
/* Do group memberships come from /etc/group alone, by nsswitch.conf? */
bool user_groups_are_local(void);
/* For tests: another directory than /etc; forgets what was read. */
void user_set_etc(const char *dir);
