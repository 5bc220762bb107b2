/* RUN programs of the stock rules that have nothing to do on most machines, told without executing them. */
#pragma once

#include "device.h"

/* True when command is one of them and would do nothing for this event of d. */
bool run_known(const struct device *d, const char *command);
