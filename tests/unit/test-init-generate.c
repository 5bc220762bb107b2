/* What fstab, consoles, the kernel command line and SysV scripts become. */
#include "init-test.h"

#define LIB "/usr/lib/systemd/system/"

static struct manager *strv_booted(char **cmdline)
{
        struct manager *m = test_manager();

        m->cmdline = strv_copy(cmdline);
        if (generate_fstab(m) < 0 || generate_getty(m) < 0 || generate_cmdline(m) < 0 ||
                generate_sysv(m) < 0)
                exit(1);
        return m;
}

static struct manager *booted(const char *cmdline)
{
        _cleanup_strv_ char **words = strv_split(cmdline, " ");

        return strv_booted(words);
}

static struct manager *in_initrd(const char *cmdline)
{
        struct manager *m = test_manager();

        m->in_initrd = true;
        m->cmdline = strv_split(cmdline, " ");
        if (generate_sysroot(m) < 0 || generate_cmdline(m) < 0)
                exit(1);
        return m;
}

static struct mount *mount_of(struct manager *m, const char *name)
{
        return UNIT_CAST(mount, test_unit(m, name));
}

static bool wanted(struct manager *m, const char *by, enum dep_type t, const char *name)
{
        return has_dep(m, test_unit(m, by), t, name);
}

