/* Mount options: one table of words and flags (mount(8), mount(2)). */
#include "mount-options.h"

#include <sys/mount.h>

enum { SET, CLEAR, USERSPACE };
static const struct option {
        const char *name;
        int kind;
        unsigned long flag;
} options_table[] = {
        { "ro", SET, MS_RDONLY },
        { "rw", CLEAR, MS_RDONLY },
        { "nosuid", SET, MS_NOSUID },
        { "suid", CLEAR, MS_NOSUID },
        { "nodev", SET, MS_NODEV },
        { "dev", CLEAR, MS_NODEV },
        { "noexec", SET, MS_NOEXEC },
        { "exec", CLEAR, MS_NOEXEC },
        { "sync", SET, MS_SYNCHRONOUS },
        { "async", CLEAR, MS_SYNCHRONOUS },
        { "dirsync", SET, MS_DIRSYNC },
        { "remount", SET, MS_REMOUNT },
        { "mand", SET, MS_MANDLOCK },
        { "nomand", CLEAR, MS_MANDLOCK },
        { "noatime", SET, MS_NOATIME },
        { "atime", CLEAR, MS_NOATIME },
        { "nodiratime", SET, MS_NODIRATIME },
        { "diratime", CLEAR, MS_NODIRATIME },
        { "relatime", SET, MS_RELATIME },
        { "norelatime", CLEAR, MS_RELATIME },
        { "strictatime", SET, MS_STRICTATIME },
        { "lazytime", SET, MS_LAZYTIME },
        { "nolazytime", CLEAR, MS_LAZYTIME },
        { "nosymfollow", SET, 256 },
        { "bind", SET, MS_BIND },
        { "rbind", SET, MS_BIND | MS_REC },
        { "silent", SET, MS_SILENT },
        { "defaults", USERSPACE, 0 },
        { "auto", USERSPACE, 0 },
        { "noauto", USERSPACE, 0 },
        { "nofail", USERSPACE, 0 },
        { "_netdev", USERSPACE, 0 },
        { "user", USERSPACE, 0 },
        { "nouser", USERSPACE, 0 },
        { "users", USERSPACE, 0 },
        { "owner", USERSPACE, 0 },
        { "group", USERSPACE, 0 },
        { "comment", USERSPACE, 0 },
};

static const struct option *find(const char *word, size_t len)
{
        for (size_t i = 0; i < ARRAY_SIZE(options_table); i++)
                if (strlen(options_table[i].name) == len && strncmp(options_table[i].name, word, len) == 0)
                        return &options_table[i];
        return NULL;
}

bool mount_option(const char *options, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = options; p && *p;) {
                size_t len = strcspn(p, ",");

                if (len >= n && strncmp(p, name, n) == 0 && (len == n || p[n] == '='))
                        return true;
                p += len + (p[len] == ',');
        }
        return false;
}

static bool for_user_space(const char *word, size_t len, const struct option *o)
{
        return (o && o->kind == USERSPACE) ||
               (len > 2 && (strncmp(word, "x-", 2) == 0 || strncmp(word, "X-", 2) == 0)) ||
               (len > 8 && strncmp(word, "comment=", 8) == 0);
}

static int append(struct strbuf *b, const char *word, size_t len)
{
        if (b->len > 0)
                strbuf_putc(b, ',');
        return strbuf_add(b, word, len);
}

int mount_options_split(const char *options, unsigned long *ret_flags, char **ret_data)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        unsigned long flags = 0;

        for (const char *p = options; p && *p;) {
                size_t len = strcspn(p, ",");
                const struct option *o = find(p, len);

                if (o && o->kind == SET)
                        flags |= o->flag;
                else if (o && o->kind == CLEAR)
                        flags &= ~o->flag;
                else if (len > 0 && !for_user_space(p, len, o))
                        (void)append(&b, p, len);
                p += len + (p[len] == ',');
        }
        if (b.failed)
                return -ENOMEM;
        *ret_flags = flags;
        *ret_data = b.len > 0 ? strbuf_take(&b) : NULL;
        return 0;
}

char *mount_options_for_helper(const char *options, const char *extra)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (extra)
                (void)append(&b, extra, strlen(extra));
        for (const char *p = options; p && *p;) {
                size_t len = strcspn(p, ",");

                if (len > 0 && !for_user_space(p, len, find(p, len)))
                        (void)append(&b, p, len);
                p += len + (p[len] == ',');
        }
        return b.len > 0 ? strbuf_take(&b) : strdup("");
}

bool mount_type_is_network(const char *fstype)
{
        static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs",
                "ceph", "glusterfs", "9p", "afs", "gfs", "gfs2", "ocfs2", "ncpfs", "ncp", "lustre", "pvfs2",
                "davfs", "orangefs", NULL };

        for (const char *const *t = types; fstype && *t; t++)
                if (streq(*t, fstype))
                        return true;
        return false;
}

bool mount_needs_helper(const char *fstype, const char *what, const char *options)
{
        if (mount_option(options, "loop") || mount_option(options, "offset") ||
                mount_option(options, "user") || mount_option(options, "users"))
                return true;
        if (!fstype || streq(fstype, "auto"))
                return !path_startswith(what, "/dev") && !mount_option(options, "bind") &&
                       !mount_option(options, "rbind");
        return mount_type_is_network(fstype) || streq(fstype, "fuse") || startswith(fstype, "fuse.") ||
               streq(fstype, "ntfs") || streq(fstype, "ntfs-3g") || streq(fstype, "zfs") ||
               streq(fstype, "ecryptfs");
}
