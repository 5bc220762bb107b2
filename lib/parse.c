/* Numbers, booleans, sizes, percentages and time spans from text. White space around is the caller's to cut;
 * an error leaves *ret alone: -EINVAL not of the form, -ERANGE of the form but too large. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "str.h"

int parse_boolean(const char *s)
{
        static const char *const words[][6] = {
                { "0", "no", "n", "false", "f", "off" },
                { "1", "yes", "y", "true", "t", "on" },
        };

        for (int v = 0; v < 2; v++)
                for (size_t i = 0; i < ARRAY_SIZE(words[v]); i++)
                        if (strcasecmp(s, words[v][i]) == 0)
                                return v;
        return -EINVAL;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Digits of base at *s (at least one), *s moved behind them. */
static int take_digits(const char **s, unsigned base, uint64_t *ret)
{
        const char *p = *s;
        uint64_t v = 0;

        for (;; p++) {
                unsigned d = is_digit(*p)                           ? (unsigned)(*p - '0')
                             : (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (unsigned)((*p | 32) - 'a') + 10
                                                                    : 99;

                if (d >= base)
                        break;
                if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
                        return -ERANGE;
        }
        if (p == *s)
                return -EINVAL;
        *s = p;
        *ret = v;
        return 0;
}

int parse_u64(const char *s, uint64_t *ret)
{
        unsigned base = 10;
        uint64_t v;
        int r;

        if (s[0] == '0' && s[1]) {
                char kind = s[1] | 32;

                base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
                if (base != 10)
                        s += 2;
        }
        r = take_digits(&s, base, &v);
        if (r < 0)
                return r;
        if (*s)
                return -EINVAL;
        *ret = v;
        return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
        uint64_t v;
        int r = parse_u64(s, &v);

        if (r < 0)
                return r;
        if (v > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)v;
        return 0;
}

int parse_i64(const char *s, int64_t *ret)
{
        bool negative = *s == '-';
        uint64_t v;
        int r;

        if (*s == '-' || *s == '+')
                s++;
        r = parse_u64(s, &v);
        if (r < 0)
                return r;
        if (v > (uint64_t)INT64_MAX + negative)
                return -ERANGE;
        *ret = (int64_t)(negative ? -v : v);
        return 0;
}

int parse_int(const char *s, int *ret)
{
        int64_t v;
        int r = parse_i64(s, &v);

        if (r < 0)
                return r;
        if (v < INT_MIN || v > INT_MAX)
                return -ERANGE;
        *ret = (int)v;
        return 0;
}

int parse_mode(const char *s, mode_t *ret)
{
        uint64_t v;
        int r = take_digits(&s, 8, &v);

        if (r < 0)
                return r;
        if (*s)
                return -EINVAL;
        if (v > 07777)
                return -ERANGE;
        *ret = (mode_t)v;
        return 0;
}

/* A decimal with an optional fraction: "12", "1.5", ".5". */
struct decimal {
        uint64_t whole, fraction, scale; /* whole + fraction/scale; digits beyond 10^-15 are dropped */
};

static int take_decimal(const char **s, struct decimal *d)
{
        const char *p = *s;
        bool digits = false;

        *d = (struct decimal) { .scale = 1 };
        if (is_digit(*p)) {
                int r = take_digits(&p, 10, &d->whole);

                if (r < 0)
                        return r;
                digits = true;
        }
        if (*p == '.') {
                p++;
                if (!is_digit(*p))
                        return -EINVAL;
                for (; is_digit(*p); p++) {
                        if (d->scale >= UINT64_C(1000000000000000))
                                continue;
                        d->fraction = d->fraction * 10 + (uint64_t)(*p - '0');
                        d->scale *= 10;
                }
                digits = true;
        }
        if (!digits)
                return -EINVAL;
        *s = p;
        return 0;
}

/* *sum += d × unit, at most max. */
static int add_scaled(uint64_t *sum, const struct decimal *d, uint64_t unit, uint64_t max)
{
        unsigned __int128 v =
                (unsigned __int128)d->whole * unit + (unsigned __int128)d->fraction * unit / d->scale + *sum;

        if (v > max)
                return -ERANGE;
        *sum = (uint64_t)v;
        return 0;
}

int parse_size(const char *s, uint64_t *ret)
{
        static const char suffixes[] = "BKMGTPE";
        unsigned last = sizeof(suffixes);
        uint64_t sum = 0;

        if (streq(s, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }
        do {
                struct decimal d;
                const char *suffix;
                unsigned unit = 0;
                int r = take_decimal(&s, &d);

                if (r < 0)
                        return r;
                s += strspn(s, " \t");
                if (*s && (suffix = strchr(suffixes, *s))) {
                        unit = (unsigned)(suffix - suffixes);
                        s++;
                }
                /* "1G 500M" adds up; "500M 1G" is a slip of the pen */
                if (unit >= last)
                        return -EINVAL;
                last = unit;
                r = add_scaled(&sum, &d, UINT64_C(1) << 10 * unit, UINT64_MAX - 1);
                if (r < 0)
                        return r;
                s += strspn(s, " \t");
        } while (*s);
        *ret = sum;
        return 0;
}

int parse_permyriad(const char *s, bool no_limit, uint32_t *ret)
{
        static const struct {
                const char *sign;
                unsigned unit;
        } signs[] = { { "%", 100 }, { "‰", 10 }, { "‱", 1 } };
        struct decimal d;
        int r = take_decimal(&s, &d);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                uint64_t v = 0;

                if (!streq(s, signs[i].sign))
                        continue;
                /* a finer step than the unit counts is not silently dropped */
                if (d.fraction * signs[i].unit % d.scale != 0)
                        return -EINVAL;
                r = add_scaled(&v, &d, signs[i].unit, no_limit ? UINT32_MAX : 10000);
                if (r < 0)
                        return r;
                *ret = (uint32_t)v;
                return 0;
        }
        return -EINVAL;
}

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY    (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK   (7 * USEC_PER_DAY)
#define USEC_PER_MONTH  (2629800 * USEC_PER_SEC)
#define USEC_PER_YEAR   (31557600 * USEC_PER_SEC)

static const struct time_unit {
        const char *name;
        usec_t usec;
} time_units[] = {
        { "seconds", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "s", USEC_PER_SEC },
        { "minutes", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "months", USEC_PER_MONTH },
        { "month", USEC_PER_MONTH },
        { "M", USEC_PER_MONTH },
        { "msec", USEC_PER_MSEC },
        { "ms", USEC_PER_MSEC },
        { "m", USEC_PER_MINUTE },
        { "hours", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "h", USEC_PER_HOUR },
        { "days", USEC_PER_DAY },
        { "day", USEC_PER_DAY },
        { "d", USEC_PER_DAY },
        { "weeks", USEC_PER_WEEK },
        { "week", USEC_PER_WEEK },
        { "w", USEC_PER_WEEK },
        { "years", USEC_PER_YEAR },
        { "year", USEC_PER_YEAR },
        { "y", USEC_PER_YEAR },
        { "usec", 1 },
        { "us", 1 },
        { "µs", 1 },
        { "μs", 1 },
};

/* Length of a unit's name at s; letters only, so that "5minfoo" is an error and "1h30min" is not. */
static size_t unit_length(const char *s)
{
        size_t n = 0;

        while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') || (unsigned char)s[n] >= 0x80)
                n++;
        return n;
}

static usec_t find_unit(const char *s, size_t n)
{
        for (size_t i = 0; i < ARRAY_SIZE(time_units); i++)
                if (strlen(time_units[i].name) == n && memcmp(time_units[i].name, s, n) == 0)
                        return time_units[i].usec;
        return -EINVAL;
}

int parse_timespan(const char *s, usec_t default_unit, usec_t *ret)
{
        static const char blanks[] = " \t\n\r";
        uint64_t sum = 0;
        const char *rest;

        s += strspn(s, blanks);
        if ((rest = startswith(s, "infinity")) && rest[strspn(rest, blanks)] == '\0') {
                *ret = USEC_INFINITY;
                return 0;
        }
        do {
                struct decimal d;
                usec_t unit = default_unit;
                size_t n;
                int r = take_decimal(&s, &d);

                if (r < 0)
                        return r;
                s += strspn(s, blanks);
                n = unit_length(s);
                if (n > 0) {
                        unit = find_unit(s, n);
                        if (unit < 0)
                                return -EINVAL;
                        s += n;
                }
                r = add_scaled(&sum, &d, (uint64_t)unit, (uint64_t)USEC_INFINITY - 1);
                if (r < 0)
                        return r;
                s += strspn(s, blanks);
        } while (*s);
        *ret = (usec_t)sum;
        return 0;
}

/* Decimal digits that an amount of microseconds spans: 1 → 0, 1000 → 3, 1000000 → 6. */
static int magnitude(usec_t v)
{
        int n = 0;

        for (; v > 1; v /= 10)
                n++;
        return n;
}

static void append(char *buf, size_t n, const char *fmt, ...) _printf_(3, 4);
static void append(char *buf, size_t n, const char *fmt, ...)
{
        size_t len = strlen(buf);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(buf + len, n - len, fmt, ap);
        va_end(ap);
}

char *format_timespan(char *buf, size_t n, usec_t t, usec_t accuracy)
{
        static const struct time_unit units[] = {
                { "y", USEC_PER_YEAR },
                { "month", USEC_PER_MONTH },
                { "w", USEC_PER_WEEK },
                { "d", USEC_PER_DAY },
                { "h", USEC_PER_HOUR },
                { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC },
                { "ms", USEC_PER_MSEC },
                { "us", 1 },
        };

        if (n == 0)
                return buf;
        buf[0] = '\0';
        if (t == USEC_INFINITY) {
                append(buf, n, "infinity");
                return buf;
        }
        if (t < 0) {
                append(buf, n, "-");
                t = t == INT64_MIN ? INT64_MAX : -t;
        }
        if (accuracy < 1)
                accuracy = 1;
        for (size_t i = 0; i < ARRAY_SIZE(units) && t > 0; i++) {
                usec_t u = units[i].usec, fraction = t % u;
                int digits = magnitude(u) - magnitude(accuracy);
                bool first = buf[0] == '\0' || streq(buf, "-");

                /* Below the accuracy: nothing more, but never an empty text. */
                if (t < accuracy && !first)
                        break;
                if (t < u)
                        continue;
                for (int d = 0; d < magnitude(accuracy); d++)
                        fraction /= 10;
                append(buf, n, "%s%" PRIi64, first ? "" : " ", t / u);
                if (t < USEC_PER_MINUTE && fraction > 0 && digits > 0) {
                        append(buf, n, ".%0*" PRIi64 "%s", digits, fraction, units[i].name);
                        break;
                }
                append(buf, n, "%s", units[i].name);
                t %= u;
        }
        if (buf[0] == '\0' || streq(buf, "-"))
                snprintf(buf, n, "0");
        return buf;
}
