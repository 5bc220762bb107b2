#include "early/early.h"

/* The next of the colon-separated fields of *p, cut at the end of the line; NULL when there is none. */
static char *next_field(char **p)
{
        char *s = *p, *colon;

        if (!s)
                return NULL;
        colon = strchr(s, ':');
        if (colon)
                *colon++ = 0;
        *p = colon;
        return s;
}

int userdb_add_user(struct userdb *u, const char *name, uint32_t uid, uint32_t gid)
{
        struct user_entry *n = calloc(1, sizeof(*n));
        int r;

        if (!n || !(n->name = strdup(name))) {
                free(n);
                return -ENOMEM;
        }
        n->uid = uid;
        n->gid = gid;
        n->next = u->users;
        u->users = n;
        if (hash_get(&u->user_by_name, name))
                return 0; /* the first entry of a name counts */
        r = hash_put(&u->user_by_name, n->name, n);
        return r < 0 ? r : 0;
}

int userdb_add_group(struct userdb *u, const char *name, uint32_t gid, const char *members)
{
        struct group_entry *n = calloc(1, sizeof(*n));
        int r;

        if (!n || !(n->name = strdup(name)) || !(n->members = strdup(members))) {
                if (n)
                        free(n->name);
                free(n);
                return -ENOMEM;
        }
        n->gid = gid;
        n->next = u->groups;
        u->groups = n;
        if (hash_get(&u->group_by_name, name))
                return 0;
        r = hash_put(&u->group_by_name, n->name, n);
        return r < 0 ? r : 0;
}

static int passwd_line(struct userdb *u, char *line)
{
        char *name = next_field(&line), *uid_s, *gid_s;
        uint32_t uid, gid;

        (void)next_field(&line);
        uid_s = next_field(&line);
        gid_s = next_field(&line);
        if (str_empty(name) || !uid_s || !gid_s || parse_u32(uid_s, &uid) < 0 || parse_u32(gid_s, &gid) < 0)
                return 0;
        return userdb_add_user(u, name, uid, gid);
}

static int group_line(struct userdb *u, char *line)
{
        char *name = next_field(&line), *gid_s, *members;
        uint32_t gid;

        (void)next_field(&line);
        gid_s = next_field(&line);
        members = next_field(&line);
        if (str_empty(name) || !gid_s || parse_u32(gid_s, &gid) < 0)
                return 0;
        return userdb_add_group(u, name, gid, members ?: "");
}

static int each_line(struct userdb *u, const char *text, int (*fn)(struct userdb *u, char *line))
{
        _cleanup_free_ char *copy = strdup(text);
        int r;

        if (!copy)
                return -ENOMEM;
        for (char *l = copy, *next; l; l = next) {
                next = strchr(l, '\n');
                if (next)
                        *next++ = 0;
                if (!*l || *l == '#' || *l == '+' || *l == '-')
                        continue;
                r = fn(u, l);
                if (r < 0)
                        return r;
        }
        return 0;
}

int userdb_parse_passwd(struct userdb *u, const char *text)
{
        return each_line(u, text, passwd_line);
}

int userdb_parse_group(struct userdb *u, const char *text)
{
        return each_line(u, text, group_line);
}

int userdb_load(struct early *e)
{
        struct userdb *u = &e->users;
        int r;

        if (u->loaded)
                return 0;
        r = early_read_file(e, "/etc/passwd", 0, &u->passwd, &u->passwd_len);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Cannot read /etc/passwd: %m");
        r = early_read_file(e, "/etc/group", 0, &u->group, &u->group_len);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Cannot read /etc/group: %m");
        r = userdb_parse_passwd(u, u->passwd ?: "");
        if (r >= 0)
                r = userdb_parse_group(u, u->group ?: "");
        if (r < 0)
                return log_oom();
        u->loaded = true;
        return 0;
}

void userdb_done(struct userdb *u)
{
        for (struct user_entry *n = u->users, *next; n; n = next) {
                next = n->next;
                free(n->name);
                free(n);
        }
        for (struct group_entry *n = u->groups, *next; n; n = next) {
                next = n->next;
                free(n->name);
                free(n->members);
                free(n);
        }
        hash_done(&u->user_by_name);
        hash_done(&u->group_by_name);
        free(u->passwd);
        free(u->group);
        *u = (struct userdb) { 0 };
}

const struct user_entry *userdb_user(const struct userdb *u, const char *name)
{
        return hash_get(&u->user_by_name, name);
}

const struct group_entry *userdb_group(const struct userdb *u, const char *name)
{
        return hash_get(&u->group_by_name, name);
}

const struct user_entry *userdb_user_by_id(const struct userdb *u, uint32_t uid)
{
        for (const struct user_entry *n = u->users; n; n = n->next)
                if (n->uid == uid)
                        return n;
        return NULL;
}

const struct group_entry *userdb_group_by_id(const struct userdb *u, uint32_t gid)
{
        for (const struct group_entry *n = u->groups; n; n = n->next)
                if (n->gid == gid)
                        return n;
        return NULL;
}

bool userdb_is_member(const struct group_entry *g, const char *user)
{
        size_t len = strlen(user);

        for (const char *p = g->members; *p;) {
                size_t l = strcspn(p, ",");

                if (l == len && strncmp(p, user, len) == 0)
                        return true;
                p += l + (p[l] == ',');
        }
        return false;
}

int userdb_uid(struct early *e, const char *name, uint32_t *ret)
{
        const struct user_entry *n;
        int r;

        if (parse_u32(name, ret) >= 0)
                return *ret == UINT32_MAX ? -ESRCH : 0;
        if (streq(name, "root")) {
                *ret = 0;
                return 0;
        }
        r = userdb_load(e);
        if (r < 0)
                return r;
        n = userdb_user(&e->users, name);
        if (!n)
                return -ESRCH;
        *ret = n->uid;
        return 0;
}

int userdb_gid(struct early *e, const char *name, uint32_t *ret)
{
        const struct group_entry *n;
        int r;

        if (parse_u32(name, ret) >= 0)
                return *ret == UINT32_MAX ? -ESRCH : 0;
        if (streq(name, "root")) {
                *ret = 0;
                return 0;
        }
        r = userdb_load(e);
        if (r < 0)
                return r;
        n = userdb_group(&e->users, name);
        if (!n)
                return -ESRCH;
        *ret = n->gid;
        return 0;
}
