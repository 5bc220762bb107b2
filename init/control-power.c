/* Ends of the system: poweroff and its kin, the targets that replace everything, and scheduled shutdowns.
 *
 * A scheduled shutdown is one timer in PID 1 and one file, /run/systemd/shutdown/scheduled, that others read. Five
 * minutes before, /run/nologin keeps users out; who is logged in is told at fixed marks by a child (`rousectl wall`),
 * since a terminal may block. */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <time.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "control.h"

#define SCHEDULED_FILE "/run/systemd/shutdown/scheduled"
#define NOLOGIN_FILE   "/run/nologin"
#define NOLOGIN_BEFORE (5 * 60 * USEC_PER_SEC)
#define WALL_PROGRAM   ROUSE_CTL
#define WALL_MAX       1024u

extern char **environ;

static const struct power {
        const char *verb, *target;
        enum manager_objective objective;
        enum job_mode mode;
} powers[] = {
        { "poweroff", "poweroff.target", OBJ_POWEROFF, JOB_REPLACE_IRREVERSIBLY },
        { "reboot", "reboot.target", OBJ_REBOOT, JOB_REPLACE_IRREVERSIBLY },
        { "halt", "halt.target", OBJ_HALT, JOB_REPLACE_IRREVERSIBLY },
        { "kexec", "kexec.target", OBJ_KEXEC, JOB_REPLACE_IRREVERSIBLY },
        { "exit", "exit.target", OBJ_EXIT, JOB_REPLACE_IRREVERSIBLY },
        { "rescue", "rescue.target", OBJ_RUN, JOB_ISOLATE },
        { "emergency", "emergency.target", OBJ_RUN, JOB_ISOLATE },
        { "default", NULL, OBJ_RUN, JOB_ISOLATE },
};

static const struct power *power_find(const char *verb)
{
        for (size_t i = 0; i < ARRAY_SIZE(powers); i++)
                if (streq(powers[i].verb, verb))
                        return &powers[i];
        return NULL;
}

int verb_power(struct request *r)
{
        const struct power *p = power_find(request_verb(r));
        const char *target = p->target ?: r->m->default_target ?: "default.target";
        _cleanup_free_ char *error = NULL;
        int k, status;

        if (r->args && *r->args && p->objective == OBJ_REBOOT)
                (void)str_replace(&r->m->reboot_arg, *r->args);
        if (r->args && *r->args && p->objective == OBJ_EXIT && parse_int(*r->args, &status) >= 0)
                r->m->exit_code = status;
        if (request_flag(r, "force") && p->objective != OBJ_RUN) {
                log_notice("%s, at once: asked for by a control client", p->verb);
                control_end(r->client, r->id, 0, NULL); /* the loop ends with this turn */
                manager_set_objective(r->m, p->objective);
                return CONTROL_LATER;
        }
        log_notice("%s: asked for by a control client", p->verb);
        k = manager_add_job_by_name(r->m, JOB_START, target, p->mode, NULL, &error);
        return k < 0 ? request_fail(r, k, "%s", error ?: strerror(-k)) : 0;
}

/* ---- scheduled ---- */

static struct {
        const struct power *power; /* NULL: nothing is scheduled */
        usec_t when;               /* CLOCK_REALTIME */
        char *message;
        bool no_wall, nologin, dry_run /* -k */;
        struct loop_timer timer;
} plan;

/* Minutes before the end at which people are told. */
static const unsigned marks[] = { 600, 300, 180, 120, 60, 30, 15, 10, 5, 4, 3, 2, 1, 0 };

static usec_t next_mark(usec_t left)
{
        for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
                if (left > (usec_t)marks[i] * 60 * USEC_PER_SEC + USEC_PER_SEC)
                        return (usec_t)marks[i] * 60 * USEC_PER_SEC;
        return 0;
}

static void wall(struct manager *m, const char *text)
{
        char *argv[] = { (char *)"rousectl", (char *)"wall", (char *)text, NULL };
        posix_spawnattr_t attr;
        sigset_t none;
        pid_t pid;
        int r;

        if (plan.no_wall || !m->is_pid1)
                return;
        sigemptyset(&none);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        r = posix_spawn(&pid, WALL_PROGRAM, NULL, &attr, argv, environ); /* reaped with the orphans */
        posix_spawnattr_destroy(&attr);
        if (r != 0)
                log_info("Could not tell users: %s", text);
        else
                m->n_spawned++;
}

static void wall_countdown(struct manager *m, usec_t left)
{
        char at[64], text[WALL_MAX + 256];
        time_t t = (time_t)(plan.when / USEC_PER_SEC);
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
                *at = '\0';
        if (left < USEC_PER_SEC)
                snprintf(text, sizeof(text), "%s%sThe system will %s now!", plan.message ?: "",
                        plan.message ? "\n" : "", plan.power->verb);
        else
                snprintf(text, sizeof(text), "%s%sThe system will %s at %s!", plan.message ?: "",
                        plan.message ? "\n" : "", plan.power->verb, at);
        wall(m, text);
}

static void plan_clear(struct manager *m)
{
        loop_timer_cancel(m->loop, &plan.timer);
        if (plan.nologin)
                (void)unlink(NOLOGIN_FILE);
        if (plan.power)
                (void)unlink(SCHEDULED_FILE);
        free(plan.message);
        plan.message = NULL;
        plan.power = NULL;
        plan.nologin = false;
        state_touch_manager(m);
}

void control_power_close(struct manager *m)
{
        if (plan.power)
                plan_clear(m);
}

static void write_nologin(void)
{
        static const char text[] =
                "System is going down. Unprivileged users are not permitted to log in anymore. "
                "For technical details, see pam_nologin(8).\n";

        if (!plan.nologin)
                plan.nologin = write_file_atomic(NOLOGIN_FILE, text, sizeof(text) - 1, 0644, false) >= 0;
}

