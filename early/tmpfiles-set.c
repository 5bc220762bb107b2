/* Lines that change what is there: w e z Z t T h H a A; and mode and owner for all. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"

static mode_t masked_mode(mode_t wanted, mode_t old)
{
        if (!(old & 0111))
                wanted &= ~0111;
        if (!(old & 0222))
                wanted &= ~0222;
        if (!(old & 0444))
                wanted &= ~0444;
        return S_ISDIR(old) ? wanted : wanted & 0777;
}

/* A user's hard link to somebody else's file must not change that file, where the kernel allows such links. */
static bool suspicious_link(const struct stat *st)
{
        static int protected = -1;

        if (!S_ISREG(st->st_mode) || st->st_nlink < 2)
                return false;
        if (protected < 0) {
                _cleanup_free_ char *s = NULL;

                protected = read_one_line("/proc/sys/fs/protected_hardlinks", &s) >= 0 && streq(s, "1");
        }
        return !protected;
}

/* What a line wants for the node. 1: it differs from what is; 0: it does not; -ESRCH: no such user (logged). */
static int wanted_perms(struct early *e, const struct tmpfiles_item *i, const struct stat *st, bool created,
        uint32_t *uid, uint32_t *gid, mode_t *mode)
{
        *uid = st->st_uid;
        *gid = st->st_gid;
        *mode = st->st_mode & 07777;
        if (i->user && (created || !i->user_new_only) && userdb_uid(e, i->user, uid) < 0)
                return log_file(i->file, i->line, LOG_WARNING,
                               "%s: there is no user \"%s\"; owner and mode stay as they are.", i->path,
                               i->user),
                       -ESRCH;
        if (i->group && (created || !i->group_new_only) && userdb_gid(e, i->group, gid) < 0)
                return log_file(i->file, i->line, LOG_WARNING,
                               "%s: there is no group \"%s\"; owner and mode stay as they are.", i->path,
                               i->group),
                       -ESRCH;
        if (i->mode_set && (created || !i->mode_new_only) && !S_ISLNK(st->st_mode))
                *mode = i->mode_masked ? masked_mode(i->mode, st->st_mode) : i->mode;
        return *uid != st->st_uid || *gid != st->st_gid || *mode != (st->st_mode & 07777);
}

int tmpfiles_perms_differ(
        struct early *e, const struct tmpfiles_item *i, const struct stat *st, bool created)
{
        uint32_t uid, gid;
        mode_t mode;

        return wanted_perms(e, i, st, created, &uid, &gid, &mode);
}

int tmpfiles_set_perms(
        struct early *e, const struct tmpfiles_item *i, int fd, const struct stat *st, bool created)
{
        uint32_t uid, gid;
        mode_t mode;
        char buf[32];
        int r;

        r = wanted_perms(e, i, st, created, &uid, &gid, &mode);
        if (r <= 0)
                return r;
        if (!created && suspicious_link(st))
                return tmpfiles_log(i, LOG_WARNING, 0,
                               "it has several hard links; its owner and mode stay as they are"),
                       -EPERM;
        if (uid != st->st_uid || gid != st->st_gid) {
                if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
                        return tmpfiles_log(i, LOG_WARNING, -errno, "owner not set");
        }
        if (mode != (st->st_mode & 07777) || (mode & 06000)) /* chown clears the set-id bits */
                if (fchmodat(AT_FDCWD, fd_path(fd, buf), mode, 0) < 0)
                        return tmpfiles_log(i, LOG_WARNING, -errno, "mode not set");
        return 0;
}

int tmpfiles_write(struct early *e, const char *path, void *item)
{
        const struct tmpfiles_item *i = item;
        _cleanup_close_ int where = -1, fd = -1;
        _cleanup_free_ char *data = NULL;
        size_t len;
        int r;

        r = tmpfiles_argument(e, i, &data, &len);
        if (r <= 0)
                return r;
        where = safe_open(e, path, true);
        if (where == -ENOENT)
                return 0;
        fd = where < 0 ? where
                       : reopen_fd(where, O_WRONLY | O_NONBLOCK | O_NOCTTY | (i->plus ? O_APPEND : O_TRUNC));
        if (fd < 0)
                return tmpfiles_log(i, LOG_WARNING, fd, "cannot be opened for writing");
        r = write_all(fd, data, len);
        return r < 0 ? tmpfiles_log(i, LOG_WARNING, r, "not written") : 0;
}

/* namespace.attribute=value … */
static int set_xattrs(const struct tmpfiles_item *i, int fd)
{
        const char *p = i->arg;
        char buf[32];
        int r;

        for (;;) {
                _cleanup_free_ char *w = NULL;
                char *eq;

                r = str_next_word(&p, &w, WORD_CUNESCAPE | WORD_RELAX);
                if (r == 0)
                        return 0;
                eq = r > 0 ? strchr(w, '=') : NULL;
                if (!eq || !memchr(w, '.', eq - w))
                        return tmpfiles_log(i, LOG_WARNING, 0,
                                       "the argument is no list of NAMESPACE.ATTRIBUTE=VALUE"),
                               -EINVAL;
                *eq++ = 0;
                if (setxattr(fd_path(fd, buf), w, eq, strlen(eq), 0) < 0)
                        return tmpfiles_log(i, errno == EOPNOTSUPP ? LOG_DEBUG : LOG_WARNING, -errno,
                                       "extended attribute not set"),
                               errno == EOPNOTSUPP ? 0 : -EIO;
        }
}

