/* sysusers.d: names, bad lines, and the four account files after a run. */
#include "early/sysusers.h"
#include "tests/unit/early-root.h"

static char last_log[1024];

static void hook(int level, const char *unit, const char *file, int line, const char *text)
{
        snprintf(last_log, sizeof(last_log), "%s", text);
}

static void names(void)
{
        ok(user_name_valid("_apt") && user_name_valid("systemd-network") && user_name_valid("a1"),
                "valid names");
        ok(!user_name_valid("1a") && !user_name_valid("-a") && !user_name_valid("") &&
                        !user_name_valid("a.b") && !user_name_valid("a234567890123456789012345678901b"),
                "invalid names");
}

static void bad_lines(struct early *e)
{
        static const struct {
                const char *line, *says;
        } bad[] = {
                { "u", "Type and name" },
                { "x foo", "Unknown line type" },
                { "uu foo", "Unknown line type" },
                { "u 9foo", "no valid user" },
                { "m foo", "needs a valid group" },
                { "r - 5-3", "no range" },
                { "r -", "needs a range" },
                { "u foo - \"a:b\"", "colon" },
                { "u foo - x home", "absolute" },
                { "u foo - \"x", "Unbalanced" },
                { "u foo%Z", "specifier" },
                { "u a - b /c /d e", "Too many" },
        };

        for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
                _cleanup_(sysusers_done) struct sysusers s = { 0 };
                _cleanup_free_ char *copy = strdup(bad[k].line);

                last_log[0] = 0;
                ok(sysusers_parse_line(e, "x.conf", 7, copy, &s) == -EINVAL && !s.lines, bad[k].line);
                if (!ok(startswith(last_log, "x.conf:7: ") && strstr(last_log, bad[k].says),
                            "  says file, line and what"))
                        printf("# %s\n", last_log);
        }
}

static void group_text(void)
{
        char *m[] = { (char *)"b:u1", (char *)"b:u2", (char *)"c:u1", NULL };
        _cleanup_free_ char *t = sysusers_new_group_text("a:x:1:\nb:x:2:old\n+nis\n", m, "c:x:3:\n", 3);

        is_str(t, "a:x:1:\nb:x:2:old,u1,u2\nc:x:3:u1\n+nis\n", "members added, new group before NIS lines");
}

static void run_all(struct early *e)
{
        _cleanup_free_ char *passwd = NULL, *group = NULL, *shadow = NULL, *gshadow = NULL, *again = NULL,
                            *old = NULL;

        put("etc/passwd", "root:x:0:0::/root:/bin/sh\nold:x:999:999::/:/bin/sh");
        put("etc/group", "root:x:0:\nold:x:999:\nstaff:x:50:a\n");
        put("etc/shadow", "root:*:1::::::\n");
        put("etc/gshadow", "root:*::\nstaff:*::a\n");
        put("usr/lib/sysusers.d/t.conf",
                "u web 404 \"Web\" /srv\nu auto -\nm web staff\ng old 5\nu root 0\nu taken 999:staff\n");
        is_int(early_step_find("sysusers")->run(e, NULL), 0, "run");
        is_str(passwd = get("etc/passwd"),
                "root:x:0:0::/root:/bin/sh\nold:x:999:999::/:/bin/sh\nweb:x:404:404:Web:/srv:/usr/sbin/"
                "nologin\n"
                "taken:x:998:50::/:/usr/sbin/nologin\nauto:x:997:997::/:/usr/sbin/nologin\n",
                "passwd");
        is_str(group = get("etc/group"),
                "root:x:0:\nold:x:999:\nstaff:x:50:a,web\nweb:x:404:\nauto:x:997:\n", "group");
        is_str(gshadow = get("etc/gshadow"), "root:*::\nstaff:*::a,web\nweb:!*::\nauto:!*::\n", "gshadow");
        shadow = get("etc/shadow");
        ok(shadow && startswith(shadow, "root:*:1::::::\nweb:!*:"), "shadow: locked");
        is_str(old = get("etc/group-"), "root:x:0:\nold:x:999:\nstaff:x:50:a\n", "the old file is kept");
        ok(is("etc/passwd", S_IFREG | 0644), "mode kept");
        put("etc/passwd-", "untouched");
        is_int(early_step_find("sysusers")->run(e, NULL), 0, "again");
        is_str(again = get("etc/passwd-"), "untouched", "nothing is written when nothing is missing");
}

int main(void)
{
        _cleanup_(early_done) struct early e = { 0 };

        root_make();
        log_open("test", LOG_TO_HOOK);
        log_set_hook(hook);
        if (early_init(&e, root_dir) < 0)
                return 1;
        names();
        bad_lines(&e);
        group_text();
        run_all(&e);
        root_remove();
        return tap_done();
}
