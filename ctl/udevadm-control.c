/* udevadm control, settle: what concerns the daemon's queue, by /run/udev/control and /run/udev/queue. */
#include "udevadm.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "devd/control.h"

#define CONTROL_PATH "/run/udev/control"
#define QUEUE_PATH   "/run/udev/queue"

int udev_remaining_ms(usec_t until)
{
        usec_t left;

        if (until == USEC_INFINITY)
                return -1;
        left = until - now_monotonic();
        return left <= 0 ? 0 : (int)MIN((left + 999) / 1000, (usec_t)INT_MAX);
}

static int send_message(int fd, enum control_type type, int value, const char *text)
{
        struct control_message m = { .magic = CONTROL_MAGIC, .type = type };

        snprintf(m.version, sizeof(m.version), "252");
        if (text)
                snprintf(m.s, sizeof(m.s), "%s", text);
        else
                m.i = value;
        return send(fd, &m, sizeof(m), MSG_NOSIGNAL) == (ssize_t)sizeof(m) ? 0 : -errno;
}

int udev_control(int type, int value, const char *text, usec_t timeout)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = CONTROL_PATH };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        usec_t until = usec_add(now_monotonic(), timeout);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buf[16];
        int r;

        if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        r = send_message(fd, (enum control_type)type, value, text);
        if (r >= 0)
                r = send_message(fd, CONTROL_END, 0, NULL);
        if (r < 0)
                return r;
        for (;;) { /* there is no answer but the end of the connection */
                ssize_t n;

                r = poll(&p, 1, udev_remaining_ms(until));
                if (r == 0)
                        return -ETIMEDOUT;
                if (r < 0 && errno != EINTR)
                        return -errno;
                n = r > 0 ? recv(fd, buf, sizeof(buf), MSG_DONTWAIT) : -1;
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return 0;
        }
}

/* ---- settle ---- */

int udev_settle(usec_t timeout, const char *exit_if_exists)
{
        usec_t until = usec_add(now_monotonic(), timeout);
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        int r;

        if (fd < 0)
                return -errno;
        (void)inotify_add_watch(fd, "/run/udev", IN_DELETE);
        /* every event that was there before the ping has been read when it is answered */
        r = geteuid() == 0 ? udev_control(CONTROL_PING, 0, NULL, MAX(timeout, USEC_PER_SEC)) : 0;
        if (r == -ETIMEDOUT)
                return r;
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                char buf[4096];

                if (exit_if_exists && access(exit_if_exists, F_OK) == 0)
                        return 0;
                if (access(QUEUE_PATH, F_OK) < 0)
                        return 0;
                /* a file that ends the wait may be anywhere: looked for once in a while */
                r = poll(&p, 1,
                        exit_if_exists ? MIN((unsigned)udev_remaining_ms(until), 100u)
                                       : (unsigned)udev_remaining_ms(until));
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (until != USEC_INFINITY && now_monotonic() >= until)
                        return access(QUEUE_PATH, F_OK) < 0 ? 0 : -ETIMEDOUT;
                while (read(fd, buf, sizeof(buf)) > 0)
                        ;
        }
}

int udevadm_settle(int argc, char **argv)
{
        static const struct option options[] = { { "timeout", 1, NULL, 't' },
                { "exit-if-exists", 1, NULL, 'E' }, { "seq-start", 1, NULL, 's' },
                { "seq-end", 1, NULL, 'e' }, { "quiet", 0, NULL, 'q' }, { 0 } };
        const char *file = NULL;
        usec_t timeout = UDEV_TIMEOUT;
        int c, r;

        optind = 0;
        while ((c = getopt_long(argc, argv, "t:E:s:e:q", options, NULL)) >= 0)
                switch (c) {
                case 't':
                        if (parse_timespan(optarg, USEC_PER_SEC, &timeout) < 0) {
                                fprintf(stderr, "Failed to parse timeout value '%s'\n", optarg);
                                return 1;
                        }
                        break;
                case 'E': file = optarg; break;
                case 's':
                case 'e':
                case 'q': break;
                default: return 1;
                }
        r = udev_settle(timeout, file);
        if (r == -ETIMEDOUT && timeout > 0)
                fprintf(stderr, "Timed out for waiting the udev queue being empty.\n");
        else if (r < 0 && r != -ETIMEDOUT)
                fprintf(stderr, "Failed to wait for the queue: %s\n", strerror(-r));
        return r < 0;
}

/* ---- control ---- */

static int control_option(int c, const char *arg, usec_t timeout)
{
        int v;

        switch (c) {
        case 'e': return udev_control(CONTROL_EXIT, 0, NULL, timeout);
        case 'l':
                v = log_level_from_string(arg);
                return v < 0 ? v : udev_control(CONTROL_LOG_LEVEL, v, NULL, timeout);
        case 's': return udev_control(CONTROL_STOP, 0, NULL, timeout);
        case 'S': return udev_control(CONTROL_START, 0, NULL, timeout);
        case 'R': return udev_control(CONTROL_RELOAD, 0, NULL, timeout);
        case 'p': return strchr(arg, '=') ? udev_control(CONTROL_SET_ENV, 0, arg, timeout) : -EINVAL;
        case 'm':
                return parse_int(arg, &v) < 0 ? -EINVAL
                                              : udev_control(CONTROL_CHILDREN_MAX, v, NULL, timeout);
        case 'P': return udev_control(CONTROL_PING, 0, NULL, timeout);
        default: return -EINVAL;
        }
}

int udevadm_control(int argc, char **argv)
{
        static const struct option options[] = { { "exit", 0, NULL, 'e' }, { "log-level", 1, NULL, 'l' },
                { "log-priority", 1, NULL, 'l' }, { "stop-exec-queue", 0, NULL, 's' },
                { "start-exec-queue", 0, NULL, 'S' }, { "reload", 0, NULL, 'R' },
                { "reload-rules", 0, NULL, 'R' }, { "property", 1, NULL, 'p' }, { "env", 1, NULL, 'p' },
                { "children-max", 1, NULL, 'm' }, { "ping", 0, NULL, 'P' }, { "timeout", 1, NULL, 't' },
                { 0 } };
        usec_t timeout = 60 * USEC_PER_SEC;
        int c, n = 0, r;

        if (geteuid() != 0) {
                fprintf(stderr, "This command requires root privileges.\n");
                return 1;
        }
        optind = 0;
        while ((c = getopt_long(argc, argv, "el:sSRp:m:t:", options, NULL)) >= 0)
                if (c == '?' || (c == 't' && parse_timespan(optarg, USEC_PER_SEC, &timeout) < 0))
                        return 1;
        optind = 0;
        while ((c = getopt_long(argc, argv, "el:sSRp:m:t:", options, NULL)) >= 0) {
                if (c == 't')
                        continue;
                n++;
                r = control_option(c, optarg, timeout);
                if (r < 0) {
                        fprintf(stderr, "Failed to send request to the device daemon: %s\n", strerror(-r));
                        return r == -ENOENT || r == -ECONNREFUSED ? 2 : 1;
                }
        }
        if (n == 0) {
                fprintf(stderr, "A control command option is required.\n");
                return 1;
        }
        return 0;
}
