/* Writer of the module digest (the format and its reader: lib/digest.h).
 *
 * Everything goes through one builder: modules and aliases are added in any order, finish() sorts, groups and
 * lays them out. There are two producers: libkmod's indexes and modprobe.d (modindex.c) for the full digest of
 * a kernel, and a digest plus a filter (digest_restrict) for the smaller one in an image. */
#pragma once

#include "lib/digest.h"
#include "lib/str.h"

struct digest_builder;

int digest_builder_new(struct digest_builder **ret);
void digest_builder_free(struct digest_builder *b);
void digest_builder_freep(struct digest_builder **b);
#define _cleanup_builder_ _cleanup_(digest_builder_freep)

/* Returns the module's number in the order of adding, or -errno. Strings are copied. */
int digest_builder_module(struct digest_builder *b, const char *name, const char *path, const char *options,
        const char *install, uint32_t flags);
/* steps: numbers of digest_builder_module(), or'ed with DIGEST_STEP_OPTIONAL, in load order. */
int digest_builder_order(struct digest_builder *b, uint32_t module, const uint32_t *steps, uint32_t n);
int digest_builder_alias(struct digest_builder *b, const char *pattern, uint32_t module, bool config);
int digest_builder_finish(
        struct digest_builder *b, const char *release, const struct digest_key *key, struct strbuf *ret);

/* The full digest of a kernel, made from its indexes by libkmod (modindex.c). */
int digest_from_kernel(const char *sysroot, const char *release, struct strbuf *ret);
/* The same, opened: from modules.rouse if that is current, else made in memory, which ret_memory then holds. */
int digest_for_kernel(
        const char *sysroot, const char *release, struct strbuf *ret_memory, struct digest **ret);
/* Writes SYSROOT/lib/modules/RELEASE/modules.rouse: temporary file, fsync, rename. */
int digest_write_release(const char *sysroot, const char *release);

/* Says what becomes of a module in a restricted digest: flags to add to its own (DIGEST_ABSENT, DIGEST_EARLY),
 * or DIGEST_DROP, which leaves out the module with its aliases. */
#define DIGEST_DROP 0x40000000u
typedef uint32_t (*digest_filter)(const struct digest_module *m, void *data);
int digest_restrict(const struct digest *d, digest_filter filter, void *data, struct strbuf *ret);
