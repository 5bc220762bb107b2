/* StartTransientUnit, SetUnitProperties, AttachProcessesToUnit: values of the bus as lines of unit files (transient.c). */
#include <stdio.h>

#include "busd.h"

static int refuse_properties(struct call *c, int error, const char *message)
{
        if (error == -EOPNOTSUPP)
                return call_fail(
                        c, SD_BUS_ERROR_PROPERTY_READ_ONLY, "%s", message ?: "Cannot set a property.");
        return call_fail_errno(c, error, message);
}

/* A job's error comes in a record, one about the unit itself in END. */
static int started(struct call *c, const struct answer *a)
{
        if (a->error == -EOPNOTSUPP && a->n == 0)
                return refuse_properties(c, a->error, a->message);
        return job_done(c, a);
}

static int read_units(struct call *c, struct transient *t, char ***args, char **ret_error)
{
        int k = transient_read(c->m, t, ret_error);

        if (k >= 0)
                k = strv_extend(args, t->lines);
        if (k >= 0)
                k = sd_bus_message_enter_container(c->m, 'a', "(sa(sv))");
        while (k >= 0 && (k = sd_bus_message_enter_container(c->m, 'r', "sa(sv)")) > 0) {
                _cleanup_transient_ struct transient other = { .caller = t->caller };
                const char *name;

                k = sd_bus_message_read_basic(c->m, 's', &name);
                if (k >= 0 && interface_of_unit(name) < 0)
                        k = -EINVAL;
                if (k >= 0)
                        k = transient_read(c->m, &other, ret_error);
                if (k >= 0)
                        k = strv_add(args, name);
                if (k >= 0)
                        k = strv_extend(args, other.lines);
                if (k >= 0)
                        k = sd_bus_message_exit_container(c->m);
        }
        return k < 0 ? k : sd_bus_message_exit_container(c->m);
}

int on_start_transient(struct call *c)
{
        _cleanup_transient_ struct transient t = { 0 };
        _cleanup_strv_ char **args = NULL;
        _cleanup_free_ char *error = NULL;
        const char *name, *mode;
        int k = sd_bus_message_read(c->m, "ss", &name, &mode);

        if (k >= 0 && (interface_of_unit(name) < 0 || strlen(mode) > 40))
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid unit name or job mode.");
        if (k >= 0)
                k = strv_add(&args, name);
        if (k >= 0)
                k = strv_addf(&t.options, "mode=%s", *mode ? mode : "replace");
        if (k >= 0 && endswith(name, ".scope")) {
                pid_t pid = 0;

                (void)call_pid(c, &pid); /* what 0 among PIDs stands for */
                t.caller = (uint32_t)pid;
        }
        if (k >= 0)
                k = read_units(c, &t, &args, &error);
        if (k >= 0 && t.add_ref)
                k = strv_push(&t.options, holder_option(c, "ref"));
        if (k < 0)
                return refuse_properties(c, k, error);
        asker_add(c);
        return call_request(c, "start-transient", args, t.options, started);
}

static int properties_set(struct call *c, const struct answer *a)
{
        return a->error < 0 ? refuse_properties(c, a->error, a->message) : call_reply(c, NULL);
}

int on_set_properties(struct call *c)
{
        _cleanup_transient_ struct transient t = { 0 };
        _cleanup_strv_ char **args = NULL;
        _cleanup_free_ char *error = NULL;
        const char *name;
        int runtime, k = call_unit(c, &name);

        if (k >= 0)
                k = sd_bus_message_read_basic(c->m, 'b', &runtime);
        if (k >= 0)
                k = transient_read(c->m, &t, &error);
        if (k >= 0)
                k = strv_add(&args, name);
        if (k >= 0)
                k = strv_extend(&args, t.lines);
        if (k < 0)
                return refuse_properties(c, k, error);
        if (!t.lines)
                return call_reply(c, NULL);
        return call_request(c, "set-property", args, runtime ? (char *[]) { (char *)"runtime", NULL } : NULL,
                properties_set);
}

int on_attach_processes(struct call *c)
{
        _cleanup_strv_ char **args = NULL;
        _cleanup_free_ char *option = NULL;
        const char *name, *below;
        const uint32_t *pids;
        pid_t self = 0;
        size_t n = 0;
        int k = call_unit(c, &name);

        if (k >= 0)
                k = strv_add(&args, name);
        if (k >= 0)
                k = sd_bus_message_read_basic(c->m, 's', &below);
        if (k >= 0)
                k = sd_bus_message_read_array(c->m, 'u', (const void **)&pids, &n);
        if (k >= 0)
                k = call_pid(c, &self);
        for (size_t i = 0; i < n / sizeof(*pids) && k >= 0; i++)
                k = strv_addf(&args, "%u", pids[i] ?: (uint32_t)self);
        if (k < 0)
                return k;
        if (n == 0)
                return call_reply(c, NULL);
        option = str_printf("subgroup=%s", below);
        if (!option)
                return -ENOMEM;
        return call_request(c, "attach", args, *below ? (char *[]) { option, NULL } : NULL, unit_done);
}
