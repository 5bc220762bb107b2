#include <sys/socket.h>
#include <sys/uio.h>

#include "wire.h"

_Static_assert(sizeof(struct wire_header) == 16, "the header has no padding");

/* ---- writing: an error (out of memory) sticks in the buffer, wire_send() tells it ---- */

void wire_begin(struct wire_writer *w, uint16_t type, uint32_t id)
{
        struct wire_header h = { WIRE_MAGIC, WIRE_VERSION, type, id, 0 };

        w->b.len = 0;
        w->b.failed = false;
        strbuf_add(&w->b, &h, sizeof(h));
}

void wire_u32(struct wire_writer *w, uint32_t v)
{
        strbuf_putc(&w->b, 'u');
        strbuf_add(&w->b, &v, sizeof(v));
}

void wire_u64(struct wire_writer *w, uint64_t v)
{
        strbuf_putc(&w->b, 'q');
        strbuf_add(&w->b, &v, sizeof(v));
}

void wire_str(struct wire_writer *w, const char *s)
{
        size_t n;
        uint32_t len;

        if (!s) {
                strbuf_putc(&w->b, 'n');
                return;
        }
        /* A string beyond the limit is cut here, so that its length fits; the message is refused anyway. */
        n = strnlen(s, WIRE_MAX);
        len = (uint32_t)n;
        strbuf_putc(&w->b, 's');
        strbuf_add(&w->b, &len, sizeof(len));
        strbuf_add(&w->b, s, n);
        strbuf_putc(&w->b, '\0');
}

void wire_strv(struct wire_writer *w, char *const *v)
{
        wire_u32(w, (uint32_t)strv_len(v));
        FOREACH_STR (i, v)
                wire_str(w, *i);
}

void wire_setting(struct wire_writer *w, const char *key, const char *op, const char *value, size_t len)
{
        size_t n_key = strlen(key), n_op = strlen(op);
        uint32_t n = (uint32_t)(n_key + n_op + len);
        char head[256], *p = head;

        if (n_key + n_op > sizeof(head) - 1 - sizeof(n)) {
                w->b.failed = true;
                return;
        }
        *p++ = 's';
        p = mempcpy(p, &n, sizeof(n));
        p = mempcpy(p, key, n_key);
        p = mempcpy(p, op, n_op);
        strbuf_add(&w->b, head, (size_t)(p - head));
        strbuf_add(&w->b, value, len);
        strbuf_putc(&w->b, '\0');
}

int wire_finish(struct wire_writer *w)
{
        uint32_t body;

        if (w->b.failed)
                return -ENOMEM;
        if (w->b.len < sizeof(struct wire_header))
                return -EINVAL;
        if (w->b.len > WIRE_MAX)
                return -E2BIG;
        body = (uint32_t)(w->b.len - sizeof(struct wire_header));
        memcpy(w->b.s + offsetof(struct wire_header, len), &body, sizeof(body));
        return 0;
}

void wire_done(struct wire_writer *w)
{
        strbuf_done(&w->b);
}

int wire_send_bytes(int fd, const struct wire_writer *w, int fd_to_pass)
{
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec iov = { w->b.s, w->b.len };
        struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd_to_pass >= 0) {
                struct cmsghdr *c;

                mh.msg_control = &control;
                mh.msg_controllen = sizeof(control);
                c = CMSG_FIRSTHDR(&mh);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd_to_pass, sizeof(int));
        }
        while (sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                if (errno == EINTR)
                        continue;
                return errno == EMSGSIZE ? -E2BIG : errno == ENOBUFS ? -EAGAIN : -errno;
        }
        return 0;
}

int wire_send(int fd, struct wire_writer *w, int fd_to_pass)
{
        int r = wire_finish(w);

        return r < 0 ? r : wire_send_bytes(fd, w, fd_to_pass);
}

/* ---- receiving ---- */

/* The first descriptor passed with the message, or -1; any further ones are closed. */
static int take_fds(struct msghdr *mh)
{
        int taken = -1;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + at, sizeof(int));
                        if (taken < 0)
                                taken = fd;
                        else
                                close_fd(fd);
                }
        }
        return taken;
}

