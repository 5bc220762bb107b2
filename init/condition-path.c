/* Conditions about paths, and the one place in which conditions look at the file system. */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "condition.h"
#include "lib/fileio.h"

/* ---- the seam ---- */

static int probe_glob(const char *pattern)
{
        glob_t g = {};
        int r = glob(pattern, GLOB_NOSORT | GLOB_BRACE, NULL, &g);

        globfree(&g);
        return r == 0 ? 1 : r == GLOB_NOMATCH ? 0 : -EIO;
}

static int probe_not_empty(const char *path)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *de;

        if (!d)
                return 0;
        while ((de = readdir(d)))
                if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
                        return 1;
        return 0;
}

static int probe_mount_point(const char *path)
{
        struct statx x;

        if (statx(AT_FDCWD, path, 0, 0, &x) < 0)
                return 0;
        if (x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
                return !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
        return -EOPNOTSUPP;
}

/* Is a block device, or all that it stands on, dm-crypt? */
static int device_encrypted(unsigned major, unsigned minor, int depth)
{
        _cleanup_free_ char *path = str_printf("/sys/dev/block/%u:%u/dm/uuid", major, minor), *uuid = NULL;
        _cleanup_free_ char *slaves = str_printf("/sys/dev/block/%u:%u/slaves", major, minor);
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;
        bool found = false;

        if (!path || !slaves || depth > 16)
                return -ELOOP;
        if (read_one_line(path, &uuid) >= 0 && startswith(uuid, "CRYPT-"))
                return 1;
        d = opendir(slaves);
        while (d && (de = readdir(d))) {
                _cleanup_free_ char *dev = NULL, *numbers = NULL;
                unsigned a, b;

                if (de->d_name[0] == '.')
                        continue;
                dev = str_printf("%s/%s/dev", slaves, de->d_name);
                if (!dev || read_one_line(dev, &numbers) < 0 || sscanf(numbers, "%u:%u", &a, &b) != 2)
                        return 0;
                if (device_encrypted(a, b, depth + 1) <= 0)
                        return 0;
                found = true;
        }
        return found;
}

static int probe_executable(const char *path)
{
        struct stat st;

        return stat(path, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

int path_probe(struct manager *m, enum probe_question q, const char *path)
{
        struct statvfs vfs;
        struct stat st;

        /* TODO(decisions 2): paths outside the local root go to the probe child with a deadline. The root, /usr,
         * /etc, /run, /proc, /sys and /dev are read here. */
        switch (q) {
        case PROBE_EXISTS: return access(path, F_OK) >= 0;
        case PROBE_GLOB: return probe_glob(path);
        case PROBE_DIRECTORY: return stat(path, &st) >= 0 && S_ISDIR(st.st_mode);
        case PROBE_SYMLINK: return lstat(path, &st) >= 0 && S_ISLNK(st.st_mode);
        case PROBE_MOUNT_POINT: return probe_mount_point(path);
        case PROBE_READ_WRITE: return statvfs(path, &vfs) >= 0 && !(vfs.f_flag & ST_RDONLY);
        case PROBE_ENCRYPTED:
                return stat(path, &st) >= 0 ? device_encrypted(major(st.st_dev), minor(st.st_dev), 0) : 0;
        case PROBE_DIRECTORY_NOT_EMPTY: return probe_not_empty(path);
        case PROBE_FILE_NOT_EMPTY: return stat(path, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size > 0;
        case PROBE_EXECUTABLE: return probe_executable(path);
        }
        return -EINVAL;
}

/* ---- the tests ---- */

int test_path_exists(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_EXISTS, p);
}

int test_path_exists_glob(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_GLOB, p);
}

int test_path_is_directory(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_DIRECTORY, p);
}

int test_path_is_symlink(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_SYMLINK, p);
}

int test_path_is_mount_point(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_MOUNT_POINT, p);
}

int test_path_is_read_write(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_READ_WRITE, p);
}

int test_path_is_encrypted(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_ENCRYPTED, p);
}

int test_directory_not_empty(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_DIRECTORY_NOT_EMPTY, p);
}

int test_file_not_empty(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_FILE_NOT_EMPTY, p);
}

int test_file_is_executable(struct manager *m, const char *p)
{
        return path_probe(m, PROBE_EXECUTABLE, p);
}
