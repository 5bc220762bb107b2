/* udevadm: the table of its commands, and how a device is found and read. */
#include "udevadm.h"

#include <dirent.h>
#include <sys/stat.h>

#include "lib/fileio.h"
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
        { "test", udevadm_unsupported, NULL },
        { "test-builtin", udevadm_unsupported, NULL },
};

int udevadm_unsupported(int argc, char **argv)
{
        fprintf(stderr, "udevadm %s is not supported by rouse yet.\n", argv[0]);
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

char **udev_properties(struct device *d)
{
        char **v = NULL;

        (void)strv_addf(&v, "DEVPATH=%s", d->devpath);
        if (d->devnode)
                (void)strv_addf(&v, "DEVNAME=%s", d->devnode);
        for (int kernel = 1; kernel >= 0; kernel--) {
                for (size_t i = 0; i < d->n_props; i++)
                        if (d->props[i].from_kernel == kernel && !is_derived(d->props[i].key) &&
                                !d->props[i].dot)
                                (void)strv_addf(&v, "%s=%s", d->props[i].key, d->props[i].value);
                if (kernel && d->subsystem)
                        (void)strv_addf(&v, "SUBSYSTEM=%s", d->subsystem);
        }
        if (d->usec_initialized > 0)
                (void)strv_addf(&v, "USEC_INITIALIZED=%lld", (long long)d->usec_initialized);
        if (d->devnode)
                add_list(&v, "DEVLINKS", d->links, "/dev/", " ", "");
        add_list(&v, "TAGS", d->tags_all, "", ":", ":");
        add_list(&v, "CURRENT_TAGS", d->tags_current, "", ":", ":");
        return v;
}

struct walk {
        void (*fn)(struct device *d, void *data);
        void *data;
};

static void walk_dir(const char *path, const struct walk *w, int depth)
{
        _cleanup_closedir_ DIR *dir = opendir(path);
        _cleanup_strv_ char **subs = NULL;
        _cleanup_free_ char *subsystem = path_join(path, "subsystem"), *uevent = path_join(path, "uevent");

        if (!dir || depth > 40)
                return;
        if (subsystem && uevent && access(uevent, F_OK) == 0 && access(subsystem, F_OK) == 0) {
                _cleanup_device_ struct device *d = NULL;

                if (udev_device(path, &d) >= 0)
                        w->fn(d, w->data);
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.')
                        (void)strv_add(&subs, e->d_name);
        strv_sort(subs);
        FOREACH_STR (s, subs) {
                _cleanup_free_ char *sub = path_join(path, *s);

                if (sub)
                        walk_dir(sub, w, depth + 1);
        }
}

int udev_foreach(void (*fn)(struct device *d, void *data), void *data)
{
        struct walk w = { fn, data };

        if (access("/sys/devices", R_OK) < 0)
                return -errno;
        walk_dir("/sys/devices", &w, 0);
        return 0;
}
