/* Looking at paths for PID 1, where it might hang (probe.h says how it asks). What is found goes to standard output:
 *
 *     --look QUESTION PATH          one line "RESULT VALUE TRUSTED"
 *     --look-until QUESTION PATH    the same, once the result is not negative
 *     --watch KIND MODE PATH        for a path unit: "holds 0" or "holds 1" first and at each change, "changed"
 *
 * A write that fails ends it: PID 1 does not want to know any more. */
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "exec-main.h"
#include "lib/fileio.h"
#include "path-look.h"

#define AGAIN_MS 250 /* a network's file system tells nobody of what another machine writes */

int helper_look(char *const args[], bool until)
{
        struct path_answer a = { 0 };
        int r = -EINVAL;

        for (enum path_question q = 0; q < LOOK_MAX; q++)
                if (streq(args[0], path_question_names[q]))
                        while ((r = path_look(q, args[1], &a)) < 0 && until) {
                                struct pollfd out = { .fd = STDOUT_FILENO };

                                if (poll(&out, 1, AGAIN_MS) > 0) /* nobody reads */
                                        return 1;
                        }
        return dprintf(STDOUT_FILENO, "%d %lld %d\n", r, (long long)a.value, a.trusted) < 0;
}

static int say(const char *line)
{
        return write_all(STDOUT_FILENO, line, strlen(line));
}

/* All that has happened: was it what the unit is about? */
static bool take_events(int fd, const struct path_spec *s)
{
        char buf[4096] __attribute__((aligned(8)));
        bool changed = false;
        ssize_t n;

        while ((n = read(fd, buf, sizeof(buf))) > 0)
                for (ssize_t o = 0; o < n;) {
                        const struct inotify_event *e = (const struct inotify_event *)(buf + o);

                        changed |= path_spec_is_event(s, e) || e->mask & IN_Q_OVERFLOW;
                        o += (ssize_t)(sizeof(*e) + e->len);
                }
        return changed;
}

/* The watches are there first, then it looks: nothing falls between the two. */
static int watch_again(int *fd, struct path_spec *s)
{
        _cleanup_free_ char *what = NULL;

        close_fd(*fd);
        *fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        return *fd < 0 ? -errno : path_spec_watch(s, *fd, &what);
}

int helper_watch(char *const args[])
{
        struct path_spec s = { .path = args[2] };
        int fd = -1, held = -1;
        bool event = false;
        int32_t kind;
        mode_t mode;

        if (parse_int(args[0], &kind) < 0 || kind < PATH_EXISTS || kind > PATH_DIRECTORY_NOT_EMPTY ||
                parse_mode(args[1], &mode) < 0)
                return 1;
        s.kind = (enum path_kind)kind;
        if (mode)
                (void)mkdir_p(s.path, mode);
        (void)path_spec_came_or_went(&s);
        for (;;) {
                struct pollfd p[] = { { .events = POLLIN }, { .fd = STDOUT_FILENO } };
                int holds;

                if (watch_again(&fd, &s) < 0)
                        return 1;
                holds = path_spec_holds(&s);
                if (holds != held && say(holds ? "holds 1\n" : "holds 0\n") < 0)
                        return 0;
                held = holds;
                if ((path_spec_came_or_went(&s) || event) && say("changed\n") < 0)
                        return 0;
                p[0].fd = fd;
                if (poll(p, 2, -1) < 0 && errno != EINTR)
                        return 1;
                if (p[1].revents)
                        return 0;
                event = take_events(fd, &s);
        }
}
