/* Verbs that ask about units: lists, properties, files, and whose a process is. */
#include <stdio.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "control.h"
#include "generation.h"
#include "service.h"

static void add_states(struct record *rec, struct unit *u)
{
        record_add(rec, "Id", u->id);
        record_add(rec, "LoadState", load_state_to_string(u->load_state));
        record_add(rec, "ActiveState", active_state_to_string(unit_active_state(u)));
        record_add(rec, "SubState", unit_sub_state(u));
}

static void emit_unit(struct request *r, struct unit *u)
{
        struct record rec;

        if (u->load_state == UNIT_STUB && !u->job)
                return;
        record_begin(&rec, r);
        add_states(&rec, u);
        record_add(&rec, "Description", unit_description(u));
        if (u->job) {
                record_addf(&rec, "Job", "%u", u->job->id);
                record_add(&rec, "JobType", job_type_to_string(u->job->type));
        }
        if (request_flag(r, "invocation"))
                record_add(&rec, "InvocationID", u->invocation_id);
        record_send(&rec);
}

/* ---- lists ---- */

int verb_list_units(struct request *r)
{
        return control_listing(r, emit_unit);
}

int verb_is_active(struct request *r)
{
        FOREACH_STR (name, r->args) {
                struct unit *u = unit_find(r->m, *name);
                _cleanup_free_ char *real = NULL;
                struct record rec;

                if (!u && load_real_name(r->m, *name, &real) >= 0 && real)
                        u = unit_find(r->m, real);
                if (!u &&
                        endswith(*name,
                                ".device")) /* a link of a device that is there is known once it is named */
                        (void)unit_load_by_name(r->m, *name, &u);
                record_begin(&rec, r);
                if (u)
                        add_states(&rec, unit_follow_merge(u));
                else {
                        record_add(&rec, "Id", *name);
                        record_add(
                                &rec, "LoadState", load_find_fragment(r->m, *name) ? "stub" : "not-found");
                        record_add(&rec, "ActiveState", "inactive");
                        record_add(&rec, "SubState", "dead");
                }
                record_send(&rec);
        }
        return 0;
}

static struct job *job_of_option(struct request *r, const char *key, int *ret)
{
        const char *v = request_option(r, key);
        struct job *j;
        uint32_t id;

        if (!v)
                return NULL;
        if (parse_u32(v, &id) < 0) {
                *ret = request_fail(r, -EINVAL, "'%.32s' is not the number of a job.", v);
                return NULL;
        }
        j = job_by_id(r->m, id);
        if (!j)
                *ret = request_fail(r, -ENOENT, "Job %u does not exist.", id);
        return j;
}

/* after=JOB: those that wait for it; before=JOB: those that it waits for */
int verb_list_jobs(struct request *r)
{
        int k = 0;
        struct job *after = job_of_option(r, "after", &k), *before = job_of_option(r, "before", &k);

        if (k < 0)
                return k;
        JOB_FOREACH(j, r->m)
        {
                struct record rec;

                if ((after && !job_waits_for(j, after)) || (before && !job_waits_for(before, j)))
                        continue;
                record_begin(&rec, r);
                record_addf(&rec, "Job", "%u", j->id);
                record_add(&rec, "Unit", j->unit->id);
                record_add(&rec, "Type", job_type_to_string(j->type));
                record_add(&rec, "State", j->state == JOB_RUNNING ? "running" : "waiting");
                if (j->state == JOB_WAITING && j->waited_for)
                        record_add(&rec, "WaitsFor", j->waited_for->id);
                record_addf(&rec, "SinceUSec", "%lld", (long long)(now_monotonic() - j->created));
                record_send(&rec);
        }
        return 0;
}

/* ---- files ---- */

static void emit_file(const char *name, const char *path, void *data)
{
        struct request *r = data;
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "Id", name);
        record_add(&rec, "Path", path);
        record_send(&rec);
}

int verb_list_unit_files(struct request *r)
{
        load_foreach(r->m, emit_file, r);
        return 0;
}

static void add_file(struct record *rec, struct manager *m, const char *path)
{
        const char *text = load_virtual_text(m, path);

        record_add(rec, "Path", path);
        if (text)
                record_add(rec, "Text", text); /* made by PID 1: no file */
}

int verb_cat(struct request *r)
{
        int first = 0;

        FOREACH_STR (name, r->args) {
                struct record rec;
                struct unit *u;
                int k = unit_load_by_name(r->m, *name, &u);

                record_begin(&rec, r);
                if (k < 0 || (!u->fragment_path && !u->dropin_paths)) {
                        first = first ?: k < 0 ? k : -ENOENT;
                        record_add(&rec, "Id", *name);
                        record_addf(&rec, "Error", "%d", k < 0 ? -k : ENOENT);
                } else {
                        record_add(&rec, "Id", u->id);
                        record_add(&rec, "LoadState", load_state_to_string(u->load_state));
                        if (u->fragment_path)
                                add_file(&rec, r->m, u->fragment_path);
                        FOREACH_STR (d, u->dropin_paths)
                                add_file(&rec, r->m, *d);
                }
                record_send(&rec);
        }
        return first;
}

