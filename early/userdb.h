/* Users and groups from /etc/passwd and /etc/group alone: never NSS, which may block and is not in a static
 * program. The files' texts are kept whole, so that sysusers can write them back with lines added. */
#pragma once

#include "lib/hash.h"
#include "lib/util.h"

struct user_entry {
        char *name;
        uint32_t uid, gid;
        struct user_entry *next;
};

struct group_entry {
        char *name, *members; /* comma-separated, as in the file */
        uint32_t gid;
        struct group_entry *next;
};

struct userdb {
        bool loaded;
        char *passwd, *group; /* the texts; NULL when the file is not there */
        size_t passwd_len, group_len;
        struct user_entry *users;
        struct group_entry *groups;
        struct hash user_by_name, group_by_name;
};

struct early;

/* Reads both files once; missing files count as empty. */
int userdb_load(struct early *e);
void userdb_done(struct userdb *u);
/* A name or a decimal number. -ESRCH when there is no such user (group). */
int userdb_uid(struct early *e, const char *name, uint32_t *ret);
int userdb_gid(struct early *e, const char *name, uint32_t *ret);
const struct user_entry *userdb_user(const struct userdb *u, const char *name);
const struct group_entry *userdb_group(const struct userdb *u, const char *name);
const struct user_entry *userdb_user_by_id(const struct userdb *u, uint32_t uid);
const struct group_entry *userdb_group_by_id(const struct userdb *u, uint32_t gid);
bool userdb_is_member(const struct group_entry *g, const char *user);
int userdb_add_user(struct userdb *u, const char *name, uint32_t uid, uint32_t gid);
int userdb_add_group(struct userdb *u, const char *name, uint32_t gid, const char *members);
/* Parse the text of one file into the lists (tests, fuzzing). Bad lines are passed over. */
int userdb_parse_passwd(struct userdb *u, const char *text);
int userdb_parse_group(struct userdb *u, const char *text);
