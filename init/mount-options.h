/* Mount options as mount(8) writes them. */
#pragma once

#include "lib/str.h"

/* Is this option in the list (by its whole name, before any "=")? */
bool mount_option(const char *options, const char *name);
/* Flags and file-system data of mount(2); options for user space only (x-…, nofail, noauto, _netdev, user …) are left
 * out. *ret_data is NULL when nothing is left. */
int mount_options_split(const char *options, unsigned long *ret_flags, char **ret_data);
/* What mount(8) may see, with extra in front; "" for none. NULL when out of memory. */
char *mount_options_for_helper(const char *options, const char *extra);
bool mount_type_is_network(const char *fstype);
/* Needs mount(8): a helper program, a loop device, a network. */
bool mount_needs_helper(const char *fstype, const char *what, const char *options);
