/* Properties of transient units: from D-Bus values to the lines that a unit file would have, which PID 1 parses with the
 * parsers that it has for files. Percent signs are doubled: a value from the bus is taken as it is. What the signature
 * does not settle stands in transient_forms. */
#include <arpa/inet.h>
#include <stdio.h>

#include "busd.h"

struct reader {
        sd_bus_message *m;
        const char *name, *signature;
        struct transient *t;
        char **error;
};

void transient_done(struct transient *t)
{
        strv_free(t->lines);
        strv_free(t->options);
        *t = (struct transient) { 0 };
}

static int add_line(struct reader *r, const char *key, const char *value)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char *line;

        if (strpbrk(value, "\n\r")) {
                *r->error = str_printf("Property %s: a line break cannot be in it.", r->name);
                return -EINVAL;
        }
        strbuf_printf(&b, "%s=", key);
        for (const char *s = value; *s; s++) {
                strbuf_putc(&b, *s);
                if (*s == '%')
                        strbuf_putc(&b, '%');
        }
        line = strbuf_take(&b);
        return line ? strv_push(&r->t->lines, line) : -ENOMEM;
}

static int _printf_(3, 4) add_linef(struct reader *r, const char *key, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        va_list ap;

        va_start(ap, fmt);
        (void)strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        return b.failed ? -ENOMEM : add_line(r, key, b.s ?: "");
}

/* A word as systemd.syntax(7) has it: quoted where it must be. */
static void put_word(struct strbuf *b, const char *word)
{
        if (b->len)
                strbuf_putc(b, ' ');
        if (*word && !word[strcspn(word, " \t\"'\\;")]) {
                strbuf_puts(b, word);
                return;
        }
        strbuf_putc(b, '"');
        for (; *word; word++)
                if (*word == '\n')
                        strbuf_puts(b, "\\n");
                else {
                        if (*word == '"' || *word == '\\')
                                strbuf_putc(b, '\\');
                        strbuf_putc(b, *word);
                }
        strbuf_putc(b, '"');
}

/* "XUSec" → "XSec" */
static void setting_name(const char *name, char *buf, size_t n)
{
        const char *end = endswith(name, "USec");

        if (end)
                snprintf(buf, n, "%.*sSec", (int)(end - name), name);
        else
                snprintf(buf, n, "%s", name);
}

/* ---- plain values ---- */

static int read_string(struct reader *r)
{
        const char *s;
        int k = sd_bus_message_read_basic(r->m, 's', &s);

        return k < 0 ? k : add_line(r, r->name, s);
}

static int read_boolean(struct reader *r)
{
        int v, k = sd_bus_message_read_basic(r->m, 'b', &v);

        return k < 0 ? k : add_line(r, r->name, v ? "yes" : "no");
}

static int any_number(struct reader *r, uint64_t *ret, bool *ret_negative)
{
        union {
                uint8_t y;
                uint16_t q;
                uint32_t u;
                int32_t i;
                uint64_t t;
        } v = { 0 };
        int k = sd_bus_message_read_basic(r->m, *r->signature, &v);

        *ret_negative = false;
        switch (*r->signature) {
        case 'y': *ret = v.y; break;
        case 'q': *ret = v.q; break;
        case 'u': *ret = v.u; break;
        case 'i':
                *ret = (uint64_t)v.i;
                *ret_negative = v.i < 0;
                break;
        default: *ret = v.t; break;
        }
        return k;
}

static int read_number(struct reader *r)
{
        bool negative;
        char key[96];
        uint64_t v;
        int k = any_number(r, &v, &negative);

        if (k < 0)
                return k;
        setting_name(r->name, key, sizeof(key));
        if (negative)
                return add_linef(r, key, "%lld", (long long)v);
        if (v == UINT64_MAX)
                return add_line(
                        r, key, endswith(key, "Weight") || endswith(key, "Shares") ? "" : "infinity");
        if (endswith(r->name, "USec"))
                return add_linef(r, key, "%lluus", (unsigned long long)v);
        if (endswith(r->name, "Mode") || streq(r->name, "UMask"))
                return add_linef(r, key, "%04llo", (unsigned long long)v);
        return add_linef(r, key, "%llu", (unsigned long long)v);
}

