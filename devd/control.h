/* /run/udev/control: what `udevadm control`, `udevadm settle` and packages' scripts speak (udev.md, "Control
 * socket"). Peers must be root. There are no replies: the client says "end" and waits for us to close, which after
 * a ping happens only once every uevent that was there has been read. */
#pragma once

#include "devd.h"

#define CONTROL_MAGIC 0xdead1deau

enum control_type {
        CONTROL_END = 0,
        CONTROL_LOG_LEVEL,
        CONTROL_STOP,
        CONTROL_START,
        CONTROL_RELOAD,
        CONTROL_SET_ENV,
        CONTROL_CHILDREN_MAX,
        CONTROL_PING,
        CONTROL_EXIT,
};

struct control_message {
        char version[16];
        uint32_t magic, type;
        union {
                int32_t i;
                char s[256];
        };
};

/* What a message asks for. 0; 1: answer when idle (ping); 2: end; -EBADMSG. Changes m. */
int control_handle(struct devd *m, const void *data, size_t len);
/* fd ≥ 0: the listening socket; -1: it is made. */
int control_new(struct devd *m, int fd);
void control_free(struct devd *m);
