/* After the rules: name of the interface, node and links, database, RUN list, the watch. See event.h. */
#include "event.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "lib/log.h"
#include "modules.h"
#include "monitor.h"
#include "net-link.h"
#include "reenum.h"
#include "run-known.h"
#include "watch.h"

#define LINK_RETRY (5 * USEC_PER_MSEC)

static void run_list_next(struct event_run *run);

/* The interface is called name now: what later readers of this device see. */
static int device_renamed(struct device *d, const char *name)
{
        const char *slash = strrchr(d->syspath, '/');
        char *path;

        path = str_printf("%.*s/%s", (int)(slash - d->syspath), d->syspath, name);
        if (!path)
                return -ENOMEM;
        (void)device_set_prop(d, "INTERFACE_OLD", d->sysname);
        (void)device_set_prop(d, "INTERFACE", name);
        for (size_t i = 0; i < d->n_props; i++)
                if (streq(d->props[i].key, "INTERFACE") || streq(d->props[i].key, "INTERFACE_OLD"))
                        d->props[i].from_kernel = true;
        d->devpath = path + (d->devpath - d->syspath);
        free(d->syspath);
        d->syspath = path;
        d->sysname = strrchr(path, '/') + 1;
        return 0;
}

static bool is_uaccess(const struct rules_run *c)
{
        return c->builtin && streq(c->command, "uaccess");
}

static void check_space(struct event_run *run, int r)
{
        if (r == -ENOSPC || r == -EDQUOT || r == -ENOMEM)
                run->unwritten = true;
}

static int write_entry(struct event_run *run)
{
        struct device *d = run->d;
        int r;

        if (!d->usec_initialized)
                d->usec_initialized = now_monotonic();
        /* The event of a device that is as it was leaves its entry alone. */
        r = db_write_over(d, run->written || reenum_has_failed(d->devpath) ? NULL : run->old);
        run->written = true;
        if (r < 0)
                log_warning_errno(r, "%s: database entry is not written: %m", d->syspath);
        check_space(run, r);
        return r;
}

/* Another process holds the lock of one of the links: step is done once more, soon. */
static bool step_again(struct event_run *run, int r, void (*step)(struct loop_timer *t))
{
        if (r != -EAGAIN)
                return false;
        run->retry.cb = step;
        run->retry.data = run;
        return loop_timer_set(run->m->loop, &run->retry, usec_add(now_monotonic(), LINK_RETRY)) >= 0;
}

/* Who may use the node is settled before anybody is told that the device is ready. */
static void apply_acls(struct event_run *run)
{
        for (size_t i = 0; i < run->re.n_run; i++) {
                const struct rules_run *c = &run->re.run[i];

                if (is_uaccess(c)) {
                        int r = builtin_run(run->d, &run->re, c->command);

                        if (r < 0 && r != -ENOENT)
                                log_warning_errno(
                                        r, "%s: access for the user at the seat: %m", run->d->syspath);
                }
        }
}

static void node_and_entry(struct event_run *run);

static void on_node_again(struct loop_timer *t)
{
        node_and_entry(t->data);
}

/* udev.blockdev_read_only: physical disks as they appear, not what is made of them. */
static void make_read_only(struct device *d)
{
        static const char *const made[] = { "dm-", "md", "drbd", "loop", "nbd", "zram" };
        char path[PATH_MAX];
        int fd, on = 1;

        if (!streq(d->action, "add") || !streq_null(d->subsystem, "block") || !d->devnode)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(made); i++)
                if (startswith(d->sysname, made[i]))
                        return;
        fd = real_dev_path(d->devnode, path) < 0 ? -1
                                                 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || ioctl(fd, BLKROSET, &on) < 0)
                log_warning_errno(-errno, "%s: cannot be made read-only: %m", d->sysname);
        close_fd(fd);
}

