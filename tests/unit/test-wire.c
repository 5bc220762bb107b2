/* wire.c: round trips through a socket pair, and messages that are not to be believed. */
#include <fcntl.h>
#include <sys/socket.h>

#include "lib/wire.h"
#include "tests/tap.h"

static char buf[WIRE_MAX];

static void round_trip(void)
{
        static const char *const list[] = { "x", "", "zz", NULL };
        _cleanup_wire_ struct wire_writer w = { 0 };
        _cleanup_strv_ char **v = NULL, **none = NULL;
        struct wire_reader r;
        int s[2], fd = 99, p[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0 || pipe2(p, O_CLOEXEC) < 0)
                exit(1);
        wire_begin(&w, 7, 42);
        wire_u32(&w, 123);
        wire_str(&w, "text");
        wire_str(&w, NULL);
        wire_u64(&w, UINT64_C(1) << 40);
        wire_strv(&w, (char *const *)list);
        wire_strv(&w, NULL);
        wire_str(&w, "");
        is_int(wire_send(s[0], &w, p[1]), 0, "send with a descriptor");
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, &fd), 1, "receive");
        ok(r.h.type == 7 && r.h.id == 42, "header");
        is_int(wire_get_u32(&r), 123, "u32");
        is_str(wire_get_str(&r), "text", "string");
        is_str(wire_get_str(&r), NULL, "null string");
        is_int(wire_end(&r), 0, "which is no error");
        is_int((int64_t)wire_get_u64(&r), INT64_C(1) << 40, "u64");
        is_int(wire_get_strv(&r, &v), 0, "list");
        ok(strv_len(v) == 3 && streq(v[0], "x") && streq(v[1], "") && streq(v[2], "zz"), "its strings");
        is_int(wire_get_strv(&r, &none), 0, "empty list");
        ok(none && !*none, "is empty");
        ok(wire_more(&r), "there is more");
        is_str(wire_get_str(&r), "", "empty string");
        ok(!wire_more(&r) && wire_end(&r) == 0, "and that is all");
        ok(fd >= 0 && fd != p[1] && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "the descriptor came, close-on-exec");
        ok(write(fd, "!", 1) == 1 && read(p[0], buf, 1) == 1 && buf[0] == '!', "and is the same pipe");
        close(fd);

        is_int(wire_recv(s[1], buf, sizeof(buf), &r, &fd), -EAGAIN, "nothing more");
        wire_begin(&w, 8, 0);
        is_int(wire_send(s[0], &w, -1), 0, "a writer used again, no body");
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, &fd), 1, "receive");
        ok(r.h.type == 8 && fd == -1 && !wire_more(&r), "empty, without descriptor");
        wire_begin(&w, 9, 0);
        wire_send(s[0], &w, p[1]);
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, NULL), 1, "an unwanted descriptor");

        send(s[0], "garbage", 7, 0);
        fd = 99;
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, &fd), -EBADMSG, "garbage");
        is_int(fd, 99, "out-parameter untouched");
        wire_begin(&w, 9, 0);
        wire_str(&w, "something longer than the receiver's buffer");
        wire_send(s[0], &w, -1);
        is_int(wire_recv(s[1], buf, 20, &r, NULL), -EBADMSG, "a message cut short");
        close(s[0]);
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, NULL), 0, "peer closed");
        is_int(wire_send(s[1], &w, -1), -EPIPE, "send to a closed peer");
        close(s[1]);
        close(p[0]);
        close(p[1]);
}

static void limits(void)
{
        _cleanup_wire_ struct wire_writer w = { 0 };
        int s[2], r = 0, sent = 0;
        char *big = malloc(WIRE_MAX + 10);

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
                exit(1);
        memset(big, 'x', WIRE_MAX + 9);
        big[WIRE_MAX + 9] = '\0';
        wire_begin(&w, 1, 0);
        wire_str(&w, big);
        is_int(wire_send(s[0], &w, -1), -E2BIG, "beyond WIRE_MAX");
        big[WIRE_MAX - sizeof(struct wire_header) - 6] = '\0';
        wire_begin(&w, 1, 0);
        wire_str(&w, big);
        is_int(wire_send(s[0], &w, -1), 0, "of exactly WIRE_MAX");
        wire_begin(&w, 1, 0);
        while (r == 0 && sent++ < 100000)
                r = wire_send(s[0], &w, -1);
        is_int(r, -EAGAIN, "a peer that does not read");
        w.b.len = 3;
        is_int(wire_send(s[0], &w, -1), -EINVAL, "never begun");
        free(big);
        close(s[0]);
        close(s[1]);
}

