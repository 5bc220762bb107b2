/* Files of /sys, from near by: while the rules of a device run, what is in its directory and in those above is opened from
 * there, "../../uuid". A path from the root goes through a dozen directories, each of which sysfs looks up and asks
 * anew, and rules ask all that is above a device for one attribute after the other. */
#include <fcntl.h>

#include "device.h"

#define WORTH_IT 3 /* questions about one device after which its directory is opened */

static struct {
        const char *syspath;
        unsigned asked;
        int fd;
} near = { .fd = -1 };

void device_near(const char *syspath)
{
        near.fd = close_fd(near.fd);
        near.asked = 0;
        near.syspath = syspath;
}

static bool is_open(void)
{
        char path[PATH_MAX];

        if (near.fd < 0 && ++near.asked == WORTH_IT && real_sys_path(near.syspath, NULL, path) >= 0)
                near.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return near.fd >= 0;
}

/* "../../" for what stands two directories above, or NULL. */
static char *climb(const char *syspath, char *buf, size_t size)
{
        const char *rest = near.syspath ? startswith(near.syspath, syspath) : NULL;

        if (!rest || (*rest != '/' && *rest != '\0'))
                return NULL;
        for (; *rest; rest++)
                if (*rest == '/') {
                        if (size <= 3)
                                return NULL;
                        memcpy(buf, "../", 3);
                        buf += 3;
                        size -= 3;
                }
        return buf;
}

int near_sys_path(const char *syspath, const char *below, char buf[static PATH_MAX], int *ret_dirfd)
{
        char *end = below ? climb(syspath, buf, PATH_MAX) : NULL;
        size_t n = below ? strlen(below) + 1 : 0;

        *ret_dirfd = AT_FDCWD;
        if (!end || n > (size_t)(buf + PATH_MAX - end) || !is_open())
                return real_sys_path(syspath, below, buf);
        memcpy(end, below, n);
        *ret_dirfd = near.fd;
        return 0;
}
