/* What the real root's programs get: times, devices and what is on them, udev's record of mapped devices, the program
 * that takes the root down at shutdown; then the switch of root. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"
#include "lib/switchroot.h"

static const char *const time_names[] = { "initrd_start", "modules_done", "root_found", "fsck_done",
        "root_mounted", "switch_root" };

static void write_times_and_devices(void)
{
        _cleanup_strbuf_ struct strbuf times = { 0 }, devices = { 0 };

        mkdir(ROUSE_RUNDIR, 0755);
        blocks_write(&boot.blocks, &devices);
        boot.times[T_SWITCH] = now_monotonic();
        for (int i = 0; i < T_MAX; i++)
                if (boot.times[i])
                        strbuf_printf(&times, "%s=%lld\n", time_names[i], (long long)boot.times[i]);
        if (write_file_atomic(ROUSE_INITRD_DEVS, devices.s ?: "", devices.len, 0644, false) < 0 ||
                write_file_atomic(ROUSE_TIMES, times.s ?: "", times.len, 0644, false) < 0)
                log_warning("Cannot write to " ROUSE_RUNDIR "; devices will be probed again");
}

/* udev's rules take a mapped device for unfinished until its record says that it was activated, which only a udev
 * that saw that would know. libdm made a node under the name where udev wants its link. */
static void write_mapped(const struct block *d)
{
        static const char active[] =
                "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\nE:DM_UDEV_RULES=1\nE:DM_UDEV_RULES_VSN=2\n";
        static const char hidden[] = "E:DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG=1\n"
                                     "E:DM_UDEV_DISABLE_DISK_RULES_FLAG=1\n"
                                     "E:DM_UDEV_DISABLE_OTHER_RULES_FLAG=1\n";
        _cleanup_free_ char *path = str_printf("/run/udev/data/b%u:%u", d->major, d->minor),
                            *node = str_printf("/dev/mapper/%s", d->dm_name),
                            *target = str_printf("../%s", strrchr(d->node, '/') + 1),
                            *text = str_printf("%s%s", active, block_is_lvm_part(d) ? hidden : "");
        struct stat st;

        if (!path || !node || !target || !text || mkdir_p("/run/udev/data", 0755) < 0 ||
                write_file_atomic(path, text, strlen(text), 0644, false) < 0)
                log_warning("Cannot write udev's record of %s", d->node);
        if (node && target && lstat(node, &st) >= 0 && S_ISBLK(st.st_mode))
                (void)symlink_atomic(target, node);
}

/* The root's storage can only be taken apart by a program that is not on it. */
static void keep_way_back(void)
{
        if (!boot.stack.used && boot.root.spec.kind != ROOT_NFS && boot.usr.spec.kind != ROOT_NFS)
                return;
        int r = switch_root_keep_shutdown();
        if (r < 0)
                log_notice(
                        "This image has no /shutdown that could be kept in /run (%s); at shutdown the root "
                        "becomes read-only, and what it is made of stays",
                        strerror(-r));
}

void hand_over(void)
{
        _cleanup_strbuf_ struct strbuf tried = { 0 };
        const char *init = switch_root_init(NEW_ROOT, boot.o.init, &tried);

        if (!init) {
                log_error("no init found in root %s: tried %s", boot.root.spec.text, tried.s ?: "");
                goto back;
        }
        (void)volatile_mount();
        shell_end(&boot.shell);
        keep_way_back();
        for (size_t i = 0; i < boot.blocks.n; i++)
                if (boot.blocks.block[i]->dm_name)
                        write_mapped(boot.blocks.block[i]);
        write_times_and_devices();
        log_info("executing %s", init);
        switch_root(NEW_ROOT, init, boot.argv);
back:
        (void)umount2(NEW_ROOT "/usr", MNT_DETACH);
        (void)umount2(NEW_ROOT, MNT_DETACH);
        boot.root.mounted = false;
        boot.goal = &boot.root;
        boot.stack.wanted = &boot.root.spec;
        boot.times[T_MOUNTED] = 0;
        stuck();
}
