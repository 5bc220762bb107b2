/* Mount and swap units out of /etc/fstab, as systemd-fstab-generator(8) and systemd.mount(5), "FSTAB", describe it.
 *
 *     a mount         → NAME.mount, required (nofail: wanted) by local-fs.target or remote-fs.target; noauto: by nobody
 *     passno > 0      → Requires= and After= systemd-fsck@DEVICE.service; for / : systemd-fsck-root.service
 *     / and /usr      → systemd-remount-fs.service, which gives them their options
 *     swap            → NAME.swap, required (nofail: wanted) by swap.target
 *     x-systemd.device-timeout= → a drop-in for the device unit
 *
 * fstab gives way to unit files in /etc, and overrides those in /usr: the units stand where generators put theirs. */
#include <sys/stat.h>

#include "generate-fstab.h"

#include "generate.h"
#include "lib/cmdline.h"

#define FSTAB "/etc/fstab"

static bool is_network(const struct fstab_entry *e)
{
        static const char *const types[] = {
                "afs",
                "ceph",
                "cifs",
                "smb3",
                "smbfs",
                "sshfs",
                "ncpfs",
                "ncp",
                "nfs",
                "nfs4",
                "gfs",
                "gfs2",
                "glusterfs",
                "pvfs2",
                "ocfs2",
                "lustre",
                "davfs",
                "orangefs",
                "fuse.sshfs",
                "fuse.davfs",
                "fuse.glusterfs",
                "fuse.ceph",
        };

        if (fstab_flag(e->options, "_netdev"))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (streq(e->type, types[i]))
                        return true;
        return false;
}

/* File systems that the manager mounts itself: their line only has a say in the remount. */
static bool is_api(const char *where)
{
        static const char *const points[] = {
                "/proc",
                "/sys",
                "/dev",
                "/dev/shm",
                "/dev/pts",
                "/run",
                "/sys/fs/cgroup",
                "/sys/kernel/security",
                "/sys/fs/pstore",
                "/sys/fs/bpf",
                "/sys/firmware/efi/efivars",
        };

        for (size_t i = 0; i < ARRAY_SIZE(points); i++)
                if (streq(where, points[i]))
                        return true;
        return false;
}

static void header(struct strbuf *b, unsigned line)
{
        strbuf_printf(
                b, "# " FSTAB " line %u\n[Unit]\nDocumentation=man:fstab(5)\nSourcePath=" FSTAB "\n", line);
}

/* KEY=VALUE with the specifier character doubled. */
static void setting(struct strbuf *b, const char *key, const char *value)
{
        _cleanup_free_ char *s = generate_escape(value);

        strbuf_printf(b, "%s=%s\n", key, s ? s : value);
}

/* "/srv" → srv.mount, "/dev/sda" → dev-sda.device, a unit name as it is. */
static void unit_option(
        struct strbuf *b, const struct fstab_entry *e, const char *option, const char *keys[2])
{
        _cleanup_strv_ char **all = NULL;

        if (fstab_options_all(e->options, option, &all) < 0)
                return;
        FOREACH_STR (v, all) {
                _cleanup_free_ char *name = NULL;

                if (unit_name_mangle(*v, "mount", &name) < 0) {
                        log_file(FSTAB, e->line, LOG_WARNING, "%s=%s is neither a unit nor a path, ignored",
                                option, *v);
                        continue;
                }
                for (int i = 0; i < 2 && keys[i]; i++)
                        setting(b, keys[i], name);
        }
}

static void dependency_options(struct strbuf *b, const struct fstab_entry *e)
{
        _cleanup_strv_ char **paths = NULL;

        unit_option(b, e, "x-systemd.requires", (const char *[2]) { "Requires", "After" });
        unit_option(b, e, "x-systemd.before", (const char *[2]) { "Before", NULL });
        unit_option(b, e, "x-systemd.after", (const char *[2]) { "After", NULL });
        if (fstab_options_all(e->options, "x-systemd.requires-mounts-for", &paths) >= 0)
                FOREACH_STR (p, paths)
                        setting(b, "RequiresMountsFor", *p);
}

static bool is_device(const char *what)
{
        const char *rest = path_startswith(what, "/dev");

        return rest && *rest;
}

static bool fsck_exists(struct manager *m, const char *type)
{
        static const char *const dirs[] = { "/sbin", "/usr/sbin", "/bin", "/usr/bin", "/usr/local/sbin" };

        if (streq(type, "auto"))
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *path =
                        str_printf("%s%s/fsck.%s", m->root ? m->root : "", dirs[i], type);

                if (path && access(path, X_OK) >= 0)
                        return true;
        }
        return false;
}

