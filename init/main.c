/* PID 1: arguments, signals, and the phases of its life: set up → load → run → hand over to rouse-shutdown. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/paths.h"
#include "boot.h"
#include "job.h"
#include "manager.h"

static struct manager *the_manager; /* for the crash handler alone */
static struct loop_io signal_io = { .fd = -1 };

/* ---- signals: what each one means is this table (systemd(1), "Signals") ---- */

static void sig_child(struct manager *m)
{
        manager_reap(m);
}
static void sig_reload(struct manager *m)
{
        (void)manager_reload(m, NULL);
}
static void sig_dump(struct manager *m)
{
        JOB_FOREACH(j, m)
        log_info("job %u: %s %s, %s", j->id, job_type_to_string(j->type), j->unit->id,
                j->state == JOB_RUNNING ? "running" : "waiting");
}
static void sig_term(struct manager *m)
{
        if (m->container)
                (void)manager_start_target(m, "poweroff.target", JOB_REPLACE_IRREVERSIBLY);
        else
                manager_set_objective(m, OBJ_REEXEC);
}

static const struct {
        int offset; /* added to SIGRTMIN when realtime */
        bool realtime;
        const char *target;
        enum job_mode mode;
        enum manager_objective objective;
        void (*fn)(struct manager *m);
} signals[] = {
        { .offset = SIGCHLD, .fn = sig_child },
        { .offset = SIGHUP, .fn = sig_reload },
        { .offset = SIGTERM, .fn = sig_term },
        { .offset = SIGUSR2, .fn = sig_dump },
        { .offset = SIGUSR1 },
        { .offset = SIGINT, .target = "ctrl-alt-del.target", .mode = JOB_REPLACE_IRREVERSIBLY },
        { .offset = SIGWINCH, .target = "kbrequest.target", .mode = JOB_REPLACE },
        { .offset = SIGPWR, .target = "sigpwr.target", .mode = JOB_REPLACE },
        { .realtime = true, .offset = 0, .target = "default.target", .mode = JOB_ISOLATE },
        { .realtime = true, .offset = 1, .target = "rescue.target", .mode = JOB_ISOLATE },
        { .realtime = true, .offset = 2, .target = "emergency.target", .mode = JOB_ISOLATE },
        { .realtime = true, .offset = 3, .target = "halt.target", .mode = JOB_REPLACE_IRREVERSIBLY },
        { .realtime = true, .offset = 4, .target = "poweroff.target", .mode = JOB_REPLACE_IRREVERSIBLY },
        { .realtime = true, .offset = 5, .target = "reboot.target", .mode = JOB_REPLACE_IRREVERSIBLY },
        { .realtime = true, .offset = 6, .target = "kexec.target", .mode = JOB_REPLACE_IRREVERSIBLY },
        { .realtime = true, .offset = 13, .objective = OBJ_HALT },
        { .realtime = true, .offset = 14, .objective = OBJ_POWEROFF },
        { .realtime = true, .offset = 15, .objective = OBJ_REBOOT },
        { .realtime = true, .offset = 16, .objective = OBJ_KEXEC },
};

static int signal_of(size_t i)
{
        return signals[i].offset + (signals[i].realtime ? SIGRTMIN : 0);
}

/* Ctrl-Alt-Del pressed seven times within two seconds: at once. */
static bool impatient(int sig)
{
        static usec_t first;
        static unsigned n;
        usec_t now = now_monotonic();

        if (sig != SIGINT)
                return false;
        if (now - first > 2 * USEC_PER_SEC) {
                first = now;
                n = 0;
        }
        return ++n >= 7;
}

static void on_signal(struct loop_io *io, uint32_t revents)
{
        struct manager *m = io->data;
        struct signalfd_siginfo si;

        while (read(io->fd, &si, sizeof(si)) == sizeof(si))
                for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                        if (signal_of(i) != (int)si.ssi_signo)
                                continue;
                        if (impatient((int)si.ssi_signo))
                                manager_emergency_action(m, (enum emergency_action)m->ctrl_alt_del_burst,
                                        "Ctrl-Alt-Del was pressed seven times within two seconds", NULL, -1);
                        else if (signals[i].fn)
                                signals[i].fn(m);
                        else if (signals[i].target)
                                (void)manager_start_target(m, signals[i].target, signals[i].mode);
                        else if (signals[i].objective)
                                manager_set_objective(m, signals[i].objective);
                }
}

