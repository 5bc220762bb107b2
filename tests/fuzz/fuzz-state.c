/* The log of live state: what is read from a whole one, and from one that was cut off in the middle. */
#include "init/state.h"
#include "tests/fuzz/fuzz.h"

static int check(const char *name, char *lines, void *data)
{
        const size_t *size = data;
        char *key, *value;
        size_t n = strlen(name);

        fuzz_check(n < *size && !strchr(name, '\n'));
        while (state_next_line(&lines, &key, &value)) {
                fuzz_check(!strpbrk(key, "=\n"));
                fuzz_check((n += strlen(key) + strlen(value)) <= *size);
        }
        return 0;
}

FUZZ_TARGET(state)
{
        char *s = fuzz_string(data, size);
        int r;

        log_set_max_level(-1);
        r = state_parse(s, check, &size);
        fuzz_check(r == 0 || r == -EPROTONOSUPPORT);
        free(s);
}
