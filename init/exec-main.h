/* What the files of rouse-exec share. */
#pragma once

#include <grp.h>

#include "exec-child.h"
#include "exec.h"
#include "exit-status.h"

struct helper {
        struct exec_plan *plan; /* private copy, writable */
        char **env;             /* grows: user, PAM, files */
        char **argv;
        bool env_added;
        int tty_fd; /* controlling terminal, -1 */
};

/* Ends the process with this exit code; err is negative or 0. */
void helper_fail(struct helper *h, int exit_code, int err, const char *what) _noreturn_;
/* Goes to PID 1's log, beside the unit's name: something is less than asked for. */
void helper_warn(struct helper *h, int err, const char *what);

/* exec-main-user.c */
void helper_identity(struct helper *h); /* names that only NSS knows */
void helper_own_directories(struct helper *h);
void helper_home_directory(struct helper *h); /* WorkingDirectory=~ of such a user */
void helper_pam(struct helper *h);

/* exec-main-ipc.c: RemoveIPC=; "": none. Exit status. */
int helper_remove_ipc(const char *user, const char *group);

/* exec-main-look.c: looks at a path for PID 1 (probe.h). Exit status. */
int helper_look(char *const args[], bool until);
int helper_watch(char *const args[]);

/* exec-main-socket.c: makes sockets for PID 1 (socket-child.c). Exit status. */
int helper_sockets(char *const specs[]);

/* exec-main-tty.c */
void helper_tty(struct helper *h);
void helper_utmp(struct helper *h);
/* The record of UtmpIdentifier= says from now on that its process has ended. */
int helper_utmp_dead(const char *id);

/* exec-main-ns.c */
void helper_namespaces(struct helper *h); /* network, IPC, UTS, mount */
void helper_network(struct helper *h);    /* the first of them */
void helper_user_namespace(struct helper *h);

/* exec-main-mount.c */
bool helper_wants_mounts(const struct helper *h);
void helper_mounts(struct helper *h);

/* exec-main-cred.c */
void helper_credentials(struct helper *h);

static inline bool helper_sandboxed(const struct helper *h)
{
        return h->plan->flags & PLAN_SANDBOX;
}
