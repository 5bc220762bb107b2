/* One entry of the log in each of journalctl(1)'s formats. */
#include "log.h"

#include <endian.h>
#include <time.h>

#include "lib/fileio.h"
#include "lib/id128.h"
#include "lib/siphash.h"

static const char *host_name(void)
{
        static char name[256];

        if (!*name && gethostname(name, sizeof(name) - 1) < 0)
                strcpy(name, "localhost");
        return name;
}

static void print_stamp(const struct log_query *q, const struct ring_entry *e)
{
        time_t sec = (time_t)(e->realtime / USEC_PER_SEC);
        long usec = (long)(e->realtime % USEC_PER_SEC);
        char buf[64] = "";
        struct tm tm;

        if (!(q->utc ? gmtime_r(&sec, &tm) : localtime_r(&sec, &tm)))
                return;
        switch (q->format) {
        case FORMAT_MONOTONIC:
                printf("[%5lld.%06lld] ", (long long)(e->monotonic / USEC_PER_SEC),
                        (long long)(e->monotonic % USEC_PER_SEC));
                return;
        case FORMAT_UNIX: printf("%lld.%06ld ", (long long)sec, usec); return;
        case FORMAT_ISO: (void)strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S%z", &tm); break;
        case FORMAT_ISO_PRECISE: {
                char zone[16];

                (void)strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
                (void)strftime(zone, sizeof(zone), "%z", &tm);
                printf("%s.%06ld%s ", buf, usec, zone);
                return;
        }
        default: (void)strftime(buf, sizeof(buf), "%b %d %H:%M:%S", &tm); break;
        }
        if (q->format == FORMAT_PRECISE)
                printf("%s.%06ld ", buf, usec);
        else
                printf("%s ", buf);
}

/* Text of a log may not command the terminal. Lines after the first are set in. */
static void print_text(const char *s, size_t len, size_t indent)
{
        bool tty = isatty(STDOUT_FILENO);

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)s[i];

                if (c == '\n' && indent)
                        printf("\n%*s", (int)indent, "");
                else if (c == '\n' || c == '\t' || !tty || (c >= ' ' && c != 127))
                        putchar(c);
                else
                        putchar('.');
        }
}

static void print_short(const struct log_query *q, const struct ring_entry *e)
{
        const char *who = *e->identifier                     ? e->identifier
                          : *e->comm                         ? e->comm
                          : e->transport == TRANSPORT_KERNEL ? "kernel"
                                                             : "unknown";

        print_stamp(q, e);
        if (!q->no_hostname)
                printf("%s ", host_name());
        fputs(who, stdout);
        if (e->pid != RING_NO_ID && e->pid > 0 && e->transport != TRANSPORT_KERNEL)
                printf("[%u]", e->pid);
        fputs(": ", stdout);
        fputs(e->priority <= LOG_ERR         ? color("red")
                : e->priority <= LOG_WARNING ? color("yellow")
                : e->priority == LOG_NOTICE  ? color("bold")
                                             : "",
                stdout);
        print_text(e->message, e->message_len, 32);
        if (e->priority <= LOG_NOTICE)
                fputs(color("off"), stdout);
        putchar('\n');
}

/* ---- fields ---- */

static const char *boot_text(const struct ring_entry *e, char buf[static 33])
{
        static char this[33];

        uint8_t id[16];

        if (e->boot)
                return id128_format(buf, e->boot);
        if (!*this && id128_read("/proc/sys/kernel/random/boot_id", id) >= 0)
                id128_format(this, id);
        return this;
}

static const char *machine_text(void)
{
        static char *id;

        if (!id && read_one_line("/etc/machine-id", &id) < 0)
                return "";
        return id;
}

