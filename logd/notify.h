/* sd_notify(3)'s protocol, without the library. */
#pragma once

#include "lib/util.h"

/* text ("READY=1") to $NOTIFY_SOCKET, with a descriptor unless fd_to_pass is -1. -ENOENT: nobody listens. */
int notify_send(const char *text, int fd_to_pass);
