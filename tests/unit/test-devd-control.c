/* Messages of the control socket. */
#include "devd/control.h"
#include "devd/queue.h"
#include "lib/log.h"
#include "tests/tap.h"

static struct queue queue;
static struct devd m = { .queue = &queue, .uevent_io = { .fd = -1 } };

static struct control_message message(uint32_t type)
{
        return (struct control_message) { .version = "udev-252", .magic = CONTROL_MAGIC, .type = type };
}

static int handle(struct control_message msg)
{
        return control_handle(&m, &msg, sizeof(msg));
}

static void numbers(void)
{
        struct control_message msg = message(CONTROL_LOG_LEVEL);

        msg.i = LOG_NOTICE;
        is_int(handle(msg), 0, "log level");
        is_int(log_get_max_level(), LOG_NOTICE, "is set");
        msg.i = 99;
        is_int(handle(msg), -EBADMSG, "one that is none is refused");
        is_int(log_get_max_level(), LOG_NOTICE, "and nothing changes");
        msg = message(CONTROL_CHILDREN_MAX);
        msg.i = 7;
        is_int(handle(msg), 0, "children max");
        is_int(m.children_max, 7, "is set");
        msg.i = -1;
        is_int(handle(msg), -EBADMSG, "a negative one is refused");
        is_int(handle(message(CONTROL_STOP)), 0, "stop");
        ok(queue.stopped, "stops the queue");
        is_int(handle(message(CONTROL_PING)), 1, "ping is answered when idle");
        is_int(handle(message(CONTROL_END)), 2, "end");
}

static void environment(void)
{
        struct control_message msg = message(CONTROL_SET_ENV);

        strcpy(msg.s, "A=1");
        is_int(handle(msg), 0, "set a property");
        is_str(strv_env_get(m.global_env, "A"), "1", "is kept");
        strcpy(msg.s, "A=");
        is_int(handle(msg), 0, "an empty value");
        is_str(strv_env_get(m.global_env, "A"), NULL, "takes it away");
        strcpy(msg.s, "=x");
        is_int(handle(msg), -EBADMSG, "no name: refused");
        memset(msg.s, 'x', sizeof(msg.s));
        is_int(handle(msg), -EBADMSG, "not even terminated: refused");
        memset(msg.s, 'x', sizeof(msg.s));
        msg.s[1] = '=';
        is_int(handle(msg), 0, "a value that fills the message is cut, not overrun");
        strv_free(m.global_env);
        m.global_env = NULL;
}

static void rubbish(void)
{
        struct control_message msg = message(CONTROL_PING);

        is_int(control_handle(&m, &msg, sizeof(msg) - 1), -EBADMSG, "too short");
        is_int(control_handle(&m, &msg, sizeof(msg) + 1), -EBADMSG, "too long");
        msg.magic++;
        is_int(handle(msg), -EBADMSG, "wrong magic");
        is_int(handle(message(1000)), -EBADMSG, "unknown type");
}

int main(void)
{
        queue_init(&queue);
        (void)loop_new(&m.loop);
        numbers();
        environment();
        rubbish();
        loop_free(m.loop);
        return tap_done();
}