enum own_field {
        OWN_MESSAGE,
        OWN_PRIORITY,
        OWN_FACILITY,
        OWN_IDENTIFIER,
        OWN_TRANSPORT,
        OWN_PID,
        OWN_UID,
        OWN_GID,
        OWN_COMM,
        OWN_UNIT,
        OWN_BOOT,
        OWN_MACHINE,
        OWN_HOST,
        OWN_MAX
};
static const char *const own_keys[OWN_MAX] = {
        [OWN_MESSAGE] = "MESSAGE",
        [OWN_PRIORITY] = "PRIORITY",
        [OWN_FACILITY] = "SYSLOG_FACILITY",
        [OWN_IDENTIFIER] = "SYSLOG_IDENTIFIER",
        [OWN_TRANSPORT] = "_TRANSPORT",
        [OWN_PID] = "_PID",
        [OWN_UID] = "_UID",
        [OWN_GID] = "_GID",
        [OWN_COMM] = "_COMM",
        [OWN_UNIT] = "_SYSTEMD_UNIT",
        [OWN_BOOT] = "_BOOT_ID",
        [OWN_MACHINE] = "_MACHINE_ID",
        [OWN_HOST] = "_HOSTNAME",
};

static const char *id_value(uint32_t v, char buf[static 48])
{
        if (v == RING_NO_ID)
                return NULL;
        snprintf(buf, 48, "%u", v);
        return buf;
}

static const char *or_null(const char *s)
{
        return *s ? s : NULL;
}

/* A field that has a place of its own in an entry; NULL: it has none. */
static const char *own_value(
        const struct ring_entry *e, enum own_field f, char buf[static 48], size_t *ret_len)
{
        const char *v = NULL;

        switch (f) {
        case OWN_MESSAGE: *ret_len = e->message_len; return e->message;
        case OWN_PRIORITY: v = id_value(e->priority, buf); break;
        case OWN_FACILITY: v = id_value(e->facility, buf); break;
        case OWN_IDENTIFIER: v = or_null(e->identifier); break;
        case OWN_TRANSPORT: v = log_transport_to_string(e->transport); break;
        case OWN_PID: v = id_value(e->pid, buf); break;
        case OWN_UID: v = id_value(e->uid, buf); break;
        case OWN_GID: v = id_value(e->gid, buf); break;
        case OWN_COMM: v = or_null(e->comm); break;
        case OWN_UNIT: v = or_null(e->unit); break;
        case OWN_BOOT: v = or_null(boot_text(e, buf)); break;
        case OWN_MACHINE: v = or_null(machine_text()); break;
        case OWN_HOST: v = host_name(); break;
        case OWN_MAX: break;
        }
        *ret_len = v ? strlen(v) : 0;
        return v;
}

const char *log_entry_value(
        const struct ring_entry *e, const char *key, size_t key_len, char buf[static 48], size_t *ret_len)
{
        const char *k, *v;
        size_t p = 0, kl, vl;

        for (enum own_field f = 0; f < OWN_MAX; f++)
                if (strlen(own_keys[f]) == key_len && memcmp(own_keys[f], key, key_len) == 0)
                        return own_value(e, f, buf, ret_len);
        while (ring_entry_next_field(e, &p, &k, &kl, &v, &vl) > 0)
                if (kl == key_len && memcmp(k, key, kl) == 0) {
                        *ret_len = vl;
                        return v;
                }
        return NULL;
}

/* ---- cursors ---- */

void log_cursor_of(const struct ring_entry *e, struct log_cursor *ret)
{
        static const uint8_t key[16];
        char buf[33];

        memset(ret, 0, sizeof(*ret));
        (void)id128_parse(boot_text(e, buf), ret->boot);
        ret->realtime = e->realtime;
        ret->monotonic = e->monotonic;
        ret->hash = siphash24(e->message, e->message_len, key);
}

void log_cursor_format(const struct log_cursor *c, char buf[static CURSOR_TEXT_MAX])
{
        struct ring_entry e = { .boot = c->boot };
        char boot[33];

        snprintf(buf, CURSOR_TEXT_MAX, "b=%s;m=%llx;t=%llx;x=%llx", boot_text(&e, boot),
                (unsigned long long)c->monotonic, (unsigned long long)c->realtime,
                (unsigned long long)c->hash);
}

