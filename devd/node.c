/* Device nodes: owner, mode and labels of the node, the numbered links in /dev/block and /dev/char, and the
 * claims on the names that rules gave (node-links.c keeps the stacks of claimants).
 *
 * The node itself is devtmpfs' work; one that is not there any more is not an error, since devices go away while
 * their events are handled. It is opened with O_PATH and checked for type and number first, so that nothing
 * else that stands in its place is ever touched. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "db.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* The first error, but -EAGAIN before all others: then the whole step is done once more. */
static int keep_first(int first, int r)
{
        return first < 0 && r != -EAGAIN ? first : MIN(r, 0);
}

static void apply_seclabels(const char *node, const char *fdpath, char *const *labels)
{
        FOREACH_STR (l, labels) {
                const char *eq = strchr(*l, '=');
                char name[64];

                if (!eq)
                        continue;
                if (startswith(*l, "smack="))
                        snprintf(name, sizeof(name), "security.SMACK64");
                else
                        snprintf(name, sizeof(name), "security.%.*s", (int)MIN(eq - *l, 40), *l);
                if (setxattr(fdpath, name, eq + 1, strlen(eq + 1), 0) < 0)
                        log_warning_errno(-errno, "%s: cannot set label %s to %s: %m", node, name, eq + 1);
        }
}

static bool is_node(const struct stat *st, mode_t type, dev_t devno)
{
        if (type && (st->st_mode & S_IFMT) == type && st->st_rdev == devno)
                return true;
        /* Trees that tests and tools made may hold plain files in the place of nodes. */
        return S_ISREG(st->st_mode) && !streq(root_dev(), "/dev");
}

int node_apply_permissions(const char *devnode, mode_t type, dev_t devno, mode_t mode, uid_t uid, gid_t gid,
        char *const *seclabels)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX], fdpath[64];
        struct stat st;
        int r;

        r = real_dev_path(devnode, path);
        if (r < 0)
                return r;
        fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENXIO || errno == ENODEV ? 0 : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (type ? !is_node(&st, type, devno) : !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
                return log_warning_errno(-EEXIST, "%s is not the node of this device, left alone", devnode);
        snprintf(fdpath, sizeof(fdpath), "/proc/self/fd/%d", fd);
        if ((uid != (uid_t)-1 && uid != st.st_uid) || (gid != (gid_t)-1 && gid != st.st_gid)) {
                /* No more rights for the former owner between the two calls. */
                if (mode != (mode_t)-1 && ((mode & 0777) & ~(st.st_mode & 0777)) == 0 &&
                        (mode & 0777) != (st.st_mode & 0777) && chmod(fdpath, mode & 07777) < 0)
                        return -errno;
                if (chown(fdpath, uid, gid) < 0)
                        return -errno;
        }
        if (mode != (mode_t)-1 && (mode & 07777) != (st.st_mode & 07777) && chmod(fdpath, mode & 07777) < 0)
                return -errno;
        apply_seclabels(devnode, fdpath, seclabels);
        return 0;
}

static int apply_permissions(struct device *d)
{
        mode_t type = device_in_subsystem(d, "block") ? S_IFBLK : S_IFCHR;
        int r;

        if (d->mode == (mode_t)-1 && d->uid == (uid_t)-1 && d->gid == (gid_t)-1 && !d->seclabels)
                return 0;
        r = node_apply_permissions(d->devnode, type, makedev((unsigned)d->major, (unsigned)d->minor),
                d->mode, d->uid, d->gid, d->seclabels);
        if (r < 0)
                log_warning_errno(r, "%s: cannot set owner and mode: %m", d->devnode);
        return r;
}

/* "../sda" for /dev/block/8:0. */
static int number_link(struct device *d, bool make)
{
        char path[PATH_MAX], target[PATH_MAX], have[PATH_MAX];
        ssize_t n;
        int r;

        snprintf(have, sizeof(have), "/dev/%s/%d:%d", device_in_subsystem(d, "block") ? "block" : "char",
                d->major, d->minor);
        r = real_dev_path(have, path);
        if (r < 0)
                return r;
        if (!make)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        if (snprintf(target, sizeof(target), "../%s", d->devnode + strlen("/dev/")) >= (int)sizeof(target))
                return -ENAMETOOLONG;
        n = readlink(path, have, sizeof(have) - 1);
        if (n > 0) {
                have[n] = 0;
                if (streq(have, target)) /* devtmpfs made it, or the initramfs */
                        return 0;
        }
        if (symlink(target, path) >= 0)
                return 0;
        if (errno == ENOENT)
                (void)mkdir_parents(path, 0755);
        return symlink_atomic(target, path);
}

/* --once and the daemon agree through the stack; these names carry the disk's own sequence number and have one
 * claimant by nature, so they are simply made. */
static bool bypasses_stack(const char *link)
{
        return startswith(link, "disk/by-diskseq/");
}

static int direct_link(const char *link, const char *devnode, bool make)
{
        char path[PATH_MAX], full[PATH_MAX], have[PATH_MAX], target[PATH_MAX];
        ssize_t n;
        int r;

        if (str_concat_to(full, sizeof(full), "/dev/", link, NULL) < 0)
                return -ENAMETOOLONG;
        r = real_dev_path(full, path);
        if (r < 0)
                return r;
        r = links_target(link, devnode, target);
        if (r < 0)
                return r;
        n = readlink(path, have, sizeof(have) - 1);
        have[MAX(n, 0)] = 0;
        if (!make) {
                if (n <= 0 || !streq(have, target)) /* another disk may have taken the name meanwhile */
                        return 0;
                if (unlink(path) < 0)
                        return -errno;
                links_remove_empty_parents(path);
                return 0;
        }
        if (n > 0 && streq(have, target))
                return 0;
        r = mkdir_parents(path, 0755);
        return r < 0 ? r : symlink_atomic(target, path);
}

static int claim(struct device *d, const char *link)
{
        int r = bypasses_stack(link) ? direct_link(link, d->devnode, true)
                                     : links_claim(link, d->id, d->link_priority, d->devnode);

        if (r < 0 && r != -EAGAIN)
                log_warning_errno(r, "%s: cannot make the link /dev/%s: %m", d->devnode, link);
        return r;
}

static int release(struct device *d, const char *link)
{
        return bypasses_stack(link) ? direct_link(link, d->devnode, false) : links_release(link, d->id);
}

int node_update(struct device *d, struct device *old)
{
        int first;

        if (!d->devnode || d->major < 0 || !d->id)
                return 0;
        first = apply_permissions(d);
        first = keep_first(first, number_link(d, true));
        FOREACH_STR (l, old ? old->links : NULL)
                if (!strv_contains(d->links, *l))
                        first = keep_first(first, release(d, *l));
        FOREACH_STR (l, d->links)
                first = keep_first(first, claim(d, *l));
        return first;
}

int node_remove(struct device *d, struct device *old)
{
        int first = 0;

        if (!d->devnode || d->major < 0 || !d->id)
                return 0;
        FOREACH_STR (l, old ? old->links : d->links)
                first = keep_first(first, release(d, *l));
        /* Names given in this event, if any, were never ours to keep. */
        FOREACH_STR (l, old ? d->links : NULL)
                if (!strv_contains(old->links, *l))
                        first = keep_first(first, release(d, *l));
        return keep_first(first, number_link(d, false));
}
