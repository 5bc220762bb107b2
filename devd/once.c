/* rouse-devd --once ACTION DEVPATH: one event in the foreground, as the daemon would do it, with the /sys, /dev,
 * /run/udev and rules that are there. Nothing is shared with a daemon but these directories: links are agreed on
 * through /run/udev/links. The way to debug rules, and to test them without hardware.
 *
 * Programs are run in place. What needs libblkid or libkmod is asked of the worker program once. */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "builtin.h"
#include "db.h"
#include "devd.h"
#include "monitor.h"
#include "net-link.h"
#include "text.h"
#include "worker-proto.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define OUTPUT_MAX (1024 * 1024)

struct once {
        char **rules_dirs;
        const char *action, *devpath;
        usec_t timeout;
        bool dry; /* print, change nothing outside of the process */
};

/* --- programs --------------------------------------------------------------------------------------- */

static _noreturn_ void become(char **argv, char **env, int out)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (setpgid(0, 0) < 0 || dup2(open("/dev/null", O_RDONLY), 0) < 0 || (out >= 0 && dup2(out, 1) < 0))
                _exit(126);
        execve(argv[0], argv, env);
        _exit(127);
}

/* Reads until the other end closes, or the deadline passes. */
static int collect_output(int fd, usec_t deadline, struct strbuf *b)
{
        char buf[4096];

        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                usec_t left = deadline - now_monotonic();
                ssize_t n;
                int r;

                if (left <= 0)
                        return -ETIMEDOUT;
                r = poll(&p, 1, (int)MIN(left / USEC_PER_MSEC + 1, (usec_t)INT_MAX));
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r <= 0)
                        continue;
                n = read(fd, buf, sizeof(buf));
                if (n == 0)
                        return 0;
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (b->len + (size_t)n <= OUTPUT_MAX)
                        strbuf_add(b, buf, (size_t)n);
        }
}

static int run_program(struct device *d, const char *command, usec_t timeout, char **ret_output)
{
        _cleanup_strv_ char **argv = NULL, **env = NULL;
        _cleanup_strbuf_ struct strbuf b = { 0 };
        _cleanup_close_ int in = -1, out = -1;
        int fds[2], status, r;
        pid_t pid;

        r = program_split(command, &argv);
        if (r < 0)
                return r;
        env = monitor_environment(d);
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        in = fds[0];
        out = fds[1];
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                become(argv, env ? env : (char *[]) { NULL }, ret_output ? out : -1);
        out = close_fd(out);
        r = collect_output(in, now_monotonic() + timeout, &b);
        if (r < 0)
                kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r < 0)
                return r;
        if (ret_output) {
                *ret_output = b.s ? strbuf_take(&b) : strdup("");
                if (!*ret_output)
                        return -ENOMEM;
        }
        if (WIFEXITED(status))
                return WEXITSTATUS(status) == 127 ? -ENOENT : WEXITSTATUS(status);
        return -EINTR;
}

static int op_program(struct device *d, struct rules_event *e, const char *command, char **ret_output)
{
        const struct once *o = e->data;

        return run_program(d, command, o->timeout, ret_output);
}

static int op_builtin(struct device *d, struct rules_event *e, const char *command)
{
        const struct builtin *b = builtin_find(command);

        if (b && (b->flags & BUILTIN_BLOCKS))
                return worker_call(d, command);
        return builtin_run(d, e, command);
}

static int op_write(struct device *d, struct rules_event *e, const char *path, const char *value)
{
        const struct once *o = e->data;

        if (!o->dry)
                return write_attr(path, value);
        printf("write %s: %s\n", path, value);
        return 0;
}

static const struct rules_ops once_ops = { .program = op_program, .builtin = op_builtin, .write = op_write };

/* --- the event -------------------------------------------------------------------------------------- */

static int copy_old(struct device *d, const struct device *old)
{
        int r = strv_extend(&d->tags_all, old->tags_all);

        d->usec_initialized = old->usec_initialized;
        return r;
}

static void run_list(struct once *o, struct device *d, struct rules_event *e)
{
        if (e->late && !o->dry)
                link_apply_late(d);
        for (size_t i = 0; i < e->n_run; i++) {
                const struct rules_run *c = &e->run[i];
                int r;

                if (o->dry) {
                        printf("run: '%s'\n", c->command);
                        continue;
                }
                r = c->builtin ? op_builtin(d, e, c->command) : run_program(d, c->command, o->timeout, NULL);
                if (r < 0)
                        log_warning_errno(r, "%s: RUN \"%s\": %m", d->sysname, c->command);
                else if (r > 0 && !c->builtin)
                        log_notice("%s: RUN \"%s\" ended with status %d", d->sysname, c->command, r);
        }
}

