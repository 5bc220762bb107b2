/* The client's side of the control protocol: one connection a call, blocking. */
#include "ctl.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/fileio.h"
#include "lib/paths.h"

static const char *control_path(void)
{
        const char *p = secure_getenv("ROUSE_CONTROL"); /* tests, containers looked at from outside */

        return p && *p ? p : ROUSE_CONTROL;
}

bool ctl_manager_is_rouse(void)
{
        return access(control_path(), F_OK) == 0;
}

static int ctl_connect(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        if (strlen(control_path()) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, control_path());
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int wait_for(int fd, short events)
{
        struct pollfd p = { .fd = fd, .events = events };

        while (poll(&p, 1, -1) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int send_request(int fd, const struct ctl_call *c)
{
        _cleanup_wire_ struct wire_writer w = { 0 };
        int r;

        wire_begin(&w, CTL_REQUEST, 1);
        wire_str(&w, c->verb);
        wire_strv(&w, c->args);
        wire_strv(&w, c->options);
        while ((r = wire_send(fd, &w, -1)) == -EAGAIN)
                if (wait_for(fd, POLLOUT) < 0)
                        break;
        return r;
}

/* The next message. 0, or -errno; -ECONNRESET when the manager went. */
static int receive(int fd, void *buf, struct wire_reader *in)
{
        int r;

        for (;;) {
                r = wire_recv(fd, buf, WIRE_MAX, in, NULL);
                if (r == 1)
                        return 0;
                if (r == 0)
                        return -ECONNRESET;
                if (r == -EAGAIN)
                        r = wait_for(fd, POLLIN);
                if (r < 0 && r != -EBADMSG)
                        return r;
        }
}

static int read_answer(int fd, struct ctl_call *c)
{
        static uint8_t buf[WIRE_MAX];
        _cleanup_record_ struct ctl_record rec = { 0 };
        struct wire_reader in;
        const char *text;
        bool complete;
        int r;

        for (;;) {
                r = receive(fd, buf, &in);
                if (r < 0)
                        return r;
                switch (in.h.type) {
                case CTL_RECORD:
                        r = ctl_record_gather(&in, &rec, &complete);
                        if (r < 0)
                                return r;
                        if (!complete)
                                break;
                        if (c->record)
                                c->record(&rec, c->data);
                        ctl_record_done(&rec);
                        break;
                case CTL_TEXT:
                        text = wire_get_str(&in);
                        if (c->text && text)
                                c->text(text, c->data);
                        break;
                case CTL_END:
                        r = -(int)wire_get_u32(&in);
                        text = wire_get_str(&in);
                        if (wire_end(&in) < 0)
                                return -EBADMSG;
                        if (text)
                                c->error = strdup(text);
                        return r;
                default: break;
                }
        }
}

int ctl_call(struct ctl_call *c)
{
        _cleanup_close_ int fd = ctl_connect();
        int r;

        if (fd < 0)
                return fd;
        r = send_request(fd, c);
        return r < 0 ? r : read_answer(fd, c);
}

int ctl_call_or_say(struct ctl_call *c, const char *what)
{
        int r = ctl_call(c);

        if (r == -ENOENT && !c->error && access(control_path(), F_OK) < 0)
                fprintf(stderr,
                        "System has not been booted with rouse as init system (PID 1). Can't operate.\n");
        else if (r == -ECONNRESET && !c->error)
                fprintf(stderr, "Failed to %s: the manager closed the connection\n", what);
        else if (r < 0)
                fprintf(stderr, "Failed to %s: %s\n", what, c->error ?: strerror(-r));
        return r;
}

/* ---- lists ---- */

void ctl_list_done(struct ctl_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                ctl_record_done(&l->r[i]);
        free(l->r);
        *l = (struct ctl_list) { 0 };
}

static void keep(const struct ctl_record *rec, void *data)
{
        struct ctl_list *l = data;

        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 64;
                struct ctl_record *r = reallocarray(l->r, cap, sizeof(*r));

                if (!r)
                        return;
                l->r = r;
                l->cap = cap;
        }
        if (ctl_record_copy(rec, &l->r[l->n]) >= 0)
                l->n++;
}

int ctl_query(const char *verb, char *const *args, char *const *options, struct ctl_list *ret)
{
        struct ctl_call c = {
                .verb = verb, .args = args, .options = (char **)options, .record = keep, .data = ret
        };
        int r = ctl_call_or_say(&c, "get an answer");

        free(c.error);
        return r;
}

int ctl_events(bool (*fn)(const char *event, const struct ctl_record *rec, void *data), void *data)
{
        static uint8_t buf[WIRE_MAX];
        struct ctl_call c = { .verb = "subscribe" };
        _cleanup_close_ int fd = ctl_connect();
        int r;

        if (fd < 0)
                return fd;
        r = send_request(fd, &c);
        if (r < 0)
                return r;
        for (bool go_on = true; go_on;) {
                _cleanup_record_ struct ctl_record rec = { 0 };
                struct wire_reader in;
                const char *event;
                bool complete;

                r = receive(fd, buf, &in);
                if (r < 0)
                        return r;
                if (in.h.type == CTL_END) { /* from now on nothing is missed */
                        go_on = fn(NULL, &rec, data);
                        continue;
                }
                if (in.h.type != CTL_EVENT)
                        continue;
                event = wire_get_str(&in);
                if (event && ctl_record_gather(&in, &rec, &complete) >= 0)
                        go_on = fn(event, &rec, data);
        }
        return 0;
}
