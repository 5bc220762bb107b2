/* The old names: halt, poweroff, reboot (halt(8)), shutdown(8), telinit(8), runlevel(8), and wall for PID 1. */
#include "ctl.h"

#include <fcntl.h>
#include <getopt.h>
#include <time.h>
#include <utmp.h>

/* ---- halt, poweroff, reboot ---- */

enum { H_HALT = 256, H_REBOOT, H_NO_WALL, H_HELP };

int halt_main(int argc, char **argv)
{
        static const struct option options[] = { { "halt", 0, NULL, H_HALT }, { "poweroff", 0, NULL, 'p' },
                { "reboot", 0, NULL, H_REBOOT }, { "force", 0, NULL, 'f' }, { "wtmp-only", 0, NULL, 'w' },
                { "no-wtmp", 0, NULL, 'd' }, { "no-sync", 0, NULL, 'n' }, { "no-wall", 0, NULL, H_NO_WALL },
                { "help", 0, NULL, H_HELP }, { 0 } };
        const char *verb = path_basename(argv[0]);
        bool wtmp_only = false;
        int c;

        while ((c = getopt_long(argc, argv, "pfwdnih", options, NULL)) >= 0)
                switch (c) {
                case H_HALT: verb = "halt"; break;
                case 'p': verb = streq(verb, "reboot") ? "reboot" : "poweroff"; break;
                case H_REBOOT: verb = "reboot"; break;
                case 'f': opt.force = 2; break; /* as halt(8): nobody is asked */
                case 'w': wtmp_only = true; break;
                case 'd':
                case 'n':
                case 'i':
                case 'h':
                case H_NO_WALL: break;
                case H_HELP:
                        printf("%s [-p] [-f] [-w] [--halt|--poweroff|--reboot] [--no-wall]\n", verb);
                        return 0;
                default: return 1;
                }
        return wtmp_only ? 0 : verb_power(verb, argv + optind);
}

/* ---- shutdown ---- */

int schedule_shutdown(const char *action, usec_t when, const char *message, bool no_wall, bool dry_run)
{
        _cleanup_free_ char *at = str_printf("%lld", (long long)when);
        _cleanup_strv_ char **options = NULL;
        char *args[] = { (char *)action, at, NULL };
        struct ctl_call c = { .verb = "shutdown", .args = args };
        char buf[64];
        int r;

        if (message)
                (void)strv_addf(&options, "message=%s", message);
        if (no_wall)
                (void)strv_add(&options, "no-wall");
        if (dry_run)
                (void)strv_add(&options, "dry-run");
        c.options = options;
        r = ctl_call_or_say(&c, "schedule the shutdown");
        free(c.error);
        if (r >= 0 && !streq(action, "cancel"))
                fprintf(stderr, "%s scheduled for %s, use 'shutdown -c' to cancel.\n",
                        streq(action, "reboot")  ? "Reboot"
                        : streq(action, "kexec") ? "Reboot via kexec"
                                                 : "Shutdown",
                        format_time(buf, sizeof(buf), when));
        return r < 0 ? 1 : 0;
}

/* "now", "+5", "5", "23:15". 0: now. */
static int shutdown_time(const char *s, usec_t *ret)
{
        uint32_t minutes, h, m;
        const char *colon = strchr(s, ':');
        time_t now = time(NULL), t;
        struct tm tm;

        if (streq(s, "now")) {
                *ret = 0;
                return 0;
        }
        if (!colon) {
                if (parse_u32(*s == '+' ? s + 1 : s, &minutes) < 0)
                        return -EINVAL;
                *ret = minutes == 0 ? 0 : now_realtime() + (usec_t)minutes * 60 * USEC_PER_SEC;
                return 0;
        }
        _cleanup_free_ char *hours = strndup(s, (size_t)(colon - s));
        if (!hours || parse_u32(hours, &h) < 0 || parse_u32(colon + 1, &m) < 0 || h > 23 || m > 59 ||
                !localtime_r(&now, &tm))
                return -EINVAL;
        tm.tm_hour = (int)h;
        tm.tm_min = (int)m;
        tm.tm_sec = 0;
        tm.tm_isdst = -1;
        t = mktime(&tm);
        while (t <= now) {
                tm.tm_mday++;
                tm.tm_isdst = -1;
                t = mktime(&tm);
        }
        *ret = (usec_t)t * USEC_PER_SEC;
        return 0;
}

static int shutdown_show(void)
{
        char *args[] = { (char *)"show", NULL }, buf[64];
        _cleanup_list_ struct ctl_list l = { 0 };

        if (ctl_query("shutdown", args, NULL, &l) < 0)
                return 1;
        if (l.n == 0 || !*record_str(&l.r[0], "Mode"))
                puts("No scheduled shutdown.");
        else
                printf("%s at %s\n", record_str(&l.r[0], "Mode"),
                        format_time(buf, sizeof(buf), (usec_t)record_u64(&l.r[0], "USec")));
        return 0;
}

