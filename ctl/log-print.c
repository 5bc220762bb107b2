/* One entry of the log in each of journalctl(1)'s formats. */
#include "log.h"

#include <time.h>

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

struct field_list {
        char *keys[16], *values[16];
        size_t n;
};

static void add_field(struct field_list *f, const char *key, char *value)
{
        if (value && f->n < ARRAY_SIZE(f->keys)) {
                f->keys[f->n] = (char *)key;
                f->values[f->n++] = value;
        } else
                free(value);
}

static void number_field(struct field_list *f, const char *key, uint64_t v)
{
        if (v != RING_NO_ID)
                add_field(f, key, str_printf("%llu", (unsigned long long)v));
}

static void gather_fields(const struct ring_entry *e, struct field_list *f)
{
        *f = (struct field_list) { 0 };
        number_field(f, "__REALTIME_TIMESTAMP", (uint64_t)e->realtime);
        number_field(f, "__MONOTONIC_TIMESTAMP", (uint64_t)e->monotonic);
        add_field(f, "__CURSOR", str_printf("n=%llx", (unsigned long long)e->seq));
        add_field(f, "_HOSTNAME", strdup(host_name()));
        add_field(f, "_TRANSPORT", strdup(log_transport_to_string(e->transport) ?: "?"));
        number_field(f, "PRIORITY", e->priority);
        number_field(f, "SYSLOG_FACILITY", e->facility);
        number_field(f, "_PID", e->pid);
        number_field(f, "_UID", e->uid);
        number_field(f, "_GID", e->gid);
        if (*e->identifier)
                add_field(f, "SYSLOG_IDENTIFIER", strdup(e->identifier));
        if (*e->comm)
                add_field(f, "_COMM", strdup(e->comm));
        if (*e->unit)
                add_field(f, "_SYSTEMD_UNIT", strdup(e->unit));
        add_field(f, "MESSAGE", strndup(e->message, e->message_len));
}

static void fields_done(struct field_list *f)
{
        for (size_t i = 0; i < f->n; i++)
                free(f->values[i]);
}

static void print_json(const struct ring_entry *e)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const char *key, *value;
        size_t p = 0, kl, vl;
        struct field_list f;

        gather_fields(e, &f);
        for (size_t i = 0; i < f.n; i++) {
                strbuf_puts(&b, i ? "," : "{");
                json_string(&b, f.keys[i]);
                strbuf_putc(&b, ':');
                json_string(&b, f.values[i]);
        }
        fields_done(&f);
        while (ring_entry_next_field(e, &p, &key, &kl, &value, &vl) > 0) {
                _cleanup_free_ char *k = strndup(key, kl), *v = strndup(value, vl);

                if (!k || !v || streq(k, "MESSAGE"))
                        continue;
                strbuf_putc(&b, ',');
                json_string(&b, k);
                strbuf_putc(&b, ':');
                json_string(&b, v);
        }
        printf("%s}\n", b.s ?: "{");
}

static void print_fields(const struct log_query *q, const struct ring_entry *e)
{
        const char *key, *value, *in = q->format == FORMAT_VERBOSE ? "    " : "";
        size_t p = 0, kl, vl;
        struct field_list f;

        if (q->format == FORMAT_VERBOSE) {
                print_stamp(q, e);
                printf("[n=%llx]\n", (unsigned long long)e->seq);
        }
        gather_fields(e, &f);
        for (size_t i = 0; i < f.n; i++)
                if (q->format == FORMAT_EXPORT || strncmp(f.keys[i], "__", 2) != 0)
                        printf("%s%s=%s\n", in, f.keys[i], f.values[i]);
        fields_done(&f);
        while (ring_entry_next_field(e, &p, &key, &kl, &value, &vl) > 0) {
                printf("%s%.*s=", in, (int)kl, key);
                print_text(value, vl, 0);
                putchar('\n');
        }
        if (q->format == FORMAT_EXPORT)
                putchar('\n');
}

void log_print_entry(const struct log_query *q, const struct ring_entry *e)
{
        switch (q->format) {
        case FORMAT_CAT:
                print_text(e->message, e->message_len, 0);
                putchar('\n');
                return;
        case FORMAT_JSON: print_json(e); return;
        case FORMAT_VERBOSE:
        case FORMAT_EXPORT: print_fields(q, e); return;
        default: print_short(q, e); return;
        }
}
