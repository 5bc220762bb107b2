/* What PID 1 is told of devices.
 *
 * A device is told when one of its names is watched (sysfs path, node, link that it won, SYSTEMD_ALIAS), or when it
 * has the tag "systemd", SYSTEMD_WANTS or SYSTEMD_ALIAS; always the whole of its state. A watched name is answered
 * when asked for if the device is there and initialised; if not, as soon as it is, or, once the queue is empty,
 * by "gone" under the name that was asked for. When a link changes hands, its new owner is told again. */
#include "pid1-internal.h"

#include <dirent.h>
#include <stdio.h>

#include "coldplug.h"
#include "keys.h"
#include "lib/log.h"

struct watched {
        bool answered; /* something was said about it */
        char *syspath; /* of the device that had it last, or NULL */
        char name[];
};

static void watched_free(struct watched *k)
{
        free(k->syspath);
        free(k);
}

void pid1_free_watches(struct pid1 *p)
{
        HASHMAP_FOREACH (e, &p->watches)
                watched_free(e->value);
        hash_done(&p->watches);
}

/* ---- one device as a message ---- */

/* Does the link in /dev point at this device's node? */
static bool owns_link(const struct device *d, const char *link)
{
        char name[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
        const char *t = target;
        ssize_t n;

        if (!d->devnode || snprintf(name, sizeof(name), "/dev/%s", link) >= (int)sizeof(name) ||
                real_dev_path(name, path) < 0)
                return false;
        n = readlink(path, target, sizeof(target) - 1);
        if (n <= 0)
                return false;
        target[n] = '\0';
        while (startswith(t, "../"))
                t += 3;
        return streq(t, d->devnode + strlen("/dev/"));
}

static bool is_interesting(const char *key)
{
        return startswith(key, "SYSTEMD_") || startswith(key, "ID_MODEL") || startswith(key, "ID_VENDOR") ||
               streq(key, "ID_FS_TYPE");
}

static void send_device(struct devd *m, struct device *d, unsigned state)
{
        _cleanup_strv_ char **links = NULL, **props = NULL;
        struct wire_writer w = {};

        if (state != DL_DEV_GONE) {
                FOREACH_STR (l, d->links)
                        if (owns_link(d, *l))
                                (void)strv_addf(&links, "/dev/%s", *l);
                for (size_t i = 0; i < d->n_props; i++)
                        if (is_interesting(d->props[i].key) && *d->props[i].value)
                                (void)strv_addf(&props, "%s=%s", d->props[i].key, d->props[i].value);
        }
        wire_begin(&w, DL_DEVICE, 0);
        wire_str(&w, d->syspath);
        wire_str(&w, d->devnode);
        wire_u32(&w, state);
        wire_strv(&w, links);
        wire_strv(&w, props);
        pid1_send(m, &w);
}

static void send_absent(struct devd *m, const char *name)
{
        struct wire_writer w = {};
        bool sysfs = startswith(name, "/sys/");

        wire_begin(&w, DL_DEVICE, 0);
        wire_str(&w, sysfs ? name : NULL);
        wire_str(&w, sysfs ? NULL : name);
        wire_u32(&w, DL_DEV_GONE);
        wire_strv(&w, NULL);
        wire_strv(&w, NULL);
        pid1_send(m, &w);
}

static unsigned state_of(struct device *d)
{
        const char *ready = device_prop(d, "SYSTEMD_READY");

        if (streq_null(d->action, "remove"))
                return DL_DEV_GONE;
        return ready && parse_boolean(ready) == 0 ? DL_DEV_NOT_READY : DL_DEV_PRESENT;
}

/* ---- names ---- */

static void mark(struct device *d, struct watched *k, bool gone)
{
        k->answered = true;
        (void)str_replace(&k->syspath, gone ? NULL : d->syspath);
}

static bool mark_name(struct pid1 *p, struct device *d, const char *name, bool gone)
{
        struct watched *k = name ? hash_get(&p->watches, name) : NULL;

        if (k)
                mark(d, k, gone);
        return k;
}

static bool mark_aliases(struct pid1 *p, struct device *d, bool gone)
{
        const char *value = device_prop(d, "SYSTEMD_ALIAS");
        _cleanup_strv_ char **aliases = value ? strv_split(value, " ") : NULL;
        bool any = false;

        FOREACH_STR (a, aliases)
                any |= mark_name(p, d, *a, gone);
        return any;
}

/* Marks every watched name that is this device's; true when there is one. */
static bool mark_names(struct pid1 *p, struct device *d)
{
        bool gone = streq_null(d->action, "remove"), any = false;

        if (p->watches.n == 0)
                return false;
        any |= mark_name(p, d, d->syspath, gone);
        any |= mark_name(p, d, d->devnode, gone);
        any |= mark_aliases(p, d, gone);
        FOREACH_STR (l, d->links) {
                char name[PATH_MAX];

                if (snprintf(name, sizeof(name), "/dev/%s", *l) < (int)sizeof(name) &&
                        (gone || owns_link(d, *l)))
                        any |= mark_name(p, d, name, gone);
        }
        return any;
}

/* The device that has the name now, with its database entry; -ENODEV, also when it is not initialised. */
static int device_of_name(const char *name, struct device **ret)
{
        _cleanup_device_ struct device *d = NULL;
        const char *sub = startswith(name, "/sys/subsystem/"), *devices;
        char subsystem[64];
        int r;

        if (sub && (devices = strstr(sub, "/devices/")) && (size_t)(devices - sub) < sizeof(subsystem)) {
                memcpy(subsystem, sub, (size_t)(devices - sub));
                subsystem[devices - sub] = '\0';
                r = device_from_subsystem(subsystem, devices + strlen("/devices/"), &d);
        } else if (startswith(name, "/sys/"))
                r = device_from_syspath(name, NULL, &d);
        else
                r = device_from_devnode(name, &d);
        if (r < 0)
                return -ENODEV;
        if (db_read(d) < 0)
                return -ENODEV;
        *ret = TAKE_PTR(d);
        return 0;
}

void pid1_watch(struct devd *m, const char *name)
{
        struct pid1 *p = m->pid1;
        _cleanup_device_ struct device *d = NULL;
        struct watched *k;

        if (!name || name[0] != '/' || !path_is_normalized(name))
                return;
        k = hash_get(&p->watches, name);
        if (!k) {
                k = calloc(1, sizeof(*k) + strlen(name) + 1);
                if (!k)
                        return;
                strcpy(k->name, name);
                if (hash_put(&p->watches, k->name, k) < 0) {
                        free(k);
                        return;
                }
        }
        k->answered = false;
        if (device_of_name(name, &d) >= 0 && !device_prop(d, "ID_RENAMING")) {
                mark(d, k, false);
                send_device(m, d, state_of(d));
        } else if (!coldplug_fetch(m, name))
                daemon_check_idle(m);
}

bool pid1_settles(const struct devd *m)
{
        return m->pid1 && m->pid1->n_settles > 0;
}

bool pid1_awaits(const struct devd *m)
{
        if (m->pid1)
                HASHMAP_FOREACH (e, &m->pid1->watches)
                        if (!((struct watched *)e->value)->answered)
                                return true;
        return false;
}

bool pid1_lacks_disk(const struct devd *m)
{
        if (m->pid1)
                HASHMAP_FOREACH (e, &m->pid1->watches) {
                        const struct watched *k = e->value;

                        if (!k->syspath && startswith(k->name, "/dev/") && !startswith(k->name, "/dev/tty"))
                                return true;
                }
        return false;
}

void pid1_unwatch(struct devd *m, const char *name)
{
        struct watched *k = name ? hash_del(&m->pid1->watches, name) : NULL;

        if (k)
                watched_free(k);
}

void pid1_resolve_absent(struct devd *m)
{
        HASHMAP_FOREACH (e, &m->pid1->watches) {
                struct watched *k = e->value;

                if (k->answered)
                        continue;
                k->answered = true;
                send_absent(m, k->name);
        }
}

/* A watched link that this device gave up or lost belongs to another one now, perhaps. */
static void follow_link(struct devd *m, struct device *d, const char *link)
{
        _cleanup_device_ struct device *owner = NULL;
        char name[PATH_MAX];
        struct watched *k;

        if (snprintf(name, sizeof(name), "/dev/%s", link) >= (int)sizeof(name))
                return;
        k = hash_get(&m->pid1->watches, name);
        if (!k || (owns_link(d, link) && !streq(d->action, "remove")))
                return;
        if (device_of_name(name, &owner) < 0 || streq(owner->syspath, d->syspath))
                return;
        if (streq_null(k->syspath, owner->syspath))
                return;
        mark(owner, k, false);
        send_device(m, owner, state_of(owner));
}

/* Who had a link until this device took it. */
static void add_former_owner(struct devd *m, struct device *d, const char *link, char ***formers)
{
        char name[PATH_MAX];
        struct watched *k;

        if (snprintf(name, sizeof(name), "/dev/%s", link) >= (int)sizeof(name))
                return;
        k = hash_get(&m->pid1->watches, name);
        if (k && k->syspath && !streq(k->syspath, d->syspath) && owns_link(d, link) &&
                !strv_contains(*formers, k->syspath))
                (void)strv_add(formers, k->syspath);
}

static void send_again(struct devd *m, const char *syspath)
{
        _cleanup_device_ struct device *d = NULL;

        if (device_from_syspath(syspath, NULL, &d) >= 0 && db_read(d) >= 0)
                send_device(m, d, state_of(d));
}

/* What it was called before a "move" is no device any more. Told after the new name, so that node and links are taken
 * over and not given up. */
static void tell_old_path(struct devd *m, struct device *d)
{
        const char *old = streq(d->action, "move") ? device_prop(d, "DEVPATH_OLD") : NULL;
        char path[PATH_MAX];
        struct watched *k;

        if (!old || snprintf(path, sizeof(path), "/sys%s", old) >= (int)sizeof(path) ||
                streq(path, d->syspath))
                return;
        k = hash_get(&m->pid1->watches, path);
        if (k)
                (void)str_replace(&k->syspath, NULL);
        send_absent(m, path);
}

static bool has_systemd_tag(const struct device *d)
{
        return d && strv_contains(d->tags_current, "systemd");
}

/* Of a link that changes hands the new owner is told first: at no time is it nobody's, which would stop what is bound
 * to it, such as the mount of a file system on several disks. */
void pid1_event(struct devd *m, struct device *d, struct device *old)
{
        _cleanup_strv_ char **formers = NULL;
        struct pid1 *p = m->pid1;
        bool tell;

        if (!p)
                return;
        keys_event(m, d);
        if (device_prop(d, "ID_RENAMING"))
                return; /* its "move" event follows */
        FOREACH_STR (l, d->links)
                add_former_owner(m, d, *l, &formers);
        tell = mark_names(p, d);
        tell |= has_systemd_tag(d) || has_systemd_tag(old) || device_prop(d, "SYSTEMD_WANTS") ||
                device_prop(d, "SYSTEMD_ALIAS");
        FOREACH_STR (l, d->links)
                follow_link(m, d, *l);
        FOREACH_STR (l, old ? old->links : NULL)
                if (!strv_contains(d->links, *l))
                        follow_link(m, d, *l);
        if (tell) {
                send_device(m, d, state_of(d));
                tell_old_path(m, d);
        }
        FOREACH_STR (s, formers)
                send_again(m, *s);
}

void pid1_gone(struct devd *m, struct device *d)
{
        if (m->pid1 && d->devnode)
                send_device(m, d, DL_DEV_GONE);
}

void pid1_send_snapshot(struct devd *m)
{
        _cleanup_strbuf_ struct strbuf path = {};
        DIR *dir;
        struct dirent *e;

        strbuf_printf(&path, "%s/tags/systemd", root_run());
        dir = path.failed ? NULL : opendir(path.s);
        while (dir && (e = readdir(dir))) {
                _cleanup_device_ struct device *d = NULL;

                if (e->d_name[0] == '.' || device_from_id(e->d_name, &d) < 0 || db_read(d) < 0)
                        continue;
                if (!has_systemd_tag(d) || device_prop(d, "ID_RENAMING"))
                        continue;
                (void)mark_names(m->pid1, d);
                send_device(m, d, state_of(d));
        }
        if (dir)
                closedir(dir);
}
