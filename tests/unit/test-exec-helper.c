/* rouse-exec with real children: each directive by what it does or forbids. Needs root, and a rouse-exec built beside
 * the tests. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <utmpx.h>

#include "exec-stubs.h"
#include "init/exit-status.h"
#include "lib/fileio.h"
#include "tests/tap.h"

static struct exec_test t;

static void plain(void)
{
        t.c->private_mounts = true;
        ok(exec_needs_helper(t.c, &t.p), "PrivateMounts needs rouse-exec");
        is_str(exec_test_sh(&t, "echo $SYSTEMD_EXEC_PID = $$; umask; ls /proc/self/fd | tr '\\n' ' '")
                        ? "ran"
                        : "no",
                "ran", "it runs");
        is_int(t.exec_code, 0, "exec_done");
        is_str(exec_test_sh(&t, "test $SYSTEMD_EXEC_PID = $$ && ls /proc/self/fd | tr '\\n' ' '"),
                "0 1 2 3 ", "no descriptor leaks");
        is_str(exec_test_sh(&t, "mount -t tmpfs none /mnt && grep -c ' /mnt ' /proc/self/mounts"), "1\n",
                "mounts inside");
        is_int(system("grep -q ' /mnt tmpfs' /proc/self/mounts") != 0, true, "stay inside");
        char *argv[] = { (char *)"/nonexistent", NULL };
        exec_test_run(&t, argv);
        is_int(t.exec_code, EXIT_EXEC, "a missing program is told");
        exec_test_reset(&t);
}

static void descriptors(void)
{
        int a[2], fds[1];
        char *names[] = { (char *)"x", NULL };

        (void)!pipe2(a, O_CLOEXEC);
        (void)!write(a[1], "piped\n", 6);
        close(a[1]);
        fds[0] = a[0];
        t.p.fds = fds;
        t.p.fd_names = names;
        t.p.n_fds = 1;
        t.p.pass_fds = true;
        t.c->private_mounts = true;
        is_str(exec_test_sh(&t, "test $LISTEN_PID = $$ && cat <&3; set -- /proc/$$/fd/*; echo $#"),
                "piped\n5\n", "descriptors pass through");
        close(a[0]);
        exec_test_reset(&t);
}

static void protect_system(void)
{
        t.c->protect_system = PROTECT_SYSTEM_YES;
        is_str(exec_test_sh(&t, "touch /usr/x 2>/dev/null || echo usr; touch /etc/rouse-x && rm "
                                "/etc/rouse-x && echo etc"),
                "usr\netc\n", "ProtectSystem=yes");
        t.c->protect_system = PROTECT_SYSTEM_FULL;
        is_str(exec_test_sh(&t, "touch /etc/rouse-x 2>/dev/null || echo etc; touch /var/tmp/rouse-x && rm "
                                "/var/tmp/rouse-x && echo var"),
                "etc\nvar\n", "ProtectSystem=full");
        t.c->protect_system = PROTECT_SYSTEM_STRICT;
        strv_add(&t.c->read_write_paths, "/var/tmp");
        strv_add(&t.c->read_write_paths, "-/no/such/path");
        strv_add(&t.c->dirs[DIR_RUNTIME].paths, "rouse-strict");
        is_str(exec_test_sh(&t,
                       "for d in / /etc /var /srv; do touch $d/rouse-x 2>/dev/null && echo bad $d; done; "
                       "touch /var/tmp/rouse-x && rm /var/tmp/rouse-x && echo rw; touch "
                       "$RUNTIME_DIRECTORY/x && echo run; echo >/dev/null && echo dev"),
                "rw\nrun\ndev\n", "ProtectSystem=strict, ReadWritePaths, RuntimeDirectory");
        exec_directories_remove(t.u, t.c, 1 << DIR_RUNTIME);
        exec_run_ended(t.u, t.c);
        strv_add(&t.c->read_write_paths, "/no/such/path");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_NAMESPACE, "a missing path: NAMESPACE");
        exec_test_reset(&t);
}

static void protect_home(void)
{
        mkdir("/home/rouse-test", 0755);
        t.c->protect_home = PROTECT_HOME_YES;
        is_str(exec_test_sh(&t, "ls -A /home /root | wc -l; stat -c %a /root"), "3\n0\n", "ProtectHome=yes");
        t.c->protect_home = PROTECT_HOME_READ_ONLY;
        is_str(exec_test_sh(&t, "ls -d /home/rouse-test; touch /home/rouse-test/x 2>/dev/null || echo ro"),
                "/home/rouse-test\nro\n", "=read-only");
        t.c->protect_home = PROTECT_HOME_TMPFS;
        is_str(exec_test_sh(&t, "ls -A /home; touch /home/x 2>/dev/null || echo ro"), "ro\n", "=tmpfs");
        rmdir("/home/rouse-test");
        exec_test_reset(&t);
}

static void paths(void)
{
        mkdir("/srv/rouse", 0755);
        mkdir("/srv/rouse/rw", 0755);
        strv_add(&t.c->read_only_paths, "/srv/rouse");
        strv_add(&t.c->read_write_paths, "/srv/rouse/rw");
        strv_add(&t.c->inaccessible_paths, "/usr/bin/env");
        strv_add(&t.c->inaccessible_paths, "-/nope");
        is_str(exec_test_sh(&t, "touch /srv/rouse/x 2>/dev/null || echo ro; touch /srv/rouse/rw/x && echo "
                                "rw; /usr/bin/env 2>/dev/null || echo hidden"),
                "ro\nrw\nhidden\n", "ReadOnlyPaths, ReadWritePaths inside, InaccessiblePaths");
        exec_test_reset(&t);
        (void)!system("cp /bin/true /srv/rouse/prog; cp /bin/true /srv/rouse/rw/prog");
        strv_add(&t.c->no_exec_paths, "/srv/rouse");
        strv_add(&t.c->exec_paths, "/srv/rouse/rw");
        is_str(exec_test_sh(&t, "/srv/rouse/prog 2>/dev/null || echo no; /srv/rouse/rw/prog && echo yes"),
                "no\nyes\n", "NoExecPaths, ExecPaths");
        exec_test_reset(&t);
        exec_path_pairs_add(&t.c->bind_paths, "/srv/rouse", "/srv/rouse-bound", false, true);
        exec_path_pairs_add(&t.c->bind_ro_paths, "/srv/rouse", "/mnt", false, true);
        exec_path_pairs_add(&t.c->bind_ro_paths, "/nope", "/mnt", true, true);
        is_str(exec_test_sh(&t, "touch /srv/rouse-bound/y && ls /mnt; touch /mnt/z 2>/dev/null || echo ro"),
                "prog\nrw\ny\nro\n", "BindPaths, BindReadOnlyPaths");
        rmdir("/srv/rouse-bound");
        exec_test_reset(&t);
        strv_add(&t.c->temporary_fs, "/srv:ro");
        strv_add(&t.c->temporary_fs, "/mnt:size=64k,mode=1777");
        is_str(exec_test_sh(&t, "ls /srv; touch /srv/x 2>/dev/null || echo ro; stat -c %a /mnt; dd "
                                "if=/dev/zero of=/mnt/x bs=1k count=100 2>/dev/null || echo full"),
                "ro\n1777\nfull\n", "TemporaryFileSystem");
        exec_test_reset(&t);
        (void)!system("rm -r /srv/rouse");
}

static void private_things(void)
{
        (void)!system("touch /tmp/rouse-host-file");
        t.c->private_tmp = true;
        t.c->private_devices = true;
        is_str(exec_test_sh(&t, "ls /tmp | wc -l; touch /tmp/mine; stat -c %a /tmp /var/tmp"),
                "0\n1777\n1777\n", "PrivateTmp: empty, for all");
        ok(access("/tmp/mine", F_OK) < 0, "PrivateTmp: not the host's");
        is_str(exec_test_sh(&t, "ls /tmp"), "mine\n", "the unit's processes share it");
        is_str(exec_test_sh(&t,
                       "test -e /dev/sda -o -e /dev/vda -o -e /dev/mem && echo bad; head -c1 /dev/zero "
                       "| wc -c; touch /dev/x 2>/dev/null || echo ro; echo y > /dev/null && echo null"),
                "1\nro\nnull\n", "PrivateDevices");
        exec_test_reset(&t);
        unlink("/tmp/rouse-host-file");
        t.c->private_network = true;
        is_str(exec_test_sh(&t, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; readlink "
                                "/proc/self/ns/net > /tmp/rouse-netns"),
                "lo\n", "PrivateNetwork");
        is_str(exec_test_sh(&t, "test $(readlink /proc/self/ns/net) = $(cat /tmp/rouse-netns) && echo same"),
                "same\n", "shared by the unit's processes");
        umount2("/run/rouse/ns/rouse-test.service.net", MNT_DETACH);
        unlink("/run/rouse/ns/rouse-test.service.net");
        unlink("/tmp/rouse-netns");
        exec_test_reset(&t);
        t.c->private_users = true;
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "id -u; cat /proc/self/uid_map | tr -s ' '; stat -c %U /etc/shadow"),
                "1\n 0 0 1\n 1 1 1\nroot\n", "PrivateUsers");
        exec_test_reset(&t);
        t.c->protect_hostname = true;
        is_str(exec_test_sh(&t, "hostname inside 2>/dev/null; hostname > /dev/null && echo ok"), "ok\n",
                "ProtectHostname");
        char name[65];
        gethostname(name, sizeof(name));
        ok(!streq(name, "inside"), "the host keeps its name");
        exec_test_reset(&t);
}

static void protect_kernel(void)
{
        t.c->protect_kernel_tunables = true;
        t.c->protect_control_groups = true;
        t.c->protect_kernel_logs = true;
        is_str(exec_test_sh(&t, "echo 1 2>/dev/null > /proc/sys/kernel/printk || echo tunables; head -c1 "
                                "/proc/kallsyms 2>/dev/null || echo kallsyms; mkdir /sys/fs/cgroup/x "
                                "2>/dev/null || echo cgroups; cat /dev/kmsg 2>/dev/null || echo kmsg"),
                "tunables\nkallsyms\ncgroups\nkmsg\n",
                "ProtectKernelTunables, ProtectControlGroups, ProtectKernelLogs");
        exec_test_reset(&t);
        t.c->protect_proc = PROC_INVISIBLE;
        t.c->proc_subset_pid = true;
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "test -d /proc/1 || echo invisible; test -e /proc/cmdline || echo subset"),
                "invisible\nsubset\n", "ProtectProc, ProcSubset");
        exec_test_reset(&t);
}

static void root_directory(void)
{
        (void)!system(
                "mkdir -p /tmp/rouse-root/bin /tmp/rouse-root/proc && cp -a /bin/true /tmp/rouse-root/bin/");
        t.c->root_directory = strdup("/tmp/rouse-root");
        const char *dirs[] = { "/usr", "/lib", "/lib64" };
        for (size_t i = 0; i < 3; i++)
                exec_path_pairs_add(&t.c->bind_ro_paths, dirs[i], dirs[i], true, true);
        char *argv[] = { (char *)"/usr/bin/ls", (char *)"/", NULL };
        is_str(exec_test_run(&t, argv), "bin\nlib\nlib64\nproc\nusr\n", "RootDirectory");
        exec_test_reset(&t);
        (void)!system("rm -rf /tmp/rouse-root");
}

static void credentials(void)
{
        write_file_atomic("/tmp/rouse-cred", "secret", 6, 0600, false);
        strv_add(&t.c->load_credentials, "key:/tmp/rouse-cred");
        strv_add(&t.c->load_credentials, "absent");
        strv_add(&t.c->set_credentials, "word:literal");
        strv_add(&t.c->set_credentials, "key:default");
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "cd $CREDENTIALS_DIRECTORY && pwd && cat key && echo && cat word && echo && "
                                "ls && stat -c %a:%U . key && touch x 2>/dev/null || echo ro"),
                "/run/credentials/"
                "rouse-test.service\nsecret\nliteral\nkey\nword\n500:daemon\n400:daemon\nro\n",
                "LoadCredential, SetCredential");
        exec_directories_remove(t.u, t.c, 1 << DIR_RUNTIME);
        exec_run_ended(t.u, t.c);
        ok(access("/run/credentials/rouse-test.service", F_OK) < 0, "credentials go with the service");
        unlink("/tmp/rouse-cred");
        exec_test_reset(&t);
        strv_add(&t.c->load_credentials, "key:/nonexistent");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_CREDENTIALS, "a missing credential: CREDENTIALS");
        exec_directories_remove(t.u, t.c, 1 << DIR_RUNTIME);
        exec_run_ended(t.u, t.c);
        exec_test_reset(&t);
}

static void dynamic_user(void)
{
        t.c->dynamic_user = true;
        strv_add(&t.c->dirs[DIR_STATE].paths, "rouse-dyn");
        is_str(exec_test_sh(&t,
                       "test $(id -u) -ge 61184 && echo dynamic; echo $USER $STATE_DIRECTORY; touch "
                       "$STATE_DIRECTORY/x && stat -L -c %a:%u $STATE_DIRECTORY | sed s/$(id -u)/me/; "
                       "touch /etc/x 2>/dev/null || echo strict; readlink /var/lib/rouse-dyn"),
                "dynamic\nrouse-test /var/lib/rouse-dyn\n755:me\nstrict\nprivate/rouse-dyn\n",
                "DynamicUser and its state directory");
        ok(access("/run/userdb/rouse-test.user", R_OK) == 0, "known to nss-systemd");
        exec_directories_remove(t.u, t.c, 1 << DIR_STATE | 1 << DIR_RUNTIME);
        exec_run_ended(t.u, t.c);
        ok(access("/run/userdb/rouse-test.user", R_OK) < 0 && access("/var/lib/private/rouse-dyn", F_OK) < 0,
                "and gone");
        exec_test_reset(&t);
}

static void terminal(void)
{
        int master, slave;
        char name[64], buf[512] = "",
                       *argv[] = { (char *)"/bin/sh", (char *)"-c",
                               (char *)"tty; test -t 0 && echo is-tty; ps -o tty= -p $$; echo $TERM; exit 7",
                               NULL };
        ssize_t n;

        if (openpty(&master, &slave, name, NULL, NULL) < 0) {
                ok(true, "SKIP no pty");
                return;
        }
        close(slave);
        int hold = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        t.c->std_input = IN_TTY;
        t.c->std_output = OUT_TTY;
        t.c->tty_path = strdup(name);
        t.c->tty_reset = true;
        t.c->utmp_id = strdup("tst");
        t.c->tty_rows = 33;
        t.c->tty_columns = 99;
        t.command.flags |= CMD_NO_ENV_EXPAND;
        exec_test_run(&t, argv);
        is_int(t.status, 7, "a shell on a terminal ran");
        /* what was written comes through the line in its own time */
        struct pollfd line = { .fd = master, .events = POLLIN };
        for (size_t at = 0; at < sizeof(buf) - 1 && !strstr(buf, "vt220") && poll(&line, 1, 10000) > 0;
                at += (size_t)n) {
                n = read(master, buf + at, sizeof(buf) - 1 - at);
                if (n <= 0)
                        break;
        }
        ok(startswith(buf, name) && strstr(buf, "is-tty") && strstr(buf, "vt220"),
                "StandardInput=tty, TTYPath, TERM");
        ok(strstr(buf, name + 5) != NULL, "it is the controlling terminal");
        printf("# %s\n", buf);
        close(hold);
        close(master);
        exec_test_reset(&t);
        t.c->std_input = IN_TTY_FAIL;
        t.c->tty_path = strdup("/dev/nonexistent");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_STDIN, "a missing terminal: STDIN");
        exec_test_reset(&t);
}

