/* remount-fs: options of / , /usr and the API file systems as fstab(5) has them, by mount(2) in place. */
#include <sys/mount.h>

#include "early/early.h"
#include "lib/cmdline.h"

/* Options that are flags of mount(2), and those that only user space knows (flag 0). */
static const struct {
        const char *name;
        unsigned long set, clear;
} options[] = {
        { "ro", MS_RDONLY, 0 },
        { "rw", 0, MS_RDONLY },
        { "nosuid", MS_NOSUID, 0 },
        { "suid", 0, MS_NOSUID },
        { "nodev", MS_NODEV, 0 },
        { "dev", 0, MS_NODEV },
        { "noexec", MS_NOEXEC, 0 },
        { "exec", 0, MS_NOEXEC },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "async", 0, MS_SYNCHRONOUS },
        { "dirsync", MS_DIRSYNC, 0 },
        { "mand", MS_MANDLOCK, 0 },
        { "nomand", 0, MS_MANDLOCK },
        { "noatime", MS_NOATIME, 0 },
        { "atime", 0, MS_NOATIME },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "diratime", 0, MS_NODIRATIME },
        { "relatime", MS_RELATIME, 0 },
        { "norelatime", 0, MS_RELATIME },
        { "strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME },
        { "nostrictatime", 0, MS_STRICTATIME },
        { "lazytime", MS_LAZYTIME, 0 },
        { "nolazytime", 0, MS_LAZYTIME },
        { "nosymfollow", MS_NOSYMFOLLOW, 0 },
        { "silent", MS_SILENT, 0 },
        { "loud", 0, MS_SILENT },
        { "iversion", MS_I_VERSION, 0 },
        { "noiversion", 0, MS_I_VERSION },
        { "remount", 0, 0 },
        { "defaults", 0, 0 },
        { "auto", 0, 0 },
        { "noauto", 0, 0 },
        { "nofail", 0, 0 },
        { "_netdev", 0, 0 },
        { "user", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
        { "nouser", 0, 0 },
        { "users", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0 },
        { "nousers", 0, 0 },
        { "owner", MS_NOSUID | MS_NODEV, 0 },
        { "noowner", 0, 0 },
        { "group", MS_NOSUID | MS_NODEV, 0 },
        { "nogroup", 0, 0 },
        { "noquota", 0, 0 },
};

static bool user_space_only(const char *opt)
{
        return startswith(opt, "x-") || startswith(opt, "X-") || startswith(opt, "comment=") ||
               startswith(opt, "user=") || startswith(opt, "helper=") || startswith(opt, "uhelper=");
}

int mount_options_parse(const char *text, unsigned long *ret_flags, char **ret_data)
{
        _cleanup_strv_ char **words = strv_split(text, ",");
        _cleanup_strbuf_ struct strbuf data = { 0 };
        unsigned long flags = 0;

        FOREACH_STR (w, words) {
                size_t i;

                for (i = 0; i < ARRAY_SIZE(options) && !streq(options[i].name, *w); i++)
                        ;
                if (i < ARRAY_SIZE(options))
                        flags = (flags & ~options[i].clear) | options[i].set;
                else if (!user_space_only(*w))
                        strbuf_printf(&data, "%s%s", data.len ? "," : "", *w);
        }
        if (data.failed)
                return -ENOMEM;
        *ret_data = data.s ? strbuf_take(&data) : strdup("");
        if (!*ret_data)
                return -ENOMEM;
        *ret_flags = flags;
        return 0;
}

static bool is_ours(const char *where)
{
        static const char *const paths[] = {
                "/",
                "/usr",
                "/proc",
                "/sys",
                "/dev",
                "/dev/pts",
                "/dev/shm",
                "/run",
                "/run/lock",
                "/sys/kernel/security",
                "/sys/kernel/debug",
                "/sys/kernel/tracing",
                "/sys/fs/cgroup",
                "/sys/fs/pstore",
                "/sys/fs/bpf",
                "/sys/firmware/efi/efivars",
                "/sys/kernel/config",
                "/dev/mqueue",
                "/dev/hugepages",
        };

        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                if (streq(paths[i], where))
                        return true;
        return false;
}

static int remount(struct early *e, const char *file, unsigned line, const char *where, const char *opts)
{
        _cleanup_free_ char *data = NULL, *path = early_path(e, where);
        unsigned long flags;
        int r;

        r = path ? mount_options_parse(opts, &flags, &data) : -ENOMEM;
        if (r < 0)
                return log_oom();
        if (mount(NULL, path, NULL, MS_REMOUNT | flags, *data ? data : NULL) >= 0)
                return 0;
        r = -errno;
        /* fstab may list an API file system that this kernel or container does not have mounted */
        if ((r == -EINVAL || r == -ENOENT) && !streq(where, "/") && !streq(where, "/usr")) {
                log_file(file, line, LOG_INFO, "%s is not mounted; its options are passed over.", where);
                return 0;
        }
        return log_full(
                LOG_ERR, r, NULL, "%s:%u: %s not remounted with \"%s\": %m", file, line, where, opts);
}

struct fstab_state {
        bool root_seen;
        unsigned failed;
};

/* "\040" of fstab as the character that it stands for, in place. */
static void unescape(char *s)
{
        char *to = s;

        for (; *s; s++)
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
                        s[3] >= '0' && s[3] <= '7') {
                        *to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
                        s += 3;
                } else
                        *to++ = *s;
        *to = 0;
}

static int fstab_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        struct fstab_state *st = data;
        char *what, *where, *type, *opts;

        what = strtok_r(text, " \t", &text);
        where = strtok_r(NULL, " \t", &text);
        type = strtok_r(NULL, " \t", &text);
        opts = strtok_r(NULL, " \t", &text);
        if (!what || !where || !type)
                return 0; /* PID 1 reads the same file and names such lines */
        unescape(where);
        path_simplify(where);
        if (streq(type, "swap") || streq(type, "ignore") || !is_ours(where))
                return 0;
        st->root_seen |= streq(where, "/");
        if (remount(e, path, line, where, opts ?: "defaults") < 0)
                st->failed++;
        return 0;
}

int step_remount_fs(struct early *e, char *const *args)
{
        _cleanup_strv_ char **words = NULL;
        struct fstab_state st = { 0 };
        int r;

        r = conf_file_lines(e, "/etc/fstab", false, fstab_line, &st, NULL);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "/etc/fstab cannot be read: %m");
        if (!st.root_seen && !e->root && cmdline_read(&words) >= 0 && strv_contains(words, "rw") &&
                mount(NULL, "/", NULL, MS_REMOUNT, NULL) < 0)
                return log_error_errno(-errno,
                        "/ not remounted for writing, as \"rw\" on the kernel command line asks: %m");
        return st.failed ? -EIO : 0;
}
