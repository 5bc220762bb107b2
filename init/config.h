/* What configures the manager: config.c. manager_read_config() reads all of it. */
#pragma once

#include "lib/inifile.h"
#include "unit.h"

/* Every setting to its default. */
void manager_default_config(struct manager *m);
/* One assignment of system.conf; data: the manager. For ini_parse_text(). */
int config_line(const struct ini_line *l, void *data);
/* What m->cmdline says, over the files. */
void config_options(struct manager *m);
