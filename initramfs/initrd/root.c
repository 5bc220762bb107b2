/* From a device that has appeared to a mounted file system: first the root, then /usr if the root's fstab has it on
 * a file system of its own. */

#include <mntent.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"

#define SOURCE_MOUNT "/run/rouse/source"
#define TAR          "/bin/tar"

static const char *goal_type(void)
{
        return boot.goal->fstype ?: boot.goal->block ? boot.goal->block->type : NULL;
}

/* --- /usr --- */

/* /usr of the root's fstab, as one wants to have it before any program of the root runs. */
static int find_usr(void)
{
        struct mntent *m, *found = NULL;
        FILE *f = setmntent(NEW_ROOT "/etc/fstab", "re");

        while (f && !found && (m = getmntent(f)))
                if (streq(m->mnt_dir, "/usr") && !hasmntopt(m, "noauto") && !hasmntopt(m, "bind"))
                        found = m;
        if (!found) {
                if (f)
                        endmntent(f);
                return 0;
        }
        boot.usr = (struct goal) { .what = "/usr", .where = (char *)NEW_ROOT "/usr", .flags = MS_RDONLY };
        boot.usr.check = found->mnt_passno != 0;
        int r = root_flags_parse(found->mnt_opts, &boot.usr.flags, &boot.usr.data);
        /* As the root: read-only if nobody said otherwise; the real init remounts it. */
        if (!hasmntopt(found, "rw") && boot.o.flags & MS_RDONLY)
                boot.usr.flags |= MS_RDONLY;
        if (r >= 0 && !streq(found->mnt_type, "auto") && !(boot.usr.fstype = strdup(found->mnt_type)))
                r = -ENOMEM;
        if (r >= 0) {
                _cleanup_free_ char *source = str_printf(
                        "%s%s", startswith(found->mnt_type, "nfs") ? "nfs:" : "", found->mnt_fsname);
                r = source ? root_parse(source, &boot.usr.spec) : -ENOMEM;
        }
        endmntent(f);
        if (r >= 0 && boot.usr.spec.kind == ROOT_NFS && !tool_there(MOUNT_NFS)) {
                log_error("/usr of the root's fstab is on NFS, and this image has no " MOUNT_NFS
                          " (rouse-initramfs --feature nfs)");
                return 0;
        }
        if (r < 0)
                return log_error_errno(r, "Cannot mount /usr of the root's fstab here: %m");
        return 1;
}

void goal_mounted(void)
{
        log_info("%s %s is mounted", boot.goal->what, boot.goal->spec.text);
        boot.goal->mounted = true;
        boot.phase = CHECKED;
        if (boot.goal == &boot.root) {
                boot.times[T_MOUNTED] = now_monotonic();
                if (find_usr() > 0) {
                        boot.goal = &boot.usr;
                        boot.stack.wanted = &boot.usr.spec;
                        boot.phase = WAITING;
                        if (boot.o.limit != USEC_INFINITY)
                                loop_timer_set(
                                        boot.loop, &boot.limit, usec_add(now_monotonic(), boot.o.limit));
                        goal_rematch();
                        goal_advance();
                        return;
                }
        }
        if (!stop_at(BREAK_MOUNT))
                hand_over();
}

/* --- the device --- */

static bool is_goal(struct block *d)
{
        struct goal *g = boot.goal;

        if (!d->probed || d->held ||
                !(g->spec.kind == ROOT_AUTO ? gpt_auto_matches(&boot.blocks, d)
                                            : block_matches(d, &g->spec)))
                return false;
        if (streq(d->type ?: "", "crypto_LUKS")) {
                /* What root= names is the box that the root is in. */
                if (!boot.stack.root_luks && str_replace(&boot.stack.root_luks, d->uuid) >= 0 &&
                        g->spec.kind != ROOT_NODE) {
                        root_done(&g->spec);
                        (void)root_parse("/dev/mapper/root", &g->spec);
                }
                return false;
        }
        return !block_is_part(d);
}

void goal_seen(struct block *d)
{
        if ((boot.goal->block && boot.goal->block != d) || boot.phase == CHECKING ||
                boot.phase == MOUNTING || !is_goal(d))
                return;
        boot.goal->block = d;
        if (boot.goal == &boot.root)
                boot.times[T_FOUND] = now_monotonic();
        if (boot.phase == STUCK)
                boot.phase = WAITING;
}

void goal_rematch(void)
{
        for (size_t i = 0; i < boot.blocks.n && !boot.goal->block; i++)
                goal_seen(boot.blocks.block[i]);
}

void goal_gone(unsigned maj, unsigned min)
{
        struct block *d = boot.goal->block;

        if (d && d->major == maj && d->minor == min) {
                boot.goal->block = NULL;
                boot.phase = WAITING;
        }
        blocks_remove(&boot.blocks, maj, min);
}

