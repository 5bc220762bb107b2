/* Calendar events: the text. Grammar, by systemd.time(7):
 *
 *     [WEEKDAYS] [[YEAR-]MONTH(-|~)DAY] [HOUR:MINUTE[:SECOND]] [ZONE], or a word (daily …) [ZONE], or @SECONDS
 *
 * Each component is "*" or a list of VALUE, VALUE..VALUE, each with an optional /REPEAT. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "calendar-internal.h"
#include "str.h"

#define RANGES_MAX 240
#define USEC_MAX   (60 * (int64_t)USEC_PER_SEC - 1)

static const struct {
        int64_t min, max;
} limits[COMP_MAX] = { { YEAR_MIN, YEAR_MAX }, { 1, 12 }, { 1, 31 }, { 0, 23 }, { 0, 59 } };
static const char *const day_names[7] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
        "Sunday" };
static const struct {
        const char *word, *text;
} words[] = {
        { "minutely", "*-*-* *:*:00" },
        { "hourly", "*-*-* *:00:00" },
        { "daily", "*-*-* 00:00:00" },
        { "monthly", "*-*-01 00:00:00" },
        { "weekly", "Mon *-*-* 00:00:00" },
        { "yearly", "*-01-01 00:00:00" },
        { "annually", "*-01-01 00:00:00" },
        { "quarterly", "*-01,04,07,10-01 00:00:00" },
        { "semiannually", "*-01,07-01 00:00:00" },
        { "semi-annually", "*-01,07-01 00:00:00" },
        { "biannually", "*-01,07-01 00:00:00" },
        { "bi-annually", "*-01,07-01 00:00:00" },
};

static void list_free(struct cal_range *r)
{
        while (r) {
                struct cal_range *next = r->next;

                free(r);
                r = next;
        }
}

void calendar_free(struct calendar *c)
{
        if (!c)
                return;
        for (int i = 0; i < COMP_MAX; i++)
                list_free(c->list[i]);
        list_free(c->seconds);
        free(c->zone);
        free(c);
}

/* ---- components ---- */

/* A number of at most 4 digits, with decimals in µs (rounded to 6 places) when usec. */
static int parse_number(const char **p, bool usec, int64_t *ret)
{
        const char *s = *p;
        int64_t v = 0, scale = (int64_t)USEC_PER_SEC;
        int digits = 0;

        for (; isdigit((unsigned char)*s); s++) {
                if (++digits > (usec ? 2 : 4))
                        return -EINVAL;
                v = v * 10 + *s - '0';
        }
        if (digits == 0)
                return -EINVAL;
        if (usec) {
                v *= scale;
                if (*s == '.' && isdigit((unsigned char)s[1])) {
                        for (s++; isdigit((unsigned char)*s); s++) {
                                if (scale == 1)
                                        v += *s >= '5';
                                scale /= 10;
                                v += (*s - '0') * scale;
                        }
                }
        }
        *p = s;
        *ret = v;
        return 0;
}

static int64_t full_year(int64_t y)
{
        return y < 70 ? y + 2000 : y < 100 ? y + 1900 : y;
}

static bool range_before(const struct cal_range *a, const struct cal_range *b)
{
        if (a->start != b->start)
                return a->start < b->start;
        return a->stop != b->stop ? a->stop < b->stop : a->repeat < b->repeat;
}

