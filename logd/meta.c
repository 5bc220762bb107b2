/* Who sent a message: unit and name of a process, read once and kept for as long as its pidfd says that it
 * lives. At most SENDERS_MAX of them; the one that was silent longest goes first. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "lib/fileio.h"
#include "lib/unitname.h"
#include "logd/logd.h"

#define SENDERS_MAX 256

/* A component's own name: cgroup names that could be taken for attributes begin with "_". */
static bool is_unit_name(const char *s, size_t n, char *buf)
{
        int t;

        if (n == 0 || n > UNIT_NAME_MAX)
                return false;
        if (*s == '_') {
                s++;
                n--;
        }
        memcpy(buf, s, n);
        buf[n] = 0;
        if (!endswith(buf, ".service") && !endswith(buf, ".scope") && !endswith(buf, ".socket") &&
                !endswith(buf, ".mount") && !endswith(buf, ".swap"))
                return false;
        t = unit_type_from_name(buf);
        return t >= 0 && unit_name_valid(buf, false);
}

/* The first component that is a unit other than a slice. */
char *unit_of_cgroup(const char *path)
{
        char buf[UNIT_NAME_MAX + 1];

        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if (is_unit_name(path, n, buf))
                        return strdup(buf);
                path += n;
        }
        return NULL;
}

static char *read_unit(uint32_t pid)
{
        _cleanup_free_ char *text = NULL;
        char path[40], *line;

        snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
        if (read_file(path, 64 * 1024, &text, NULL) < 0)
                return NULL;
        line = text;
        if (!startswith(line, "0::")) {
                line = strstr(text, "\n0::");
                line = line ? line + 1 : strstr(text, ":name=systemd:");
        }
        if (!line)
                return NULL;
        line[strcspn(line, "\n")] = 0;
        line = strchr(line, '/');
        return line ? unit_of_cgroup(line) : NULL;
}

static void unlink_sender(struct logd *d, struct sender *s)
{
        *(s->prev ? &s->prev->next : &d->first_sender) = s->next;
        *(s->next ? &s->next->prev : &d->last_sender) = s->prev;
        s->next = s->prev = NULL;
}

static void link_first(struct logd *d, struct sender *s)
{
        s->next = d->first_sender;
        if (s->next)
                s->next->prev = s;
        else
                d->last_sender = s;
        d->first_sender = s;
}

static void sender_free(struct sender *s)
{
        int fd = s->end.fd;

        loop_io_remove(s->d->loop, &s->end);
        close_fd(fd);
        hash_del(&s->d->senders, s->key);
        unlink_sender(s->d, s);
        free(s->unit);
        free(s);
}

static void sender_ended(struct loop_io *io, uint32_t revents)
{
        sender_free(io->data);
}

static struct sender *sender_new(struct logd *d, uint32_t pid)
{
        struct sender *s;
        char path[40];
        _cleanup_free_ char *comm = NULL;
        int fd = syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                return NULL; /* gone already */
        s = calloc(1, sizeof(*s));
        if (!s) {
                close_fd(fd);
                return NULL;
        }
        s->d = d;
        s->pid = pid;
        s->end = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 20, .cb = sender_ended, .data = s
        };
        snprintf(s->key, sizeof(s->key), "%u", pid);
        snprintf(path, sizeof(path), "/proc/%u/comm", pid);
        if (read_one_line(path, &comm) >= 0)
                snprintf(s->comm, sizeof(s->comm), "%s", comm);
        s->unit = read_unit(pid);
        if (hash_put(&d->senders, s->key, s) < 0 || loop_io_add(d->loop, &s->end) < 0) {
                hash_del(&d->senders, s->key);
                close_fd(fd);
                free(s->unit);
                free(s);
                return NULL;
        }
        link_first(d, s);
        if (d->senders.n > SENDERS_MAX)
                sender_free(d->last_sender);
        return s;
}

struct sender *sender_get(struct logd *d, uint32_t pid)
{
        struct sender *s;
        char key[12];

        if (pid == RING_NO_ID || pid == 0)
                return NULL;
        snprintf(key, sizeof(key), "%u", pid);
        s = hash_get(&d->senders, key);
        if (!s)
                return sender_new(d, pid);
        if (s != d->first_sender) {
                unlink_sender(d, s);
                link_first(d, s);
        }
        return s;
}

void senders_free(struct logd *d)
{
        while (d->first_sender)
                sender_free(d->first_sender);
        hash_done(&d->senders);
}

gid_t logd_group(void)
{
        _cleanup_free_ char *text = NULL;
        const char *names[] = { "\nsystemd-journal:", "\nadm:" };

        if (read_file("/etc/group", 0, &text, NULL) < 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *p = strstr(text, names[i]);
                unsigned gid;

                if (p && sscanf(p + strlen(names[i]), "%*[^:]:%u", &gid) == 1)
                        return gid;
        }
        return 0;
}
