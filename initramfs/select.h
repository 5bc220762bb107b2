/* Which modules come into the image, and why.
 *
 * Everything is decided on the digest: a module comes with its whole load order. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/hardware.h"
#include "initramfs/image.h"
#include "lib/digest.h"

struct selection {
        const struct digest *digest;
        uint8_t *state;      /* by module: SELECT_* */
        const char **why;    /* by module */
        struct image *image; /* for what is missing */
        char **texts;        /* owns the reasons */
        unsigned errors;
};

enum { SELECT_IN = 1, SELECT_EARLY = 2, SELECT_BROKEN = 4 };

int selection_open(struct selection *s, const struct digest *d, struct image *im);
void selection_done(struct selection *s);
/* A module by name, or all that an alias asks for. required: not being there is an error. */
int select_name(struct selection *s, const char *name, const char *why, bool early, bool required);
/* The drivers of the classes that a root can be on, as the mode says. */
int select_drivers(struct selection *s, enum image_mode mode, const struct hardware *h);
/* Adds what modprobe.d's weakdep lines say that modules which are in already may ask for while they run. */
int select_weak(struct selection *s, const char *sysroot);
/* The drivers of network interfaces: of the machine, or all for a generic image. */
int select_network(struct selection *s, enum image_mode mode, const struct hardware *h);
/* /etc/modules-load.d/rouse.conf: those that are loaded at once, for an image where rouse-initrd does not do it. */
int selection_list_early(const struct selection *s);
/* Puts the modules, their firmware and the restricted digest into the image. */
int selection_install(struct selection *s);
