/* PID 1 ↔ rouse-early: lib/wire.h messages over a SOCK_SEQPACKET pair, the helper's fd 3. The helper runs the steps
 * in their order of arrival and leaves when the socket closes. */
#pragma once

enum early_type {
        EARLY_RUN = 200, /* id; s step, u n, s×n arguments */
        EARLY_DONE,      /* id; u exit status, s message or NULL (modules-load: the names, one a line) */
};
