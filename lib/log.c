/* Where messages go. A message below the level costs one comparison; nothing here allocates or blocks, so
 * that it may be called from any path, out of memory included. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "log.h"
#include "str.h"

#define LOG_LINE_LEN 4096
#define KMSG_MAX     900 /* the kernel refuses records near 1 KiB */

static struct {
        const char *name;
        enum log_target target;
        int max_level;
        int kmsg_fd, journal_fd;
        log_hook_t hook;
} log_state = {
        .name = "rouse", .target = LOG_TO_STDERR, .max_level = LOG_INFO, .kmsg_fd = -1, .journal_fd = -1
};

void log_open(const char *name, enum log_target target)
{
        log_state.name = name;
        log_state.target = target;
}

void log_forget_descriptors(void)
{
        log_state.kmsg_fd = log_state.journal_fd = -1;
}

void log_set_max_level(int level)
{
        log_state.max_level = level;
}

int log_get_max_level(void)
{
        return log_state.max_level;
}

void log_set_hook(log_hook_t hook)
{
        log_state.hook = hook;
}

static const char *const level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info",
        "debug" };

int log_level_from_string(const char *s)
{
        uint32_t n;

        for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
                if (streq(s, level_names[i]))
                        return (int)i;
        if (parse_u32(s, &n) >= 0 && n < ARRAY_SIZE(level_names))
                return (int)n;
        return -EINVAL;
}

const char *log_level_to_string(int level)
{
        return level >= 0 && level < (int)ARRAY_SIZE(level_names) ? level_names[level] : NULL;
}

static int to_stderr(const char *text)
{
        struct iovec iov[] = {
                { (char *)log_state.name, strlen(log_state.name) },
                { (char *)": ", 2 },
                { (char *)text, strlen(text) },
                { (char *)"\n", 1 },
        };

        return writev(STDERR_FILENO, iov, ARRAY_SIZE(iov)) < 0 ? -errno : 0;
}

static int to_kmsg(int level, const char *text)
{
        char line[KMSG_MAX];
        int n;

        if (log_state.kmsg_fd < 0) {
                log_state.kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                if (log_state.kmsg_fd < 0)
                        return -errno;
        }
        /* the kernel holds back a record that has no newline until the next one comes */
        n = snprintf(line, sizeof(line) - 1, "<%d>%s[%d]: %s", LOG_DAEMON | level, log_state.name,
                (int)getpid(), text);
        n = MIN(n, (int)sizeof(line) - 2);
        line[n++] = '\n';
        return write(log_state.kmsg_fd, line, (size_t)n) < 0 ? -errno : 0;
}

/* One field of the journal's native protocol: KEY=value, or with a length when the value has a newline. */
struct journal_field {
        char key[24];
        uint64_t len;
};

static size_t add_field(struct iovec *iov, struct journal_field *f, const char *key, const char *value)
{
        size_t len = strlen(value), n = 0;
        bool binary = memchr(value, '\n', len);

        snprintf(f->key, sizeof(f->key), "%s%c", key, binary ? '\n' : '=');
        f->len = len; /* little endian, as on all machines that we are built for */
        iov[n++] = (struct iovec) { f->key, strlen(f->key) };
        if (binary)
                iov[n++] = (struct iovec) { &f->len, sizeof(f->len) };
        iov[n++] = (struct iovec) { (char *)value, len };
        iov[n++] = (struct iovec) { (char *)"\n", 1 };
        return n;
}

static int to_journal(int level, const char *unit, const char *text)
{
        static const struct sockaddr_un journal = { AF_UNIX, "/run/systemd/journal/socket" };
        char priority[] = { (char)('0' + level), '\0' };
        struct journal_field fields[5];
        struct iovec iov[4 * ARRAY_SIZE(fields)];
        struct msghdr mh = { .msg_name = (void *)&journal, .msg_namelen = sizeof(journal), .msg_iov = iov };

        if (log_state.journal_fd < 0) {
                log_state.journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (log_state.journal_fd < 0)
                        return -errno;
        }
        mh.msg_iovlen += add_field(iov + mh.msg_iovlen, &fields[0], "PRIORITY", priority);
        mh.msg_iovlen += add_field(iov + mh.msg_iovlen, &fields[1], "SYSLOG_FACILITY", "3");
        mh.msg_iovlen += add_field(iov + mh.msg_iovlen, &fields[2], "SYSLOG_IDENTIFIER", log_state.name);
        if (unit)
                mh.msg_iovlen += add_field(iov + mh.msg_iovlen, &fields[3], "UNIT", unit);
        mh.msg_iovlen += add_field(iov + mh.msg_iovlen, &fields[4], "MESSAGE", text);
        return sendmsg(log_state.journal_fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void put(int level, const char *unit, const char *file, int line, const char *text)
{
        switch (log_state.target) {
        case LOG_TO_NULL: return;
        case LOG_TO_HOOK:
                if (log_state.hook) {
                        log_state.hook(level, unit, file, line, text);
                        return;
                }
                break;
        case LOG_TO_JOURNAL:
                if (to_journal(level, unit, text) >= 0)
                        return;
                break;
        case LOG_TO_STDERR: (void)to_stderr(text); return;
        case LOG_TO_KMSG: break;
        }
        if (to_kmsg(level, text) < 0)
                (void)to_stderr(text);
}

static void finish(char *text, size_t size, size_t at, int err, const char *fmt, va_list ap)
{
        size_t n;

        errno = err < 0 ? -err : err;
        if (at >= size || vsnprintf(text + at, size - at, fmt, ap) < 0)
                return;
        n = strlen(text);
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
}

int log_full(int level, int err, const char *unit, const char *fmt, ...)
{
        char text[LOG_LINE_LEN];
        int saved = errno;
        va_list ap;

        level = LOG_PRI(level);
        if (level > log_state.max_level)
                return err;
        text[0] = '\0';
        va_start(ap, fmt);
        finish(text, sizeof(text), 0, err, fmt, ap);
        va_end(ap);
        put(level, unit, NULL, 0, text);
        errno = saved;
        return err;
}

int log_file(const char *path, unsigned line, int level, const char *fmt, ...)
{
        char text[LOG_LINE_LEN];
        int saved = errno, n;
        va_list ap;

        level = LOG_PRI(level);
        if (level > log_state.max_level)
                return 0;
        if (line > 0)
                n = snprintf(text, sizeof(text), "%s:%u: ", path, line);
        else
                n = snprintf(text, sizeof(text), "%s: ", path);
        va_start(ap, fmt);
        finish(text, sizeof(text), n < 0 ? 0 : (size_t)n, 0, fmt, ap);
        va_end(ap);
        put(level, NULL, path, (int)line, text);
        errno = saved;
        return 0;
}
