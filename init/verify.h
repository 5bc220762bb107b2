/* What the verify*.c files share: saying a problem with the place that it comes from. */
#pragma once

#include "lib/inifile.h"
#include "load.h"
#include "manager.h"
#include "types.h"

/* Is this assignment of u's files the one that is looked for? */
typedef bool (*verify_match)(struct unit *u, const struct ini_line *l, const void *arg);

/* "FILE:LINE: UNIT: text", the line being the first of u's fragment and drop-ins that fits (match may be NULL: none is
 * looked for). Says each text once a unit and place. Returns 1, so that problems can be summed. */
unsigned verify_say(struct unit *u, verify_match match, const void *arg, const char *fmt, ...)
        _printf_(4, 5);

/* A verify_match: does the line make the edge arg (its type and the unit that it names)? */
struct verify_edge {
        enum dep_type type;
        const struct unit *other;
};
bool verify_is_edge(struct unit *u, const struct ini_line *l, const void *arg);

/* verify-graph.c: the ordering cycles among what starting u starts. Returns how many there are. */
unsigned verify_cycles(struct unit *u);

/* verify-man.c: pages of Documentation= that are not there. */
unsigned verify_man_pages(struct unit *u);