static void print_device(const struct device *d)
{
        for (size_t i = 0; i < d->n_props; i++)
                printf("%s=%s\n", d->props[i].key, d->props[i].value);
        FOREACH_STR (l, d->links)
                printf("link %s\n", *l);
        FOREACH_STR (t, d->tags_current)
                printf("tag %s\n", *t);
        if (d->mode != (mode_t)-1)
                printf("mode %04o\n", d->mode);
        if (d->uid != (uid_t)-1)
                printf("owner %u\n", d->uid);
        if (d->gid != (gid_t)-1)
                printf("group %u\n", d->gid);
        if (d->name)
                printf("name %s\n", d->name);
}

static int finish(struct once *o, struct device *d, struct device *old, struct rules_event *e)
{
        bool removed = streq(d->action, "remove");
        int node, r = 0;

        if (o->dry) {
                print_device(d);
                run_list(o, d, e);
                return 0;
        }
        if (d->usec_initialized == 0)
                d->usec_initialized = now_monotonic();
        node = removed ? node_remove(d, old) : node_update(d, old);
        r = removed ? db_delete(d) : db_write(d);
        if (r < 0)
                log_error_errno(r, "%s: cannot write the database entry: %m", d->sysname);
        run_list(o, d, e);
        return node < 0 ? node : r;
}

/* For "remove" sysfs has nothing any more: what is known is the path and, if it is there, the entry. */
static int removed_device(const char *devpath, struct device **ret)
{
        struct uevent u = { 0 };
        const char *rest = path_startswith(devpath, root_sys());

        rest = rest ? rest : path_startswith(devpath, "/sys");
        u.len = (size_t)snprintf(u.buf, sizeof(u.buf), "remove@/%s%cACTION=remove%cDEVPATH=/%s%c",
                rest ? rest : devpath + 1, 0, 0, rest ? rest : devpath + 1, 0);
        if (u.len >= sizeof(u.buf))
                return -ENAMETOOLONG;
        u.action = "remove";
        u.devpath = strchr(u.buf, '@') + 1;
        return device_from_uevent(&u, ret);
}

static int handle(struct once *o, const struct rules *rules)
{
        _cleanup_device_ struct device *d = NULL, *old = NULL;
        struct rules_event e = { .data = o };
        int r;

        r = device_from_syspath(o->devpath, o->action, &d);
        if (r == -ENODEV && streq(o->action, "remove") && o->devpath[0] == '/')
                r = removed_device(o->devpath, &d);
        if (r < 0)
                return log_error_errno(r, "%s: no such device: %m", o->devpath);
        if (db_read_old(d, &old) >= 0) {
                if (streq(o->action, "remove"))
                        (void)db_read(d);
                else if (copy_old(d, old) < 0)
                        return log_oom();
        }
        e.old = old;
        r = rules_apply(rules, d, &e, &once_ops);
        if (r < 0)
                log_error_errno(r, "%s: rules could not be applied: %m", d->sysname);
        else
                r = finish(o, d, old, &e);
        rules_event_done(&e);
        return r;
}

/* --- command line ----------------------------------------------------------------------------------- */

static const char usage[] =
        "Usage: rouse-devd --once ACTION DEVPATH [--rules-dir DIR]… [--sys DIR] [--dev DIR] [--run DIR]\n"
        "                         [--timeout TIME] [--dry-run] [--debug]\n"
        "       rouse-devd test [--action ACTION] DEVPATH\n"
        "       rouse-devd test-builtin [--action ACTION] COMMAND DEVPATH\n";

enum { OPT_RULES = 256, OPT_SYS, OPT_DEV, OPT_RUN, OPT_TIMEOUT, OPT_DRY, OPT_DEBUG, OPT_FOREGROUND };

