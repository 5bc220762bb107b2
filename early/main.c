/* rouse-early: the command line. */
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "early/early.h"

static int usage(FILE *f)
{
        fprintf(f, "Usage: rouse-early [--root DIR] STEP [ARGUMENT…]\n"
                   "       rouse-early --serve\n\n"
                   "Small jobs of early boot, one STEP at a time; with --serve those that PID 1 asks for\n"
                   "over descriptor 3.\n\n");
        for (const struct early_step *s = early_steps; s->name; s++)
                fprintf(f, "  %-20s %s\n", s->name, s->help);
        return f == stdout ? EXIT_SUCCESS : 2;
}

static int run_once(struct early *e, const struct early_step *s, char *const *args)
{
        int r;

        while ((r = s->run(e, args)) == EARLY_AGAIN) {
                struct pollfd p = { .fd = e->wait_fd, .events = POLLIN };

                (void)poll(&p, 1, -1);
                e->wait_fd = close_fd(e->wait_fd);
        }
        if (e->message.len)
                puts(e->message.s);
        return r < 0 ? e->status ?: EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        _cleanup_(early_done) struct early e = { .root_fd = -1, .parent_fd = -1, .wait_fd = -1 };
        const struct early_step *s;
        const char *root = NULL;
        bool serve = false;
        int i, r;

        for (i = 1; i < argc && argv[i][0] == '-'; i++) {
                if (streq(argv[i], "--help"))
                        return usage(stdout);
                if (streq(argv[i], "--version"))
                        return puts("rouse-early " ROUSE_VERSION), EXIT_SUCCESS;
                if (streq(argv[i], "--serve"))
                        serve = true;
                else if (streq(argv[i], "--debug"))
                        log_set_max_level(LOG_DEBUG);
                else if (streq(argv[i], "--root") && i + 1 < argc)
                        root = argv[++i];
                else
                        return usage(stderr);
        }
        log_open("rouse-early", serve ? LOG_TO_JOURNAL : LOG_TO_STDERR);
        umask(022);
        r = early_init(&e, root);
        if (r < 0)
                return log_error_errno(r, "Cannot open the root directory %s: %m", root ?: "/"),
                       EXIT_FAILURE;
        if (serve)
                return early_serve(&e, 3) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (i >= argc)
                return usage(stderr);
        s = early_step_find(argv[i]);
        if (!s)
                return log_error("Unknown step \"%s\"; --help lists them.", argv[i]), 2;
        return run_once(&e, s, argv + i + 1);
}
