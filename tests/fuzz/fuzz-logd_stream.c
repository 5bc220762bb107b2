/* The header of the stdout socket, names of stored streams, cgroup paths. */
#include "logd/logd.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(logd_stream)
{
        struct stream s = { .uid = 0 }, t = { .uid = 0 };
        char *text = fuzz_string(data, size), *rest = text, *line, *name, *unit = unit_of_cgroup(text);

        while ((line = strsep(&rest, "\n")) && s.header_lines < 7 &&
                stream_header_line(&s, line, strlen(line)) >= 0)
                ;
        if (s.header_lines == 7) {
                name = stream_name(&s);
                fuzz_check(name && strlen(name) <= 255 && !strchr(name, ':') &&
                           stream_parse_name(&t, name) >= 0);
                fuzz_check(t.priority == s.priority || s.priority < 0 || s.priority > 191);
                free(name);
        }
        free(t.identifier);
        free(t.unit);
        t = (struct stream) { 0 };
        (void)stream_parse_name(&t, text);
        free(t.identifier);
        free(t.unit);
        free(s.identifier);
        free(s.unit);
        free(unit);
        free(text);
}
