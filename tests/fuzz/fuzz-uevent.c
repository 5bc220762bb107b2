/* Any datagram as a uevent: what is accepted has its pointers in the buffer. */
#include "lib/uevent.h"
#include "tests/fuzz/fuzz.h"

static void inside(const struct uevent *u, const char *p)
{
        fuzz_check(!p || (p > u->buf && p + strlen(p) <= u->buf + u->len));
}

FUZZ_TARGET(uevent)
{
        static struct uevent u;

        memset(u.buf, 'x', sizeof(u.buf));
        if (size > 0)
                memcpy(u.buf, data, MIN(size, sizeof(u.buf)));
        if (uevent_parse(&u, size) < 0)
                return;
        fuzz_check(size < sizeof(u.buf) && *u.devpath == '/' && u.action && u.subsystem);
        inside(&u, u.action);
        inside(&u, u.devpath);
        inside(&u, u.subsystem);
        inside(&u, u.devname);
        inside(&u, u.devtype);
        inside(&u, u.modalias);
        inside(&u, u.driver);
        inside(&u, u.devpath_old);
        inside(&u, uevent_get(&u, "SEQNUM"));
        fuzz_check(uevent_get(&u, "ACTION"));
        inside(&u, uevent_get(&u, ""));
}
