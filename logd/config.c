#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/inifile.h"
#include "lib/log.h"
#include "lib/str.h"
#include "logd/config.h"

typedef int (*value_parser)(const char *value, void *field);

static int parse_storage(const char *v, void *field)
{
        static const char *const names[] = { "auto", "volatile", "persistent", "none" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(v, names[i])) {
                        *(enum logd_storage *)field = i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_bool(const char *v, void *field)
{
        int b = parse_boolean(v);

        if (b < 0)
                return b;
        *(bool *)field = b;
        return 0;
}

static int parse_level(const char *v, void *field)
{
        int l = log_level_from_string(v);

        if (l < 0)
                return l;
        *(int *)field = l;
        return 0;
}

static int parse_span(const char *v, void *field)
{
        return parse_timespan(v, USEC_PER_SEC, field);
}

static int parse_count(const char *v, void *field)
{
        return parse_u32(v, field);
}

static int parse_bytes(const char *v, void *field)
{
        return parse_size(v, field);
}

static int parse_line_max(const char *v, void *field)
{
        uint64_t n;
        int r = parse_size(v, &n);

        if (r < 0)
                return r;
        *(uint32_t *)field = MIN(MAX(n, (uint64_t)79), (uint64_t)1024 * 1024);
        return 0;
}

static int parse_string(const char *v, void *field)
{
        return str_replace(field, v);
}

#define FIELD(f) offsetof(struct logd_config, f)
#define NO_EFFECT                                                                                           \
        SIZE_MAX /* known; the log in /run is one ring, that on disk is neither sealed, split nor compressed */

static const struct {
        const char *key, *cmdline;
        value_parser parse;
        size_t offset;
} keys[] = {
        { "Storage", NULL, parse_storage, FIELD(storage) },
        { "RateLimitIntervalSec", NULL, parse_span, FIELD(rate_interval) },
        { "RateLimitInterval", NULL, parse_span, FIELD(rate_interval) },
        { "RateLimitBurst", NULL, parse_count, FIELD(rate_burst) },
        { "RuntimeMaxUse", NULL, parse_bytes, FIELD(runtime_max_use) },
        { "LineMax", NULL, parse_line_max, FIELD(line_max) },
        { "ForwardToSyslog", "systemd.journald.forward_to_syslog", parse_bool, FIELD(to_syslog) },
        { "ForwardToKMsg", "systemd.journald.forward_to_kmsg", parse_bool, FIELD(to_kmsg) },
        { "ForwardToConsole", "systemd.journald.forward_to_console", parse_bool, FIELD(to_console) },
        { "ReadKMsg", NULL, parse_bool, FIELD(read_kmsg) },
        { "MaxLevelStore", "systemd.journald.max_level_store", parse_level, FIELD(max_store) },
        { "MaxLevelSyslog", "systemd.journald.max_level_syslog", parse_level, FIELD(max_syslog) },
        { "MaxLevelKMsg", "systemd.journald.max_level_kmsg", parse_level, FIELD(max_kmsg) },
        { "MaxLevelConsole", "systemd.journald.max_level_console", parse_level, FIELD(max_console) },
        { "TTYPath", NULL, parse_string, FIELD(tty_path) },
        { "ForwardToWall", NULL, NULL, NO_EFFECT },
        { "MaxLevelWall", NULL, NULL, NO_EFFECT },
        { "Compress", NULL, NULL, NO_EFFECT },
        { "Seal", NULL, NULL, NO_EFFECT },
        { "SplitMode", NULL, NULL, NO_EFFECT },
        { "SyncIntervalSec", NULL, parse_span, FIELD(sync_interval) },
        { "SystemMaxUse", NULL, parse_bytes, FIELD(system_max_use) },
        { "SystemKeepFree", NULL, parse_bytes, FIELD(system_keep_free) },
        { "SystemMaxFileSize", NULL, parse_bytes, FIELD(system_max_file) },
        { "SystemMaxFiles", NULL, parse_count, FIELD(system_max_files) },
        { "RuntimeKeepFree", NULL, NULL, NO_EFFECT },
        { "RuntimeMaxFileSize", NULL, NULL, NO_EFFECT },
        { "RuntimeMaxFiles", NULL, NULL, NO_EFFECT },
        { "MaxRetentionSec", NULL, parse_span, FIELD(max_retention) },
        { "MaxFileSec", NULL, parse_span, FIELD(max_file_age) },
        { "Audit", NULL, NULL, NO_EFFECT },
};

static int config_line(const struct ini_line *l, void *data)
{
        struct logd_config *c = data;

        if (!streq(l->section, "Journal"))
                return log_file(l->path, l->line, LOG_WARNING, "Unknown section \"%s\"; \"%s\" is ignored.",
                        l->section, l->key);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (!streq(keys[i].key, l->key))
                        continue;
                if (keys[i].offset == NO_EFFECT)
                        return log_file(l->path, l->line, LOG_NOTICE,
                                "%s= has no effect with rouse-logd(8).", l->key);
                if (*l->value && keys[i].parse(l->value, (char *)c + keys[i].offset) < 0)
                        log_file(l->path, l->line, LOG_WARNING, "%s=%s cannot be understood; it is ignored.",
                                l->key, l->value);
                return 0;
        }
        return log_file(l->path, l->line, LOG_WARNING, "Unknown key \"%s\"; it is ignored.", l->key);
}

static void config_cmdline(struct logd_config *c)
{
        _cleanup_strv_ char **words = NULL;

        if (cmdline_read(&words) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const char *v = keys[i].cmdline ? cmdline_get(words, keys[i].cmdline) : NULL;

                if (v && keys[i].parse(*v ? v : "yes", (char *)c + keys[i].offset) < 0)
                        log_warning("Kernel command line: %s=%s cannot be understood; it is ignored.",
                                keys[i].cmdline, v);
        }
}

void logd_config_done(struct logd_config *c)
{
        free(c->tty_path);
        c->tty_path = NULL;
}

int logd_config_load(struct logd_config *c, const char *root, const char *ns)
{
        static const char *const places[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };
        const char *at = ns ? "@" : "", *name = ns ?: "";
        _cleanup_free_ char *file = str_printf("%s/etc/systemd/journald%s%s.conf", root, at, name);
        _cleanup_strv_ char **files = NULL, **dirs = NULL;
        int r;

        *c = (struct logd_config) {
                .rate_interval = 30 * USEC_PER_SEC,
                .rate_burst = 10000,
                .line_max = 48 * 1024,
                .max_file_age = 30 * 24 * 3600 * USEC_PER_SEC,
                .sync_interval = 5 * 60 * USEC_PER_SEC,
                .to_syslog = true,
                .read_kmsg = !ns,
                .max_store = LOG_DEBUG,
                .max_syslog = LOG_DEBUG,
                .max_kmsg = LOG_NOTICE,
                .max_console = LOG_INFO,
        };
        if (!file)
                return log_oom();
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (strv_addf(&dirs, "%s/systemd/journald%s%s.conf.d", places[i], at, name) < 0)
                        return log_oom();
        r = ini_parse_file(file, config_line, c, NULL);
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s cannot be read: %m", file);
        if (conf_files_list(*root ? root : NULL, dirs, ".conf", &files) >= 0)
                FOREACH_STR (f, files)
                        (void)ini_parse_file(*f, config_line, c, NULL);
        if (!*root && !ns)
                config_cmdline(c);
        return 0;
}
