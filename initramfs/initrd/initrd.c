/* rouse-initrd: /init of the initramfs. Finds, checks and mounts the root, and executes the real init.
 *
 * The way of a boot, each step begun by an event and by nothing else:
 *
 *     uevent socket → API mounts → command line → modules that the image says → block devices there already
 *     ↻ module loaded, device appears (uevent) → its modalias loads more, a block device is probed
 *       → it is root= → its file system's module → fsck → mount → hand-over to /run → switch of root
 *
 * /sys is walked for modaliases only when the modules that the image names are loaded and the root is not there
 * yet: on the machine that the image was made for it never comes to that.
 *
 * The phase says how far it is. A failure (the check left errors, the mount failed, no init) goes to `stuck`:
 * it is said, a shell is offered, and when that ends, or a device changes, the step is tried again. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include "initramfs/initrd/blocks.h"
#include "initramfs/initrd/check.h"
#include "initramfs/initrd/loader.h"
#include "initramfs/initrd/options.h"
#include "initramfs/initrd/shell.h"
#include "initramfs/initrd/switch.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"

#define QUIET_TIME (3 * USEC_PER_SEC)

enum phase { WAITING, LOADING_FS, CHECKING, CHECKED, STUCK };

/* In the order of the boot; the names are those of /run/rouse/initrd.times. */
enum { T_START, T_MODULES, T_FOUND, T_FSCK, T_MOUNTED, T_SWITCH, T_MAX };
static const char *const time_names[] = { "initrd_start", "modules_done", "root_found", "fsck_done",
        "root_mounted", "switch_root" };

static struct {
        struct loop *loop;
        struct initrd_options o;
        struct loader loader;
        struct blocks blocks;
        struct loop_io uevents;
        struct loop_timer quiet, limit, panic;
        struct check check;
        struct shell shell;
        struct block *root;
        enum phase phase;
        bool walked, said_waiting, broke;
        usec_t times[T_MAX], news;
        char **argv;
} b;

static void advance(void);

/* --- saying what goes on --- */

/* Into the kernel's log, and so on the console. The newline at the end makes the record final: without it the
 * kernel holds a message back until the next one comes, which may be for ever. */
static void to_kmsg(int level, const char *unit, const char *file, int line, const char *text)
{
        static int fd = -1;
        char record[900];

        if (fd < 0)
                fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int n = snprintf(record, sizeof record - 1, "<%d>rouse-initrd: %s", LOG_DAEMON | level, text);
        n = MIN(n, (int)sizeof record - 2);
        record[n++] = '\n';
        (void)!write(fd, record, n);
}

static void describe_blocks(struct strbuf *s)
{
        for (size_t i = 0; i < b.blocks.n; i++) {
                strbuf_puts(s, i ? ", " : "");
                block_describe(b.blocks.block[i], s);
        }
        if (b.blocks.n == 0)
                strbuf_puts(s, "none");
}

static void on_quiet(struct loop_timer *t)
{
        _cleanup_strbuf_ struct strbuf seen = { 0 };

        if (b.phase != WAITING || b.shell.pid > 0)
                return;
        describe_blocks(&seen);
        if (!b.said_waiting)
                log_error("waiting for root %s (%lld s); block devices seen: %s", b.o.root.text,
                        (long long)(QUIET_TIME / USEC_PER_SEC), seen.s ?: "");
        b.said_waiting = true;
}

/* Something happened: the time without news begins again. */
static void note_news(void)
{
        b.news = now_monotonic();
        b.said_waiting = false;
        loop_timer_set(b.loop, &b.quiet, usec_add(b.news, QUIET_TIME));
}

static void offer_shell(void)
{
        int r = b.o.shell ? shell_start(&b.shell) : -EPERM;

        if (r == -EPERM)
                log_error("No shell (rd.shell=0); the boot goes on if the device appears");
        else if (r == -ENOENT)
                log_error("There is no shell in this image; the boot goes on if the device appears");
        else if (r < 0 && r != -EBUSY)
                log_error_errno(r, "Cannot start a shell: %m");
        if (b.o.panic > 0)
                loop_timer_set(b.loop, &b.panic, usec_add(now_monotonic(), b.o.panic * USEC_PER_SEC));
}