/* One line an element: an element may be empty, which in a file would reset the list. */
static int read_list(struct reader *r)
{
        _cleanup_strv_ char **v = NULL;
        int k = sd_bus_message_read_strv(r->m, &v);

        FOREACH_STR (s, v) {
                _cleanup_strbuf_ struct strbuf b = { 0 };

                if (k < 0)
                        break;
                put_word(&b, *s);
                k = b.failed ? -ENOMEM : add_line(r, r->name, b.s);
        }
        return k < 0 ? k : 0;
}

/* ---- values with a form of their own ---- */

static int read_pids(struct reader *r)
{
        const uint32_t *pids;
        size_t n;
        int k = sd_bus_message_read_array(r->m, 'u', (const void **)&pids, &n);

        for (size_t i = 0; i < n / sizeof(*pids) && k >= 0; i++)
                k = strv_addf(&r->t->options, "pid=%u", pids[i] ?: r->t->caller);
        return k < 0 ? k : 0;
}

static int read_controller(struct reader *r)
{
        const char *s;
        int k = sd_bus_message_read_basic(r->m, 's', &s);

        return k < 0 ? k : *s ? strv_addf(&r->t->options, "controller=%s", s) : 0;
}

static int read_add_ref(struct reader *r)
{
        int v, k = sd_bus_message_read_basic(r->m, 'b', &v);

        if (k >= 0)
                r->t->add_ref = v;
        return k;
}

static int read_delegate_controllers(struct reader *r)
{
        _cleanup_strv_ char **v = NULL;
        _cleanup_free_ char *s = NULL;
        int k = sd_bus_message_read_strv(r->m, &v);

        if (k < 0)
                return k;
        s = v ? strv_join(v, " ") : strdup("yes");
        return s ? add_line(r, "Delegate", s) : -ENOMEM;
}

static int read_cpu_quota(struct reader *r)
{
        bool negative;
        uint64_t v;
        int k = any_number(r, &v, &negative);

        if (k < 0)
                return k;
        if (v == UINT64_MAX)
                return add_line(r, "CPUQuota", "");
        return add_linef(r, "CPUQuota", "%llu.%02llu%%", (unsigned long long)(v / 10000),
                (unsigned long long)(v % 10000 / 100));
}

/* "MemoryMaxScale": a share of 2³²-1. */
static int read_scale(struct reader *r)
{
        bool negative;
        char key[64];
        uint64_t v;
        int k = any_number(r, &v, &negative);

        if (k < 0)
                return k;
        snprintf(key, sizeof(key), "%.*s", (int)(strlen(r->name) - strlen("Scale")), r->name);
        v = (v * 10000 + UINT32_MAX / 2) / UINT32_MAX;
        return add_linef(
                r, key, "%llu.%02llu%%", (unsigned long long)(v / 100), (unsigned long long)(v % 100));
}

/* LimitX is the hard limit, LimitXSoft the soft one; a line has both: "soft:hard". */
static int read_limit(struct reader *r)
{
        const char *soft = endswith(r->name, "Soft");
        _cleanup_free_ char *key = strndup(r->name, strlen(r->name) - (soft ? 4 : 0));
        char text[32];
        bool negative;
        uint64_t v;
        int k = key ? any_number(r, &v, &negative) : -ENOMEM;

        if (k < 0)
                return k;
        snprintf(text, sizeof(text), v == UINT64_MAX ? "infinity" : "%llu", (unsigned long long)v);
        for (char **l = r->t->lines; l && *l; l++) {
                const char *other = ctl_record_value(*l, key);
                char *joined;

                if (!other)
                        continue;
                joined = soft ? str_printf("%s=%s:%s", key, text, other)
                              : str_printf("%s=%s:%s", key, other, text);
                if (!joined)
                        return -ENOMEM;
                free(*l);
                *l = joined;
                return 0;
        }
        return add_line(r, key, text);
}

static int read_cpus(struct reader *r)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const uint8_t *bits;
        size_t n;
        int k = sd_bus_message_read_array(r->m, 'y', (const void **)&bits, &n);

        if (k < 0)
                return k;
        for (size_t i = 0; i < n * 8; i++)
                if (bits[i / 8] >> i % 8 & 1)
                        strbuf_printf(&b, "%s%zu", b.len ? " " : "", i);
        return b.failed ? -ENOMEM : add_line(r, r->name, b.s ?: "");
}

