/* What machine this is, asked by conditions of units and by [Match] of .link files. 1: it is, 0: it is not, or -errno. */
#pragma once

#include "util.h"

/* "uefi", "device-tree", "device-tree-compatible(VALUE)", "smbios-field(FIELD OP VALUE)" */
int machine_firmware_is(const char *p);
/* A list of expressions that must all hold; without an operator a pattern. */
int machine_kernel_is(const char *list);
/* "x86-64" … of this machine, as ConditionArchitecture= and %a name it. */
const char *architecture_name(void);
