/* Any bytes as an entry of /run/udev/data, read back, and written again. */
#include <sys/stat.h>
#include <unistd.h>

#include "devd/db.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

static char root[] = "/tmp/rouse-fuzz-udevdb.XXXXXX";

static void clean(void)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", root);
        if (system(command) != 0)
                abort();
}

FUZZ_TARGET(udevdb)
{
        static const char event[] =
                "add@/devices/x/block/vda\0ACTION=add\0DEVPATH=/devices/x/block/vda\0SUBSYSTEM=block\0"
                "MAJOR=254\0MINOR=0\0DEVNAME=vda\0SEQNUM=1\0";
        static bool ready;
        struct device *d = NULL, *old = NULL, *again = NULL;
        struct uevent u = { 0 };
        char path[128];

        log_open("fuzz", LOG_TO_NULL);
        if (!ready) {
                fuzz_check(mkdtemp(root) != NULL);
                atexit(clean);
                snprintf(path, sizeof(path), "%s/data", root);
                fuzz_check(mkdir(path, 0755) == 0);
                ready = true;
        }
        device_set_roots("/nonexistent/sys", "/nonexistent/dev", root);
        memcpy(u.buf, event, sizeof(event) - 1);
        fuzz_check(uevent_parse(&u, sizeof(event) - 1) == 0 && device_from_uevent(&u, &d) == 0);
        snprintf(path, sizeof(path), "%s/data/b254:0", root);
        fuzz_check(write_file_atomic(path, data, size, 0644, false) == 0);
        if (db_read_old(d, &old) == 0) {
                size_t n = old->n_props, links = strv_len(old->links);

                FOREACH_STR (l, old->links)
                        fuzz_check(**l && **l != '/' && path_is_normalized(*l));
                /* What can be read can be written and read again, the same. Tags are not, they would be files. */
                strv_free(old->tags_all);
                strv_free(old->tags_current);
                old->tags_all = old->tags_current = NULL;
                fuzz_check(db_write(old) == 0 && db_read_old(d, &again) == 0);
                for (size_t i = 0; i < old->n_props; i++)
                        n -= old->props[i].dot;
                fuzz_check(strv_len(again->links) == links);
                fuzz_check(!(links || n) || again->link_priority == old->link_priority);
                fuzz_check(again->n_props == n);
        }
        device_unref(again);
        device_unref(old);
        device_unref(d);
}
