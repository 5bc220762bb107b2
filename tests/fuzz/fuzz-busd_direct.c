/* What a direct connection may send, after its authentication: any bytes, so malformed messages, and well-formed ones
 * with any arguments: calls, properties of transient units. There is no PID 1, so each call ends in an error. */
#include <sys/socket.h>

#include "busd/busd.h"
#include "tests/fuzz/fuzz.h"

static const char hello[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

static void drain(int fd)
{
        char buf[4096];

        while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
                ;
}

FUZZ_TARGET(busd_direct)
{
        struct busd b = { .private_io = { .fd = -1 } };
        int fds[2];

        if (size > 64 * 1024 || loop_new(&b.loop) < 0)
                return;
        file_root = "/proc/self/nowhere"; /* nothing can be changed there */
        log_set_max_level(LOG_EMERG);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0) {
                if (bus_add_direct(&b, fds[0]) >= 0 && write(fds[1], hello, sizeof(hello) - 1) > 0 &&
                        (size == 0 || write(fds[1], data, size) >= 0))
                        for (unsigned n = 0; n < 4; n++) {
                                (void)bus_process(&b);
                                drain(fds[1]);
                        }
                close(fds[1]);
        }
        events_done(&b);
        bus_close_all(&b);
        access_done(&b);
        loop_free(b.loop);
}
