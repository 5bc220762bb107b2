/* What lies between a disk and a file system: multipath, LUKS, md, LVM, btrfs of several members, dm-verity.
 *
 * Each is a row of one table: the types that blkid finds on its members, the program that makes the device from
 * them, and two steps, which start at most one program and are called again when that has ended:
 *
 *     step          there may be something new to open, to assemble, to activate
 *     last_resort   nothing new has come for rd.degraded= seconds: take what there is
 *
 * The device that comes out of it is a block device like any other; its uevent leads back to the same loop. Nothing
 * here happens when the root is found without it. */
#pragma once

#include "initramfs/initrd/ask.h"
#include "initramfs/initrd/blocks.h"
#include "initramfs/initrd/loader.h"
#include "initramfs/initrd/options.h"
#include "initramfs/initrd/tool.h"

struct luks;

struct stack {
        struct loop *loop;
        const struct initrd_options *o;
        struct blocks *blocks;
        struct loader *loader;
        const struct root_spec *wanted;   /* what is looked for now */
        void (*changed)(struct stack *s); /* something has ended: look again */
        char *root_luks;   /* UUID of the LUKS device that root= names itself; its mapping is "root" */
        bool idle;         /* drivers are loaded and nothing new has come for a moment */
        unsigned programs; /* a bit for each row whose program is in this image */
        bool used;         /* a program of the table has been run */
        struct tool tool;
        struct ask ask;
        struct luks *luks;
        bool key_overdue; /* the device with a key has been waited for long enough */
        bool verity_done;
        const char *failed; /* the row that gave up, for the report */
};

void stack_init(struct stack *s);
/* 1: a program or a question is under way; 0: nothing to do. */
int stack_step(struct stack *s);
int stack_last_resort(struct stack *s);
static inline bool stack_busy(const struct stack *s)
{
        return tool_runs(&s->tool) || ask_runs(&s->ask);
}
/* Is there anything that stack_last_resort() could help? */
bool stack_is_partial(const struct stack *s);
/* One message for each type seen that this image has no program for. */
void stack_report(const struct stack *s);

/* Starts a program for a row. 1, or 0 when it could not be started, which is said. */
int stack_run(struct stack *s, const char *const *argv, const void *input, size_t len,
        void (*done)(struct tool *t, int code));

/* Asks for a driver; true when it is there or cannot be had, false while it loads: its end leads back here. */
bool stack_driver(struct stack *s, const char *module);

/* luks.c */
int luks_step(struct stack *s);
/* multipath.c. mark: says of each device whether it is held back; to be called when one has appeared. */
int multipath_step(struct stack *s);
void multipath_mark(struct stack *s);
/* verity.c */
int verity_step(struct stack *s);
bool verity_wanted(const struct initrd_options *o);
/* btrfs.c: 1 when all members of the file system on d are there, 0 when not, negative errno when the kernel does
 * not say. Tells the kernel of all members that are known. */
int btrfs_ready(const struct blocks *b, const struct block *d);
