/* Lines of sysusers.d, and the text of the account files. */
#include "early/sysusers.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(sysusers)
{
        _cleanup_(early_done) struct early e = { 0 };
        _cleanup_(sysusers_done) struct sysusers u = { 0 };
        char *memberships[] = { (char *)"adm:me", NULL };
        char *s = fuzz_string(data, size), *group, *rest = s, *line;

        log_open("fuzz", LOG_TO_NULL);
        if (early_init(&e, "/nonexistent-root") >= 0)
                abort();
        fuzz_check(userdb_parse_passwd(&e.users, s) == 0 && userdb_parse_group(&e.users, s) == 0);
        group = sysusers_new_group_text(s, memberships, "new:x:1:\n", 3);
        fuzz_check(group && strstr(group, "new:x:1:"));
        free(group);
        while ((line = strsep(&rest, "\n")))
                if (*line)
                        (void)sysusers_parse_line(&e, "fuzz.conf", 1, line, &u);
        for (struct sysusers_line *l = u.lines; l; l = l->next)
                fuzz_check(user_name_valid(l->name));
        free(s);
}
