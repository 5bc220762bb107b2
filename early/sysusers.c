/* sysusers: creates the system users and groups of sysusers.d(5) that are missing.
 *
 * The usual boot finds that nothing is missing after reading the configuration, passwd and group once. What
 * is missing is planned in memory (additions as text of the files), then all four files are written anew
 * under the lock of lckpwdf(3), group first, so that no user ever refers to a group that is not there. */
#include <sys/stat.h>
#include <time.h>

#include "early/sysusers.h"

#define DEFAULT_FROM 100 /* below: given out by Debian's base-passwd */
#define DEFAULT_TO   999

static bool in_ranges(const struct sysusers *s, uint32_t id)
{
        if (s->n_ranges == 0)
                return id >= DEFAULT_FROM && id <= DEFAULT_TO;
        for (unsigned i = 0; i < s->n_ranges; i++)
                if (id >= s->ranges[i].from && id <= s->ranges[i].to)
                        return true;
        return false;
}

/* The highest id that neither a user nor a group has: so both can have the same number. */
static int allocate_id(struct early *e, struct sysusers *s, uint32_t *ret)
{
        uint32_t from = DEFAULT_FROM, to = DEFAULT_TO;

        for (unsigned i = 0; i < s->n_ranges; i++) {
                from = i == 0 ? s->ranges[i].from : MIN(from, s->ranges[i].from);
                to = i == 0 ? s->ranges[i].to : MAX(to, s->ranges[i].to);
        }
        for (uint64_t id = to; id >= from && id > 0; id--)
                if (in_ranges(s, id) && id != 65535 && !userdb_user_by_id(&e->users, id) &&
                        !userdb_group_by_id(&e->users, id)) {
                        *ret = id;
                        return 0;
                }
        return -ENOSPC;
}

static bool uid_free(struct early *e, uint32_t id)
{
        return !userdb_user_by_id(&e->users, id);
}

static bool gid_free(struct early *e, uint32_t id)
{
        return !userdb_group_by_id(&e->users, id);
}

/* An id that the line gives as a path: the owner (group) of that file. */
static int id_of_path(struct early *e, const char *path, uint32_t *ret_uid, uint32_t *ret_gid)
{
        _cleanup_free_ char *p = early_path(e, path);
        struct stat st;

        if (!p)
                return -ENOMEM;
        if (stat(p, &st) < 0)
                return -errno;
        *ret_uid = st.st_uid;
        *ret_gid = st.st_gid;
        return 0;
}

static int add_group(
        struct early *e, struct sysusers *s, const struct sysusers_line *l, const char *name, uint32_t gid)
{
        int r = userdb_add_group(&e->users, name, gid, "");

        if (r < 0)
                return log_oom();
        strbuf_printf(&s->group, "%s:x:%u:\n", name, gid);
        strbuf_printf(&s->gshadow, "%s:!*::\n", name);
        s->added_groups++;
        log_file(l->path, l->line, LOG_INFO, "Creating group \"%s\" with GID %u.", name, gid);
        return 0;
}

/* The group of that name is there afterwards. wanted: the number asked for, or UINT32_MAX. */
static int ensure_group(struct early *e, struct sysusers *s, const struct sysusers_line *l, const char *name,
        uint32_t wanted, uint32_t *ret_gid)
{
        const struct group_entry *g = userdb_group(&e->users, name);
        const struct user_entry *u = userdb_user(&e->users, name);
        uint32_t gid = wanted;
        int r;

        if (g) {
                *ret_gid = g->gid;
                return 0;
        }
        if (gid != UINT32_MAX && !gid_free(e, gid)) {
                log_file(l->path, l->line, LOG_NOTICE,
                        "GID %u for group \"%s\" is taken; another is allocated.", gid, name);
                gid = UINT32_MAX;
        }
        if (gid == UINT32_MAX && u && gid_free(e, u->uid))
                gid = u->uid;
        if (gid == UINT32_MAX) {
                r = allocate_id(e, s, &gid);
                if (r < 0)
                        return log_file(l->path, l->line, LOG_ERR,
                                       "No GID is free for group \"%s\"; it is not created.", name),
                               r;
        }
        r = add_group(e, s, l, name, gid);
        if (r < 0)
                return r;
        *ret_gid = gid;
        return 0;
}

/* The ID field of a "u" line: "-", UID, UID:GID, UID:GROUP, -:GROUP, /path. */
struct wanted_ids {
        uint32_t uid, gid; /* UINT32_MAX: allocate */
        bool own_group;    /* a group of the user's name is meant */
};

static int parse_ids(struct early *e, const struct sysusers_line *l, struct wanted_ids *w)
{
        _cleanup_free_ char *id = l->id ? strdup(l->id) : NULL;
        char *colon;
        int r;

        *w = (struct wanted_ids) { UINT32_MAX, UINT32_MAX, true };
        if (!l->id)
                return 0;
        if (!id)
                return log_oom();
        if (id[0] == '/') {
                r = id_of_path(e, id, &w->uid, &w->gid);
                if (r < 0 && r != -ENOENT)
                        log_full(LOG_WARNING, r, NULL, "%s:%u: cannot stat %s, an id is allocated: %m",
                                l->path, l->line, id);
                return 0;
        }
        colon = strchr(id, ':');
        if (colon)
                *colon++ = 0;
        if (!streq(id, "-") && (parse_u32(id, &w->uid) < 0 || w->uid == 65535 || w->uid == UINT32_MAX))
                return log_file(l->path, l->line, LOG_WARNING, "\"%s\" is no id; the line is ignored.",
                               l->id),
                       -EINVAL;
        if (!colon) {
                w->gid = w->uid;
                return 0;
        }
        w->own_group = false;
        if (userdb_gid(e, colon, &w->gid) < 0)
                return log_file(l->path, l->line, LOG_WARNING,
                               "Group \"%s\" of user \"%s\" is not there; the line is ignored.", colon,
                               l->name),
                       -ESRCH;
        return 0;
}