/* Clients are told that the event went wrong, as udevd tells them. */
static void tell_failure(struct device *d, int r)
{
        char number[16];
        const char *name = errno_name(-r);

        snprintf(number, sizeof(number), "%d", -r);
        (void)device_set_prop(d, "UDEV_WORKER_FAILED", "1");
        (void)device_set_prop(d, "UDEV_WORKER_ERRNO", number);
        if (name)
                (void)device_set_prop(d, "UDEV_WORKER_ERRNO_NAME", name);
}

static void node_and_entry(struct event_run *run)
{
        struct device *d = run->d;
        int r = node_update(d, run->old), failed;

        if (r >= 0 && reenum_has_failed(d->devpath))
                r = links_release_others(d->id, d->links);
        if (step_again(run, r, on_node_again))
                return;
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s: node and links: %m", d->syspath);
        check_space(run, r);
        apply_acls(run);
        failed = write_entry(run);
        if (run->rules_result < 0)
                failed = run->rules_result;
        if (failed < 0)
                tell_failure(d, failed);
        if (run->m->disks_read_only)
                make_read_only(d);
        run_list_next(run);
}

static void on_renamed(int r, void *data)
{
        struct event_run *run = data;
        struct device *d = run->d;

        if (r < 0)
                log_warning_errno(r, "%s: cannot be renamed to %s, keeps its name: %m", d->sysname, d->name);
        else {
                log_info("%s: is now %s", d->sysname, d->name);
                r = device_renamed(d, d->name);
        }
        if (r < 0)
                (void)device_set_prop(d, "ID_RENAMING", NULL);
        node_and_entry(run);
}

static bool wants_rename(const struct device *d)
{
        return d->ifindex > 0 && streq(d->action, "add") && !str_empty(d->name) &&
               !streq(d->name, d->sysname);
}

static void finish_remove(struct event_run *run);

static void on_remove_again(struct loop_timer *t)
{
        finish_remove(t->data);
}

static void finish_remove(struct event_run *run)
{
        struct device *d = run->d;
        int r;

        watch_end(run->m, d->id);
        r = node_remove(d, run->old);
        if (r >= 0 && reenum_has_failed(d->devpath))
                r = links_release_others(d->id, NULL);
        if (step_again(run, r, on_remove_again))
                return;
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s: links: %m", d->syspath);
        r = db_delete(d);
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "%s: database entry: %m", d->syspath);
        run_list_next(run);
}

void event_finish(struct event_run *run)
{
        struct device *d = run->d;
        int r;

        if (streq(d->action, "remove")) {
                finish_remove(run);
                return;
        }
        if (!wants_rename(d)) {
                node_and_entry(run);
                return;
        }
        /* Who sees the new name before the "move" event must know that it is not final. */
        (void)device_set_prop(d, "ID_RENAMING", "1");
        (void)write_entry(run);
        r = netif_rename(run->m, d->ifindex, d->sysname, d->name, on_renamed, run);
        if (r < 0)
                on_renamed(r, run);
}

/* ---- the RUN list, one entry after the other ---- */

static void on_run_program(int result, const char *output, size_t len, void *data)
{
        struct event_run *run = data;
        const char *command = run->re.run[run->run_next - 1].command;

        run->task = NULL;
        watch_deafen(run->m, run->d->id, false);
        if (result < 0)
                log_warning_errno(result, "%s: RUN '%s': %m", run->d->syspath, command);
        else if (result > 0)
                log_notice("%s: RUN '%s' ended with status %d", run->d->syspath, command, result);
        run_list_next(run);
}

static void on_run_worker(int result, struct wire_reader *r, void *data)
{
        struct event_run *run = data;

        run->request = NULL;
        if (r)
                result = worker_get_done(r, NULL);
        if (result < 0)
                log_debug_errno(
                        result, "%s: RUN '%s': %m", run->d->syspath, run->re.run[run->run_next - 1].command);
        run_list_next(run);
}

