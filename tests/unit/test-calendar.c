/* Calendar events: what an expression is in its normal form, and when it comes next. */
#include <stdlib.h>
#include <time.h>

#include "lib/calendar.h"
#include "tests/tap.h"

static const struct {
        const char *in, *out;
} forms[] = {
        { "Sat,Thu,Mon..Wed,Sat..Sun", "Mon..Thu,Sat,Sun *-*-* 00:00:00" },
        { "Mon,Sun 12-*-* 2,1:23", "Mon,Sun 2012-*-* 01,02:23:00" },
        { "Wed *-1", "Wed *-*-01 00:00:00" },
        { "Wed..Wed,Wed *-1", "Wed *-*-01 00:00:00" },
        { "Wed, 17:48", "Wed *-*-* 17:48:00" },
        { "Wed..Sat,Tue 12-10-15 1:2:3", "Tue..Sat 2012-10-15 01:02:03" },
        { "*-*-7 0:0:0", "*-*-07 00:00:00" },
        { "10-15", "*-10-15 00:00:00" },
        { "monday *-12-* 17:00", "Mon *-12-* 17:00:00" },
        { "Mon,Fri *-*-3,1,2 *:30:45", "Mon,Fri *-*-01,02,03 *:30:45" },
        { "12,14,13,12:20,10,30", "*-*-* 12,13,14:10,20,30:00" },
        { "12..14:10,20,30", "*-*-* 12..14:10,20,30:00" },
        { "mon,fri *-1/2-1,3 *:30:45", "Mon,Fri *-01/2-01,03 *:30:45" },
        { "03-05 08:05:40", "*-03-05 08:05:40" },
        { "08:05:40", "*-*-* 08:05:40" },
        { "05:40", "*-*-* 05:40:00" },
        { "Sat,Sun 12-05 08:05:40", "Sat,Sun *-12-05 08:05:40" },
        { "2003-03-05 05:40", "2003-03-05 05:40:00" },
        { "05:40:23.4200004/3.1700005", "*-*-* 05:40:23.420000/3.170001" },
        { "2003-02..04-05", "2003-02..04-05 00:00:00" },
        { "2003-03-05 05:40 UTC", "2003-03-05 05:40:00 UTC" },
        { "hourly", "*-*-* *:00:00" },
        { "daily UTC", "*-*-* 00:00:00 UTC" },
        { "monthly", "*-*-01 00:00:00" },
        { "weekly", "Mon *-*-* 00:00:00" },
        { "quarterly", "*-01,04,07,10-01 00:00:00" },
        { "semiannually", "*-01,07-01 00:00:00" },
        { "annually", "*-01-01 00:00:00" },
        { "minutely", "*-*-* *:*:00" },
        { "*:2/3", "*-*-* *:02/3:00" },
        { "*-02~03", "*-02~03 00:00:00" },
        { "Mon *-05~07/1", "Mon *-05~07/1 00:00:00" },
        { "@0", "1970-01-01 00:00:00 UTC" },
        { "Mon..Sun 1:00", "*-*-* 01:00:00" },
};
static const char *const bad[] = { "", "12", "25:00", "*-13-01", "*-*-32", "10:60", "10:00:60", "Foo",
        "Mon,,Tue", "*:0/0", "1..:00", "Fri..Mon", "5..3:00", "10:00 No/Where", "2012~10-15", "*-*~*",
        "1:2:3:4", "mon 10:00 x", "@", "@-1", "00:00:00.", "1969-01-01" };

