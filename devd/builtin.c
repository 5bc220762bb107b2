/* The table of builtins. Each program is linked with those that it runs, which override the weak stand-ins below:
 * the main process all that need no library and do not block, rouse-devd-probe blkid and btrfs, rouse-devd-worker
 * kmod. The others it never calls: BUILTIN_BLOCKS says what is sent to another process. */
#include "builtin.h"
#include "text.h"
#include "lib/str.h"
#include "lib/log.h"

#define ELSEWHERE(fn)                                                                                       \
        __attribute__((weak)) int fn(struct device *d, struct rules_event *e, int argc, char **argv)        \
        {                                                                                                   \
                return RULES_DEFER;                                                                         \
        }
ELSEWHERE(builtin_blkid)
ELSEWHERE(builtin_btrfs)
ELSEWHERE(builtin_hwdb)
ELSEWHERE(builtin_input_id)
ELSEWHERE(builtin_keyboard)
ELSEWHERE(builtin_kmod)
ELSEWHERE(builtin_net_id)
ELSEWHERE(builtin_net_setup_link)
ELSEWHERE(builtin_path_id)
ELSEWHERE(builtin_uaccess)
ELSEWHERE(builtin_usb_id)

const struct builtin builtins[] = {
        { "blkid", builtin_blkid, BUILTIN_ONCE | BUILTIN_BLOCKS,
                "file system and partition table on the device" },
        { "btrfs", builtin_btrfs, BUILTIN_BLOCKS, "whether all devices of a btrfs file system are there" },
        { "hwdb", builtin_hwdb, 0, "properties from the hardware database" },
        { "input_id", builtin_input_id, BUILTIN_ONCE, "what kind of input device it is" },
        { "keyboard", builtin_keyboard, 0, "key codes and axes from properties" },
        { "kmod", builtin_kmod, BUILTIN_BLOCKS, "loads kernel modules" },
        { "net_id", builtin_net_id, BUILTIN_ONCE, "names of a network interface" },
        { "net_setup_link", builtin_net_setup_link, 0, "settings of a network interface from .link files" },
        { "path_id", builtin_path_id, BUILTIN_ONCE, "the device's place on its buses" },
        { "uaccess", builtin_uaccess, 0, "access for the user at the seat" },
        { "usb_id", builtin_usb_id, BUILTIN_ONCE, "identity of a USB device" },
        { NULL, NULL, 0, NULL },
};

const struct builtin *builtin_find(const char *command)
{
        size_t n;

        command += strspn(command, " \t");
        n = strcspn(command, " \t");
        for (const struct builtin *b = builtins; b->name; b++)
                if (strlen(b->name) == n && strncmp(b->name, command, n) == 0)
                        return b;
        return NULL;
}

int builtin_run(struct device *d, struct rules_event *e, const char *command)
{
        const struct builtin *b = builtin_find(command);
        _cleanup_strv_ char **argv = NULL;
        int r;

        if (!b)
                return -EOPNOTSUPP;
        r = command_split(command, &argv);
        if (r < 0)
                return r;
        return b->run(d, e, (int)strv_len(argv), argv);
}

int builtin_add(struct device *d, const char *key, const char *value)
{
        if (str_empty(value))
                return 0;
        log_debug("%s: %s=%s", d->sysname, key, value);
        return device_set_prop(d, key, value);
}
