/* Kernel uevents over netlink: shared by devd and rouse-initrd. */
#pragma once

#include "util.h"

#define UEVENT_BUF 8192

/* One uevent: one buffer, and pointers into it (so it cannot be copied: parse again). */
struct uevent {
        char buf[UEVENT_BUF];
        size_t len;
        const char *action, *devpath, *subsystem, *devname, *devtype, *modalias, *driver, *devpath_old;
        uint64_t seqnum;
        int major, minor; /* -1 when there is none */
        int ifindex;      /* 0 when there is none */
};

/* NETLINK_KOBJECT_UEVENT socket in group 1, non-blocking, credentials on, rcvbuf bytes (SO_RCVBUFFORCE). */
int uevent_open(size_t rcvbuf);
/* Receives one. 1; -EAGAIN; -ENOBUFS (overflow: enumerate again); -EPERM/-EBADMSG: dropped, not from the
 * kernel or malformed. trust_pid: accept events with this pid in their credentials (or as their netlink port)
 * too besides 0 (namespace tests; 0 = none). */
int uevent_recv(int fd, struct uevent *u, pid_t trust_pid);
/* Up to n at once by recvmmsg. Number accepted, or an error as above when none was. */
int uevent_recv_many(int fd, struct uevent *u, unsigned n, pid_t trust_pid);
/* Parses "ACTION@DEVPATH\0KEY=value\0…" that lies in u->buf[0..len). 0 or -EBADMSG. */
int uevent_parse(struct uevent *u, size_t len);
const char *uevent_get(const struct uevent *u, const char *key);
