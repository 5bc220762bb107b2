/* The wall clock and the local time zone: who is told when they are set. */
#pragma once

#include <stdbool.h>

struct manager;

/* Watches from now on (once a manager). */
void clock_watch(struct manager *m);
void clock_unwatch(struct manager *m);
/* timer.c: the clock was set (or the machine woke up), or the zone changed. */
void timer_clock_changed(struct manager *m, bool zone);
