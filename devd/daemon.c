/* The daemon's life: descriptors that it was given, parts in order, readiness, signals, idleness, the end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control.h"
#include "coldplug.h"
#include "event.h"
#include "hwdb-trie.h"
#include "keys.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/initrddevs.h"
#include "lib/log.h"
#include "modules.h"
#include "monitor.h"
#include "mounts.h"
#include "pid1.h"
#include "reenum.h"
#include "trim.h"
#include "watch.h"

static struct loop_io signal_io = { .fd = -1 };
static bool said_busy;

/* ---- idleness ---- */

bool daemon_idle(const struct devd *m)
{
        return m->queue->n == 0 && !coldplug_active(m) && modules_pending(m) == 0 && !reenum_pending(m);
}

static void queue_flag_path(char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/queue", root_run());
}

static void write_queue_flag(bool busy)
{
        char path[PATH_MAX];
        int fd;

        queue_flag_path(path);
        if (!busy) {
                (void)unlink(path);
                return;
        }
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
        if (fd < 0)
                log_debug_errno(-errno, "%s: %m", path);
        close_fd(fd);
}

void daemon_busy(struct devd *m)
{
        if (!said_busy)
                write_queue_flag(true);
        said_busy = true;
}

bool daemon_is_busy(void)
{
        return said_busy;
}

/* Whoever ran before this one and left the flag was killed with events in hand. */
static bool was_killed(void)
{
        char path[PATH_MAX];

        queue_flag_path(path);
        return access(path, F_OK) >= 0;
}

/* ---- memory, once nothing has happened for a while ---- */

#define TRIM_AFTER (5 * USEC_PER_SEC)

static struct loop_timer trim = { .when = USEC_INFINITY };

/* All that is only there to be fast, and can be had again from the files it was made of. */
static void on_trim(struct loop_timer *t)
{
        struct devd *m = t->data;

        hwdb_shared_drop();
        modules_trim(m);
        links_forget();
        device_keep_above(false);
        if (m->rules)
                rules_trim(m->rules);
        reenum_pack();
        trim_memory();
}

static void trim_later(struct devd *m, bool idle)
{
        trim.cb = on_trim;
        trim.data = m;
        if (idle)
                (void)loop_timer_set(m->loop, &trim, usec_add(now_monotonic(), TRIM_AFTER));
        else
                loop_timer_cancel(m->loop, &trim);
}

void daemon_check_idle(struct devd *m)
{
        bool idle = daemon_idle(m);

        if (said_busy == idle) {
                said_busy = !idle;
                write_queue_flag(!idle);
                trim_later(m, idle);
                if (idle && m->initrd && coldplug_begun(m)) { /* of use during the first coldplug only */
                        log_info("Block devices: %u known from the initramfs, %u probed", m->n_known,
                                m->n_probed);
                        initrd_devices_done(m->initrd);
                        free(m->initrd);
                        m->initrd = NULL;
                }
        }
        pid1_queue(m, m->queue->n, idle);
        if (coldplug_held(m) && m->queue->n == 0 && pid1_awaits(m))
                coldplug_hurry(m);
}

/* ---- rules ---- */

void daemon_reload(struct devd *m, bool force)
{
        struct rules *fresh = NULL;
        unsigned problems = 0;
        int r;

        m->rules_checked = now_monotonic();
        if (!force && m->rules && !rules_stale(m->rules))
                return;
        r = rules_load(m->rules_dirs, &fresh, &problems);
        if (r < 0) {
                log_error_errno(r, "Rules cannot be read, those from before stay: %m");
                return;
        }
        if (m->rules)
                log_info("Rules read again%s", problems ? ", with problems" : "");
        rules_free(m->rules); /* no event holds on to them between its steps */
        m->rules = fresh;
}

/* ---- start ---- */

struct given {
        int link, uevent, control;
};

/* LISTEN_FDS of PID 1, told apart by name, or (systemd's units) by family. */
static void take_descriptors(struct given *g)
{
        const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"),
                   *names = getenv("LISTEN_FDNAMES");
        _cleanup_strv_ char **v = names ? strv_split(names, ":") : NULL;
        int n = 0, p = 0;

        *g = (struct given) { -1, -1, -1 };
        if (!fds || parse_int(fds, &n) < 0 || n < 0 || n > 64)
                return;
        if (pid && (parse_int(pid, &p) < 0 || p != getpid()))
                return;
        for (int i = 0; i < n; i++) {
                const char *name = (size_t)i < strv_len(v) ? v[i] : "";
                int domain = 0;
                socklen_t len = sizeof(domain);

                (void)fcntl(3 + i, F_SETFD, FD_CLOEXEC);
                (void)getsockopt(3 + i, SOL_SOCKET, SO_DOMAIN, &domain, &len);
                if (streq(name, "link"))
                        g->link = 3 + i;
                else if (streq(name, "control") || (domain == AF_UNIX && g->control < 0))
                        g->control = 3 + i;
                else if (streq(name, "uevent") || domain == AF_NETLINK)
                        g->uevent = 3 + i;
        }
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
}

