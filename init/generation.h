/* A number that changes whenever something may have changed in PID 1: see generation.c. */
#pragma once

#include "manager.h"

/* From now on there is one. */
void generation_open(struct manager *m);
/* Something changes that no counted callback of the loop does. */
void generation_touch(void);
/* Nobody keeps it from here on: another program becomes PID 1. Async-signal-safe. */
void generation_off(void);
