/* Verbs that make units and change running ones: start-transient, attach, abandon, set-property, freeze, thaw. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "control.h"
#include "names.h"
#include "state.h"
#include "table.h"
#include "transient.h"
#include "types.h"

/* ---- start-transient ---- */

/* "UNIT Section.Key=value… [OTHER Section.Key=value…]…": the part of one unit. */
struct part {
        const char *name;
        struct assignment *a;
        size_t n;
        struct unit *unit;
};

static void parts_free(struct part *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(p[i].a);
        free(p);
}

static int split_parts(struct request *r, struct part **ret, size_t *ret_n)
{
        struct part *p = calloc(strv_len(r->args), sizeof(*p));
        size_t n = 0, all = strv_len(r->args);
        int k = p ? 0 : -ENOMEM;

        for (size_t i = 0; i < all && k >= 0; i++) {
                const char *arg = r->args[i];
                int type = n > 0 ? unit_type_from_name(p[n - 1].name) : -EINVAL;

                if (!strchr(arg, '=')) {
                        if (!unit_name_valid(arg, false))
                                k = request_fail(r, -EINVAL, "'%.64s' is not a unit name.", arg);
                        p[n].name = arg;
                        p[n].a = calloc(all - i, sizeof(*p[n].a));
                        k = p[n++].a ? k : -ENOMEM;
                } else if (n == 0)
                        k = request_fail(r, -EINVAL, "A unit name is needed before '%.64s'.", arg);
                else {
                        _cleanup_free_ char *error = NULL;

                        k = assignment_parse(type, arg, &p[n - 1].a[p[n - 1].n++], &error);
                        if (k < 0)
                                (void)request_fail(r, k, "%s", error ?: "Out of memory.");
                }
        }
        if (k < 0) {
                parts_free(p, n);
                return k;
        }
        *ret = p;
        *ret_n = n;
        return 0;
}

static bool type_may_be_transient(enum unit_type t)
{
        return t != UNIT_DEVICE && t != UNIT_TARGET && t != UNIT_SWAP;
}

static int make_part(struct request *r, struct part *p)
{
        _cleanup_free_ char *error = NULL;
        struct unit *u;
        int k = unit_get(r->m, p->name, &u);

        if (k < 0)
                return k;
        if (!type_may_be_transient(u->type))
                return request_fail(r, -EOPNOTSUPP, "Units of type %s cannot be transient.",
                        unit_type_to_string(u->type));
        if (load_find_fragment(r->m, p->name) || !transient_may_make(u))
                return request_fail(
                        r, -EEXIST, "Unit %s was already loaded or has a fragment file.", p->name);
        k = transient_make(u, p->a, p->n, &error);
        if (k < 0)
                return request_fail(r, k, "%s", error ?: strerror(-k));
        p->unit = u;
        return 0;
}

/* "pid=N" options: the processes that a scope begins with; "controller=NAME". */
static int take_scope_options(struct request *r, struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        FOREACH_STR (o, r->options) {
                const char *v = startswith(*o, "pid=");
                pid_t *grown;
                int pid;

                if (!v)
                        continue;
                if (parse_int(v, &pid) < 0 || pid <= 1)
                        return request_fail(r, -EINVAL, "'%.32s' is not a process that can be moved.", v);
                grown = reallocarray(s->pids, s->n_pids + 1, sizeof(*s->pids));
                if (!grown)
                        return -ENOMEM;
                s->pids = grown;
                s->pids[s->n_pids++] = pid;
        }
        if (s->n_pids == 0)
                return request_fail(r, -EINVAL, "Scope %s needs processes (pid=).", u->id);
        return request_option(r, "controller") ? str_replace(&s->controller, request_option(r, "controller"))
                                               : 0;
}

/* "stdio=IN,OUT,ERR": descriptors of the asking process, for the service's standard streams. Root's request: it could
 * read and write through them anyway. */
