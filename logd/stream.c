/* The stdout socket: a header of seven lines, then the service's bytes, cut into records at LF and NUL.
 *
 *     identifier · unit · priority · level prefix (0/1) · to syslog · to kmsg · to console
 *
 * The unit is believed only of a root peer (the manager's child, before it becomes the service's user). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/unitname.h"
#include "logd/logd.h"

#define STREAMS_MAX 4096
#define HEADER_MAX  4096
#define STORE_DELAY                                                                                         \
        (500 * USEC_PER_MSEC) /* short-lived services are over by then, and cost the manager nothing */
#define FDNAME_PREFIX "stream"

static int header_bool(const char *line, bool *ret)
{
        if (!streq(line, "0") && !streq(line, "1"))
                return -EINVAL;
        *ret = *line == '1';
        return 0;
}

int stream_header_line(struct stream *s, const char *line, size_t len)
{
        char buf[HEADER_MAX];

        if (len >= sizeof(buf) || memchr(line, 0, len))
                return -EINVAL;
        memcpy(buf, line, len);
        buf[len] = 0;
        switch (s->header_lines++) {
        case 0: return *buf ? str_replace(&s->identifier, buf) : 0;
        case 1: return s->uid == 0 && unit_name_valid(buf, false) ? str_replace(&s->unit, buf) : 0;
        case 2:
                return parse_int(buf, &s->priority) < 0 || s->priority < 0 || s->priority > 191 ? -EINVAL
                                                                                                : 0;
        case 3: return header_bool(buf, &s->level_prefix);
        case 4: return header_bool(buf, &s->to_syslog);
        case 5: return header_bool(buf, &s->to_kmsg);
        case 6: return header_bool(buf, &s->to_console);
        default: return -EINVAL;
        }
}

static void stream_record(struct stream *s, const char *line, size_t len, bool cut)
{
        struct record r;
        int priority = s->priority;

        record_init(&r, TRANSPORT_STDOUT);
        if (s->level_prefix) {
                int p;
                size_t n = syslog_prefix(line, len, &p);

                if (n > 0) {
                        priority = p > 7 ? p : (priority & ~7) | p;
                        line += n;
                        len -= n;
                }
        }
        while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
                len--;
        if (len == 0)
                return;
        if (!*s->comm) {
                struct sender *p = sender_get(s->d, s->pid);

                snprintf(s->comm, sizeof(s->comm), "%s", p ? p->comm : "?");
                if (p && !s->unit && p->unit)
                        (void)str_replace(&s->unit, p->unit);
        }
        r.priority = priority & 7;
        r.facility = priority >> 3;
        r.pid = s->pid;
        r.uid = s->uid;
        r.gid = s->gid;
        r.unit = SPAN(s->unit);
        r.comm = SPAN(s->comm);
        r.identifier = s->identifier ? SPAN(s->identifier) : r.comm;
        r.message = (struct span) { line, len };
        r.flags = (cut ? RECORD_TRUNCATED : 0) |
                  (s->to_syslog || s->d->config.to_syslog ? 0 : RECORD_NO_FORWARD);
        logd_deliver(s->d, &r, s->to_kmsg, s->to_console);
}

/* Takes whole lines off the buffer; at the end (eof) what is left too. -EINVAL: a bad header. */
static int stream_lines(struct stream *s, bool eof)
{
        size_t done = 0, limit = s->d->config.line_max;

        while (done < s->have) {
                const char *p = s->buf + done;
                size_t left = s->have - done, len = 0;
                bool header = s->header_lines < 7, cut;

                while (len < left && p[len] != '\n' && (p[len] || header) && (header || len < limit))
                        len++;
                cut = !header && len == limit;
                if (len == left && !cut && !eof)
                        break;
                if (header) {
                        if (stream_header_line(s, p, len) < 0)
                                return -EINVAL;
                } else
                        stream_record(s, p, len, cut);
                done += len + (len < left && !cut);
        }
        if (done > 0)
                memmove(s->buf, s->buf + done, s->have - done);
        s->have -= done;
        return s->header_lines < 7 && s->have > HEADER_MAX ? -EINVAL : 0;
}

void stream_free(struct stream *s)
{
        int fd = s->io.fd;

        loop_io_remove(s->d->loop, &s->io);
        close_fd(fd);
        *(s->prev ? &s->prev->next : &s->d->streams) = s->next;
        if (s->next)
                s->next->prev = s->prev;
        s->d->n_streams--;
        free(s->identifier);
        free(s->unit);
        free(s->buf);
        free(s);
}

static void stream_ready(struct loop_io *io, uint32_t revents)
{
        struct stream *s = io->data;
        ssize_t n;

        if (s->have == s->cap) {
                size_t cap = MIN(MAX(s->cap * 2, (size_t)2048), (size_t)s->d->config.line_max + HEADER_MAX);
                char *bigger = realloc(s->buf, cap);

                if (!bigger || cap == s->have) {
                        stream_free(s);
                        return;
                }
                s->buf = bigger;
                s->cap = cap;
        }
        n = read(s->io.fd, s->buf + s->have, s->cap - s->have);
        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        stream_free(s);
                return;
        }
        s->have += n;
        if (stream_lines(s, n == 0) < 0) {
                logd_say(s->d, LOG_NOTICE, "a log stream of process %u has a bad header; it is closed",
                        s->pid);
                stream_free(s);
        } else if (n == 0)
                stream_free(s);
}