static const struct option options[] = {
        { "rules-dir", required_argument, NULL, OPT_RULES },
        { "rules", required_argument, NULL, OPT_RULES },
        { "sys", required_argument, NULL, OPT_SYS },
        { "dev", required_argument, NULL, OPT_DEV },
        { "run", required_argument, NULL, OPT_RUN },
        { "timeout", required_argument, NULL, OPT_TIMEOUT },
        { "dry-run", no_argument, NULL, OPT_DRY },
        { "debug", no_argument, NULL, OPT_DEBUG },
        { "foreground", no_argument, NULL, OPT_FOREGROUND },
        { "action", required_argument, NULL, 'a' },
        { "resolve-names", required_argument, NULL, 'N' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
};

static const char *const actions[] = { "add", "remove", "change", "move", "online", "offline", "bind",
        "unbind", NULL };

static int set_action(struct once *o, const char *s)
{
        if (streq(s, "help")) {
                FOREACH_STR (a, (char *const *)actions)
                        puts(*a);
                return 1;
        }
        if (!strv_contains((char *const *)actions, s))
                return log_error_errno(-EINVAL, "Unknown action '%s'", s);
        o->action = s;
        return 0;
}

static int add_rules_dir(struct once *o, const char *path)
{
        char *full = realpath(path, NULL);

        if (!full)
                return log_error_errno(-errno, "%s: %m", path);
        return strv_push(&o->rules_dirs, full) < 0 ? log_oom() : 0;
}

/* 0, 1 when all is said, -errno. */
static int parse_options(int argc, char **argv, struct once *o)
{
        const char *sys = NULL, *dev = NULL, *run = NULL;
        int c, r = 0;

        while (r == 0 && (c = getopt_long(argc, argv, "a:N:h", options, NULL)) >= 0)
                switch (c) {
                case OPT_RULES: r = add_rules_dir(o, optarg); break;
                case OPT_SYS: sys = optarg; break;
                case OPT_DEV: dev = optarg; break;
                case OPT_RUN: run = optarg; break;
                case OPT_TIMEOUT:
                        if (parse_timespan(optarg, USEC_PER_SEC, &o->timeout) < 0)
                                r = log_error_errno(-EINVAL, "--timeout=%s is not a time", optarg);
                        break;
                case OPT_DRY: o->dry = true; break;
                case OPT_DEBUG: log_set_max_level(LOG_DEBUG); break;
                case OPT_FOREGROUND: break;
                case 'N': break; /* names are always looked up in /etc/passwd and /etc/group */
                case 'a': r = set_action(o, optarg); break;
                case 'h': printf("%s", usage); return 1;
                default: return -EINVAL;
                }
        device_set_roots(sys, dev, run);
        return r;
}

static int too_few(void)
{
        fprintf(stderr, "%s", usage);
        return -EINVAL;
}

static int load_and_handle(struct once *o)
{
        struct rules *rules = NULL;
        int r = rules_load(o->rules_dirs, &rules, NULL);

        if (r == 0)
                r = handle(o, rules);
        rules_free(rules);
        links_forget();
        return r;
}

int once_main(int argc, char **argv)
{
        struct once o = { .timeout = 180 * USEC_PER_SEC };
        int r;

        log_open("rouse-devd", LOG_TO_STDERR);
        r = parse_options(argc, argv, &o);
        if (r == 0 && argc - optind != 2)
                r = too_few();
        if (r == 0)
                r = set_action(&o, argv[optind]);
        if (r == 0) {
                o.devpath = argv[optind + 1];
                r = load_and_handle(&o);
        }
        strv_free(o.rules_dirs);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- test, test-builtin: as udevadm(8) has them ----------------------------------------------------- */

/* The device by a path below /sys or /dev, or by its devpath. */
static int find_device(struct once *o, const char *arg, struct device **ret)
{
        char path[PATH_MAX];
        _cleanup_free_ char *real = NULL;
        int r;

        if (startswith(arg, "/dev/"))
                return device_from_devnode(arg, ret);
        r = snprintf(path, sizeof(path), "%s%s", path_startswith(arg, "/sys") ? "" : "/sys", arg);
        real = r < (int)sizeof(path) ? realpath(path, NULL) : NULL; /* /sys/class/net/eth0 is a link */
        return device_from_syspath(real ? real : path, o->action, ret);
}

int test_main(int argc, char **argv)
{
        struct once o = { .timeout = 180 * USEC_PER_SEC, .dry = true, .action = "add" };
        _cleanup_device_ struct device *d = NULL;
        int r;

        log_open("rouse-devd", LOG_TO_STDERR);
        r = parse_options(argc, argv, &o);
        if (r == 0 && argc - optind != 1)
                r = too_few();
        if (r == 0) {
                r = find_device(&o, argv[optind], &d);
                if (r < 0)
                        log_error_errno(r, "Failed to open device '%s': %m", argv[optind]);
        }
        if (r == 0) {
                puts("What the rules would do; no program of a RUN key is run, nothing is written.\n");
                o.devpath = d->syspath;
                r = load_and_handle(&o);
        }
        strv_free(o.rules_dirs);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_builtin_for(struct once *o, const char *command, const char *device)
{
        _cleanup_device_ struct device *d = NULL;
        struct rules_event e = { .data = o };
        int r;

        if (!builtin_find(command)) {
                log_error("Unknown command '%s'; there are:", command);
                for (const struct builtin *b = builtins; b->name; b++)
                        fprintf(stderr, "  %-15s %s\n", b->name, b->help);
                return -EINVAL;
        }
        r = find_device(o, device, &d);
        if (r < 0)
                return log_error_errno(r, "Failed to open device '%s': %m", device);
        (void)str_replace(&d->action, o->action);
        (void)device_complete(d);
        r = op_builtin(d, &e, command);
        for (size_t i = 0; i < d->n_props; i++)
                if (!d->props[i].from_kernel)
                        printf("%s=%s\n", d->props[i].key, d->props[i].value);
        rules_event_done(&e);
        if (r < 0)
                log_info("%s: nothing for this device: %s", command, strerror(-r));
        return r;
}

int test_builtin_main(int argc, char **argv)
{
        struct once o = { .timeout = 180 * USEC_PER_SEC, .action = "add" };
        int r;

        log_open("rouse-devd", LOG_TO_STDERR);
        r = parse_options(argc, argv, &o);
        if (r == 0 && argc - optind != 2)
                r = too_few();
        if (r == 0)
                r = run_builtin_for(&o, argv[optind], argv[optind + 1]);
        strv_free(o.rules_dirs);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
