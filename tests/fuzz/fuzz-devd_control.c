/* Datagrams on udevd's control socket: any bytes, as one message and as the body of a well-formed one. */
#include "devd/control.h"
#include "devd/queue.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(devd_control)
{
        static char *nowhere[] = { (char *)"/nonexistent", NULL };
        static struct queue queue;
        struct devd m = { .queue = &queue, .uevent_io = { .fd = -1 }, .rules_dirs = nowhere };
        struct control_message msg = { .version = "udev-252", .magic = CONTROL_MAGIC };
        int level = log_get_max_level();

        log_open("fuzz", LOG_TO_NULL);
        queue_init(&queue);
        fuzz_check(loop_new(&m.loop) >= 0);
        (void)control_handle(&m, data, size);
        if (size > 0 && data[0] != CONTROL_RELOAD) {
                msg.type = data[0];
                memcpy(&msg.i, data + 1, MIN(size - 1, sizeof(msg) - offsetof(struct control_message, i)));
                fuzz_check(control_handle(&m, &msg, sizeof(msg)) <= 2);
        }
        FOREACH_STR (e, m.global_env)
                fuzz_check(strchr(*e, '=') > *e && strlen(*e) < sizeof(msg.s));
        strv_free(m.global_env);
        rules_free(m.rules);
        loop_free(m.loop);
        log_set_max_level(level);
}