static void stuck(void)
{
        b.phase = STUCK;
        offer_shell();
}

static void on_panic(struct loop_timer *t)
{
        log_error("panic=%d: restarting", b.o.panic);
        sync();
        reboot(RB_AUTOBOOT);
}

/* The full report at the limit. Records of user space are rate-limited by default; these must all get out. */
static void on_limit(struct loop_timer *t)
{
        if (b.phase != WAITING && b.phase != LOADING_FS)
                return;
        (void)write_attr("/proc/sys/kernel/printk_devkmsg", "on");
        log_error("root %s did not appear within %lld s", b.o.root.text,
                (long long)(b.o.limit / USEC_PER_SEC));
        for (size_t i = 0; i < b.blocks.n; i++) {
                _cleanup_strbuf_ struct strbuf s = { 0 };

                block_describe(b.blocks.block[i], &s);
                log_error("block device %s", s.s ?: "");
        }
        if (b.blocks.n == 0)
                log_error("no block device has appeared");
        if (b.loader.absent) {
                _cleanup_free_ char *names = strv_join(b.loader.absent, " ");

                log_error("modules wanted that are not in this image: %s", names ?: "");
        }
        log_error("modules loaded: %u, failed: %u, still loading: %u", b.loader.n_loaded, b.loader.n_failed,
                b.loader.n_running);
        offer_shell();
}

static void on_shell_end(struct shell *s)
{
        loop_timer_cancel(b.loop, &b.panic);
        log_notice("The shell has ended; going on");
        if (b.phase == STUCK)
                b.phase = b.root ? LOADING_FS : WAITING;
        else if (b.phase == WAITING && b.o.limit != USEC_INFINITY)
                loop_timer_set(b.loop, &b.limit, usec_add(now_monotonic(), b.o.limit));
        advance();
}

/* --- the hand-over --- */

static void write_handover(void)
{
        _cleanup_strbuf_ struct strbuf times = { 0 }, devices = { 0 };

        mkdir(ROUSE_RUNDIR, 0755);
        blocks_write(&b.blocks, &devices);
        b.times[T_SWITCH] = now_monotonic();
        for (int i = 0; i < T_MAX; i++)
                if (b.times[i])
                        strbuf_printf(&times, "%s=%lld\n", time_names[i], (long long)b.times[i]);
        if (write_file_atomic(ROUSE_INITRD_DEVS, devices.s ?: "", devices.len, 0644, false) < 0 ||
                write_file_atomic(ROUSE_TIMES, times.s ?: "", times.len, 0644, false) < 0)
                log_warning("Cannot write to " ROUSE_RUNDIR "; devices will be probed again");
}

static void hand_over(void)
{
        _cleanup_strbuf_ struct strbuf tried = { 0 };
        const char *init = find_init(&b.o, &tried);

        if (!init) {
                log_error("no init found in root %s: tried %s", b.o.root.text, tried.s ?: "");
                (void)umount2(NEW_ROOT, MNT_DETACH);
                b.times[T_MOUNTED] = 0;
                stuck();
                return;
        }
        shell_end(&b.shell);
        write_handover();
        switch_root(init, b.argv);
        b.times[T_MOUNTED] = 0;
        stuck();
}

/* --- the root is there --- */

static bool stop_at(enum break_point p)
{
        if (b.broke || b.o.break_at != p)
                return false;
        b.broke = true;
        log_notice("rd.break: a shell before the %s",
                p == BREAK_PRE_MOUNT ? "mount of the root" : "switch of root");
        if (shell_start(&b.shell) < 0) {
                log_error("There is no shell in this image; rd.break passed over");
                return false;
        }
        return true;
}

static const char *root_type(void)
{
        return b.o.fstype ?: b.root->type;
}

/* rootfstype= may be a list; usually this is one. */
static void want_file_systems(void)
{
        _cleanup_strv_ char **types = strv_split(root_type(), ",");
        char alias[64];

        FOREACH_STR (t, types) {
                snprintf(alias, sizeof alias, "fs-%s", *t);
                loader_modalias(&b.loader, alias);
        }
}

