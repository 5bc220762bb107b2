/* Any text as the value of ExecStart=: a list of commands with a path and arguments, or a reason. */
#include "init/manager.h"
#include "tests/fuzz/fuzz.h"

static void no_log(int level, const char *unit, const char *file, int line, const char *text) {}

FUZZ_TARGET(execline)
{
        char *text = fuzz_string(data, size);
        struct exec_command *list = NULL;
        const char *why = NULL;
        struct manager *m;
        struct unit *u;
        int r;

        log_open("fuzz", LOG_TO_HOOK);
        log_set_hook(no_log);
        fuzz_check(manager_new(&m) >= 0 && unit_get(m, "a@b-c.service", &u) >= 0);
        m->test_mode = true;
        r = exec_command_parse(u, text, &list, &why);
        fuzz_check(r >= 0 || r == -ENOMEM || why || r == -EINVAL);
        for (struct exec_command *c = list; c; c = c->next)
                fuzz_check(c->path && c->argv && c->argv[0]);
        exec_command_free_list(list);
        manager_free(m);
        free(text);
}
