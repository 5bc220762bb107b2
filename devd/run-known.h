/* RUN programs of the stock rules that have nothing to do on most machines, told without executing them. */
#pragma once

#include <stdbool.h>

/* True when command is one of them and would do nothing. */
bool run_known(const char *command);