/* --- its file system --- */

/* rootfstype= may be a list; usually this is one. */
static bool file_system_loads(bool start)
{
        _cleanup_strv_ char **types = strv_split(goal_type(), ",");
        bool busy = false;
        char alias[64];

        FOREACH_STR (t, types) {
                snprintf(alias, sizeof alias, "fs-%s", *t);
                if (start)
                        loader_modalias(&boot.loader, alias);
                busy |= loader_alias_busy(&boot.loader, alias);
        }
        return busy;
}

static bool members_there(void)
{
        struct goal *g = boot.goal;

        if (!streq(goal_type(), "btrfs"))
                return true;
        int r = btrfs_ready(&boot.blocks, g->block);
        if (r < 0)
                log_debug_errno(r, "btrfs does not say whether all members are there: %m");
        g->partial = r == 0;
        if (g->partial && boot.take_partial && g->data && strstr(g->data, "degraded")) {
                log_warning("the btrfs of %s %s lacks members; mounting it degraded", g->what, g->spec.text);
                return true;
        }
        return !g->partial;
}

/* --- mounting --- */

static void on_unpacked(struct tool *t, int code)
{
        (void)umount2(SOURCE_MOUNT, MNT_DETACH);
        if (code) {
                log_error("cannot unpack %s into the root: %s ended with %d", boot.goal->archive, t->program,
                        code);
                (void)umount2(NEW_ROOT, MNT_DETACH);
                stuck();
                return;
        }
        goal_mounted();
}

/* A tmpfs that gets what is in the archive. */
static int unpack(void)
{
        struct goal *g = boot.goal;
        _cleanup_free_ char *path = NULL;
        int r = 0;

        (void)mkdir_p(SOURCE_MOUNT, 0700);
        if (g->block)
                r = mount_device(g->block->node, SOURCE_MOUNT, g->block->type, MS_RDONLY, NULL);
        path = str_printf("%s%s", g->block ? SOURCE_MOUNT : "", g->archive);
        if (r >= 0 && path &&
                mount("tmpfs", NEW_ROOT, "tmpfs", g->flags & ~(unsigned long)MS_RDONLY,
                        g->data && *g->data ? g->data : "mode=0755,size=80%") < 0)
                r = -errno;
        if (r < 0 || !path)
                return log_error_errno(r, "Cannot prepare the root in memory: %m");
        const char *argv[] = { TAR, "--extract", "--numeric-owner", "--preserve-permissions", "--file", path,
                "--directory", NEW_ROOT, NULL };
        boot.mounter.done = on_unpacked;
        r = tool_start(&boot.mounter, argv, NULL, 0);
        if (r == -ENOENT)
                log_error("this image has no %s to unpack the root with (rouse-initramfs --feature "
                          "tmpfs-root)",
                        TAR);
        return r;
}

static void mount_goal(void)
{
        struct goal *g = boot.goal;
        int r;

        if (stop_at(BREAK_PRE_MOUNT))
                return;
        boot.phase = CHECKED;
        mkdir(NEW_ROOT, 0755);
        if (g->mounted)
                r = 0;
        else if (g->spec.kind == ROOT_NFS || g->archive) {
                boot.phase = MOUNTING;
                r = g->archive ? unpack() : network_mount();
                if (r >= 0)
                        return; /* goes on at its end */
        } else
                r = mount_device(g->block->node, g->where, goal_type(),
                        g->flags | (g->check_later ? MS_RDONLY : 0), g->data);
        if (r < 0) {
                log_error("cannot mount %s %s (%s as %s)", g->what, g->spec.text,
                        g->block ? g->block->node : "-", goal_type() ?: "-");
                boot.phase = CHECKING;
                if (g->block && g->check && !g->archive &&
                        check_again(&boot.check, &boot.o, g->block->node, goal_type()))
                        return;
                if (g->check_later)
                        log_error("it needs a check, and this image has no fsck: boot an image made with "
                                  "--fsck-in-image, or check it from another system");
                stuck();
                return;
        }
        if (g->check_later && !g->mounted) {
                boot.phase = CHECKING;
                check_mounted(&boot.check, &boot.o, g->block->node, goal_type(), NEW_ROOT);
                return;
        }
        goal_mounted();
}

/* What was mounted read-only for its check becomes what it should be, or goes. */
static void after_late_check(enum check_result result)
{
        struct goal *g = boot.goal;

        g->check_later = false;
        if (result == CHECK_FAILED || result == CHECK_REBOOT)
                (void)umount2(g->where, MNT_DETACH);
        else if (!(g->flags & MS_RDONLY) && mount(NULL, g->where, NULL, MS_REMOUNT | g->flags, g->data) < 0)
                log_warning_errno(-errno, "%s stays read-only: %m", g->what);
}

