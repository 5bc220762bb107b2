/* Lines of tmpfiles.d: parsed, indexed, freed. */
#include "early/tmpfiles.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(tmpfiles)
{
        _cleanup_(early_done) struct early e = { 0 };
        struct tmpfiles *t = calloc(1, sizeof(*t));
        char *s = fuzz_string(data, size), *rest = s, *line;

        log_open("fuzz", LOG_TO_NULL);
        if (!t || early_init(&e, "/nonexistent-root") >= 0)
                abort();
        while ((line = strsep(&rest, "\n")))
                if (*line)
                        (void)tmpfiles_parse_line(&e, "fuzz.conf", 1, line, t);
        fuzz_check(tmpfiles_index(t) == 0);
        for (struct tmpfiles_item *i = t->items; i; i = i->next) {
                fuzz_check(i->path[0] == '/' && path_is_normalized(i->path) && tmpfiles_rank(i->type) >= 0);
                fuzz_check(i->done || hash_get(&t->by_path, i->path));
        }
        tmpfiles_free(t);
        free(s);
}
