/* Renaming a network interface: RTM_SETLINK by rtnetlink, in a child, since the kernel's lock may be held by
 * somebody for long. A busy (running) interface answers -EBUSY and keeps its name; a name that is taken for the
 * moment, by an interface that is about to be renamed itself, is waited for by the child. */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "task.h"

#define TAKEN_TRIES 90 /* a second each */

struct rename {
        int ifindex;
        char name[IFNAMSIZ];
        void (*done)(int r, void *data);
        void *data;
};

struct set_name {
        struct nlmsghdr h;
        struct ifinfomsg i;
        struct rtattr a;
        char name[RTA_ALIGN(IFNAMSIZ)];
};

static int ask_kernel(const struct rename *n)
{
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        struct set_name q = {
                .h = { .nlmsg_len = sizeof(q),
                        .nlmsg_type = RTM_SETLINK,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
                .i = { .ifi_index = n->ifindex },
                .a = { .rta_len = RTA_LENGTH(IFNAMSIZ), .rta_type = IFLA_IFNAME },
        };
        union {
                struct nlmsghdr h;
                char space[4096];
        } answer;
        ssize_t len;

        if (fd < 0)
                return -errno;
        memcpy(q.name, n->name, sizeof(n->name));
        if (send(fd, &q, sizeof(q), 0) < 0)
                return -errno;
        len = recv(fd, &answer, sizeof(answer), 0);
        if (len < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.h.nlmsg_type != NLMSG_ERROR)
                return len < 0 ? -errno : -EBADMSG;
        return ((struct nlmsgerr *)NLMSG_DATA(&answer.h))->error;
}

/* In the child. */
static int rename_child(int out_fd, void *arg)
{
        int r = ask_kernel(arg);

        for (int i = 0; r == -EEXIST && i < TAKEN_TRIES; i++) {
                nanosleep(&(struct timespec) { .tv_sec = 1 }, NULL);
                r = ask_kernel(arg);
        }
        return r;
}

static void on_done(int result, const char *output, size_t len, void *data)
{
        struct rename *n = data;

        n->done(result, n->data);
        free(n);
}

int netif_rename(struct devd *m, int ifindex, const char *name, void (*done)(int r, void *data), void *data)
{
        struct rename *n;
        int r;

        if (strlen(name) >= IFNAMSIZ)
                return -ENAMETOOLONG;
        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        *n = (struct rename) { .ifindex = ifindex, .done = done, .data = data };
        strcpy(n->name, name);
        r = task_fn(m, "rename of a network interface", rename_child, n, USEC_INFINITY, on_done, n, NULL);
        if (r < 0)
                free(n);
        return r;
}