/* fsck(8) would only find out what fstab says: the type. */
static void check_without_wrapper(struct manager *m, const struct fstab_entry *e, const char *service)
{
        _cleanup_free_ char *name = str_printf("%s.d/50-type.conf", service);
        _cleanup_strbuf_ struct strbuf b = {};

        strbuf_printf(&b, "# " FSTAB " line %u\n[Service]\nExecStart=\nExecStart=fsck.%s -a %%f\n", e->line,
                e->type);
        if (!name || generate_add(m, GEN_NORMAL, name, &b) < 0)
                log_oom();
}

/* Who has mounted /usr before us has seen to its check, and what is mounted cannot be checked. */
static bool usr_is_there(struct manager *m)
{
        struct stat root, usr;

        return m->is_pid1 && stat("/", &root) >= 0 && stat("/usr", &usr) >= 0 && root.st_dev != usr.st_dev;
}

static void check_first(struct manager *m, struct strbuf *b, const struct fstab_entry *e)
{
        _cleanup_free_ char *name = NULL;

        if (e->passno <= 0)
                return;
        if (!is_device(e->what)) {
                log_file(FSTAB, e->line, LOG_WARNING,
                        "A check of %s is asked for, but it is not a device; not checked", e->what);
                return;
        }
        if (!fsck_exists(m, e->type)) {
                log_file(FSTAB, e->line, LOG_DEBUG, "There is no fsck.%s; %s is not checked", e->type,
                        e->what);
                return;
        }
        if (streq(e->where, "/usr") && usr_is_there(m))
                return;
        if (streq(e->where, "/")) {
                (void)load_add_virtual_dep(m, DEP_WANTS, "local-fs.target", "systemd-fsck-root.service");
                return;
        }
        if (generate_instance("systemd-fsck@.service", e->what, &name) < 0)
                return;
        setting(b, "Requires", name);
        setting(b, "After", name);
        if (!streq(e->type, "auto"))
                check_without_wrapper(m, e, name);
}

/* How long the device may take: a setting of the device's unit. */
static int device_timeout(struct manager *m, const struct fstab_entry *e)
{
        _cleanup_free_ char *value = NULL, *device = NULL, *name = NULL;
        _cleanup_strbuf_ struct strbuf b = {};
        usec_t t;

        if (fstab_option(e->options, "x-systemd.device-timeout", &value) <= 0)
                return 0;
        if (parse_timespan(value, USEC_PER_SEC, &t) < 0)
                return log_file(FSTAB, e->line, LOG_WARNING,
                        "x-systemd.device-timeout=%s is not a time span, ignored", value);
        if (!is_device(e->what))
                return log_file(FSTAB, e->line, LOG_WARNING,
                        "x-systemd.device-timeout= is ignored for %s, which is not a device", e->what);
        if (unit_name_from_path(e->what, "device", &device) < 0)
                return 0;
        name = str_printf("%s.d/50-device-timeout.conf", device);
        if (!name)
                return -ENOMEM;
        strbuf_printf(&b, "# " FSTAB " line %u\n[Unit]\nJobRunningTimeoutSec=%s\n", e->line, value);
        return generate_add(m, GEN_NORMAL, name, &b);
}

/* Who pulls it in. */
static void install(struct manager *m, const struct fstab_entry *e, const char *name, const char *target)
{
        static const struct {
                const char *option;
                enum dep_type dep;
        } by[] = {
                { "x-systemd.wanted-by", DEP_WANTS },
                { "x-systemd.required-by", DEP_REQUIRES },
        };
        bool any = false;

        for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
                _cleanup_strv_ char **all = NULL;

                if (fstab_options_all(e->options, by[i].option, &all) < 0)
                        continue;
                FOREACH_STR (v, all) {
                        _cleanup_free_ char *other = NULL;

                        any = true;
                        if (unit_name_mangle(*v, "mount", &other) < 0 ||
                                load_add_virtual_dep(m, by[i].dep, other, name) < 0)
                                log_file(FSTAB, e->line, LOG_WARNING, "%s=%s is not a unit, ignored",
                                        by[i].option, *v);
                }
        }
        if (any || fstab_flag(e->options, "noauto"))
                return;
        (void)load_add_virtual_dep(
                m, fstab_flag(e->options, "nofail") ? DEP_WANTS : DEP_REQUIRES, target, name);
}

/* A oneshot service that does one thing to a device or mount point; name: an instance of template. */
static int add_step(struct manager *m, const struct fstab_entry *e, const char *name, const char *what,
        const char *order, const char *command)
{
        _cleanup_strbuf_ struct strbuf b = {};

        header(&b, e->line);
        setting(&b, "Description", what);
        strbuf_printf(
                &b, "DefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n%s", order);
        strbuf_puts(&b, "\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutSec=0\n");
        strbuf_printf(&b, "ExecStart=%s\n", command);
        return generate_add(m, GEN_NORMAL, name, &b);
}