/* ---- show ---- */

/* part=unit|type: the properties of the interface Unit, of the unit's type */
static enum record_part part_of(const struct request *r)
{
        const char *part = request_option(r, "part");

        return !part                 ? PART_ALL
               : streq(part, "unit") ? PART_UNIT
               : streq(part, "type") ? PART_TYPE
                                     : PART_ALL;
}

/* What is asked about is loaded for it, unless that was done. */
static int load_to_show(struct request *r, const char *name, struct unit **ret)
{
        struct unit *u = unit_find(r->m, name);

        if (!u || u->load_state != UNIT_LOADED)
                generation_touch();
        return unit_load_by_name(r->m, name, ret);
}

int verb_show(struct request *r)
{
        const char *only = request_option(r, "properties");
        _cleanup_strv_ char **keys = only ? strv_split(only, ",") : NULL;
        struct record rec;
        int first = 0;

        if (!r->args || !*r->args) {
                record_begin(&rec, r);
                rec.raw = request_flag(r, "raw");
                record_only(&rec, keys);
                show_manager(&rec, r->m);
                record_send(&rec);
                return 0;
        }
        FOREACH_STR (name, r->args) {
                struct unit *u;
                int k = load_to_show(r, *name, &u);

                if (k < 0) {
                        first = first ?: request_fail(r, k, "'%.200s' is not a unit name.", *name);
                        continue;
                }
                record_begin(&rec, r);
                rec.raw = request_flag(r, "raw");
                rec.part = part_of(r);
                record_only(&rec, keys);
                show_unit(&rec, u);
                record_send(&rec);
        }
        return first;
}

int verb_pid_of(struct request *r)
{
        FOREACH_STR (a, r->args) {
                struct unit *u = NULL;
                struct record rec;
                int pid;

                if (parse_int(*a, &pid) < 0 || pid <= 0)
                        return request_fail(r, -EINVAL, "'%.32s' is not a process id.", *a);
                u = cgroup_unit_of_pid(r->m, pid);
                if (!u)
                        u = manager_unit_of_pid(r->m, pid);
                if (!u)
                        return request_fail(r, -ESRCH, "Process %d belongs to no loaded unit.", pid);
                record_begin(&rec, r);
                record_add(&rec, "Pid", *a);
                record_add(&rec, "Id", u->id);
                record_send(&rec);
        }
        return 0;
}

/* ---- analyze ---- */

static void add_dep_ids(struct record *rec, struct unit *u, const char *key, enum dep_type t)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (!record_wants(rec, key))
                return;
        UNIT_FOREACH_DEP(u, DEP_BIT(t), o)
        strbuf_printf(&b, "%s%s", b.len ? " " : "", o->id);
        record_add(rec, key, b.s);
}

static void emit_times(struct request *r, struct unit *u)
{
        struct record rec;

        if (u->inactive_exit == 0 && u->active_enter == 0)
                return;
        record_begin(&rec, r);
        record_add(&rec, "Id", u->id);
        record_add_u64(&rec, "InactiveExitUSec", (uint64_t)u->inactive_exit);
        record_add_u64(&rec, "ActiveEnterUSec", (uint64_t)u->active_enter);
        record_add_u64(&rec, "ActiveExitUSec", (uint64_t)u->active_exit);
        record_add_u64(&rec, "InactiveEnterUSec", (uint64_t)u->inactive_enter);
        record_add(&rec, "ActiveState", active_state_to_string(unit_active_state(u)));
        if (u->wait_reason)
                record_add(&rec, "WaitReason", u->wait_reason);
        add_dep_ids(&rec, u, "After", DEP_AFTER);
        add_dep_ids(&rec, u, "Requires", DEP_REQUIRES);
        add_dep_ids(&rec, u, "Wants", DEP_WANTS);
        record_send(&rec);
}

int verb_analyze_data(struct request *r)
{
        struct manager *m = r->m;
        struct record rec;

        record_begin(&rec, r);
        record_add_u64(&rec, "KernelUSec", (uint64_t)m->t_kernel);
        record_add_u64(&rec, "InitRDUSec", (uint64_t)m->t_initrd);
        record_add_u64(&rec, "UserspaceUSec", (uint64_t)m->t_userspace);
        record_add_u64(&rec, "GeneratorsStartUSec", (uint64_t)m->t_generators_start);
        record_add_u64(&rec, "GeneratorsFinishUSec", (uint64_t)m->t_generators_done);
        record_add_u64(&rec, "UnitsLoadedUSec", (uint64_t)m->t_units_loaded);
        record_add_u64(&rec, "FinishUSec", (uint64_t)m->t_finish);
        record_addf(&rec, "Spawned", "%u", m->n_spawned);
        record_addf(&rec, "Jobs", "%llu", (unsigned long long)m->n_jobs_done);
        record_addf(&rec, "NFailedUnits", "%u", m->n_failed_units);
        record_add(&rec, "DefaultTarget", control_default_target(m));
        record_send(&rec);
        return control_listing(r, emit_times);
}
