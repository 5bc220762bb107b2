/* Renaming a network interface: RTM_SETLINK by rtnetlink, in a child, since the kernel's lock may be held by
 * somebody for long. A busy (running) interface answers -EBUSY and keeps its name. A name that is taken for the
 * moment is asked for again when an interface has given one up; where interfaces want each other's names (eth0 ⇄
 * eth1), the one that closes the ring steps aside to a name that nobody wants. */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

#include "task.h"

#define TAKEN_LIMIT (90 * USEC_PER_SEC)

struct rename {
        struct rename *next; /* all that are under way */
        struct devd *m;
        int ifindex;
        char from[IFNAMSIZ], wanted[IFNAMSIZ];
        char asked[IFNAMSIZ]; /* the name that a child is at */
        bool waiting;         /* for wanted to become free */
        bool again;           /* a name became free while a child was at it */
        bool aside;           /* has neither of the names meanwhile */
        bool given_up;        /* is on its way back to from */
        struct loop_timer limit;
        void (*done)(int r, void *data);
        void *data;
};

static struct rename *renames;

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
        memcpy(q.name, n->asked, sizeof(n->asked));
        if (send(fd, &q, sizeof(q), 0) < 0)
                return -errno;
        len = recv(fd, &answer, sizeof(answer), 0);
        if (len < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.h.nlmsg_type != NLMSG_ERROR)
                return len < 0 ? -errno : -EBADMSG;
        return ((struct nlmsgerr *)NLMSG_DATA(&answer.h))->error;
}

static int rename_child(int out_fd, void *arg)
{
        return ask_kernel(arg);
}

static void on_asked(int result, const char *output, size_t len, void *data);

static int ask(struct rename *n, const char *name)
{
        int r;

        snprintf(n->asked, sizeof(n->asked), "%s", name);
        n->again = false;
        r = task_fn(
                n->m, "rename of a network interface", rename_child, n, USEC_INFINITY, on_asked, n, NULL);
        n->waiting = r < 0;
        return r;
}

static void finish(struct rename *n, int r)
{
        struct devd *m = n->m;

        for (struct rename **p = &renames; *p; p = &(*p)->next)
                if (*p == n) {
                        *p = n->next;
                        break;
                }
        loop_timer_cancel(m->loop, &n->limit);
        n->done(r, n->data);
        free(n);
        netif_name_free(m);
}

static void on_limit(struct loop_timer *t)
{
        struct rename *n = t->data;

        n->given_up = true; /* what a child is at is the last try */
        if (n->waiting && (!n->aside || ask(n, n->from) < 0))
                finish(n, -EEXIST);
}

static struct rename *rename_of(int ifindex)
{
        struct rename *n = renames;

        while (n && n->ifindex != ifindex)
                n = n->next;
        return n;
}

/* Whoever has the name that n wants waits for a name whose owner waits … for the name of n. */
static bool closes_ring(const struct rename *n)
{
        const struct rename *other = n;

        for (unsigned i = 0; i < 64; i++) {
                other = rename_of((int)if_nametoindex(other->wanted));
                if (!other || !other->waiting)
                        return false;
                if (other == n)
                        return true;
        }
        return false;
}

static void name_is_taken(struct rename *n)
{
        char name[IFNAMSIZ];

        n->waiting = true;
        if (n->again && ask(n, n->wanted) >= 0)
                return;
        if (n->limit.when == USEC_INFINITY)
                (void)loop_timer_set(n->m->loop, &n->limit, usec_add(now_monotonic(), TAKEN_LIMIT));
        if (n->aside || !closes_ring(n))
                return;
        snprintf(name, sizeof(name), "rename%d", n->ifindex);
        (void)ask(n, name);
}

static void on_asked(int result, const char *output, size_t len, void *data)
{
        struct rename *n = data;
        bool wanted = streq(n->asked, n->wanted);

        if (wanted && result == -EEXIST && !n->given_up)
                name_is_taken(n);
        else if (wanted && result < 0 && n->aside && ask(n, n->from) >= 0)
                n->given_up = true;
        else if (wanted || result < 0)
                finish(n, result);
        else if (n->given_up)
                finish(n, -EEXIST); /* back where it was */
        else {
                n->aside = n->waiting = true;
                netif_name_free(n->m);
        }
}

void netif_name_free(struct devd *m)
{
        for (struct rename *n = renames; n; n = n->next)
                if (n->waiting)
                        (void)ask(n, n->wanted);
                else
                        n->again = true;
}

int netif_rename(struct devd *m, int ifindex, const char *from, const char *name,
        void (*done)(int r, void *data), void *data)
{
        struct rename *n;
        int r;

        if (strlen(name) >= IFNAMSIZ || strlen(from) >= IFNAMSIZ)
                return -ENAMETOOLONG;
        n = calloc(1, sizeof(*n));
        if (!n)
                return -ENOMEM;
        *n = (struct rename) { .m = m, .ifindex = ifindex, .done = done, .data = data };
        n->limit = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_limit, .data = n };
        strcpy(n->from, from);
        strcpy(n->wanted, name);
        r = ask(n, name);
        if (r < 0) {
                free(n);
                return r;
        }
        n->next = renames;
        renames = n;
        return 0;
}
