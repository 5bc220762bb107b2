/* What is above devices: whether a directory of /sys is a device, and of which subsystem.
 *
 * Each event asks that of all directories on its way to the root, and in a burst of events most of them are the same.
 * Neither changes while the directory is there, so the answers are kept. Whatever the kernel says that is more than a
 * change begins anew, and an idle devd keeps none. */
#include "device.h"
#include "lib/hash.h"

#define MAX_KEPT 1024

static struct hash kept; /* path → struct above */
static bool keeping;

static void forget(void)
{
        HASHMAP_FOREACH (e, &kept) {
                struct above *a = e->value;

                free(a->subsystem);
                free(a);
        }
        hash_done(&kept);
}

void device_keep_above(bool on)
{
        if (kept.n)
                forget();
        keeping = on;
}

struct above *device_above(const char *syspath, bool make)
{
        struct above *a = hash_get(&kept, syspath);

        if (a || !make || !keeping)
                return a;
        if (kept.n >= MAX_KEPT)
                forget();
        a = calloc(1, sizeof(*a) + strlen(syspath) + 1);
        if (!a)
                return NULL;
        strcpy(a->path, syspath);
        if (hash_put(&kept, a->path, a) < 0) {
                free(a);
                return NULL;
        }
        return a;
}
