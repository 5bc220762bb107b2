/* The early helper: one process for the small jobs of early boot (lib/early.h). It is started with the first step and
 * goes when its socket is closed, once the boot has finished. A helper that dies fails the steps that it had. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>

#include "lib/early.h"
#include "lib/paths.h"
#include "lib/wire.h"
#include "manager.h"

extern char **environ;

struct step {
        uint32_t id;
        struct unit *u;
        void (*done)(struct unit *u, int status, const char *message);
        struct step *next;
};
struct early {
        struct manager *m;
        struct loop_io io;
        struct step *steps;
        uint32_t next_id;
};

static void early_close(struct early *e)
{
        int fd = e->io.fd;

        if (fd < 0)
                return;
        loop_io_remove(e->m->loop, &e->io);
        close_fd(fd);
        e->io.fd = -1;
}

static void finish(struct early *e, uint32_t id, int status, const char *message)
{
        for (struct step **s = &e->steps; *s; s = &(*s)->next)
                if ((*s)->id == id) {
                        struct step *gone = *s;

                        *s = gone->next;
                        if (gone->u)
                                gone->done(gone->u, status, message);
                        free(gone);
                        return;
                }
}

static void on_message(struct loop_io *io, uint32_t revents)
{
        struct early *e = io->data;
        static uint8_t buf[WIRE_MAX];

        for (;;) {
                struct wire_reader r;
                int k = wire_recv(io->fd, buf, sizeof(buf), &r, NULL);
                uint32_t status;
                const char *text;

                if (k == -EAGAIN)
                        return;
                if (k <= 0) {
                        early_close(e);
                        while (e->steps)
                                finish(e, e->steps->id, 1, "the early helper ended");
                        return;
                }
                status = wire_get_u32(&r);
                text = wire_get_str(&r);
                if (r.h.type == EARLY_DONE && wire_end(&r) >= 0)
                        finish(e, r.h.id, (int)status, text);
                if (io->fd < 0)
                        return;
        }
}

static int early_spawn(struct early *e)
{
        char *argv[] = { (char *)ROUSE_EARLY, (char *)"--serve", NULL };
        posix_spawn_file_actions_t fa;
        posix_spawnattr_t attr;
        sigset_t none;
        int sv[2], r;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
                return -errno;
        sigemptyset(&none);
        posix_spawn_file_actions_init(&fa);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        posix_spawn_file_actions_adddup2(&fa, sv[1], 3);
        if (sv[1] == 3) /* dup2 on itself would keep CLOEXEC off only since glibc 2.29; be plain about it */
                (void)fcntl(sv[1], F_SETFD, 0);
        r = posix_spawn(&pid, ROUSE_EARLY, &fa, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&fa);
        posix_spawnattr_destroy(&attr);
        close(sv[1]);
        if (r != 0) {
                close(sv[0]);
                return -r;
        }
        e->m->n_spawned++;
        (void)fcntl(sv[0], F_SETFL, O_RDWR | O_NONBLOCK);
        e->io = (struct loop_io) { .fd = sv[0], .events = EPOLLIN, .cb = on_message, .data = e };
        r = loop_io_add(e->m->loop, &e->io);
        if (r < 0) {
                close(sv[0]);
                e->io.fd = -1;
        }
        return r;
}

int early_run(struct manager *m, const char *step,
        void (*done)(struct unit *u, int status, const char *message), struct unit *u)
{
        _cleanup_wire_ struct wire_writer w = { 0 };
        struct early *e = m->early;
        struct step *s;
        int r;

        if (!e) {
                e = calloc(1, sizeof(*e));
                if (!e)
                        return -ENOMEM;
                e->m = m;
                e->io.fd = -1;
                m->early = e;
        }
        if (e->io.fd < 0) {
                r = early_spawn(e);
                if (r < 0)
                        return r;
        }
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (struct step) { .id = ++e->next_id, .u = u, .done = done, .next = e->steps };
        wire_begin(&w, EARLY_RUN, s->id);
        wire_str(&w, step);
        wire_u32(&w, 0);
        r = wire_send(e->io.fd, &w, -1);
        if (r < 0) {
                free(s);
                return r;
        }
        e->steps = s;
        return 0;
}

void early_forget(struct manager *m, struct unit *u)
{
        struct early *e = m->early;

        for (struct step *s = e ? e->steps : NULL; s; s = s->next)
                if (s->u == u)
                        s->u = NULL;
}

void early_finish(struct manager *m)
{
        if (m->early && !((struct early *)m->early)->steps)
                early_close(m->early);
}
