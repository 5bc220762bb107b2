/* Calendar events: the search for the next match. calendar-parse.c reads and writes expressions.
 *
 * The search works on broken-down local time at a fixed offset from UTC: the least time after the start of which each
 * component matches, found component by component, a carry restarting at the year. If the offset is another at the time
 * found, a change of offset lies in between: the search goes on from there, by the new one. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calendar-internal.h"
#include "str.h"

#define ROUNDS_MAX 2000

/* ---- the civil calendar ---- */

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
        int64_t y = year - (month <= 2), era = y / 400;
        int64_t yoe = y - era * 400, doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int days_in(int year, int month)
{
        return (int)(days_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                     days_of(year, month, 1));
}

/* Monday is 0. */
static int weekday_of(int64_t days)
{
        return (int)(((days + 3) % 7 + 7) % 7);
}

struct civil {
        int v[COMP_MAX]; /* year … minute */
        int64_t usec;    /* in the minute */
};

static struct civil civil_of(int64_t local)
{
        int64_t sec = local / (int64_t)USEC_PER_SEC, usec = local % (int64_t)USEC_PER_SEC;
        time_t t;
        struct tm tm;

        if (usec < 0) {
                usec += (int64_t)USEC_PER_SEC;
                sec--;
        }
        t = (time_t)sec;
        gmtime_r(&t, &tm);
        return (struct civil) { { tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min },
                tm.tm_sec * (int64_t)USEC_PER_SEC + usec };
}

static int64_t usec_of(const struct civil *c)
{
        int64_t days = days_of(c->v[COMP_YEAR], c->v[COMP_MONTH], c->v[COMP_DAY]);

        return ((days * 24 + c->v[COMP_HOUR]) * 60 + c->v[COMP_MINUTE]) * 60 * (int64_t)USEC_PER_SEC +
               c->usec;
}

/* ---- lists ---- */

/* The least value ≥ from that one range has; INT64_MAX. */
static int64_t range_next(int64_t start, int64_t stop, int64_t repeat, int64_t from)
{
        int64_t v = start;

        if (from > start) {
                if (repeat > 0)
                        v = start + (from - start + repeat - 1) / repeat * repeat;
                else
                        v = from; /* a plain range; for a single value stop is start */
        }
        return v <= stop ? v : INT64_MAX;
}

static int64_t list_next(const struct cal_range *list, int64_t from, int64_t max)
{
        int64_t best = INT64_MAX;

        if (!list)
                return from <= max ? from : INT64_MAX;
        for (; list; list = list->next) {
                int64_t v = range_next(list->start, MIN(list->stop, max), list->repeat, from);

                best = MIN(best, v);
        }
        return best <= max ? best : INT64_MAX;
}

/* Days counted from the end of the month: "~03" is the third last. */
static int64_t list_next_from_end(const struct cal_range *list, int64_t from, int64_t last)
{
        int64_t best = INT64_MAX;

        for (; list; list = list->next) {
                int64_t a = last + 1 - list->start, b = last + 1 - list->stop, v;

                v = range_next(MIN(a, b), MIN(MAX(a, b), last), list->repeat, MAX(from, 1));
                if (MIN(a, b) >= 1 || list->repeat > 0)
                        best = MIN(best, v);
        }
        return best <= last ? best : INT64_MAX;
}

/* ---- the next local time ---- */

static const int comp_first[COMP_MAX] = { YEAR_MIN, 1, 1, 0, 0 };

/* Component i goes to v, and all smaller ones to their first value. */
static void set_from(struct civil *t, int i, int v)
{
        t->v[i] = v;
        for (i++; i < COMP_MAX; i++)
                t->v[i] = comp_first[i];
        t->usec = 0;
}

/* Carry: one more of the component before i. false: beyond the last year. */
static bool carry(struct civil *t, int i)
{
        int max[COMP_MAX] = { YEAR_MAX, 12, 0, 23, 59 };

        for (i--; i >= 0; i--) {
                max[COMP_DAY] = days_in(t->v[COMP_YEAR], t->v[COMP_MONTH]);
                if (t->v[i] < max[i]) {
                        set_from(t, i, t->v[i] + 1);
                        return true;
                }
        }
        return false;
}

static int64_t comp_next(const struct calendar *c, const struct civil *t, int i)
{
        int max[COMP_MAX] = { YEAR_MAX, 12, 0, 23, 59 };

        if (i != COMP_DAY)
                return list_next(c->list[i], t->v[i], max[i]);
        max[COMP_DAY] = days_in(t->v[COMP_YEAR], t->v[COMP_MONTH]);
        return c->from_end && c->list[i] ? list_next_from_end(c->list[i], t->v[i], max[i])
                                         : list_next(c->list[i], t->v[i], max[i]);
}