static int add_range(struct cal_range **list, const struct cal_range *r)
{
        unsigned n = 0;
        struct cal_range *copy;

        for (; *list && range_before(*list, r); list = &(*list)->next)
                if (++n > RANGES_MAX)
                        return -EINVAL;
        if (*list && !range_before(r, *list))
                return 0; /* said already */
        copy = malloc(sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *copy = *r;
        copy->next = *list;
        *list = copy;
        return 0;
}

static int parse_range(const char **p, int comp, bool from_end, struct cal_range *r)
{
        bool usec = comp == COMP_MAX, star = **p == '*';
        int64_t min = usec ? 0 : limits[comp].min, max = usec ? USEC_MAX : limits[comp].max;
        int k = 0;

        *r = (struct cal_range) { .start = min };
        if (star)
                ++*p;
        else
                k = parse_number(p, usec, &r->start);
        if (k < 0)
                return k;
        if (comp == COMP_YEAR)
                r->start = full_year(r->start);
        r->stop = r->start;
        if (!star && startswith(*p, "..")) {
                *p += 2;
                k = parse_number(p, usec, &r->stop);
                if (k < 0)
                        return k;
                if (comp == COMP_YEAR)
                        r->stop = full_year(r->stop);
                if (usec && r->stop > r->start)
                        r->repeat = (int64_t)USEC_PER_SEC;
        } else if (**p == '/')
                r->open = true;
        if (**p == '/') {
                ++*p;
                k = parse_number(p, usec, &r->repeat);
                if (k < 0)
                        return k;
                if (r->repeat == 0)
                        return -EINVAL;
                if (r->open)
                        r->stop = from_end ? min : max;
                else if (r->stop == r->start)
                        r->repeat = 0; /* one value, however it is written */
        } else if (star)
                return -EINVAL; /* "*" is no member of a list */
        if (r->start < min || r->start > max || r->stop < min || r->stop > max ||
                (r->stop < r->start && !from_end))
                return -EINVAL;
        if (from_end && !r->open && r->stop > r->start) { /* from the earlier day to the later one */
                int64_t t = r->start;

                r->start = r->stop;
                r->stop = t;
        }
        return 0;
}

/* "*" leaves *list empty. */
static int parse_list(const char **p, int comp, bool from_end, struct cal_range **list)
{
        if (**p == '*' && (*p)[1] != '/') {
                ++*p;
                return 0;
        }
        for (;;) {
                struct cal_range r;
                int k = parse_range(p, comp, from_end, &r);

                if (k >= 0)
                        k = add_range(list, &r);
                if (k < 0 || **p != ',')
                        return k;
                ++*p;
        }
}

/* ---- weekdays ---- */

static int parse_day(const char **p)
{
        for (int d = 0; d < 7; d++) {
                size_t full = strlen(day_names[d]);
                size_t n = strncasecmp(*p, day_names[d], full) == 0 ? full
                           : strncasecmp(*p, day_names[d], 3) == 0  ? 3
                                                                    : 0;

                if (n == 0)
                        continue;
                *p += n;
                return d;
        }
        return -EINVAL;
}

static int parse_weekdays(const char **p, unsigned *ret)
{
        const char *s = *p;

        if (!isalpha((unsigned char)*s) || parse_day(&s) < 0)
                return 0;
        for (s = *p;;) {
                int a = parse_day(&s), b = a;

                if (a < 0)
                        return -EINVAL;
                if (startswith(s, "..") || *s == '-') {
                        s += *s == '-' ? 1 : 2;
                        b = parse_day(&s);
                        if (b < a)
                                return -EINVAL;
                }
                for (int d = a; d <= b; d++)
                        *ret |= 1u << d;
                if (*s == ',' && isalpha((unsigned char)s[1])) {
                        s++;
                        continue;
                }
                s += *s == ',';
                if (*s && *s != ' ')
                        return -EINVAL;
                *p = s + strspn(s, " ");
                return 0;
        }
}

/* ---- date and time ---- */

/* Does the word at p have a separator of dates before one of times? */
static bool is_date(const char *p)
{
        p += strcspn(p, "-~: ");
        return *p == '-' || *p == '~';
}

static int parse_date(struct calendar *c, const char **p)
{
        const char *s = *p, *end = s + strcspn(s, " ");
        unsigned n = 0;
        int comp, k;

        for (const char *i = s; i < end; i++)
                n += *i == '-' || *i == '~';
        if (n != 1 && n != 2)
                return -EINVAL;
        for (comp = n == 2 ? COMP_YEAR : COMP_MONTH; comp <= COMP_DAY; comp++) {
                k = parse_list(&s, comp, c->from_end, &c->list[comp]);
                if (k < 0)
                        return k;
                if (comp == COMP_DAY)
                        break;
                if (*s != '-' && !(*s == '~' && comp == COMP_MONTH))
                        return -EINVAL;
                c->from_end = *s++ == '~';
        }
        if (c->from_end && !c->list[COMP_DAY])
                return -EINVAL;
        *p = s;
        return s == end ? 0 : -EINVAL;
}

static int set_zero(struct cal_range **list)
{
        struct cal_range zero = {};

        return add_range(list, &zero);
}

static int parse_time(struct calendar *c, const char **p)
{
        int k = parse_list(p, COMP_HOUR, false, &c->list[COMP_HOUR]);

        if (k >= 0)
                k = *(*p)++ == ':' ? parse_list(p, COMP_MINUTE, false, &c->list[COMP_MINUTE]) : -EINVAL;
        if (k < 0)
                return k;
        if (**p != ':')
                return set_zero(&c->seconds);
        ++*p;
        return parse_list(p, COMP_MAX, false, &c->seconds);
}

static int parse_epoch(struct calendar *c, const char *s)
{
        int64_t v;
        struct tm tm;
        time_t t;
        int values[COMP_MAX], r = parse_i64(s, &v);
        struct cal_range sec;

        if (r < 0 || v < 0 || v > 7258118399)
                return -EINVAL;
        t = (time_t)v;
        gmtime_r(&t, &tm);
        values[COMP_YEAR] = tm.tm_year + 1900;
        values[COMP_MONTH] = tm.tm_mon + 1;
        values[COMP_DAY] = tm.tm_mday;
        values[COMP_HOUR] = tm.tm_hour;
        values[COMP_MINUTE] = tm.tm_min;
        for (int i = 0; i < COMP_MAX; i++) {
                struct cal_range one = { .start = values[i], .stop = values[i] };

                if (add_range(&c->list[i], &one) < 0)
                        return -ENOMEM;
        }
        sec = (struct cal_range) { .start = tm.tm_sec * (int64_t)USEC_PER_SEC,
                .stop = tm.tm_sec * (int64_t)USEC_PER_SEC };
        c->zone_kind = ZONE_UTC;
        return add_range(&c->seconds, &sec);
}

/* ---- zones ---- */

static bool zone_exists(const char *name)
{
        char path[256];

        if (!isalpha((unsigned char)*name) || strlen(name) > 100)
                return false;
        for (const char *s = name; *s; s++)
                if (!isalnum((unsigned char)*s) && !strchr("/_-+", *s))
                        return false;
        if (!path_is_normalized(name))
                return false;
        strcpy(path, "/usr/share/zoneinfo/");
        strcat(path, name);
        return access(path, R_OK) >= 0;
}

/* A name of the local zone ("CET", "CEST"): its offset, whatever the season. */
static bool local_zone(const char *name, int64_t *ret)
{
        time_t now = (time_t)(now_realtime() / USEC_PER_SEC);
        struct tm tm;

        tzset();
        for (int month = 0; month < 13; month++) {
                time_t t = now + month * 30 * 86400;

                if (localtime_r(&t, &tm) && tm.tm_zone && streq(tm.tm_zone, name)) {
                        *ret = tm.tm_gmtoff * (int64_t)USEC_PER_SEC;
                        return true;
                }
        }
        return false;
}

/* 1: word is a zone. */
static int parse_zone(struct calendar *c, const char *word)
{
        if (strcasecmp(word, "UTC") == 0) {
                c->zone_kind = ZONE_UTC;
                return 1;
        }
        if (local_zone(word, &c->zone_offset))
                c->zone_kind = ZONE_FIXED;
        else if (zone_exists(word))
                c->zone_kind = ZONE_NAMED;
        else
                return 0;
        c->zone = strdup(word);
        return c->zone ? 1 : -ENOMEM;
}

/* ---- the whole ---- */

static const char *shorthand(const char *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcasecmp(words[i].word, s) == 0)
                        return words[i].text;
        return NULL;
}