static void fstab_mounts(void)
{
        struct manager *m;
        struct mount *mt;

        test_reset();
        put(LIB "local-fs.target", "[Unit]\nDefaultDependencies=no\n");
        put(LIB "remote-fs.target", "[Unit]\nDescription=x\n");
        put(LIB "swap.target", "[Unit]\nDescription=x\n");
        put("/sbin/fsck.ext4", "x");
        _cleanup_free_ char *fsck = test_path("/sbin/fsck.ext4");
        if (chmod(fsck, 0755) < 0)
                exit(1);
        put("/etc/fstab",
                "# a comment\n"
                "UUID=1234-abcd / ext4 errors=remount-ro 0 1\n"
                "LABEL=my\\040data /srv/a\\040b ext4 defaults,noatime 0 2\n"
                "PARTUUID=\"77\" /opt auto nofail,x-systemd.device-timeout=5s,x-systemd.mount-timeout=7 0 "
                "0\n"
                "server:/x /mnt/nfs nfs _netdev,x-systemd.requires=a.service,x-systemd.after=/srv 0 0\n"
                "tmpfs /tmp tmpfs size=50% 0 0\n"
                "/srv/a /mnt/bind none bind,noauto 0 0\n"
                "/dev/sdb1 none swap sw,pri=7,discard 0 0\n"
                "/swapfile none swap nofail 0 0\n"
                "proc /proc proc hidepid=2 0 0\n"
                "/dev/x /w ext4 x-systemd.wanted-by=b.service,rw 0 0\n"
                "/dev/y /auto ext4 noauto,x-systemd.automount,x-systemd.idle-timeout=5s 0 0\n"
                "/dev/sdc1 relative ext4 defaults 0 0\n"
                "/dev/sdc2\n"
                "/dev/z /number ext4 defaults 0 x\n"
                "/dev/evil\\012ExecStart=x /evil ext4 defaults 0 0\n");
        m = booted("");
        mt = mount_of(m, "srv-a\\x20b.mount");
        is_str(mt->what, "/dev/disk/by-label/my\\x20data", "LABEL= with a blank");
        is_str(mt->where, "/srv/a b", "where");
        is_str(mt->fstype, "ext4", "type");
        is_str(mt->options, "defaults,noatime", "options");
        is_str(mt->unit.source_path, "/etc/fstab", "where it came from");
        ok(has_dep(m, &mt->unit, DEP_REQUIRES, "systemd-fsck@dev-disk-by\\x2dlabel-my\\x5cx20data.service"),
                "fsck before, required");
        ok(has_dep(m, &mt->unit, DEP_BEFORE, "local-fs.target"), "before local-fs.target");
        ok(wanted(m, "local-fs.target", DEP_REQUIRES, "srv-a\\x20b.mount"), "which requires it");
        ok(wanted(m, "local-fs.target", DEP_WANTS, "systemd-remount-fs.service"),
                "the root gets its options by the remount");
        ok(wanted(m, "local-fs.target", DEP_WANTS, "systemd-fsck-root.service"), "and its check");
        is_str(mount_of(m, "-.mount")->what, "/dev/disk/by-uuid/1234-abcd", "UUID=");
        mt = mount_of(m, "opt.mount");
        is_str(mt->what, "/dev/disk/by-partuuid/77", "PARTUUID= with quotes");
        ok(wanted(m, "local-fs.target", DEP_WANTS, "opt.mount") &&
                        !wanted(m, "local-fs.target", DEP_REQUIRES, "opt.mount"),
                "nofail is only wanted");
        ok(!has_dep(m, &mt->unit, DEP_BEFORE, "local-fs.target"), "and not waited for");
        is_int(mt->timeout, 7 * USEC_PER_SEC, "x-systemd.mount-timeout=");
        is_int(test_unit(m, "dev-disk-by\\x2dpartuuid-77.device")->job_running_timeout, 5 * USEC_PER_SEC,
                "x-systemd.device-timeout=");
        mt = mount_of(m, "mnt-nfs.mount");
        ok(wanted(m, "remote-fs.target", DEP_REQUIRES, "mnt-nfs.mount"),
                "a network file system belongs to remote-fs.target");
        ok(has_dep(m, &mt->unit, DEP_REQUIRES, "a.service") && has_dep(m, &mt->unit, DEP_AFTER, "a.service"),
                "x-systemd.requires=");
        ok(has_dep(m, &mt->unit, DEP_AFTER, "srv.mount"), "x-systemd.after= with a path");
        is_str(mount_of(m, "tmp.mount")->options, "size=50%", "a percent sign stays one");
        ok(!wanted(m, "local-fs.target", DEP_REQUIRES, "mnt-bind.mount") &&
                        load_find_fragment(m, "mnt-bind.mount"),
                "noauto is known, not pulled in");
        ok(wanted(m, "b.service", DEP_WANTS, "w.mount") || load_find_fragment(m, "w.mount"),
                "x-systemd.wanted-by=");
        ok(!wanted(m, "local-fs.target", DEP_REQUIRES, "w.mount"), "instead of local-fs.target");
        ok(wanted(m, "local-fs.target", DEP_REQUIRES, "auto.automount") &&
                        !wanted(m, "local-fs.target", DEP_REQUIRES, "auto.mount"),
                "x-systemd.automount: the target needs the automount, not the mount");
        is_str(UNIT_CAST(automount, test_unit(m, "auto.automount"))->where, "/auto", "its place");
        ok(UNIT_CAST(automount, test_unit(m, "auto.automount"))->idle_timeout == 5 * USEC_PER_SEC,
                "x-systemd.idle-timeout=");
        ok(!load_find_fragment(m, "proc.mount"), "API file systems are left alone");
        is_int(UNIT_CAST(swap, test_unit(m, "dev-sdb1.swap"))->priority, 7, "pri=");
        ok(wanted(m, "swap.target", DEP_REQUIRES, "dev-sdb1.swap") &&
                        wanted(m, "swap.target", DEP_WANTS, "swapfile.swap"),
                "swap, and swap with nofail");
        ok(logged("/etc/fstab:13: relative is not an absolute path"), "a relative mount point");
        ok(logged("/etc/fstab:14: Fewer than three fields"), "too few fields");
        ok(logged("/etc/fstab:15: The fifth and sixth field must be numbers"), "a pass that is no number");
        ok(logged("/etc/fstab:16: Control characters") && !load_find_fragment(m, "evil.mount"),
                "a newline in a field cannot become a setting");
        test_manager_free(m);

        put("/etc/systemd/system/tmp.mount", "[Mount]\nWhat=mine\nWhere=/tmp\n");
        put(LIB "opt.mount", "[Mount]\nWhat=theirs\nWhere=/opt\n");
        m = booted("");
        is_str(mount_of(m, "tmp.mount")->what, "mine", "a unit in /etc counts more than fstab");
        is_str(mount_of(m, "opt.mount")->what, "/dev/disk/by-partuuid/77", "one below /usr less");
        test_manager_free(m);
        m = booted("fstab=no");
        ok(!load_find_fragment(m, "mnt-nfs.mount"), "fstab=no");
        test_manager_free(m);
}

static void getty(void)
{
        struct manager *m;

        test_reset();
        put(LIB "getty.target", "[Unit]\nDescription=x\n");
        put(LIB "serial-getty@.service", "[Service]\nExecStart=/bin/true\n");
        put("/sys/class/tty/console/active", "tty0 ttyS0\n");
        put("/sys/class/tty/hvc0/dev", "x");
        m = booted("");
        ok(wanted(m, "getty.target", DEP_WANTS, "serial-getty@ttyS0.service"), "a serial console");
        ok(wanted(m, "getty.target", DEP_WANTS, "serial-getty@hvc0.service"), "a virtualizer's");
        ok(!wanted(m, "getty.target", DEP_WANTS, "serial-getty@tty0.service"), "not a virtual one");
        test_manager_free(m);
        m = booted("systemd.getty_auto=no");
        ok(!wanted(m, "getty.target", DEP_WANTS, "serial-getty@ttyS0.service"), "systemd.getty_auto=no");
        test_manager_free(m);
}

