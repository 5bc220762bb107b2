/* Asking the running log daemon for something by a signal, as journalctl(1) and the early helper do. */
#pragma once

#include "lib/util.h"

/* Sends sig with value to the process that writes the ring, and waits for the mark below /run/systemd/journal that it
 * leaves when it has done it (mark NULL: does not wait). -ESRCH: none runs; -ETIMEDOUT. */
int logd_ask(int sig, int value, const char *mark, usec_t timeout);
