/* modprobe.d(5), read for a root that need not be the running one.
 *
 * libkmod could do it, but adds what the *running* kernel's command line says (modprobe.blacklist=, nvme.x=1),
 * which must not end up in another machine's image. */
#pragma once

#include "lib/str.h"

struct modprobed_visitor {
        /* module names and values as written; NULL members are not called */
        int (*alias)(const char *pattern, const char *module, void *data);
        int (*blacklist)(const char *module, void *data);
        int (*options)(const char *module, const char *options, void *data);
        int (*install)(const char *module, const char *command, void *data);
        int (*softdep)(const char *module, char *const *pre, char *const *post, void *data);
        int (*weakdep)(const char *module, char *const *deps, void *data);
        void *data;
};

/* The directories in order of priority, below a root. */
extern char *const modprobed_dirs[];

/* All of SYSROOT's modprobe.d in order, then the module directory's modules.softdep and modules.weakdep. */
int modprobed_read(const char *sysroot, const char *release, const struct modprobed_visitor *v);
/* One file's text (changed in place). Bad lines are logged with path:line and skipped. */
int modprobed_parse(const char *path, char *text, const struct modprobed_visitor *v);