/* x-systemd.makefs: the file system or swap area is made first, unless there is anything on the device. */
static void make_first(
        struct manager *m, struct strbuf *b, const struct fstab_entry *e, const char *template)
{
        _cleanup_free_ char *name = NULL, *device = NULL, *order = NULL, *command = NULL, *what = NULL,
                            *check = NULL;

        if (!fstab_flag(e->options, "x-systemd.makefs"))
                return;
        if (!is_device(e->what) || streq(e->type, "auto")) {
                log_file(FSTAB, e->line, LOG_WARNING,
                        "x-systemd.makefs needs a device and the type of its file system, ignored");
                return;
        }
        what = generate_escape(e->what);
        if (!what || generate_instance(template, e->what, &name) < 0 ||
                unit_name_from_path(e->what, "device", &device) < 0)
                return;
        if (generate_instance("systemd-fsck@.service", e->what, &check) < 0)
                return;
        order = str_printf("BindsTo=%s\nAfter=%s\nBefore=%s\n", device, device, check);
        command = str_printf("/lib/systemd/systemd-makefs %s %s", e->type, what);
        if (!order || !command ||
                add_step(m, e, name, "Make what shall be on the device", order, command) < 0)
                return;
        setting(b, "Requires", name);
        setting(b, "After", name);
}

/* x-systemd.growfs: afterwards it is made as large as its device; a failure is only told. */
static void grow_afterwards(struct manager *m, const struct fstab_entry *e, const char *mount)
{
        _cleanup_free_ char *name = NULL, *order = NULL, *command = NULL, *where = NULL;

        if (!fstab_flag(e->options, "x-systemd.growfs"))
                return;
        where = generate_escape(e->where);
        if (!where || generate_instance("systemd-growfs@.service", e->where, &name) < 0)
                return;
        order = str_printf("BindsTo=%s\nAfter=%s\nBefore=local-fs.target\n", mount, mount);
        command = str_printf("/lib/systemd/systemd-growfs %s", where);
        if (order && command && add_step(m, e, name, "Grow the file system", order, command) >= 0)
                (void)load_add_virtual_dep(m, DEP_WANTS, mount, name);
}

/* NAME.automount; it is what the target pulls in. Its options: x-systemd.idle-timeout=. */
static int add_automount(struct manager *m, const struct fstab_entry *e, const char *target)
{
        _cleanup_free_ char *name = NULL, *idle = NULL;
        _cleanup_strbuf_ struct strbuf b = {};
        usec_t t;
        int r = unit_name_from_path(e->where, "automount", &name);

        if (r < 0)
                return r;
        header(&b, e->line);
        if (!fstab_flag(e->options, "nofail"))
                setting(&b, "Before", target);
        strbuf_puts(&b, "\n[Automount]\n");
        setting(&b, "Where", e->where);
        if (fstab_option(e->options, "x-systemd.idle-timeout", &idle) > 0) {
                if (parse_timespan(idle, USEC_PER_SEC, &t) >= 0)
                        setting(&b, "TimeoutIdleSec", idle);
                else
                        log_file(FSTAB, e->line, LOG_WARNING,
                                "x-systemd.idle-timeout=%s is not a time span, ignored", idle);
        }
        r = generate_add(m, GEN_NORMAL, name, &b);
        if (r < 0)
                return r;
        return load_add_virtual_dep(
                m, fstab_flag(e->options, "nofail") ? DEP_WANTS : DEP_REQUIRES, target, name);
}

static void mount_section(struct strbuf *b, const struct fstab_entry *e, const char *options)
{
        static const char *const own[] = { "x-systemd.device-timeout", "x-systemd.mount-timeout",
                "x-systemd.rw-only", NULL };
        _cleanup_free_ char *filtered = fstab_without(options, own), *timeout = NULL;
        usec_t t;

        strbuf_puts(b, "\n[Mount]\n");
        setting(b, "What", e->what);
        setting(b, "Where", e->where);
        if (!streq(e->type, "auto") && !streq(e->type, "none"))
                setting(b, "Type", e->type);
        if (fstab_option(options, "x-systemd.mount-timeout", &timeout) > 0) {
                if (parse_timespan(timeout, USEC_PER_SEC, &t) >= 0)
                        setting(b, "TimeoutSec", timeout);
                else
                        log_file(FSTAB, e->line, LOG_WARNING,
                                "x-systemd.mount-timeout=%s is not a time span, ignored", timeout);
        }
        if (fstab_flag(options, "x-systemd.rw-only"))
                strbuf_puts(b, "ReadWriteOnly=yes\n");
        if (filtered && *filtered && !streq(filtered, "defaults"))
                setting(b, "Options", filtered);
}