static int ensure_user(struct early *e, struct sysusers *s, const struct sysusers_line *l)
{
        struct wanted_ids w;
        uint32_t uid, gid;
        int r;

        if (userdb_user(&e->users, l->name))
                return 0;
        r = parse_ids(e, l, &w);
        if (r < 0)
                return r;
        gid = w.gid;
        if (w.own_group) {
                r = ensure_group(e, s, l, l->name, w.gid, &gid);
                if (r < 0)
                        return r;
        }
        uid = w.uid;
        if (uid != UINT32_MAX && !uid_free(e, uid)) {
                log_file(l->path, l->line, LOG_NOTICE,
                        "UID %u for user \"%s\" is taken; another is allocated.", uid, l->name);
                uid = UINT32_MAX;
        }
        if (uid == UINT32_MAX && in_ranges(s, gid) && uid_free(e, gid))
                uid = gid;
        if (uid == UINT32_MAX) {
                r = allocate_id(e, s, &uid);
                if (r < 0)
                        return log_file(l->path, l->line, LOG_ERR,
                                       "No UID is free for user \"%s\"; it is not created.", l->name),
                               r;
        }
        r = userdb_add_user(&e->users, l->name, uid, gid);
        if (r < 0)
                return log_oom();
        strbuf_printf(&s->passwd, "%s:x:%u:%u:%s:%s:%s\n", l->name, uid, gid, l->gecos ?: "", l->home ?: "/",
                l->shell ?: (uid == 0 ? "/bin/sh" : "/usr/sbin/nologin"));
        strbuf_printf(&s->shadow, "%s:!*:%lld::::::\n", l->name, (long long)(time(NULL) / (24 * 60 * 60)));
        s->added_users++;
        log_file(l->path, l->line, LOG_INFO, "Creating user \"%s\" with UID %u and GID %u.", l->name, uid,
                gid);
        return 0;
}

static int ensure_member(struct early *e, struct sysusers *s, const struct sysusers_line *l)
{
        struct sysusers_line user = { .type = 'u', .name = l->name, .path = l->path, .line = l->line };
        const struct group_entry *g;
        uint32_t gid;
        int r;

        r = ensure_user(e, s, &user);
        if (r >= 0)
                r = ensure_group(e, s, l, l->id, UINT32_MAX, &gid);
        if (r < 0)
                return r;
        g = userdb_group(&e->users, l->id);
        if (userdb_is_member(g, l->name))
                return 0;
        r = strv_addf(&s->memberships, "%s:%s", l->id, l->name);
        return r < 0 ? log_oom() : 0;
}

static int ensure_plain_group(struct early *e, struct sysusers *s, const struct sysusers_line *l)
{
        uint32_t gid = UINT32_MAX, uid;

        if (userdb_group(&e->users, l->name))
                return 0;
        if (l->id && l->id[0] == '/')
                (void)id_of_path(e, l->id, &uid, &gid);
        else if (l->id && (parse_u32(l->id, &gid) < 0 || gid == 65535 || gid == UINT32_MAX))
                return log_file(l->path, l->line, LOG_WARNING, "\"%s\" is no id; the line is ignored.",
                               l->id),
                       -EINVAL;
        return ensure_group(e, s, l, l->name, gid, &gid);
}

/* Groups first, then users, then memberships; fixed numbers before those to be allocated. */
static unsigned plan(struct early *e, struct sysusers *s)
{
        unsigned bad = 0;

        for (int fixed = 1; fixed >= 0; fixed--)
                for (struct sysusers_line *l = s->lines; l; l = l->next)
                        if (l->type == 'g' && !l->id == !fixed)
                                bad += ensure_plain_group(e, s, l) < 0;
        for (int fixed = 1; fixed >= 0; fixed--)
                for (struct sysusers_line *l = s->lines; l; l = l->next)
                        if (l->type == 'u' && !l->id == !fixed)
                                bad += ensure_user(e, s, l) < 0;
        for (struct sysusers_line *l = s->lines; l; l = l->next)
                if (l->type == 'm')
                        bad += ensure_member(e, s, l) < 0;
        return bad;
}

int step_sysusers(struct early *e, char *const *args)
{
        _cleanup_(sysusers_done) struct sysusers s = { 0 };
        unsigned bad = 0, failed;
        int r;

        r = userdb_load(e);
        if (r < 0)
                return r;
        r = conf_lines(e, "sysusers.d", false, sysusers_parse_line, &s, &bad);
        if (r < 0)
                return r;
        failed = plan(e, &s);
        if (s.passwd.failed || s.shadow.failed || s.group.failed || s.gshadow.failed)
                return log_oom();
        if (s.added_users || s.added_groups || s.memberships) {
                r = sysusers_write(e, &s);
                userdb_done(&e->users); /* to be read again: the write may have failed */
                if (r < 0)
                        return r;
                strbuf_printf(&e->message, "%u users and %u groups added", s.added_users, s.added_groups);
        }
        return failed ? -EINVAL : 0;
}
