#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "str.h"
#include "uevent.h"

#define UEVENT_BATCH 32

int uevent_open(size_t rcvbuf)
{
        struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
        int size = (int)MIN(rcvbuf, (size_t)INT_MAX), on = 1;
        _cleanup_close_ int fd = -1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        if (size > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* What recvmsg needs for one event. */
struct slot {
        struct sockaddr_nl from;
        struct iovec iov;
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(sizeof(struct ucred))];
        } control;
};

static void prepare(struct msghdr *mh, struct slot *s, struct uevent *u)
{
        s->iov = (struct iovec) { u->buf, sizeof(u->buf) - 1 };
        *mh = (struct msghdr) {
                .msg_name = &s->from,
                .msg_namelen = sizeof(s->from),
                .msg_iov = &s->iov,
                .msg_iovlen = 1,
                .msg_control = &s->control,
                .msg_controllen = sizeof(s->control),
        };
}

/* From the kernel (netlink port 0, credentials' pid 0), or from the pid trusted besides. */
static bool is_trusted(struct msghdr *mh, pid_t trust_pid)
{
        const struct sockaddr_nl *from = mh->msg_name;

        if (mh->msg_namelen != sizeof(*from) || from->nl_family != AF_NETLINK)
                return false;
        if (from->nl_pid != 0 && (trust_pid == 0 || from->nl_pid != (uint32_t)trust_pid))
                return false;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
                struct ucred cred;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS ||
                        c->cmsg_len != CMSG_LEN(sizeof(cred)))
                        continue;
                memcpy(&cred, CMSG_DATA(c), sizeof(cred));
                return cred.pid == 0 || (trust_pid != 0 && cred.pid == trust_pid);
        }
        return false;
}

static int accept_event(struct msghdr *mh, struct uevent *u, size_t len, pid_t trust_pid)
{
        if (!is_trusted(mh, trust_pid))
                return -EPERM;
        if (mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EBADMSG;
        return uevent_parse(u, len);
}

int uevent_recv(int fd, struct uevent *u, pid_t trust_pid)
{
        struct msghdr mh;
        struct slot s;
        ssize_t n;
        int r;

        prepare(&mh, &s, u);
        do
                n = recvmsg(fd, &mh, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r = accept_event(&mh, u, (size_t)n, trust_pid);
        return r < 0 ? r : 1;
}

int uevent_recv_many(int fd, struct uevent *u, unsigned n, pid_t trust_pid)
{
        struct mmsghdr mm[UEVENT_BATCH];
        struct slot s[UEVENT_BATCH];
        int got, kept = 0, error = -EBADMSG;

        n = MIN(n, (unsigned)UEVENT_BATCH);
        for (unsigned i = 0; i < n; i++)
                prepare(&mm[i].msg_hdr, s + i, u + i);
        do
                got = recvmmsg(fd, mm, n, MSG_DONTWAIT, NULL);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;
        for (int i = 0; i < got; i++) {
                int r = accept_event(&mm[i].msg_hdr, u + i, mm[i].msg_len, trust_pid);

                if (r < 0) {
                        error = r;
                        continue;
                }
                /* Close the gap that a dropped one left; pointers lie in the buffer, so parse again. */
                if (kept < i) {
                        memcpy(u[kept].buf, u[i].buf, u[i].len);
                        uevent_parse(u + kept, u[i].len);
                }
                kept++;
        }
        return kept > 0 ? kept : error;
}

/* Where each key that has a member goes; offset of a const char *. */
static const struct {
        const char *key;
        size_t offset;
} uevent_keys[] = {
        { "ACTION", offsetof(struct uevent, action) },
        { "DEVPATH", offsetof(struct uevent, devpath) },
        { "SUBSYSTEM", offsetof(struct uevent, subsystem) },
        { "DEVNAME", offsetof(struct uevent, devname) },
        { "DEVTYPE", offsetof(struct uevent, devtype) },
        { "MODALIAS", offsetof(struct uevent, modalias) },
        { "DRIVER", offsetof(struct uevent, driver) },
        { "DEVPATH_OLD", offsetof(struct uevent, devpath_old) },
};

static void take_key(struct uevent *u, const char *entry, size_t key_len)
{
        const char *value = entry + key_len + 1;

        for (size_t i = 0; i < ARRAY_SIZE(uevent_keys); i++)
                if (strncmp(entry, uevent_keys[i].key, key_len) == 0 && !uevent_keys[i].key[key_len]) {
                        *(const char **)((char *)u + uevent_keys[i].offset) = value;
                        return;
                }
        if (startswith(entry, "SEQNUM="))
                (void)parse_u64(value, &u->seqnum);
        else if (startswith(entry, "MAJOR="))
                (void)parse_int(value, &u->major);
        else if (startswith(entry, "MINOR="))
                (void)parse_int(value, &u->minor);
        else if (startswith(entry, "IFINDEX="))
                (void)parse_int(value, &u->ifindex);
}

int uevent_parse(struct uevent *u, size_t len)
{
        const char *end, *at;
        size_t first;

        if (len == 0 || len >= sizeof(u->buf))
                return -EBADMSG;
        u->buf[len] = '\0';
        u->len = len;
        u->action = u->devpath = u->subsystem = u->devname = u->devtype = NULL;
        u->modalias = u->driver = u->devpath_old = NULL;
        u->seqnum = 0;
        u->major = u->minor = -1;
        u->ifindex = 0;

        /* "ACTION@DEVPATH"; libudev's own messages begin with "libudev" and have no "@" here. */
        end = u->buf + len;
        first = strlen(u->buf);
        at = memchr(u->buf, '@', first);
        if (!at || at == u->buf || at[1] != '/')
                return -EBADMSG;
        for (const char *p = u->buf + first + 1; p < end; p += strlen(p) + 1) {
                size_t key_len = strcspn(p, "=");

                if (*p == '\0')
                        continue;
                if (key_len == 0 || p[key_len] != '=')
                        return -EBADMSG;
                take_key(u, p, key_len);
        }
        if (!u->action || !u->devpath || !u->subsystem || *u->devpath != '/')
                return -EBADMSG;
        return 0;
}

const char *uevent_get(const struct uevent *u, const char *key)
{
        size_t n = strlen(key);

        for (const char *p = u->buf + strlen(u->buf) + 1; p < u->buf + u->len; p += strlen(p) + 1)
                if (strncmp(p, key, n) == 0 && p[n] == '=')
                        return p + n + 1;
        return NULL;
}
