/* machine-id-commit: makes permanent a machine id that lives on a mount over /etc/machine-id (a first boot with /etc
 * still read-only), or, where there was no such file to mount over, in /run/machine-id alone. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "early/early.h"

#define ID_FILE  "/etc/machine-id"
#define RUN_FILE "/run/machine-id"

static bool is_mount_point(const char *file, const char *dir)
{
        struct stat a, b;

        return stat(file, &a) == 0 && stat(dir, &b) == 0 && a.st_dev != b.st_dev;
}

int step_machine_id_commit(struct early *e, char *const *args)
{
        _cleanup_free_ char *file = early_path(e, ID_FILE), *run = early_path(e, RUN_FILE),
                            *etc = early_path(e, "/etc"), *id = NULL;
        bool mounted;
        size_t len;
        int r;

        if (!file || !run || !etc)
                return log_oom();
        mounted = is_mount_point(file, etc);
        if (!mounted && (access(file, F_OK) >= 0 || access(run, F_OK) < 0))
                return 0;
        r = read_file(mounted ? file : run, 256, &id, &len);
        if (r < 0)
                return log_error_errno(r, "%s cannot be read: %m", mounted ? ID_FILE : RUN_FILE);
        if (strspn(id, "0123456789abcdef") != 32 || (id[32] && id[32] != '\n'))
                return log_error_errno(-EINVAL, "%s has no valid id in it, so it is not made permanent.",
                        mounted ? ID_FILE : RUN_FILE);
        strcpy(id + 32, len > 32 ? "\n" : "");
        if (access(etc, W_OK) < 0)
                return log_error_errno(
                        -errno, "/etc cannot be written, so the machine id is not made permanent: %m");
        if (mounted && umount2(file, MNT_DETACH) < 0)
                return log_error_errno(-errno, "Cannot unmount " ID_FILE ": %m");
        r = write_file_atomic(file, id, strlen(id), 0444, true);
        return r < 0 ? log_error_errno(r, ID_FILE " not written: %m") : 0;
}
