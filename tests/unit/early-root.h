/* A throw-away root for the tests of rouse-early. */
#pragma once

#include <sys/stat.h>
#include <sys/wait.h>

#include "early/early.h"
#include "tests/tap.h"

static char root_dir[] = "/tmp/rouse-early.XXXXXX";

static inline void root_make(void)
{
        if (!mkdtemp(root_dir))
                exit(1);
}

static inline void root_remove(void)
{
        _cleanup_free_ char *cmd = str_printf("rm -rf %s", root_dir);

        if (system(cmd) != 0)
                exit(1);
}

static inline void put(const char *path, const char *text)
{
        _cleanup_free_ char *p = path_join(root_dir, path);

        if (mkdir_parents(p, 0755) < 0 || write_file_atomic(p, text, strlen(text), 0644, false) < 0)
                exit(1);
}

static inline _unused_ char *get(const char *path)
{
        _cleanup_free_ char *p = path_join(root_dir, path);
        char *s = NULL;

        (void)read_file(p, 0, &s, NULL);
        return s;
}

static inline _unused_ bool is(const char *path, mode_t mode)
{
        _cleanup_free_ char *p = path_join(root_dir, path);
        struct stat st;

        return lstat(p, &st) == 0 && st.st_mode == mode;
}

static inline _unused_ bool gone(const char *path)
{
        return !is(path, 0) && ({
                _cleanup_free_ char *p = path_join(root_dir, path);
                struct stat st;
                lstat(p, &st) < 0;
        });
}
