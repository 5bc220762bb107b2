/* Any text as the lines of a unit of each type, through the table of directives. */
#include "init/manager.h"
#include "init/table.h"
#include "tests/fuzz/fuzz.h"

static void no_log(int level, const char *unit, const char *file, int line, const char *text) {}

static void apply(struct unit *u, char *text)
{
        char section[64] = "Unit", *save = NULL;
        unsigned n = 0;

        for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
                char *value = strchr(l, '=');

                n++;
                if (*l == '[')
                        snprintf(section, sizeof(section), "%.*s",
                                (int)MIN(strcspn(l + 1, "]"), sizeof(section) - 1), l + 1);
                else if (value) {
                        *value = '\0';
                        (void)directive_apply(u, "fuzz", n, section, l, value + 1);
                }
        }
}

FUZZ_TARGET(unitfile)
{
        static const char *const names[] = {
                "a.service",
                "a@i.service",
                "a.socket",
                "a.mount",
                "a.swap",
                "a.timer",
                "a.path",
                "a.slice",
                "a.scope",
                "a.target",
        };

        log_open("fuzz", LOG_TO_HOOK);
        log_set_hook(no_log);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char *text = fuzz_string(data, size);
                struct manager *m;
                struct unit *u;

                fuzz_check(manager_new(&m) >= 0);
                m->test_mode = true;
                if (unit_get(m, names[i], &u) >= 0)
                        apply(u, text);
                manager_free(m);
                free(text);
        }
}
