/* Questions on the consoles: see ask.h. */

#include <fcntl.h>
#include <stdio.h>
#include "initramfs/initrd/ask.h"
#include "lib/fileio.h"
#include "lib/str.h"

static void write_to(const struct ask_console *c, const char *text)
{
        (void)write_all(c->io.fd, text, strlen(text));
}

void ask_end(struct ask *a)
{
        for (unsigned i = 0; i < a->n; i++) {
                struct ask_console *c = &a->console[i];
                int fd = c->io.fd;

                write_to(c, "\r\n");
                tcsetattr(fd, TCSAFLUSH, &c->before);
                loop_io_remove(a->loop, &c->io);
                close(fd);
                explicit_bzero(c->text, sizeof c->text);
        }
        a->n = 0;
}

static void on_input(struct loop_io *io, uint32_t revents)
{
        struct ask_console *c = io->data;
        struct ask *a = c->ask;
        char text[ASK_MAX];
        ssize_t n = read(io->fd, c->text + c->len, sizeof c->text - c->len);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                loop_io_remove(a->loop, io); /* hung up; the other consoles are still there */
                return;
        }
        c->len += n;
        char *end = memchr(c->text, '\n', c->len);
        if (!end && c->len < sizeof c->text)
                return;
        size_t len = end ? (size_t)(end - c->text) : c->len;
        memcpy(text, c->text, len);
        ask_end(a);
        a->answered(a, text, len);
        explicit_bzero(text, sizeof text);
}

static int open_console(struct ask *a, const char *name, const char *question)
{
        struct ask_console *c = &a->console[a->n];
        struct termios t;
        char path[64];

        snprintf(path, sizeof path, "/dev/%s", name);
        int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (tcgetattr(fd, &c->before) < 0) {
                close(fd);
                return -ENOTTY;
        }
        t = c->before;
        t.c_lflag = (t.c_lflag | ICANON) & ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
        t.c_iflag |= ICRNL;
        t.c_oflag |= OPOST | ONLCR;
        tcsetattr(fd, TCSAFLUSH, &t);
        c->len = 0;
        c->ask = a;
        c->io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_input, .data = c };
        int r = loop_io_add(a->loop, &c->io);
        if (r < 0) {
                close(fd);
                return r;
        }
        a->n++;
        write_to(c, question);
        return 0;
}

int ask_start(struct ask *a, const char *question)
{
        _cleanup_free_ char *list = NULL;
        int r = read_one_line("/sys/class/tty/console/active", &list);
        _cleanup_strv_ char **names = r >= 0 ? strv_split(list, " ") : NULL;

        a->n = 0;
        FOREACH_STR (n, names)
                if (a->n < ASK_CONSOLES)
                        (void)open_console(a, *n, question);
        return a->n > 0 ? 0 : -ENOTTY;
}
