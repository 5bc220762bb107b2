/* udevadm monitor: the kernel's uevents (netlink group 1) and the daemon's (group 2, libudev's format). */
#include "udevadm.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "devd/monitor.h"

static struct {
        bool kernel, udev, property;
        char **subsystems, **tags;
} mon;

int udev_monitor_open(bool udev)
{
        struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = udev ? 2 : 1 };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT),
            size = 16 << 20, on = 1;

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
                bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

const char *udev_message_properties(const char *buf, size_t len, bool udev, size_t *ret_len)
{
        struct monitor_header h;
        const char *at;

        if (!udev) {
                at = memchr(buf, '\0', len);
                if (!at || !memchr(buf, '@', (size_t)(at - buf)))
                        return NULL;
                *ret_len = len - (size_t)(at + 1 - buf);
                return at + 1;
        }
        if (len < sizeof(h))
                return NULL;
        memcpy(&h, buf, sizeof(h));
        if (memcmp(h.prefix, "libudev", 8) != 0 || ntohl(h.magic) != 0xfeedcafe || h.properties_off > len ||
                h.properties_len > len - h.properties_off)
                return NULL;
        *ret_len = h.properties_len;
        return buf + h.properties_off;
}

const char *udev_message_value(const char *p, size_t len, const char *key)
{
        size_t n = strlen(key);

        for (const char *end = p + len; p < end; p += strlen(p) + 1)
                if (strncmp(p, key, n) == 0 && p[n] == '=')
                        return p + n + 1;
        return NULL;
}

static bool wanted(const char *p, size_t len, bool udev)
{
        const char *subsystem = udev_message_value(p, len, "SUBSYSTEM") ?: "",
                   *devtype = udev_message_value(p, len, "DEVTYPE") ?: "",
                   *tags = udev_message_value(p, len, "TAGS") ?: "";
        bool any = !mon.subsystems;

        FOREACH_STR (s, mon.subsystems) {
                const char *slash = strchr(*s, '/');

                any |= slash ? strncmp(*s, subsystem, (size_t)(slash - *s)) == 0 &&
                                       subsystem[slash - *s] == '\0' && streq(slash + 1, devtype)
                             : streq(*s, subsystem);
        }
        if (!any || !udev || !mon.tags)
                return any;
        FOREACH_STR (t, mon.tags) {
                _cleanup_free_ char *with = str_printf(":%s:", *t);

                if (with && strstr(tags, with))
                        return true;
        }
        return false;
}

static void print_message(char *buf, size_t len, bool udev)
{
        struct timespec now;
        const char *p;
        size_t n;

        p = udev_message_properties(buf, len, udev, &n);
        if (!p || !wanted(p, n, udev))
                return;
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("%-6s[%lld.%06ld] %-8s %s (%s)\n", udev ? "UDEV" : "KERNEL", (long long)now.tv_sec,
                now.tv_nsec / 1000, udev_message_value(p, n, "ACTION") ?: "",
                udev_message_value(p, n, "DEVPATH") ?: "", udev_message_value(p, n, "SUBSYSTEM") ?: "");
        if (mon.property) {
                for (const char *end = p + n; p < end; p += strlen(p) + 1)
                        puts(p);
                putchar('\n');
        }
        fflush(stdout);
}

/* Only the kernel sends as port 0; group 2 is believed from root alone. */
ssize_t udev_monitor_receive(int fd, bool udev, char *buf, size_t size)
{
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { buf, size };
        struct msghdr mh = { .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control) };
        struct cmsghdr *c;
        struct ucred cred = { .uid = (uid_t)-1 };
        ssize_t n = recvmsg(fd, &mh, 0);

        if (n < 0)
                return -errno;
        c = CMSG_FIRSTHDR(&mh);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
                memcpy(&cred, CMSG_DATA(c), sizeof(cred));
        if (cred.uid != 0 || (!udev && from.nl_pid != 0))
                return 0;
        buf[n] = '\0';
        return n;
}

static void receive(int fd, bool udev)
{
        static char buf[MONITOR_MAX + 1];
        ssize_t n = udev_monitor_receive(fd, udev, buf, MONITOR_MAX);

        if (n > 0)
                print_message(buf, (size_t)n, udev);
}

static int add(struct pollfd *p, nfds_t *n, bool udev)
{
        int fd = udev_monitor_open(udev);

        if (fd < 0) {
                fprintf(stderr, "Failed to listen for events: %s\n", strerror(-fd));
                return fd;
        }
        p[(*n)++] = (struct pollfd) { .fd = fd, .events = POLLIN };
        return 0;
}

int udevadm_monitor(int argc, char **argv)
{
        static const struct option options[] = { { "kernel", 0, NULL, 'k' }, { "udev", 0, NULL, 'u' },
                { "property", 0, NULL, 'p' }, { "environment", 0, NULL, 'e' },
                { "subsystem-match", 1, NULL, 's' }, { "tag-match", 1, NULL, 't' }, { 0 } };
        struct pollfd p[2];
        nfds_t n = 0;
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "kupes:t:", options, NULL)) >= 0)
                switch (c) {
                case 'k': mon.kernel = true; break;
                case 'u': mon.udev = true; break;
                case 'p':
                case 'e': mon.property = true; break;
                case 's': (void)strv_add(&mon.subsystems, optarg); break;
                case 't': (void)strv_add(&mon.tags, optarg); break;
                default: return 1;
                }
        if (!mon.kernel && !mon.udev)
                mon.kernel = mon.udev = true;
        puts("monitor will print the received events for:");
        if (mon.udev) {
                if (add(p, &n, true) < 0)
                        return 1;
                puts("UDEV - the event which udev sends out after rule processing");
        }
        if (mon.kernel) {
                if (add(p, &n, false) < 0)
                        return 1;
                puts("KERNEL - the kernel uevent");
        }
        putchar('\n');
        fflush(stdout);
        for (;;) {
                if (poll(p, n, -1) < 0 && errno != EINTR)
                        return 1;
                for (nfds_t i = 0; i < n; i++)
                        if (p[i].revents & POLLIN)
                                receive(p[i].fd, mon.udev && i == 0);
        }
}
