/* fstab, read: generate-fstab-read.c splits it, generate-fstab.c (in the initramfs generate-sysroot.c) makes units of
 * it. */
#pragma once

#include "unit.h"

struct fstab_entry {
        unsigned line;
        char *what, *where, *type,
                *options; /* octal escapes undone; what with UUID= … resolved to /dev/disk/… */
        int freq, passno;
};

/* Calls fn for each good line of the file below manager->root; a bad one is told with file:line. */
int fstab_read(
        struct manager *m, const char *path, int (*fn)(struct manager *m, const struct fstab_entry *e));
/* "UUID=…" → "/dev/disk/by-uuid/…"; anything else as it is. NULL when out of memory. */
char *fstab_resolve(const char *what);
/* Value of NAME or NAME=VALUE in a comma-separated list: "" for a bare one, NULL. *ret for the caller to free. The last
 * one counts. */
int fstab_option(const char *options, const char *name, char **ret);
bool fstab_flag(const char *options, const char *name);
/* All values of NAME=VALUE. */
int fstab_options_all(const char *options, const char *name, char ***ret);
/* options without NAME and NAME=…; NULL when out of memory. */
char *fstab_without(const char *options, const char *const *names);
