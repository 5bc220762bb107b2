/* What "ready" means: an ssh banner and an HTTP 200 over loopback, /srv mounted, and all daemons running,
 * not merely a socket that listens, which activation would fake. The conditions are checked from the cheap
 * to the dear; one that has held once is not asked again, and the processes are looked for last, so that
 * watching costs the guest little. Connections wait for their answers by poll, not by the clock. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/probe.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const daemons[] = { "sshd", "nginx", "dbus-daemon", "cron", "rsyslogd", "agetty" };

static bool mounted(struct condition *c, const struct probe_fs *fs);
static bool answers(struct condition *c, const struct probe_fs *fs);
static bool all_run(struct condition *c, const struct probe_fs *fs);

static struct condition conditions[] = {
        { "srv", mounted, "/srv", 0, -1, false, 0, 0 }, { "ssh", answers, "SSH-", 22, -1, false, 0, 0 },
        { "http", answers, "HTTP/1.1 200", 80, -1, false, 0, 0 },
        { "daemons", all_run, NULL, 0, -1, false, 0, 0 }, /* only when all before hold */
};

static bool mounted(struct condition *c, const struct probe_fs *fs)
{
        struct stat here, root;

        (void)fs;
        return stat(c->argument, &here) == 0 && stat("/", &root) == 0 && here.st_dev != root.st_dev;
}

static void hang_up(struct condition *c)
{
        close(c->fd);
        c->fd = -1;
        c->sent = false;
}

/* Connects if someone listens; compares what the other side says first, after a question if it is HTTP. */
static bool answers(struct condition *c, const struct probe_fs *fs)
{
        static const char question[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
        };
        char buf[256];
        ssize_t n;

        (void)fs;
        if (c->fd < 0) {
                c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (c->fd < 0)
                        return false;
                if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
                        hang_up(c);
                        return false;
                }
        }
        /* A connection that is refused may be so only after connect has returned. */
        if (!c->listens && getpeername(c->fd, &(struct sockaddr) { 0 }, &(socklen_t) { 0 }) == 0)
                c->listens = probe_now();
        if (c->port == 80 && c->listens && !c->sent)
                c->sent = send(c->fd, question, sizeof(question) - 1, MSG_NOSIGNAL) > 0;
        n = recv(c->fd, buf, sizeof(buf), 0);
        if (n < 0 && errno == EAGAIN)
                return false;
        hang_up(c);
        return n >= (ssize_t)strlen(c->argument) && memcmp(buf, c->argument, strlen(c->argument)) == 0;
}

/* Calls back for each process (not kernel thread, as far as its name tells) until it says true. */
static bool each_process(
        const struct probe_fs *fs, bool (*call)(pid_t, const char *, void *, int), void *data)
{
        bool end = false;
        int fd = openat(fs->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *de;

        while (!end && dir && (de = readdir(dir))) {
                char path[64], name[32];
                ssize_t n;

                if (!isdigit((unsigned char)de->d_name[0]))
                        continue;
                snprintf(path, sizeof(path), "%.20s/comm", de->d_name);
                n = read_at(fs->proc, path, name, sizeof(name));
                if (n <= 0)
                        continue;
                name[strcspn(name, "\n")] = 0;
                end = call(atoi(de->d_name), name, data, fs->proc);
        }
        if (dir)
                closedir(dir);
        return end;
}

static bool note_daemon(pid_t pid, const char *name, void *data, int proc)
{
        unsigned *found = data;

        (void)pid;
        (void)proc;
        for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
                if (strcmp(name, daemons[i]) == 0)
                        *found |= 1u << i;
        return *found == (1u << ARRAY_SIZE(daemons)) - 1;
}

static bool all_run(struct condition *c, const struct probe_fs *fs)
{
        unsigned found = 0;

        (void)c;
        return each_process(fs, note_daemon, &found);
}

/* True if all hold now or held before. */
bool conditions_check(const struct probe_fs *fs)
{
        bool all = true;

        for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
                struct condition *c = &conditions[i];

                if (c->since || (c->holds == all_run && !all))
                        continue;
                if (c->holds(c, fs))
                        c->since = probe_now();
                else
                        all = false;
        }
        return all;
}

