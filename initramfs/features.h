/* What an image can do besides finding a file system on a plain disk: one row a feature, with the modules, programs,
 * libraries that are opened by name, and files that it needs.
 *
 * A feature comes in when the root of the machine needs it (--host), when its program is installed (--generic), or
 * when it is asked for (--feature, Features=); Features=-NAME keeps one out. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/hardware.h"
#include "initramfs/image.h"
#include "initramfs/select.h"

struct features {
        unsigned long on;       /* a bit for each row */
        unsigned long required; /* of those, the ones that must be complete */
};

/* Which ones. -EINVAL: a name that is none. */
int features_choose(const struct config *c, const struct image *im, const struct hardware *h,
        char *const *root_types, struct features *ret);
/* Their modules. */
int features_select(
        const struct features *f, const struct config *c, struct selection *s, const struct hardware *h);
/* Their programs and files. -ENOENT when one that is required lacks its program, which is reported. */
int features_install(const struct features *f, struct image *im, const struct hardware *h);
/* One line each, for --help and the manual. */
void features_print(void);
