/* What configures the manager: config.c. manager_read_config() reads all of it. */
#pragma once

#include "lib/inifile.h"
#include "unit.h"

/* Every setting to its default. */
void manager_default_config(struct manager *m);
/* The limit that processes begin with where the unit says nothing: DefaultLimit…=, or PID 1's own. */
int manager_default_limit(struct manager *m, int resource, struct rlimit *ret);
/* ShowStatus=; -EINVAL. */
int config_show_status(const char *value, enum show_status *ret);
/* One assignment of system.conf; data: the manager. For ini_parse_text(). */
int config_line(const struct ini_line *l, void *data);
/* What m->cmdline says, over the files. */
void config_options(struct manager *m);
