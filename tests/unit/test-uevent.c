/* uevent.c: parsing, and (where a network namespace can be had) receiving, with the kernel's check of who sent. */
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "lib/str.h"
#include "lib/uevent.h"
#include "tests/tap.h"

#define EVENT(s) s, sizeof(s) - 1

static const char disk[] =
        "add@/devices/pci0/vda/vda1\0ACTION=add\0DEVPATH=/devices/pci0/vda/vda1\0SUBSYSTEM=block\0"
        "MAJOR=254\0MINOR=1\0DEVNAME=vda1\0DEVTYPE=partition\0DISKSEQ=3\0PARTN=1\0SEQNUM=1234";
static const char net[] = "move@/devices/n1\0ACTION=move\0DEVPATH=/devices/n1\0SUBSYSTEM=net\0"
                          "DEVPATH_OLD=/devices/n0\0IFINDEX=7\0MODALIAS=a:b\0DRIVER=e1000\0SEQNUM=9";

static struct uevent events[8];

static int parse(const char *s, size_t n)
{
        memcpy(events[0].buf, s, n);
        return uevent_parse(events, n);
}

static void parsing(void)
{
        struct uevent *u = events;

        is_int(parse(disk, sizeof(disk)), 0, "a partition");
        is_str(u->action, "add", "action");
        is_str(u->devpath, "/devices/pci0/vda/vda1", "devpath");
        is_str(u->subsystem, "block", "subsystem");
        is_str(u->devname, "vda1", "devname");
        is_str(u->devtype, "partition", "devtype");
        is_int(u->major, 254, "major");
        is_int(u->minor, 1, "minor");
        is_int((int64_t)u->seqnum, 1234, "seqnum");
        is_int(u->ifindex, 0, "no ifindex");
        is_str(u->modalias, NULL, "no modalias");
        is_str(uevent_get(u, "DISKSEQ"), "3", "another key");
        is_str(uevent_get(u, "PART"), NULL, "a prefix of one");
        is_str(uevent_get(u, "add@/devices/pci0/vda/vda1"), NULL, "the header is none");

        is_int(parse(net, sizeof(net) - 1), 0, "a network card, without the last NUL");
        is_str(u->devpath_old, "/devices/n0", "devpath_old");
        is_int(u->ifindex, 7, "ifindex");
        is_int(u->major, -1, "no major");
        is_str(u->modalias, "a:b", "modalias");
        is_str(u->driver, "e1000", "driver");
        is_str(u->devname, NULL, "nothing left of the one before");
}

static void malformed(void)
{
        static const struct {
                const char *what, *s;
                size_t n;
        } cases[] = {
                { "nothing", "", 0 },
                { "libudev's own", EVENT("libudev\0\xfe\xed\xca\xfe@/") },
                { "no @", EVENT("add/devices\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x") },
                { "no action before @", EVENT("@/d\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x") },
                { "no path after @", EVENT("add@\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x") },
                { "header alone", EVENT("add@/d") },
                { "no ACTION", EVENT("add@/d\0DEVPATH=/d\0SUBSYSTEM=x") },
                { "no DEVPATH", EVENT("add@/d\0ACTION=add\0SUBSYSTEM=x") },
                { "no SUBSYSTEM", EVENT("add@/d\0ACTION=add\0DEVPATH=/d") },
                { "relative DEVPATH", EVENT("add@/d\0ACTION=add\0DEVPATH=d\0SUBSYSTEM=x") },
                { "no = in an entry", EVENT("add@/d\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x\0oops") },
                { "no key", EVENT("add@/d\0ACTION=add\0DEVPATH=/d\0SUBSYSTEM=x\0=v") },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                is_int(parse(cases[i].s, cases[i].n), -EBADMSG, cases[i].what);
        is_int(uevent_parse(events, UEVENT_BUF), -EBADMSG, "as long as the buffer");
}

/* Asks the kernel to give body to all in this network namespace, as an event of its own. */
static int inject(int fd, const char *body, size_t n)
{
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        struct {
                struct nlmsghdr h;
                char body[1000];
        } m = { .h = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(n),
                        .nlmsg_type = 0x10,
                        .nlmsg_flags = NLM_F_REQUEST } };

        memcpy(m.body, body, n);
        return sendto(fd, &m, m.h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
}

static bool wait_readable(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, 5000) == 1;
}

static void receiving(void)
{
        static const char bad[] = "add@/d\0ACTION=add\0DEVPATH=/d";
        int fd, sender;

        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                ok(true, "receiving # SKIP no network namespace");
                return;
        }
        fd = uevent_open(1 << 20);
        sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        ok(fd >= 0 && sender >= 0, "sockets");
        is_int(uevent_recv(fd, events, 0), -EAGAIN, "nothing yet");
        if (inject(sender, disk, sizeof(disk)) < 0 || !wait_readable(fd)) {
                ok(true, "receiving # SKIP events cannot be injected");
                close(fd);
                close(sender);
                return;
        }
        is_int(uevent_recv(fd, events, 0), -EPERM, "not from the kernel itself: dropped");
        inject(sender, disk, sizeof(disk));
        wait_readable(fd);
        is_int(uevent_recv(fd, events, getpid()), 1, "unless this pid is trusted");
        is_str(events[0].devname, "vda1", "the event");

        inject(sender, bad, sizeof(bad));
        inject(sender, disk, sizeof(disk));
        inject(sender, bad, sizeof(bad));
        inject(sender, net, sizeof(net));
        wait_readable(fd);
        is_int(uevent_recv_many(fd, events, ARRAY_SIZE(events), getpid()), 2,
                "of four at once two are good");
        is_str(events[0].devname, "vda1", "the first");
        is_str(events[1].subsystem, "net", "the second");
        ok(events[1].devpath > events[1].buf && events[1].devpath < events[1].buf + UEVENT_BUF,
                "in its own buffer");
        inject(sender, bad, sizeof(bad));
        wait_readable(fd);
        is_int(uevent_recv_many(fd, events, ARRAY_SIZE(events), getpid()), -EBADMSG, "none good");
        is_int(uevent_recv_many(fd, events, ARRAY_SIZE(events), getpid()), -EAGAIN, "none at all");
        close(fd);
        close(sender);
}

int main(void)
{
        parsing();
        malformed();
        receiving();
        return tap_done();
}