static int setup_signals(struct manager *m)
{
        sigset_t set;
        int r;

        sigemptyset(&set);
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                sigaddset(&set, signal_of(i));
        if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        signal_io = (struct loop_io) { .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
                .events = EPOLLIN,
                .priority = 5,
                .cb = on_signal,
                .data = m };
        if (signal_io.fd < 0)
                return -errno;
        r = loop_io_add(m->loop, &signal_io);
        return r;
}

/* ---- a crash: never the end of the machine without a word ---- */

static void on_crash(int sig)
{
        sigset_t all;

        sigfillset(&all);
        (void)sigprocmask(SIG_UNBLOCK, &all, NULL); /* or the next one would kill us (decisions 5) */
        crash_message(sig);
        if (state_fd() >= 0)
                crash_recover();
        else if (the_manager && !the_manager->boot_finished)
                boot_fallback("PID 1 crashed while booting");
        /* Services run on; what ended is reaped; the console gets a shell to save what can be saved. */
        crash_end(!the_manager || the_manager->crash_shell, the_manager && the_manager->crash_reboot);
        for (;;)
                if (waitpid(-1, NULL, 0) < 0)
                        pause();
}

static void setup_crash_handler(struct manager *m)
{
        static const int fatal[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGABRT, SIGQUIT };
        static uint8_t stack[64 * 1024]; /* the usual one may be what overflowed */
        const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
        struct sigaction sa = { .sa_handler = on_crash, .sa_flags = SA_NODEFER | SA_ONSTACK };

        the_manager = m;
        (void)sigaltstack(&alternate, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
                (void)sigaction(fatal[i], &sa, NULL);
}

/* ---- the phases ---- */

static void generators_done(struct manager *m)
{
        m->t_generators_done = now_monotonic();
        if (manager_startup(m, NULL) < 0)
                boot_fallback("the default target could not be started");
}

static int run_pid1(struct manager *m)
{
        int r;

        m->t_userspace = now_monotonic();
        log_open("rouse", LOG_TO_HOOK);
        ring_take(m);
        setup_crash_handler(m);
        r = boot_setup(m);
        if (r < 0)
                boot_fallback("early set-up failed");
        r = setup_signals(m);
        if (r < 0)
                boot_fallback("no signal handling");
        r = load_index(m);
        if (r < 0)
                boot_fallback("no unit directory can be read");
        r = devlink_init(m);
        if (r < 0)
                log_error_errno(r, "No link to the device daemon: %m");
        manager_start_devd(m);
        r = control_open(m);
        if (r < 0)
                log_error_errno(r, "No control socket: %m");
        m->t_generators_start = now_monotonic();
        r = generators_start(m, generators_done);
        if (r < 0) {
                log_error_errno(r, "Generators could not be run: %m");
                generators_done(m);
        }
        return 0;
}

/* After an execution of itself: fd is the state's. Without it there is nothing to go on with, and to begin a boot on top
 * of what runs would start everything twice. */
static int run_again(struct manager *m, int fd)
{
        usec_t began = now_monotonic();
        int r;

        log_open("rouse", LOG_TO_HOOK);
        ring_take(m);
        setup_crash_handler(m);
        state_set_fd(fd); /* a crash from here on is another try */
        (void)boot_setup_again(m);
        r = setup_signals(m);
        if (r >= 0)
                r = load_index(m);
        if (r >= 0) {
                manager_generate(m);
                r = state_restore(m, fd);
        }
        if (r < 0) {
                log_error_errno(r, "The state of units could not be read back: %m");
                crash_end(m->crash_shell, m->crash_reboot);
                for (;;)
                        if (waitpid(-1, NULL, 0) < 0)
                                pause();
        }
        close(fd);
        state_set_fd(-1);
        state_begin(m);
        log_notice("Executed anew: %zu units, %u jobs, after %lld ms", m->units.n, m->n_jobs,
                (long long)((now_monotonic() - began) / USEC_PER_MSEC));
        return 0;
}

/* Turns until there is something else to do than to go on. */
static void run_loop(struct manager *m)
{
        for (;;) {
                int r = loop_run(m->loop);

                if (r < 0)
                        log_error_errno(r, "The event loop ended: %m");
                if (m->objective == OBJ_SWITCH_ROOT) {
                        m->objective = OBJ_RUN;
                        switch_root_now(m);
                        continue;
                }
                if (m->objective != OBJ_REEXEC)
                        return;
                m->objective = OBJ_RUN;
                log_notice("Executing itself anew");
                ring_flush(m);
                r = state_write_all(m);
                if (r >= 0)
                        r = reexec();
                log_error_errno(r, "Could not execute itself anew: %m; going on");
        }
}

static _noreturn_ void hand_over(struct manager *m)
{
        static const char *const verbs[] = { [OBJ_RUN] = "poweroff",
                [OBJ_REBOOT] = "reboot",
                [OBJ_POWEROFF] = "poweroff",
                [OBJ_HALT] = "halt",
                [OBJ_KEXEC] = "kexec",
                [OBJ_EXIT] = "exit",
                [OBJ_REEXEC] = "reboot" };
        char code[16];
        char *argv[] = { (char *)ROUSE_SHUTDOWN, (char *)verbs[m->objective], (char *)"--exit-code", code,
                NULL, NULL };
        sigset_t none;

        snprintf(code, sizeof(code), "%d", m->exit_code);
        ring_flush(m);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (watchdog_hand_over(m, 3))
                argv[4] = (char *)"--watchdog";
        execv(ROUSE_SHUTDOWN, argv);
        log_error_errno(-errno, "Could not execute " ROUSE_SHUTDOWN ": %m; rebooting without it");
        sync();
        (void)reboot(m->objective == OBJ_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
        for (;;)
                pause();
}

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { "test", optional_argument, NULL, 't' },
        { "verify", no_argument, NULL, 'V' },
        { "man", optional_argument, NULL, 'm' },
        { "recursive-errors", required_argument, NULL, 'R' },
        { "unit-path", required_argument, NULL, 'p' },
        { "root", required_argument, NULL, 'r' },
        { "dump-directives", no_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 },
};

static void usage(void)
{
        puts("rouse [OPTIONS…]\n"
             "PID 1: starts and supervises what unit files describe. As PID 1 it takes no options.\n\n"
             "  --test[=UNIT]      load UNIT (default.target) and print its transaction; changes nothing\n"
             "  --verify FILE…     check unit files, print every problem with file and line\n"
             "  --man=no           ... but not whether the manual pages that they name are there\n"
             "  --recursive-errors=no|one|yes  ... whose warnings count: theirs, and those of what they "
             "need at once, or at all\n"
             "  --dump-directives  the directives that are known, with their support, as Markdown\n"
             "  --unit-path DIR    read unit files from here only (may be given several times)\n"
             "  --root DIR         as if / were DIR\n"
             "  --help, --version");
}

static int tool(struct manager *m, int argc, char **argv)
{
        const char *test = NULL;
        bool verify = false;
        int c, r;

        log_open("rouse", LOG_TO_STDERR);
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h': usage(); return 0;
                case 'v': puts("rouse " ROUSE_VERSION); return 0;
                case 'd': return dump_directives(stdout);
                case 't': test = optarg ?: "default.target"; break;
                case 'V': verify = true; break;
                case 'm':
                        r = optarg ? parse_boolean(optarg) : 1;
                        if (r < 0) {
                                fprintf(stderr, "--man= takes yes or no\n");
                                return 2;
                        }
                        m->verify_man_off = r == 0;
                        break;
                case 'R':
                        r = verify_reach_from_string(optarg);
                        if (r < 0) {
                                fprintf(stderr, "--recursive-errors= takes no, one or yes\n");
                                return 2;
                        }
                        m->verify_reach = r;
                        break;
                case 'p':
                        if (strv_add(&m->unit_path, optarg) < 0)
                                return 1;
                        break;
                case 'r':
                        if (str_replace(&m->root, optarg) < 0)
                                return 1;
                        break;
                default: return 2;
                }
        m->test_mode = true;
        if (verify)
                return verify_main(m, argv + optind);
        if (test)
                return boot_test(m, test);
        fputs("rouse: not PID 1; it is started by the kernel (init=/usr/sbin/rouse). See --help, and "
              "rousectl(1).\n",
                stderr);
        return 1;
}

int main(int argc, char **argv)
{
        struct manager *m = NULL;
        int r = manager_new(&m);

        if (r < 0) {
                fprintf(stderr, "rouse: no manager: %s\n", strerror(-r));
                return 1;
        }
        switch_root_prepare(m, argv);
        if (!m->is_pid1) {
                r = tool(m, argc, argv);
                return r;
        }
        /* podman, Ansible and others take for granted that their way to the manager is there if PID 1 has this name; it is */
        (void)prctl(PR_SET_NAME, "systemd");
        if (argc > CMDLINE_REEXEC_WORDS && streq(argv[1], CMDLINE_REEXEC)) {
                reexec_prepare((unsigned)strtoul(argv[3], NULL, 10), strtoll(argv[4], NULL, 10),
                        argv + 1 + CMDLINE_REEXEC_WORDS);
                (void)run_again(m, atoi(argv[2]));
        } else {
                reexec_prepare(0, 0, argv + 1);
                (void)run_pid1(m);
        }
        run_loop(m);
        hand_over(m);
}
