/* Swap off and unmounting, last mounted first, by /proc/self/mountinfo alone. */
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>

#include "init/shutdown-common.h"

#define NETWORK_TIMEOUT (5 * USEC_PER_SEC)

static const char *const pseudo_types[] = {
        "proc",
        "sysfs",
        "devtmpfs",
        "devpts",
        "tmpfs",
        "ramfs",
        "rootfs",
        "cgroup",
        "cgroup2",
        "securityfs",
        "pstore",
        "efivarfs",
        "bpf",
        "debugfs",
        "tracefs",
        "configfs",
        "fusectl",
        "mqueue",
        "hugetlbfs",
        "autofs",
        "binfmt_misc",
        "rpc_pipefs",
        "nsfs",
        "selinuxfs",
        "smackfs",
        NULL,
};

/* A server that is gone must not hold us: unmounted by a child with a bound. */
static const char *const network_types[] = {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "9p",
        "virtiofs",
        "afs",
        "glusterfs",
        "ncpfs",
        "ocfs2",
        "gfs2",
        NULL,
};

static bool in_list(const char *const *list, const char *s)
{
        for (; *list; list++)
                if (streq(*list, s))
                        return true;
        return false;
}

static bool is_network(const char *type)
{
        return in_list(network_types, type) || startswith(type, "fuse");
}

/* mountinfo's octal escapes, in place. */
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

static bool keep_mount(const char *where, const char *type)
{
        if (streq(where, "/") || streq(where, "/usr"))
                return true;
        if (!in_list(pseudo_types, type))
                return false;
        return path_startswith(where, "/proc") || path_startswith(where, "/sys") ||
               path_startswith(where, "/dev") || path_startswith(where, "/run");
}

void shutdown_mounts_free(struct mount_entry *m, size_t n)
{
        for (size_t i = 0; m && i < n; i++) {
                free(m[i].where);
                free(m[i].type);
                free(m[i].source);
                free(m[i].options);
        }
        free(m);
}

/* "36 35 98:0 /root /where opts [optional …] - type source super-opts". 1: filled in; 0: bad line. */
static int parse_line(char *line, struct mount_entry *m)
{
        char *f[6], *rest = line, *type, *source, *super;
        unsigned maj, min;

        for (size_t i = 0; i < ARRAY_SIZE(f); i++)
                if (!(f[i] = strsep(&rest, " ")))
                        return 0;
        rest = rest ? strstr(rest[0] == '-' ? rest - 1 : rest, " - ") ?: (rest[0] == '-' ? rest : NULL)
                    : NULL;
        if (!rest || sscanf(f[2], "%u:%u", &maj, &min) != 2)
                return 0;
        rest = strchr(rest, '-') + 2;
        type = strsep(&rest, " ");
        source = strsep(&rest, " ");
        super = strsep(&rest, " ");
        if (!type || !*type || f[4][0] != '/')
                return 0;
        unescape(f[4]);
        *m = (struct mount_entry) {
                .where = strdup(f[4]),
                .type = strdup(type),
                .source = strdup(source ?: ""),
                .dev = makedev(maj, min),
                .options = str_printf("%s,%s", f[5], super ?: ""),
                .keep = keep_mount(f[4], type),
        };
        return m->where && m->type && m->source && m->options ? 1 : -ENOMEM;
}

int shutdown_mounts_parse(char *text, struct mount_entry **ret, size_t *ret_n)
{
        struct mount_entry *m = NULL;
        size_t n = 0, cap = 0;
        int r;

        for (char *l; (l = strsep(&text, "\n"));) {
                if (n == cap) {
                        struct mount_entry *bigger = reallocarray(m, cap + 64, sizeof(*m));

                        if (!bigger) {
                                shutdown_mounts_free(m, n);
                                return -ENOMEM;
                        }
                        m = bigger;
                        cap += 64;
                }
                m[n] = (struct mount_entry) { 0 };
                r = parse_line(l, &m[n]);
                if (r < 0) {
                        shutdown_mounts_free(m, n + 1);
                        return r;
                }
                n += r;
        }
        *ret = m;
        *ret_n = n;
        return 0;
}

