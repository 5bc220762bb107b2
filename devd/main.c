/* rouse-devd: options, and which of its lives is asked for. */
#include <getopt.h>
#include <stdio.h>

#include "devd.h"
#include "lib/log.h"

static const char help[] =
        "Usage: rouse-devd [OPTIONS]\n"
        "       rouse-devd --once ACTION DEVPATH [OPTIONS]\n"
        "       rouse-devd test [--action ACTION] DEVPATH\n"
        "       rouse-devd test-builtin [--action ACTION] COMMAND DEVPATH\n"
        "       rouse-devd verify [FILE…]\n"
        "\n"
        "The device daemon. PID 1 starts it with its sockets; by hand it works as a plain udevd.\n"
        "\n"
        "      --once ACTION DEVPATH  handle one event in the foreground and exit\n"
        "      --foreground           log to standard error\n"
        "      --debug                say all that is done\n"
        "      --no-coldplug          handle new events only\n"
        "      --no-watch             never watch block devices for changes\n"
        "      --rules-dir DIR        read rules from DIR instead (may be given more than once)\n"
        "      --worker PATH          the worker program\n"
        "      --children-max N       programs at once\n"
        "      --event-timeout TIME   for one program of an event (180 s)\n"
        "      --sys DIR, --dev DIR, --run DIR\n"
        "                             instead of /sys, /dev and /run/udev\n"
        "      --conf FILE            instead of /etc/udev/udev.conf\n"
        "      --trust-pid PID        take uevents from PID, for tests in a network namespace\n"
        "  -h, --help\n"
        "      --version\n";

enum {
        OPT_FOREGROUND = 256,
        OPT_DEBUG,
        OPT_NO_COLDPLUG,
        OPT_NO_WATCH,
        OPT_RULES,
        OPT_WORKER,
        OPT_CHILDREN,
        OPT_TIMEOUT,
        OPT_SYS,
        OPT_DEV,
        OPT_RUN,
        OPT_TRUST,
        OPT_CONF,
        OPT_VERSION,
};

static const struct option options[] = {
        { "foreground", no_argument, NULL, OPT_FOREGROUND },
        { "debug", no_argument, NULL, OPT_DEBUG },
        { "no-coldplug", no_argument, NULL, OPT_NO_COLDPLUG },
        { "no-watch", no_argument, NULL, OPT_NO_WATCH },
        { "rules-dir", required_argument, NULL, OPT_RULES },
        { "worker", required_argument, NULL, OPT_WORKER },
        { "children-max", required_argument, NULL, OPT_CHILDREN },
        { "event-timeout", required_argument, NULL, OPT_TIMEOUT },
        { "sys", required_argument, NULL, OPT_SYS },
        { "dev", required_argument, NULL, OPT_DEV },
        { "run", required_argument, NULL, OPT_RUN },
        { "conf", required_argument, NULL, OPT_CONF },
        { "trust-pid", required_argument, NULL, OPT_TRUST },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        {},
};

struct arguments {
        struct daemon_options daemon;
        bool foreground, debug;
        const char *sys, *dev, *run;
};

/* 0: go on; 1: done; -EINVAL. */
static int take_option(struct arguments *a, int c)
{
        int n;

        switch (c) {
        case OPT_FOREGROUND: a->foreground = true; return 0;
        case OPT_DEBUG: a->debug = true; return 0;
        case OPT_NO_COLDPLUG: a->daemon.no_coldplug = true; return 0;
        case OPT_NO_WATCH: a->daemon.no_watch = true; return 0;
        case OPT_RULES: return strv_add(&a->daemon.rules_dirs, optarg);
        case OPT_WORKER: a->daemon.worker_path = optarg; return 0;
        case OPT_CHILDREN: return parse_int(optarg, &a->daemon.children_max);
        case OPT_TIMEOUT: return parse_timespan(optarg, USEC_PER_SEC, &a->daemon.event_timeout);
        case OPT_SYS: a->sys = optarg; return 0;
        case OPT_DEV: a->dev = optarg; return 0;
        case OPT_RUN: a->run = optarg; return 0;
        case OPT_CONF: a->daemon.conf = optarg; return 0;
        case OPT_TRUST:
                if (parse_int(optarg, &n) < 0)
                        return -EINVAL;
                a->daemon.trust_pid = n;
                return 0;
        case 'h': fputs(help, stdout); return 1;
        case OPT_VERSION: puts("rouse-devd " ROUSE_VERSION); return 1;
        default: return -EINVAL;
        }
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
        int c, r;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                r = take_option(a, c);
                if (r < 0)
                        fprintf(stderr, "Try: rouse-devd --help\n");
                if (r != 0)
                        return r;
        }
        if (optind < argc) {
                fprintf(stderr, "rouse-devd: '%s' is not understood. Try: rouse-devd --help\n",
                        argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
} lives[] = {
        { "--once", once_main },
        { "test", test_main },
        { "test-builtin", test_builtin_main },
        { "verify", verify_main },
};

int main(int argc, char **argv)
{
        struct arguments a = {};
        int r;

        for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(lives); i++)
                if (streq(argv[1], lives[i].name))
                        return lives[i].main(argc - 1, argv + 1);
        r = parse_arguments(argc, argv, &a);
        if (r != 0)
                return r < 0 ? 2 : 0;
        log_open("rouse-devd", a.foreground ? LOG_TO_STDERR : LOG_TO_JOURNAL);
        if (a.debug)
                log_set_max_level(LOG_DEBUG);
        device_set_roots(a.sys, a.dev, a.run);
        r = daemon_run(&a.daemon);
        strv_free(a.daemon.rules_dirs);
        return r < 0 || r > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
