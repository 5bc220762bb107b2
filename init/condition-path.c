/* Conditions about paths. Where a path may be on a slow file system, condition.c has the question answered before it
 * asks here. */
#include "condition.h"
#include "path-look.h"

int test_path_exists(struct manager *m, const char *p)
{
        return path_look(LOOK_EXISTS, p, NULL);
}

int test_path_exists_glob(struct manager *m, const char *p)
{
        return path_look(LOOK_GLOB, p, NULL);
}

int test_path_is_directory(struct manager *m, const char *p)
{
        return path_look(LOOK_DIRECTORY, p, NULL);
}

int test_path_is_symlink(struct manager *m, const char *p)
{
        return path_look(LOOK_SYMLINK, p, NULL);
}

int test_path_is_mount_point(struct manager *m, const char *p)
{
        return path_look(LOOK_MOUNT_POINT, p, NULL);
}

int test_path_is_read_write(struct manager *m, const char *p)
{
        return path_look(LOOK_READ_WRITE, p, NULL);
}

int test_path_is_encrypted(struct manager *m, const char *p)
{
        return path_look(LOOK_ENCRYPTED, p, NULL);
}

int test_directory_not_empty(struct manager *m, const char *p)
{
        return path_look(LOOK_DIRECTORY_NOT_EMPTY, p, NULL);
}

int test_file_not_empty(struct manager *m, const char *p)
{
        return path_look(LOOK_FILE_NOT_EMPTY, p, NULL);
}

int test_file_is_executable(struct manager *m, const char *p)
{
        return path_look(LOOK_EXECUTABLE, p, NULL);
}
