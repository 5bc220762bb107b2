/* Out of the root, into the image that rouse-initrd kept in /run/initramfs: from there the root itself can be
 * unmounted, and what it is made of taken apart.
 *
 * The contract is the one that other initramfs programs know too: /run/initramfs becomes the root, the old root is
 * /oldroot, and /shutdown is executed with the verb as its first argument. rouse-shutdown is that program. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "init/shutdown-common.h"

#define IMAGE   "/run/initramfs"
#define PROGRAM "/shutdown"

bool shutdown_has_left(void)
{
        return access(SHUTDOWN_OLDROOT, F_OK) == 0 && access(PROGRAM, X_OK) == 0;
}

static int prepare(void)
{
        static const char *const moved[] = { "/proc", "/sys", "/dev" };
        char to[64];

        /* pivot_root(2) wants a mount of its own, and a program a mount that is not noexec. */
        if (mount(IMAGE, IMAGE, NULL, MS_BIND, NULL) < 0 ||
                mount(NULL, IMAGE, NULL, MS_REMOUNT | MS_BIND, NULL) < 0 ||
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        if (mkdir(IMAGE SHUTDOWN_OLDROOT, 0755) < 0 && errno != EEXIST)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
                snprintf(to, sizeof(to), IMAGE "%s", moved[i]);
                if (mkdir(to, 0755) < 0 && errno != EEXIST)
                        return -errno;
                if (mount(moved[i], to, NULL, MS_MOVE, NULL) < 0)
                        return -errno;
        }
        return 0;
}

int shutdown_leave(struct shutdown *s, char **argv)
{
        char *env[] = { (char *)"ROUSE_SHUTDOWN_COPY=1", (char *)"PATH=/sbin:/bin:/usr/sbin:/usr/bin",
                NULL };

        if (s->test || access(IMAGE PROGRAM, X_OK) < 0)
                return 0;
        int r = prepare();
        if (r >= 0 && (chdir(IMAGE) < 0 || syscall(SYS_pivot_root, ".", "." SHUTDOWN_OLDROOT) < 0 ||
                              chroot(".") < 0))
                r = -errno;
        if (r >= 0) {
                (void)chdir("/");
                argv[0] = (char *)PROGRAM;
                execve(PROGRAM, argv, env);
                r = -errno;
        }
        shutdown_say(s, "cannot go back to the initramfs (%s); the root stays mounted", strerror(-r));
        return r;
}
