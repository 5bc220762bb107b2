/* rouse-early --serve: the steps that PID 1 asks for over lib/early.h, in their order of arrival. A step that
 * waits for something (the random pool) is put aside and run again when that is there; others go on. */
#include <poll.h>

#include "early/early.h"
#include "lib/early.h"
#include "lib/wire.h"

struct waiting {
        const struct early_step *step;
        uint32_t id;
        int fd; /* -1: nothing waits */
};

static int answer(int fd, uint32_t id, uint32_t status, const char *message)
{
        _cleanup_wire_ struct wire_writer w = { 0 };
        int r;

        wire_begin(&w, EARLY_DONE, id);
        wire_u32(&w, status);
        wire_str(&w, message);
        r = wire_send(fd, &w, -1);
        while (r == -EAGAIN) { /* PID 1 has its hands full */
                struct pollfd p = { .fd = fd, .events = POLLOUT };

                if (poll(&p, 1, -1) < 0 && errno != EINTR)
                        return -errno;
                r = wire_send(fd, &w, -1);
        }
        return r;
}

static int run_step(struct early *e, int fd, uint32_t id, const struct early_step *s, char *const *args,
        struct waiting *wait)
{
        int r;

        strbuf_done(&e->message);
        e->status = 0;
        r = s->run(e, args);
        if (r == EARLY_AGAIN) {
                if (wait->fd < 0) {
                        *wait = (struct waiting) { s, id, TAKE_FD(e->wait_fd) };
                        return 0;
                }
                e->wait_fd = close_fd(e->wait_fd);
                r = -EALREADY;
        }
        if (r >= 0)
                return answer(fd, id, 0, e->message.s);
        return answer(fd, id, e->status ?: EXIT_FAILURE, e->message.s ?: strerror(-r));
}

static int handle(struct early *e, int fd, struct wire_reader *m, struct waiting *wait)
{
        _cleanup_strv_ char **args = NULL;
        const struct early_step *s;
        const char *name;

        if (m->h.type != EARLY_RUN)
                return 0;
        name = wire_get_str(m);
        if (!name || wire_get_strv(m, &args) < 0 || wire_end(m) < 0)
                return answer(fd, m->h.id, 1, "malformed request");
        s = early_step_find(name);
        if (!s)
                return answer(fd, m->h.id, 1, "no such step");
        return run_step(e, fd, m->h.id, s, args, wait);
}

int early_serve(struct early *e, int fd)
{
        static char buf[WIRE_MAX];
        struct waiting wait = { .fd = -1 };
        int r;

        for (;;) {
                struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = wait.fd, .events = POLLIN } };
                struct wire_reader m;

                if (poll(p, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return log_error_errno(-errno, "Cannot wait for requests: %m");
                }
                if (p[1].revents) {
                        struct waiting w = wait;

                        wait.fd = close_fd(wait.fd);
                        r = run_step(e, fd, w.id, w.step, NULL, &wait);
                        if (r < 0)
                                return r;
                }
                if (!p[0].revents)
                        continue;
                r = wire_recv(fd, buf, sizeof(buf), &m, NULL);
                if (r == 0)
                        return 0;
                if (r == -EAGAIN || r == -EBADMSG)
                        continue;
                if (r > 0)
                        r = handle(e, fd, &m, &wait);
                if (r < 0)
                        return r == -ECONNRESET || r == -EPIPE ? 0 : r;
        }
}
