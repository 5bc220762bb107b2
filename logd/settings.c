/* What a unit's file says of its log: LogLevelMax=, LogRateLimit…=, LogExtraFields=. PID 1 writes them to a file by
 * the unit's name before it starts a process of the unit (init/exec-log.c); an inotify watch tells of it, and is
 * looked at before any socket. A unit without such a file has the defaults.
 *
 *     LEVEL INTERVAL BURST LF     the highest level (0 … 7), microseconds, messages; "-": the default
 *     fields                      as in a native datagram (parse-native.c) */
#include <stdio.h>
#include <sys/inotify.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "lib/unitname.h"
#include "logd/logd.h"

#define SETTINGS_MAX (64u * 1024)

static void unit_log_free(struct unit_log *l)
{
        free(l->unit);
        free(l->fields);
        free(l);
}

/* One word of the first line. */
static int setting(const char **s, uint64_t otherwise, uint64_t max, uint64_t *ret)
{
        char word[24];
        size_t n = strcspn(*s, " \n");
        int r = 0;

        if (n == 0 || n >= sizeof(word))
                return -EINVAL;
        memcpy(word, *s, n);
        word[n] = 0;
        *s += n + ((*s)[n] == ' ');
        *ret = otherwise;
        if (!streq(word, "-"))
                r = parse_u64(word, ret);
        return r < 0 ? r : *ret > max ? -ERANGE : 0;
}

int unit_log_parse(struct unit_log *l, const struct logd_config *config, const char *text, size_t len)
{
        const char *nl = memchr(text, '\n', len), *s = text;
        uint64_t level, interval, burst;
        char *fields;

        if (!nl || setting(&s, 7, 7, &level) < 0 ||
                setting(&s, (uint64_t)config->rate_interval, INT64_MAX, &interval) < 0 ||
                setting(&s, config->rate_burst, UINT32_MAX, &burst) < 0 || s != nl)
                return -EBADMSG;
        len -= (size_t)(nl + 1 - text);
        fields = len ? malloc(len) : NULL;
        if (len && !fields)
                return -ENOMEM;
        if (len)
                memcpy(fields, nl + 1, len);
        free(l->fields);
        l->fields = fields;
        l->fields_len = len;
        l->level_max = (int)level;
        l->rate_interval = (usec_t)interval;
        l->rate_burst = (uint32_t)burst;
        return 0;
}

static void read_settings(struct logd *d, struct unit_log *l)
{
        _cleanup_free_ char *path = str_printf("%s" RUN_LOG_SETTINGS "/%s", d->root, l->unit), *text = NULL;
        size_t len;
        int r;

        free(l->fields);
        l->fields = NULL;
        l->fields_len = 0;
        l->level_max = 7;
        l->rate_interval = d->config.rate_interval;
        l->rate_burst = d->config.rate_burst;
        r = path ? read_file(path, SETTINGS_MAX, &text, &len) : -ENOMEM;
        if (r >= 0)
                r = unit_log_parse(l, &d->config, text, len);
        if (r < 0 && r != -ENOENT)
                logd_say(d, LOG_WARNING, "the settings of %s's log are not read: %s", l->unit, strerror(-r));
}

struct unit_log *unit_log_get(struct logd *d, struct span name)
{
        char unit[UNIT_NAME_MAX + 1];
        struct unit_log *l;

        if (!name.n || name.n >= sizeof(unit) || memchr(name.p, '/', name.n))
                return NULL;
        memcpy(unit, name.p, name.n);
        unit[name.n] = 0;
        l = hash_get(&d->units, unit);
        if (l)
                return l;
        if (d->units.n >= UNITS_MAX) /* after this turn there is room */
                return NULL;
        l = calloc(1, sizeof(*l));
        if (!l || !(l->unit = strdup(unit)) || hash_put(&d->units, l->unit, l) < 0) {
                if (l)
                        unit_log_free(l);
                return NULL;
        }
        read_settings(d, l);
        return l;
}

void unit_log_add_fields(const struct unit_log *l, struct record *r)
{
        struct record said;

        if (!l->fields_len)
                return;
        record_init(&said, TRANSPORT_NATIVE);
        (void)native_parse(l->fields, l->fields_len, false, &said);
        for (unsigned i = 0; i < said.n_fields && r->n_fields < FIELDS_MAX; i++)
                r->fields[r->n_fields++] = said.fields[i];
}

static void settings_changed(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;
        union {
                char buf[4096];
                struct inotify_event align;
        } u;
        ssize_t n;

        while ((n = read(io->fd, &u, sizeof(u))) > 0)
                for (char *p = u.buf; p < u.buf + n;) {
                        const struct inotify_event *e = (const void *)p;
                        struct unit_log *l = e->len ? hash_get(&d->units, e->name) : NULL;

                        if (l)
                                read_settings(d, l);
                        if (e->mask & IN_Q_OVERFLOW)
                                unit_logs_free(d);
                        p += sizeof(*e) + e->len;
                }
}

int settings_watch(struct logd *d)
{
        _cleanup_free_ char *dir = str_printf("%s" RUN_LOG_SETTINGS, d->root);
        int fd, r;

        if (!dir)
                return -ENOMEM;
        r = mkdir_p(dir, 0755);
        if (r < 0)
                return r;
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0)
                return -errno;
        d->settings_io = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = -10, .cb = settings_changed, .data = d
        };
        if (inotify_add_watch(fd, dir, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0)
                r = -errno;
        else
                r = loop_io_add(d->loop, &d->settings_io);
        if (r < 0) {
                d->settings_io.fd = -1;
                close_fd(fd);
        }
        return r;
}

void unit_logs_free(struct logd *d)
{
        HASHMAP_FOREACH (e, &d->units)
                unit_log_free(e->value);
        hash_done(&d->units);
}
