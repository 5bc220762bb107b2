/* The cgroup tree on this machine's cgroup2 hierarchy, below a directory of our own. Skips without one. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "exec-stubs.h"
#include "init/cgroup.h"
#include "lib/fileio.h"
#include "tests/tap.h"

static struct exec_test t;
static char mount_point[PATH_MAX], root[PATH_MAX + 32];

static bool find_cgroup2(void)
{
        FILE *f = fopen("/proc/self/mounts", "re");
        char type[64];
        bool found = false;

        while (f && !found && fscanf(f, "%*s %4000s %63s %*[^\n]", mount_point, type) == 2)
                found = streq(type, "cgroup2");
        if (f)
                fclose(f);
        return found;
}

static void paths(void)
{
        struct unit slice = { .type = UNIT_SLICE, .id = (char *)"user-1000.slice", .manager = &t.m };
        struct service odd = {
                .unit = { .type = UNIT_SERVICE, .id = (char *)"cpu.service", .manager = &t.m }
        };

        is_str(cgroup_unit_path(t.u), "system.slice/rouse-test.service", "path of a service");
        odd.unit.slice = &slice;
        is_str(cgroup_unit_path(&odd.unit), "user.slice/user-1000.slice/_cpu.service",
                "slices as a tree, escaped name");
        free(odd.unit.cgroup_path);
}

static void life(void)
{
        char path[PATH_MAX + 100], *argv[] = { (char *)"/bin/sleep", (char *)"100", NULL };
        struct stat st;
        pid_t pid, *pids = NULL;
        int pidfd;
        size_t n = 0;

        t.command = (struct exec_command) { .path = argv[0], .argv = argv };
        is_int(exec_spawn(t.u, t.c, &t.p, &pid, &pidfd), 0, "a process is started in its cgroup");
        snprintf(path, sizeof(path), "%s/system.slice/rouse-test.service", root);
        ok(stat(path, &st) == 0, "the cgroup is there");
        is_int(cgroup_pids(t.u, &pids, &n), 0, "its processes");
        ok(n == 1 && pids[0] == pid, "are the one");
        free(pids);
        ok(cgroup_unit_of_pid(&t.m, pid) == t.u, "the unit of that process is known");
        is_int(cgroup_is_empty(t.u), 0, "not empty");
        is_int(cgroup_watch(t.u), 0, "watched");
        is_int(cgroup_kill(t.u, SIGKILL, 0, 0), 1, "killed as a whole");
        waitpid(pid, NULL, 0);
        for (int i = 0; i < 20 && !exec_test_cgroup_empty; i++)
                loop_turn(t.m.loop, USEC_PER_SEC / 4);
        ok(exec_test_cgroup_empty > 0, "emptiness is told");
        is_int(cgroup_is_empty(t.u), 1, "empty");
        is_int(cgroup_kill(t.u, SIGTERM, 0, 0), 0, "nobody to signal");
        close(pidfd);
        cgroup_release(t.u);
        ok(stat(path, &st) < 0, "released");
}

/* A cgroup that was killed as a whole must still take the next process. */
static void again(void)
{
        char *argv[] = { (char *)"/bin/sleep", (char *)"100", NULL };
        pid_t pid;
        int fd;

        t.command = (struct exec_command) { .path = argv[0], .argv = argv };
        exec_spawn(t.u, t.c, &t.p, &pid, &fd);
        cgroup_kill(t.u, SIGKILL, 0, 0);
        waitpid(pid, NULL, 0);
        close(fd);
        is_str(exec_test_sh(&t, "echo alive"), "alive\n", "a cgroup that was killed takes a new process");
        cgroup_release(t.u);
        exec_test_reset(&t);
}

static void except(void)
{
        char *argv[] = { (char *)"/bin/sleep", (char *)"100", NULL };
        pid_t a, b;
        int fa, fb, status;

        t.command = (struct exec_command) { .path = argv[0], .argv = argv };
        exec_spawn(t.u, t.c, &t.p, &a, &fa);
        exec_spawn(t.u, t.c, &t.p, &b, &fb);
        is_int(cgroup_kill(t.u, SIGTERM, a, 0), 1, "all but the main process");
        waitpid(b, &status, 0);
        ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "the other one is gone");
        is_int(kill(a, 0), 0, "the main process is not");
        cgroup_kill(t.u, SIGKILL, 0, 0);
        waitpid(a, NULL, 0);
        close(fa);
        close(fb);
        t.p.cgroup_suffix = ".control";
        exec_spawn(t.u, t.c, &t.p, &a, &fa);
        char path[PATH_MAX + 100], *text = NULL;
        snprintf(path, sizeof(path), "%s/system.slice/rouse-test.service/.control/cgroup.procs", root);
        ok(read_file(path, 0, &text, NULL) >= 0 && atoi(text) == a,
                "a control process of a delegated unit has a cgroup below");
        free(text);
        cgroup_kill(t.u, SIGKILL, 0, 0);
        waitpid(a, NULL, 0);
        close(fa);
        cgroup_release(t.u);
        exec_test_reset(&t);
}

/* By a descriptor that is no cgroup's. */
static void devices_refused(void)
{
        int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        t.s.cgroup.device_policy = 1;
        ok(cgroup_apply_bpf(t.u, fd) < 0, "DevicePolicy= that the kernel refuses is an error");
        t.s.cgroup.device_policy = 0;
        strv_add(&t.s.cgroup.device_allow, "/dev/null rw");
        ok(cgroup_apply_bpf(t.u, fd) < 0, "and so is DeviceAllow=");
        strv_free(t.s.cgroup.device_allow);
        t.s.cgroup.device_allow = NULL;
        t.c->protect_clock = true;
        is_int(cgroup_apply_bpf(t.u, fd), 0, "as a part of ProtectClock= it is best effort");
        t.c->protect_clock = false;
        close(fd);
}

static void devices(void)
{
        t.s.cgroup.device_policy = 1;
        strv_add(&t.s.cgroup.device_allow, "/dev/kmsg r");
        is_str(exec_test_sh(&t,
                       "echo x > /dev/null && echo null; head -c1 /dev/mem 2>/dev/null || echo mem; "
                       "mknod /tmp/rouse-node c 1 1 2>/dev/null || echo mknod; exec 3</dev/kmsg && echo "
                       "kmsg; sh -c 'exec 3>/dev/kmsg' 2>/dev/null || echo ro"),
                "null\nmem\nmknod\nkmsg\nro\n", "DevicePolicy=closed, DeviceAllow");
        unlink("/tmp/rouse-node");
        cgroup_release(t.u);
        exec_test_reset(&t);
}

int main(void)
{
        log_open("test", getenv("VERBOSE") ? LOG_TO_STDERR : LOG_TO_NULL);
        if (getuid() != 0 || !find_cgroup2()) {
                printf("1..0 # SKIP no cgroup2 hierarchy that this user may write\n");
                return 0;
        }
        exec_test_init(&t);
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "/rouse-test-%d", getpid());
        snprintf(root, sizeof(root), "%s%s", mount_point, prefix);
        if (mkdir(root, 0755) < 0) {
                printf("1..0 # SKIP %s cannot be made\n", root);
                return 0;
        }
        is_int(cgroup_setup_at(&t.m, mount_point, prefix), 0, "set up");
        paths();
        devices();
        devices_refused();
        life();
        except();
        again();
        cgroup_free(&t.m);
        int fd = open(mount_point, O_PATH | O_CLOEXEC);
        cgroup_remove_tree(fd, prefix + 1);
        close(fd);
        exec_test_done(&t);
        return tap_done();
}
