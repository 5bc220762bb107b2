/* systemd-run --scope: PID 1 has moved this process into the scope; now it becomes the command, as whom and where the
 * options say. Users and groups are looked up in /etc/passwd and /etc/group (this program is static: no NSS). */
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>

#include "run.h"

struct who {
        uid_t uid;
        gid_t gid;
        char *name, *home, *shell;
        bool set;
};

static int look_up_user(const char *user, struct who *w)
{
        FILE *f = fopen("/etc/passwd", "re");
        uint32_t number;
        bool by_number = parse_u32(user, &number) >= 0;

        for (struct passwd *p; f && (p = fgetpwent(f));)
                if (streq(p->pw_name, user) || (by_number && p->pw_uid == number)) {
                        *w = (struct who) { p->pw_uid, p->pw_gid, strdup(p->pw_name), strdup(p->pw_dir),
                                strdup(p->pw_shell), true };
                        break;
                }
        if (f)
                fclose(f);
        if (!w->set && by_number)
                *w = (struct who) { .uid = number, .gid = number, .set = true };
        return w->set ? 0 : -ESRCH;
}

static int look_up_group(const char *group, gid_t *ret)
{
        FILE *f = fopen("/etc/group", "re");
        uint32_t number;
        int r = parse_u32(group, &number);

        if (r >= 0)
                *ret = number;
        for (struct group *g; r < 0 && f && (g = fgetgrent(f));)
                if (streq(g->gr_name, group)) {
                        *ret = g->gr_gid;
                        r = 0;
                }
        if (f)
                fclose(f);
        return r < 0 ? -ESRCH : 0;
}

/* The groups that the user is a member of, and gid. */
static int set_groups(const struct who *w)
{
        FILE *f = w->name ? fopen("/etc/group", "re") : NULL;
        gid_t list[256] = { w->gid };
        size_t n = 1;

        for (struct group *g; f && (g = fgetgrent(f)) && n < ARRAY_SIZE(list);)
                for (char **m = g->gr_mem; *m; m++)
                        if (streq(*m, w->name) && g->gr_gid != w->gid) {
                                list[n++] = g->gr_gid;
                                break;
                        }
        if (f)
                fclose(f);
        return setgroups(n, list) < 0 ? -errno : 0;
}

static int become(struct run *r)
{
        struct who w = { 0 };
        int k = 0, nice_level;

        if (r->nice) {
                k = parse_int(r->nice, &nice_level);
                if (k < 0 || setpriority(PRIO_PROCESS, 0, nice_level) < 0)
                        return k < 0 ? k : -errno;
        }
        if (r->user)
                k = look_up_user(r->user, &w);
        if (k >= 0 && r->group)
                k = look_up_group(r->group, &w.gid);
        if (k >= 0 && r->user)
                k = set_groups(&w);
        if (k >= 0 && (r->user || r->group) && setresgid(w.gid, w.gid, w.gid) < 0)
                k = -errno;
        if (k >= 0 && r->user && setresuid(w.uid, w.uid, w.uid) < 0)
                k = -errno;
        if (k >= 0 && w.name) {
                (void)setenv("USER", w.name, 1);
                (void)setenv("LOGNAME", w.name, 1);
                (void)setenv("HOME", w.home, 1);
                (void)setenv("SHELL", w.shell, 1);
        }
        free(w.name);
        free(w.home);
        free(w.shell);
        return k;
}

static void set_invocation_id(struct run *r)
{
        char *args[] = { r->service, NULL }, *options[] = { (char *)"properties=InvocationID", NULL };
        _cleanup_list_ struct ctl_list list = { 0 };

        if (ctl_query("show", args, options, &list) >= 0 && list.n > 0)
                (void)setenv("INVOCATION_ID", record_str(&list.r[0], "InvocationID"), 1);
}

int run_in_scope(struct run *r, char **command)
{
        int k;

        set_invocation_id(r);
        k = become(r);
        if (k >= 0 && r->directory && chdir(r->directory) < 0)
                k = -errno;
        if (k < 0) {
                fprintf(stderr, "Failed to set up the process: %s\n", strerror(-k));
                return 1;
        }
        FOREACH_STR (e, r->environment)
                (void)putenv(*e); /* kept until execvp() */
        execvp(command[0], command);
        fprintf(stderr, "Failed to execute %s: %m\n", command[0]);
        return 1;
}
