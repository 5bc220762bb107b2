/* Jobs and transactions.
 *
 * A job is a wish about a unit: start, stop, reload, restart, verify-active; at most one a unit. A transaction
 * gathers the jobs that one request needs (requirements pulled in, conflicts stopped), merges the ones on the same
 * unit by a table (job_merge, text in docs/jobs.md), breaks ordering cycles by dropping the least important job or
 * edge, and only then installs them all: a refused transaction changes nothing.
 *
 * Ordering: a start waits for every After= unit with a start job; a stop goes before a start of the other unit,
 * and stops are ordered in reverse. A job that may run is in the run queue; when a job ends, those that waited are
 * looked at again. Inputs are level-triggered: "is what I wait for still pending?", never "did I miss it?". */
#pragma once

#include "unit.h"

enum job_type {
        JOB_START,
        JOB_VERIFY_ACTIVE,
        JOB_STOP,
        JOB_RELOAD,
        JOB_RESTART,
        JOB_NOP, /* a restart or reload that found nothing to do */
        JOB_TRY_RESTART,
        JOB_TRY_RELOAD,
        JOB_RELOAD_OR_START, /* resolved before installation */
        JOB_TYPE_MAX
};
enum job_state { JOB_WAITING, JOB_RUNNING };
enum job_result {
        JOB_DONE,
        JOB_CANCELED,
        JOB_TIMEOUT,
        JOB_FAILED,
        JOB_DEPENDENCY,
        JOB_SKIPPED,
        JOB_INVALID,
        JOB_ASSERT,
        JOB_UNSUPPORTED,
        JOB_COLLECTED,
        JOB_ONCE,
        JOB_RESULT_MAX
};

/* Told when a job ends (control connections that wait). */
struct job_waiter {
        void (*cb)(struct job_waiter *w, struct job *j, enum job_result r);
        void *data;
        struct job_waiter *next;
};

struct job {
        uint32_t id;
        enum job_type type;
        enum job_state state;
        struct unit *unit;
        bool irreversible, ignore_order, in_run_queue, matters;
        usec_t created, began;
        struct unit *waited_for; /* the last one that it had to wait for: the recorded reason */
        size_t waited_at;        /* where it stands among the unit's edges: looked at first the next time */
        usec_t waited_since;
        struct loop_timer timer; /* JobTimeoutSec, JobRunningTimeoutSec */
        struct job_waiter *waiters;
        struct job *next, *prev, *run_next;
};

const char *job_type_to_string(enum job_type t); /* "start", "restart" … */
int job_type_from_string(const char *s);
const char *job_result_to_string(enum job_result r);
const char *job_mode_to_string(enum job_mode m);
int job_mode_from_string(const char *s);

/* The whole of a request: load, gather, verify, install. *ret_job (may be NULL) is the anchor job, or NULL when
 * there was nothing to do. On failure nothing has changed and *ret_error (may be NULL) says why, for people
 * (owned by the caller). -ENOENT not found, -EDEADLK a cycle that cannot be broken, -EEXIST conflicts with jobs
 * that may not be replaced, -EINVAL, -EPERM RefuseManual… (only with manual). */
int manager_add_job(struct manager *m, enum job_type t, struct unit *u, enum job_mode mode, bool manual,
        struct job **ret_job, char **ret_error);
int manager_add_job_by_name(struct manager *m, enum job_type t, const char *name, enum job_mode mode,
        struct job **ret_job, char **ret_error);

/* Ends a job: removes it, tells waiters, fails dependents (recursive: whether dependents are told), wakes others. */
void job_finish(struct job *j, enum job_result r, bool recursive);
void job_queue_run(struct job *j);
/* Is j ordered after o, so that it waits while there is o? */
bool job_waits_for(const struct job *j, const struct job *o);
/* May it run now? false: j->waited_for says on whom it waits. */
bool job_is_runnable(struct job *j);
struct job *job_by_id(struct manager *m, uint32_t id);
/* The merge table. -1: cannot be merged. */
int job_merge(enum job_type a, enum job_type b);
/* Removes all jobs (isolate/emergency). */
void manager_clear_jobs(struct manager *m);
#define JOB_FOREACH(j, m)                                                                                   \
        for (struct job *j = (m)->jobs_by_id, *_n = j ? j->next : NULL; j; j = _n, _n = j ? j->next : NULL)
