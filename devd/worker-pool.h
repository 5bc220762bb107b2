/* The worker processes (rouse-devd-probe, rouse-devd-worker), from the main process's side.
 *
 * A request is given to an idle worker of its kind, else a new one is started (up to POOL_MAX), else it waits. One that hangs
 * holds its worker and its own device only; when none of them has answered anything for POOL_PATIENCE, one more is
 * started (so disks in D state never stop the others). They leave by themselves when idle; one may be given a request
 * at the moment that it leaves, one that probes may die: then the request goes to the next one. What POOL_TRIES of them
 * died of fails with -EPIPE. */
#pragma once

#include "devd.h"
#include "worker-proto.h"

#define POOL_MAX      4
#define POOL_PATIENCE (2 * USEC_PER_SEC)
#define POOL_TRIES    3

struct request;

/* r is NULL when the worker died or could not be started (result says how), else it stands at the answer. */
typedef void (*pool_done_t)(int result, struct wire_reader *r, void *data);

int pool_new(struct devd *m);
void pool_free(struct devd *m);
size_t pool_running(const struct devd *m); /* requests in work or waiting */
/* Takes the message over. The id is set by the pool. */
int pool_request(struct devd *m, enum worker_kind kind, struct wire_writer *w, usec_t timeout,
        pool_done_t done, void *data, struct request **ret);
void pool_forget(struct request *q);
