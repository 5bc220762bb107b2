/* Compression in the forms that the kernel unpacks, and the way back. */
#pragma once

#include "lib/str.h"

enum compression { COMPRESS_NONE, COMPRESS_ZSTD, COMPRESS_LZ4, COMPRESS_XZ, COMPRESS_GZIP };

/* "zstd", "lz4:9", "none" …; level 0: the format's own default. */
int compress_parse(const char *s, enum compression *ret, int *ret_level);
const char *compress_name(enum compression c);
/* threads: 0 for as many as there are processors, at most COMPRESS_THREADS_MAX; zstd, lz4 and xz use them. The result does
 * not depend on their number. */
#define COMPRESS_THREADS_MAX 64u
int compress_data(
        enum compression c, int level, unsigned threads, const void *data, size_t len, struct strbuf *ret);
/* By its first bytes; COMPRESS_NONE when it looks like none of them. */
enum compression compress_detect(const void *data, size_t len);
/* Unpacks one stream at the beginning of data, at most max bytes. -EBADMSG: damaged, -E2BIG: too much. */
int decompress_data(enum compression c, const void *data, size_t len, size_t max, struct strbuf *ret);
