/* Removing the directories of a unit that is down (clean.c). */
#pragma once

#include "unit.h"

/* Ends it, if it goes on. */
void clean_abort(struct unit *u);
/* The same, and nobody is told: the unit goes away. */
void clean_forget(struct unit *u);
const char *clean_result_name(struct unit *u);

void clean_serialise(struct unit *u, struct state_out *s);
bool clean_deserialise(struct unit *u, const char *key, const char *value);
void clean_coldplug(struct unit *u);
