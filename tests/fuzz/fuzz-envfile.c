/* Files of shell-like assignments: keys are variable names, values no longer than the text. */
#include "lib/fileio.h"
#include "tests/fuzz/fuzz.h"

static int check(const char *key, const char *value, void *data)
{
        const size_t *size = data;

        fuzz_check(*key && !strpbrk(key, " \t\n=-\"'\\"));
        fuzz_check(strlen(key) + strlen(value) < *size);
        return 0;
}

FUZZ_TARGET(envfile)
{
        char *s = fuzz_string(data, size);

        fuzz_check(parse_env_text(s, check, &size) == 0);
        free(s);
}
