/* uaccess: read and write for the user of the active session at the device's seat, as an ACL entry on the node.
 *
 * Who that is stands in /run/systemd/seats/SEAT, which logind and elogind both keep (ACTIVE_UID=). Without
 * such a file nobody sits there, and entries that an earlier user had are taken away. The ACL is the
 * kernel's extended attribute, written here without a library: version 2, then entries of tag, rights, id. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "builtin.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define ACL_XATTR     "system.posix_acl_access"
#define TAG_USER_OBJ  0x01
#define TAG_USER      0x02
#define TAG_GROUP_OBJ 0x04
#define TAG_GROUP     0x08
#define TAG_MASK      0x10
#define TAG_OTHER     0x20

struct acl_entry {
        uint16_t tag, rights;
        uint32_t id;
};

struct acl {
        uint32_t version;
        struct acl_entry e[8];
} __attribute__((packed));

static int take_uid(const char *key, const char *value, void *data)
{
        uint32_t uid;

        if (streq(key, "ACTIVE_UID") && parse_u32(value, &uid) >= 0 && uid != UINT32_MAX)
                *(uid_t *)data = uid;
        return 0;
}

static uid_t seat_user(const char *seat)
{
        uid_t uid = (uid_t)-1;
        char path[PATH_MAX];

        if (!*seat || strchr(seat, '/') || seat[0] == '.')
                return uid;
        if (snprintf(path, sizeof(path), "/run/systemd/seats/%s", seat) < (int)sizeof(path))
                (void)parse_env_file(path, take_uid, &uid);
        return uid;
}

static void put_entry(struct acl *a, size_t *n, unsigned tag, unsigned rights, uint32_t id)
{
        a->e[(*n)++] = (struct acl_entry) { htole16((uint16_t)tag), htole16((uint16_t)rights), htole32(id) };
}

/* The group's own rights: with an ACL on the node its mode shows the mask in their place. */
static unsigned group_rights(const char *fdpath, const struct stat *st)
{
        struct {
                uint32_t version;
                struct acl_entry e[64];
        } __attribute__((packed)) a;
        ssize_t n = getxattr(fdpath, ACL_XATTR, &a, sizeof(a));

        if (n >= (ssize_t)sizeof(a.version) && le32toh(a.version) == 2)
                for (size_t i = 0; i < ((size_t)n - sizeof(a.version)) / sizeof(a.e[0]); i++)
                        if (le16toh(a.e[i].tag) == TAG_GROUP_OBJ)
                                return le16toh(a.e[i].rights) & 7u;
        return st->st_mode >> 3 & 7;
}

static int set_acl(const char *fdpath, const struct stat *st, uid_t uid)
{
        struct acl a = { .version = htole32(2) };
        unsigned group = group_rights(fdpath, st);
        size_t n = 0;

        if (uid == (uid_t)-1 || uid == 0) {
                if (removexattr(fdpath, ACL_XATTR) < 0)
                        return errno != ENODATA && errno != EOPNOTSUPP ? -errno : 0;
                /* the mask's rights stay behind as the group's */
                return chmod(fdpath, (st->st_mode & 07707) | group << 3) < 0 ? -errno : 0;
        }
        put_entry(&a, &n, TAG_USER_OBJ, st->st_mode >> 6 & 7, UINT32_MAX);
        put_entry(&a, &n, TAG_USER, 6, uid);
        put_entry(&a, &n, TAG_GROUP_OBJ, group, UINT32_MAX);
        put_entry(&a, &n, TAG_MASK, group | 6, UINT32_MAX);
        put_entry(&a, &n, TAG_OTHER, st->st_mode & 7, UINT32_MAX);
        return setxattr(fdpath, ACL_XATTR, &a, sizeof(a.version) + n * sizeof(a.e[0]), 0) < 0 ? -errno : 0;
}

int builtin_uaccess(struct device *d, struct rules_event *e, int argc, char **argv)
{
        const char *seat = device_prop(d, "ID_SEAT");
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX], fdpath[64];
        struct stat st;
        uid_t uid;
        int r;

        if (!d->devnode)
                return 0;
        r = real_dev_path(d->devnode, path);
        if (r < 0)
                return r;
        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
                return -ENODEV;
        uid = seat_user(str_empty(seat) ? "seat0" : seat);
        snprintf(fdpath, sizeof(fdpath), "/proc/self/fd/%d", fd);
        r = set_acl(fdpath, &st, uid);
        if (r < 0 && r != -EOPNOTSUPP)
                return log_warning_errno(r, "%s: cannot set the access list: %m", d->devnode);
        return 0;
}
