/* What kind of image is asked for: configuration files first, then the command line over them. */
#pragma once

#include "initramfs/compress.h"
#include "lib/str.h"

enum image_mode {
        MODE_HOST,    /* what this machine (or --hardware) needs, and the lean set */
        MODE_GENERIC, /* all storage, USB and HID drivers of the kernel */
        MODE_BARE,    /* what the hardware and --add-module say, and nothing else */
};

/* Whose fsck checks the root, when its superblock says that it needs to be. */
enum fsck_place {
        FSCK_AUTO,  /* the root's own where that can be, else one in the image */
        FSCK_IMAGE, /* one in the image, always */
        FSCK_NONE,  /* nobody's */
};

struct config {
        char *sysroot; /* NULL: "/" */
        char *release;
        char *output;
        char *hardware; /* recording of a machine */
        char *init;     /* rouse-initrd; NULL: from the sysroot, or beside this program */
        enum image_mode mode;
        enum compression compression;
        int level;
        uint32_t threads;                          /* of the compressor; 0: as many as processors */
        char **modules;                            /* to be added, and loaded at once */
        char **files;                              /* PATH or PATH:DST */
        char **features;                           /* NAME, or -NAME to leave it out */
        char **fstypes;                            /* of the root, when fstab does not say */
        bool full;                                 /* PID 1, devd and units inside */
        char **units;                              /* of the administrator's own, for such an image */
        bool uki;                                  /* a unified kernel image instead of an initramfs */
        char *uki_stub, *uki_kernel, *uki_cmdline; /* NULL: where they usually are */
        enum fsck_place fsck;
        bool microcode; /* in front of the image, where there is any */
};

int config_set(struct config *c, const char *key, const char *value);
/* SYSROOT/etc/rouse/initramfs.conf and initramfs.conf.d/. */
int config_read(struct config *c);
void config_done(struct config *c);