static void sysroot(void)
{
        struct manager *m;
        struct mount *mt;

        test_reset();
        for (size_t i = 0; i < 5; i++)
                put((const char *[]) { LIB "initrd-root-fs.target", LIB "initrd-usr-fs.target",
                            LIB "initrd-fs.target", LIB "initrd-root-device.target",
                            LIB "initrd.target" }[i],
                        "[Unit]\nDefaultDependencies=no\n");
        put("/sbin/fsck", "x");
        put("/sbin/fsck.ext4", "x");
        _cleanup_free_ char *fsck = test_path("/sbin/fsck"), *fsck_ext4 = test_path("/sbin/fsck.ext4");
        if (chmod(fsck, 0755) < 0 || chmod(fsck_ext4, 0755) < 0)
                exit(1);
        put_link("/etc/systemd/system/default.target", LIB "initrd.target");
        put("/sysroot/etc/fstab", "/dev/vda / ext4 defaults 0 1\n"
                                  "LABEL=usr /usr ext4 ro 0 2\n"
                                  "/dev/vdb /srv ext4 x-initrd.mount,noatime 0 0\n"
                                  "/dev/vdc /opt ext4 defaults 0 0\n");
        m = in_initrd("root=UUID=1-2 rootflags=noatime quiet single rd.systemd.wants=x.service "
                      "systemd.wants=y.service");
        mt = mount_of(m, "sysroot.mount");
        is_str(mt->what, "/dev/disk/by-uuid/1-2", "root=UUID=");
        is_str(mt->where, "/sysroot", "mounted on /sysroot");
        is_str(mt->options, "ro,noatime", "read-only, with rootflags=");
        ok(!mt->fstype, "of any type");
        ok(has_dep(m, &mt->unit, DEP_REQUIRES, "systemd-fsck@dev-disk-by\\x2duuid-1\\x2d2.service"),
                "checked first");
        ok(wanted(m, "initrd-root-fs.target", DEP_REQUIRES, "sysroot.mount"),
                "initrd-root-fs.target requires it");
        ok(wanted(m, "initrd-root-device.target", DEP_REQUIRES, "dev-disk-by\\x2duuid-1\\x2d2.device"),
                "initrd-root-device.target its device");
        ok(wanted(m, "initrd-usr-fs.target", DEP_REQUIRES, "sysroot-usr.mount"), "the root's /usr");
        is_str(mount_of(m, "sysroot-usr.mount")->what, "/dev/disk/by-label/usr", "by its fstab");
        ok(wanted(m, "initrd-fs.target", DEP_REQUIRES, "sysroot-srv.mount"), "x-initrd.mount");
        is_str(mount_of(m, "sysroot-srv.mount")->options, "noatime", "its options");
        ok(!mount_of(m, "sysroot-opt.mount")->what, "nothing else of it");
        ok(wanted(m, "default.target", DEP_WANTS, "x.service") &&
                        !wanted(m, "default.target", DEP_WANTS, "y.service"),
                "rd.systemd.wants=, and not systemd.wants=");
        ok(!cmdline_target(m->cmdline, true), "single is for the root");
        test_manager_free(m);
        m = in_initrd("root=/dev/vda1 rw rootfstype=ext4 fsck.mode=skip");
        mt = mount_of(m, "sysroot.mount");
        is_str(mt->options, "rw", "rw");
        is_str(mt->fstype, "ext4", "rootfstype=");
        ok(!has_dep(m, &mt->unit, DEP_REQUIRES, "systemd-fsck@dev-vda1.service"), "fsck.mode=skip");
        test_manager_free(m);
        m = in_initrd("root=nfs:1.2.3.4:/x");
        ok(!mount_of(m, "sysroot.mount")->what, "no device: named, and not mounted");
        test_manager_free(m);
}

