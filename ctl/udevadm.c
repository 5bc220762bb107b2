/* udevadm: the table of its commands, and how a device is found and read. */
#include "udevadm.h"

#include <dirent.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "lib/unitname.h"

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *help;
} commands[] = {
        { "info", udevadm_info, "Query the database and sysfs" },
        { "trigger", udevadm_trigger, "Ask the kernel for events" },
        { "settle", udevadm_settle, "Wait until all events are handled" },
        { "control", udevadm_control, "Control the device daemon" },
        { "monitor", udevadm_monitor, "Print events as they come" },
        { "wait", udevadm_wait, "Wait for devices or links" },
        { "lock", udevadm_lock, "Run a command with a block device locked" },
        { "hwdb", udevadm_hwdb, "Update or query the hardware database" },
        { "test", udevadm_test, "Simulate an event, and print what comes of it" },
        { "test-builtin", udevadm_test, "Run a builtin of the rules for a device" },
        { "verify", udevadm_test, "Check rules files" },
};

/* The rules are rouse-devd's: it has these commands under the same names. */
int udevadm_test(int argc, char **argv)
{
        char **args = calloc((size_t)argc + 2, sizeof(*args));

        if (!args)
                return 1;
        args[0] = (char *)"rouse-devd";
        memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
        execv(ROUSE_DEVD, args);
        fprintf(stderr, "Failed to execute %s: %s\n", ROUSE_DEVD, strerror(errno));
        free(args);
        return 1;
}

static int help(void)
{
        puts("udevadm COMMAND …");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (commands[i].help)
                        printf("  %-10s %s\n", commands[i].name, commands[i].help);
        return 0;
}

int udevadm_main(int argc, char **argv)
{
        int at = 1;

        while (at < argc && *argv[at] == '-') {
                if (streq(argv[at], "--version") || streq(argv[at], "-V")) {
                        puts("252"); /* the interface that we speak: scripts compare numbers */
                        return 0;
                }
                if (streq(argv[at], "--help") || streq(argv[at], "-h"))
                        return help();
                if (streq(argv[at], "--debug") || streq(argv[at], "-d"))
                        log_set_max_level(LOG_DEBUG);
                at++;
        }
        if (at >= argc) {
                fprintf(stderr, "udevadm: missing or unknown command\n");
                return 1;
        }
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (streq(commands[i].name, argv[at]))
                        return commands[i].run(argc - at, argv + at);
        fprintf(stderr, "udevadm: unknown command %s\n", argv[at]);
        return 1;
}

int verb_udevadm(const char *verb, char **args)
{
        _cleanup_strv_ char **argv = NULL;

        if (strv_add(&argv, "udevadm") < 0 || strv_extend(&argv, args) < 0)
                return 1;
        return udevadm_main((int)strv_len(argv), argv);
}

/* ---- devices ---- */

int udev_device(const char *arg, struct device **ret)
{
        _cleanup_free_ char *path = NULL, *real = NULL;
        struct device *d = NULL;
        int r;

        if (endswith(arg, ".device")) {
                r = unit_name_to_path(arg, &path);
                if (r < 0)
                        return r;
                arg = path;
        }
        if (startswith(arg, "/dev/"))
                r = device_from_devnode(arg, &d);
        else {
                _cleanup_free_ char *sys = startswith(arg, "/sys/") ? strdup(arg) : path_join("/sys", arg);

                if (!sys)
                        return -ENOMEM;
                real = realpath(sys, NULL); /* /sys/class/net/eth0 is a link */
                r = real ? device_from_syspath(real, NULL, &d) : -ENODEV;
        }
        if (r < 0)
                return r;
        (void)device_complete(d);
        (void)db_read(d);
        *ret = d;
        return 0;
}

bool udev_is_initialized(struct device *d)
{
        _cleanup_free_ char *path = d->id ? path_join("/run/udev/data", d->id) : NULL;

        return path && access(path, F_OK) == 0;
}

static bool is_derived(const char *key)
{
        static const char *const derived[] = { "ACTION", "DEVPATH", "SUBSYSTEM", "DEVNAME", "SEQNUM",
                "DEVLINKS", "TAGS", "CURRENT_TAGS", "USEC_INITIALIZED", NULL };

        return strv_contains((char *const *)derived, key);
}

static void add_list(char ***v, const char *key, char *const *list, const char *before, const char *between,
        const char *ends)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        FOREACH_STR (s, list)
                strbuf_printf(&b, "%s%s%s", b.len ? between : ends, before, *s);
        if (b.len)
                (void)strv_addf(v, "%s=%s%s", key, b.s, ends);
}

