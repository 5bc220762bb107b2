/* Any text as /etc/fstab: units of mounts, swaps and what they need. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/generate.h"
#include "init/manager.h"
#include "lib/fileio.h"
#include "tests/fuzz/fuzz.h"

static char root[] = "/tmp/rouse-fuzz-fstab.XXXXXX", file[96];

static void no_log(int level, const char *unit, const char *path, int line, const char *text) {}

static void remove_root(void)
{
        char etc[64];

        unlink(file);
        snprintf(etc, sizeof(etc), "%s/etc", root);
        rmdir(etc);
        rmdir(root);
}

static void make_root(void)
{
        char etc[64];

        if (*file)
                return;
        fuzz_check(mkdtemp(root));
        snprintf(etc, sizeof(etc), "%s/etc", root);
        snprintf(file, sizeof(file), "%s/etc/fstab", root);
        fuzz_check(mkdir(etc, 0755) >= 0);
        atexit(remove_root);
}

FUZZ_TARGET(fstab)
{
        struct manager *m;
        FILE *f;

        make_root();
        log_open("fuzz", LOG_TO_HOOK);
        log_set_hook(no_log);
        fuzz_check((f = fopen(file, "we")) && fwrite(data, 1, size, f) == size && fclose(f) == 0);
        fuzz_check(manager_new(&m) >= 0 && (m->root = strdup(root)));
        m->test_mode = true;
        (void)generate_fstab(m);
        free(m->root);
        m->root = NULL;
        manager_free(m);
}
