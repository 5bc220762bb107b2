/* Every unit file of the packages that are installed here (or below the directory given) loads: no line that is not
 * understood, no unknown directive. Skipped where there are none. */
#include <dirent.h>

#include "init-test.h"

struct counts {
        unsigned units, bad, problems;
};
static struct manager *m;

/* Files that their packages ship broken: systemd refuses them too. */
static const char *const bad_as_shipped[] = { "nfs-ganesha-lock.service" /* no ExecStart= */, NULL };

static void load_one(const char *name, const char *path, void *data)
{
        struct counts *c = data;
        _cleanup_free_ char *instance = NULL;
        struct unit *u;

        if (unit_name_is_template(name)) {
                if (unit_name_replace_instance(name, "test", &instance) < 0)
                        return;
                name = instance;
        }
        if (unit_load_by_name(m, name, &u) < 0)
                return;
        c->units++;
        if (u->n_problems > 0)
                printf("# %s: %u problems\n", path, u->n_problems);
        c->problems += u->n_problems;
        if (strv_contains((char *const *)bad_as_shipped, name))
                return;
        if (u->load_state != UNIT_LOADED && u->load_state != UNIT_MASKED &&
                u->load_state != UNIT_NOT_FOUND) {
                printf("# %s: %s: %s\n", path, load_state_to_string(u->load_state), u->load_error);
                c->bad++;
        }
}

int main(int argc, char **argv)
{
        static const char *const dirs[] = { "/usr/lib/systemd/system", "/lib/systemd/system" };
        struct counts c = {};
        usec_t t;

        test_begin();
        if (manager_new(&m) < 0)
                return 1;
        m->test_mode = true;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                if (argc < 2 && strv_add(&m->unit_path, dirs[i]) < 0)
                        return 1;
        if (argc > 1 && strv_add(&m->unit_path, argv[1]) < 0)
                return 1;
        t = now_monotonic();
        if (load_index(m) < 0)
                return 1;
        printf("# index of %u names in %lld us\n", load_stats(m).n_units, (long long)(now_monotonic() - t));
        if (load_stats(m).n_units == 0) {
                printf("1..0 # SKIP no unit files are installed here\n");
                return 0;
        }
        t = now_monotonic();
        load_foreach(m, load_one, &c);
        printf("# %u units in %lld us\n", c.units, (long long)(now_monotonic() - t));
        is_int(c.problems, 0, "no line of an installed unit file is not understood");
        is_int(c.bad, 0, "no unit is bad");
        if (c.problems || c.bad)
                printf("# %s\n", test_log.s ? test_log.s : "");
        test_manager_free(m);
        return test_end();
}
