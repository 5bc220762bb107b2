/* What the tests of init/'s reading side share: a throw-away root with unit files, a manager that reads below it, and
 * what was logged. */
#pragma once

#include <sys/stat.h>

#include "init/load.h"
#include "init/manager.h"
#include "init/table.h"
#include "init/types.h"
#include "lib/fileio.h"
#include "tests/tap.h"

static char test_root[] = "/tmp/rouse-init.XXXXXX";
static struct strbuf test_log;

static void test_take_log(int level, const char *unit, const char *file, int line, const char *text)
{
        strbuf_printf(&test_log, "%s\n", text);
}

static inline _unused_ bool logged(const char *what)
{
        return test_log.s && strstr(test_log.s, what);
}

static inline _unused_ unsigned logged_times(const char *what)
{
        unsigned n = 0;

        for (const char *s = test_log.s; s && (s = strstr(s, what)); s += strlen(what))
                n++;
        return n;
}

static inline void test_begin(void)
{
        log_open("test", LOG_TO_HOOK);
        log_set_hook(test_take_log);
        if (!mkdtemp(test_root))
                exit(1);
}

static inline _unused_ char *test_path(const char *path)
{
        return path_join(test_root, path);
}

static inline _unused_ void put_bytes(const char *path, const void *data, size_t n)
{
        _cleanup_free_ char *p = test_path(path);

        if (mkdir_parents(p, 0755) < 0 || write_file_atomic(p, data, n, 0644, false) < 0)
                exit(1);
}

static inline _unused_ void put(const char *path, const char *text)
{
        put_bytes(path, text, strlen(text));
}

static inline _unused_ void put_link(const char *path, const char *target)
{
        _cleanup_free_ char *p = test_path(path);

        if (mkdir_parents(p, 0755) < 0 || symlink(target, p) < 0)
                exit(1);
}

/* Empties the root and the log. */
static inline _unused_ void test_reset(void)
{
        _cleanup_free_ char *cmd = str_printf("rm -rf %s && mkdir %s", test_root, test_root);

        if (system(cmd) != 0)
                exit(1);
        strbuf_done(&test_log);
}

static inline struct manager *test_manager(void)
{
        struct manager *m;

        if (manager_new(&m) < 0 || !(m->root = strdup(test_root)))
                exit(1);
        m->test_mode = true;
        if (load_index(m) < 0)
                exit(1);
        return m;
}

static inline void test_manager_free(struct manager *m)
{
        free(m->root);
        strv_free(m->unit_path);
        m->root = NULL;
        m->unit_path = NULL;
        manager_collect(m); /* units that were merged into others */
        manager_free(m);
}

static inline _unused_ struct unit *test_unit(struct manager *m, const char *name)
{
        struct unit *u = NULL;

        if (unit_load_by_name(m, name, &u) < 0)
                exit(1);
        return u;
}

static inline _unused_ bool has_dep(struct manager *m, struct unit *u, enum dep_type t, const char *other)
{
        struct unit *o = unit_find(m, other);

        return o && unit_has_dep(u, t, o);
}

static inline int test_end(void)
{
        _cleanup_free_ char *cmd = str_printf("rm -rf %s", test_root);

        strbuf_done(&test_log);
        return system(cmd) != 0 ? 1 : tap_done();
}
