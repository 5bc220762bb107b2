/* The control protocol: what rousectl (and later rouse-busd) speaks with PID 1, over ROUSE_CONTROL
 * (SOCK_SEQPACKET, lib/wire.h). Peers are told apart by SO_PEERCRED: reading is open to all, changing to root.
 *
 * A request is CTL_REQUEST: s verb, u argc, s×argc arguments, u n, s×n options ("KEY=value" or "KEY"). The
 * answer is any number of CTL_RECORD, then exactly one CTL_END with the same id. Verbs, their arguments,
 * options and records are listed in init/control.c's table and in docs/protocols.md. */
#pragma once

#include "wire.h"

enum ctl_type {
        CTL_REQUEST = 100,
        CTL_RECORD, /* u n, s×n "Key=value": one unit, job, property set … */
        CTL_TEXT,   /* s text, as is */
        CTL_END,    /* u errno (0 = done), s message or NULL */
        CTL_EVENT,  /* after verb "subscribe": s event, u n, s×n "Key=value" */
};