static void add_props(char ***v, struct device *d, bool kernel)
{
        for (size_t i = 0; i < d->n_props; i++) {
                const struct prop *p = &d->props[i];

                if (p->from_kernel != kernel || p->dot || streq(p->key, "MAJOR") || streq(p->key, "MINOR"))
                        continue;
                if (kernel && streq(p->key, "DEVNAME"))
                        (void)strv_addf(v, "DEVNAME=%s", d->devnode ?: p->value);
                else if (!is_derived(p->key))
                        (void)strv_addf(v, "%s=%s", p->key, p->value);
        }
        if (kernel && d->major >= 0) {
                (void)strv_addf(v, "MAJOR=%d", d->major);
                (void)strv_addf(v, "MINOR=%d", d->minor);
        }
}

char **udev_properties(struct device *d, bool subsystem_first)
{
        char **v = NULL;

        (void)strv_addf(&v, "DEVPATH=%s", d->devpath);
        if (subsystem_first && d->subsystem)
                (void)strv_addf(&v, "SUBSYSTEM=%s", d->subsystem);
        add_props(&v, d, true);
        if (!subsystem_first && d->subsystem)
                (void)strv_addf(&v, "SUBSYSTEM=%s", d->subsystem);
        if (d->usec_initialized > 0)
                (void)strv_addf(&v, "USEC_INITIALIZED=%lld", (long long)d->usec_initialized);
        add_props(&v, d, false);
        if (d->devnode)
                add_list(&v, "DEVLINKS", d->links, "/dev/", " ", "");
        add_list(&v, "TAGS", d->tags_all, "", ":", ":");
        add_list(&v, "CURRENT_TAGS", d->tags_current, "", ":", ":");
        return v;
}

/* ---- all of them ---- */

static void walk_dir(const char *path, char ***paths, int depth)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        _cleanup_strv_ char **subs = NULL;
        _cleanup_free_ char *subsystem = path_join(path, "subsystem"), *uevent = path_join(path, "uevent");

        if (!dir || depth > 40)
                return;
        if (subsystem && uevent && access(uevent, F_OK) == 0 && access(subsystem, F_OK) == 0)
                (void)strv_add(paths, path);
        for (struct dirent *e; (e = readdir(dir));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.')
                        (void)strv_add(&subs, e->d_name);
        strv_sort(subs);
        FOREACH_STR (s, subs) {
                _cleanup_free_ char *sub = path_join(path, *s);

                if (sub)
                        walk_dir(sub, paths, depth + 1);
        }
}

static char **directories_in(const char *path)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        char **names = NULL;

        for (struct dirent *e; dir && (e = readdir(dir));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.')
                        (void)strv_addf(&names, "%s/%s", path, e->d_name);
        strv_sort(names);
        return names;
}

static void add_buses(char ***paths)
{
        _cleanup_strv_ char **buses = directories_in("/sys/bus");

        FOREACH_STR (b, buses) {
                _cleanup_free_ char *drivers_dir = path_join(*b, "drivers");
                _cleanup_strv_ char **drivers = drivers_dir ? directories_in(drivers_dir) : NULL;

                (void)strv_add(paths, *b);
                if (drivers)
                        (void)strv_add(paths, drivers_dir);
                (void)strv_extend(paths, drivers);
        }
}

static bool is_stacked(const char *syspath)
{
        return strstr(syspath, "/block/dm-") || strstr(syspath, "/block/md");
}

/* What is made of other devices comes after all of them. */
static int stacked_last(char **paths, char ***ret)
{
        int r = 0;

        for (int stacked = 0; stacked < 2; stacked++)
                FOREACH_STR (p, paths)
                        if (r >= 0 && is_stacked(*p) == stacked)
                                r = strv_add(ret, *p);
        return r;
}

int udev_list(enum udev_kinds kinds, char ***ret)
{
        _cleanup_strv_ char **paths = NULL;
        char **modules;

        if (access("/sys/devices", R_OK) < 0)
                return -errno;
        if (kinds & UDEV_SUBSYSTEMS)
                add_buses(&paths);
        if (kinds & UDEV_DEVICES)
                walk_dir("/sys/devices", &paths, 0);
        if (kinds & UDEV_SUBSYSTEMS) {
                modules = directories_in("/sys/module");
                (void)strv_extend(&paths, modules);
                strv_free(modules);
        }
        return stacked_last(paths, ret);
}
