/* Verbs about the manager itself: reload, environment, log level, subscription. */
#include "config.h"
#include "control.h"

int verb_version(struct request *r)
{
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "Name", "rouse");
        record_add(&rec, "Version", ROUSE_VERSION);
        record_send(&rec);
        return 0;
}

int verb_daemon_reload(struct request *r)
{
        int k = control_wait_reload(r);

        return k < 0 ? request_fail(r, k, "Reading the unit files again failed: %s.", strerror(-k)) : k;
}

int verb_daemon_reexec(struct request *r)
{
        int k = state_write_all(r->m);

        if (k < 0)
                return request_fail(r, k, "The state of units could not be written down: %s.", strerror(-k));
        manager_set_objective(
                r->m, OBJ_REEXEC); /* the socket stays: what is asked next, the new one answers */
        return 0;
}

static bool variable_name_ok(const char *s, size_t n)
{
        if (n == 0 || (*s >= '0' && *s <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!(s[i] == '_' || (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') ||
                            (s[i] >= 'A' && s[i] <= 'Z')))
                        return false;
        return true;
}

int verb_set_environment(struct request *r)
{
        FOREACH_STR (a, r->args) {
                const char *eq = strchr(*a, '=');

                if (!eq || !variable_name_ok(*a, (size_t)(eq - *a)))
                        return request_fail(r, -EINVAL, "'%.64s' is not NAME=VALUE.", *a);
        }
        FOREACH_STR (a, r->args) {
                int k = strv_env_set(&r->m->environment, *a);

                if (k >= 0)
                        k = strv_env_set(&r->m->set_environment, *a);
                if (k < 0)
                        return k;
        }
        state_touch_manager(r->m);
        return 0;
}

int verb_unset_environment(struct request *r)
{
        state_touch_manager(r->m);
        FOREACH_STR (a, r->args) {
                strv_env_unset(r->m->environment, *a);
                strv_env_unset(r->m->set_environment, *a);
        }
        return 0;
}

int verb_show_environment(struct request *r)
{
        struct record rec;

        FOREACH_STR (e, r->m->environment) {
                record_begin(&rec, r);
                record_add(&rec, "Environment", *e);
                record_send(&rec);
        }
        return 0;
}

int verb_log_level(struct request *r)
{
        struct record rec;

        if (r->args && *r->args) {
                int level = log_level_from_string(*r->args);

                if (!request_may_change(r))
                        return request_fail(r, -EACCES, "Only root may change the log level.");
                if (level < 0)
                        return request_fail(r, -EINVAL, "'%.32s' is not a log level.", *r->args);
                log_set_max_level(level);
        }
        record_begin(&rec, r);
        record_add(&rec, "LogLevel", log_level_to_string(log_get_max_level()));
        record_send(&rec);
        return 0;
}

int verb_show_status(struct request *r)
{
        if (config_show_status(*r->args, &r->m->show_status) < 0)
                return request_fail(r, -EINVAL, "'%.32s' is none of yes, no, auto, error.", *r->args);
        state_touch_manager(r->m);
        return 0;
}

int verb_exit_code(struct request *r)
{
        uint32_t code;

        if (!r->m->container)
                return request_fail(r, -EOPNOTSUPP, "Only a manager in a container ends with an exit code.");
        if (parse_u32(*r->args, &code) < 0 || code > 255)
                return request_fail(r, -EINVAL, "'%.32s' is not an exit code.", *r->args);
        r->m->exit_code = (int)code;
        state_touch_manager(r->m);
        return 0;
}

const char *control_default_target(struct manager *m)
{
        const char *name = m->default_target ?: "default.target";
        struct unit *u = unit_find(m, name);

        return u ? unit_follow_merge(u)->id : name;
}

int verb_get_default(struct request *r)
{
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "DefaultTarget", control_default_target(r->m));
        record_send(&rec);
        return 0;
}

int verb_subscribe(struct request *r)
{
        client_subscribe(r->client);
        return 0;
}
