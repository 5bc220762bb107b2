/* exec_spawn() with real children: who they are, what they hold, what they may. Needs root for most of it. */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "exec-stubs.h"
#include "init/exit-status.h"
#include "lib/fileio.h"
#include "tests/tap.h"

static struct exec_test t;

static void basics(void)
{
        char *argv[] = { (char *)"true", NULL };

        is_str(exec_test_sh(&t, "echo hello; echo err >&2"), "hello\nerr\n",
                "standard output, error inherits");
        is_int(t.exec_code, 0, "exec_done says that the program runs");
        is_int(t.status, 0, "it ends with 0");
        is_str(exec_test_sh(&t, "exit 42"), "", "no output");
        is_int(t.status, 42, "its own exit status");
        is_str(exec_test_sh(&t, "pwd; umask; readlink /proc/self/fd/0"), "/\n0022\n/dev/null\n",
                "directory, umask, input");
        exec_test_sh(&t, "set -- $(cat /proc/$$/stat); echo $1 $6");
        is_str(exec_test_sh(&t, "set -- $(cat /proc/$$/stat); test $1 = $6 && echo session"), "session\n",
                "a session of its own");
        is_str(exec_test_run(&t, argv), "", "a plain name is sought in PATH");
        is_int(t.status, 0, "and found");
        argv[0] = (char *)"/nonexistent/program";
        exec_test_run(&t, argv);
        is_int(t.exec_code, EXIT_EXEC, "a missing program: EXEC");
        is_int(t.exec_err, ENOENT, "ENOENT");
        is_int(t.status, EXIT_EXEC, "exit status 203");
        argv[0] = (char *)"no-such-name-anywhere";
        exec_test_run(&t, argv);
        is_int(t.status, EXIT_EXEC, "a missing plain name: 203");
        is_str(exec_test_sh(&t, "ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3 ",
                "no descriptor leaks (3 is ls's own)");
}

static void signals(void)
{
        sigset_t all, before;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        is_str(exec_test_sh(&t, "grep -E '^Sig(Blk|Ign)' /proc/self/status"),
                "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n",
                "nothing blocked, SIGPIPE ignored");
        sigprocmask(SIG_SETMASK, &before, NULL);
        t.c->ignore_sigpipe_off = true;
        is_str(exec_test_sh(&t, "grep -E '^SigIgn' /proc/self/status"), "SigIgn:\t0000000000000000\n",
                "IgnoreSIGPIPE=no");
        exec_test_reset(&t);
}

static void environment(void)
{
        char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"echo \"$0|$1|$2|$#\"", (char *)"x${A}y",
                (char *)"$B", (char *)"$$C", NULL };

        strv_add(&t.c->environment, "A=one two");
        strv_add(&t.c->environment, "B=three 'four five'");
        is_str(exec_test_run(&t, argv), "xone twoy|three|four five|3\n", "variables in argv");
        is_str(exec_test_sh(&t, "echo $INVOCATION_ID; test $SYSTEMD_EXEC_PID = $$ && echo pid"),
                "0123456789abcdef0123456789abcdef\npid\n", "INVOCATION_ID, SYSTEMD_EXEC_PID");
        strv_add(&t.c->unset_environment, "A");
        is_str(exec_test_sh(&t, "echo ${A-unset}"), "unset\n", "UnsetEnvironment");
        exec_test_reset(&t);
}

