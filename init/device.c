/* Device units: what devd says of the devices that somebody waits for.
 *
 * A unit stands for a name: a node, a link or a sysfs path. PID 1 registers the names that it has units for; devd
 * answers with the device behind it now, and with every change. A start job on a device that is absent runs until it
 * comes or DefaultDeviceTimeoutSec= (x-systemd.device-timeout=) has passed. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/devlink.h"
#include "control.h"
#include "manager.h"
#include "types.h"

static void device_init(struct unit *u)
{
        u->job_running_timeout = u->manager->default_device_timeout;
        u->ignore_on_isolate = true;
}

/* Another name of a device that is known by its sysfs path: who asks for it now need not wait for devd's word. */
static void device_take_known(struct unit *u, const char *path)
{
        struct device_unit *d = UNIT_CAST(device_unit, u), *known;
        _cleanup_free_ char *syspath = NULL, *name = NULL;
        char link[64], target[PATH_MAX];
        struct unit *other;
        const char *rest;
        struct stat st;
        ssize_t n;

        if (!startswith(path, "/dev/") || stat(path, &st) < 0 ||
                (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode)))
                return;
        snprintf(link, sizeof(link), "/sys/dev/%s/%u:%u", S_ISBLK(st.st_mode) ? "block" : "char",
                major(st.st_rdev), minor(st.st_rdev));
        n = readlink(link, target, sizeof(target) - 1);
        if (n <= 0)
                return;
        target[n] = '\0';
        rest = strstr(target, "/devices/");
        syspath = rest ? str_concat("/sys", rest, NULL) : NULL;
        if (!syspath || unit_name_from_path(syspath, "device", &name) < 0)
                return;
        other = unit_find(u->manager, name);
        known = other && other != u ? UNIT_CAST(device_unit, other) : NULL;
        if (!known || !known->present || str_replace(&d->syspath, known->syspath) < 0)
                return;
        d->present = true;
        d->not_ready = known->not_ready;
}

static int device_load(struct unit *u)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);
        _cleanup_free_ char *path = NULL;
        int r = unit_name_to_path(u->id, &path);

        if (r < 0)
                return r;
        if (!u->description)
                (void)str_replace(&u->description, path);
        if (d->watched)
                return 0;
        d->watched = true;
        device_take_known(u, path);
        r = devlink_watch(u->manager, path);
        return MIN(r, 0);
}

static enum active_state device_active_state(struct unit *u)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);

        return d->present && !d->not_ready ? UNIT_ACTIVE : UNIT_INACTIVE;
}

static const char *device_sub_state(struct unit *u)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);

        return d->present && !d->not_ready ? "plugged" : "dead";
}

static int device_start(struct unit *u)
{
        return 0; /* it waits for devd; the job's running timeout is the limit */
}

static bool required_by_target(struct unit *u)
{
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_REQUIRED_BY), o)
        if (o->type == UNIT_TARGET)
                return true;
        return false;
}

/* Missed is what a mount or swap waits for that the boot cannot do without (no nofail). */
static void device_job_timed_out(struct unit *u)
{
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_REQUIRED_BY) | DEP_BIT(DEP_BOUND_BY), o)
        if ((o->type == UNIT_MOUNT || o->type == UNIT_SWAP) && required_by_target(o))
                UNIT_CAST(device_unit, u)->missed = true;
}

static void device_done(struct unit *u)
{
        free(UNIT_CAST(device_unit, u)->syspath);
}

static void device_serialise(struct unit *u, struct state_out *s)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);

        state_put(s, "syspath", d->syspath);
        state_put_flag(s, "present", d->present);
        state_put_flag(s, "not-ready", d->not_ready);
        state_put_flag(s, "missed", d->missed);
        state_put_flag(s, "binds-mounts", d->binds_mounts);
        if (d->present)
                state_put(s, "description", u->description);
        for (size_t i = 0; i < u->n_deps; i++)
                if (u->deps[i].origin & ORIGIN_UDEV && u->deps[i].types & DEP_BIT(DEP_WANTS))
                        state_put(s, "wants", u->deps[i].other->id);
}

