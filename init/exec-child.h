/* What a child does between clone3 and execve, by raw system calls only: see exec-child.c. */
#pragma once

#include "exec-plan.h"

struct exec_fail {
        int err;          /* positive errno */
        const char *what; /* in the plan or static */
};

/* What the child of clone3 finds in its arena. */
struct exec_child {
        struct exec_plan *plan;
        /* becoming rouse-exec: these descriptors move, then this program; else NULL */
        const char *helper_path;
        char *helper_argv[3], *helper_envp[1];
        char helper_arg[12]; /* number of the plan's descriptor */
        struct plan_move *moves;
        unsigned n_moves;
        int status_fd; /* also the last move's target when there is a helper */
};

/* The child's first function. Does not return. */
void exec_child_start(void *arg);

/* The steps, in order; 0 or an exit code with *f filled. */
int exec_child_signals(struct exec_plan *p, struct exec_fail *f);
int exec_child_fds(struct exec_plan *p, struct exec_fail *f); /* out of the way of what they shall become */
int exec_child_stdio(struct exec_plan *p, struct exec_fail *f);
int exec_child_properties(struct exec_plan *p, struct exec_fail *f); /* limits, scheduling, keyring … */
int exec_child_identity(struct exec_plan *p, struct exec_fail *f);   /* groups, capabilities, user */
/* Working directory, seccomp, execve: returns only to say why not. */
int exec_child_execute(struct exec_plan *p, char *const argv[], char *const envp[], struct exec_fail *f);
/* argv and env as pointers, in the room that the plan has for them. */
void exec_child_pointers(struct exec_plan *p, char ***ret_argv, char ***ret_envp);
/* Writes the report and ends the process. */
void exec_child_fail(int status_fd, int exit_code, const struct exec_fail *f) _noreturn_;
