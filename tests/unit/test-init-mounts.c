/* Rows of [Mount], [Swap], [Automount] and [Scope], one by one: what is asked of the kernel, of devd and of programs.
 * mount(2), devd's link, programs and cgroups are the test's. */
#include <signal.h>
#include <sys/mount.h>

#include "init/cgroup.h"
#include "lib/devlink.h"
#include "tests/unit/init-test.h"

static struct manager *m;
static struct strbuf did;
static int empty_answer, killed;

/* ---- in place of the rest of the world ---- */

int __wrap_mount(
        const char *what, const char *where, const char *type, unsigned long flags, const void *data);
int __wrap_mount(
        const char *what, const char *where, const char *type, unsigned long flags, const void *data)
{
        strbuf_printf(
                &did, "mount %s %s %s %lx %s;", what, where, type, flags, data ? (const char *)data : "");
        if (streq_null(type, "autofs")) {
                errno = EPERM;
                return -1;
        }
        return 0;
}
int __wrap_devlink_mount(struct manager *mm, const char *where, const char *what, const char *type,
        const char *options, unsigned flags);
int __wrap_devlink_mount(struct manager *mm, const char *where, const char *what, const char *type,
        const char *options, unsigned flags)
{
        strbuf_printf(&did, "devd %s %s %s %s %s%s;", what, where, type ?: "auto", options ?: "",
                flags & DL_MOUNT_SLOPPY ? "sloppy" : "", flags & DL_MOUNT_RWONLY ? "rw" : "");
        return 0;
}
int __wrap_devlink_umount(struct manager *mm, const char *where, bool lazy, bool force);
int __wrap_devlink_umount(struct manager *mm, const char *where, bool lazy, bool force)
{
        strbuf_printf(&did, "umount %s%s;", lazy ? "lazy" : "", force ? "force" : "");
        return 0;
}
int __wrap_exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        pid_t *ret_pid, int *ret_pidfd);
int __wrap_exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        pid_t *ret_pid, int *ret_pidfd)
{
        FOREACH_STR (a, p->command->argv)
                strbuf_printf(&did, "%s ", *a);
        strbuf_puts(&did, ";");
        *ret_pid = 1000000;
        *ret_pidfd = -1;
        return 0;
}
int __wrap_cgroup_realize(struct unit *u);
int __wrap_cgroup_realize(struct unit *u)
{
        return 0;
}
int __wrap_cgroup_attach(struct unit *u, pid_t pid, const char *below);
int __wrap_cgroup_attach(struct unit *u, pid_t pid, const char *below)
{
        strbuf_printf(&did, "attach %d;", (int)pid);
        return 0;
}
int __wrap_cgroup_is_empty(struct unit *u);
int __wrap_cgroup_is_empty(struct unit *u)
{
        return empty_answer;
}
int __wrap_cgroup_kill(struct unit *u, int sig, pid_t a, pid_t b);
int __wrap_cgroup_kill(struct unit *u, int sig, pid_t a, pid_t b)
{
        killed = sig;
        return 1;
}

/* ---- the harness ---- */

/* A unit named after a place below the throw-away root; "@" in lines is that place. */
static struct unit *begin(const char *type, const char *place, const char *section, const char *lines)
{
        _cleanup_free_ char *where = test_path(place), *name = NULL, *file = NULL;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (unit_name_from_path(where, type, &name) < 0)
                exit(1);
        strbuf_printf(&b, "[Unit]\nDefaultDependencies=no\n[%s]\n", section);
        for (const char *c = lines; *c; c++)
                if (*c == '@')
                        strbuf_puts(&b, where);
                else
                        strbuf_putc(&b, *c);
        strbuf_putc(&b, '\n');
        file = str_printf("/etc/systemd/system/%s", name);
        put(file, b.s);
        m = test_manager();
        return test_unit(m, name);
}

static void end(void)
{
        strbuf_done(&did);
        test_manager_free(m);
        test_reset();
}

static bool was_done(const char *what)
{
        return did.s && strstr(did.s, what);
}

/* ---- mounts ---- */