/* As it was; devd, asked again, sends what has changed since. */
static bool device_deserialise(struct unit *u, const char *key, const char *value)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);

        if (streq(key, "syspath"))
                (void)str_replace(&d->syspath, value);
        else if (streq(key, "present"))
                d->present = true;
        else if (streq(key, "not-ready"))
                d->not_ready = true;
        else if (streq(key, "missed"))
                d->missed = true;
        else if (streq(key, "binds-mounts"))
                d->binds_mounts = true;
        else if (streq(key, "description"))
                (void)str_replace(&u->description, value);
        else if (streq(key, "wants")) /* has been started already */
                (void)unit_add_dep_by_name(u, DEP_WANTS, value, ORIGIN_UDEV);
        else
                return false;
        return true;
}

const struct unit_ops device_ops = {
        .size = sizeof(struct device_unit),
        .can_fail_transient = true,
        .always_loaded = true,
        .live_offset = offsetof(struct device_unit, syspath),
        .init = device_init,
        .load = device_load,
        .done = device_done,
        .start = device_start,
        .job_timed_out = device_job_timed_out,
        .active_state = device_active_state,
        .sub_state = device_sub_state,
        .serialise = device_serialise,
        .deserialise = device_deserialise,
};

/* ---- from devd ---- */

static void set_description(struct unit *u, char **props)
{
        const char *model = strv_env_get(props, "ID_MODEL_FROM_DATABASE") ?: strv_env_get(props, "ID_MODEL");
        const char *label = strv_env_get(props, "ID_FS_LABEL");
        _cleanup_free_ char *text = NULL;

        if (!model)
                return;
        text = label ? str_printf("%s %s", model, label) : strdup(model);
        if (text)
                (void)str_replace(&u->description, text);
}

static void set_binding(struct unit *u, char **props)
{
        const char *value = strv_env_get(props, "SYSTEMD_MOUNT_DEVICE_BOUND");

        UNIT_CAST(device_unit, u)->binds_mounts = value && parse_boolean(value) > 0;
}

static void add_wants(struct unit *u, char **props)
{
        const char *wants = strv_env_get(props, "SYSTEMD_WANTS");
        _cleanup_strv_ char **names = NULL;

        if (!wants || str_split_quoted(wants, 0, &names) < 0)
                return;
        FOREACH_STR (n, names) {
                _cleanup_free_ char *name = NULL;
                struct unit *w;
                int r;

                if (unit_name_is_template(*n)) {
                        _cleanup_free_ char *inst = NULL;

                        /* a template's instance is the device's path */
                        r = unit_name_path_escape(UNIT_CAST(device_unit, u)->syspath ?: "/", &inst);
                        if (r >= 0)
                                r = unit_name_replace_instance(*n, inst, &name);
                } else
                        r = unit_name_mangle(*n, "service", &name);
                if (r < 0 || unit_get(u->manager, name, &w) < 0) {
                        log_unit(u->id, LOG_WARNING, "SYSTEMD_WANTS=%s is not a unit name; ignored", *n);
                        continue;
                }
                if (unit_has_dep(u, DEP_WANTS, w))
                        continue;
                (void)unit_add_dep(u, DEP_WANTS, w, ORIGIN_UDEV);
                if (unit_active_state(u) == UNIT_ACTIVE)
                        (void)manager_add_job(u->manager, JOB_START, w, JOB_FAIL, false, NULL, NULL);
        }
}

/* A boot that ended in the emergency shell for want of devices goes on when the last of them is there. */
static void resume_boot(struct unit *u)
{
        struct manager *m = u->manager;
        struct unit *emergency = unit_find(m, "emergency.target");

        UNIT_CAST(device_unit, u)->missed = false;
        UNITS_FOREACH(o, m, UNIT_DEVICE)
        if (UNIT_CAST(device_unit, o)->missed)
                return;
        if (!emergency || unit_active_state(emergency) != UNIT_ACTIVE || m->shutting_down)
                return;
        log_unit(u->id, LOG_NOTICE, "The device is there at last: the boot goes on");
        status_line(m, " NOTE ", "%s is there at last: the boot goes on.", unit_description(u));
        (void)manager_start_target(m, control_default_target(m), JOB_ISOLATE);
}

