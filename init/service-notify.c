/* Services: what they tell of themselves: sd_notify(3) messages, PID files, the watchdog. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fileio.h"
#include "manager.h"
#include "probe.h"
#include "service.h"

int service_set_main_pid(struct service *s, pid_t pid)
{
        struct unit *u = &s->unit;
        int pidfd, r;

        if (pid <= 1 || pid == getpid())
                return -EINVAL;
        if (s->main_pid == pid && s->main_pid_known)
                return 0;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -errno;
        if (s->main_pid > 0)
                unit_unwatch_pid(u, s->main_pid);
        s->main_pid = pid;
        s->main_pid_known = true;
        s->main_command = s->commands[CMD_START];
        s->main_start = now_realtime();
        s->main_exit = 0;
        r = unit_watch_pid(u, pid, pidfd);
        return MIN(r, 0);
}

/* ---- PID files ---- */

/* systemd.service(5): a PID file that others than root can have made counts only if the process is one of the service's
 * own. */
static int take_pid(struct service *s, const struct path_answer *a)
{
        pid_t pid = (pid_t)a->value;

        if (a->value <= 1 || a->value > INT32_MAX)
                return log_unit_errno(s->unit.id, LOG_WARNING, -EINVAL,
                        "PID file %s names process %lld; ignored", s->pid_file, (long long)a->value);
        if (kill(pid, 0) < 0 && errno == ESRCH)
                return -ESRCH;
        if (!a->trusted && cgroup_unit_of_pid(s->unit.manager, pid) != &s->unit)
                return log_unit_errno(s->unit.id, LOG_ERR, -EPERM,
                        "PID file %s is not root's alone, and process %d is not of this service; refused",
                        s->pid_file, pid);
        return service_set_main_pid(s, pid);
}

int service_load_pid_file(struct service *s)
{
        struct path_answer a;
        int r;

        if (probe_may_block(s->unit.manager, s->pid_file, false))
                return -EINPROGRESS; /* service_watch_pid_file() has it looked at */
        r = path_look(LOOK_PID_FILE, s->pid_file, &a);
        if (r == -EBADMSG)
                log_unit(s->unit.id, LOG_WARNING, "PID file %s: not a number", s->pid_file);
        return r < 0 ? r : take_pid(s, &a);
}

static void pid_file_answered(void *data, int r, const struct path_answer *a)
{
        struct service *s = data;

        if (s->state != SVC_START)
                return;
        if (r >= 0)
                r = take_pid(s, a);
        if (r >= 0)
                service_ready(s);
        else
                log_unit_errno(s->unit.id, LOG_WARNING, r, "PID file %s: %m", s->pid_file);
}

static void pid_file_changed(struct loop_io *io, uint32_t revents)
{
        struct service *s = io->data;
        char buf[4096] __attribute__((aligned(8)));

        while (read(io->fd, buf, sizeof(buf)) > 0)
                ;
        if (s->state != SVC_START || service_load_pid_file(s) < 0)
                return;
        service_unwatch_pid_file(s);
        service_ready(s);
}

int service_watch_pid_file(struct service *s)
{
        _cleanup_free_ char *dir = strdup(s->pid_file);
        _cleanup_close_ int fd = -1;
        char *slash;
        int r;

        if (!dir)
                return -ENOMEM;
        if (cgroup_is_empty(&s->unit) == 1)
                return -ESRCH;
        if (probe_may_block(s->unit.manager, s->pid_file, false))
                return probe_ask(s->unit.manager, LOOK_PID_FILE, s->pid_file, USEC_INFINITY, true,
                        pid_file_answered, s, &s->pidfile_probe);
        slash = strrchr(dir, '/');
        if (!slash || slash == dir)
                return -EINVAL;
        *slash = '\0';
        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE) < 0)
                return -errno;
        s->pidfile_io =
                (struct loop_io) { .fd = TAKE_FD(fd), .events = EPOLLIN, .cb = pid_file_changed, .data = s };
        r = loop_io_add(s->unit.manager->loop, &s->pidfile_io);
        if (r < 0) {
                s->pidfile_io.fd = close_fd(s->pidfile_io.fd);
                return r;
        }
        /* it may have come between the first look and the watch */
        if (service_load_pid_file(s) >= 0) {
                service_unwatch_pid_file(s);
                service_ready(s);
        }
        return 0;
}

void service_unwatch_pid_file(struct service *s)
{
        int fd = s->pidfile_io.fd;

        probe_forget(&s->pidfile_probe);
        if (fd < 0)
                return;
        loop_io_remove(s->unit.manager->loop, &s->pidfile_io);
        close_fd(fd);
        s->pidfile_io.fd = -1;
}

