/* `rousectl clean`: the directories of a unit that is down (RuntimeDirectory= and its kin) are removed, by a child, since
 * trees may be large or lie where the file system hangs.
 *
 * Until the child has ended, or TimeoutCleanSec= is over and it was killed, the unit is in state maintenance (cleaning):
 * a start waits, a stop ends it. What became of it is CleanResult. A PID 1 that is executed anew begins again. */
#include <stdio.h>

#include "clean.h"
#include "control.h"
#include "exec-internal.h"
#include "job.h"
#include "manager.h"
#include "names.h"
#include "probe.h"
#include "service.h"
#include "state.h"

struct clean {
        struct unit *unit;
        char **paths;
        struct probe *child;
};

static const struct {
        const char *word, *root;
        enum exec_dir dir;
        bool usual; /* when nothing is named */
} cleanable[] = {
        { "runtime", "/run", DIR_RUNTIME, true },
        { "cache", "/var/cache", DIR_CACHE, true },
        { "state", "/var/lib", DIR_STATE, false },
        { "logs", "/var/log", DIR_LOGS, false },
        { "configuration", "/etc", DIR_CONFIGURATION, false },
};

/* Those who look at the unit's state are told. It was down and is down afterwards, so no unit has anything to do about
 * that; but a start may have waited. */
static void tell(struct unit *u)
{
        state_touch(u);
        bus_unit_changed(u);
        control_unit_event(u);
        if (u->watchers)
                unit_tell_watchers(u);
        if (u->job)
                job_queue_run(u->job);
        if (!u->clean)
                unit_gc_queue(u);
}

void clean_forget(struct unit *u)
{
        struct clean *c = TAKE_PTR(u->clean);

        if (!c)
                return;
        probe_forget(&c->child);
        strv_free(c->paths);
        free(c);
}

static void clean_end(struct unit *u, enum service_result result)
{
        u->clean_result = result;
        clean_forget(u);
        tell(u);
}

void clean_abort(struct unit *u)
{
        if (u->clean)
                clean_end(u, RESULT_SIGNAL);
}

static void on_answer(void *data, int r, const struct path_answer *a)
{
        struct unit *u = data;

        u->clean->child = NULL;
        if (r == -ETIMEDOUT)
                log_unit(u->id, LOG_WARNING, "Cleaning timed out: directories may be left");
        else if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Cleaning failed: %m");
        clean_end(u, r >= 0 ? RESULT_SUCCESS : r == -ETIMEDOUT ? RESULT_TIMEOUT : RESULT_EXIT_CODE);
}

static int clean_begin(struct unit *u, char **paths)
{
        _cleanup_strv_ char **argv = NULL;
        usec_t timeout = unit_exec(u)->timeout_clean;
        struct clean *c = calloc(1, sizeof(*c));
        int r = c ? strv_add(&argv, exec_helper_path) : -ENOMEM;

        if (r >= 0)
                r = strv_add(&argv, "--clean");
        if (r >= 0)
                r = strv_extend(&argv, paths);
        if (r < 0) {
                free(c);
                return r;
        }
        c->unit = u;
        u->clean = c;
        r = probe_run(u->manager, argv, timeout, on_answer, u, &c->child);
        if (r >= 0)
                c->paths = strv_copy(paths);
        if (r >= 0 && !c->paths)
                r = -ENOMEM;
        if (r < 0) {
                clean_forget(u);
                return r;
        }
        u->clean_result = RESULT_SUCCESS;
        tell(u);
        return 0;
}

/* ---- the verb ---- */

static bool is_wanted(struct request *r, size_t i)
{
        bool any = false;

        FOREACH_STR (o, r->options) {
                const char *what = startswith(*o, "what=");

                any |= what != NULL;
                if (what && (streq(what, "all") || streq(what, cleanable[i].word)))
                        return true;
        }
        return !any && cleanable[i].usual;
}

/* "name:link" in the lists of directories: both go. */
static int add_paths(char ***paths, const char *root, const char *entry)
{
        _cleanup_strv_ char **parts = strv_split(entry, ":");
        int r = 0;

        FOREACH_STR (p, parts)
                if (path_is_normalized(*p)) {
                        r = strv_addf(paths, "%s/%s", root, *p);
                        if (r >= 0)
                                r = strv_addf(paths, "%s/private/%s", root, *p);
                }
        return r;
}

static int clean_one(struct request *r, struct unit *u)
{
        const struct exec_context *c = unit_exec(u);
        enum active_state s = unit_active_state(u);
        _cleanup_strv_ char **paths = NULL;

        if (s != UNIT_INACTIVE && s != UNIT_FAILED)
                return request_fail(r, -EBUSY, "Unit %s is not inactive.", u->id);
        if (!c)
                return request_fail(r, -EOPNOTSUPP, "Unit %s has no directories of its own.", u->id);
        for (size_t i = 0; i < ARRAY_SIZE(cleanable); i++)
                FOREACH_STR (p, is_wanted(r, i) ? c->dirs[cleanable[i].dir].paths : NULL)
                        if (add_paths(&paths, cleanable[i].root, *p) < 0)
                                return -ENOMEM;
        if (u->type == UNIT_SERVICE && strv_contains(r->options, "what=all"))
                service_store_drop(UNIT_CAST(service, u));
        if (!paths)
                return request_fail(r, -ENODATA, "Unit %s has no such directories.", u->id);
        return clean_begin(u, paths);
}

int verb_clean(struct request *r)
{
        struct wait_group *g = NULL;
        int k = control_wait_new(r, &g);

        if (k < 0)
                return k;
        FOREACH_STR (name, r->args) {
                struct unit *u;

                k = unit_load_by_name(r->m, *name, &u);
                if (k >= 0 && u->load_state != UNIT_LOADED)
                        k = request_fail(r, -ENOENT, "Unit %s not loaded.", *name);
                if (k >= 0)
                        k = clean_one(r, u);
                if (k >= 0 && !request_flag(r, "no-wait"))
                        k = control_wait_clean(g, u);
                if (k < 0)
                        break;
        }
        control_wait_done(g, MIN(k, 0), r->error);
        return CONTROL_LATER;
}

/* ---- state ---- */

const char *clean_result_name(struct unit *u)
{
        return name_of(names_service_result, u->clean_result) ?: "success";
}

void clean_serialise(struct unit *u, struct state_out *s)
{
        state_put_int(s, "clean-result", u->clean_result, RESULT_SUCCESS);
        if (u->clean)
                state_put_strv(s, "clean", u->clean->paths);
}

bool clean_deserialise(struct unit *u, const char *key, const char *value)
{
        if (streq(key, "clean-result")) {
                u->clean_result = (int)state_get_int(value, RESULT_SUCCESS);
                return true;
        }
        if (!streq(key, "clean"))
                return false;
        if (!u->clean && (u->clean = calloc(1, sizeof(*u->clean))))
                u->clean->unit = u;
        if (u->clean && *value == '/' && path_is_normalized(value))
                (void)strv_add(&u->clean->paths, value);
        return true;
}

void clean_coldplug(struct unit *u)
{
        _cleanup_strv_ char **paths = u->clean ? TAKE_PTR(u->clean->paths) : NULL;
        int r;

        clean_forget(u);
        r = paths && unit_exec(u) ? clean_begin(u, paths) : 0;
        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Cleaning could not go on: %m");
}
