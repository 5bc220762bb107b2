/* update-utmp, utmp-runlevel, utmp-shutdown: the records of boot, runlevel and shutdown in /run/utmp and
 * /var/log/wtmp (utmp(5)). A file that is not there is not made: that is tmpfiles' to decide. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <utmp.h>

#include "early/early.h"

static void fill(struct utmp *u, short type, const char *user, usec_t when)
{
        struct utsname un;

        memset(u, 0, sizeof(*u));
        u->ut_type = type;
        memcpy(u->ut_line, "~", 2);
        memcpy(u->ut_id, "~~", 2);
        strncpy(u->ut_user, user, sizeof(u->ut_user) - 1);
        if (uname(&un) >= 0)
                memcpy(u->ut_host, un.release, MIN(strlen(un.release), sizeof(u->ut_host) - 1));
        u->ut_tv.tv_sec = when / USEC_PER_SEC;
        u->ut_tv.tv_usec = when % USEC_PER_SEC;
}

static int open_locked(struct early *e, const char *path, int flags)
{
        struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        _cleanup_free_ char *p = early_path(e, path);
        int fd;

        if (!p)
                return -ENOMEM;
        fd = open(p, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        (void)fcntl(fd, F_OFD_SETLK, &fl); /* whoever holds it for long must not hold the boot */
        return fd;
}

static int append_wtmp(struct early *e, const struct utmp *u)
{
        _cleanup_close_ int fd = open_locked(e, "/var/log/wtmp", O_WRONLY | O_APPEND);

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return log_warning_errno(fd, "/var/log/wtmp cannot be opened: %m");
        if (write(fd, u, sizeof(*u)) != sizeof(*u))
                return log_warning_errno(errno ? -errno : -EIO, "/var/log/wtmp not written: %m");
        return 0;
}

/* Replaces the record of the same type, or adds one. ret_old: what was there. */
static int put_utmp(struct early *e, const struct utmp *u, struct utmp *ret_old)
{
        _cleanup_close_ int fd = open_locked(e, "/run/utmp", O_RDWR);
        struct utmp cur;
        off_t pos = 0;

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return log_warning_errno(fd, "/run/utmp cannot be opened: %m");
        for (; pread(fd, &cur, sizeof(cur), pos) == sizeof(cur); pos += sizeof(cur))
                if (cur.ut_type == u->ut_type || (u->ut_type == RUN_LVL && cur.ut_type == EMPTY)) {
                        if (ret_old && cur.ut_type == u->ut_type)
                                *ret_old = cur;
                        break;
                }
        if (pwrite(fd, u, sizeof(*u), pos) != sizeof(*u))
                return log_warning_errno(errno ? -errno : -EIO, "/run/utmp not written: %m");
        return 0;
}

static int record(struct early *e, struct utmp *u)
{
        int a = put_utmp(e, u, NULL), b = append_wtmp(e, u);

        return a < 0 ? a : b;
}

int step_update_utmp(struct early *e, char *const *args)
{
        struct utmp u;

        fill(&u, BOOT_TIME, "reboot", now_realtime() - now_boottime());
        return record(e, &u);
}

int step_utmp_shutdown(struct early *e, char *const *args)
{
        struct utmp u;

        fill(&u, RUN_LVL, "shutdown", now_realtime());
        return record(e, &u);
}

/* The runlevel is the argument: 0 1 2 3 4 5 6 S; without one, 5. */
int step_utmp_runlevel(struct early *e, char *const *args)
{
        const char *level = args && *args ? *args : "5";
        struct utmp u, old = { 0 };
        int r;

        if (strlen(level) != 1 || !strchr("0123456S", *level))
                return log_error_errno(-EINVAL, "\"%s\" is no runlevel; none is recorded.", level);
        fill(&u, RUN_LVL, "runlevel", now_realtime());
        u.ut_pid = *level;
        r = put_utmp(e, &u, &old);
        if (r < 0)
                return r;
        if ((old.ut_pid & 0xff) == *level)
                return 0;
        u.ut_pid |= (old.ut_pid & 0xff) << 8;
        r = put_utmp(e, &u, NULL);
        return r < 0 ? r : append_wtmp(e, &u);
}