/* Waits until a time, or until one of the connections has something to say. */
int conditions_wait(int64_t until)
{
        struct pollfd p[ARRAY_SIZE(conditions)];
        int64_t left = until - probe_now();
        int n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(conditions); i++)
                if (conditions[i].fd >= 0)
                        p[n++] = (struct pollfd) { .fd = conditions[i].fd, .events = POLLIN };
        if (left <= 0)
                return 0;
        return ppoll(p, n, &(struct timespec) { left / 1000000000, left % 1000000000 }, NULL);
}

void conditions_say(const struct probe_fs *fs)
{
        unsigned found = 0;

        for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
                if (conditions[i].listens)
                        say("mark %s-listens %lld\n", conditions[i].name, (long long)conditions[i].listens);
                if (conditions[i].since)
                        say("mark %s %lld\n", conditions[i].name, (long long)conditions[i].since);
                else
                        say("missing %s\n", conditions[i].name);
        }
        each_process(fs, note_daemon, &found);
        for (size_t i = 0; i < ARRAY_SIZE(daemons); i++)
                if (!(found & (1u << i)))
                        say("missing %s\n", daemons[i]);
}

/* The agetty of the serial line; there may be another on a virtual console. */
static bool is_serial_agetty(pid_t pid, const char *name, void *data, int proc)
{
        char path[64], tty[64] = "";

        if (strcmp(name, "agetty") != 0)
                return false;
        snprintf(path, sizeof(path), "%d/fd/0", pid);
        (void)!readlinkat(proc, path, tty, sizeof(tty) - 1);
        if (strcmp(tty, "/dev/ttyS0") != 0)
                return false;
        *(pid_t *)data = pid;
        return true;
}

pid_t serial_agetty(const struct probe_fs *fs)
{
        pid_t pid = 0;

        each_process(fs, is_serial_agetty, &pid);
        return pid;
}

/* agetty has prompted when it waits for what is typed: in read of its standard input, or in pselect6, which
 * it calls for nothing else. */
bool login_prompted(const struct probe_fs *fs, pid_t agetty)
{
        char path[64], buf[256], number[16];

        snprintf(path, sizeof(path), "%d/syscall", agetty);
        if (read_at(fs->proc, path, buf, sizeof(buf)) <= 0)
                return false;
        snprintf(number, sizeof(number), "%d ", SYS_pselect6);
        return strncmp(buf, "0 0x0 ", 6) == 0 || strncmp(buf, number, strlen(number)) == 0;
}

/* Made by clone(CLONE_VM) and not executed yet, or a worker in its parent's memory: counted with the parent. */
static bool shares_memory(int proc, pid_t pid)
{
        char path[32], buf[4096];
        const char *line;

        snprintf(path, sizeof(path), "%d/status", pid);
        line = read_at(proc, path, buf, sizeof(buf)) > 0 ? strstr(buf, "\nPPid:") : NULL;
        return line && atoi(line + 6) > 0 && syscall(SYS_kcmp, pid, atoi(line + 6), KCMP_VM, 0, 0) == 0;
}

/* One line for each process that has memory of its own: pid, name, PSS in KiB, program. */
static bool say_process(pid_t pid, const char *name, void *data, int proc)
{
        char path[64], buf[4096], program[256];
        const char *pss;
        ssize_t n;

        (void)data;
        snprintf(path, sizeof(path), "%d/smaps_rollup", pid);
        n = read_at(proc, path, buf, sizeof(buf));
        pss = n > 0 ? strstr(buf, "\nPss:") : NULL;
        if (!pss || pid == getpid() || shares_memory(proc, pid))
                return false;
        snprintf(path, sizeof(path), "%d/exe", pid);
        n = readlinkat(proc, path, program, sizeof(program) - 1);
        program[n > 0 ? n : 0] = 0;
        for (char *p = (char *)name; *p; p++) /* our copy */
                if (*p == ' ')
                        *p = '_';
        say("process %d %s %d %s\n", pid, name, atoi(pss + 5), program);
        return false;
}

void processes_say(const struct probe_fs *fs)
{
        each_process(fs, say_process, NULL);
}
