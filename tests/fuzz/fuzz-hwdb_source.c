/* Any text as a hardware database's source: what is compiled from it, the reader takes, and finds something by any of the
 * patterns that hold no wildcard. */
#include "devd/hwdb-compile.h"
#include "devd/hwdb-trie.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

static int take(const char *key, const char *value, void *data)
{
        return 0;
}

FUZZ_TARGET(hwdb_source)
{
        struct hwdb_source *s = NULL;
        char *text = fuzz_string(data, size), *again = fuzz_string(data, size), *rest = again, *line;
        struct hwdb *h = NULL;
        void *compiled;
        size_t n, lines = 0;

        log_open("fuzz", LOG_TO_NULL);
        fuzz_check(hwdb_source_new(&s) == 0);
        fuzz_check(hwdb_source_read(s, "fuzz.hwdb", text) == 0);
        fuzz_check(hwdb_source_compile(s, &compiled, &n) == 0);
        fuzz_check(hwdb_from_memory(compiled, n, &h) == 0);
        while ((line = strsep(&rest, "\n")) && lines++ < 20)
                fuzz_check(hwdb_lookup(h, line, take, NULL) == 0);
        hwdb_free(h);
        free(compiled);
        hwdb_source_free(s);
        free(text);
        free(again);
}
