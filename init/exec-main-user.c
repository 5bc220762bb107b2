/* rouse-exec: users by NSS, and PAM sessions. libpam is loaded only when a unit asks for it. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "exec-dir.h"
#include "exec-main.h"
#include "lib/fileio.h"

static gid_t groups[256];
static char home[PATH_MAX]; /* of a user that only NSS knows */

static void set_supplementary(struct helper *h, const char *user, gid_t gid)
{
        struct exec_plan *p = h->plan;
        int n = (int)ARRAY_SIZE(groups);

        groups[0] = gid;
        if (!user)
                n = 1;
        else if (getgrouplist(user, gid, groups, &n) < 0)
                helper_fail(h, EXIT_GROUP, -E2BIG, user);
        for (uint32_t i = 0; i < p->group_names.n; i++) {
                const char *name = plan_item(p, p->group_names, i);
                struct group *g;
                char *end;
                unsigned long number = strtoul(name, &end, 10);

                g = *end ? getgrnam(name) : NULL;
                if (*end && !g)
                        helper_fail(h, EXIT_GROUP, -ESRCH, name);
                if (n == (int)ARRAY_SIZE(groups))
                        helper_fail(h, EXIT_GROUP, -E2BIG, name);
                groups[n++] = g ? g->gr_gid : (gid_t)number;
        }
        if (setgroups((size_t)n, groups) < 0)
                helper_fail(h, EXIT_GROUP, -errno, "setgroups");
        p->flags |= PLAN_GROUPS_SET;
}

/* all: SetLoginEnvironment= is not off; $USER tells who it is in any case. */
static void add_login_environment(struct helper *h, const struct passwd *pw, bool all)
{
        const char *const keys[] = { "USER", "LOGNAME", "HOME", "SHELL" };
        const char *const values[] = { pw->pw_name, pw->pw_name, pw->pw_dir, pw->pw_shell };

        for (size_t i = 0; i < (all ? ARRAY_SIZE(keys) : 1); i++) {
                char text[PATH_MAX + 16];

                snprintf(text, sizeof(text), "%s=%s", keys[i], values[i]);
                if (!strv_env_get(h->env, keys[i]))
                        strv_env_set(&h->env, text);
        }
}

void helper_identity(struct helper *h)
{
        struct exec_plan *p = h->plan;
        const char *user = plan_str(p, p->user), *group = plan_str(p, p->group);
        struct passwd *pw = NULL;

        if (!(p->flags & PLAN_NAMES))
                return;
        errno = 0;
        if (user) {
                char *end;
                unsigned long number = strtoul(user, &end, 10);

                pw = *end ? getpwnam(user) : getpwuid((uid_t)number);
                if (!pw)
                        helper_fail(h, EXIT_USER, errno ? -errno : -ESRCH, user);
                p->uid = pw->pw_uid;
                p->gid = pw->pw_gid;
                snprintf(home, sizeof(home), "%s", pw->pw_dir);
                add_login_environment(h, pw, p->flags & PLAN_LOGIN_ENV);
        }
        if (group) {
                char *end;
                unsigned long number = strtoul(group, &end, 10);
                struct group *g = *end ? getgrnam(group) : NULL;

                if (*end && !g)
                        helper_fail(h, EXIT_GROUP, errno ? -errno : -ESRCH, group);
                p->gid = g ? g->gr_gid : (gid_t)number;
        }
        if (p->flags & PLAN_SETID)
                set_supplementary(h, pw ? pw->pw_name : NULL, p->gid);
}

