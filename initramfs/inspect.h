/* Looking into an image: any newc archive, also several behind each other, compressed or not. */
#pragma once

#include "initramfs/compress.h"
#include "lib/str.h"

struct member {
        const char *path; /* without leading "/" or "./" */
        const char *data;
        size_t len;
        unsigned mode, major, minor;
        unsigned archive; /* number of the archive within the image, from 0 */
        enum compression compression;
};

/* Calls fn for each member of all archives until it returns something other than 0, which is returned.
 * -EBADMSG: damaged; what was before the damage has been reported. */
int inspect_members(
        const void *data, size_t len, int (*fn)(const struct member *m, void *data), void *userdata);
/* Prints contents, sizes, modules and why each is there. */
int inspect_print(const char *path);
