/* Reader of hwdb.bin, the compiled hardware database: a radix tree of patterns, mapped read-only. */
#pragma once

#include "lib/util.h"

struct hwdb;

/* First of the standard places that is there, or path. 0, -ENOENT, -EBADMSG. */
int hwdb_open(const char *path, struct hwdb **ret);
/* The same over memory that stays the caller's (tests, fuzzing). */
int hwdb_from_memory(const void *data, size_t size, struct hwdb **ret);
void hwdb_free(struct hwdb *h);
/* Calls fn for every key that the patterns matching modalias give, each key once, the highest priority's value. */
int hwdb_lookup(struct hwdb *h, const char *modalias,
        int (*fn)(const char *key, const char *value, void *data), void *data);

/* The process-wide one, mapped at first use; dropped when idle or when the file changed. */
struct hwdb *hwdb_shared(void);
void hwdb_shared_drop(void);
