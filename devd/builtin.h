/* The builtins' functions (table in builtin.c). Each takes its words as main() would, sets properties of the
 * device, and returns 0 or more when it had something to say, else a negative errno. */
#pragma once

#include "rules.h"

typedef int builtin_fn(struct device *d, struct rules_event *e, int argc, char **argv);
builtin_fn builtin_blkid, builtin_btrfs, builtin_hwdb, builtin_input_id, builtin_keyboard, builtin_kmod,
        builtin_net_id, builtin_net_setup_link, builtin_path_id, builtin_uaccess, builtin_usb_id;

/* Sets key on d and, for test-builtin, says so at debug level. value NULL or "": 0, nothing set. */
int builtin_add(struct device *d, const char *key, const char *value);