static void test_mount(void)
{
        struct unit *u = begin("mount", "/a", "Mount",
                "What=tmpfs\nWhere=@\nType=tmpfs\nOptions=size=1M,nosuid\nDirectoryMode=0710\nTimeoutSec="
                "1h");
        _cleanup_free_ char *where = test_path("/a");
        struct stat st = { 0 };

        is_int(u->load_state, UNIT_LOADED, "Where= as the name says");
        (void)unit_start(u);
        ok(was_done("mount tmpfs ") && was_done(" tmpfs 2 size=1M;"), "What=, Type=, Options=");
        (void)stat(where, &st);
        is_int(st.st_mode & 07777, 0710, "DirectoryMode=");
        end();

        u = begin("mount", "/a", "Mount", "What=tmpfs\nWhere=/elsewhere\nType=tmpfs");
        is_int(u->load_state, UNIT_BAD_SETTING, "Where= must fit the name");
        end();

        u = begin("mount", "/a", "Mount",
                "What=/dev/"
                "nothere\nWhere=@\nType=ext4\nOptions=ro\nSloppyOptions=yes\nReadWriteOnly=yes\nTimeoutSec="
                "1h");
        unit_drop_all_deps(u);
        (void)unit_start(u);
        ok(was_done("ext4 ro sloppyrw;"), "SloppyOptions=, ReadWriteOnly=");
        ok(UNIT_CAST(mount, u)->timer.when > now_monotonic() + 30 * 60 * USEC_PER_SEC &&
                        UNIT_CAST(mount, u)->timer.when != USEC_INFINITY,
                "TimeoutSec=");
        end();

        for (int force = 0; force < 2; force++) {
                u = begin("mount", "/a", "Mount",
                        force ? "What=tmpfs\nType=tmpfs\nForceUnmount=yes"
                              : "What=tmpfs\nType=tmpfs\nLazyUnmount=yes");
                (void)unit_start(u);
                (void)unit_stop(u);
                ok(was_done(force ? "umount force;" : "umount lazy;"),
                        force ? "ForceUnmount=" : "LazyUnmount=");
                end();
        }
}

static void test_disk_gone(void)
{
        struct unit *u = begin("mount", "/a", "Mount", "What=/dev/disk/by-label/x\nWhere=@\nType=ext4");
        _cleanup_free_ char *where = test_path("/a");
        char *links[] = { (char *)"/dev/disk/by-label/x", NULL };

        device_message(m, "/sys/devices/vdz", "/dev/vdz", DL_DEV_PRESENT, links, NULL);
        (void)unit_start(u);
        mount_done_message(m, where, 0, NULL);
        is_str(unit_sub_state(u), "mounted", "a disk's file system is mounted");
        device_message(m, "/sys/devices/vdz", "/dev/vdz", DL_DEV_PRESENT, links, NULL);
        manager_dispatch_run_queue(m);
        is_str(unit_sub_state(u), "mounted", "an event of the disk changes nothing");
        device_message(m, "/sys/devices/vdy", "/dev/vdy", DL_DEV_PRESENT, links, NULL);
        device_message(m, "/sys/devices/vdz", "/dev/vdz", DL_DEV_GONE, NULL, NULL);
        manager_dispatch_run_queue(m);
        is_str(unit_sub_state(u), "mounted", "nor does its going when another one has its link by then");
        device_message(m, "/sys/devices/vdy", "/dev/vdy", DL_DEV_GONE, NULL, NULL);
        manager_dispatch_run_queue(m);
        ok(was_done("umount ;"), "it is unmounted when the disk is gone");
        umount_done_message(m, where, 0, NULL);
        is_str(unit_sub_state(u), "dead", "and that is no failure");
        end();
}