static int take_stdio(struct request *r, struct unit *u)
{
        const char *v = request_option(r, "stdio");
        _cleanup_strv_ char **numbers = v ? strv_split(v, ",") : NULL;
        struct service *s = UNIT_CAST(service, u);
        _cleanup_close_ int pidfd = -1;

        if (!v)
                return 0;
        if (u->type != UNIT_SERVICE || strv_len(numbers) != 3)
                return request_fail(r, -EINVAL, "stdio= takes three descriptors, for a service.");
        pidfd = (int)syscall(SYS_pidfd_open, request_pid(r), 0);
        for (int i = 0; i < 3; i++) {
                int number, fd;

                if (parse_int(numbers[i], &number) < 0 || number < 0)
                        return request_fail(r, -EINVAL, "'%.32s' is not a descriptor.", numbers[i]);
                fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
                if (fd < 0)
                        return request_fail(
                                r, -errno, "Descriptor %d of the caller: %s.", number, strerror(errno));
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
                s->stdio_fds[i] = fd;
        }
        return 0;
}

static int take_live(struct request *r, struct unit *u)
{
        int k = take_stdio(r, u);

        return k >= 0 && u->type == UNIT_SCOPE ? take_scope_options(r, u) : k;
}

int verb_start_transient(struct request *r)
{
        struct wait_group *g = NULL;
        enum job_mode mode;
        struct part *p = NULL;
        struct unit *u;
        size_t n = 0;
        int k = control_job_mode(r, &mode);

        if (k >= 0 && !r->m->index)
                k = request_fail(r, -EAGAIN, "The units are not read yet.");
        if (k >= 0)
                k = split_parts(r, &p, &n);
        if (k < 0)
                return k;
        /* the others first: the one that is started may need them */
        for (size_t i = n; i-- > 0 && k >= 0;)
                k = make_part(r, &p[i]);
        if (k >= 0)
                k = take_live(r, p[0].unit);
        if (k >= 0 && (request_flag(r, "wait") || request_flag(r, "until-end")))
                k = control_wait_new(r, &g);
        u = p[0].unit;
        if (k >= 0)
                k = control_queue_job(r, u, mode, g);
        if (k >= 0 && request_flag(r, "until-end"))
                k = control_wait_end(g, u);
        if (k >= 0 && request_option(r, "ref"))
                k = bus_bridge(r->m) == r->client
                            ? unit_add_ref(u, request_option(r, "ref"))
                            : request_fail(r, -EACCES, "Only the bridge to D-Bus may hold units.");
        for (size_t i = 0; i < n; i++)
                if (p[i].unit)
                        unit_gc_queue(p[i].unit);
        parts_free(p, n);
        if (!g)
                return MIN(k, 0);
        control_wait_done(g, MIN(k, 0), r->error);
        return CONTROL_LATER;
}

/* ---- processes ---- */

static struct unit *loaded_unit(struct request *r, const char *name, int *ret_error)
{
        struct unit *u = unit_find(r->m, name);

        if (!u || u->load_state != UNIT_LOADED) {
                *ret_error = request_fail(r, -ENOENT, "Unit %s not loaded.", name);
                return NULL;
        }
        return u;
}

int verb_attach(struct request *r)
{
        const char *below = request_option(r, "subgroup");
        int k = 0;
        struct unit *u = loaded_unit(r, r->args[0], &k);
        struct cgroup_context *c;

        if (!u)
                return k;
        c = unit_cgroup_context(u);
        if (!(u->type == UNIT_SCOPE || (u->type == UNIT_SERVICE && c->delegate)))
                return request_fail(r, -EINVAL, "%s is neither a scope nor a delegated service.", u->id);
        if (!u->cgroup_realized || unit_active_state(u) == UNIT_INACTIVE ||
                unit_active_state(u) == UNIT_FAILED)
                return request_fail(r, -ESRCH, "Unit %s is not running.", u->id);
        FOREACH_STR (a, r->args + 1) {
                int pid;

                if (parse_int(*a, &pid) < 0 || pid <= 1)
                        return request_fail(r, -EINVAL, "'%.32s' is not a process that can be moved.", *a);
                k = cgroup_attach(u, pid, below);
                if (k < 0)
                        return request_fail(r, k, "Process %d: %s.", pid, strerror(-k));
        }
        return 0;
}