/* nfs's "bg": what it means is done by the manager. */
static char *effective_options(const struct fstab_entry *e)
{
        static const char *const bg[] = { "bg", NULL };
        _cleanup_free_ char *rest = NULL;

        if (!startswith(e->type, "nfs") || !fstab_flag(e->options, "bg"))
                return strdup(e->options);
        rest = fstab_without(e->options, bg);
        return rest ? str_printf("x-systemd.mount-timeout=infinity,retry=10000,%s,fg,nofail", rest) : NULL;
}

static int add_mount(struct manager *m, const struct fstab_entry *entry)
{
        _cleanup_free_ char *name = NULL, *options = effective_options(entry);
        _cleanup_strbuf_ struct strbuf b = {};
        struct fstab_entry e = *entry;
        bool root = streq(e.where, "/"), automount;
        const char *target;
        int r;

        if (!options)
                return -ENOMEM;
        e.options = options;
        if (*e.where != '/' || !path_is_normalized(e.where))
                return streq(e.where, "none") ? 0
                                              : log_file(FSTAB, e.line, LOG_WARNING,
                                                        "%s is not an absolute path, line ignored", e.where);
        if (is_api(e.where))
                return 0;
        if (m->container && is_device(e.what))
                return log_file(FSTAB, e.line, LOG_INFO, "%s is left alone in a container", e.what);
        r = unit_name_from_path(e.where, "mount", &name);
        if (r < 0)
                return log_file(FSTAB, e.line, LOG_WARNING,
                        "%s cannot be the name of a unit (%s), line ignored", e.where, strerror(-r));
        if (root || streq(e.where, "/usr"))
                (void)load_add_virtual_dep(m, DEP_WANTS, "local-fs.target", "systemd-remount-fs.service");
        target = is_network(&e) ? "remote-fs.target" : "local-fs.target";

        header(&b, e.line);
        automount = fstab_flag(options, "x-systemd.automount") && !root;
        if (!fstab_flag(options, "nofail") && !root && !automount)
                setting(&b, "Before", target);
        make_first(m, &b, &e, "systemd-makefs@.service");
        check_first(m, &b, &e);
        dependency_options(&b, &e);
        mount_section(&b, &e, options);
        r = generate_add(m, GEN_NORMAL, name, &b);
        if (r < 0)
                return r;
        grow_afterwards(m, &e, name);
        if (automount)
                r = add_automount(m, &e, target);
        else
                install(m, &e, name, target);
        return r < 0 ? r : device_timeout(m, &e);
}

static int add_swap(struct manager *m, const struct fstab_entry *e)
{
        static const char *const own[] = { "x-systemd.device-timeout", "sw", NULL };
        _cleanup_free_ char *name = NULL, *filtered = fstab_without(e->options, own), *priority = NULL;
        _cleanup_strbuf_ struct strbuf b = {};
        int r;

        if (!cmdline_bool(m->cmdline, "systemd.swap", true))
                return 0;
        if (*e->what != '/' || !path_is_normalized(e->what))
                return log_file(
                        FSTAB, e->line, LOG_WARNING, "%s is not an absolute path, line ignored", e->what);
        if (m->container)
                return log_file(
                        FSTAB, e->line, LOG_INFO, "Swap on %s is left alone in a container", e->what);
        r = unit_name_from_path(e->what, "swap", &name);
        if (r < 0)
                return log_file(FSTAB, e->line, LOG_WARNING,
                        "%s cannot be the name of a unit (%s), line ignored", e->what, strerror(-r));
        header(&b, e->line);
        make_first(m, &b, e, "systemd-mkswap@.service");
        dependency_options(&b, e);
        strbuf_puts(&b, "\n[Swap]\n");
        setting(&b, "What", e->what);
        if (fstab_option(e->options, "pri", &priority) > 0)
                setting(&b, "Priority", priority);
        if (filtered && *filtered && !streq(filtered, "defaults"))
                setting(&b, "Options", filtered);
        r = generate_add(m, GEN_NORMAL, name, &b);
        if (r < 0)
                return r;
        if (!fstab_flag(e->options, "noauto"))
                (void)load_add_virtual_dep(
                        m, fstab_flag(e->options, "nofail") ? DEP_WANTS : DEP_REQUIRES, "swap.target", name);
        return device_timeout(m, e);
}

static int add_entry(struct manager *m, const struct fstab_entry *e)
{
        return streq(e->type, "swap") ? add_swap(m, e) : add_mount(m, e);
}

int generate_fstab(struct manager *m)
{
        return fstab_read(m, FSTAB, add_entry);
}