int wire_recv_bytes(int fd, void *buf, size_t size, size_t *ret_len, int *ret_fd)
{
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(8 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec iov = { buf, size };
        struct msghdr mh = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;
        int passed, ret;

        do
                n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0) /* a reset is a peer that closed with unread messages from us */
                return errno == ECONNRESET ? 0 : -errno;
        passed = take_fds(&mh);
        if (n == 0)
                ret = 0;
        else if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                ret = -EBADMSG;
        else
                ret = 1;
        if (ret < 0 || n == 0 || !ret_fd)
                passed = close_fd(passed);
        if (ret < 0 || n == 0)
                return ret;
        if (ret_fd)
                *ret_fd = passed;
        *ret_len = (size_t)n;
        return 1;
}

int wire_recv(int fd, void *buf, size_t size, struct wire_reader *r, int *ret_fd)
{
        int passed = -1, ret;
        size_t n;

        ret = wire_recv_bytes(fd, buf, size, &n, ret_fd ? &passed : NULL);
        if (ret <= 0)
                return ret;
        ret = wire_parse(buf, n, r);
        if (ret < 0) {
                close_fd(passed);
                return ret;
        }
        if (ret_fd)
                *ret_fd = passed;
        return 1;
}

/* ---- reading ---- */

int wire_parse(const void *buf, size_t len, struct wire_reader *r)
{
        struct wire_header h;

        if (len < sizeof(h) || len > WIRE_MAX)
                return -EBADMSG;
        memcpy(&h, buf, sizeof(h));
        if (h.magic != WIRE_MAGIC || h.version != WIRE_VERSION || h.len != len - sizeof(h))
                return -EBADMSG;
        *r = (struct wire_reader) { h, (const uint8_t *)buf + sizeof(h), (const uint8_t *)buf + len, false };
        return 0;
}

int wire_next(const uint8_t **p, size_t *left, struct wire_reader *r)
{
        struct wire_header h;
        int k;

        if (*left == 0)
                return 0;
        if (*left < sizeof(h))
                return -EBADMSG;
        memcpy(&h, *p, sizeof(h));
        if (h.len > *left - sizeof(h))
                return -EBADMSG;
        k = wire_parse(*p, sizeof(h) + h.len, r);
        if (k < 0)
                return k;
        *p += sizeof(h) + h.len;
        *left -= sizeof(h) + h.len;
        return 1;
}

/* The next field's type byte and n bytes after it, copied to ret; false (and the reader spoilt) otherwise. */
static bool take(struct wire_reader *r, char type, void *ret, size_t n)
{
        if (r->bad || r->p == r->end || *r->p != (uint8_t)type || (size_t)(r->end - r->p) - 1 < n) {
                r->bad = true;
                return false;
        }
        if (n > 0)
                memcpy(ret, r->p + 1, n);
        r->p += 1 + n;
        return true;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
        uint32_t v;

        return take(r, 'u', &v, sizeof(v)) ? v : 0;
}

uint64_t wire_get_u64(struct wire_reader *r)
{
        uint64_t v;

        return take(r, 'q', &v, sizeof(v)) ? v : 0;
}

const char *wire_get_str(struct wire_reader *r)
{
        const char *s;
        uint32_t len;

        if (!r->bad && r->p < r->end && *r->p == 'n') {
                r->p++;
                return NULL;
        }
        if (!take(r, 's', &len, sizeof(len)))
                return NULL;
        s = (const char *)r->p;
        if (len >= (size_t)(r->end - r->p) || strnlen(s, (size_t)len + 1) != len) {
                r->bad = true; /* beyond the end, no NUL where it belongs, or one inside */
                return NULL;
        }
        r->p += (size_t)len + 1;
        return s;
}

int wire_get_strv(struct wire_reader *r, char ***ret)
{
        uint32_t n = wire_get_u32(r);
        char **v;

        /* a string takes six bytes at least: no allocation beyond what was sent */
        if (r->bad || n > (size_t)(r->end - r->p) / 6) {
                r->bad = true;
                return -EBADMSG;
        }
        v = calloc((size_t)n + 1, sizeof(char *));
        if (!v)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                const char *s = wire_get_str(r);

                if (s && (v[i] = strdup(s)))
                        continue;
                strv_free(v);
                if (s)
                        return -ENOMEM;
                r->bad = true; /* a null string would end the list early */
                return -EBADMSG;
        }
        *ret = v;
        return 0;
}

bool wire_more(struct wire_reader *r)
{
        return !r->bad && r->p < r->end;
}

int wire_end(struct wire_reader *r)
{
        return r->bad ? -EBADMSG : 0;
}
