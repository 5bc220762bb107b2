/* A word with the kernel about one interface, over rtnetlink. The kernel answers within the call. 0 or -errno. */
#pragma once

#include "lib/util.h"

int rtnl_set_link(int ifindex, unsigned short attribute, const void *data, size_t len);
/* A setting of one of its virtual functions; inner: the attribute in a list of its own inside, or 0. */
int rtnl_set_function(
        int ifindex, unsigned short attribute, unsigned short inner, const void *data, size_t len);
/* -EEXIST when some interface has that name. */
int rtnl_add_altname(int ifindex, const char *name);