/* What mount(8) has mounted goes with its device only if somebody says so. */
static void test_bound(void)
{
        char *says[] = { (char *)"SYSTEMD_MOUNT_DEVICE_BOUND=1", NULL };

        for (int bound = 0; bound < 2; bound++) {
                struct unit *u;

                m = test_manager();
                device_message(m, "/sys/devices/sr9", "/dev/sr9", DL_DEV_PRESENT, NULL, bound ? says : NULL);
                mountinfo_message(m, true, "/disc", "/dev/sr9", "iso9660", "ro");
                manager_dispatch_load_queue(m);
                u = unit_find(m, "disc.mount");
                is_str(unit_sub_state(u), "mounted", "a disc is mounted by hand");
                ok(unit_has_dep(u, DEP_AFTER, unit_find(m, "dev-sr9.device")), "its unit knows the drive's");
                device_message(m, "/sys/devices/sr9", "/dev/sr9", DL_DEV_NOT_READY, NULL, NULL);
                manager_dispatch_run_queue(m);
                ok(was_done("umount ;") == (bound == 1),
                        bound ? "SYSTEMD_MOUNT_DEVICE_BOUND=: unmounted when the disc is gone"
                              : "otherwise it stays");
                mountinfo_message(m, false, "/disc", "/dev/sr9", "iso9660", "ro");
                ok(!unit_has_dep(u, DEP_AFTER, unit_find(m, "dev-sr9.device")),
                        "unmounted, it is of no device");
                end();
        }
}

static void test_without_file(void)
{
        struct unit *u;

        put("/etc/systemd/system/t.target", "[Unit]\nDefaultDependencies=no\nWants=nowhere.mount\n");
        m = test_manager();
        u = test_unit(m, "nowhere.mount");
        is_int(u->load_state, UNIT_NOT_FOUND, "a mount without a file is none");
        is_int(manager_add_job_by_name(m, JOB_START, "t.target", JOB_REPLACE, NULL, NULL), 0,
                "a wish for it is no error");
        ok(!u->job, "nor a job");
        mountinfo_message(m, true, "/nowhere", "tmpfs", "tmpfs", "rw");
        is_int(u->load_state, UNIT_LOADED, "a mount that the kernel has is one without a file");
        is_int(unit_active_state(u), UNIT_ACTIVE, "and active");
        is_str(UNIT_CAST(mount, u)->where, "/nowhere", "with its place");
        mountinfo_message(m, false, "/nowhere", "tmpfs", "tmpfs", "rw");
        is_int(u->load_state, UNIT_NOT_FOUND, "until the kernel has it no longer");
        is_int(unit_active_state(u), UNIT_INACTIVE, "then it is gone");
        end();
}

static void test_swap(void)
{
        struct unit *u =
                begin("swap", "/swapfile", "Swap", "What=@\nPriority=7\nOptions=discard\nTimeoutSec=1h");

        unit_drop_all_deps(u);
        (void)unit_start(u);
        ok(was_done("/sbin/swapon -p7 -o discard ") && was_done("/swapfile ;"),
                "What=, Priority=, Options=");
        ok(UNIT_CAST(swap, u)->timer.when > now_monotonic() + 30 * 60 * USEC_PER_SEC &&
                        UNIT_CAST(swap, u)->timer.when != USEC_INFINITY,
                "TimeoutSec=");
        end();
        /* where it is, also without the unit's name */
        u = begin("swap", "/swapfile", "Swap", "What=/other/file");
        is_str(UNIT_CAST(swap, u)->what, "/other/file", "What= counts more than the name");
        end();
}

static void test_swap_without_file(void)
{
        struct unit *u;

        m = test_manager();
        u = test_unit(m, "dev-vdq.swap");
        is_int(u->load_state, UNIT_NOT_FOUND, "a swap without a file is none");
        swapinfo_message(m, true, "/dev/vdq", -2);
        is_int(u->load_state, UNIT_LOADED, "one that is in use is");
        is_int(unit_active_state(u), UNIT_ACTIVE, "and active");
        is_str(UNIT_CAST(swap, u)->what, "/dev/vdq", "with its device");
        swapinfo_message(m, false, "/dev/vdq", 0);
        is_int(u->load_state, UNIT_NOT_FOUND, "until it is no longer");
        is_int(unit_active_state(u), UNIT_INACTIVE, "then it is gone");
        end();
}

