/* The module digest: all that loading kernel modules needs, in one file that is mapped and read in place.
 *
 * rouse-initramfs makes it with libkmod out of /lib/modules/VERSION and modprobe.d, as
 * /lib/modules/VERSION/modules.rouse (and a smaller one, restricted to the modules in the image, for
 * rouse-initrd). This reader links to nothing but libc; devd's main process and rouse-initrd use it alike.
 *
 * A reader's way:
 *
 *     r = digest_open_release(NULL, NULL, &d);          // the running kernel's; -ESTALE: made from other files
 *     digest_lookup_alias(d, "pci:v00001AF4d…", cb, x); // cb for each module that drives it
 *       in cb: m->flags & DIGEST_INSTALL → an `install` line: give it to live libkmod
 *              else for (i = 0; i < m->n_order; i++) load what digest_order(d, m, i, &step) says, in this order
 *     digest_insert(d, &step.module, AT_FDCWD)          // finit_module; may block: in a worker or a child only
 *
 * When there is no digest (-ENOENT), it is stale (-ESTALE) or damaged (-EBADMSG), the caller uses live libkmod.
 *
 * Names and aliases are compared with '-' and '_' equal. Modules that modprobe.d blacklists are passed over by
 * digest_lookup_alias(), as `modprobe -b` does; digest_module() still finds them. Modules built into the
 * kernel are known by name (DIGEST_BUILTIN) and never reported by a look-up: there is nothing to load.
 * modprobe.blacklist= and MODULE.OPTION= on the kernel command line are the caller's business.
 *
 * The format: a header, then arrays of u32 records and a pool of NUL-terminated strings; every reference is an
 * offset or an index, in host byte order (a file is made for one machine type). Opening checks that each array
 * lies inside the file; each access checks its own index, so a damaged file yields -EBADMSG or empty strings,
 * never a read outside. digest_verify() also checks the CRC. Aliases are sorted by (text up to the first ':' or
 * '_', length of the text before the first wildcard, that text): a look-up is one binary search for each such
 * group whose bus fits, and an fnmatch of the few that are left. */
#pragma once

#include "util.h"

#define DIGEST_VERSION 1

struct digest; /* one mapping; read-only, may be shared by threads and forked children */

enum {
        DIGEST_BUILTIN = 1 << 0,     /* in the kernel itself; path is "" */
        DIGEST_BLACKLISTED = 1 << 1, /* by modprobe.d: not to be loaded for an alias */
        DIGEST_INSTALL = 1 << 2,     /* an `install` line: only live libkmod (or modprobe) does it right */
        DIGEST_ABSENT = 1 << 3,      /* restricted digest: exists for this kernel, but is not in the image */
        DIGEST_EARLY = 1 << 4,       /* restricted digest: load at once, without waiting for a modalias */
};

struct digest_module {
        uint32_t index;       /* number in the digest, < digest_n_modules() */
        uint32_t flags;       /* DIGEST_* */
        const char *name;     /* with '_' */
        const char *path;     /* below /lib/modules/VERSION: "kernel/drivers/block/virtio_blk.ko" */
        const char *options;  /* from modprobe.d, joined by a space; "" when none */
        const char *install;  /* the install line's command; "" when none */
        uint32_t order_first; /* the reader's own */
        uint32_t n_order;     /* what to load for it, itself included, in load order */
};

/* One step of loading a module: soft dependencies before, hard ones, itself, soft ones after. */
struct digest_step {
        struct digest_module module;
        bool optional; /* a soft dependency: its failure does not matter */
};

/* What a digest was made from; equal keys mean that it is current. */
struct digest_key {
        uint64_t dep_size;  /* of modules.dep */
        int64_t dep_mtime;  /* seconds */
        uint64_t conf_hash; /* names, sizes and times (seconds) of all modprobe.d files */
};

int digest_open(const char *path, struct digest **ret);
/* modules.rouse of release (NULL: uname -r) below sysroot (NULL: "/"), only if it is current: -ENOENT, -ESTALE,
 * -EBADMSG otherwise. */
