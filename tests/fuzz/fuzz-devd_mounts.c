/* Lines of mountinfo, and option lists of fstab. */
#include "devd/mounts.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(devd_mounts)
{
        char *line = fuzz_string(data, size), *end = line + size;
        struct mount_plan p;
        struct mount_line l;

        if (mount_plan_parse(line, &p) >= 0) {
                fuzz_check(!p.data || strlen(p.data) <= size);
                free(p.data);
        }
        if (mount_line_parse(line, &l) >= 0) {
                fuzz_check(l.where[0] == '/' && l.where + strlen(l.where) <= end);
                fuzz_check(l.super_options + strlen(l.super_options) <= end);
        }
        free(line);
}