/* GuessMainPID=: only when exactly one process is left whose parent is PID 1. */
void service_guess_main_pid(struct service *s)
{
        _cleanup_free_ pid_t *pids = NULL;
        pid_t found = 0;
        size_t n = 0;

        if (s->guess_main_pid_off || cgroup_pids(&s->unit, &pids, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *stat = NULL;
                char path[64], *p;
                int ppid = 0;

                snprintf(path, sizeof(path), "/proc/%d/stat", pids[i]);
                if (read_one_line(path, &stat) < 0 || !(p = strrchr(stat, ')')))
                        continue;
                if (sscanf(p + 1, " %*c %d", &ppid) != 1 || ppid != getpid())
                        continue;
                if (found)
                        return; /* ambiguous */
                found = pids[i];
        }
        if (found)
                (void)service_set_main_pid(s, found);
}

/* ---- watchdog ---- */

static void watchdog_timer(struct loop_timer *t)
{
        struct service *s = t->data;

        log_unit(s->unit.id, LOG_ERR, "Watchdog: no sign of life within the limit; killing with %s",
                signal_name(s->kill.watchdog_signal) ?: "SIGABRT");
        service_note_result(s, RESULT_WATCHDOG);
        service_enter_signal(s, SVC_STOP_WATCHDOG, RESULT_WATCHDOG);
}

/* While it starts, runs or reloads; who stops is under the stop's own limit. */
static bool watchdog_counts(const struct service *s)
{
        return s->state >= SVC_START && s->state <= SVC_RELOAD_NOTIFY && s->state != SVC_EXITED;
}

void service_arm_watchdog(struct service *s)
{
        usec_t limit = s->watchdog_override != USEC_INFINITY ? s->watchdog_override : s->watchdog;

        if (!s->unit.manager->service_watchdogs)
                return; /* off for debugging */
        s->watchdog_timer.cb = watchdog_timer;
        s->watchdog_timer.data = s;
        (void)loop_timer_set(s->unit.manager->loop, &s->watchdog_timer,
                limit > 0 ? usec_add(now_monotonic(), limit) : USEC_INFINITY);
}

/* ---- sd_notify ---- */

/* Effective user of a process; -ESRCH: it is gone. */
static int user_of(pid_t pid, uid_t *ret)
{
        _cleanup_free_ char *text = NULL;
        char path[64];
        const char *line;
        unsigned real, effective;

        snprintf(path, sizeof(path), "/proc/%d/status", pid);
        if (pid <= 0 || read_file(path, 16384, &text, NULL) < 0)
                return -ESRCH;
        line = strstr(text, "\nUid:");
        if (!line || sscanf(line, "\nUid: %u %u", &real, &effective) != 2)
                return -EBADMSG;
        *ret = effective;
        return 0;
}

/* NotifyAccess=all: whoever is in the unit's cgroup. Anybody may write to the socket, so a process of another unit is
 * refused; one that is gone already is believed if it was root's, or of the user whose process runs here. */
static bool sender_is_member(struct service *s, pid_t pid, uid_t uid)
{
        const pid_t own[] = { s->main_pid, s->control_pid };
        uid_t user;

        if (pid == s->main_pid || pid == s->control_pid ||
                cgroup_unit_of_pid(s->unit.manager, pid) == &s->unit)
                return true;
        if (!s->unit.manager->cgroup_ok) /* who belongs where is not known */
                return true;
        if (kill(pid, 0) >= 0 || errno != ESRCH)
                return false;
        if (uid == 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (user_of(own[i], &user) >= 0 && user == uid)
                        return true;
        return false;
}

static bool sender_allowed(struct service *s, pid_t pid, uid_t uid)
{
        switch (s->notify_access) {
        case NOTIFY_ALL: return sender_is_member(s, pid, uid);
        case NOTIFY_EXEC: return pid == s->main_pid || pid == s->control_pid;
        case NOTIFY_MAIN:
                /* between fork and the MAINPID= of a forking helper, only the control process is known */
                return pid == s->main_pid || (s->main_pid <= 0 && pid == s->control_pid);
        default: return false;
        }
}

struct notify_context {
        struct service *s;
        pid_t pid;
        uid_t uid;
        bool ready, stopping, reloading, watchdog, fd_store, fd_store_remove, no_poll, barrier;
        const char *fd_name;
        usec_t extend;
};

static void on_main_pid(struct notify_context *c, const char *value)
{
        int pid;

        if (parse_int(value, &pid) < 0 || pid <= 1) {
                log_unit(c->s->unit.id, LOG_WARNING,
                        "Notification MAINPID='%s' is not a process number; ignored", value);
                return;
        }
        /* a process outside of the unit is believed only when root says so */
        if (cgroup_unit_of_pid(c->s->unit.manager, pid) != &c->s->unit && c->uid != 0) {
                log_unit(c->s->unit.id, LOG_WARNING,
                        "Notification MAINPID=%d is not of this service; ignored", pid);
                return;
        }
        (void)service_set_main_pid(c->s, pid);
}

static void on_field(struct notify_context *c, const char *f)
{
        struct service *s = c->s;
        const char *v;
        int64_t n;

        if (streq(f, "READY=1"))
                c->ready = true;
        else if (streq(f, "STOPPING=1"))
                c->stopping = true;
        else if (streq(f, "RELOADING=1"))
                c->reloading = true;
        else if (streq(f, "WATCHDOG=1"))
                c->watchdog = true;
        else if (streq(f, "WATCHDOG=trigger")) {
                if (!watchdog_counts(s))
                        return;
                service_note_result(s, RESULT_WATCHDOG);
                service_enter_signal(s, SVC_STOP_WATCHDOG, RESULT_WATCHDOG);
        } else if (streq(f, "FDSTORE=1"))
                c->fd_store = true;
        else if (streq(f, "FDSTOREREMOVE=1"))
                c->fd_store_remove = true;
        else if (streq(f, "FDPOLL=0"))
                c->no_poll = true;
        else if (streq(f, "BARRIER=1"))
                c->barrier = true;
        else if ((v = startswith(f, "FDNAME=")))
                c->fd_name = v;
        else if ((v = startswith(f, "MAINPID=")))
                on_main_pid(c, v);
        else if ((v = startswith(f, "STATUS="))) {
                (void)str_replace(&s->status_text, v);
                bus_unit_event(&s->unit);
        } else if ((v = startswith(f, "ERRNO=")) && parse_i64(v, &n) >= 0 && n >= 0 && n < 4096)
                s->status_errno = (int)n;
        else if ((v = startswith(f, "WATCHDOG_USEC=")) && parse_i64(v, &n) >= 0 && n >= 0) {
                s->watchdog_override = n;
                if (watchdog_counts(s))
                        service_arm_watchdog(s);
        } else if ((v = startswith(f, "EXTEND_TIMEOUT_USEC=")) && parse_i64(v, &n) >= 0 && n > 0)
                c->extend = n;
}

static void store_fds(struct notify_context *c, int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int r = c->fd_store && !c->barrier ? service_store_add(c->s, fds[i], c->fd_name, !c->no_poll)
                                                   : -ENOTSUP;

                if (r < 0) {
                        if (r != -ENOTSUP && r != -EEXIST)
                                log_unit_errno(
                                        c->s->unit.id, LOG_WARNING, r, "File descriptor not stored: %m");
                        close(fds[i]); /* BARRIER=1 waits for just this */
                }
        }
}

static void apply_states(struct notify_context *c)
{
        struct service *s = c->s;

        if (c->extend && loop_timer_armed(&s->timer)) {
                /* never before the state's own limit; and the next message may also shorten what this one grants */
                usec_t until = usec_add(now_monotonic(), c->extend);

                if (s->state == SVC_RUNNING)
                        s->extended_until = until;
                (void)loop_timer_set(s->unit.manager->loop, &s->timer, MAX(s->timer_limit, until));
        }
        if (c->watchdog && watchdog_counts(s)) {
                s->watchdog_ping = now_realtime();
                service_arm_watchdog(s);
        }
        if (c->reloading && s->state == SVC_RUNNING) {
                service_arm_timer(s, s->timeout_start);
                service_set_state(s, SVC_RELOAD_NOTIFY);
        } else if (c->reloading && s->state == SVC_RELOAD_SIGNAL)
                service_set_state(s, SVC_RELOAD_NOTIFY);
        if (c->ready) {
                s->notify_ready = true;
                if (s->state == SVC_RELOAD_NOTIFY ||
                        (s->state == SVC_START &&
                                (s->type == SERVICE_NOTIFY || s->type == SERVICE_NOTIFY_RELOAD)))
                        service_ready(s);
        }
        if (c->stopping && s->state == SVC_RUNNING)
                service_stopping(s);
}

void service_notify_message(struct unit *u, pid_t pid, uid_t uid, char **fields, int *fds, size_t n_fds)
{
        struct notify_context c = { .s = UNIT_CAST(service, u), .pid = pid, .uid = uid };

        if (!sender_allowed(c.s, pid, uid)) {
                log_unit(u->id, LOG_DEBUG,
                        "Notification from process %d is not allowed by NotifyAccess=", pid);
                for (size_t i = 0; i < n_fds; i++)
                        close(fds[i]);
                return;
        }
        FOREACH_STR (f, fields)
                on_field(&c, *f);
        if (c.fd_store_remove && c.fd_name)
                service_store_remove(c.s, c.fd_name);
        store_fds(&c, fds, n_fds);
        apply_states(&c);
        state_touch(u); /* times that it has moved, and what it has said of itself */
}