/* "2024-02-28 12:00:00" → next, both UTC unless the expression says otherwise. NULL: never again. */
static const struct {
        const char *expr, *after, *next;
} events[] = {
        { "daily UTC", "2024-02-28 12:00:00", "2024-02-29 00:00:00" },
        { "daily UTC", "2024-02-29 00:00:00", "2024-03-01 00:00:00" },
        { "hourly UTC", "2024-12-31 23:00:00", "2025-01-01 00:00:00" },
        { "minutely UTC", "2024-01-01 00:00:00", "2024-01-01 00:01:00" },
        { "weekly UTC", "2024-02-28 12:00:00", "2024-03-04 00:00:00" },
        { "monthly UTC", "2024-01-31 12:00:00", "2024-02-01 00:00:00" },
        { "*-*~01 UTC", "2024-02-01 00:00:00", "2024-02-29 00:00:00" },
        { "*-*~01 UTC", "2023-02-01 00:00:00", "2023-02-28 00:00:00" },
        { "*-02~03 UTC", "2024-01-01 00:00:00", "2024-02-27 00:00:00" },
        { "Mon *-05~07/1 UTC", "2024-01-01 00:00:00", "2024-05-27 00:00:00" },
        { "*-02-29 UTC", "2024-02-29 00:00:00", "2028-02-29 00:00:00" },
        { "*-02-30 UTC", "2024-01-01 00:00:00", NULL },
        { "2023-01-01 UTC", "2024-01-01 00:00:00", NULL },
        { "Fri *-*-13 UTC", "2024-01-01 00:00:00", "2024-09-13 00:00:00" },
        { "Mon..Fri 09:00 UTC", "2024-03-01 09:00:00", "2024-03-04 09:00:00" },
        { "*:0/15 UTC", "2024-01-01 00:46:00", "2024-01-01 01:00:00" },
        { "*:2/3 UTC", "2024-01-01 00:00:00", "2024-01-01 00:02:00" },
        { "*:*:0/20 UTC", "2024-01-01 00:00:41", "2024-01-01 00:01:00" },
        { "*:*:* UTC", "2024-01-01 00:00:41", "2024-01-01 00:00:42" },
        { "*-1/3-1 UTC", "2024-02-01 00:00:00", "2024-04-01 00:00:00" },
        { "2024..2026-12-24 18:00 UTC", "2025-12-24 18:00:00", "2026-12-24 18:00:00" },
        { "Sat 2024-02-29 UTC", "2023-01-01 00:00:00", NULL },
        { "8..18/2:30 UTC", "2024-01-01 18:30:00", "2024-01-02 08:30:00" },
        { "@1700000000", "2020-01-01 00:00:00", "2023-11-14 22:13:20" },
        /* Europe/Berlin: to summer at 2024-03-31 01:00 UTC, back at 2024-10-27 01:00 UTC */
        { "daily Europe/Berlin", "2024-03-30 23:00:00", "2024-03-31 22:00:00" },
        { "daily Europe/Berlin", "2024-10-26 22:00:00", "2024-10-27 23:00:00" },
        { "*-07-01 09:00 Europe/Berlin", "2024-01-01 00:00:00", "2024-07-01 07:00:00" },
        { "02:30 Europe/Berlin", "2024-03-30 02:00:00", "2024-04-01 00:30:00" },
        { "02:30 Europe/Berlin", "2024-10-27 00:00:00", "2024-10-27 00:30:00" },
        { "02:30 Europe/Berlin", "2024-10-27 00:30:00", "2024-10-28 01:30:00" },
        { "hourly Europe/Berlin", "2024-10-27 00:00:00", "2024-10-27 01:00:00" },
        { "hourly Europe/Berlin", "2024-10-27 01:00:00", "2024-10-27 02:00:00" },
        { "*:30 Europe/Berlin", "2024-10-27 00:30:00", "2024-10-27 01:30:00" },
        { "weekly Pacific/Auckland", "2024-01-01 00:00:00", "2024-01-07 11:00:00" },
};

static usec_t utc(const char *s)
{
        struct tm tm = { 0 };

        return strptime(s, "%Y-%m-%d %H:%M:%S", &tm) ? (usec_t)timegm(&tm) * USEC_PER_SEC : 0;
}

static void test_event(const char *expr, const char *after, const char *next)
{
        _cleanup_calendar_ struct calendar *c = NULL;
        char what[200], got[64] = "never";
        usec_t t;
        int r = calendar_parse(expr, &c);

        snprintf(what, sizeof(what), "%s after %s", expr, after);
        if (r == -ENOENT && access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
                ok(true, "no time zones here # SKIP");
                return;
        }
        if (r >= 0 && calendar_next(c, utc(after), &t) >= 0) {
                time_t sec = (time_t)(t / USEC_PER_SEC);
                struct tm tm;

                strftime(got, sizeof(got), "%Y-%m-%d %H:%M:%S", gmtime_r(&sec, &tm));
        }
        is_str(got, next ? next : "never", what);
}

int main(void)
{
        setenv("TZ", "UTC", 1);
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                _cleanup_calendar_ struct calendar *c = NULL;
                _cleanup_free_ char *text = calendar_parse(forms[i].in, &c) >= 0 ? calendar_format(c) : NULL;

                is_str(text, forms[i].out, forms[i].in);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct calendar *c = NULL;

                ok(calendar_parse(bad[i], &c) < 0, bad[i]);
                calendar_free(c);
        }
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                test_event(events[i].expr, events[i].after, events[i].next);
        is_str(getenv("TZ"), "UTC", "the process's own time zone is as before");
        return tap_done();
}
