/* machine-id-commit: makes a machine id that lives on a mount over /etc/machine-id (a first boot with /etc
 * still read-only) permanent. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "early/early.h"

#define ID_FILE "/etc/machine-id"

static bool is_mount_point(const char *file, const char *dir)
{
        struct stat a, b;

        return stat(file, &a) == 0 && stat(dir, &b) == 0 && a.st_dev != b.st_dev;
}

int step_machine_id_commit(struct early *e, char *const *args)
{
        _cleanup_free_ char *file = early_path(e, ID_FILE), *etc = early_path(e, "/etc"), *id = NULL;
        size_t len;
        int r;

        if (!file || !etc)
                return log_oom();
        if (!is_mount_point(file, etc))
                return 0;
        r = read_file(file, 256, &id, &len);
        if (r < 0)
                return log_error_errno(r, ID_FILE " cannot be read: %m");
        if (strspn(id, "0123456789abcdef") != 32 || (id[32] && id[32] != '\n'))
                return log_error_errno(
                        -EINVAL, ID_FILE " has no valid id in it, so it is not made permanent.");
        strcpy(id + 32, len > 32 ? "\n" : "");
        if (access(etc, W_OK) < 0)
                return log_error_errno(
                        -errno, "/etc cannot be written, so the machine id is not made permanent: %m");
        if (umount2(file, MNT_DETACH) < 0)
                return log_error_errno(-errno, "Cannot unmount " ID_FILE ": %m");
        r = write_file_atomic(file, id, strlen(id), 0444, true);
        return r < 0 ? log_error_errno(r, ID_FILE " not written: %m") : 0;
}
