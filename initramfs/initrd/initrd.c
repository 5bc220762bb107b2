/* rouse-initrd: /init of the initramfs. Finds, checks and mounts the root, and executes the real init.
 *
 * The way of a boot, each step begun by an event and by nothing else:
 *
 *     uevent socket → API mounts → command line → modules that the image says → block devices there already
 *     ↻ module loaded, device appears (uevent) → its modalias loads more, a block device is probed
 *       → it is part of something (LUKS, md, LVM): its program runs, and a new device appears
 *       → it is root= → its file system's module → fsck → mount → /usr likewise → hand-over to /run → switch of root
 *
 * /sys is walked for modaliases only when the modules that the image names are loaded and the root is not there
 * yet: on the machine that the image was made for it never comes to that. */

#include <stdio.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/switch.h"
#include "initramfs/initrd/modprobe.h"
#include "lib/cmdline.h"
#include "lib/log.h"

struct initrd boot;

/* --- time passes --- */

static bool is_waiting(void)
{
        return boot.phase == WAITING || boot.phase == LOADING_FS;
}

static void on_quiet(struct loop_timer *t)
{
        if (!is_waiting() || boot.shell.pid > 0 || ask_runs(&boot.stack.ask) || boot.said_waiting)
                return;
        boot.said_waiting = true;
        report_quiet();
}

bool all_quiet(void)
{
        return loader_idle(&boot.loader) && !stack_busy(&boot.stack);
}

static void on_idle(struct loop_timer *t)
{
        boot.stack.idle = loader_idle(&boot.loader) && boot.walked;
        if (boot.stack.idle)
                advance();
}

static void on_degraded(struct loop_timer *t)
{
        if (!is_waiting())
                return;
        boot.take_partial = boot.stack.key_overdue = true;
        if (!stack_last_resort(&boot.stack))
                advance();
}

void note_news(void)
{
        boot.news = now_monotonic();
        boot.said_waiting = false;
        loop_timer_set(boot.loop, &boot.quiet, usec_add(boot.news, QUIET_TIME));
        if (boot.stack.programs)
                loop_timer_set(boot.loop, &boot.idle, usec_add(boot.news, IDLE_TIME));
        if (boot.o.degraded != USEC_INFINITY)
                loop_timer_set(boot.loop, &boot.degraded, usec_add(boot.news, boot.o.degraded));
}

static void offer_shell(void)
{
        int r = boot.o.shell ? shell_start(&boot.shell) : -EPERM;

        if (r == -EPERM)
                log_error("No shell (rd.shell=0); the boot goes on if the device appears");
        else if (r == -ENOENT)
                log_error("There is no shell in this image; the boot goes on if the device appears");
        else if (r < 0 && r != -EBUSY)
                log_error_errno(r, "Cannot start a shell: %m");
        if (boot.o.panic > 0)
                loop_timer_set(
                        boot.loop, &boot.panic, usec_add(now_monotonic(), boot.o.panic * USEC_PER_SEC));
}

void stuck(void)
{
        boot.phase = STUCK;
        offer_shell();
}

static void on_panic(struct loop_timer *t)
{
        log_error("panic=%d: restarting", boot.o.panic);
        sync();
        reboot(RB_AUTOBOOT);
}

static void set_limit(usec_t from)
{
        if (boot.o.limit != USEC_INFINITY)
                loop_timer_set(boot.loop, &boot.limit, usec_add(from, boot.o.limit));
}

static void on_limit(struct loop_timer *t)
{
        if (!is_waiting())
                return;
        if (ask_runs(&boot.stack.ask)) { /* a person may take their time */
                set_limit(now_monotonic());
                return;
        }
        boot.limit_passed = true;
        report_limit();
        offer_shell();
}

static void on_shell_end(struct shell *s)
{
        loop_timer_cancel(boot.loop, &boot.panic);
        log_notice("The shell has ended; going on");
        if (boot.phase == STUCK)
                boot.phase = boot.goal->block ? LOADING_FS : WAITING;
        else if (boot.phase == WAITING)
                set_limit(now_monotonic());
        advance();
}

bool stop_at(enum break_point p)
{
        static const char *const where[] = { "", "any device is looked for", "the mount of the root",
                "the switch of root" };

        if (boot.broke[p] || boot.o.break_at != p)
                return false;
        boot.broke[p] = true;
        log_notice("rd.break: a shell before %s", where[p]);
        if (shell_start(&boot.shell) < 0) {
                log_error("There is no shell in this image; rd.break passed over");
                return false;
        }
        return true;
}

/* --- events --- */