static const struct {
        int number;
        const char *name, *word;
} words[] = {
        { 0, "IOSchedulingClass", "none" },
        { 1, "IOSchedulingClass", "realtime" },
        { 2, "IOSchedulingClass", "best-effort" },
        { 3, "IOSchedulingClass", "idle" },
        { 0, "CPUSchedulingPolicy", "other" },
        { 1, "CPUSchedulingPolicy", "fifo" },
        { 2, "CPUSchedulingPolicy", "rr" },
        { 3, "CPUSchedulingPolicy", "batch" },
        { 5, "CPUSchedulingPolicy", "idle" },
};

static int read_word(struct reader *r)
{
        bool negative;
        uint64_t v;
        int k = any_number(r, &v, &negative);

        if (k < 0)
                return k;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (streq(words[i].name, r->name) && (uint64_t)words[i].number == v)
                        return add_line(r, r->name, words[i].word);
        *r->error = str_printf("Property %s cannot be %llu.", r->name, (unsigned long long)v);
        return -EINVAL;
}

/* (bas): an allow-list, or all but these */
static int read_allow_list(struct reader *r)
{
        _cleanup_strv_ char **v = NULL;
        _cleanup_free_ char *s = NULL;
        int allow, k = sd_bus_message_enter_container(r->m, 'r', "bas");

        if (k >= 0)
                k = sd_bus_message_read_basic(r->m, 'b', &allow);
        if (k >= 0)
                k = sd_bus_message_read_strv(r->m, &v);
        if (k >= 0)
                k = sd_bus_message_exit_container(r->m);
        if (k < 0)
                return k;
        s = v ? strv_join(v, " ") : strdup("");
        return s ? add_linef(r, r->name, "%s%s", allow ? "" : "~", s) : -ENOMEM;
}

static int read_profile(struct reader *r)
{
        const char *s;
        int ignore, k = sd_bus_message_read(r->m, "(bs)", &ignore, &s);

        return k < 0 ? k : add_linef(r, r->name, "%s%s", ignore ? "-" : "", s);
}

/* ---- arrays ---- */

static int pair_joined(struct reader *r, const char *a, const char *b)
{
        return add_linef(r, r->name, "%s%s%s", a, *b ? streq(r->name, "DeviceAllow") ? " " : ":" : "", b);
}

static int pair_listen(struct reader *r, const char *a, const char *b)
{
        char key[64];

        snprintf(key, sizeof(key), "Listen%.40s", a);
        return add_line(r, key, b);
}

static int pair_assigned(struct reader *r, const char *a, const char *b)
{
        if (strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != strlen(a))
                return -EINVAL;
        return add_line(r, a, b);
}

