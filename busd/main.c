/* rouse-busd: see busd.h. Started by PID 1 when the bus is there; ends with the bus, or with PID 1. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "busd.h"

static void on_signal(struct loop_io *io, uint32_t revents)
{
        struct signalfd_siginfo si;

        if (read(io->fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
                busd_exit(io->data, EXIT_SUCCESS);
}

static int watch_signals(struct busd *b, struct loop_io *io)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        *io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_signal, .data = b };
        return loop_io_add(b->loop, io);
}

static int start(struct busd *b)
{
        int r = link_open(b);

        if (r < 0)
                return log_error_errno(r, "Could not connect to PID 1: %m");
        r = bus_open_system(b);
        if (r < 0)
                return r;
        subscribers_load(b);
        r = names_attach(b);
        if (r < 0)
                return log_error_errno(r, "Could not ask PID 1: %m");
        r = bus_open_private(b);
        if (r < 0)
                log_warning_errno(r, "No direct connections for root: %m");
        return 0;
}

static int run(struct busd *b)
{
        struct loop_io quit = { .fd = -1 };
        int r = watch_signals(b, &quit), fd;

        if (r >= 0)
                r = start(b);
        while (r >= 0 && !b->exiting) {
                usec_t timeout = bus_process(b);

                if (!b->exiting)
                        r = loop_turn(b->loop, timeout);
        }
        (void)sd_notify(0, "STOPPING=1");
        fd = quit.fd;
        loop_io_remove(b->loop, &quit);
        close_fd(fd);
        return r < 0 ? EXIT_FAILURE : b->status;
}

static const char help[] =
        "rouse-busd [OPTION]…\n\nThe manager on D-Bus: owns org.freedesktop.systemd1 on the system bus and "
        "serves\n"
        "/run/systemd/private, asking PID 1.\n\n"
        "  --introspect       print all interfaces, as XML, and end\n"
        "  --log-level=LEVEL  what is logged (info)\n  --help  --version\n\nSee rouse-busd(8).\n";

static int print_interfaces(void)
{
        _cleanup_free_ char *xml = introspect_all();

        if (!xml)
                return -ENOMEM;
        fputs(xml, stdout);
        return 0;
}

static int parse_options(int argc, char **argv)
{
        static const struct option options[] = { { "help", 0, NULL, 'h' }, { "version", 0, NULL, 'V' },
                { "log-level", 1, NULL, 'l' }, { "introspect", 0, NULL, 'i' }, { 0 } };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h': fputs(help, stdout); return 0;
                case 'V': puts("rouse " ROUSE_VERSION); return 0;
                case 'i': return print_interfaces();
                case 'l':
                        if (log_level_from_string(optarg) < 0) {
                                fprintf(stderr, "rouse-busd: '%s' is not a log level\n", optarg);
                                return -EINVAL;
                        }
                        log_set_max_level(log_level_from_string(optarg));
                        break;
                default: return -EINVAL;
                }
        if (optind < argc) {
                fprintf(stderr, "rouse-busd: takes no arguments\n");
                return -EINVAL;
        }
        return 1;
}

int main(int argc, char **argv)
{
        struct busd b = { .private_io = { .fd = -1 } };
        int r = parse_options(argc, argv);

        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        log_open("rouse-busd",
                isatty(STDERR_FILENO) || secure_getenv("ROUSE_CONTROL") ? LOG_TO_STDERR : LOG_TO_JOURNAL);
        r = loop_new(&b.loop);
        if (r < 0) {
                log_error_errno(r, "No event loop: %m");
                return EXIT_FAILURE;
        }
        r = run(&b);
        names_done(&b);
        holders_done(&b);
        events_done(&b);
        link_close(&b);
        cache_done();
        bus_close_all(&b);
        access_done(&b);
        loop_free(b.loop);
        return r;
}
