/* Notification sockets, one a unit (decisions 10): the socket says whose message it is even when the sender has gone
 * already; credentials only decide NotifyAccess=. The path is in the file system, as all sd_notify clients expect. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "manager.h"

#define NOTIFY_DIR ROUSE_RUNDIR "/notify"
#define NOTIFY_MAX 4096
#define NOTIFY_FDS 253

static void read_control(struct msghdr *mh, struct ucred *cred, bool *ret_cred, int *fds, size_t *n_fds)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        continue;
                if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(*cred))) {
                        memcpy(cred, CMSG_DATA(c), sizeof(*cred));
                        *ret_cred = true;
                } else if (c->cmsg_type == SCM_RIGHTS) {
                        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                        for (size_t i = 0; i < n; i++) {
                                int fd;

                                memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                                if (*n_fds < NOTIFY_FDS)
                                        fds[(*n_fds)++] = fd;
                                else
                                        close(fd);
                        }
                }
        }
}

void notify_take(struct unit *u, char *text, size_t n, const struct ucred *cred, int *fds, size_t n_fds)
{
        _cleanup_strv_ char **fields = NULL;

        text[n] = '\0';
        if (!cred || memchr(text, 0, n) || !(fields = strv_split(text, "\n")) ||
                !unit_ops(u)->notify_message) {
                log_unit(u->id, LOG_WARNING, "Notification that is malformed or too long; ignored");
                for (size_t i = 0; i < n_fds; i++)
                        close(fds[i]);
                return;
        }
        unit_ops(u)->notify_message(u, cred->pid, cred->uid, fields, fds, n_fds);
}

static int receive_one(struct unit *u, int fd)
{
        char buf[NOTIFY_MAX + 1];
        union {
                char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * NOTIFY_FDS)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { buf, NOTIFY_MAX };
        struct msghdr mh = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        struct ucred cred = { 0 };
        bool have_cred = false;
        int fds[NOTIFY_FDS];
        size_t n_fds = 0;
        ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return -errno;
        read_control(&mh, &cred, &have_cred, fds, &n_fds);
        notify_take(u, buf, (size_t)n, have_cred && !(mh.msg_flags & MSG_TRUNC) ? &cred : NULL, fds, n_fds);
        return 0;
}

static void on_readable(struct loop_io *io, uint32_t revents)
{
        struct unit *u = io->data;

        /* a bound: others want their turn too, and level-triggered epoll comes back */
        for (int i = 0; i < 16 && io->fd >= 0; i++)
                if (receive_one(u, io->fd) < 0)
                        return;
}

int notify_open(struct unit *u, struct loop_io *io, char **ret_path)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *path = NULL;
        int one = 1, r;

        path = str_printf(NOTIFY_DIR "/%.80s", u->id);
        if (!path)
                return -ENOMEM;
        if (strlen(u->id) > 80) { /* sun_path is short: a hash keeps long names apart */
                free(path);
                path = str_printf(NOTIFY_DIR "/%.60s-%08x", u->id, hash_string(u->id));
                if (!path)
                        return -ENOMEM;
        }
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        strncpy(sa.sun_path, path, sizeof(sa.sun_path) - 1);
        (void)unlink(path);
        r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
        if (r < 0 && errno == ENOENT) {
                (void)mkdir_p(NOTIFY_DIR, 0755);
                r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
        }
        if (r < 0)
                return -errno;
        (void)chmod(path, 0777);
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
                return -errno;
        *io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .priority = -5, .cb = on_readable, .data = u };
        r = loop_io_add(u->manager->loop, io);
        if (r < 0) {
                io->fd = -1;
                return r;
        }
        fd = -1;
        *ret_path = TAKE_PTR(path);
        return 0;
}

int notify_adopt(struct unit *u, struct loop_io *io, int fd)
{
        int r;

        if (fd < 0)
                return -EBADF;
        *io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .priority = -5, .cb = on_readable, .data = u };
        r = loop_io_add(u->manager->loop, io);
        if (r < 0)
                io->fd = -1;
        return r;
}

void notify_close(struct unit *u, struct loop_io *io, char **path)
{
        int fd = io->fd;

        if (fd >= 0) {
                loop_io_remove(u->manager->loop, io);
                close_fd(fd);
                io->fd = -1;
        }
        if (*path)
                (void)unlink(*path);
        free(*path);
        *path = NULL;
}