void advance(void)
{
        if (boot.shell.pid > 0 && boot.o.break_at == BREAK_BEGIN && boot.phase == WAITING && !boot.walked)
                return;
        goal_advance();
        bool waits = boot.phase == WAITING && !boot.goal->block;
        bool lacks_members = boot.phase == LOADING_FS && boot.goal->partial;
        if (!(waits || lacks_members) || (boot.shell.pid > 0 && !boot.limit_passed))
                return;
        if (boot.stack.programs && stack_step(&boot.stack))
                return;
        if (boot.stack.failed && boot.phase == WAITING) {
                boot.stack.failed = NULL;
                offer_shell();
        }
        if (loader_idle(&boot.loader) && !boot.walked) {
                boot.walked = true;
                loader_walk_sysfs(&boot.loader);
                if (boot.stack.programs) /* from now on it may become idle */
                        loop_timer_set(boot.loop, &boot.idle, usec_add(now_monotonic(), IDLE_TIME));
        }
}

static void on_module(struct loader *l)
{
        boot.times[T_MODULES] = now_monotonic(); /* the last one that was loaded counts */
        note_news();
        advance();
}

static void on_stack(struct stack *s)
{
        note_news();
        goal_rematch();
        advance();
}

static void on_block(const char *devpath, const char *node, unsigned maj, unsigned min, void *data)
{
        struct block *d;

        if (boot.goal->block && (boot.phase == CHECKING || boot.phase == CHECKED))
                return; /* a writer's close says "change"; too late to matter */
        if (blocks_update(&boot.blocks, devpath, node, maj, min, &d) < 0 || !d)
                return;
        note_news();
        multipath_mark(&boot.stack);
        goal_seen(d);
}

static void on_uevent(const struct uevent *u)
{
        bool gone = streq(u->action, "remove");

        if (!gone && u->modalias && *u->modalias && loader_modalias(&boot.loader, u->modalias) > 0)
                note_news();
        if (!u->subsystem)
                return;
        if (boot.net && streq(u->subsystem, "net"))
                network_event(u);
        if (!streq(u->subsystem, "block") || u->major < 0 || !u->devname)
                return;
        if (gone) {
                if (boot.phase != CHECKING && boot.phase != CHECKED)
                        goal_gone(u->major, u->minor);
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
                        boot.walked = false;
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

        report_open();
        if (r < 0)
                log_error_errno(r, "Cannot mount the API file systems: %m");
        if ((r = cmdline_read(&words)) < 0 || (r = options_parse(words, &boot.o)) < 0)
                return log_error_errno(r, "Cannot read the kernel command line: %m");
        if (boot.o.debug)
                log_set_max_level(LOG_DEBUG);
        uname(&u);
        boot.loader.cmdline = boot.o.words;
        boot.loader.blacklist = boot.o.blacklist;
        boot.loader.on_progress = on_module;
        r = loader_open(&boot.loader, boot.loop, u.release);
        if (r == -ENOENT)
                log_notice("No modules for kernel %s in this image", u.release);
        else if (r < 0)
                log_error_errno(r, "Cannot read the module digest for kernel %s: %m", u.release);
        boot.check.tool.loop = boot.mounter.loop = boot.loop;
        boot.shell = (struct shell) { .loop = boot.loop, .ended = on_shell_end };
        boot.stack = (struct stack) { .loop = boot.loop,
                .o = &boot.o,
                .blocks = &boot.blocks,
                .loader = &boot.loader,
                .changed = on_stack };
        stack_init(&boot.stack);
        boot.quiet.cb = on_quiet;
        boot.limit.cb = on_limit;
        boot.panic.cb = on_panic;
        boot.idle.cb = on_idle;
        boot.degraded.cb = on_degraded;
        return goals_init();
}

static int run(void)
{
        int r = set_up();

        if (r < 0)
                return r;
        loader_want_early(&boot.loader);
        blocks_enumerate(on_block, NULL);
        note_news();
        set_limit(boot.times[T_START]);
        r = loop_io_add(boot.loop, &boot.uevents);
        if (r < 0)
                return log_error_errno(r, "Cannot wait for uevents: %m");
        if (!stop_at(BREAK_BEGIN))
                advance();
        return loop_run(boot.loop);
}

int main(int argc, char **argv)
{
        if (getpid() != 1)
                return modprobe_main(argc, argv);
        boot.times[T_START] = now_monotonic();
        boot.argv = argv;
        int r = uevent_open(8 << 20);
        boot.uevents = (struct loop_io) { .fd = r, .events = EPOLLIN, .cb = on_uevents };
        if (loop_new(&boot.loop) >= 0)
                r = run();
        /* Only reached when nothing more can be done; process 1 must not end. */
        log_error_errno(MIN(r, 0), "cannot go on: %m");
        for (;;)
                pause();
}