static int parse_all(struct calendar *c, const char *s)
{
        bool time = false, date = false;
        int k = parse_weekdays(&s, &c->weekdays);

        if (k >= 0 && is_date(s)) {
                date = true;
                k = parse_date(c, &s);
                s += strspn(s, " ");
        }
        if (k >= 0 && *s) {
                time = true;
                k = parse_time(c, &s);
        }
        if (k < 0)
                return k;
        if (*s || (!time && !date && c->weekdays == 0))
                return -EINVAL;
        if (!time) {
                k = set_zero(&c->list[COMP_HOUR]);
                if (k >= 0)
                        k = set_zero(&c->list[COMP_MINUTE]);
                if (k >= 0)
                        k = set_zero(&c->seconds);
        }
        if (c->weekdays == 0x7f)
                c->weekdays = 0;
        return k;
}

int calendar_parse(const char *s, struct calendar **ret)
{
        _cleanup_calendar_ struct calendar *c = calloc(1, sizeof(*c));
        _cleanup_free_ char *text = strdup(s);
        char *space, *t;
        int k;

        if (!c || !text)
                return -ENOMEM;
        t = str_strip(text);
        space = strrchr(t, ' ');
        if (space && isalpha((unsigned char)space[1])) {
                k = parse_zone(c, space + 1);
                if (k < 0)
                        return k;
                if (k > 0) {
                        while (space > t && space[-1] == ' ')
                                space--;
                        *space = '\0';
                } else if (strchr(space, '/'))
                        return -ENOENT;
        }
        k = *t == '@' ? parse_epoch(c, t + 1) : parse_all(c, shorthand(t) ?: t);
        if (k < 0)
                return k;
        *ret = TAKE_PTR(c);
        return 0;
}