/* 1: it goes on in a task or worker; 0: done. */
static int run_builtin(struct event_run *run, const char *command)
{
        const struct builtin *b = builtin_find(command);
        _cleanup_wire_ struct wire_writer w = {};
        int r;

        if (!b) {
                log_warning("%s: RUN{builtin} '%s' is not known", run->d->syspath, command);
                return 0;
        }
        if (streq(b->name, "kmod")) {
                command += strcspn(command, " ");
                (void)modules_builtin(run->m, run->d, command + strspn(command, " "));
                return 0;
        }
        if (!(b->flags & BUILTIN_BLOCKS)) {
                r = builtin_run(run->d, &run->re, command);
                if (r < 0)
                        log_debug_errno(r, "%s: RUN{builtin} '%s': %m", run->d->syspath, command);
                return 0;
        }
        worker_put_builtin(&w, 1, run->d, command, 0);
        r = pool_request(run->m, worker_kind_of(command), &w, run->m->event_timeout, on_run_worker, run,
                &run->request);
        return r < 0 ? log_warning_errno(r, "%s: RUN{builtin} '%s': %m", run->d->syspath, command) : 1;
}

static int run_program(struct event_run *run, const char *command)
{
        int r;

        if (run_known(run->d, command))
                return 0;
        if (!run->env)
                run->env = monitor_environment(run->d);
        watch_deafen(run->m, run->d->id, true);
        r = task_program(run->m, command, run->env, run->m->event_timeout, on_run_program, run, &run->task);
        if (r < 0)
                watch_deafen(run->m, run->d->id, false);
        return r < 0 ? log_warning_errno(r, "%s: RUN '%s': %m", run->d->syspath, command) : 1;
}

static void on_delay(struct loop_timer *t)
{
        run_list_next(t->data);
}

/* exec_delay=: the next program is put off. */
static bool put_off(struct event_run *run)
{
        if (run->m->exec_delay <= 0 || run->delayed || run->re.run[run->run_next].builtin)
                return false;
        run->retry.cb = on_delay;
        run->retry.data = run;
        run->delayed = true;
        return loop_timer_set(run->m->loop, &run->retry, usec_add(now_monotonic(), run->m->exec_delay)) >= 0;
}

static int late_child(int out_fd, void *arg)
{
        link_apply_late(arg);
        return 0;
}

static void on_late(int result, const char *output, size_t len, void *data)
{
        struct event_run *run = data;

        run->task = NULL;
        if (result < 0)
                log_warning_errno(result, "%s: virtual functions, Wake-on-LAN: %m", run->d->sysname);
        run_list_next(run);
}

/* The kernel looks for drivers of new functions before it comes back, and passwords come from others: true when a child
 * waits for that. */
static bool apply_late(struct event_run *run)
{
        int r;

        if (!run->re.late)
                return false;
        run->re.late = false;
        r = task_fn(run->m, run->d->sysname, late_child, run->d, run->m->event_timeout, on_late, run,
                &run->task);
        if (r < 0)
                log_warning_errno(r, "%s: virtual functions, Wake-on-LAN: %m", run->d->sysname);
        return r >= 0;
}

static void run_list_next(struct event_run *run)
{
        if (apply_late(run))
                return;
        if (run->run_next == 0 && !run->delayed)
                strv_reset(&run->env);
        while (run->run_next < run->re.n_run) {
                const struct rules_run *i;

                if (put_off(run))
                        return;
                run->delayed = false;
                i = &run->re.run[run->run_next++];
                if (is_uaccess(i) && !streq(run->d->action, "remove"))
                        continue; /* done before the entry was written */
                if ((i->builtin ? run_builtin(run, i->command) : run_program(run, i->command)) > 0)
                        return;
        }
        if (run->d->watch && !streq(run->d->action, "remove"))
                watch_begin(run->m, run->d);
        else
                watch_end(run->m, run->d->id);
        event_end(run, true);
}
