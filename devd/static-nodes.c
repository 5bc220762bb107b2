/* Static nodes: /lib/modules/VERSION/modules.devname names nodes whose opening loads a module ("fuse fuse
 * c10:229"). They are made with mode 0600; rules (OPTIONS="static_node=…") then give owner and mode. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "devd.h"
#include "lib/fileio.h"
#include "lib/log.h"

static int make_node(const char *dev_root, const char *name, char type, unsigned maj, unsigned min)
{
        mode_t mode = (type == 'b' ? S_IFBLK : S_IFCHR) | 0600;
        _cleanup_free_ char *path = path_join(dev_root, name);
        int r;

        if (!path)
                return -ENOMEM;
        if (!path_is_normalized(name))
                return -EINVAL;
        if (mknod(path, mode, makedev(maj, min)) >= 0)
                return 1;
        if (errno == ENOENT) {
                r = mkdir_parents(path, 0755);
                if (r < 0)
                        return r;
                if (mknod(path, mode, makedev(maj, min)) >= 0)
                        return 1;
        }
        return errno == EEXIST ? 0 : -errno;
}

int static_nodes_create(const char *modules_devname, const char *dev_root)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;
        unsigned n = 0;
        int made = 0, r;

        r = read_file(modules_devname, 1024 * 1024, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                char name[256], type;
                unsigned maj, min;

                n++;
                if (line[0] == '#' || line[0] == '\0')
                        continue;
                if (sscanf(line, "%*s %255s %c%u:%u", name, &type, &maj, &min) != 4 ||
                        (type != 'b' && type != 'c')) {
                        log_file(modules_devname, n, LOG_WARNING,
                                "not \"module name type major:minor\", skipped");
                        continue;
                }
                r = make_node(dev_root, name, type, maj, min);
                if (r < 0)
                        log_file(modules_devname, n, LOG_WARNING, "%s cannot be made: %s", name,
                                strerror(-r));
                else
                        made += r;
        }
        return made;
}