int digest_open_release(const char *sysroot, const char *release, struct digest **ret);
/* That of the running kernel in an initramfs, which has no modules.dep beside it. */
int digest_open_image(struct digest **ret);
/* A digest that lies in memory and stays the caller's (tests, fuzzing). */
int digest_open_memory(const void *data, size_t size, struct digest **ret);
void digest_close(struct digest *d);
void digest_closep(struct digest **d);
#define _cleanup_digest_ _cleanup_(digest_closep)
/* CRC and every reference of the whole file. 0 or -EBADMSG. */
int digest_verify(const struct digest *d);

/* The key of what is on disk now. A missing modules.dep is -ENOENT. */
int digest_key_now(const char *sysroot, const char *release, struct digest_key *ret);
struct digest_key digest_key(const struct digest *d);
const char *digest_release(const struct digest *d);

/* Calls cb for each module that the modalias (or "fs-ext4", "net-pf-10", or a module's own name) asks for, each
 * module once, until cb returns something other than 0, which is then returned. Otherwise the number of modules
 * reported. Aliases of modprobe.d come before, and hide, those of the modules, as in libkmod. */
typedef int (*digest_cb)(const struct digest *d, const struct digest_module *m, void *data);
int digest_lookup_alias(const struct digest *d, const char *modalias, digest_cb cb, void *data);

/* By exact name. 0 with *ret filled, -ENOENT, -EBADMSG. */
int digest_module(const struct digest *d, const char *name, struct digest_module *ret);
uint32_t digest_n_modules(const struct digest *d);
int digest_module_at(const struct digest *d, uint32_t index, struct digest_module *ret);
/* Step i of m's load order. */
int digest_order(const struct digest *d, const struct digest_module *m, uint32_t i, struct digest_step *ret);
/* Pattern and module of alias i, for listings. -ERANGE at the end. */
int digest_alias_at(const struct digest *d, uint32_t i, const char **ret_pattern, uint32_t *ret_module);

bool digest_alias_is_config(const struct digest *d, uint32_t i);

/* Loads one module by finit_module, uncompressed or (where the kernel can) compressed, with its modprobe.d options
 * and then extra_options (NULL: none). dirfd: /lib/modules/VERSION, to which path is relative. Blocks for as
 * long as the driver probes. 0 also when it was there already (-EEXIST is not an error). By raw system
 * calls and without allocation: for a child that shares its parent's memory, too. */
int digest_insert(const struct digest_module *m, int dirfd, const char *extra_options);

/* The kernel's alias matching: '*', '?', '[a-z]', '[!…]'; '-' and '_' equal. */
bool digest_match(const char *pattern, const char *s);

/* --- the file ------------------------------------------------------------------------------------------------ */

#define DIGEST_MAGIC "rouseMOD"

struct digest_header {
        char magic[8];
        uint32_t version;
        uint32_t size;    /* of the whole file */
        uint32_t crc;     /* CRC-32 (IEEE) of all behind the header */
        uint32_t release; /* string */
        struct digest_key key;
        uint32_t modules, n_modules;   /* offset, count of struct digest_module_rec, sorted by name */
        uint32_t groups, n_groups;     /* struct digest_group_rec */
        uint32_t aliases, n_aliases;   /* struct digest_alias_rec, in the order of the groups */
        uint32_t lists, n_lists;       /* u32: module index, DIGEST_STEP_OPTIONAL */
        uint32_t strings, strings_len; /* the pool; its first and last byte are NUL */
};

struct digest_module_rec {
        uint32_t name, path, options, install, flags, order_first, n_order;
};

struct digest_group_rec {
        uint32_t bus;      /* string: the patterns' common beginning, "pci:" */
        uint32_t literal;  /* length of each pattern's part before the first wildcard */
        uint32_t first, n; /* aliases, sorted by that part */
};

struct digest_alias_rec {
        uint32_t pattern; /* string, '-' written as '_' */
        uint32_t module;  /* index, DIGEST_ALIAS_CONFIG */
};

#define DIGEST_STEP_OPTIONAL 0x80000000u
#define DIGEST_ALIAS_CONFIG  0x80000000u /* from modprobe.d */

/* CRC-32 as in the header. */
uint32_t digest_crc(const void *data, size_t len);
