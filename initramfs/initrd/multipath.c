/* Multipath: several ways to one disk are one device, made by multipath(8) from the ways that its wwids file names.
 *
 * By what is on it a way looks like a disk of its own. So where this image has multipath, a disk that can be one is held
 * back, with its partitions, until multipath has looked at all that are there: a way has the map as its holder then, and
 * stays held back for ever; any other disk is free. The kernel makes no partitions of a map: kpartx does.
 *
 * A way that appears later is looked at in the same manner and joins its map. Nothing watches the ways here; the root's
 * multipathd does when it comes. "nompath" and "multipath=off" on the command line: every disk is on its own. */

#include <dirent.h>
#include <stdio.h>
#include "initramfs/initrd/stack.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define MULTIPATH "/sbin/multipath"
#define KPARTX    "/sbin/kpartx"
#define MAP       "mpath-" /* how the UUID of a map begins */

static bool is_off(const struct stack *s)
{
        const char *v = cmdline_get(s->o->words, "multipath");

        return strv_contains(s->o->words, "nompath") || (v && streq(v, "off"));
}

static bool can_be_way(const struct block *d)
{
        static const char *const names[] = { "/dev/sd", "/dev/nvme", "/dev/dasd" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (startswith(d->node, names[i]))
                        return true;
        return false;
}

/* The whole disk of a partition, which the kernel calls by the disk's path and one name more; else itself. */
static struct block *disk_of(const struct stack *s, struct block *d)
{
        size_t len = strrchr(d->devpath, '/') - d->devpath;

        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *o = s->blocks->block[i];

                if (strlen(o->devpath) == len && strncmp(o->devpath, d->devpath, len) == 0)
                        return o;
        }
        return d;
}

static bool is_way(const struct block *disk)
{
        _cleanup_free_ char *path = str_printf("/sys%s/holders", disk->devpath);
        _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;

        for (struct dirent *e; dir && (e = readdir(dir));) {
                _cleanup_free_ char *file = str_printf("%s/%s/dm/uuid", path, e->d_name), *uuid = NULL;

                if (e->d_name[0] != '.' && file && read_one_line(file, &uuid) >= 0 && startswith(uuid, MAP))
                        return true;
        }
        return false;
}

void multipath_mark(struct stack *s)
{
        if (!tool_there(MULTIPATH) || is_off(s))
                return;
        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i], *disk = disk_of(s, d);

                d->held = can_be_way(disk) && (disk->ways != WAYS_KNOWN || is_way(disk));
        }
}

static void on_end(struct tool *t, int code)
{
        struct stack *s = t->data;

        if (code)
                log_debug("%s ended with %d", t->program, code);
        for (size_t i = 0; i < s->blocks->n; i++)
                if (s->blocks->block[i]->ways == WAYS_ASKED)
                        s->blocks->block[i]->ways = WAYS_KNOWN;
        multipath_mark(s);
        s->changed(s);
}

/* multipath asks libudev for disks, which shows those alone that udev has a record of. */
static void write_record(const struct block *d)
{
        _cleanup_free_ char *path = str_printf("/run/udev/data/b%u:%u", d->major, d->minor),
                            *text = str_printf("I:%lld\n", (long long)now_monotonic());

        if (!path || !text || mkdir_p("/run/udev/data", 0755) < 0 ||
                write_file_atomic(path, text, strlen(text), 0644, false) < 0)
                log_warning("Cannot write udev's record of %s; multipath will not see it", d->node);
}

static int make_maps(struct stack *s)
{
        const char *argv[] = { MULTIPATH, "-v1", NULL };
        bool more = false;

        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i];

                more |= d->ways == WAYS_UNKNOWN && can_be_way(d) && disk_of(s, d) == d;
        }
        if (!more || !stack_driver(s, "dm_multipath"))
                return 0;
        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i];

                if (d->ways != WAYS_UNKNOWN)
                        continue;
                if (can_be_way(d))
                        write_record(d);
                d->ways = WAYS_ASKED;
        }
        if (stack_run(s, argv, NULL, 0, on_end))
                return 1;
        on_end(&s->tool, 0); /* it cannot be run, which was said: every disk is on its own */
        return 0;
}

int multipath_step(struct stack *s)
{
        if (is_off(s))
                return 0;
        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i];
                const char *argv[] = { KPARTX, "-an", "-p", "-part", d->node, NULL };

                if (d->taken || !d->dm_uuid || !startswith(d->dm_uuid, MAP) || !d->table ||
                        !tool_there(KPARTX))
                        continue;
                d->taken = true;
                if (stack_run(s, argv, NULL, 0, on_end))
                        return 1;
        }
        return make_maps(s);
}
