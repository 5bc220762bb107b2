/* Reading of journal files (journal.h), rouse's or anybody's. Takes nothing in the file on trust; the file may be written
 * meanwhile: what was not linked when it was opened is not seen. Entries come in the ring's form (ringread.h), so that
 * there is one way to filter and print. */
#pragma once

#include "logd/ringread.h"

struct journalread;

int journalread_open(const char *path, struct journalread **ret);
void journalread_close(struct journalread *r);
size_t journalread_count(const struct journalread *r);
/* Times and boot of entry i < count, in the order of the file. -EBADMSG. */
int journalread_times(const struct journalread *r, size_t i, usec_t *ret_realtime, const uint8_t **ret_boot);
/* Entry i; strings are valid until the next call. -EBADMSG: damaged. */
int journalread_get(struct journalread *r, size_t i, struct ring_entry *ret);