/* ---- writing ---- */

static void format_value(struct strbuf *b, int comp, int64_t v)
{
        int64_t sec = v / (int64_t)USEC_PER_SEC, rest = v % (int64_t)USEC_PER_SEC;

        if (comp < COMP_MAX)
                strbuf_printf(b, comp == COMP_YEAR ? "%04lld" : "%02lld", (long long)v);
        else if (rest)
                strbuf_printf(b, "%02lld.%06lld", (long long)sec, (long long)rest);
        else
                strbuf_printf(b, "%02lld", (long long)sec);
}

static void format_repeat(struct strbuf *b, int comp, int64_t v)
{
        if (comp == COMP_MAX && v % (int64_t)USEC_PER_SEC)
                strbuf_printf(b, "/%lld.%06lld", (long long)(v / (int64_t)USEC_PER_SEC),
                        (long long)(v % (int64_t)USEC_PER_SEC));
        else
                strbuf_printf(b, "/%lld", (long long)(comp == COMP_MAX ? v / (int64_t)USEC_PER_SEC : v));
}

static void format_list(struct strbuf *b, int comp, const struct cal_range *list)
{
        if (!list)
                strbuf_puts(b, "*");
        for (const struct cal_range *r = list; r; r = r->next) {
                bool plain_seconds = comp == COMP_MAX && r->repeat == (int64_t)USEC_PER_SEC && !r->open;

                format_value(b, comp, r->start);
                if (!r->open && r->stop != r->start) {
                        strbuf_puts(b, "..");
                        format_value(b, comp, r->stop);
                }
                if (r->repeat > 0 && !plain_seconds)
                        format_repeat(b, comp, r->repeat);
                if (r->next)
                        strbuf_putc(b, ',');
        }
}

/* "Mon..Thu,Sat,Sun": ranges from three days on. */
static void format_weekdays(struct strbuf *b, unsigned days)
{
        for (int d = 0; d < 7; d++) {
                int end = d;

                if (!(days >> d & 1))
                        continue;
                while (end < 6 && days >> (end + 1) & 1)
                        end++;
                if (end - d < 2)
                        end = d;
                strbuf_printf(b, "%s%.3s", days & ((1u << d) - 1) ? "," : "", day_names[d]);
                if (end > d)
                        strbuf_printf(b, "..%.3s", day_names[end]);
                d = end;
        }
        if (days)
                strbuf_putc(b, ' ');
}

char *calendar_format(const struct calendar *c)
{
        struct strbuf b = {};

        format_weekdays(&b, c->weekdays);
        for (int i = 0; i < COMP_MAX; i++) {
                format_list(&b, i, c->list[i]);
                strbuf_putc(&b, i == COMP_MONTH && c->from_end ? '~'
                                : i < COMP_DAY                 ? '-'
                                : i == COMP_DAY                ? ' '
                                                               : ':');
        }
        format_list(&b, COMP_MAX, c->seconds);
        if (c->zone_kind == ZONE_UTC)
                strbuf_puts(&b, " UTC");
        else if (c->zone)
                strbuf_printf(&b, " %s", c->zone);
        return strbuf_take(&b);
}
