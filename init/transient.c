/* Transient units and changed properties: units and drop-ins that come over the control socket.
 *
 * They become files as an administrator would write them, and are read by load.c like any other:
 *         /run/systemd/transient/NAME                        a transient unit
 *         /run/systemd/system.control/NAME.d/50-KEY.conf     a property that was set for this boot
 *         /etc/systemd/system.control/NAME.d/50-KEY.conf     one that was set for good
 * What cannot be read is refused before anything is written. A transient unit's files go when the unit does. */
#include "transient.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "load.h"
#include "manager.h"
#include "table.h"

#define TRANSIENT_DIR   "/run/systemd/transient"
#define CONTROL_RUNTIME "/run/systemd/system.control"
#define CONTROL_DIR     "/etc/systemd/system.control"

int assignment_parse(enum unit_type t, const char *s, struct assignment *ret, char **ret_error)
{
        const char *eq = strchr(s, '='), *dot = memchr(s, '.', eq ? (size_t)(eq - s) : 0);
        struct assignment a = { 0 };

        if (!eq || eq == s || (size_t)(eq - s) > 200) {
                *ret_error = str_printf("'%.100s' is not KEY=VALUE.", s);
                return -EINVAL;
        }
        if (dot) {
                snprintf(a.section, sizeof(a.section), "%.*s", (int)(dot - s), s);
                dot++;
        } else
                dot = s;
        snprintf(a.key, sizeof(a.key), "%.*s", (int)(eq - dot), dot);
        a.value = eq + 1;
        if (!*a.section)
                snprintf(a.section, sizeof(a.section), "%s",
                        directive_find(t, "Unit", a.key) ? "Unit" : directive_own_section(t) ?: "Unit");
        if (!directive_section_known(t, a.section) || streq(a.section, "Install") ||
                !directive_find(t, a.section, a.key)) {
                *ret_error = str_printf("Unknown property '%s' in section [%s] of a %s unit.", a.key,
                        a.section, unit_type_to_string(t));
                return -EINVAL;
        }
        /* one line of a file */
        if (strpbrk(a.value, "\n\r") || endswith(a.value, "\\")) {
                *ret_error = str_printf("The value of property '%s' does not fit into one line.", a.key);
                return -EINVAL;
        }
        *ret = a;
        return 0;
}

/* Takes it into u, to see whether it can be taken. */
static int try_apply(struct unit *u, const struct assignment *a, const char *path, char **ret_error)
{
        uint32_t before = u->n_problems;
        enum load_state state = u->load_state;
        int r = directive_apply(u, path, 0, a->section, a->key, a->value);

        if (r >= 0 && u->n_problems == before && u->load_state == state)
                return 0;
        *ret_error = str_printf("Property '%s=%.200s' was not understood.", a->key, a->value);
        return r < 0 ? r : -EINVAL;
}

/* ---- units ---- */

bool transient_may_make(struct unit *u)
{
        enum active_state s;

        if (u->job || u->perpetual || u->fragment_path)
                return false;
        if (u->load_state == UNIT_STUB || u->load_state == UNIT_NOT_FOUND)
                return true;
        s = unit_active_state(u);
        return unit_ops(u)->can_fail_transient && u->load_state == UNIT_LOADED && s == UNIT_INACTIVE;
}

static int make_text(const struct assignment *a, size_t n, char **ret)
{
        struct strbuf b = { 0 };
        const char *last = "";

        strbuf_puts(&b, "# A transient unit: made over the control socket, gone when it ends.\n");
        for (int pass = 0; pass < 2; pass++) /* [Unit] first, the order inside kept */
                for (size_t i = 0; i < n; i++) {
                        if (streq(a[i].section, "Unit") != (pass == 0))
                                continue;
                        if (!streq(last, a[i].section))
                                strbuf_printf(&b, "\n[%s]\n", a[i].section);
                        last = a[i].section;
                        strbuf_printf(&b, "%s=%s\n", a[i].key, a[i].value);
                }
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}

static int write_file(struct manager *m, const char *path, const char *text)
{
        _cleanup_free_ char *full = root_path(m, path);
        int r = full ? mkdir_parents(full, 0755) : -ENOMEM;

        return r < 0 ? r : write_file_atomic(full, text, strlen(text), 0644, false);
}

static void remove_file(struct manager *m, const char *path)
{
        _cleanup_free_ char *full = root_path(m, path);

        if (full)
                (void)unlink(full);
}

static int check(struct unit *u, const struct assignment *a, size_t n, char **ret_error)
{
        int r = 0;

        unit_forget_config(u);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = try_apply(u, &a[i], TRANSIENT_DIR, ret_error);
        unit_forget_config(u);
        return r;
}

