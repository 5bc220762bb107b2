/* Any bytes as hwdb.bin: the first is the length of the modalias that follows, then the file. */
#include "devd/hwdb-trie.h"
#include "tests/fuzz/fuzz.h"

static int take(const char *key, const char *value, void *data)
{
        *(size_t *)data += strlen(key) + strlen(value);
        return 0;
}

FUZZ_TARGET(hwdb)
{
        struct hwdb *h = NULL;
        char modalias[65] = "";
        size_t n = size ? data[0] % 64 : 0, sum = 0;

        if (size < n + 1)
                return;
        memcpy(modalias, data + 1, n);
        data += n + 1;
        size -= n + 1;
        uint8_t *copy = malloc(size ? size : 1); /* of its own, so that the end is guarded */

        if (size)
                memcpy(copy, data, size);
        if (size >= 24) /* the length must fit, or nothing goes on */
                memcpy(copy + 16, &(uint64_t) { size }, 8);
        if (hwdb_from_memory(copy, size, &h) == 0) {
                (void)hwdb_lookup(h, modalias, take, &sum);
                hwdb_free(h);
        }
        free(copy);
}