static void plan_arm(struct manager *m);

static void plan_due(struct loop_timer *t)
{
        struct manager *m = t->data;
        usec_t left = plan.when - now_realtime();
        const struct power *p = plan.power;
        _cleanup_free_ char *error = NULL;
        int r;

        if (left > USEC_PER_SEC / 2) {
                if (left <= NOLOGIN_BEFORE + USEC_PER_SEC)
                        write_nologin();
                wall_countdown(m, left);
                plan_arm(m);
                return;
        }
        wall_countdown(m, 0);
        if (plan.dry_run) {
                plan_clear(m);
                return;
        }
        plan.nologin = false; /* stays: nobody is to log in any more */
        plan_clear(m);
        r = manager_add_job_by_name(m, JOB_START, p->target, p->mode, NULL, &error);
        if (r < 0)
                log_error_errno(r, "The scheduled %s could not be done: %s", p->verb, error ?: "");
}

static void plan_arm(struct manager *m)
{
        usec_t left = MAX(plan.when - now_realtime(), 0);

        (void)loop_timer_set(m->loop, &plan.timer, usec_add(now_monotonic(), left - next_mark(left)));
}

static int plan_save(void)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        _cleanup_free_ char *escaped = NULL;
        int r;

        strbuf_printf(&b, "USEC=%lld\nWARN_WALL=%d\nMODE=%s\n", (long long)plan.when, !plan.no_wall,
                plan.power->verb);
        if (plan.message) {
                escaped = str_cescape(plan.message);
                strbuf_printf(&b, "WALL_MESSAGE=%s\n", escaped ?: "");
        }
        if (b.failed)
                return -ENOMEM;
        r = mkdir_parents(SCHEDULED_FILE, 0755);
        return r < 0 ? r : write_file_atomic(SCHEDULED_FILE, b.s, b.len, 0644, false);
}

void control_power_serialise(struct manager *m, struct state_out *s)
{
        if (!plan.power)
                return;
        state_put(s, "shutdown", plan.power->verb);
        state_put_int(s, "shutdown-when", plan.when, 0);
        state_put(s, "shutdown-message", plan.message);
        state_put_flag(s, "shutdown-no-wall", plan.no_wall);
        state_put_flag(s, "shutdown-nologin", plan.nologin);
        state_put_flag(s, "shutdown-dry-run", plan.dry_run);
}

bool control_power_deserialise(struct manager *m, const char *key, const char *value)
{
        if (streq(key, "shutdown"))
                plan.power = power_find(value);
        else if (streq(key, "shutdown-when") && plan.power) {
                plan.when = state_get_int(value, 0);
                plan.timer.cb = plan_due;
                plan.timer.data = m;
                plan_arm(m);
        } else if (streq(key, "shutdown-message"))
                (void)str_replace(&plan.message, value);
        else if (streq(key, "shutdown-no-wall"))
                plan.no_wall = true;
        else if (streq(key, "shutdown-nologin"))
                plan.nologin = true;
        else if (streq(key, "shutdown-dry-run"))
                plan.dry_run = true;
        else
                return false;
        return true;
}

static int shutdown_show(struct request *r)
{
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "Mode", plan.power ? plan.power->verb : "");
        record_add_u64(&rec, "USec", plan.power ? (uint64_t)plan.when : 0);
        record_add(&rec, "Message", plan.message);
        record_send(&rec);
        return 0;
}

static int shutdown_cancel(struct request *r)
{
        if (!plan.power)
                return 0;
        if (request_flag(r, "no-wall"))
                plan.no_wall = true;
        wall(r->m, request_option(r, "message") ?: "The system shutdown has been cancelled.");
        log_notice("The scheduled %s was cancelled", plan.power->verb);
        plan_clear(r->m);
        return 0;
}

/* shutdown ACTION USEC: ACTION poweroff, reboot, halt, kexec, cancel, show; USEC since 1970, in UTC. */
int verb_shutdown(struct request *r)
{
        const char *message = request_option(r, "message");
        const struct power *p;
        uint64_t when;

        if (streq(r->args[0], "show"))
                return shutdown_show(r);
        if (streq(r->args[0], "cancel"))
                return shutdown_cancel(r);
        p = power_find(r->args[0]);
        if (!p || p->objective == OBJ_RUN)
                return request_fail(r, -EINVAL, "'%.32s' cannot be scheduled.", r->args[0]);
        if (!r->args[1] || parse_u64(r->args[1], &when) < 0 || when > (uint64_t)USEC_INFINITY / 2)
                return request_fail(r, -EINVAL, "A shutdown needs a time.");
        if (message && strlen(message) > WALL_MAX)
                return request_fail(r, -E2BIG, "The message is too long.");
        plan_clear(r->m);
        plan.power = p;
        plan.when = (usec_t)when;
        plan.no_wall = request_flag(r, "no-wall");
        plan.dry_run = request_flag(r, "dry-run");
        if (!str_empty(message))
                plan.message = strdup(message);
        plan.timer.cb = plan_due;
        plan.timer.data = r->m;
        if (plan_save() < 0)
                log_warning(
                        "%s could not be written: %s is scheduled all the same", SCHEDULED_FILE, p->verb);
        if (plan.when - now_realtime() <= NOLOGIN_BEFORE && !plan.dry_run)
                write_nologin();
        log_notice("%s is scheduled", p->verb);
        if (plan.when - now_realtime() > USEC_PER_SEC)
                wall_countdown(r->m, plan.when - now_realtime());
        plan_arm(r->m);
        state_touch_manager(r->m);
        return shutdown_show(r);
}