static void test_automount(void)
{
        struct unit *u = begin("automount", "/a", "Automount",
                "Where=@\nExtraOptions=strictexpire\nDirectoryMode=0710\nTimeoutIdleSec=3s");
        _cleanup_free_ char *where = test_path("/a");
        struct automount *a = UNIT_CAST(automount, u);
        struct stat st = { 0 };

        is_int(u->load_state, UNIT_LOADED, "Where= as the name says");
        (void)unit_start(u);
        if (!did.s && a->state == AUTOMOUNT_LOADING) /* a kernel without autofs: its module is asked for */
                ok(true, "the module is asked for");
        else {
                ok(was_done("autofs") && was_done(",direct,strictexpire;"), "ExtraOptions=");
                (void)stat(where, &st);
                is_int(st.st_mode & 07777, 0710, "DirectoryMode=");
                is_str(unit_ops(u)->result(u), "resources", "mount(2) fails here, and so does the unit");
        }
        ok(a->idle_timeout == 3 * USEC_PER_SEC, "TimeoutIdleSec=");
        ok(has_dep(m, u, DEP_TRIGGERS, a->mount_name), "the mount of the same name is its own");
        end();
        u = begin("automount", "/a", "Automount", "Where=/elsewhere");
        is_int(u->load_state, UNIT_BAD_SETTING, "Where= must fit the name");
        end();
}

/* ---- scopes ---- */

static struct scope *begin_scope(const char *lines)
{
        _cleanup_free_ char *text = str_printf("[Unit]\nDefaultDependencies=no\n[Scope]\n%s\n", lines);
        struct scope *s;

        put("/run/systemd/transient/a.scope", text);
        m = test_manager();
        s = UNIT_CAST(scope, test_unit(m, "a.scope"));
        s->pids = calloc(1, sizeof(pid_t));
        s->pids[0] = 4711;
        s->n_pids = 1;
        empty_answer = killed = 0;
        (void)unit_start(&s->unit);
        return s;
}

static bool due(const struct scope *s, usec_t span)
{
        usec_t now = now_monotonic();

        return s->timer.when > now + span - USEC_PER_SEC * 60 && s->timer.when <= now + span;
}

static void test_scope(void)
{
        struct scope *s = begin_scope("RuntimeMaxSec=2h\nTimeoutStopSec=3h");

        ok(was_done("attach 4711;"), "its process is moved into it");
        is_str(unit_sub_state(&s->unit), "running", "it runs");
        ok(due(s, 2 * 3600 * USEC_PER_SEC), "RuntimeMaxSec=");
        s->timer.cb(&s->timer);
        is_int(killed, SIGTERM, "over time: it is ended");
        ok(due(s, 3 * 3600 * USEC_PER_SEC), "TimeoutStopSec=");
        empty_answer = 1;
        unit_cgroup_empty(&s->unit);
        is_str(unit_ops(&s->unit)->result(&s->unit), "timeout", "and failed");
        end();

        s = begin_scope("RuntimeMaxSec=1s\nRuntimeRandomizedExtraSec=1000000h");
        ok(s->timer.when > now_monotonic() + 60 * USEC_PER_SEC && s->timer.when != USEC_INFINITY,
                "RuntimeRandomizedExtraSec=");
        end();

        for (int go_on = 0; go_on < 2; go_on++) {
                s = begin_scope(go_on ? "OOMPolicy=continue" : "");
                unit_cgroup_oom(&s->unit);
                is_str(unit_sub_state(&s->unit), go_on ? "running" : "stop-sigterm", "OOMPolicy=");
                end();
        }

        s = begin_scope("KillMode=none");
        (void)unit_stop(&s->unit);
        is_int(killed, 0, "KillMode=none: nobody is signalled");
        is_str(unit_sub_state(&s->unit), "dead", "and it is over");
        end();

        s = begin_scope("");
        is_int(scope_abandon(&s->unit), 0, "abandoned");
        is_str(unit_sub_state(&s->unit), "abandoned", "it says so");
        empty_answer = 1;
        unit_cgroup_empty(&s->unit);
        is_str(unit_sub_state(&s->unit), "dead", "it ends with its last process");
        end();

        put("/etc/systemd/system/file.scope", "[Scope]\nRuntimeMaxSec=1\n");
        m = test_manager();
        is_int(test_unit(m, "file.scope")->load_state, UNIT_NOT_FOUND, "never from a file");
        end();
}

int main(void)
{
        test_begin();
        test_mount();
        test_disk_gone();
        test_bound();
        test_without_file();
        test_swap();
        test_swap_without_file();
        test_automount();
        test_scope();
        return test_end();
}
