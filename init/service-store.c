/* The fd store of a service: descriptors that sd_notify(3) messages with FDSTORE=1 leave with PID 1, for its next run. */
#include <linux/kcmp.h>
#include <sys/syscall.h>

#include "manager.h"
#include "service.h"

static void stored_free(struct stored_fd *f)
{
        if (f->io.fd >= 0)
                loop_io_remove(f->service->unit.manager->loop, &f->io);
        close_fd(f->fd);
        free(f->name);
        free(f);
}

/* Those for which goes() holds leave. */
static void store_filter(
        struct service *s, bool (*goes)(const struct stored_fd *f, const void *what), const void *what)
{
        struct stored_fd **at = &s->store;

        while (*at) {
                struct stored_fd *f = *at;

                if (!goes(f, what)) {
                        at = &f->next;
                        continue;
                }
                *at = f->next;
                s->n_store--;
                stored_free(f);
        }
        state_touch(&s->unit);
}

static bool has_name(const struct stored_fd *f, const void *name)
{
        return streq(f->name, name);
}

void service_store_remove(struct service *s, const char *name)
{
        store_filter(s, has_name, name);
}

static bool any(const struct stored_fd *f, const void *what)
{
        return true;
}

void service_store_drop(struct service *s)
{
        if (s->store)
                store_filter(s, any, NULL);
}

static bool is_this(const struct stored_fd *f, const void *what)
{
        return f == what;
}

static void hung_up(struct loop_io *io, uint32_t revents)
{
        struct stored_fd *f = io->data;

        log_unit(f->service->unit.id, LOG_DEBUG, "Stored file descriptor %s: %s; taken out", f->name,
                revents & EPOLLERR ? "error" : "hangup");
        store_filter(f->service, is_this, f);
}

/* Names go to the service as a list with colons. */
static bool name_is_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > 255)
                return false;
        for (const char *c = name; *c; c++)
                if (*c < ' ' || *c > '~' || *c == ':')
                        return false;
        return true;
}

static bool same_file(int a, int b)
{
        pid_t self = getpid();

        return syscall(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0;
}

int service_store_add(struct service *s, int fd, const char *name, bool polled)
{
        struct stored_fd *f, **at = &s->store;
        int r;

        if (s->n_store >= s->fd_store_max)
                return -ENFILE;
        for (; *at; at = &(*at)->next)
                if (same_file((*at)->fd, fd))
                        return -EEXIST;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        *f = (struct stored_fd) { .service = s,
                .fd = fd,
                .name = strdup(name && name_is_valid(name) ? name : "stored"),
                .polled = polled,
                .io = { .fd = -1 } };
        if (!f->name) {
                free(f);
                return -ENOMEM;
        }
        if (polled) { /* EPOLLHUP and EPOLLERR are told in any case */
                f->io = (struct loop_io) { .fd = fd, .cb = hung_up, .data = f };
                r = loop_io_add(s->unit.manager->loop, &f->io);
                if (r < 0)
                        f->io.fd = -1;
                if (r < 0 && r != -EPERM) { /* -EPERM: a regular file, say */
                        free(f->name);
                        free(f);
                        return r;
                }
        }
        *at = f;
        s->n_store++;
        state_touch(&s->unit);
        return 0;
}
