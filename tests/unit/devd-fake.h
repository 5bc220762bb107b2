/* A throw-away tree that looks like /sys, /dev and /run/udev, for the tests of devd. */
#pragma once

#include <sys/stat.h>

#include "devd/device.h"
#include "lib/fileio.h"
#include "lib/str.h"

static char fake_root[] = "/tmp/rouse-devd-test.XXXXXX";

static inline const char *fake_path(const char *below)
{
        static char buf[4][PATH_MAX + 64];
        static unsigned i;
        char *b = buf[i++ % 4];

        snprintf(b, sizeof(buf[0]), "%s%s", fake_root, below);
        return b;
}

static inline _unused_ void fake_file(const char *path, const char *text)
{
        (void)mkdir_parents(fake_path(path), 0755);
        (void)write_file_atomic(fake_path(path), text, strlen(text), 0644, false);
}

static inline _unused_ void fake_bytes(const char *path, const void *data, size_t len)
{
        (void)mkdir_parents(fake_path(path), 0755);
        (void)write_file_atomic(fake_path(path), data, len, 0644, false);
}

static inline _unused_ void fake_dir(const char *path)
{
        (void)mkdir_p(fake_path(path), 0755);
}

/* target as in sysfs: only its last component counts, but it must exist for links that are followed. */
static inline _unused_ void fake_link(const char *path, const char *target)
{
        (void)mkdir_parents(fake_path(path), 0755);
        (void)symlink_atomic(target, fake_path(path));
}

/* A device directory with its uevent file and its subsystem link (NULL: none). */
static inline _unused_ void fake_device(const char *path, const char *subsystem, const char *uevent)
{
        char file[PATH_MAX], link[PATH_MAX], target[PATH_MAX];

        snprintf(file, sizeof(file), "/sys%s/uevent", path);
        fake_file(file, uevent);
        if (!subsystem)
                return;
        snprintf(link, sizeof(link), "/sys%s/subsystem", path);
        snprintf(target, sizeof(target), "/anywhere/%s", subsystem);
        fake_link(link, target);
}

static inline _unused_ void fake_attr(const char *path, const char *name, const char *value)
{
        char file[PATH_MAX];

        snprintf(file, sizeof(file), "/sys%s/%s", path, name);
        fake_file(file, value);
}

static inline _unused_ bool fake_exists(const char *path)
{
        struct stat st;

        return lstat(fake_path(path), &st) >= 0;
}

static inline _unused_ void fake_start(void)
{
        if (!mkdtemp(fake_root))
                abort();
        fake_dir("/sys/devices");
        fake_dir("/dev");
        fake_dir("/run");
        device_set_roots(fake_path("/sys"), fake_path("/dev"), fake_path("/run"));
}

static inline _unused_ void fake_end(void)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", fake_root);
        if (system(command) != 0)
                fprintf(stderr, "# %s is left\n", fake_root);
}