static struct stream *stream_new(struct logd *d, int fd)
{
        struct stream *s = calloc(1, sizeof(*s));
        struct ucred uc = { .pid = 0, .uid = -1, .gid = -1 };
        socklen_t len = sizeof(uc);

        if (!s) {
                close_fd(fd);
                return NULL;
        }
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len);
        (void)shutdown(fd, SHUT_WR);
        s->d = d;
        s->pid = uc.pid;
        s->uid = uc.uid;
        s->gid = uc.gid;
        s->priority = LOG_DAEMON | LOG_INFO;
        s->io = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 5, .cb = stream_ready, .data = s
        };
        s->next = d->streams;
        if (s->next)
                s->next->prev = s;
        d->streams = s;
        d->n_streams++;
        if (loop_io_add(d->loop, &s->io) < 0) {
                s->io.fd = fd;
                stream_free(s);
                return NULL;
        }
        return s;
}

void stream_accept(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;

        for (unsigned i = 0; i < TURN_BUDGET; i++) {
                int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd < 0)
                        return;
                if (d->n_streams >= STREAMS_MAX) {
                        logd_say(d, LOG_WARNING, "more than %u log streams; a new one is refused",
                                STREAMS_MAX);
                        close_fd(fd);
                        continue;
                }
                if (!stream_new(d, fd))
                        continue;
                if (d->store_timer.when == USEC_INFINITY)
                        (void)loop_timer_set(
                                d->loop, &d->store_timer, usec_add(loop_now(d->loop), STORE_DELAY));
        }
}

/* "stream PRIORITY FLAGS UNIT IDENTIFIER": printable ASCII without ":", as names of stored fds have to be. */
char *stream_name(const struct stream *s)
{
        _cleanup_free_ char *id = str_cescape(s->identifier ?: ""), *unit = str_cescape(s->unit ?: "-");
        char *name, *to;

        name = str_printf(FDNAME_PREFIX " %d %d%d%d%d %s %s", s->priority, s->level_prefix, s->to_syslog,
                s->to_kmsg, s->to_console, unit ?: "-", id ?: "");
        if (!name)
                return NULL;
        for (to = name; *to; to++)
                if (*to == ':')
                        *to = '\x1a'; /* made printable below */
        if (strchr(name, '\x1a')) {
                _cleanup_strbuf_ struct strbuf b = { 0 };

                for (to = name; *to; to++)
                        strbuf_puts(&b, *to == '\x1a' ? "\\x3a" : (char[]) { *to, 0 });
                free(name);
                name = b.failed ? NULL : strbuf_take(&b);
        }
        if (name && strlen(name) > 255)
                name[255] = 0;
        return name;
}

int stream_parse_name(struct stream *s, const char *name)
{
        char flags[5], unit[256];
        _cleanup_free_ char *id = NULL, *plain_unit = NULL;
        int n = 0, priority;

        if (sscanf(name, FDNAME_PREFIX " %d %4[01] %255s %n", &priority, flags, unit, &n) < 3 ||
                strlen(flags) != 4 || priority < 0 || priority > 191 || n <= 0)
                return -EINVAL;
        if (str_cunescape(name + n, strlen(name + n), true, &id) < 0 ||
                str_cunescape(unit, strlen(unit), true, &plain_unit) < 0)
                return -EINVAL;
        s->priority = priority;
        s->level_prefix = flags[0] == '1';
        s->to_syslog = flags[1] == '1';
        s->to_kmsg = flags[2] == '1';
        s->to_console = flags[3] == '1';
        s->header_lines = 7;
        s->stored = true;
        if (!streq(plain_unit, "-") && str_replace(&s->unit, plain_unit) < 0)
                return -ENOMEM;
        return *id ? str_replace(&s->identifier, id) : 0;
}

int stream_restore(struct logd *d, int fd, const char *name)
{
        struct stream *s;

        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        s = stream_new(d, fd);
        if (!s)
                return -ENOMEM;
        if (stream_parse_name(s, name) < 0) { /* a name not ours: its lines still count */
                s->header_lines = 7;
                s->stored = true;
        }
        return 0;
}

static int store_one(const struct stream *s, const char *name)
{
        _cleanup_free_ char *text = str_printf("FDSTORE=1\nFDNAME=%s", name);

        return text ? notify_send(text, s->io.fd) : -ENOMEM;
}

/* Some time after a stream came: all that are still open and have their header are given to the manager. */
void streams_store(struct loop_timer *t)
{
        struct logd *d = t->data;

        t->when = USEC_INFINITY;
        for (struct stream *s = d->streams; s; s = s->next) {
                _cleanup_free_ char *name = NULL;

                if (s->stored || s->header_lines < 7)
                        continue;
                name = stream_name(s);
                if (name && store_one(s, name) >= 0)
                        s->stored = true;
        }
}
