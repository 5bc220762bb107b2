/* seccomp filters of a unit's context, as programs for the kernel: see exec-seccomp.c. */
#pragma once

#include <linux/filter.h>
#include "exec.h"

/* Programs one after the other, each: uint32 instructions, uint32 flags, struct sock_filter[]. */
struct seccomp_programs {
        uint32_t *words;
        size_t n;
};

/* Compiles what the context asks for. 0 with n == 0 when it asks for nothing; -EOPNOTSUPP on an architecture
 * without a table. Names that the table does not know are told by log_unit (unit may be NULL). */
int seccomp_compile(const char *unit, const struct exec_context *c, struct seccomp_programs *ret);
bool seccomp_wanted(const struct exec_context *c);
/* Number of a system call on the native architecture, -ENOENT when unknown. */
int seccomp_syscall_number(const char *name);
/* Is name a known system call or "@group"? For `verify`. */
bool seccomp_name_known(const char *name);