static bool file_systems_busy(void)
{
        _cleanup_strv_ char **types = strv_split(root_type(), ",");
        char alias[64];

        FOREACH_STR (t, types) {
                snprintf(alias, sizeof alias, "fs-%s", *t);
                if (loader_alias_busy(&b.loader, alias))
                        return true;
        }
        return false;
}

static void mount_and_switch(void)
{
        if (stop_at(BREAK_PRE_MOUNT))
                return;
        if (!b.times[T_MOUNTED]) {
                if (mount_root(&b.o, b.root->node, root_type()) < 0) {
                        log_error(
                                "cannot mount root %s (%s as %s)", b.o.root.text, b.root->node, root_type());
                        stuck();
                        return;
                }
                b.times[T_MOUNTED] = now_monotonic();
        }
        if (!stop_at(BREAK_MOUNT))
                hand_over();
}

static void on_checked(struct check *c, enum check_result result, int status)
{
        b.times[T_FSCK] = now_monotonic();
        switch (result) {
        case CHECK_OK:
                mkdir("/run/initramfs", 0755);
                if (write_file_atomic(ROUSE_FSCK_ROOT_DONE, "", 0, 0644, false) < 0)
                        log_warning("Cannot write " ROUSE_FSCK_ROOT_DONE "; the root will be checked again");
                break;
        case CHECK_NONE: break;
        case CHECK_REBOOT:
                log_error("%s has repaired %s (exit code %d) and wants a restart; restarting", c->program,
                        b.root->node, status);
                sync();
                reboot(RB_AUTOBOOT);
                break;
        case CHECK_FAILED:
                log_error("%s has left errors on root %s (%s, exit code %d); repair it by hand", c->program,
                        b.o.root.text, b.root->node, status);
                stuck();
                return;
        }
        b.phase = CHECKED;
        advance();
}

/* The next step, as far as it can be made now. Called after every event. */
static void advance(void)
{
        if (b.phase == WAITING && b.root) {
                if (!root_type()) {
                        log_error("root %s is %s, with no file system known on it", b.o.root.text,
                                b.root->node);
                        b.root = NULL;
                        return;
                }
                b.phase = LOADING_FS;
                want_file_systems();
        }
        /* Only the file system is waited for. Loads for other devices may last across the switch of root. */
        if (b.phase == LOADING_FS && !file_systems_busy()) {
                b.phase = CHECKING;
                check_start(&b.check, &b.o, b.root->node, root_type());
                return;
        }
        if (b.phase == CHECKED && !b.shell.pid) {
                mount_and_switch();
                return;
        }
        if (b.phase == WAITING && loader_idle(&b.loader) && !b.walked) {
                b.walked = true;
                loader_walk_sysfs(&b.loader);
        }
}

static void on_module(struct loader *l)
{
        b.times[T_MODULES] = now_monotonic(); /* the last one that was loaded counts */
        note_news();
        advance();
}

/* --- devices --- */

static void on_block(const char *devpath, const char *node, unsigned maj, unsigned min, void *data)
{
        struct block *d;
        struct root_candidate c;

        if (b.root && (b.phase == CHECKING || b.phase == CHECKED))
                return; /* a writer's close says "change"; too late to matter */
        if (blocks_update(&b.blocks, devpath, node, maj, min, &d) < 0 || !d)
                return;
        note_news();
        c = (struct root_candidate) { d->node, d->uuid, d->label, d->partuuid, d->partlabel, maj, min };
        if (!d->probed || (b.root && b.root != d) || !root_matches(&b.o.root, &c))
                return;
        b.root = d;
        b.times[T_FOUND] = now_monotonic();
        if (b.phase == STUCK)
                b.phase = WAITING;
}

