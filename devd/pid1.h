/* devd's end of the link to PID 1 (lib/devlink.h). Without a link every function does nothing. */
#pragma once

#include "devd.h"

/* Takes fd; says hello. */
int pid1_new(struct devd *m, int fd);
void pid1_free(struct devd *m);
/* An event is over: d as it is now (action "remove": gone), old as the database had it, or NULL. */
void pid1_event(struct devd *m, struct device *d, struct device *old);
/* A device of which only the database knew is gone. */
void pid1_gone(struct devd *m, struct device *d);
/* Queue left or reached empty; answers DL_SETTLE when idle. */
void pid1_queue(struct devd *m, size_t n, bool idle);
/* Does somebody wait for the queue to be empty? */
bool pid1_settles(const struct devd *m);
/* Is a watched name still unanswered? */
bool pid1_awaits(const struct devd *m);
/* Does PID 1 want a node or link that no device has? */
bool pid1_lacks_disk(const struct devd *m);
/* Messages of mounts.c, keys.c and others. Takes the writer over. */
struct wire_writer;
void pid1_send(struct devd *m, struct wire_writer *w);