/* What is in the directory, then the directory itself. Links are given themselves, other file systems left alone. */
static int give_tree(int fd, dev_t dev, uid_t uid, gid_t gid, unsigned depth)
{
        _cleanup_closedir_ DIR *d = fdopendir(fd);
        int r = 0;

        if (!d) {
                r = -errno;
                close(fd);
                return r;
        }
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                struct stat st;
                int sub;

                if (streq(e->d_name, ".") || streq(e->d_name, "..") ||
                        fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
                        continue;
                if (S_ISDIR(st.st_mode) && depth < 512) {
                        sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                        r = sub < 0 ? -errno : give_tree(sub, dev, uid, gid, depth + 1);
                } else if (fchownat(fd, e->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
                        r = -errno;
        }
        return r < 0 ? r : fchown(dirfd(d), uid, gid) < 0 ? -errno : 0;
}

/* Runtime, state, cache and log directories on a file system that may hang. */
static void make_directories(struct helper *h)
{
        const struct plan_dir *list = plan_at(h->plan, h->plan->dirs);

        for (uint32_t i = 0; i < h->plan->dirs.n; i++) {
                struct exec_dir_wish d = { .kind = (int)list[i].kind,
                        .entry = plan_str(h->plan, list[i].entry),
                        .mode = list[i].mode,
                        .private = list[i].private,
                        .owned = h->plan->flags & PLAN_SETID && list[i].kind != DIR_CONFIGURATION,
                        .uid = h->plan->uid,
                        .gid = h->plan->gid };
                int r = !d.entry ? 0 : list[i].kind >= DIR_MAX ? -EBADMSG : exec_dir_make(&d);

                if (r < 0)
                        helper_fail(h, list[i].kind < DIR_MAX ? exec_dir_exit[d.kind] : EXIT_EXEC, r,
                                plan_str(h->plan, list[i].path));
        }
}

/* These, and those that PID 1 could not give to a user that it did not know, or did not
 * because there is something in them. */
void helper_own_directories(struct helper *h)
{
        const struct plan_dir *d = plan_at(h->plan, h->plan->dirs);
        uid_t uid = h->plan->uid;
        gid_t gid = h->plan->gid;

        make_directories(h);
        for (uint32_t i = 0; i < h->plan->dirs.n && (h->plan->flags & PLAN_SETID); i++) {
                const char *path = plan_str(h->plan, d[i].path);
                struct stat st;
                int fd, r;

                if (d[i].kind == DIR_CONFIGURATION)
                        continue;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0 || fstat(fd, &st) < 0)
                        helper_fail(h, EXIT_CHOWN, -errno, path);
                if (st.st_uid == uid && st.st_gid == gid) {
                        close(fd);
                        continue;
                }
                r = give_tree(fd, st.st_dev, uid, gid, 0);
                if (r < 0)
                        helper_fail(h, EXIT_CHOWN, r, path);
        }
}

void helper_home_directory(struct helper *h)
{
        struct exec_plan *p = h->plan;

        if (!(p->flags & PLAN_CWD_HOME))
                return;
        if (strlen(home) >= sizeof(p->cwd_home))
                helper_fail(h, EXIT_CHDIR, -ENAMETOOLONG, home);
        stpcpy(p->cwd_home, home);
        p->cwd = offsetof(struct exec_plan, cwd_home);
}

/* ---- PAM ---- */

#define FDS_MAX 1024

/* The part of libpam's interface that is used; its values are fixed by the library's ABI. */
typedef struct pam_handle pam_handle_t;
struct pam_message {
        int msg_style;
        const char *msg;
};
struct pam_response {
        char *resp;
        int resp_retcode;
};
struct pam_conv {
        int (*conv)(int n, const struct pam_message **msg, struct pam_response **resp, void *data);
        void *data;
};
enum {
        PAM_SUCCESS_ = 0,
        PAM_CONV_ERR_ = 19,
        PAM_TTY_ = 3,
        PAM_ESTABLISH_CRED_ = 2,
        PAM_DELETE_CRED_ = 4,
        PAM_SILENT_ = 0x8000,
        PAM_DATA_SILENT_ = 0x40000000
};

static struct {
        int (*start)(const char *service, const char *user, const struct pam_conv *conv, pam_handle_t **ret);
        int (*end)(pam_handle_t *h, int status);
        int (*set_item)(pam_handle_t *h, int item, const void *value);
        int (*acct_mgmt)(pam_handle_t *h, int flags);
        int (*setcred)(pam_handle_t *h, int flags);
        int (*open_session)(pam_handle_t *h, int flags);
        int (*close_session)(pam_handle_t *h, int flags);
        int (*putenv)(pam_handle_t *h, const char *assignment);
        char **(*getenvlist)(pam_handle_t *h);
        const char *(*strerror)(pam_handle_t *h, int error);
} pam;

static bool load_pam(void)
{
        static const char *const names[] = { "pam_start", "pam_end", "pam_set_item", "pam_acct_mgmt",
                "pam_setcred", "pam_open_session", "pam_close_session", "pam_putenv", "pam_getenvlist",
                "pam_strerror" };
        void *lib = dlopen("libpam.so.0", RTLD_NOW | RTLD_GLOBAL);

        for (size_t i = 0; lib && i < ARRAY_SIZE(names); i++) {
                void *f = dlsym(lib, names[i]);

                if (!f)
                        return false;
                memcpy((char *)&pam + i * sizeof(void *), &f, sizeof(f));
        }
        return lib;
}

/* Nobody is there to answer. */
static int no_conversation(int n, const struct pam_message **msg, struct pam_response **resp, void *data)
{
        return PAM_CONV_ERR_;
}

/* Descriptors that are open now, one bit each. */
static void list_open(uint64_t mask[FDS_MAX / 64])
{
        for (int fd = 0; fd < FDS_MAX; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        mask[fd / 64] |= 1ull << fd % 64;
}

/* Waits for the service's main process to end, then closes the session. A process of its own, in the cgroup where the
 * modules have left the two of them, which may be a session's scope. It stays root, so no signal of the end of a
 * service with less rights would reach it: it watches its descriptor. What the modules have opened stays open as long
 * as the session does (logind takes a session for ended when its descriptor is closed). */
static void session_keeper(
        pam_handle_t *handle, int service, const uint64_t others[FDS_MAX / 64]) _noreturn_;
static void session_keeper(pam_handle_t *handle, int service, const uint64_t others[FDS_MAX / 64])
{
        struct pollfd ended = { .fd = service, .events = POLLIN };
        sigset_t block;

        prctl(PR_SET_NAME, "(rouse-pam)");
        sigfillset(&block);
        sigprocmask(SIG_BLOCK, &block, NULL);
        for (int fd = 3; fd < FDS_MAX; fd++)
                if (others[fd / 64] & 1ull << fd % 64)
                        close(fd);
        while (poll(&ended, 1, -1) < 0 && errno == EINTR)
                ;
        pam.setcred(handle, PAM_DELETE_CRED_ | PAM_SILENT_);
        pam.close_session(handle, PAM_SILENT_);
        pam.end(handle, PAM_SUCCESS_ | PAM_DATA_SILENT_);
        _exit(0);
}

static void start_keeper(struct helper *h, pam_handle_t *handle, const uint64_t others[FDS_MAX / 64])
{
        _cleanup_close_ int service = (int)syscall(SYS_pidfd_open, getpid(), 0);
        pid_t keeper = service < 0 ? -1 : fork();

        if (keeper < 0)
                helper_fail(h, EXIT_PAM, -errno, "PAM session");
        if (keeper == 0)
                session_keeper(handle, service, others);
}

void helper_pam(struct helper *h)
{
        struct exec_plan *p = h->plan;
        static const struct pam_conv conv = { .conv = no_conversation };
        const char *service = plan_str(p, p->pam_name), *user = plan_str(p, p->user), *tty = NULL;
        pam_handle_t *handle = NULL;
        uint64_t others[FDS_MAX / 64] = { 0 };
        int r;

        if (!service || !helper_sandboxed(h) || p->control)
                return;
        if (!user)
                user = "root";
        if (!load_pam())
                helper_fail(h, EXIT_PAM, -ENOENT, "libpam.so.0");
        if (h->tty_fd >= 0)
                tty = plan_str(p, p->tty_path);
        list_open(others);
        r = pam.start(service, user, &conv, &handle);
        if (r == PAM_SUCCESS_ && tty)
                r = pam.set_item(handle, PAM_TTY_, tty);
        FOREACH_STR (e, h->env)
                if (r == PAM_SUCCESS_)
                        r = pam.putenv(handle, *e);
        if (r == PAM_SUCCESS_)
                r = pam.acct_mgmt(handle, PAM_SILENT_);
        if (r == PAM_SUCCESS_ &&
                (r = pam.setcred(handle, PAM_ESTABLISH_CRED_ | PAM_SILENT_)) != PAM_SUCCESS_)
                r = PAM_SUCCESS_; /* modules without credentials say so */
        if (r == PAM_SUCCESS_)
                r = pam.open_session(handle, PAM_SILENT_);
        if (r != PAM_SUCCESS_)
                helper_fail(h, EXIT_PAM, -EPERM, handle ? pam.strerror(handle, r) : service);
        char **list = pam.getenvlist(handle);
        FOREACH_STR (e, list)
                strv_env_set(&h->env, *e);
        start_keeper(h, handle, others);
        /* groups that modules have added count */
        p->flags |= PLAN_GROUPS_SET;
        groups[0] = 0;
        int n = getgroups((int)ARRAY_SIZE(groups), groups);
        const gid_t *own = plan_at(p, p->groups);
        for (uint32_t i = 0; i < p->groups.n && n >= 0 && n < (int)ARRAY_SIZE(groups); i++)
                groups[n++] = own[i];
        if (n > 0)
                (void)!setgroups((size_t)n, groups);
}