static void on_uevent(const struct uevent *u)
{
        bool gone = streq(u->action, "remove");

        if (!gone && u->modalias && *u->modalias && loader_modalias(&b.loader, u->modalias) > 0)
                note_news();
        if (!u->subsystem || !streq(u->subsystem, "block") || u->major < 0 || !u->devname)
                return;
        if (gone) {
                if (b.root && (int)b.root->major == u->major && (int)b.root->minor == u->minor) {
                        if (b.phase == CHECKING || b.phase == CHECKED)
                                return;
                        b.root = NULL;
                        b.phase = WAITING;
                }
                blocks_remove(&b.blocks, u->major, u->minor);
                return;
        }
        char node[PATH_MAX];
        snprintf(node, sizeof node, "%s%s", startswith(u->devname, "/dev/") ? "" : "/dev/", u->devname);
        on_block(u->devpath, node, u->major, u->minor, NULL);
}

static void on_uevents(struct loop_io *io, uint32_t revents)
{
        static struct uevent u;
        int r;

        while ((r = uevent_recv(io->fd, &u, 0)) != -EAGAIN) {
                if (r > 0)
                        on_uevent(&u);
                else if (r == -ENOBUFS) {
                        /* Some were lost: look at everything again. */
                        b.walked = false;
                        blocks_enumerate(on_block, NULL);
                } else if (r != -EPERM && r != -EBADMSG)
                        break;
        }
        advance();
}

/* --- the beginning --- */

static int set_up(void)
{
        _cleanup_strv_ char **words = NULL;
        struct utsname u;
        int r = mount_api();

        log_open("rouse-initrd", LOG_TO_HOOK);
        log_set_hook(to_kmsg);
        if (r < 0)
                log_error_errno(r, "Cannot mount the API file systems: %m");
        if ((r = cmdline_read(&words)) < 0 || (r = options_parse(words, &b.o)) < 0)
                return log_error_errno(r, "Cannot read the kernel command line: %m");
        if (b.o.debug)
                log_set_max_level(LOG_DEBUG);
        uname(&u);
        b.loader.cmdline = b.o.words;
        b.loader.blacklist = b.o.blacklist;
        b.loader.on_progress = on_module;
        r = loader_open(&b.loader, b.loop, u.release);
        if (r == -ENOENT)
                log_notice("No modules for kernel %s in this image", u.release);
        else if (r < 0)
                log_error_errno(r, "Cannot read the module digest for kernel %s: %m", u.release);
        return 0;
}

static int run(void)
{
        int r = set_up();

        if (r < 0)
                return r;
        b.check = (struct check) { .loop = b.loop, .done = on_checked };
        b.shell = (struct shell) { .loop = b.loop, .ended = on_shell_end };
        b.quiet.cb = on_quiet;
        b.limit.cb = on_limit;
        b.panic.cb = on_panic;
        if (b.o.root.kind == ROOT_NONE) {
                log_error("no root= on the kernel command line");
                b.o.root.text = strdup("(none given)");
        } else if (b.o.root.kind == ROOT_UNKNOWN)
                log_error("root=%s is not a name that can be found here; use UUID=, LABEL=, PARTUUID=, "
                          "PARTLABEL=, "
                          "/dev/NAME or MAJOR:MINOR",
                        b.o.root.text);
        loader_want_early(&b.loader);
        blocks_enumerate(on_block, NULL);
        note_news();
        if (b.o.limit != USEC_INFINITY)
                loop_timer_set(b.loop, &b.limit, usec_add(b.times[T_START], b.o.limit));
        r = loop_io_add(b.loop, &b.uevents);
        if (r < 0)
                return log_error_errno(r, "Cannot wait for uevents: %m");
        advance();
        return loop_run(b.loop);
}

int main(int argc, char **argv)
{
        if (getpid() != 1) {
                fprintf(stderr, "rouse-initrd is /init of an initramfs, made by rouse-initramfs; it runs as "
                                "process 1 only\n");
                return EXIT_FAILURE;
        }
        b.times[T_START] = now_monotonic();
        b.argv = argv;
        int r = uevent_open(8 << 20);
        b.uevents = (struct loop_io) { .fd = r, .events = EPOLLIN, .cb = on_uevents };
        if (loop_new(&b.loop) >= 0)
                r = run();
        /* Only reached when nothing more can be done; process 1 must not end. */
        log_error_errno(MIN(r, 0), "cannot go on: %m");
        for (;;)
                pause();
}