static void descriptors(void)
{
        int a[2], b[2];
        int fds[2];
        char *names[] = { (char *)"web", (char *)"stdin", NULL };

        (void)!pipe2(a, O_CLOEXEC);
        (void)!pipe2(b, O_CLOEXEC);
        (void)!write(b[1], "from the pipe", 13);
        close(b[1]);
        fds[0] = a[1];
        fds[1] = b[0];
        t.p.fds = fds;
        t.p.fd_names = names;
        t.p.n_fds = 2;
        t.p.pass_fds = true;
        is_str(exec_test_sh(&t, "test $LISTEN_PID = $$ && echo $LISTEN_FDS $LISTEN_FDNAMES; echo x >&3; cat "
                                "<&4; set -- /proc/$$/fd/*; echo $#"),
                "2 web:stdin\nfrom the pipe6\n", "LISTEN_FDS, the descriptors at 3 and 4, no more");
        t.c->std_input = IN_FD;
        t.c->stdin_file = strdup("web");
        is_str(exec_test_sh(&t, "test /proc/self/fd/0 -ef /proc/self/fd/3 && echo same"), "same\n",
                "StandardInput=fd:web");
        close(a[0]);
        close(a[1]);
        close(b[0]);
        exec_test_reset(&t);
        (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a);
        t.c->std_input = IN_SOCKET;
        t.c->std_output = OUT_SOCKET;
        t.p.stdin_fd = a[1];
        (void)!write(a[0], "ping\n", 5);
        exec_test_sh(&t, "read x; echo got $x");
        char buf[32] = "";
        is_int(read(a[0], buf, sizeof(buf) - 1), 9, "StandardInput=socket answers");
        is_str(buf, "got ping\n", "on the socket");
        close(a[0]);
        close(a[1]);
        exec_test_reset(&t);
}

static void streams(void)
{
        t.c->std_input = IN_DATA;
        t.c->stdin_data = strdup("some data\n");
        t.c->stdin_data_len = 10;
        is_str(exec_test_sh(&t, "cat"), "some data\n", "StandardInput=data");
        free(t.c->stdin_data);
        t.c->stdin_data = calloc(1, 200000);
        t.c->stdin_data_len = 200000;
        is_str(exec_test_sh(&t, "wc -c"), "200000\n", "much data");
        exec_test_reset(&t);
        write_file_atomic("/tmp/rouse-exec-in", "file text\n", 10, 0644, false);
        t.c->std_input = IN_FILE;
        t.c->stdin_file = strdup("/tmp/rouse-exec-in");
        is_str(exec_test_sh(&t, "cat"), "file text\n", "StandardInput=file:");
        exec_test_reset(&t);
        t.c->std_error = OUT_APPEND;
        t.c->stderr_file = strdup("/tmp/rouse-exec-in");
        exec_test_sh(&t, "echo more >&2");
        exec_test_reset(&t);
        is_str(exec_test_sh(&t, "cat /tmp/rouse-exec-in"), "file text\nmore\n", "StandardError=append:");
        unlink("/tmp/rouse-exec-in");
        t.c->std_input = IN_FILE;
        t.c->stdin_file = strdup("/nonexistent");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_STDIN, "a missing input file: STDIN");
        exec_test_reset(&t);
}

/* A log daemon of a few lines. */
static void journal(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/tmp/rouse-exec-journal" };
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
        char buf[256] = "";
        ssize_t n = 0, k;

        unlink(sa.sun_path);
        (void)!bind(s, (struct sockaddr *)&sa, sizeof(sa));
        (void)!listen(s, 5);
        exec_journal_socket = sa.sun_path;
        t.c->std_output = OUT_JOURNAL;
        exec_test_sh(&t, "echo $JOURNAL_STREAM; stat -L -c %d:%i /dev/fd/1; stat -L -c %d:%i /dev/fd/2");
        c = accept(s, NULL, NULL);
        while ((k = read(c, buf + n, sizeof(buf) - 1 - (size_t)n)) > 0)
                n += k;
        buf[n] = '\0';
        ok(startswith(buf, "sh\nrouse-test.service\n30\n1\n0\n0\n0\n"), "the header of the stream");
        char *rest = buf + strlen("sh\nrouse-test.service\n30\n1\n0\n0\n0\n"), *two = strchr(rest, '\n');
        ok(two && strncmp(rest, two + 1, (size_t)(two - rest)) == 0 && strchr(rest, ':'),
                "JOURNAL_STREAM is that of the stream");
        close(c);
        close(s);
        unlink(sa.sun_path);
        exec_test_sh(&t, "test -z \"${JOURNAL_STREAM+x}\"");
        is_int(t.status, 0, "no log daemon: no JOURNAL_STREAM, it runs all the same");
        exec_test_reset(&t);
}