static const struct {
        char letter;
        unsigned flag;
} attributes[] = {
        { 'A', FS_NOATIME_FL },
        { 'S', FS_SYNC_FL },
        { 'D', FS_DIRSYNC_FL },
        { 'a', FS_APPEND_FL },
        { 'c', FS_COMPR_FL },
        { 'd', FS_NODUMP_FL },
        { 'e', FS_EXTENT_FL },
        { 'i', FS_IMMUTABLE_FL },
        { 'j', FS_JOURNAL_DATA_FL },
        { 's', FS_SECRM_FL },
        { 'u', FS_UNRM_FL },
        { 't', FS_NOTAIL_FL },
        { 'T', FS_TOPDIR_FL },
        { 'C', FS_NOCOW_FL },
        { 'P', FS_PROJINHERIT_FL },
};

int file_attributes_parse(const char *arg, unsigned *ret_value, unsigned *ret_mask)
{
        unsigned value = 0, all = 0;
        char op = '+';

        if (strchr("+-=", *arg) && *arg)
                op = *arg++;
        if (!*arg && op != '=')
                return -EINVAL;
        for (size_t k = 0; k < ARRAY_SIZE(attributes); k++)
                all |= attributes[k].flag;
        for (; *arg; arg++) {
                unsigned f = 0;

                for (size_t k = 0; k < ARRAY_SIZE(attributes); k++)
                        if (attributes[k].letter == *arg)
                                f = attributes[k].flag;
                if (!f)
                        return -EINVAL;
                value |= f;
        }
        *ret_mask = op == '=' ? all : value;
        *ret_value = op == '-' ? 0 : value;
        return 0;
}

static int set_attributes(const struct tmpfiles_item *i, int where, const struct stat *st)
{
        _cleanup_close_ int fd = -1;
        unsigned value, mask, old, wanted;
        int r;

        if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
                return 0;
        r = file_attributes_parse(i->arg, &value, &mask);
        if (r < 0)
                return r;
        fd = reopen_fd(where, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return tmpfiles_log(i, LOG_WARNING, fd, "cannot open");
        if (ioctl(fd, FS_IOC_GETFLAGS, &old) < 0)
                return errno == ENOTTY || errno == EOPNOTSUPP
                               ? 0
                               : tmpfiles_log(i, LOG_WARNING, -errno, "attributes not read");
        wanted = (old & ~mask) | value;
        if (wanted == old || ioctl(fd, FS_IOC_SETFLAGS, &wanted) >= 0)
                return 0;
        /* what the file system does not know ("C" on ext4) is no fault of the configuration */
        if (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOTTY)
                return tmpfiles_log(i, LOG_DEBUG, -errno, "attributes not supported here"), 0;
        return tmpfiles_log(i, LOG_WARNING, -errno, "attributes not set");
}

static int adjust_fd(struct early *e, const struct tmpfiles_item *i, int fd, const struct stat *st)
{
        switch (i->type) {
        case 'e':
                if (!S_ISDIR(st->st_mode))
                        return 0;
                return tmpfiles_set_perms(e, i, fd, st, false);
        case 'z':
        case 'Z': return tmpfiles_set_perms(e, i, fd, st, false);
        case 't':
        case 'T': return S_ISLNK(st->st_mode) ? 0 : set_xattrs(i, fd);
        case 'h':
        case 'H': return set_attributes(i, fd, st);
        default: {
                int r = S_ISLNK(st->st_mode) ? 0 : acl_apply(e, fd, st, i->arg, i->plus);

                if (r == -EOPNOTSUPP)
                        return tmpfiles_log(i, LOG_DEBUG, r, "access control lists are not supported here"),
                               0;
                return r < 0 ? tmpfiles_log(i, LOG_WARNING, r, "access control list not set") : 0;
        }
        }
}

/* fd and, for the upper-case types, all below it; links are not followed, other mounts are entered. */
static int adjust_tree(struct early *e, const struct tmpfiles_item *i, int fd, bool recursive)
{
        _cleanup_closedir_ DIR *d = NULL;
        struct stat st;
        int r, ret, dfd;

        if (fstat(fd, &st) < 0)
                return tmpfiles_log(i, LOG_WARNING, -errno, "cannot stat");
        ret = adjust_fd(e, i, fd, &st);
        if (!recursive || !S_ISDIR(st.st_mode))
                return ret;
        dfd = reopen_fd(fd, O_RDONLY | O_DIRECTORY);
        d = dfd >= 0 ? fdopendir(dfd) : NULL;
        if (!d)
                return tmpfiles_log(i, LOG_WARNING, dfd < 0 ? dfd : -ENOMEM, "cannot be listed");
        for (struct dirent *de; (de = readdir(d));) {
                _cleanup_close_ int child = -1;

                if (streq(de->d_name, ".") || streq(de->d_name, ".."))
                        continue;
                child = openat(dfd, de->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (child < 0)
                        continue;
                r = adjust_tree(e, i, child, true);
                if (r < 0)
                        ret = r;
        }
        return ret;
}

int tmpfiles_adjust(struct early *e, const char *path, void *item)
{
        const struct tmpfiles_item *i = item;
        _cleanup_close_ int fd = safe_open(e, path, false);

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return tmpfiles_log(i, LOG_WARNING, fd,
                        fd == -EPERM ? "unsafe path (a link or directory of another user on the way)"
                                     : "cannot open");
        return adjust_tree(e, i, fd, strchr("ZTHA", i->type) != NULL);
}