static int read_mounts(struct mount_entry **ret, size_t *ret_n)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file("/proc/self/mountinfo", 0, &text, NULL);

        return r < 0 ? r : shutdown_mounts_parse(text, ret, ret_n);
}

unsigned shutdown_swaps(struct shutdown *s)
{
        _cleanup_free_ char *text = NULL;
        unsigned n = 0;
        char *rest;

        if (read_file("/proc/swaps", 0, &text, NULL) < 0)
                return 0;
        rest = text;
        (void)strsep(&rest, "\n");
        for (char *l; rest && (l = strsep(&rest, "\n"));) {
                l[strcspn(l, " \t")] = 0;
                if (*l != '/')
                        continue;
                unescape(l);
                if (swapoff(l) >= 0)
                        n++;
        }
        return n;
}

static int umount_child(void *data)
{
        const struct mount_entry *m = data;

        return umount2(m->where, UMOUNT_NOFOLLOW) >= 0 || umount2(m->where, MNT_FORCE | UMOUNT_NOFOLLOW) >= 0
                       ? 0
                       : -errno;
}

static int umount_one(struct shutdown *s, struct mount_entry *m)
{
        if (is_network(m->type))
                return shutdown_run_bounded(s, umount_child, m, NETWORK_TIMEOUT);
        return umount2(m->where, UMOUNT_NOFOLLOW) >= 0 ? 0 : -errno;
}

unsigned shutdown_umount_pass(struct shutdown *s)
{
        struct mount_entry *m;
        unsigned done = 0;
        size_t n;

        if (read_mounts(&m, &n) < 0)
                return 0;
        for (size_t i = n; i-- > 0;)
                if (!m[i].keep && umount_one(s, &m[i]) >= 0)
                        done++;
        shutdown_mounts_free(m, n);
        return done;
}

static bool is_read_only(const struct mount_entry *m)
{
        _cleanup_strv_ char **words = strv_split(m->options, ",");

        return strv_contains(words, "ro") && !strv_contains(words, "rw");
}

static int remount_child(void *data)
{
        const struct mount_entry *m = data;

        return mount(NULL, m->where, NULL, MS_REMOUNT | MS_RDONLY, NULL) >= 0 ? 0 : -errno;
}

/* A test's namespace shares its file systems with the machine: only its own mount may change. */
static int remount_for_test(const struct mount_entry *m)
{
        return mount(NULL, m->where, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) >= 0 ? 0 : -errno;
}

/* The root, /usr and whatever would not go: read-only, so that its file system is clean on disk. A busy one
 * that is none of the kept is "forced"; one that stays writable too. Pseudo file systems lose nothing. */
void shutdown_readonly_rest(struct shutdown *s)
{
        struct mount_entry *m;
        size_t n;

        if (read_mounts(&m, &n) < 0) {
                shutdown_forced(s, "the list of mounts cannot be read");
                return;
        }
        for (size_t i = n; i-- > 0;) {
                int r;

                if (m[i].keep &&
                        (s->test || in_list(pseudo_types, m[i].type) || streq(m[i].type, "overlay")))
                        continue;
                if (!m[i].keep && in_list(pseudo_types, m[i].type) && !s->test)
                        continue;
                if (is_read_only(&m[i]))
                        r = 0;
                else if (s->test)
                        r = remount_for_test(&m[i]);
                else if (is_network(m[i].type))
                        r = shutdown_run_bounded(s, remount_child, &m[i], NETWORK_TIMEOUT);
                else
                        r = remount_child(&m[i]);
                if (r < 0)
                        shutdown_forced(s, "still writable %s (%s)", m[i].where, m[i].type);
                else if (!m[i].keep)
                        shutdown_forced(s, "busy, made read-only %s", m[i].where);
        }
        shutdown_mounts_free(m, n);
}
