/* What PID 1's texts become on the bus: any record, a "Key=value" a line, as the properties of every interface. */
#include <sys/socket.h>

#include "busd/busd.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(busd_values)
{
        _cleanup_record_ struct ctl_record rec = { 0 };
        _cleanup_strv_ char **lines = NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        struct busd b = { .private_io = { .fd = -1 } };
        sd_bus_message *m = NULL;
        int fds[2];

        if (!text || size > 16 * 1024 || loop_new(&b.loop) < 0)
                return;
        log_set_max_level(LOG_EMERG);
        lines = strv_split(text, "\n");
        FOREACH_STR (line, lines)
                (void)ctl_record_add(&rec, strdup(*line));
        link_make_text(&rec);
        if (size % 2) /* as short records are, and as long ones */
                ctl_record_index(&rec);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0) {
                if (bus_add_direct(&b, fds[0]) >= 0)
                        for (int i = 0; i < IF_Exec; i++)
                                if (sd_bus_message_new_signal(b.connections->bus, &m, "/", "a.b", "C") >=
                                        0) {
                                        fuzz_check(encode_all(m, (enum interface)i, &rec, -1) >= 0);
                                        fuzz_check(sd_bus_message_seal(m, 1, 0) >= 0);
                                        m = sd_bus_message_unref(m);
                                }
                close(fds[1]);
        }
        bus_close_all(&b);
        loop_free(b.loop);
}
