/* rouse-exec --sockets SPEC…: makes sockets, FIFOs and their links for PID 1, which cannot do it itself (socket-child.c
 * says why and when). Standard output is a socket: for each SPEC goes a packet there, 0 and the descriptor (none for
 * a link), or -errno. A SPEC is one word on the command line; the path is its rest, whatever is in it.
 *
 *     socket FAMILY KIND PROTOCOL                    not yet bound
 *     unix KIND MODE DIRMODE UID GID PATH            bound to PATH; -1: the owner stays
 *     fifo KIND MODE DIRMODE UID GID PATH
 *     special WRITABLE PATH
 *     function LENGTH LENGTH DESCRIPTORSSTRINGSPATH  a USB function at PATH is told what is in two files; then its
 *                                                    endpoints, with the number of those beside the first
 *     autofs DIRMODE SECONDS GROUP LENGTH OPTIONSPATH an autofs at PATH: its root, then its pipe
 *     link DIRMODE LENGTH TARGETPATH                 LENGTH bytes of TARGET, then PATH */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "autofs.h"
#include "exec-main.h"
#include "lib/fileio.h"
#include "lib/wire.h"

static int make_socket(const char *spec)
{
        int family, kind, protocol, fd;

        if (sscanf(spec, "%d %d %d", &family, &kind, &protocol) != 3)
                return -EINVAL;
        fd = socket(family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
        return fd < 0 ? -errno : fd;
}

struct place {
        int kind, uid, gid;
        unsigned mode, directory_mode;
        const char *path;
};

static int read_place(const char *spec, struct place *ret)
{
        int at = 0;

        if (sscanf(spec, "%d %o %o %d %d %n", &ret->kind, &ret->mode, &ret->directory_mode, &ret->uid,
                    &ret->gid, &at) < 5 ||
                at == 0 || spec[at] != '/')
                return -EINVAL;
        ret->path = spec + at;
        (void)mkdir_parents(ret->path, ret->directory_mode);
        umask(~ret->mode & 0777);
        return 0;
}

static int own_place(const struct place *p)
{
        if (p->uid == -1 && p->gid == -1)
                return 0;
        return lchown(p->path, (uid_t)p->uid, (gid_t)p->gid) < 0 ? -errno : 0;
}

static int make_unix(const char *spec)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        struct place p;
        int r = read_place(spec, &p);

        if (r >= 0 && strlen(p.path) >= sizeof(a.sun_path))
                r = -ENAMETOOLONG;
        if (r < 0)
                return r;
        stpcpy(a.sun_path, p.path);
        fd = socket(AF_UNIX, p.kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
        if (r == -EADDRINUSE) {
                (void)unlink(p.path);
                r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
        }
        if (r >= 0)
                r = own_place(&p);
        return r < 0 ? r : TAKE_FD(fd);
}

static int make_fifo(const char *spec)
{
        _cleanup_close_ int fd = -1;
        struct place p;
        struct stat st;
        int r = read_place(spec, &p);

        if (r < 0)
                return r;
        if (mkfifo(p.path, p.mode) < 0 && errno != EEXIST)
                return -errno;
        fd = open(p.path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISFIFO(st.st_mode))
                return -EEXIST;
        (void)fchmod(fd, p.mode);
        r = own_place(&p);
        return r < 0 ? r : TAKE_FD(fd);
}

static int open_special(const char *spec)
{
        _cleanup_close_ int fd = -1;
        int writable, at = 0;
        struct stat st;

        if (sscanf(spec, "%d %n", &writable, &at) < 1 || at == 0 || spec[at] != '/')
                return -EINVAL;
        fd = open(spec + at, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) || S_ISCHR(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

static int make_link(const char *spec)
{
        _cleanup_free_ char *target = NULL;
        unsigned mode;
        size_t n;
        int at = 0;

        if (sscanf(spec, "%o %zu %n", &mode, &n, &at) < 2 || at == 0 || strlen(spec + at) <= n)
                return -EINVAL;
        target = strndup(spec + at, n);
        if (!target)
                return -ENOMEM;
        (void)mkdir_parents(spec + at + n, mode);
        return symlink_atomic(target, spec + at + n);
}

/* ---- USB functions (FunctionFS) ---- */

/* What a file has, to the control endpoint, in one write. */
static int tell_function(int ep0, const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = read_file(path, 64 * 1024, &text, &len);

        if (r < 0)
                return r;
        if (write(ep0, text, len) != (ssize_t)len)
                return -errno ?: -EIO;
        return 0;
}

static int open_endpoint(const char *dir, const char *name)
{
        _cleanup_free_ char *path = path_join(dir, name);
        int fd = path ? open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;

        return !path ? -ENOMEM : fd < 0 ? -errno : fd;
}

static int is_endpoint(const struct dirent *e)
{
        return startswith(e->d_name, "ep") && !streq(e->d_name, "ep0");
}

static int tell(int32_t answer, int fd);

/* The endpoints that the descriptors have brought, in order of their numbers. */
static int tell_endpoints(const char *dir, int ep0)
{
        struct dirent **list = NULL;
        int n = scandir(dir, &list, is_endpoint, versionsort), r = n < 0 ? -errno : tell(n, ep0);

        for (int i = 0; i < n; i++) {
                int fd = r < 0 ? r : open_endpoint(dir, list[i]->d_name);

                if (r >= 0)
                        r = tell(MIN(fd, 0), fd);
                close_fd(fd);
                free(list[i]);
        }
        free(list);
        return r;
}

static int make_function(const char *spec)
{
        _cleanup_free_ char *descriptors = NULL, *strings = NULL;
        _cleanup_close_ int ep0 = -1;
        const char *dir;
        size_t n, k;
        int r, at = 0;

        if (sscanf(spec, "%zu %zu %n", &n, &k, &at) < 2 || at == 0 || strlen(spec + at) <= n ||
                strlen(spec + at + n) <= k)
                return -EINVAL;
        descriptors = strndup(spec + at, n);
        strings = strndup(spec + at + n, k);
        if (!descriptors || !strings)
                return -ENOMEM;
        dir = spec + at + n + k;
        ep0 = open_endpoint(dir, "ep0");
        if (ep0 < 0)
                return ep0;
        r = tell_function(ep0, descriptors);
        if (r >= 0)
                r = tell_function(ep0, strings);
        if (r >= 0)
                r = tell_endpoints(dir, ep0);
        return r < 0 ? r : 1;
}

static int make_autofs(const char *spec)
{
        _cleanup_free_ char *options = NULL;
        _cleanup_close_ int root = -1, pipe = -1;
        struct autofs_plan p;
        unsigned mode;
        size_t n;
        int r, at = 0;

        if (sscanf(spec, "%o %lu %d %zu %n", &mode, &p.seconds, &p.group, &n, &at) < 4 || at == 0 ||
                strlen(spec + at) <= n)
                return -EINVAL;
        options = n > 0 ? strndup(spec + at, n) : NULL;
        if (n > 0 && !options)
                return -ENOMEM;
        p.directory_mode = mode;
        p.options = options;
        r = autofs_put_up(spec + at + n, &p, &root, &pipe);
        if (r < 0)
                return r;
        r = tell(0, root);
        if (r >= 0)
                r = tell(0, pipe);
        if (r < 0) /* nobody would answer those who go there */
                (void)autofs_take_down(spec + at + n);
        return r < 0 ? r : 1;
}

static const struct maker {
        const char *word;
        int (*make)(const char *spec);
        bool has_fd; /* returns it; what returns 1 instead has told all itself */
} makers[] = {
        { "socket ", make_socket, true },
        { "unix ", make_unix, true },
        { "fifo ", make_fifo, true },
        { "special ", open_special, true },
        { "function ", make_function, false },
        { "autofs ", make_autofs, false },
        { "link ", make_link, false },
};

static int tell(int32_t answer, int fd)
{
        _cleanup_wire_ struct wire_writer w = { 0 };
        int r = strbuf_add(&w.b, &answer, sizeof(answer));

        while (r >= 0 && (r = wire_send_bytes(STDOUT_FILENO, &w, fd)) == -EAGAIN) {
                struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

                r = poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
        }
        return r;
}

int helper_sockets(char *const specs[])
{
        FOREACH_STR (s, specs) {
                _cleanup_close_ int fd = -1;
                int r = -EINVAL;

                for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
                        const char *rest = startswith(*s, makers[i].word);

                        if (!rest)
                                continue;
                        r = makers[i].make(rest);
                        if (r >= 0 && makers[i].has_fd)
                                fd = r;
                }
                if ((fd >= 0 || r <= 0) && tell(MIN(r, 0), fd) < 0)
                        return 1;
        }
        return 0;
}
