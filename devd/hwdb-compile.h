/* The compiler of the hardware database: *.hwdb → hwdb.bin, byte by byte what systemd-hwdb of 252 writes. */
#pragma once

#include "lib/str.h"

struct hwdb_source; /* what was read so far */

int hwdb_source_new(struct hwdb_source **ret);
void hwdb_source_free(struct hwdb_source *s);
/* Reads text (changed in place) as the file of this name; later files win over earlier ones. Problems are logged with
 * file and line, and counted. */
int hwdb_source_read(struct hwdb_source *s, const char *path, char *text);
unsigned hwdb_source_problems(const struct hwdb_source *s);
/* The compiled form, to be freed by the caller. */
int hwdb_source_compile(struct hwdb_source *s, void **ret, size_t *ret_size);

/* All *.hwdb below root (NULL: /) → hwdb.bin in /etc/udev, with usr in /lib/udev. strict: -EBADMSG when some line was
 * bad (the file is written all the same). 1 when there is nothing to read, and nothing is written. */
int hwdb_update(const char *root, bool usr, bool strict);