/* Several messages in one datagram. */
static void packed(void)
{
        _cleanup_wire_ struct wire_writer w = { 0 }, all = { 0 };
        const uint8_t *p = (const uint8_t *)buf;
        struct wire_reader r;
        int s[2];
        size_t n, whole;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
                exit(1);
        for (uint32_t i = 1; i <= 3; i++) {
                wire_begin(&w, 5, i);
                wire_setting(&w, "Key", "=", "value and more", i);
                is_int(wire_finish(&w), 0, "a message");
                strbuf_add(&all.b, w.b.s, w.b.len);
        }
        is_int(wire_send_bytes(s[0], &all, -1), 0, "three in one datagram");
        is_int(wire_recv_bytes(s[1], buf, sizeof(buf), &n, NULL), 1, "come");
        whole = n;
        for (uint32_t i = 1; i <= 3; i++) {
                is_int(wire_next(&p, &n, &r), 1, "the next of them");
                ok(r.h.id == i && strncmp(wire_get_str(&r) ?: "", "Key=val", 4 + i) == 0 && !wire_more(&r),
                        "with its own field");
        }
        is_int(wire_next(&p, &n, &r), 0, "the end");
        p = (const uint8_t *)buf;
        n = whole - 1;
        ok(wire_next(&p, &n, &r) == 1 && wire_next(&p, &n, &r) == 1 && wire_next(&p, &n, &r) == -EBADMSG,
                "the last one is cut short");
        is_int(wire_send_bytes(s[0], &all, -1), 0, "three again");
        is_int(wire_recv(s[1], buf, sizeof(buf), &r, NULL), -EBADMSG, "are no single message");
        close(s[0]);
        close(s[1]);
}

/* A message of this body, in memory. */
static int message(const char *body, size_t n, struct wire_reader *r)
{
        struct wire_header h = { WIRE_MAGIC, WIRE_VERSION, 1, 0, (uint32_t)n };

        memcpy(buf, &h, sizeof(h));
        memcpy(buf + sizeof(h), body, n);
        return wire_parse(buf, sizeof(h) + n, r);
}

static void malformed(void)
{
        static const struct {
                const char *what, *body;
                size_t n;
        } strings[] = {
                { "empty body", "", 0 },
                { "another type", "u\1\0\0\0", 5 },
                { "no length", "s\1\0", 3 },
                { "no NUL", "s\1\0\0\0x", 6 },
                { "length beyond the end", "s\x09\0\0\0x\0", 7 },
                { "largest length", "s\xff\xff\xff\xffx\0", 7 },
                { "NUL inside", "s\3\0\0\0x\0y\0", 9 },
                { "something else instead of the NUL", "s\1\0\0\0xy", 7 },
        };
        static const struct {
                const char *what, *body;
                size_t n;
        } lists[] = {
                { "more strings than can be", "u\xff\xff\xff\xff", 5 },
                { "fewer strings than said", "u\2\0\0\0s\0\0\0\0\0", 11 },
                { "null string in a list", "u\1\0\0\0nnnnnn", 11 },
                { "no count", "q", 1 },
        };
        struct wire_header h = { WIRE_MAGIC, WIRE_VERSION, 1, 0, 0 }, bad;
        struct wire_reader r;
        char **v = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
                is_int(message(strings[i].body, strings[i].n, &r), 0, strings[i].what);
                is_str(wire_get_str(&r), NULL, "gives NULL");
                is_int(wire_end(&r), -EBADMSG, "and an error");
                ok(wire_get_u32(&r) == 0 && wire_get_u64(&r) == 0 && !wire_get_str(&r) && !wire_more(&r),
                        "and zeros from then on");
        }
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                message(lists[i].body, lists[i].n, &r);
                is_int(wire_get_strv(&r, &v), -EBADMSG, lists[i].what);
                ok(!v && wire_end(&r) == -EBADMSG, "nothing given");
        }
        is_int(wire_parse(&h, sizeof(h), &r), 0, "a header alone");
        is_int(wire_parse(&h, sizeof(h) - 1, &r), -EBADMSG, "less than a header");
        bad = h;
        bad.magic++;
        is_int(wire_parse(&bad, sizeof(h), &r), -EBADMSG, "another magic");
        bad = h;
        bad.version++;
        is_int(wire_parse(&bad, sizeof(h), &r), -EBADMSG, "another version");
        bad = h;
        bad.len = 1;
        is_int(wire_parse(&bad, sizeof(h), &r), -EBADMSG, "another length");
}

int main(void)
{
        round_trip();
        limits();
        packed();
        malformed();
        return tap_done();
}