int log_cursor_parse(const char *text, struct log_cursor *ret)
{
        unsigned long long m, t, x;
        char boot[33];

        memset(ret, 0, sizeof(*ret));
        if (sscanf(text, "b=%32[0-9a-f];m=%llx;t=%llx;x=%llx", boot, &m, &t, &x) != 4)
                return -EINVAL;
        ret->monotonic = (usec_t)m;
        ret->realtime = (usec_t)t;
        ret->hash = x;
        return id128_parse(boot, ret->boot);
}

/* ---- all fields of an entry, in order ---- */

typedef void (*field_fn)(void *data, const char *key, size_t key_len, const char *value, size_t len);

static bool shown(const struct log_query *q, const char *key, size_t len)
{
        FOREACH_STR (f, q->output_fields)
                if (strlen(*f) == len && memcmp(*f, key, len) == 0)
                        return true;
        return !q->output_fields;
}

static void each_field(
        const struct log_query *q, const struct ring_entry *e, bool addresses, field_fn fn, void *data)
{
        const char *key, *value;
        char buf[CURSOR_TEXT_MAX];
        struct log_cursor c;
        size_t p = 0, kl, vl;

        if (addresses) {
                log_cursor_of(e, &c);
                log_cursor_format(&c, buf);
                fn(data, "__CURSOR", 8, buf, strlen(buf));
                snprintf(buf, sizeof(buf), "%lld", (long long)e->realtime);
                fn(data, "__REALTIME_TIMESTAMP", 20, buf, strlen(buf));
                snprintf(buf, sizeof(buf), "%lld", (long long)e->monotonic);
                fn(data, "__MONOTONIC_TIMESTAMP", 21, buf, strlen(buf));
        }
        for (enum own_field f = 0; f < OWN_MAX; f++) {
                value = shown(q, own_keys[f], strlen(own_keys[f])) ? own_value(e, f, buf, &vl) : NULL;
                if (value)
                        fn(data, own_keys[f], strlen(own_keys[f]), value, vl);
        }
        while (ring_entry_next_field(e, &p, &key, &kl, &value, &vl) > 0)
                if (shown(q, key, kl))
                        fn(data, key, kl, value, vl);
}

static void json_field(void *data, const char *key, size_t key_len, const char *value, size_t len)
{
        _cleanup_free_ char *k = strndup(key, key_len), *v = strndup(value, len);
        struct strbuf *b = data;

        if (!k || !v)
                return;
        strbuf_puts(b, b->len ? "," : "{");
        json_string(b, k);
        strbuf_putc(b, ':');
        json_string(b, v);
}

static void print_json(const struct log_query *q, const struct ring_entry *e)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        each_field(q, e, true, json_field, &b);
        printf("%s}\n", b.s ?: "{");
}

static void verbose_field(void *data, const char *key, size_t key_len, const char *value, size_t len)
{
        printf("    %.*s=", (int)key_len, key);
        print_text(value, len, 0);
        putchar('\n');
}

static bool plain_text(const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)s[i] < ' ' && s[i] != '\t')
                        return false;
        return utf8_valid(s, len);
}

/* The Journal Export Format: what is no plain line has its length in front. */
static void export_field(void *data, const char *key, size_t key_len, const char *value, size_t len)
{
        uint64_t n = htole64(len);

        fwrite(key, 1, key_len, stdout);
        if (plain_text(value, len))
                putchar('=');
        else {
                putchar('\n');
                fwrite(&n, 1, sizeof(n), stdout);
        }
        fwrite(value, 1, len, stdout);
        putchar('\n');
}

void log_print_entry(const struct log_query *q, const struct ring_entry *e)
{
        char cursor[CURSOR_TEXT_MAX];
        struct log_cursor c;

        switch (q->format) {
        case FORMAT_CAT:
                print_text(e->message, e->message_len, 0);
                putchar('\n');
                return;
        case FORMAT_JSON: print_json(q, e); return;
        case FORMAT_VERBOSE:
                print_stamp(q, e);
                log_cursor_of(e, &c);
                log_cursor_format(&c, cursor);
                printf("[%s]\n", cursor);
                each_field(q, e, false, verbose_field, NULL);
                return;
        case FORMAT_EXPORT:
                each_field(q, e, true, export_field, NULL);
                putchar('\n');
                return;
        default: print_short(q, e); return;
        }
}
