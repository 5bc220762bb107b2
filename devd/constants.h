/* Facts of the machine that do not change while it runs. */
#pragma once

/* "arch": "x86-64", "arm64" …; "virt": the kind of virtual machine or container, or "none". NULL for other keys. */
const char *constant_value(const char *key);