static void notify(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        size_t n = path ? strlen(path) : 0;
        int fd;

        if (n < 2 || n >= sizeof(a.sun_path))
                return;
        memcpy(a.sun_path, path, n);
        if (a.sun_path[0] == '@')
                a.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
        close(fd);
}

static void on_signal(struct loop_io *io, uint32_t revents)
{
        struct devd *m = io->data;
        struct signalfd_siginfo si;

        while (read(io->fd, &si, sizeof(si)) == sizeof(si))
                if (si.ssi_signo == SIGHUP)
                        daemon_reload(m, true);
                else
                        loop_exit(m->loop, 0);
}

static int open_signals(struct devd *m)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
        signal_io = (struct loop_io) { .events = EPOLLIN, .cb = on_signal, .data = m };
        signal_io.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return signal_io.fd < 0 ? -errno : loop_io_add(m->loop, &signal_io);
}

static void read_initrd_devices(struct devd *m)
{
        m->initrd = calloc(1, sizeof(*m->initrd));
        if (m->initrd && initrd_devices_read(NULL, m->initrd) >= 0)
                return;
        free(m->initrd);
        m->initrd = NULL;
}

/* What the stock layout has besides what the parts make themselves. */
static void make_directories(void)
{
        static const char *const names[] = { "data", "tags", "links", "watch" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", root_run(), names[i]);
                (void)mkdir_p(path, 0755);
        }
}

static int start_parts(struct devd *m, const struct daemon_options *o, const struct given *g)
{
        int r;

        r = open_signals(m);
        if (r >= 0)
                r = tasks_new(m);
        if (r >= 0)
                r = pool_new(m);
        if (r >= 0)
                r = modules_new(m);
        if (r >= 0)
                r = keys_new(m);
        if (r < 0)
                return r;
        links_set_patience(0);
        m->unclean = was_killed();
        if (m->unclean)
                daemon_busy(m);
        make_directories();
        if (!o->no_watch) {
                r = watches_new(m);
                if (r < 0)
                        log_warning_errno(r, "Block devices are not watched: %m");
        }
        r = monitor_new(&m->monitor);
        if (r < 0)
                log_warning_errno(r, "libudev clients will not be told of events: %m");
        /* From here on nothing that the kernel says is lost, though it is read only when the rules are there. */
        r = intake_open(m, g->uevent);
        if (r < 0)
                return log_error_errno(r, "No uevents from the kernel: %m");
        read_initrd_devices(m);
        daemon_reload(m, true);
        r = control_new(m, g->control);
        if (r < 0)
                log_warning_errno(r, "No control socket: %m");
        return 0;
}

static void stop_parts(struct devd *m)
{
        if (daemon_idle(m)) /* else the next devd sees that something was under way */
                write_queue_flag(false);
        leave_devices();
        loop_timer_cancel(m->loop, &trim);
        events_abandon(m);
        control_free(m);
        coldplug_free(m);
        pid1_free(m);
        mounts_free(m);
        keys_free(m);
        watches_free(m);
        pool_free(m);
        tasks_free(m);
        modules_free(m);
        monitor_free(m->monitor);
        intake_close(m);
        reenum_free(m);
        rules_free(m->rules);
        if (m->initrd)
                initrd_devices_done(m->initrd);
        free(m->initrd);
        strv_free(m->global_env);
}

int daemon_run(const struct daemon_options *o)
{
        struct queue queue;
        struct devd m = { .queue = &queue, .trust_pid = o->trust_pid, .uevent_io = { .fd = -1 } };
        struct given g;
        int r;

        take_descriptors(&g);
        m.standalone = g.link < 0;
        m.worker_path = (char *)o->worker_path;
        m.rules_dirs = o->rules_dirs;
        (void)chdir("/");
        umask(022);
        queue_init(&queue);
        r = loop_new(&m.loop);
        if (r < 0)
                return log_error_errno(r, "No event loop: %m");
        settings_read(&m, o);
        r = start_parts(&m, o, &g);
        if (r >= 0 && g.link >= 0) {
                r = pid1_new(&m, g.link);
                keys_open_known(&m);
        }
        if (r >= 0) {
                notify("READY=1\nSTATUS=Handling events");
                if (m.standalone && !o->no_coldplug)
                        (void)coldplug_or_takeover(&m);
                else if (m.standalone && m.unclean)
                        reenum_takeover(&m);
                r = loop_run(m.loop);
                notify("STOPPING=1");
        }
        stop_parts(&m);
        close_fd(signal_io.fd);
        loop_free(m.loop);
        return r;
}
