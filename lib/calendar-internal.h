/* What calendar.c (the search) and calendar-parse.c (the text) share. */
#pragma once

#include "calendar.h"

#define YEAR_MIN 1970
#define YEAR_MAX 2199

enum { COMP_YEAR, COMP_MONTH, COMP_DAY, COMP_HOUR, COMP_MINUTE, COMP_MAX };
enum zone_kind { ZONE_LOCAL, ZONE_UTC, ZONE_NAMED, ZONE_FIXED };

/* start, start + repeat … up to stop; repeat 0: every value when stop > start. Seconds count in µs. */
struct cal_range {
        int64_t start, stop, repeat;
        bool open; /* "start/repeat": stop is the component's largest value */
        struct cal_range *next;
};

struct calendar {
        unsigned weekdays;                /* bit 0: Monday; 0: any */
        struct cal_range *list[COMP_MAX]; /* NULL: any */
        struct cal_range *seconds;        /* NULL: every full second */
        bool from_end;                    /* days count from the month's end */
        enum zone_kind zone_kind;
        char *zone;          /* as written, for ZONE_NAMED and ZONE_FIXED */
        int64_t zone_offset; /* ZONE_FIXED: µs east of UTC */
};