int transient_make(struct unit *u, const struct assignment *a, size_t n, char **ret_error)
{
        struct manager *m = u->manager;
        _cleanup_free_ char *text = NULL, *path = NULL;
        int r = check(u, a, n, ret_error);

        if (r >= 0)
                r = make_text(a, n, &text);
        path = str_printf(TRANSIENT_DIR "/%s", u->id);
        if (r >= 0)
                r = path ? write_file(m, path, text) : -ENOMEM;
        if (r >= 0)
                r = load_index_add(m, TRANSIENT_DIR, u->id);
        if (r < 0) {
                unit_gc_queue(u);
                return r;
        }
        unit_queue_load(u);
        manager_dispatch_load_queue(m);
        if (u->load_state == UNIT_LOADED)
                return 0;
        *ret_error = str_printf("Unit %s cannot be loaded: %s.", u->id,
                u->load_error ?: load_state_to_string(u->load_state));
        transient_forget(u);
        unit_forget_config(u);
        unit_gc_queue(u);
        return -EINVAL;
}

void transient_forget(struct unit *u)
{
        struct manager *m = u->manager;
        _cleanup_free_ char *path = str_printf(TRANSIENT_DIR "/%s", u->id);

        if (!path || !u->transient)
                return;
        remove_file(m, path);
        load_index_drop(m, path);
        FOREACH_STR (d, u->dropin_paths) {
                _cleanup_free_ char *full = NULL;
                char *slash;

                if (!path_startswith(*d, CONTROL_RUNTIME) && !path_startswith(*d, TRANSIENT_DIR))
                        continue;
                remove_file(m, *d);
                full = root_path(m, *d);
                slash = full ? strrchr(full, '/') : NULL;
                if (slash) {
                        *slash = '\0';
                        (void)rmdir(full);
                }
        }
}

/* ---- properties ---- */

static bool is_list(const struct directive *d)
{
        static const char *const keys[] = { "DeviceAllow", "IPAddressAllow", "IPAddressDeny",
                "IODeviceWeight", "IODeviceLatencyTargetSec", "IOReadBandwidthMax", "IOWriteBandwidthMax",
                "IOReadIOPSMax", "IOWriteIOPSMax", "DisableControllers" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (streq(d->name, keys[i]))
                        return true;
        return false;
}

/* Lines of a list that were set before, without the header; "" when there are none. */
static char *lines_before(struct manager *m, const char *path, const char *key)
{
        _cleanup_free_ char *full = root_path(m, path), *text = NULL;
        struct strbuf b = { 0 };

        if (full && read_file(full, 1 << 20, &text, NULL) >= 0)
                for (char *s = text, *end; s && *s; s = end) {
                        const char *rest = startswith(s, key);

                        end = strchr(s, '\n');
                        end = end ? end + 1 : s + strlen(s);
                        if (rest && *rest == '=')
                                (void)strbuf_add(&b, s, (size_t)(end - s));
                }
        return strbuf_take(&b) ?: strdup("");
}

static int write_property(
        struct unit *u, const struct assignment *all, size_t n, const struct assignment *a, const char *dir)
{
        struct manager *m = u->manager;
        const struct directive *d = directive_find(u->type, a->section, a->key);
        _cleanup_free_ char *path = str_printf("%s/%s.d/50-%s.conf", dir, u->id, a->key), *before = NULL;
        _cleanup_strbuf_ struct strbuf b = { 0 };
        int r;

        if (!path)
                return -ENOMEM;
        before = is_list(d) ? lines_before(m, path, a->key) : strdup("");
        strbuf_printf(&b, "# Set over the control socket: systemctl set-property\n[%s]\n%s", a->section,
                before ?: "");
        for (size_t i = 0; i < n; i++)
                if (streq(all[i].key, a->key))
                        strbuf_printf(&b, "%s=%s\n", all[i].key, all[i].value);
        if (b.failed || !before)
                return -ENOMEM;
        r = write_file(m, path, b.s);
        if (r >= 0)
                r = load_index_add_dropins(m, dir, u->id);
        if (r >= 0 && !strv_contains(u->dropin_paths, path))
                r = strv_add(&u->dropin_paths, path);
        return r;
}

bool property_is_settable(enum unit_type t, const struct assignment *a)
{
        const struct directive *d = directive_find(t, a->section, a->key);

        return d && (streq(d->section, "cgroup") || streq(a->key, "Description")) &&
               !streq(a->key, "Slice") && !streq(a->key, "Delegate");
}

int transient_set_properties(
        struct unit *u, const struct assignment *a, size_t n, bool runtime, char **ret_error)
{
        const char *dir = runtime || u->transient ? CONTROL_RUNTIME : CONTROL_DIR;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = try_apply(u, &a[i], dir, ret_error);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_property(u, a, n, &a[i], dir);
        if (r < 0)
                return r;
        /* what it was read from is this now */
        u->files_mtime = now_realtime();
        u->files_hash = load_hash(u);
        r = cgroup_apply(u);
        return r == -ENOENT ? 0 : r;
}
