/* systemd.volatile=, overlayroot=: a root that is not written to, with what is written kept in memory. */

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define PLACE "/run/rouse/volatile"

int volatile_prepare(void)
{
        static bool asked;

        if (boot.o.volatile_root != VOLATILE_OVERLAY || boot.goal != &boot.root)
                return 0;
        if (!asked)
                loader_modalias(&boot.loader, "fs-overlay");
        asked = true;
        return loader_alias_busy(&boot.loader, "fs-overlay");
}

static int mount_overlay(void)
{
        static const char *const dirs[] = { PLACE "/lower", PLACE "/upper", PLACE "/work" };

        (void)mkdir_p(PLACE, 0700);
        if (mount("tmpfs", PLACE, "tmpfs", 0, "mode=0755,size=50%") < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                mkdir(dirs[i], 0755);
        if (mount(NEW_ROOT, PLACE "/lower", NULL, MS_MOVE, NULL) < 0)
                return -errno;
        if (mount("overlay", NEW_ROOT, "overlay", 0,
                    "lowerdir=" PLACE "/lower,upperdir=" PLACE "/upper,workdir=" PLACE "/work") >= 0)
                return 0;
        int r = -errno;
        (void)mount(PLACE "/lower", NEW_ROOT, NULL, MS_MOVE, NULL);
        return r;
}

int volatile_mount(void)
{
        int r = 0;

        switch (boot.o.volatile_root) {
        case VOLATILE_NO: return 0;
        case VOLATILE_OVERLAY: r = mount_overlay(); break;
        case VOLATILE_STATE:
                if (mount("tmpfs", NEW_ROOT "/var", "tmpfs", 0, "mode=0755,size=25%") < 0)
                        r = -errno;
                break;
        case VOLATILE_YES:
                log_error("systemd.volatile=yes is not supported; the root is used as it is");
                return 0;
        }
        if (r < 0)
                log_error_errno(r, "Cannot make the root volatile: %m; it is used as it is");
        return r;
}