static bool weekday_matches(const struct calendar *c, const struct civil *t)
{
        return c->weekdays == 0 ||
               c->weekdays >> weekday_of(days_of(t->v[COMP_YEAR], t->v[COMP_MONTH], t->v[COMP_DAY])) & 1;
}

/* The least match ≥ *t, in place. false: none. Each turn fixes one more component, or carries. */
static bool next_local(const struct calendar *c, struct civil *t)
{
        int i = 0;

        while (i < COMP_MAX) {
                int64_t v = comp_next(c, t, i);

                if (v == INT64_MAX) {
                        if (!carry(t, i))
                                return false;
                        i = 0;
                        continue;
                }
                if (v != t->v[i])
                        set_from(t, i, (int)v);
                if (i == COMP_DAY && !weekday_matches(c, t)) {
                        if (!carry(t, COMP_HOUR))
                                return false;
                        i = 0;
                        continue;
                }
                if (++i == COMP_MAX) {
                        int64_t u = list_next(c->seconds, t->usec, 60 * (int64_t)USEC_PER_SEC - 1);

                        if (!c->seconds)
                                u = (t->usec + (int64_t)USEC_PER_SEC - 1) / (int64_t)USEC_PER_SEC *
                                    (int64_t)USEC_PER_SEC;
                        if (u < 60 * (int64_t)USEC_PER_SEC) {
                                t->usec = u;
                                return true;
                        }
                        if (!carry(t, COMP_MAX))
                                return false;
                        i = 0;
                }
        }
        return true;
}

/* ---- time zones ---- */

static int64_t offset_at(const struct calendar *c, int64_t t)
{
        time_t sec = (time_t)(t / (int64_t)USEC_PER_SEC);
        struct tm tm;

        if (c->zone_kind == ZONE_UTC)
                return 0;
        if (c->zone_kind == ZONE_FIXED)
                return c->zone_offset;
        return localtime_r(&sec, &tm) ? (int64_t)tm.tm_gmtoff * (int64_t)USEC_PER_SEC : 0;
}

/* First moment (to the second) in (from, to] of which the offset is not off. */
static int64_t offset_change(const struct calendar *c, int64_t from, int64_t to, int64_t off)
{
        int64_t a = from / (int64_t)USEC_PER_SEC, b = to / (int64_t)USEC_PER_SEC;

        while (b - a > 1) {
                int64_t mid = a + (b - a) / 2;

                if (offset_at(c, mid * (int64_t)USEC_PER_SEC) == off)
                        a = mid;
                else
                        b = mid;
        }
        return b * (int64_t)USEC_PER_SEC;
}

static bool every_hour(const struct calendar *c)
{
        const struct cal_range *r = c->list[COMP_HOUR];

        return !r || (!r->next && r->start == 0 && r->stop >= 23 && r->repeat <= 1 && r->stop != r->start);
}

static int search(const struct calendar *c, int64_t after, int64_t *ret)
{
        int64_t off = offset_at(c, after), local = after + off + 1;

        for (int i = 0; i < ROUNDS_MAX; i++) {
                struct civil t = civil_of(local);
                int64_t found, new_off, change;

                if (t.v[COMP_YEAR] < YEAR_MIN)
                        set_from(&t, COMP_YEAR, YEAR_MIN);
                if (t.v[COMP_YEAR] > YEAR_MAX || !next_local(c, &t))
                        return -ENOENT;
                found = usec_of(&t) - off;
                new_off = offset_at(c, found);
                if (new_off == off) {
                        if (found < 0)
                                return -ENOENT;
                        *ret = found;
                        return 0;
                }
                change = offset_change(c, after, found, off);
                new_off = offset_at(c, change);
                /* back: the hour that comes again is only for those who run every hour */
                local = change + (new_off < off && !every_hour(c) ? off : new_off);
                after = change;
                off = new_off;
        }
        return -ENOENT;
}

static char *zone_enter(const char *zone)
{
        const char *old = getenv("TZ");
        char *saved = old ? strdup(old) : NULL;
        _cleanup_free_ char *tz = str_printf(":%s", zone);

        if (tz)
                setenv("TZ", tz, 1);
        tzset();
        return saved;
}

static void zone_leave(char *saved)
{
        if (saved)
                setenv("TZ", saved, 1);
        else
                unsetenv("TZ");
        tzset();
        free(saved);
}

int calendar_next(const struct calendar *c, usec_t t, usec_t *ret)
{
        int64_t found = 0;
        char *saved = NULL;
        int r;

        if (t >= USEC_INFINITY / 2)
                return -ENOENT;
        if (c->zone_kind == ZONE_NAMED)
                saved = zone_enter(c->zone);
        r = search(c, (int64_t)t, &found);
        if (c->zone_kind == ZONE_NAMED)
                zone_leave(saved);
        if (r >= 0)
                *ret = (usec_t)found;
        return r;
}
