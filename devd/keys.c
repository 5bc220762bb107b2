/* Power keys: see keys.h. */
#include "keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "lib/devlink.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "pid1.h"

struct switch_device {
        struct devd *m;
        struct loop_io io;
        char *id;
        struct switch_device *next;
};

struct keys {
        struct switch_device *list;
};

static const struct {
        uint16_t code;
        const char *name;
} known[] = {
        { KEY_POWER, "power" },
        { KEY_POWER2, "power" },
        { KEY_RESTART, "reboot" },
        { KEY_SLEEP, "sleep" },
        { KEY_SUSPEND, "sleep" },
};

static void close_device(struct switch_device *s)
{
        int fd = s->io.fd;

        for (struct switch_device **i = &s->m->keys->list; *i; i = &(*i)->next)
                if (*i == s) {
                        *i = s->next;
                        break;
                }
        loop_io_remove(s->m->loop, &s->io);
        close_fd(fd);
        free(s->id);
        free(s);
}

static void on_input(struct loop_io *io, uint32_t revents)
{
        struct switch_device *s = io->data;
        struct input_event e[16];
        ssize_t n = read(io->fd, e, sizeof(e));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                close_device(s);
                return;
        }
        for (size_t i = 0; i < (size_t)n / sizeof(e[0]); i++) {
                if (e[i].type != EV_KEY || e[i].value != 1)
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(known); k++)
                        if (known[k].code == e[i].code) {
                                struct wire_writer w = {};

                                log_info("Key \"%s\" was pressed", known[k].name);
                                wire_begin(&w, DL_KEY, 0);
                                wire_str(&w, known[k].name);
                                pid1_send(s->m, &w);
                        }
        }
}

/* Only the keys of the table wake us: a keyboard may carry the tag too. */
static void mask_others(int fd)
{
        uint8_t bits[KEY_CNT / 8 + 1] = {};
        struct input_mask mask = {
                .type = EV_KEY, .codes_size = sizeof(bits), .codes_ptr = (uintptr_t)bits
        };

        for (size_t k = 0; k < ARRAY_SIZE(known); k++)
                bits[known[k].code / 8] |= (uint8_t)(1 << known[k].code % 8);
        (void)ioctl(fd, EVIOCSMASK, &mask);
}

static void open_device(struct devd *m, const struct device *d)
{
        struct switch_device *s;
        char path[PATH_MAX];

        if (real_dev_path(d->devnode, path) < 0)
                return;
        s = calloc(1, sizeof(*s));
        if (!s)
                return;
        s->m = m;
        s->id = strdup(d->id);
        s->io = (struct loop_io) { .events = EPOLLIN, .cb = on_input, .data = s };
        s->io.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (!s->id || s->io.fd < 0 || loop_io_add(m->loop, &s->io) < 0) {
                log_warning_errno(-errno, "%s: power key is not heard: %m", d->devnode);
                close_fd(s->io.fd);
                free(s->id);
                free(s);
                return;
        }
        mask_others(s->io.fd);
        s->next = m->keys->list;
        m->keys->list = s;
}

void keys_event(struct devd *m, const struct device *d)
{
        struct switch_device *have = NULL;
        bool wanted;

        if (!m->keys || !d->id || !d->devnode || !streq_null(d->subsystem, "input"))
                return;
        for (struct switch_device *s = m->keys->list; s; s = s->next)
                if (streq(s->id, d->id))
                        have = s;
        wanted = !streq(d->action, "remove") && device_has_tag(d, "power-switch");
        if (have && !wanted)
                close_device(have);
        else if (!have && wanted)
                open_device(m, d);
}

void keys_open_known(struct devd *m)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/tags/power-switch", root_run());
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                _cleanup_device_ struct device *d = NULL;

                if (e->d_name[0] != '.' && device_from_id(e->d_name, &d) >= 0 && db_read(d) >= 0) {
                        (void)str_replace(&d->action, "add");
                        keys_event(m, d);
                }
        }
}

int keys_new(struct devd *m)
{
        m->keys = calloc(1, sizeof(*m->keys));
        return m->keys ? 0 : -ENOMEM;
}

void keys_free(struct devd *m)
{
        if (!m->keys)
                return;
        while (m->keys->list)
                close_device(m->keys->list);
        free(m->keys);
        m->keys = NULL;
}
