/* Mounts that somebody else has made, by mount(8) say, and the device that they are of. Such a unit refers to its device's;
 * with the option x-systemd.device-bound, or the device's property SYSTEMD_MOUNT_DEVICE_BOUND (udev rules for optical
 * drives), it is bound to it: when the device goes, it is unmounted. Units with a file are bound anyway.
 *
 * The kernel does not know that option; mount(8) writes it to /run/mount/utab, but after the mount is there. So it is
 * looked for again when the device goes. */
#include "lib/fileio.h"
#include "manager.h"
#include "mount-options.h"
#include "types.h"

#define UTAB     "/run/mount/utab"
#define UTAB_MAX (4u << 20)
#define OPTION   "x-systemd.device-bound"

/* "SRC=… TARGET=… ROOT=… OPTS=…", values with octal escapes: is it a line of where that has the option? */
static bool line_binds(char *line, const char *where)
{
        char *word, *save = NULL;
        bool here = false, option = false;

        for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                str_unescape_octal(word);
                if (startswith(word, "TARGET="))
                        here = streq(word + strlen("TARGET="), where);
                else if (startswith(word, "OPTS="))
                        option = mount_option(word + strlen("OPTS="), OPTION);
        }
        return here && option;
}

static bool utab_binds(const char *where)
{
        _cleanup_free_ char *text = NULL;
        bool binds = false;

        if (read_file(UTAB, UTAB_MAX, &text, NULL) < 0)
                return false;
        for (char *line, *at = text; (line = strsep(&at, "\n"));)
                if (strstr(line, OPTION) && line_binds(line, where))
                        binds = true;
        return binds;
}

/* The property is told of the device, which may have other names. */
static bool device_binds(struct device_unit *d)
{
        _cleanup_free_ char *name = NULL;
        struct unit *u = d->syspath && unit_name_from_path(d->syspath, "device", &name) >= 0
                                 ? unit_find(d->unit.manager, name)
                                 : NULL;

        return u && UNIT_CAST(device_unit, u)->binds_mounts;
}

void mount_bound_check(struct unit *device)
{
        bool binds = device_binds(UNIT_CAST(device_unit, device));

        UNIT_FOREACH_DEP(device, DEP_BIT(DEP_REFERENCED_BY), o)
        {
                struct mount *mt = UNIT_CAST(mount, o);

                if (o->type != UNIT_MOUNT || !mt->in_mountinfo || unit_has_dep(o, DEP_BINDS_TO, device) ||
                        !(binds || utab_binds(mt->where)))
                        continue;
                if (unit_add_dep(o, DEP_BINDS_TO, device, ORIGIN_UDEV) < 0)
                        log_unit(o->id, LOG_WARNING, "It is not bound to %s: no memory", device->id);
        }
}

void mount_bound_know(struct mount *mt)
{
        struct unit *u = &mt->unit, *device;
        _cleanup_free_ char *name = NULL;
        const char *what = mt->mi_what;

        unit_drop_own_deps(u, ORIGIN_UDEV);
        if (!mt->in_mountinfo || u->fragment_path || !what || !startswith(what, "/dev/") ||
                streq(mt->where, "/"))
                return;
        if (unit_name_from_path(what, "device", &name) < 0 || unit_get(u->manager, name, &device) < 0 ||
                unit_add_dep2(u, DEP_AFTER, DEP_REFERENCES, device, ORIGIN_UDEV) < 0)
                return;
        unit_queue_load(device);
        mount_bound_check(device);
}
