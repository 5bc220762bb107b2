/* Loading of kernel modules, several at once, in the order that the digest gives.
 *
 * Each module is idle, wanted, loading, done or failed. loader_want() makes a module and all that it needs
 * wanted; a wanted module is started as soon as everything before it in its own load order is through, and each
 * load is a child process that shares our memory and does one finit_module, which lasts as long as the driver
 * probes. A load is never killed: one that hangs stays behind, also across the switch of root. Children are
 * awaited by pidfd. */
#pragma once

#include "lib/digest.h"
#include "lib/loop.h"
#include "lib/str.h"

#define LOADER_JOBS 8

struct loader;

struct loader_job {
        struct loader_job *next;
        struct loop_io io; /* the pidfd */
        struct loader *loader;
        struct digest_module module;
        pid_t pid;
        int fd;
        char *options;
        void *stack;
};

struct loader {
        struct loop *loop;
        struct digest *digest; /* NULL: no modules in this image */
        int dirfd;
        uint8_t *state; /* by module */
        struct loader_job job[LOADER_JOBS];
        unsigned n_running, n_wanted, n_failed, n_loaded;
        unsigned n_idle; /* drivers without hardware of theirs (ENODEV), as ciphers for other processors */
        char *const *cmdline; /* MODULE.OPTION= */
        char *const *blacklist;
        char **absent;                         /* asked for, and not in the image */
        void (*on_progress)(struct loader *l); /* after each load */
        void *data;
};

int loader_open(struct loader *l, struct loop *loop, const char *release);
/* Loads what the digest marks as DIGEST_EARLY. */
void loader_want_early(struct loader *l);
/* Loads what a modalias (or "fs-ext4") asks for. Number of modules that drive it, loaded or not. */
int loader_modalias(struct loader *l, const char *modalias);
/* Loads a module by its name. 1 when the image knows it, else 0. */
int loader_name(struct loader *l, const char *name);
/* Is something that the alias asks for still wanted or under way? */
bool loader_alias_busy(struct loader *l, const char *alias);
bool loader_name_busy(struct loader *l, const char *name);
/* Everything wanted has been tried. */
bool loader_idle(const struct loader *l);
/* The MODALIAS of every device that is on a bus. */
void loader_walk_sysfs(struct loader *l);