int shutdown_main(int argc, char **argv)
{
        static const struct option options[] = { { "halt", 0, NULL, 'H' }, { "poweroff", 0, NULL, 'P' },
                { "reboot", 0, NULL, 'r' }, { "kexec", 0, NULL, 'K' }, { "no-wall", 0, NULL, 'n' },
                { "show", 0, NULL, 's' }, { "help", 0, NULL, '?' }, { 0 } };
        const char *action = "poweroff";
        _cleanup_free_ char *message = NULL;
        bool cancel = false, no_wall = false, dry = false;
        usec_t when = now_realtime() + 60 * USEC_PER_SEC; /* without a time: in a minute */
        int c;

        while ((c = getopt_long(argc, argv, "HPrhkKcFfat:n", options, NULL)) >= 0)
                switch (c) {
                case 'H': action = "halt"; break;
                case 'P':
                case 'h': action = "poweroff"; break;
                case 'r': action = "reboot"; break;
                case 'K': action = "kexec"; break;
                case 'k': dry = true; break;
                case 'c': cancel = true; break;
                case 'n': no_wall = true; break;
                case 's': return shutdown_show();
                case 'F':
                case 'f':
                case 'a':
                case 't': break; /* sysvinit's */
                default:
                        puts("shutdown [-H|-P|-r|-h|-k|-c] [--no-wall] [--show] [TIME [WALL…]]");
                        return c == '?' && optopt ? 1 : 0;
                }
        if (!cancel && optind < argc && shutdown_time(argv[optind++], &when) < 0) {
                fprintf(stderr, "Failed to parse time specification: %s\n", argv[optind - 1]);
                return 1;
        }
        if (optind < argc)
                message = strv_join(argv + optind, " ");
        if (cancel)
                return schedule_shutdown("cancel", 0, message, no_wall, dry);
        if (when > 0)
                return schedule_shutdown(action, when, message, no_wall, dry);
        if (!dry && !no_wall && message)
                (void)verb_wall("wall", (char *[]) { message, NULL });
        return dry ? 0 : verb_power(action, NULL);
}

/* ---- telinit, runlevel ---- */

int telinit_main(int argc, char **argv)
{
        static const struct {
                const char *level, *verb;
        } levels[] = { { "0", "poweroff" }, { "6", "reboot" }, { "1", "rescue" }, { "s", "rescue" },
                { "S", "rescue" }, { "q", "daemon-reload" }, { "Q", "daemon-reload" },
                { "u", "daemon-reexec" }, { "U", "daemon-reexec" } };
        const char *level = argc > 1 ? argv[argc - 1] : "";

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (streq(levels[i].level, level))
                        return strchr("qQuU", *level) ? verb_simple(levels[i].verb, NULL)
                                                      : verb_power(levels[i].verb, NULL);
        if (strlen(level) == 1 && *level >= '2' && *level <= '5')
                return verb_job("isolate",
                        (char *[]) {
                                (char *)(*level == '5' ? "graphical.target" : "multi-user.target"), NULL });
        fprintf(stderr, "telinit 0|1|2|3|4|5|6|s|q|u\n");
        return 1;
}

int runlevel_main(int argc, char **argv)
{
        char previous = 'N', current = '\0';
        struct utmp *e;

        setutent();
        while ((e = getutent()))
                if (e->ut_type == RUN_LVL) {
                        current = (char)(e->ut_pid & 0xff);
                        previous = e->ut_pid >> 8 ? (char)(e->ut_pid >> 8) : 'N';
                }
        endutent();
        if (!current) {
                puts("unknown");
                return 1;
        }
        printf("%c %c\n", previous, current);
        return 0;
}

/* ---- wall ---- */

/* A terminal that does not take the text within its buffer's room gets no more of it. */
static void tell_terminal(const char *line, const char *text)
{
        _cleanup_free_ char *path = str_printf("/dev/%s", line), *all = NULL;
        _cleanup_close_ int fd = -1;

        if (!path || strstr(line, "..") || *line == '/')
                return;
        fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || !isatty(fd))
                return;
        all = str_printf("\r\n\007Broadcast message from root:\r\n\r\n%s\r\n\r\n", text);
        if (all)
                (void)!write(fd, all, strlen(all));
}

int verb_wall(const char *verb, char **args)
{
        struct utmp *e;

        setutent();
        while ((e = getutent()))
                if (e->ut_type == USER_PROCESS) {
                        char line[sizeof(e->ut_line) + 1] = "";

                        memcpy(line, e->ut_line, sizeof(e->ut_line));
                        tell_terminal(line, args[0]);
                }
        endutent();
        return 0;
}
