/* What an operator may set: /etc/udev/udev.conf, then the kernel command line ("udev.NAME="), which wins over the
 * daemon's own options only where udevd says so. One table for both. */
#include <signal.h>

#include "devd.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define CONF          "/etc/udev/udev.conf"
#define EVENT_TIMEOUT (180 * USEC_PER_SEC)

static int set_log_level(struct devd *m, const char *v)
{
        int level = log_level_from_string(v);

        if (level >= 0)
                log_set_max_level(level);
        return level < 0 ? -EINVAL : 0;
}

static int set_children_max(struct devd *m, const char *v)
{
        uint32_t n;

        if (parse_u32(v, &n) < 0)
                return -EINVAL;
        if (n > 0) /* 0: by the machine's size */
                m->children_max = n;
        return 0;
}

static int set_exec_delay(struct devd *m, const char *v)
{
        return parse_timespan(v, USEC_PER_SEC, &m->exec_delay);
}

static int set_event_timeout(struct devd *m, const char *v)
{
        return parse_timespan(v, USEC_PER_SEC, &m->event_timeout);
}

static int set_timeout_signal(struct devd *m, const char *v)
{
        int n = signal_number(v);

        if (n > 0)
                m->timeout_signal = n;
        return n > 0 ? 0 : -EINVAL;
}

static int set_resolve_names(struct devd *m, const char *v)
{
        if (!streq(v, "early") && !streq(v, "late") && !streq(v, "never"))
                return -EINVAL;
        rules_resolve_names(!streq(v, "never"));
        return 0;
}

static int set_read_only(struct devd *m, const char *v)
{
        int b = *v ? parse_boolean(v) : 1;

        if (b >= 0)
                m->disks_read_only = b;
        return b < 0 ? b : 0;
}

static const struct setting {
        const char *conf, *option; /* NULL: not there */
        int (*set)(struct devd *m, const char *value);
} settings[] = {
        { "udev_log", "udev.log_level", set_log_level },
        { NULL, "udev.log_priority", set_log_level },
        { "children_max", "udev.children_max", set_children_max },
        { "exec_delay", "udev.exec_delay", set_exec_delay },
        { "event_timeout", "udev.event_timeout", set_event_timeout },
        { "timeout_signal", "udev.timeout_signal", set_timeout_signal },
        { "resolve_names", NULL, set_resolve_names },
        { NULL, "udev.blockdev_read_only", set_read_only },
};

static int take_conf(const char *key, const char *value, void *data)
{
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (!settings[i].conf || !streq(settings[i].conf, key))
                        continue;
                if (settings[i].set(data, value) < 0)
                        log_warning(CONF ": %s=%s is not understood, ignored", key, value);
                return 0;
        }
        log_warning(CONF ": %s= is not known, ignored", key);
        return 0;
}

static void take_options(struct devd *m)
{
        _cleanup_strv_ char **words = NULL;

        if (cmdline_read(&words) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                const char *v = settings[i].option ? cmdline_get(words, settings[i].option) : NULL;

                if (v && settings[i].set(m, v) < 0)
                        log_warning("%s=%s on the kernel command line is not understood, ignored",
                                settings[i].option, v);
        }
}

void settings_read(struct devd *m, const struct daemon_options *o)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        int r;

        m->children_max = (unsigned)MIN(2 * MAX(cpus, 1L) + 16, 2048L);
        m->event_timeout = EVENT_TIMEOUT;
        m->timeout_signal = SIGKILL;
        r = parse_env_file(o->conf ? o->conf : CONF, take_conf, m);
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s cannot be read: %m", o->conf ? o->conf : CONF);
        if (o->children_max > 0)
                m->children_max = (unsigned)o->children_max;
        if (o->event_timeout > 0)
                m->event_timeout = o->event_timeout;
        take_options(m);
}
