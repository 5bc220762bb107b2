/* dbus-daemon runs with --systemd-activation: it asks us to start the units of its service files. It is told at once when
 * that is not possible, and as soon as it has failed; otherwise the name's appearance is its answer. */
#include "busd.h"

#define ACTIVATOR BUS_INTERFACE "Activator"

static void activation_failed(struct busd *b, const char *unit, const char *error, const char *message)
{
        sd_bus_message *m = NULL;
        int r;

        if (!b->system)
                return;
        log_info("The bus wants %s, which cannot be had: %s", unit, message);
        r = sd_bus_message_new_signal(b->system->bus, &m, BUS_PATH, ACTIVATOR, "ActivationFailure");
        if (r >= 0)
                r = sd_bus_message_set_destination(m, "org.freedesktop.DBus");
        if (r >= 0)
                r = sd_bus_message_append(m, "sss", unit, error, message);
        if (r >= 0)
                r = sd_bus_send(b->system->bus, m, NULL);
        if (r < 0)
                log_warning_errno(r, "The bus could not be told that %s does not start: %m", unit);
        sd_bus_message_unref(m);
}

static const char *error_of(int error)
{
        switch (error) {
        case ENOENT: return ERROR_PREFIX "NoSuchUnit";
        case ERFKILL: return ERROR_PREFIX "UnitMasked";
        default: return ERROR_PREFIX "ActivationFailed";
        }
}

/* A start whose condition does not hold is done, too, and nobody will take the name. */
static void looked_at(struct busd *b, const struct answer *a, void *data)
{
        _cleanup_free_ char *unit = data;
        const char *state = a->n > 0 ? record_str(&a->records[0], "ActiveState") : "";

        if (streq(state, "inactive") || streq(state, "failed"))
                activation_failed(b, unit, ERROR_PREFIX "ActivationFailed",
                        "The unit is not running: a condition is not met, or it has ended.");
}

static void started(struct busd *b, const struct answer *a, void *data)
{
        _cleanup_free_ char *unit = data;

        for (size_t i = 0; i < a->n; i++) {
                const struct ctl_record *rec = &a->records[i];
                const char *result = record_get(rec, "Result");

                if (record_get(rec, "Error")) {
                        activation_failed(b, unit, error_of((int)record_u64(rec, "Error")),
                                record_str(rec, "Message"));
                        return;
                }
                if (result && !streq(result, "done") && !streq(result, "canceled")) {
                        _cleanup_free_ char *text = str_printf("Unit %s did not start: %s.", unit, result);

                        activation_failed(b, unit, ERROR_PREFIX "ActivationFailed", text ?: result);
                        return;
                }
        }
        if (a->error < 0)
                activation_failed(b, unit, error_of(-a->error), a->message ?: strerror(-a->error));
        else if (link_request(b, "is-active", (char *[]) { unit, NULL }, NULL, looked_at, unit) >= 0)
                (void)TAKE_PTR(unit);
}

static int on_request(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct busd *b = data;
        const char *unit;
        char *copy;
        int r = sd_bus_message_read(m, "s", &unit);

        if (r < 0)
                return 0;
        copy = strdup(unit);
        r = copy ? link_request(b, "start", (char *[]) { copy, NULL },
                           (char *[]) { (char *)"mode=replace", (char *)"wait", NULL }, started, copy)
                 : -ENOMEM;
        if (r < 0) {
                free(copy);
                activation_failed(b, unit, ERROR_PREFIX "ActivationFailed", strerror(-r));
        }
        return 0;
}

int activation_init(struct busd *b)
{
        return sd_bus_match_signal_async(b->system->bus, NULL, "org.freedesktop.DBus", NULL, ACTIVATOR,
                "ActivationRequest", on_request, NULL, b);
}
