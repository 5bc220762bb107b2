/* What the generate-*.c files share: text of unit files, safely. Values come from files that anybody may have written
 * badly; generate_value_ok() refuses what would end the line that it is put in. */
#pragma once

#include "unit.h"

/* No control characters, no backslash at the end. */
bool generate_value_ok(const char *s);
/* s with '%' doubled. NULL when out of memory. */
char *generate_escape(const char *s);
/* A unit of its own, or nothing when memory is short (logged). */
int generate_add(struct manager *m, enum gen_prio prio, const char *name, struct strbuf *text);
/* "systemd-fsck@" + "/dev/sda1" → "systemd-fsck@dev-sda1.service". */
int generate_instance(const char *template, const char *path, char **ret);
/* Text of a file below manager->root; -ENOENT. */
int generate_read(struct manager *m, const char *path, char **ret);