static void command_line(void)
{
        static const struct {
                const char *line, *target;
        } table[] = {
                { "quiet", NULL },
                { "single", "rescue.target" },
                { "emergency", "emergency.target" },
                { "rescue", "rescue.target" },
                { "3", "multi-user.target" },
                { "5", "graphical.target" },
                { "single systemd.unit=x.target", "x.target" },
                { "systemd.unit=not/one", NULL },
                { "-b", "emergency.target" },
        };
        struct manager *m;
        struct service *s;
        struct unit *u;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                _cleanup_strv_ char **words = strv_split(table[i].line, " ");

                is_str(cmdline_target(words, false), table[i].target, table[i].line);
        }
        test_reset();
        put(LIB "multi-user.target", "[Unit]\nDescription=x\n");
        put(LIB "bad.service", "[Service]\nExecStart=/bin/true\n");
        put("/etc/systemd/system/bad.service", "[Service]\nExecStart=/bin/true\n");
        put_link("/etc/systemd/system/default.target", LIB "multi-user.target");
        m = booted("systemd.wants=extra.service systemd.wants=short systemd.mask=bad.service "
                   "systemd.debug_shell=ttyS1");
        ok(wanted(m, "default.target", DEP_WANTS, "extra.service"), "systemd.wants=");
        ok(wanted(m, "multi-user.target", DEP_WANTS, "short.service"), "more than one, short names too");
        is_int(test_unit(m, "bad.service")->load_state, UNIT_MASKED,
                "systemd.mask= masks what is in /etc, too");
        ok(wanted(m, "multi-user.target", DEP_WANTS, "debug-shell.service"), "systemd.debug_shell=");
        test_manager_free(m);
        m = strv_booted((char *[]) { (char *)"systemd.run=/bin/one a b", (char *)"systemd.run=two",
                (char *)"systemd.run_failure_action=none", NULL });
        is_str(test_unit(m, "default.target")->id, "kernel-command-line.target",
                "systemd.run= is booted into");
        u = test_unit(m, "kernel-command-line.service");
        ok(u->success_action == ACTION_EXIT && u->failure_action == ACTION_NONE, "its actions");
        s = UNIT_CAST(service, u);
        ok(s->commands[CMD_START] && streq(s->commands[CMD_START]->path, "/bin/one") &&
                        strv_len(s->commands[CMD_START]->argv) == 3 && s->commands[CMD_START]->next,
                "its commands, in their order");
        ok(wanted(m, "default.target", DEP_REQUIRES, "kernel-command-line.service"),
                "the target requires it");
        test_manager_free(m);
        put("/system-update", "x");
        m = booted("");
        is_str(test_unit(m, "default.target")->id, "system-update.target", "an update that waits");
        test_manager_free(m);
}

static void sysv(void)
{
        _cleanup_free_ char *script = NULL, *known = NULL, *legacy = NULL;
        struct manager *m;
        struct unit *u;

        test_reset();
        put(LIB "multi-user.target", "[Unit]\nDescription=x\n");
        put(LIB "known.service", "[Service]\nExecStart=/bin/true\n");
        put("/etc/init.d/thing", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: thing other-name\n# "
                                 "Required-Start: $remote_fs $network db\n"
                                 "# Default-Start: 2 3 4 5\n# X-Start-Before: later\n# Short-Description: A "
                                 "100% thing\n### END INIT INFO\n"
                                 "# pidfile: /run/thing.pid\necho \"Usage: {start|stop|reload}\"\n");
        put("/etc/init.d/known", "#!/bin/sh\n");
        put("/etc/init.d/legacy.sh", "#!/bin/sh\n");
        put("/etc/init.d/README", "text\n");
        script = test_path("/etc/init.d/thing");
        known = test_path("/etc/init.d/known");
        legacy = test_path("/etc/init.d/legacy.sh");
        if (chmod(script, 0755) < 0 || chmod(known, 0755) < 0 || chmod(legacy, 0755) < 0)
                exit(1);
        put_link("/etc/rc2.d/S03thing", "../init.d/thing");
        put_link("/etc/rc2.d/K01legacy.sh", "../init.d/legacy.sh");
        m = booted("");
        u = test_unit(m, "thing.service");
        is_int(u->load_state, UNIT_LOADED, "a script gets a unit");
        is_str(u->description, "LSB: A 100% thing", "with its description");
        is_int(UNIT_CAST(service, u)->type, SERVICE_FORKING, "which forks");
        is_str(UNIT_CAST(service, u)->pid_file, "/run/thing.pid", "into this PID file");
        is_str(UNIT_CAST(service, u)->commands[CMD_START]->path, "/etc/init.d/thing",
                "started by the script");
        ok(UNIT_CAST(service, u)->commands[CMD_RELOAD] != NULL, "which can reload");
        ok(has_dep(m, u, DEP_AFTER, "remote-fs.target") && has_dep(m, u, DEP_AFTER, "db.service") &&
                        has_dep(m, u, DEP_WANTS, "network-online.target"),
                "facilities");
        ok(has_dep(m, u, DEP_BEFORE, "later.service"), "X-Start-Before");
        ok(test_unit(m, "other-name.service") == u, "what it provides is its alias");
        ok(wanted(m, "multi-user.target", DEP_WANTS, "thing.service"), "wanted by its runlevel");
        ok(load_find_fragment(m, "legacy.service") &&
                        !wanted(m, "multi-user.target", DEP_WANTS, "legacy.service"),
                "without a start link only known");
        ok(!logged("known has no unit"), "a script with a unit is left alone");
        test_manager_free(m);
}

int main(void)
{
        test_begin();
        fstab_mounts();
        getty();
        sysroot();
        command_line();
        sysv();
        return test_end();
}
