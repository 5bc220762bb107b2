/* What an image can do besides finding a file system on a plain disk: one row a feature, with the modules, programs,
 * libraries that are opened by name, and files that it needs.
 *
 * A feature comes in when the root is made of it, as the machine or a recording shows; in a generic image also when the
 * root's configuration speaks for it (rootconf.h); or when it is asked for (--feature, Features=): by name, or all that
 * are installed by "installed". Features=-NAME keeps one out. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/hardware.h"
#include "initramfs/image.h"
#include "initramfs/select.h"

struct features {
        unsigned long on;       /* a bit for each row */
        unsigned long required; /* of those, the ones that must be complete */
        unsigned long whole; /* and those that come with the programs which only some of their roots need */
        bool units;          /* the image has units, which do their work (full.h) */
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