int verb_abandon(struct request *r)
{
        int k = 0;
        struct unit *u = loaded_unit(r, r->args[0], &k);

        if (!u)
                return k;
        if (u->type != UNIT_SCOPE)
                return request_fail(r, -EINVAL, "%s is not a scope.", u->id);
        k = scope_abandon(u);
        return k < 0 ? request_fail(r, k, "Scope %s is not running.", u->id) : 0;
}

/* ---- properties ---- */

/* "needs-restart needs-reload", or "+needs-restart", "-needs-reload": lives with the unit, in no file. */
static int set_markers(struct request *r, struct unit *u, const char *value)
{
        _cleanup_strv_ char **words = strv_split(value, " ");
        unsigned plain = 0, add = 0, take = 0;
        bool any_plain = str_empty(value);

        FOREACH_STR (w, words) {
                const char *name = **w == '+' || **w == '-' ? *w + 1 : *w;
                int64_t bit;

                if (name_value(names_marker, name, &bit) < 0)
                        return request_fail(r, -EINVAL, "'%.32s' is not a marker.", name);
                *(**w == '+' ? &add : **w == '-' ? &take : &plain) |= (unsigned)bit;
                any_plain |= name == *w;
        }
        u->markers = ((any_plain ? 0 : u->markers) | plain | add) & ~take;
        state_touch(u);
        return 0;
}

int verb_set_property(struct request *r)
{
        _cleanup_free_ struct assignment *a = calloc(strv_len(r->args), sizeof(*a));
        _cleanup_free_ char *error = NULL;
        struct unit *u;
        size_t n = 0;
        int k = a ? unit_load_by_name(r->m, r->args[0], &u) : -ENOMEM;

        if (k < 0)
                return request_fail(r, k, "'%.64s' is not a unit name.", r->args[0]);
        if (u->load_state != UNIT_LOADED)
                return request_fail(
                        r, -ENOENT, "Unit %s is %s.", u->id, load_state_to_string(u->load_state));
        FOREACH_STR (s, r->args + 1) {
                if (startswith(*s, "Markers=")) {
                        k = set_markers(r, u, *s + strlen("Markers="));
                        if (k < 0)
                                return k;
                        continue;
                }
                k = assignment_parse(u->type, *s, &a[n], &error);
                if (k >= 0 && !property_is_settable(u->type, &a[n])) {
                        error = str_printf(
                                "Property %s of unit %s cannot be set while it runs.", a[n].key, u->id);
                        k = -EOPNOTSUPP;
                }
                if (k < 0)
                        return request_fail(r, k, "%s", error ?: "Out of memory.");
                n++;
        }
        k = transient_set_properties(u, a, n, request_flag(r, "runtime"), &error);
        return k < 0 ? request_fail(r, k, "%s", error ?: strerror(-k)) : 0;
}

/* ---- freezing ---- */

int verb_freeze(struct request *r)
{
        bool freeze = streq(request_verb(r), "freeze");
        struct wait_group *g = NULL;
        int k = control_wait_new(r, &g);

        if (k < 0)
                return k;
        FOREACH_STR (name, r->args) {
                struct unit *u = loaded_unit(r, *name, &k);

                if (!u)
                        break;
                k = cgroup_freeze(u, freeze);
                if (k < 0) {
                        (void)request_fail(r, k,
                                k == -ENOENT  ? "Unit %s is not running."
                                : k == -EBUSY ? "Unit %s or a slice of it is being frozen or thawed."
                                              : "Unit %s cannot be frozen.",
                                u->id);
                        break;
                }
                k = u->freezer == FREEZER_FREEZING || u->freezer == FREEZER_THAWING
                            ? control_wait_freezer(g, u)
                            : 0;
                if (k < 0)
                        break;
        }
        control_wait_done(g, MIN(k, 0), r->error);
        return CONTROL_LATER;
}
