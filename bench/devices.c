/* devices: times device daemons from inside a guest, by what their clients see. bench/devices.sh calls it.
 *
 *     devices run [--trigger COMMAND] [--argv0 NAME] PROGRAM [ARGUMENT…]
 *         starts the daemon, waits for READY=1, gives COMMAND (words, no shell) for its coldplug, settles.
 *         Prints "PID READY-NS SETTLED-NS", counted from the start, and leaves the daemon running.
 *     devices settle
 *         A ping on the control socket, then waits for the end of the queue file, as udevadm does.
 *     devices latency SYSPATH COUNT
 *         Writes "change" to the device's uevent file COUNT times, and prints the median, in ns, from the write
 *         to the message that libudev's clients get; the node and the links are ready before that.
 *
 * Times are CLOCK_MONOTONIC. Nothing here polls faster than inotify and poll(2) tell. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_SOCKET   "/run/devices-bench"
#define CONTROL_SOCKET "/run/udev/control"
#define QUEUE_FILE     "/run/udev/queue"
#define WAIT_MS        (900 * 1000)
#define GROUP_UDEV     2
#define PING           7

struct message {
        char version[16];
        uint32_t magic, type;
        char value[256];
};

static int64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000ll + t.tv_nsec;
}

__attribute__((noreturn)) static void fail(const char *what)
{
        perror(what);
        exit(1);
}

static int unix_address(struct sockaddr_un *a, const char *path)
{
        *a = (struct sockaddr_un) { .sun_family = AF_UNIX };
        strcpy(a->sun_path, path);
        return (int)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

/* ---- settle ---- */

static void ping(void)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct message m = { .version = "udev-252", .magic = 0xdead1dea, .type = PING };
        struct pollfd p = { .fd = fd, .events = POLLIN };
        struct sockaddr_un a;
        int len = unix_address(&a, CONTROL_SOCKET);

        if (fd < 0 || connect(fd, (struct sockaddr *)&a, (socklen_t)len) < 0)
                fail(CONTROL_SOCKET);
        if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
                fail("ping");
        m.type = 0;
        if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
                fail("end");
        if (poll(&p, 1, WAIT_MS) <= 0)
                fail("no answer to the ping");
        close(fd);
}

static void settle(void)
{
        int fd = inotify_init1(IN_CLOEXEC);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buf[4096];

        if (inotify_add_watch(fd, "/run/udev", IN_DELETE) < 0)
                fail("/run/udev");
        ping();
        while (access(QUEUE_FILE, F_OK) == 0) {
                if (poll(&p, 1, WAIT_MS) <= 0) {
                        fputs("not settled in time\n", stderr);
                        exit(1);
                }
                (void)!read(fd, buf, sizeof(buf));
        }
        close(fd);
}

/* ---- run ---- */

static pid_t start(char *const *argv, const char *argv0)
{
        const char *program = argv[0];
        pid_t pid = fork();
        int log;

        if (pid < 0)
                fail("fork");
        if (pid > 0)
                return pid;
        log = open("/run/devices-bench.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        setsid();
        if (argv0)
                ((char **)argv)[0] = (char *)argv0;
        execv(program, argv);
        perror(program);
        _exit(127);
}

static void wait_ready(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buf[4096];

        do {
                ssize_t n;

                if (poll(&p, 1, WAIT_MS) <= 0)
                        fail("the daemon does not become ready");
                n = recv(fd, buf, sizeof(buf) - 1, 0);
                buf[n > 0 ? n : 0] = '\0';
        } while (!strstr(buf, "READY=1"));
}

static void trigger(char *command)
{
        char *argv[32], *word;
        int n = 0, status;
        pid_t pid;

        while ((word = strsep(&command, " ")) && n < 31)
                if (*word)
                        argv[n++] = word;
        argv[n] = NULL;
        pid = start(argv, NULL);
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                fail("the trigger failed");
}

static int run(char **argv)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len;
        const char *argv0 = NULL;
        char *command = NULL;
        struct sockaddr_un a;
        int64_t begin, ready;
        pid_t pid;

        for (; argv[0] && argv[1] && argv[0][0] == '-'; argv += 2)
                if (strcmp(argv[0], "--trigger") == 0)
                        command = argv[1];
                else if (strcmp(argv[0], "--argv0") == 0)
                        argv0 = argv[1];
        unlink(READY_SOCKET);
        len = unix_address(&a, READY_SOCKET);
        if (!argv[0] || fd < 0 || bind(fd, (struct sockaddr *)&a, (socklen_t)len) < 0)
                fail(READY_SOCKET);
        setenv("NOTIFY_SOCKET", READY_SOCKET, 1);
        begin = now_ns();
        pid = start(argv, argv0);
        wait_ready(fd);
        ready = now_ns();
        unsetenv("NOTIFY_SOCKET");
        if (command)
                trigger(command);
        settle();
        printf("%d %lld %lld\n", pid, (long long)(ready - begin), (long long)(now_ns() - begin));
        return 0;
}

/* ---- latency ---- */

static int listen_to_clients(void)
{
        struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = GROUP_UDEV };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
                fail("netlink");
        return fd;
}

/* Waits for the message about devpath. */
static void wait_message(int fd, const char *devpath)
{
        char want[4200], buf[16384];
        int n = snprintf(want, sizeof(want), "DEVPATH=%s", devpath) + 1;
        struct pollfd p = { .fd = fd, .events = POLLIN };

        for (;;) {
                if (poll(&p, 1, 30000) <= 0)
                        fail("no message");
                ssize_t got = recv(fd, buf, sizeof(buf), 0);

                if (got > 0 && memmem(buf, (size_t)got, want, (size_t)n))
                        return;
        }
}

static int by_size(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static int latency(const char *syspath, int count)
{
        int64_t *taken = calloc((size_t)count, sizeof(*taken));
        int monitor = listen_to_clients(), uevent;
        char path[4200];

        snprintf(path, sizeof(path), "%s/uevent", syspath);
        uevent = open(path, O_WRONLY | O_CLOEXEC);
        if (uevent < 0 || !taken)
                fail(path);
        for (int i = 0; i < count; i++) {
                int64_t begin = now_ns();

                if (write(uevent, "change", 6) < 0)
                        fail("change");
                wait_message(monitor, syspath + strlen("/sys"));
                taken[i] = now_ns() - begin;
        }
        qsort(taken, (size_t)count, sizeof(*taken), by_size);
        printf("%lld\n", (long long)taken[count / 2]);
        free(taken);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc >= 3 && strcmp(argv[1], "run") == 0)
                return run(argv + 2);
        if (argc == 2 && strcmp(argv[1], "settle") == 0) {
                settle();
                return 0;
        }
        if (argc == 4 && strcmp(argv[1], "latency") == 0 && atoi(argv[3]) > 0)
                return latency(argv[2], atoi(argv[3]));
        fputs("Usage: devices run [--trigger COMMAND] [--argv0 NAME] PROGRAM… | settle | latency SYSPATH "
              "COUNT\n",
                stderr);
        return 2;
}
