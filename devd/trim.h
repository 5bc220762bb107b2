/* Gives back what an idle process need not hold: see trim.c. */
#pragma once

#include "lib/util.h"

void trim_memory(void);
