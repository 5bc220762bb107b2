/* Transient units and changed properties: transient.c makes the files, control-transient.c has the verbs. */
#pragma once

#include "unit.h"

/* "[Section.]Key=value". Without a section: [Unit] when that has the key, else the type's own. */
struct assignment {
        char section[32], key[64];
        const char *value; /* into what was parsed */
};
/* -EINVAL with *ret_error (owned by the caller) naming the key. */
int assignment_parse(enum unit_type t, const char *s, struct assignment *ret, char **ret_error);

/* Is there no such unit yet: no file, not running, no job? */
bool transient_may_make(struct unit *u);
/* Writes u's file and reads it. Negative, with *ret_error perhaps set: it is as before. */
int transient_make(struct unit *u, const struct assignment *a, size_t n, char **ret_error);
/* Removes the files of a transient unit that is about to be freed. */
void transient_forget(struct unit *u);

/* Can it be changed while the unit runs? Resource control and the description can. */
bool property_is_settable(enum unit_type t, const struct assignment *a);
/* Takes properties into a loaded unit, its running cgroup, and a drop-in. */
int transient_set_properties(
        struct unit *u, const struct assignment *a, size_t n, bool runtime, char **ret_error);
