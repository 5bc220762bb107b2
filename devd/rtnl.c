/* rtnetlink: see rtnl.h. */
#include "rtnl.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef IFLA_PROP_LIST
#define IFLA_PROP_LIST 52
#endif
#ifndef IFLA_ALT_IFNAME
#define IFLA_ALT_IFNAME 53
#endif
#ifndef RTM_NEWLINKPROP
#define RTM_NEWLINKPROP 108
#endif

struct request {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char attrs[2048];
};

static void *put_attr(struct request *q, unsigned short type, const void *data, size_t len)
{
        struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

        if (NLMSG_ALIGN(q->h.nlmsg_len) + RTA_SPACE(len) > sizeof(*q))
                return NULL;
        a->rta_type = type;
        a->rta_len = (unsigned short)RTA_LENGTH(len);
        if (len)
                memcpy(RTA_DATA(a), data, len);
        q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
        return a;
}

/* Asks the kernel and waits for its answer, which comes within the call: no device is touched by it. */
static int ask_kernel(struct request *q)
{
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        struct timeval limit = { .tv_sec = 2 };
        struct nlmsghdr *h;
        char buf[4096];
        ssize_t n;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        q->h.nlmsg_flags =
                NLM_F_REQUEST | NLM_F_ACK |
                (q->h.nlmsg_type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0);
        if (sendto(fd, q, q->h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                return -errno;
        n = recv(fd, buf, sizeof(buf), 0);
        if (n < 0)
                return -errno;
        h = (struct nlmsghdr *)buf;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static void start_request(struct request *q, int ifindex, unsigned short type)
{
        memset(q, 0, sizeof(*q));
        q->h.nlmsg_len = NLMSG_LENGTH(sizeof(q->i));
        q->h.nlmsg_type = type;
        q->i.ifi_family = AF_UNSPEC;
        q->i.ifi_index = ifindex;
}

/* All that follows stands inside list, which began with put_attr(…, NULL, 0). */
static void end_list(struct request *q, struct rtattr *list)
{
        list->rta_len = (unsigned short)((char *)q + q->h.nlmsg_len - (char *)list);
}

int rtnl_add_altname(int ifindex, const char *name)
{
        struct rtattr *list;
        struct request q;

        start_request(&q, ifindex, RTM_NEWLINKPROP);
        list = put_attr(&q, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
        if (!list || !put_attr(&q, IFLA_ALT_IFNAME, name, strlen(name) + 1))
                return -E2BIG;
        end_list(&q, list);
        return ask_kernel(&q);
}

int rtnl_set_function(
        int ifindex, unsigned short attribute, unsigned short inner, const void *data, size_t len)
{
        struct rtattr *lists[3] = {};
        struct request q;

        start_request(&q, ifindex, RTM_SETLINK);
        lists[0] = put_attr(&q, IFLA_VFINFO_LIST | NLA_F_NESTED, NULL, 0);
        lists[1] = put_attr(&q, IFLA_VF_INFO | NLA_F_NESTED, NULL, 0);
        if (inner)
                lists[2] = put_attr(&q, attribute | NLA_F_NESTED, NULL, 0);
        if (!put_attr(&q, inner ?: attribute, data, len)) /* the others are smaller and before it */
                return -E2BIG;
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                if (lists[i])
                        end_list(&q, lists[i]);
        return ask_kernel(&q);
}

int rtnl_set_link(int ifindex, unsigned short attribute, const void *data, size_t len)
{
        struct request q;

        start_request(&q, ifindex, RTM_SETLINK);
        return put_attr(&q, attribute, data, len) ? ask_kernel(&q) : -E2BIG;
}