static void set_present(struct unit *u, bool present, bool not_ready)
{
        struct device_unit *d = UNIT_CAST(device_unit, u);
        enum active_state old = unit_active_state(u);

        if (old == UNIT_ACTIVE && (!present || not_ready))
                mount_bound_check(u);
        d->present = present;
        d->not_ready = not_ready;
        if (unit_active_state(u) != old)
                unit_notify(u, old, false);
        if (d->missed && unit_active_state(u) == UNIT_ACTIVE)
                resume_boot(u);
}

/* The unit of one name of the device. make: also if nobody wants it, once it is ready; not for links, of which a disk
 * has a dozen. */
static void update_name(
        struct manager *m, const char *name, const char *syspath, unsigned state, char **props, bool make)
{
        _cleanup_free_ char *unit_name = NULL;
        struct unit *u;
        bool present = state != DL_DEV_GONE;

        if (unit_name_from_path(name, "device", &unit_name) < 0)
                return;
        u = unit_find(m, unit_name);
        if (!u) {
                if (state != DL_DEV_PRESENT || !make || unit_get(m, unit_name, &u) < 0)
                        return;
                u->load_state = UNIT_LOADED;
                UNIT_CAST(device_unit, u)->watched = true; /* devd tells of this device anyway */
        }
        if (present) {
                (void)str_replace(&UNIT_CAST(device_unit, u)->syspath, syspath);
                set_description(u, props);
        }
        set_present(u, present, state == DL_DEV_NOT_READY);
        if (!present)
                (void)str_replace(&UNIT_CAST(device_unit, u)->syspath, NULL);
        else if (streq(name, syspath))
                set_binding(u, props);
        if (state == DL_DEV_PRESENT)
                add_wants(u, props);
}

/* Units of names that this device no longer has. */
static void drop_names(
        struct manager *m, const char *syspath, const char *node, char **links, char **aliases)
{
        UNITS_FOREACH(u, m, UNIT_DEVICE)
        {
                struct device_unit *d = UNIT_CAST(device_unit, u);
                _cleanup_free_ char *path = NULL;

                if (!d->present || !streq_null(d->syspath, syspath) || unit_name_to_path(u->id, &path) < 0)
                        continue;
                if (streq(path, syspath) || streq_null(path, node) || strv_contains(links, path) ||
                        strv_contains(aliases, path))
                        continue;
                set_present(u, false, false);
        }
}

/* Every device that is ready and has units is present under its sysfs path too; one that is not, perhaps under its node. */
static bool is_known(struct manager *m, const char *path)
{
        _cleanup_free_ char *name = NULL;
        struct unit *u = unit_name_from_path(path, "device", &name) < 0 ? NULL : unit_find(m, name);

        return u && UNIT_CAST(device_unit, u)->present;
}

void device_message(
        struct manager *m, const char *syspath, const char *node, unsigned state, char **links, char **props)
{
        const char *alias = strv_env_get(props, "SYSTEMD_ALIAS");
        _cleanup_strv_ char **aliases = NULL;

        if (alias && str_split_quoted(alias, 0, &aliases) < 0)
                log_warning("SYSTEMD_ALIAS=%s of %s is not understood, ignored", alias, syspath);
        if (is_known(m, syspath) || (node && is_known(m, node)))
                drop_names(m, syspath, node, links, aliases);
        update_name(m, syspath, syspath, state, props, true);
        if (node)
                update_name(m, node, syspath, state, NULL, true);
        FOREACH_STR (l, links)
                update_name(m, *l, syspath, state, NULL, false);
        FOREACH_STR (a, aliases)
                if (**a == '/')
                        update_name(m, *a, syspath, state, NULL, true);
}
