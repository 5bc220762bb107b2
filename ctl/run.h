/* What the files of systemd-run share: run.c (options, the request), run-pty.c (the terminal of --pty), run-scope.c (what
 * becomes of this process with --scope). */
#pragma once

#include "ctl.h"

struct run {
        /* options */
        char *unit, **properties, **trigger_properties, **environment, *description, *slice, *user, *group,
                *nice, *directory, *type;
        const char *trigger; /* "timer", "path", "socket"; NULL */
        bool no_block, quiet, scope, wait, pty, pipe, shell, slice_inherit;
        unsigned n_timers;
        /* run time */
        char *service, *trigger_unit; /* names; service is also the scope's */
        char *tty;                    /* "/dev/pts/3" */
        pid_t forwarder;
        int forwarder_fd;
        bool ends, ended, said;
        int status;
};

/* A terminal for the service, and a process of ours that carries what is typed and printed between it and ours. 0 or
 * -errno (said). */
int run_pty_open(struct run *r);
/* The service has ended: prints what is left, and gives our terminal back. */
void run_pty_close(struct run *r);
/* This process is in the scope: executes the command. Returns an exit status when it cannot. */
int run_in_scope(struct run *r, char **command);