static void on_checked(struct check *c, enum check_result result, int status)
{
        struct goal *g = boot.goal;

        bool late = g->check_later;

        boot.times[T_FSCK] = now_monotonic();
        if (late)
                after_late_check(result);
        switch (result) {
        case CHECK_OK:
                if (g != &boot.root)
                        break;
                mkdir("/run/initramfs", 0755);
                if (write_file_atomic(ROUSE_FSCK_ROOT_DONE, "", 0, 0644, false) < 0)
                        log_warning("Cannot write " ROUSE_FSCK_ROOT_DONE "; the root will be checked again");
                break;
        case CHECK_NONE: break;
        case CHECK_LATER:
                g->check_later = g == &boot.root;
                if (!g->check_later)
                        log_warning(
                                "%s needs a check, and this image has no fsck; it is not checked", g->what);
                break;
        case CHECK_REBOOT:
                log_error("%s has repaired %s (exit code %d) and wants a restart; restarting",
                        c->tool.program, g->block->node, status);
                sync();
                reboot(RB_AUTOBOOT);
                break;
        case CHECK_FAILED:
                log_error("%s has left errors on %s %s (%s, exit code %d); repair it by hand",
                        c->tool.program, g->what, g->spec.text, g->block->node, status);
                stuck();
                return;
        }
        boot.phase = CHECKED;
        if (late)
                goal_mounted();
        else
                advance();
}

static void start_loading(void)
{
        struct goal *g = boot.goal;

        if (!goal_type()) {
                log_error("%s %s is %s, with no file system known on it", g->what, g->spec.text,
                        g->block->node);
                g->block = NULL;
                return;
        }
        log_info("%s %s is %s, %s", g->what, g->spec.text, g->block->node, goal_type());
        boot.phase = LOADING_FS;
        (void)file_system_loads(true);
}

/* A goal without a device. */
static void advance_elsewhere(void)
{
        struct goal *g = boot.goal;

        if (g->spec.kind == ROOT_NFS && network_ready())
                mount_goal();
        else if (g->spec.kind == ROOT_TMPFS && resume_settled())
                mount_goal();
}

void goal_advance(void)
{
        struct goal *g = boot.goal;

        if (boot.shell.pid > 0 && boot.phase != WAITING && !boot.limit_passed)
                return;
        if (boot.phase == WAITING && !g->block && (g->spec.kind == ROOT_NFS || g->spec.kind == ROOT_TMPFS)) {
                advance_elsewhere();
                return;
        }
        if (boot.phase == WAITING && g->block && resume_settled())
                start_loading();
        /* Only the file system is waited for. Loads for other devices may last across the switch of root. */
        if (boot.phase == LOADING_FS && !file_system_loads(false) && members_there() &&
                volatile_prepare() == 0) {
                boot.phase = CHECKING;
                if (g->check && !g->archive)
                        check_start(&boot.check, &boot.o, g->block->node, goal_type());
                else
                        on_checked(&boot.check, CHECK_NONE, 0);
                return;
        }
        if (boot.phase == CHECKED)
                mount_goal();
}

/* --- the beginning --- */

/* tmpfs:[DEVICE:]/PATH */
static int init_tmpfs(struct goal *g)
{
        const char *path = strstr(g->spec.value, ":/");
        _cleanup_free_ char *device = NULL;

        g->archive = strdup(path ? path + 1 : g->spec.value);
        if (!g->archive)
                return -ENOMEM;
        if (!path)
                return 0;
        device = strndup(g->spec.value, path - g->spec.value);
        if (!device)
                return -ENOMEM;
        root_done(&g->spec);
        return root_parse(device, &g->spec);
}

int goals_init(void)
{
        struct initrd_options *o = &boot.o;
        struct goal *g = boot.goal = &boot.root;

        *g = (struct goal) { .what = "root",
                .where = (char *)NEW_ROOT,
                .flags = o->flags,
                .fstype = o->fstype,
                .data = o->data,
                .check = true };
        boot.check.done = on_checked;
        g->spec = o->root;
        if (verity_wanted(o)) {
                int r = root_parse("/dev/mapper/root", &g->spec);
                if (r < 0)
                        return r;
        }
        boot.stack.wanted = &g->spec;
        if (g->spec.kind == ROOT_UNKNOWN)
                log_error("root=%s is not a name that can be found here; use UUID=, LABEL=, PARTUUID=, "
                          "PARTLABEL=, /dev/NAME, MAJOR:MINOR, nfs: or tmpfs:",
                        g->spec.text);
        return g->spec.kind == ROOT_TMPFS ? init_tmpfs(g) : 0;
}