static void properties(void)
{
        t.c->nice = 5;
        t.c->nice_set = true;
        t.c->oom_score_adjust = 321;
        t.c->oom_set = true;
        t.c->umask = 0077;
        t.c->limits[RLIMIT_NOFILE] = (struct rlimit) { 123, 456 };
        t.c->limits_set = 1u << RLIMIT_NOFILE;
        t.c->working_directory = strdup("/usr");
        t.c->timer_slack = 77000;
        is_str(exec_test_sh(&t, "nice; cat /proc/self/oom_score_adj; umask; ulimit -Sn; ulimit -Hn; pwd; "
                                "cat /proc/$$/timerslack_ns"),
                "5\n321\n0077\n123\n456\n/usr\n77000\n",
                "Nice, OOMScoreAdjust, UMask, LimitNOFILE, WorkingDirectory, TimerSlackNSec");
        exec_test_reset(&t);
        static uint8_t one[1] = { 1 };
        t.c->cpu_affinity = memcpy(malloc(1), one, 1);
        t.c->cpu_affinity_len = 1;
        t.c->coredump_filter_set = true;
        t.c->coredump_filter = 0x7;
        t.c->cpu_sched_set = true;
        t.c->cpu_policy = 3;   /* batch */
        t.c->ioprio = 3 << 13; /* idle */
        t.c->ioprio_set = true;
        is_str(exec_test_sh(&t, "grep ^Cpus_allowed_list /proc/$$/status; cat /proc/$$/coredump_filter; "
                                "set -- $(cat /proc/$$/stat); echo ${41}; ionice -p $$ | cut -d: -f1"),
                "Cpus_allowed_list:\t0\n00000007\n3\nidle\n",
                "CPUAffinity, CoredumpFilter, CPUSchedulingPolicy, IOSchedulingClass");
        exec_test_reset(&t);
        t.c->working_directory = strdup("/nonexistent");
        exec_test_sh(&t, "true");
        is_int(t.status, EXIT_CHDIR, "a missing directory: CHDIR");
        t.c->working_directory_missing_ok = true;
        is_str(exec_test_sh(&t, "pwd"), "/\n", "with '-': /");
        exec_test_reset(&t);
        t.c->personality = 8; /* PER_LINUX32 */
        is_str(exec_test_sh(&t, "uname -m"), "i686\n", "Personality=x86");
        exec_test_reset(&t);
}

static void identity(void)
{
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "id; echo $USER $LOGNAME $HOME"),
                "uid=1(daemon) gid=1(daemon) groups=1(daemon)\ndaemon daemon /usr/sbin\n",
                "User=daemon and its environment");
        is_str(exec_test_sh(&t, "grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status | cut -f2 | sort -u"),
                "0000000000000000\n", "no capabilities");
        t.c->group = strdup("games");
        strv_add(&t.c->supplementary_groups, "mail");
        is_str(exec_test_sh(&t, "id -g; id -G"), "60\n60 8\n", "Group, SupplementaryGroups");
        t.command.flags = CMD_NO_SETUID;
        is_str(exec_test_sh(&t, "id -u"), "0\n", "'!' keeps the user");
        exec_test_reset(&t);
        t.c->user = strdup("daemon");
        t.p.apply_permissions = false;
        is_str(exec_test_sh(&t, "id -u"), "0\n", "'+' keeps the user");
        exec_test_reset(&t);
        t.c->user = strdup("12345");
        is_str(exec_test_sh(&t, "id -u; id -g"), "12345\n12345\n", "a number without record");
        exec_test_reset(&t);
        t.c->working_directory = strdup("~");
        t.c->user = strdup("games");
        is_str(exec_test_sh(&t, "pwd"), "/usr/games\n", "WorkingDirectory=~");
        exec_test_reset(&t);
}

