/* Tables, JSON, colours and the forms of times and sizes. */
#include "ctl.h"

#include <stdarg.h>
#include <time.h>

/* ---- tables ---- */

static void table_push(struct table *t, const char *s)
{
        char **v = reallocarray(t->cells, t->n + 1, sizeof(*v));

        if (!v)
                return;
        t->cells = v;
        v[t->n++] = strdup(s ?: "");
}

void table_init(struct table *t, size_t cols, ...)
{
        va_list ap;

        *t = (struct table) { .cols = cols };
        va_start(ap, cols);
        for (size_t i = 0; i < cols; i++)
                table_push(t, va_arg(ap, const char *));
        va_end(ap);
}

void table_row(struct table *t, ...)
{
        va_list ap;

        va_start(ap, t);
        for (size_t i = 0; i < t->cols; i++)
                table_push(t, va_arg(ap, const char *));
        va_end(ap);
}

/* Columns that a string takes on a terminal, for UTF-8 without wide characters. */
static size_t width(const char *s)
{
        size_t n = 0;

        for (; *s; s++)
                n += (*s & 0xc0) != 0x80;
        return n;
}

static void table_done(struct table *t)
{
        for (size_t i = 0; i < t->n; i++)
                free(t->cells[i]);
        free(t->cells);
        t->cells = NULL;
        t->n = 0;
}

void table_print(struct table *t, bool legend)
{
        size_t rows = t->cols ? t->n / t->cols : 0;
        size_t *w = calloc(t->cols + 1, sizeof(*w));

        for (size_t r = legend ? 0 : 1; w && r < rows; r++)
                for (size_t c = 0; c < t->cols; c++)
                        w[c] = MAX(w[c], width(t->cells[r * t->cols + c]));
        for (size_t r = legend ? 0 : 1; w && r < rows; r++) {
                for (size_t c = 0; c < t->cols; c++) {
                        const char *s = t->cells[r * t->cols + c];

                        fputs(s, stdout);
                        if (c + 1 < t->cols)
                                printf("%*s", (int)(w[c] - width(s) + 1), "");
                }
                putchar('\n');
        }
        free(w);
        table_done(t);
}

void table_print_json(struct table *t)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        size_t rows = t->n / t->cols;

        strbuf_putc(&b, '[');
        for (size_t r = 1; r < rows; r++) {
                strbuf_puts(&b, r > 1 ? ",{" : "{");
                for (size_t c = 0, n = 0; c < t->cols; c++) {
                        _cleanup_free_ char *key = strdup(str_strip(t->cells[c]));

                        if (!key || !*key)
                                continue;
                        for (char *k = key; *k; k++)
                                *k = *k >= 'A' && *k <= 'Z' ? (char)(*k + 32) : *k == ' ' ? '_' : *k;
                        strbuf_puts(&b, n++ ? "," : "");
                        json_string(&b, key);
                        strbuf_putc(&b, ':');
                        json_string(&b, t->cells[r * t->cols + c]);
                }
                strbuf_putc(&b, '}');
        }
        strbuf_puts(&b, "]\n");
        fputs(b.s ?: "", stdout);
        table_done(t);
}

void json_string(struct strbuf *b, const char *s)
{
        strbuf_putc(b, '"');
        for (const unsigned char *c = (const unsigned char *)s; *c; c++) {
                if (*c == '"' || *c == '\\')
                        strbuf_printf(b, "\\%c", *c);
                else if (*c < 0x20)
                        strbuf_printf(b, "\\u%04x", *c);
                else
                        strbuf_putc(b, (char)*c);
        }
        strbuf_putc(b, '"');
}

void json_record(struct strbuf *b, const struct ctl_record *rec)
{
        size_t n = 0;

        strbuf_putc(b, '{');
        FOREACH_STR (s, rec->v) {
                _cleanup_free_ char *key = NULL;
                const char *eq = strchr(*s, '=');

                if (!eq || !(key = strndup(*s, (size_t)(eq - *s))))
                        continue;
                strbuf_puts(b, n++ ? "," : "");
                json_string(b, key);
                strbuf_putc(b, ':');
                json_string(b, eq + 1);
        }
        strbuf_putc(b, '}');
}

/* ---- colours ---- */

bool colors(void)
{
        static int on = -1;

        if (on < 0) {
                const char *term = getenv("TERM");

                on = isatty(STDOUT_FILENO) && term && !streq(term, "dumb") && !getenv("NO_COLOR");
        }
        return on;
}

const char *color(const char *name)
{
        static const struct {
                const char *name, *code;
        } codes[] = {
                { "red", "\033[1;31m" },
                { "green", "\033[1;32m" },
                { "yellow", "\033[1;33m" },
                { "grey", "\033[2m" },
                { "bold", "\033[1m" },
                { "off", "\033[0m" },
        };

        for (size_t i = 0; colors() && i < ARRAY_SIZE(codes); i++)
                if (streq(codes[i].name, name))
                        return codes[i].code;
        return "";
}

/* ---- times, sizes ---- */

char *format_time(char *buf, size_t n, usec_t t)
{
        bool utc = opt.timestamp == TIMESTAMP_UTC || opt.timestamp == TIMESTAMP_US_UTC;
        bool us = opt.timestamp == TIMESTAMP_US || opt.timestamp == TIMESTAMP_US_UTC;
        time_t sec = (time_t)(t / USEC_PER_SEC);
        char fraction[8] = "", zone[32];
        struct tm tm;
        size_t k;

        if (t > 0 && opt.timestamp == TIMESTAMP_UNIX) {
                snprintf(buf, n, "@%lld", (long long)sec);
                return buf;
        }
        if (us)
                snprintf(fraction, sizeof(fraction), ".%06u", (unsigned)(t % USEC_PER_SEC));
        if (t <= 0 || !(utc ? gmtime_r(&sec, &tm) : localtime_r(&sec, &tm)) ||
                (k = strftime(buf, n, "%a %Y-%m-%d %H:%M:%S", &tm)) == 0 ||
                (!utc && strftime(zone, sizeof(zone), "%Z", &tm) == 0))
                snprintf(buf, n, "n/a");
        else
                snprintf(buf + k, n - k, "%s %s", fraction, utc ? "UTC" : zone);
        return buf;
}

char *format_ago(char *buf, size_t n, usec_t t)
{
        usec_t d = now_realtime() - t;
        char span[64];

        format_timespan(span, sizeof(span), d < 0 ? -d : d,
                d > 3600 * USEC_PER_SEC || d < -3600 * USEC_PER_SEC ? 60 * USEC_PER_SEC
                : d > USEC_PER_SEC || d < -USEC_PER_SEC             ? USEC_PER_SEC
                                                                    : USEC_PER_MSEC);
        snprintf(buf, n, "%s %s", span, d < 0 ? "left" : "ago");
        return buf;
}

char *format_bytes(char *buf, size_t n, uint64_t v)
{
        static const char units[] = "BKMGTPE";
        size_t u = 0;
        double d = (double)v;

        while (d >= 1024 && u < sizeof(units) - 2) {
                d /= 1024;
                u++;
        }
        snprintf(buf, n, u == 0 ? "%.0f%c" : "%.1f%c", d, units[u]);
        return buf;
}
