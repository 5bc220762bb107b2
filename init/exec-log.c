/* What a unit says of its own log, for the log daemon: a file by the unit's name, made before a process of it starts
 * (form: logd/settings.c). PID 1's own messages about a unit keep to LogLevelMax= in ring.c. */
#include <fcntl.h>
#include <stdio.h>

#include "exec-internal.h"
#include "lib/fileio.h"
#include "lib/paths.h"

static bool has_settings(const struct exec_context *c)
{
        return c->log_level_max >= 0 || c->log_ratelimit_interval != USEC_INFINITY ||
               c->log_ratelimit_burst != UINT32_MAX || c->log_extra_fields;
}

static void add_number(struct strbuf *b, bool set, uint64_t value, char end)
{
        if (set)
                strbuf_printf(b, "%llu%c", (unsigned long long)value, end);
        else
                strbuf_printf(b, "-%c", end);
}

/* A value of several lines has its length before it. */
static void add_field(struct strbuf *b, const char *field)
{
        const char *eq = strchr(field, '=');
        uint64_t len;

        if (!strchr(eq, '\n')) {
                strbuf_printf(b, "%s\n", field);
                return;
        }
        len = htole64(strlen(eq + 1));
        strbuf_printf(b, "%.*s\n", (int)(eq - field), field);
        strbuf_add(b, &len, sizeof(len));
        strbuf_printf(b, "%s\n", eq + 1);
}

static int write_settings(const struct exec_context *c, const char *path)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        int r;

        add_number(&b, c->log_level_max >= 0, (uint64_t)c->log_level_max, ' ');
        add_number(&b, c->log_ratelimit_interval != USEC_INFINITY, (uint64_t)c->log_ratelimit_interval, ' ');
        add_number(&b, c->log_ratelimit_burst != UINT32_MAX, c->log_ratelimit_burst, '\n');
        FOREACH_STR (f, c->log_extra_fields)
                add_field(&b, *f);
        if (b.failed)
                return -ENOMEM;
        r = mkdir_p(RUN_LOG_SETTINGS, 0755);
        return r < 0 ? r : write_file_atomic(path, b.s, b.len, 0644, false);
}

void exec_log_settings(struct unit *u, const struct exec_context *c)
{
        char path[sizeof(RUN_LOG_SETTINGS) + UNIT_NAME_MAX + 1];
        int r;

        snprintf(path, sizeof(path), RUN_LOG_SETTINGS "/%s", u->id);
        if (has_settings(c)) {
                r = write_settings(c, path);
                if (r < 0)
                        log_unit_errno(u->id, LOG_WARNING, r,
                                "LogLevelMax= and the like are without effect, %s cannot be written: %m",
                                path);
                u->log_settings = LOG_SETTINGS_THERE;
        } else if (u->log_settings != LOG_SETTINGS_NONE) {
                (void)unlink(path);
                u->log_settings = LOG_SETTINGS_NONE;
        }
}

void exec_log_forget(struct unit *u)
{
        char path[sizeof(RUN_LOG_SETTINGS) + UNIT_NAME_MAX + 1];

        if (u->log_settings != LOG_SETTINGS_THERE)
                return;
        snprintf(path, sizeof(path), RUN_LOG_SETTINGS "/%s", u->id);
        (void)unlink(path);
}
