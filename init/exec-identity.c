/* Whose a unit's process is: User=, Group=, SupplementaryGroups=, DynamicUser= by the files of /etc, or left to
 * rouse-exec and NSS. */
#include "exec-internal.h"

void exec_identity_done(struct exec_identity *id)
{
        user_record_done(&id->user);
        free(id->groups);
        id->groups = NULL;
}

bool exec_path_is_local(const char *path)
{
        static const char *const local[] = { "/etc", "/run", "/usr", "/dev", "/proc", "/sys", "/lib", "/bin",
                "/sbin", "/var/lib", "/var/cache", "/var/log", "/var/run" };

        for (size_t i = 0; i < ARRAY_SIZE(local); i++)
                if (path_startswith(path, local[i]))
                        return true;
        return false;
}

static int identify_dynamic(struct unit *u, const struct exec_context *c, struct exec_identity *id)
{
        uid_t uid;
        int r;

        id->user.name = dynamic_user_name(u, c);
        if (!id->user.name)
                return -ENOMEM;
        r = dynamic_user_get(u, id->user.name, &uid);
        if (r < 0)
                return r;
        id->user.home = strdup("/");
        id->user.shell = strdup("/usr/sbin/nologin");
        id->user.uid = uid;
        id->user.gid = id->gid = uid;
        return id->user.home && id->user.shell ? 0 : -ENOMEM;
}

static int identify_user(struct unit *u, const struct exec_context *c, struct exec_identity *id)
{
        int r;

        if (c->user) {
                r = user_lookup(c->user, &id->user);
                if (r == -ESRCH && c->dynamic_user)
                        return identify_dynamic(u, c, id);
                if (r < 0)
                        return r;
                id->gid = id->user.gid;
                return user_groups_are_local() ? 0 : -ESRCH;
        }
        if (c->dynamic_user)
                return identify_dynamic(u, c, id);
        return c->login_environment == LOGIN_ENV_YES ? user_lookup("root", &id->user) : 0;
}

int exec_identify(struct unit *u, const struct exec_context *c, struct exec_identity *ret)
{
        struct exec_identity id = { 0 };
        int r;

        id.set = c->user || c->group || c->supplementary_groups || c->dynamic_user;
        r = identify_user(u, c, &id);
        if (r >= 0 && c->group)
                r = group_lookup(c->group, &id.gid);
        if (r == -ESRCH && c->group && c->dynamic_user && !c->user)
                r = 0; /* the dynamic group of that name */
        if (r >= 0 && id.set)
                r = user_groups(id.user.found ? id.user.name : NULL, id.gid, c->supplementary_groups,
                        &id.groups, &id.n_groups);
        if (r == -ESRCH) {
                id.by_nss = true;
                r = 0;
        }
        if (r < 0) {
                exec_identity_done(&id);
                return r;
        }
        *ret = id;
        return 0;
}
