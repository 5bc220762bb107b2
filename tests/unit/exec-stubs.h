/* A manager and a unit for the tests of the process layer, and waiting for what exec_spawn() tells. */
#pragma once

#include "init/exec-internal.h"
#include "init/probe.h"
#include "init/state.h"
#include "init/types.h"

struct exec_test {
        struct manager m;
        struct service s;
        struct unit *u;
        struct exec_context *c;
        struct exec_command command;
        struct exec_params p;
        /* result of the last run */
        int exec_code, exec_err; /* what exec_done was told; -1: nothing yet */
        int code, status;        /* of waitid */
        pid_t pid;
};

void exec_test_init(struct exec_test *t);
void exec_test_done(struct exec_test *t);
/* Forgets the context and sets defaults again. */
void exec_test_reset(struct exec_test *t);
/* Runs "/bin/sh -c script" with the test's context; its standard output goes to a file whose text is returned
 * (owned by the test, until the next call). NULL when it was not started. */
const char *exec_test_sh(struct exec_test *t, const char *script);
/* The same for an argv. */
const char *exec_test_run(struct exec_test *t, char **argv);
extern int exec_test_cgroup_empty; /* calls of unit_cgroup_empty() */