static int read_pairs(struct reader *r)
{
        int (*add)(struct reader * r, const char *a, const char *b) =
                streq(r->name, "Listen")                                      ? pair_listen
                : streq(r->name, "Paths") || streq(r->name, "TimersCalendar") ? pair_assigned
                                                                              : pair_joined;
        const char *a, *b;
        int k = sd_bus_message_enter_container(r->m, 'a', "(ss)");

        while (k >= 0 && (k = sd_bus_message_read(r->m, "(ss)", &a, &b)) > 0)
                k = add(r, a, b);
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_timers(struct reader *r)
{
        const char *base;
        uint64_t usec;
        char key[64];
        int k = sd_bus_message_enter_container(r->m, 'a', "(st)");

        while (k >= 0 && (k = sd_bus_message_read(r->m, "(st)", &base, &usec)) > 0) {
                if (!startswith(base, "On") || strlen(base) > 40)
                        return -EINVAL;
                setting_name(base, key, sizeof(key));
                k = add_linef(r, key, "%lluus", (unsigned long long)usec);
        }
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_device_amounts(struct reader *r)
{
        const char *path;
        uint64_t n;
        int k = sd_bus_message_enter_container(r->m, 'a', "(st)");

        while (k >= 0 && (k = sd_bus_message_read(r->m, "(st)", &path, &n)) > 0) {
                char key[64];

                setting_name(r->name, key, sizeof(key));
                k = n == UINT64_MAX ? add_linef(r, key, "%s infinity", path)
                                    : add_linef(r, key, "%s %llu%s", path, (unsigned long long)n,
                                              endswith(r->name, "USec") ? "us" : "");
        }
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_conditions(struct reader *r)
{
        const char *type, *parameter;
        int trigger, negate, k = sd_bus_message_enter_container(r->m, 'a', "(sbbs)");

        while (k >= 0 &&
                (k = sd_bus_message_read(r->m, "(sbbs)", &type, &trigger, &negate, &parameter)) > 0) {
                if (!startswith(type, "Condition") && !startswith(type, "Assert"))
                        return -EINVAL;
                k = add_linef(r, type, "%s%s%s", trigger ? "|" : "", negate ? "!" : "", parameter);
        }
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_addresses(struct reader *r)
{
        int k = sd_bus_message_enter_container(r->m, 'a', "(iayu)");

        while (k >= 0 && (k = sd_bus_message_enter_container(r->m, 'r', "iayu")) > 0) {
                char text[INET6_ADDRSTRLEN];
                const void *address;
                uint32_t prefix;
                int32_t family;
                size_t n;

                k = sd_bus_message_read_basic(r->m, 'i', &family);
                if (k >= 0)
                        k = sd_bus_message_read_array(r->m, 'y', &address, &n);
                if (k >= 0)
                        k = sd_bus_message_read_basic(r->m, 'u', &prefix);
                if (k >= 0 && (n != (family == AF_INET ? 4u : 16u) ||
                                      !inet_ntop(family, address, text, sizeof(text))))
                        k = -EINVAL;
                if (k >= 0)
                        k = add_linef(r, r->name, "%s/%u", text, prefix);
                if (k >= 0)
                        k = sd_bus_message_exit_container(r->m);
        }
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_binds(struct reader *r)
{
        const char *from, *to;
        uint64_t flags;
        int missing_ok, k = sd_bus_message_enter_container(r->m, 'a', "(ssbt)");

        while (k >= 0 && (k = sd_bus_message_read(r->m, "(ssbt)", &from, &to, &missing_ok, &flags)) > 0)
                k = add_linef(r, r->name, "%s%s:%s:%s", missing_ok ? "-" : "", from, to,
                        flags & 16384 /* MS_REC */ ? "rbind" : "norbind");
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

static int read_environment_files(struct reader *r)
{
        const char *path;
        int missing_ok, k = sd_bus_message_enter_container(r->m, 'a', "(sb)");

        while (k >= 0 && (k = sd_bus_message_read(r->m, "(sb)", &path, &missing_ok)) > 0)
                k = add_linef(r, "EnvironmentFile", "%s%s", missing_ok ? "-" : "", path);
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

/* ---- commands ---- */

static const char *flag_prefix(const char *flag)
{
        static const char *const prefixes[][2] = { { "ignore-failure", "-" }, { "privileged", "+" },
                { "no-setuid", "!" }, { "ambient", "!!" }, { "no-env-expand", ":" } };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (streq(prefixes[i][0], flag))
                        return prefixes[i][1];
        return NULL;
}

static int read_command_flags(struct reader *r, bool extended, struct strbuf *b)
{
        _cleanup_strv_ char **flags = NULL;
        int ignore, k;

        if (!extended) {
                k = sd_bus_message_read_basic(r->m, 'b', &ignore);
                return k < 0 ? k : ignore ? strbuf_putc(b, '-') : 0;
        }
        k = sd_bus_message_read_strv(r->m, &flags);
        FOREACH_STR (f, flags) {
                if (!flag_prefix(*f)) {
                        *r->error = str_printf("Property %s: unknown flag '%s'.", r->name, *f);
                        return -EINVAL;
                }
                strbuf_puts(b, flag_prefix(*f));
        }
        return k;
}

static int read_command(struct reader *r, bool extended)
{
        _cleanup_strbuf_ struct strbuf words_ = { 0 }, flags = { 0 };
        _cleanup_strv_ char **argv = NULL;
        char key[64];
        const char *path;
        bool renamed;
        int k = sd_bus_message_read_basic(r->m, 's', &path);

        if (k >= 0)
                k = sd_bus_message_read_strv(r->m, &argv);
        if (k >= 0)
                k = read_command_flags(r, extended, &flags);
        if (k < 0)
                return k;
        if (!argv || !*argv)
                return -EINVAL;
        renamed = !streq(path, *argv);
        put_word(&words_, path);
        FOREACH_STR (a, argv + !renamed)
                put_word(&words_, *a);
        snprintf(key, sizeof(key), "%.*s", (int)(strlen(r->name) - (endswith(r->name, "Ex") ? 2 : 0)),
                r->name);
        if (words_.failed || flags.failed)
                return -ENOMEM;
        return add_linef(r, key, "%s%s%s", flags.s ?: "", renamed ? "@" : "", words_.s);
}

static int read_commands(struct reader *r)
{
        bool extended = streq(r->signature, "a(sasas)");
        const char *inner = extended ? "sasas" : "sasb";
        int k = sd_bus_message_enter_container(r->m, 'a', r->signature + 1);

        while (k >= 0 && (k = sd_bus_message_enter_container(r->m, 'r', inner)) > 0) {
                k = read_command(r, extended);
                if (k >= 0)
                        k = sd_bus_message_exit_container(r->m);
        }
        return k < 0 ? k : sd_bus_message_exit_container(r->m);
}

/* ---- which is which ---- */

static const struct {
        const char *name, *signature; /* NULL: any */
        int (*read)(struct reader *r);
} transient_forms[] = {
        { "PIDs", "au", read_pids },
        { "Controller", "s", read_controller },
        { "AddRef", "b", read_add_ref },
        { "DelegateControllers", "as", read_delegate_controllers },
        { "CPUQuotaPerSecUSec", "t", read_cpu_quota },
        { "MemoryMinScale", "u", read_scale },
        { "MemoryLowScale", "u", read_scale },
        { "MemoryHighScale", "u", read_scale },
        { "MemoryMaxScale", "u", read_scale },
        { "MemorySwapMaxScale", "u", read_scale },
        { "TasksMaxScale", "u", read_scale },
        { "IOSchedulingClass", "i", read_word },
        { "CPUSchedulingPolicy", "i", read_word },
        { "TimersMonotonic", "a(st)", read_timers },
        { NULL, "ay", read_cpus },
        { NULL, "a(st)", read_device_amounts },
        { NULL, "(bas)", read_allow_list },
        { NULL, "(bs)", read_profile },
        { NULL, "a(ss)", read_pairs },
        { NULL, "a(sbbs)", read_conditions },
        { NULL, "a(iayu)", read_addresses },
        { NULL, "a(ssbt)", read_binds },
        { NULL, "a(sb)", read_environment_files },
        { NULL, "a(sasb)", read_commands },
        { NULL, "a(sasas)", read_commands },
        { NULL, "as", read_list },
        { NULL, "s", read_string },
        { NULL, "b", read_boolean },
        { NULL, "y", read_number },
        { NULL, "q", read_number },
        { NULL, "u", read_number },
        { NULL, "i", read_number },
        { NULL, "t", read_number },
        { NULL, "x", read_number },
};

static int read_value(struct reader *r)
{
        if (startswith(r->name, "Limit") && streq(r->signature, "t"))
                return read_limit(r);
        for (size_t i = 0; i < ARRAY_SIZE(transient_forms); i++)
                if ((!transient_forms[i].name || streq(transient_forms[i].name, r->name)) &&
                        streq(transient_forms[i].signature, r->signature))
                        return transient_forms[i].read(r);
        *r->error = str_printf("Cannot set property %s of type '%s'.", r->name, r->signature);
        return -EOPNOTSUPP;
}

static bool property_name_ok(const char *s)
{
        size_t n = strlen(s);

        return n > 0 && n < 64 &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == n;
}

int transient_read(sd_bus_message *m, struct transient *t, char **ret_error)
{
        struct reader r = { .m = m, .t = t, .error = ret_error };
        int k = sd_bus_message_enter_container(m, 'a', "(sv)");

        while (k >= 0 && (k = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
                char type;

                k = sd_bus_message_read_basic(m, 's', &r.name);
                if (k >= 0 && !property_name_ok(r.name)) {
                        *ret_error = str_printf("Not the name of a property.");
                        return -EINVAL;
                }
                if (k >= 0)
                        k = sd_bus_message_peek_type(m, &type, &r.signature);
                if (k >= 0)
                        k = sd_bus_message_enter_container(m, 'v', r.signature);
                if (k >= 0)
                        k = read_value(&r);
                if (k >= 0)
                        k = sd_bus_message_exit_container(m);
                if (k >= 0)
                        k = sd_bus_message_exit_container(m);
                if (k < 0 && !*ret_error)
                        *ret_error = str_printf("Property %s was not understood.", r.name ?: "?");
        }
        return k < 0 ? k : sd_bus_message_exit_container(m);
}
