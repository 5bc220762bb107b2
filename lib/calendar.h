/* Calendar events of systemd.time(7): "Mon..Fri *-*-* 09:00", "*-*~01", "daily UTC", "*:0/15 Europe/Berlin".
 *
 * An expression is a set of lists, one a component; a time matches when each of its components is in the component's
 * list. Local times that a change to summer time leaves out do not happen; of those that happen twice, an expression
 * that runs in every hour matches both, any other only the first. */
#pragma once

#include "util.h"

struct calendar;

/* -EINVAL: not an expression; -ENOENT: no such time zone. */
int calendar_parse(const char *s, struct calendar **ret);
void calendar_free(struct calendar *c);
static inline void calendar_freep(struct calendar **c)
{
        calendar_free(*c);
}
#define _cleanup_calendar_ _cleanup_(calendar_freep)
/* The normalised form; NULL when out of memory. */
char *calendar_format(const struct calendar *c);
/* First match after t (CLOCK_REALTIME). -ENOENT: there is none any more. */
int calendar_next(const struct calendar *c, usec_t t, usec_t *ret);
