/* A run: from a unit's start to its end. Its processes share network and IPC namespaces and a private /tmp, which
 * rouse-exec makes under the run's name; JoinsNamespaceOf= lends one unit's run to another. When the last unit of a run
 * has ended, what was made for it goes, and with RemoveIPC= what its user left behind. */
#include <stdio.h>
#include <sys/mount.h>

#include "exec-internal.h"
#include "lib/fileio.h"

static bool shares(const struct exec_context *a, const struct exec_context *b)
{
        return (a->private_network && b->private_network) || (a->private_ipc && b->private_ipc) ||
               (a->private_tmp && b->private_tmp);
}

static bool is_down(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        return s == UNIT_INACTIVE || s == UNIT_FAILED;
}

const char *exec_run_name(struct unit *u, const struct exec_context *c)
{
        if (u->exec_run)
                return u->exec_run;
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_JOINS_NAMESPACE_OF) | DEP_BIT(DEP_JOINS_NAMESPACE_OF_INV), o)
        {
                const struct exec_context *other = unit_exec(o);

                if (other && o->exec_run && !is_down(o) && shares(c, other))
                        return u->exec_run = strdup(o->exec_run);
        }
        return u->exec_run = str_printf("%s-%.6s", u->id, *u->invocation_id ? u->invocation_id : "000000");
}

/* Another unit that has joined the run, or that this one has joined. */
static bool in_use(struct unit *u)
{
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_JOINS_NAMESPACE_OF) | DEP_BIT(DEP_JOINS_NAMESPACE_OF_INV), o)
        if (streq_null(o->exec_run, u->exec_run) && !is_down(o))
                return true;
        return false;
}

static void run_detached(struct unit *u, char *const argv[])
{
        int r = exec_detached(u->manager, argv);

        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Could not clean up by %s %s: %m", argv[0], argv[1]);
}

/* /tmp may be a disk and the tree deep: a child does it. */
static void remove_private_tmp(struct unit *u)
{
        char boot[37] = "", *to = boot, tmp[PATH_MAX], var[PATH_MAX + 8];

        for (const char *s = u->manager->boot_id; *s && to < boot + 36; s++)
                if (*s != '-')
                        *to++ = *s;
        *to = '\0';
        snprintf(tmp, sizeof(tmp), "/tmp/systemd-private-%s-%s", boot, u->exec_run);
        snprintf(var, sizeof(var), "/var%s", tmp);
        if (access(tmp, F_OK) == 0 || access(var, F_OK) == 0)
                run_detached(u, (char *[]) { (char *)exec_helper_path, (char *)"--remove", tmp, var, NULL });
}

static void remove_namespaces(struct unit *u)
{
        static const char *const kinds[] = { "net", "ipc" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                snprintf(path, sizeof(path), "/run/rouse/ns/%s.%s", u->exec_run, kinds[i]);
                umount2(path, MNT_DETACH);
                unlink(path);
        }
}

/* ---- RemoveIPC= ---- */

/* Do processes of another unit still run as the same user? */
static bool user_in_use(struct unit *u, const char *user, const char *group)
{
        HASHMAP_FOREACH (e, &u->manager->units) {
                struct unit *o = e->value;
                const struct exec_context *c = o != u ? unit_exec(o) : NULL;

                if (c && !is_down(o) &&
                        ((user && streq_null(c->user, user)) || (group && streq_null(c->group, group))))
                        return true;
        }
        return false;
}

static void remove_ipc(struct unit *u, const struct exec_context *c)
{
        _cleanup_free_ char *dynamic = NULL, *number = NULL;
        const char *user = c->user, *group = c->group;
        uid_t uid;

        if (c->dynamic_user && (dynamic = dynamic_user_name(u, c)) &&
                dynamic_user_get(u, dynamic, &uid) >= 0) {
                number = str_printf("%u", uid);
                user = number;
        }
        if ((user || group) && !user_in_use(u, c->user, group))
                run_detached(u, (char *[]) { (char *)exec_helper_path, (char *)"--remove-ipc",
                                        (char *)(user ?: ""), (char *)(group ?: ""), NULL });
}

void exec_processes_ended(struct unit *u, const struct exec_context *c)
{
        if (c->utmp_id)
                run_detached(
                        u, (char *[]) { (char *)exec_helper_path, (char *)"--utmp-dead", c->utmp_id, NULL });
}

void exec_run_ended(struct unit *u, const struct exec_context *c)
{
        char path[PATH_MAX];

        if (exec_has_credentials(c)) {
                snprintf(path, sizeof(path), "/run/credentials/%s", u->id);
                umount2(path, MNT_DETACH);
                exec_remove_tree(u, path);
        }
        if (u->exec_run && !in_use(u)) {
                if (c->private_network || c->private_ipc)
                        remove_namespaces(u);
                if (c->private_tmp || c->dynamic_user)
                        remove_private_tmp(u);
        }
        free(u->exec_run);
        u->exec_run = NULL;
        if (c->remove_ipc)
                remove_ipc(u, c);
        if (c->dynamic_user)
                dynamic_user_put(u, c);
}
