/* rouse-exec: namespaces. A network or IPC namespace is shared by all processes of the unit's run: the first one to
 * come makes it and leaves it at /run/rouse/ns/RUN.net or .ipc, the others enter it; PID 1 removes it with the
 * service. */
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "exec-main.h"
#include "lib/fileio.h"

#define NS_DIR      "/run/rouse/ns"
#define NSFS_MAGIC_ 0x6e736673

static void loopback_up(struct helper *h)
{
        struct ifreq ifr = { .ifr_name = "lo" };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &ifr) == 0) {
                ifr.ifr_flags |= IFF_UP;
                if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
                        helper_warn(h, -errno, "loopback interface");
        }
        close_fd(fd);
}

/* Enters the namespace at path; the file system must be the kernel's. */
static int enter(const char *path, int type)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct statfs fs;

        if (fd < 0 || fstatfs(fd, &fs) < 0)
                return -errno;
        if (fs.f_type != NSFS_MAGIC_)
                return -EINVAL;
        return setns(fd, type) < 0 ? -errno : 0;
}

/* The unit's own namespace of this type: entered, or made and left for the next process. */
static void shared_namespace(struct helper *h, int type, const char *suffix, int exit_code)
{
        char path[PATH_MAX], self[64];
        _cleanup_close_ int lock = -1;
        int fd, r;

        mkdir_p(NS_DIR, 0700);
        snprintf(path, sizeof(path), NS_DIR "/%s.%s", plan_str(h->plan, h->plan->run), suffix);
        lock = open(NS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock >= 0)
                flock(lock, LOCK_EX);
        if (enter(path, type) == 0)
                return;
        if (unshare(type) < 0)
                helper_fail(h, exit_code, -errno, type == CLONE_NEWNET ? "private network" : "private IPC");
        if (type == CLONE_NEWNET)
                loopback_up(h);
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close_fd(fd);
        snprintf(self, sizeof(self), "/proc/self/ns/%s", suffix);
        r = fd < 0 ? -errno : mount(self, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
        if (r < 0)
                helper_warn(h, r, "the namespace is not shared with the unit's other processes");
}

void helper_network(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        const char *net = plan_str(p, p->net_ns);
        int r = net ? enter(net, CLONE_NEWNET) : 0;

        if (r < 0)
                helper_fail(h, EXIT_NETWORK, r, net);
        if (!net && (p->protect & PROT_NETWORK))
                shared_namespace(h, CLONE_NEWNET, "net", EXIT_NETWORK);
}

void helper_namespaces(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        const char *ipc = plan_str(p, p->ipc_ns);
        int r;

        helper_network(h);
        if (ipc && (r = enter(ipc, CLONE_NEWIPC)) < 0)
                helper_fail(h, EXIT_NAMESPACE, r, ipc);
        if (!ipc && (p->protect & PROT_IPC))
                shared_namespace(h, CLONE_NEWIPC, "ipc", EXIT_NAMESPACE);
        if ((p->protect & PROT_HOSTNAME) && unshare(CLONE_NEWUTS) < 0)
                helper_warn(h, -errno, "ProtectHostname");
        if (helper_wants_mounts(h))
                helper_mounts(h);
}

/* ---- PrivateUsers= ---- */

/* root and the service's user are themselves, everybody else is nobody. */
static int write_map(pid_t pid, const char *file, unsigned id)
{
        char path[64], text[64];

        snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
        if (id == 0)
                snprintf(text, sizeof(text), "0 0 1\n");
        else
                snprintf(text, sizeof(text), "0 0 1\n%u %u 1\n", id, id);
        return write_attr(path, text);
}

void helper_user_namespace(struct helper *h)
{
        struct exec_plan *p = h->plan;
        pid_t self = getpid(), child;
        int ready[2], status;
        char c;

        if (!(p->protect & PROT_USERS))
                return;
        /* groups beyond the map cannot be set inside */
        if ((p->flags & PLAN_SETID) && !(p->flags & PLAN_GROUPS_SET)) {
                if (setgroups(p->groups.n, plan_at(p, p->groups)) < 0)
                        helper_fail(h, EXIT_GROUP, -errno, "setgroups");
                p->flags |= PLAN_GROUPS_SET;
        }
        if (pipe2(ready, O_CLOEXEC) < 0)
                helper_fail(h, EXIT_USER, -errno, "PrivateUsers");
        child = fork();
        if (child < 0)
                helper_fail(h, EXIT_USER, -errno, "PrivateUsers");
        if (child == 0) { /* outside: may write the maps */
                unsigned uid = p->flags & PLAN_SETID ? p->uid : 0, gid = p->flags & PLAN_SETID ? p->gid : 0;

                close(p->status_fd);
                close(ready[1]);
                (void)!read(ready[0], &c, 1);
                _exit(write_map(self, "uid_map", uid) < 0 || write_map(self, "gid_map", gid) < 0);
        }
        if (unshare(CLONE_NEWUSER) < 0)
                helper_fail(h, EXIT_USER, -errno, "PrivateUsers");
        close(ready[1]);
        if (waitpid(child, &status, 0) < 0 || status != 0)
                helper_fail(h, EXIT_USER, -EPERM, "PrivateUsers: maps");
}