static void pam_session(void)
{
        static const char conf[] =
                "account required pam_permit.so\nsession required pam_env.so envfile=/tmp/rouse-pam-env\n";

        if (access("/etc/pam.d", W_OK) < 0 || system("ldconfig -p | grep -q libpam.so.0") != 0) {
                ok(true, "SKIP no PAM here");
                return;
        }
        write_file_atomic("/etc/pam.d/rouse-test", conf, sizeof(conf) - 1, 0644, false);
        write_file_atomic("/tmp/rouse-pam-env", "FROM_PAM=yes\n", 13, 0644, false);
        t.c->pam_name = strdup("rouse-test");
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "id -un; echo $FROM_PAM; ps -o comm= --ppid $$ | grep pam"),
                "daemon\nyes\n(rouse-pam)\n", "PAMName: session, environment, keeper");
        unlink("/etc/pam.d/rouse-test");
        unlink("/tmp/rouse-pam-env");
        exec_test_sh(&t, "true");
        printf("# without the file: %d\n", t.status);
        exec_test_reset(&t);
}

static void unknown_user(void)
{
        t.c->user = strdup("no-such-user-here");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_USER, "a user that nobody knows: USER");
        exec_test_reset(&t);
        t.c->group = strdup("no-such-group");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_GROUP, "a group that nobody knows: GROUP");
        exec_test_reset(&t);
        strv_add(&t.c->environment_files, "/tmp/rouse-env-file");
        write_file_atomic("/tmp/rouse-env-file", "FROM_FILE='a b'\n", 16, 0644, false);
        char *argv[] = { (char *)"/bin/echo", (char *)"$FROM_FILE", (char *)"${FROM_FILE}", NULL };
        t.command.flags = 0;
        is_str(exec_test_run(&t, argv), "a b a b\n",
                "EnvironmentFile on a path that PID 1 leaves to rouse-exec");
        unlink("/tmp/rouse-env-file");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_EXEC, "which is missing");
        exec_test_reset(&t);
}

int main(int argc, char *argv[])
{
        static char helper[PATH_MAX];
        const char *slash = strrchr(argv[0], '/');

        log_open("test", getenv("VERBOSE") ? LOG_TO_STDERR : LOG_TO_NULL);
        snprintf(helper, sizeof(helper), "%.*s../rouse-exec", slash ? (int)(slash - argv[0]) + 1 : 0,
                argv[0]);
        if (getuid() != 0 || access(helper, X_OK) < 0) {
                printf("1..0 # SKIP needs root and %s\n", helper);
                return 0;
        }
        if (*helper != '/')
                exec_helper_path = realpath(helper, NULL);
        else
                exec_helper_path = helper;
        exec_test_init(&t);
        plain();
        descriptors();
        protect_system();
        protect_home();
        paths();
        private_things();
        protect_kernel();
        root_directory();
        credentials();
        dynamic_user();
        terminal();
        pam_session();
        unknown_user();
        exec_test_done(&t);
        return tap_done();
}