static void capabilities(void)
{
        t.c->cap_bounding = 1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_KILL;
        is_str(exec_test_sh(&t, "grep -E '^Cap(Prm|Bnd)' /proc/self/status | cut -f2 | sort -u"),
                "0000000000000420\n", "CapabilityBoundingSet");
        t.c->user = strdup("daemon");
        t.c->cap_ambient = 1ull << CAP_NET_BIND_SERVICE;
        t.c->no_new_privileges = true;
        is_str(exec_test_sh(&t, "grep -E '^(Cap|NoNew)' /proc/self/status | cut -f2"),
                "0000000000000400\n0000000000000400\n0000000000000400\n0000000000000420\n0000000000000400\n1"
                "\n",
                "AmbientCapabilities for a user, NoNewPrivileges");
        exec_test_reset(&t);
        t.c->secure_bits = 1 << 0 | 1 << 1; /* noroot, noroot-locked */
        is_str(exec_test_sh(&t, "grep ^CapEff /proc/self/status"), "CapEff:\t0000000000000000\n",
                "SecureBits=noroot");
        exec_test_reset(&t);
}

static void directories(void)
{
        struct stat st;

        strv_add(&t.c->dirs[DIR_RUNTIME].paths, "rouse-test-a/b");
        strv_add(&t.c->dirs[DIR_RUNTIME].paths, "rouse-test-c:rouse-test-link");
        t.c->dirs[DIR_RUNTIME].mode = 0750;
        t.c->user = strdup("daemon");
        is_str(exec_test_sh(&t, "echo $RUNTIME_DIRECTORY; stat -c %a:%U /run/rouse-test-a "
                                "/run/rouse-test-a/b; readlink /run/rouse-test-link"),
                "/run/rouse-test-a/b:/run/rouse-test-c\n755:root\n750:daemon\n/run/rouse-test-c\n",
                "RuntimeDirectory");
        exec_directories_remove(t.u, t.c, 1 << DIR_RUNTIME);
        ok(stat("/run/rouse-test-c", &st) < 0 && lstat("/run/rouse-test-link", &st) < 0, "and removed");
        rmdir("/run/rouse-test-a");
        exec_test_reset(&t);
}

/* Many at once: arenas and status pipes are independent. */
static int n_done;
static void count_done(struct unit *u, pid_t pid, int exit_code, int err)
{
        n_done += exit_code == 0;
}

static void many(void)
{
        char *argv[] = { (char *)"/bin/true", NULL };
        usec_t begin, spent = 0;

        t.command = (struct exec_command) { .path = argv[0], .argv = argv };
        t.p.exec_done = count_done;
        for (int i = 0; i < 200; i++) {
                pid_t pid;
                int pidfd;

                begin = now_monotonic();
                if (exec_spawn(t.u, t.c, &t.p, &pid, &pidfd) < 0)
                        break;
                spent += now_monotonic() - begin;
                close(pidfd);
        }
        while (n_done < 200 && loop_turn(t.m.loop, 10 * USEC_PER_SEC) >= 0)
                ;
        is_int(n_done, 200, "200 children at once");
        printf("# exec_spawn: %lld us each\n", (long long)spent / 200);
        while (waitpid(-1, NULL, 0) > 0)
                ;
        exec_test_reset(&t);
}

int main(void)
{
        /* PID 1 ignores nothing; a test that was started in the background of a shell does. */
        for (int i = 1; i <= SIGRTMAX; i++)
                (void)signal(i, SIG_DFL);
        log_open("test", getenv("VERBOSE") ? LOG_TO_STDERR : LOG_TO_NULL);
        exec_test_init(&t);
        basics();
        signals();
        environment();
        descriptors();
        streams();
        journal();
        if (getuid() == 0) {
                properties();
                identity();
                capabilities();
                directories();
        }
        many();
        exec_test_done(&t);
        return tap_done();
}
