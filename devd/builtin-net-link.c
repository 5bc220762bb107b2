/* .link files of systemd.link(5): read once (and again when they change), matched against an interface. Which
 * settings are applied is in the table; others are named in the log with file and line, once. */
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "net-link.h"
#include "constants.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/inifile.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/str.h"

static const char *const link_dirs[] = { "/etc/systemd/network", "/run/systemd/network",
        "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network", NULL };

static struct link_file *files;
static size_t n_files;
static bool loaded;
static struct timespec stamps[ARRAY_SIZE(link_dirs)];
static char **test_dirs;

void link_files_set_dirs(char *const *dirs)
{
        strv_free(test_dirs);
        test_dirs = strv_copy(dirs);
        loaded = false;
}

static void link_file_done(struct link_file *f)
{
        free(f->path);
        for (size_t i = 0; i < LINK_MATCHES; i++)
                strv_free(f->match[i]);
        strv_free(f->name_policy);
        strv_free(f->altname_policy);
        strv_free(f->altnames);
        free(f->name);
        free(f->mac);
        free(f->alias);
        link_settings_done(&f->settings);
        net_functions_done(&f->functions);
}

static void drop_all(void)
{
        for (size_t i = 0; i < n_files; i++)
                link_file_done(&files[i]);
        free(files);
        files = NULL;
        n_files = 0;
}

/* --- settings --------------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        enum link_match what;
        bool whole; /* one value, with its blanks and quotes */
} match_keys[] = {
        { "MACAddress", LINK_MAC, false },
        { "PermanentMACAddress", LINK_PERMANENT_MAC, false },
        { "Path", LINK_PATH, false },
        { "Driver", LINK_DRIVER, false },
        { "Type", LINK_TYPE, false },
        { "Property", LINK_PROPERTY, false },
        { "OriginalName", LINK_NAME, false },
        { "Host", LINK_HOST, false },
        { "KernelCommandLine", LINK_CMDLINE, false },
        { "KernelVersion", LINK_KERNEL, true },
        { "Kind", LINK_KIND, false },
        { "Architecture", LINK_ARCHITECTURE, false },
        { "Virtualization", LINK_VIRTUALIZATION, false },
        { "Credential", LINK_CREDENTIAL, true },
        { "Firmware", LINK_FIRMWARE, true },
};

static int set_match(struct link_file *f, const struct ini_line *l)
{
        for (size_t i = 0; i < ARRAY_SIZE(match_keys); i++) {
                char ***v = &f->match[match_keys[i].what];
                _cleanup_strv_ char **words = NULL;
                const char *value = l->value;

                if (!streq(l->key, match_keys[i].name))
                        continue;
                f->has_match = true;
                if (!*value) {
                        strv_reset(v);
                        return 0;
                }
                if (*value == '!') {
                        f->negated |= 1u << match_keys[i].what;
                        value++;
                }
                if (match_keys[i].whole)
                        return strv_add(v, value + strspn(value, " \t"));
                if (str_split_quoted(value, WORD_RELAX, &words) < 0)
                        return log_file(l->path, l->line, LOG_WARNING, "%s=%s: unbalanced quotes, ignored",
                                l->key, l->value);
                return strv_extend(v, words);
        }
        /* A condition that is not understood must not apply settings to what it was meant to keep out. */
        f->unsupported = true;
        return log_file(l->path, l->line, LOG_WARNING,
                "[Match] %s= is not supported, the file matches nothing", l->key);
}

static int set_words(char ***v, const char *value)
{
        strv_free(*v);
        *v = strv_split(value, " \t");
        return 0;
}

static int set_link(struct link_file *f, const struct ini_line *l)
{
        uint64_t n;
        int r;

        if (streq(l->key, "NamePolicy"))
                return set_words(&f->name_policy, l->value);
        if (streq(l->key, "AlternativeNamesPolicy"))
                return set_words(&f->altname_policy, l->value);
        if (streq(l->key, "AlternativeName"))
                return *l->value ? strv_add(&f->altnames, l->value) : set_words(&f->altnames, "");
        if (streq(l->key, "Name"))
                return str_replace(&f->name, *l->value ? l->value : NULL);
        if (streq(l->key, "MACAddress"))
                return str_replace(&f->mac, *l->value ? l->value : NULL);
        if (streq(l->key, "Alias"))
                return str_replace(&f->alias, *l->value ? l->value : NULL);
        if (streq(l->key, "Description"))
                return 0;
        if (streq(l->key, "MTUBytes")) {
                if (parse_size(l->value, &n) < 0 || n > UINT32_MAX)
                        return log_file(l->path, l->line, LOG_WARNING, "MTUBytes=%s is not a size, ignored",
                                l->value);
                f->mtu = (uint32_t)n;
                return 0;
        }
        if (streq(l->key, "SR-IOVVirtualFunctions")) {
                if (net_functions_count(&f->functions, l->value) < 0)
                        log_file(l->path, l->line, LOG_WARNING,
                                "SR-IOVVirtualFunctions=%s is not a number, ignored", l->value);
                return 0;
        }
        if (streq(l->key, "MACAddressPolicy")) {
                if (streq(l->value, "persistent"))
                        f->mac_policy = MAC_PERSISTENT;
                else if (streq(l->value, "random"))
                        f->mac_policy = MAC_RANDOM;
                else if (!*l->value || streq(l->value, "none"))
                        f->mac_policy = MAC_NONE;
                else
                        log_file(l->path, l->line, LOG_WARNING, "MACAddressPolicy=%s is not known, ignored",
                                l->value);
                return 0;
        }
        r = link_settings_parse(&f->settings, l->key, l->value);
        if (r < 0)
                return log_file(
                        l->path, l->line, LOG_WARNING, "%s=%s is not understood, ignored", l->key, l->value);
        if (r > 0)
                return 0;
        return log_file(l->path, l->line, LOG_WARNING, "[Link] %s= is not supported, ignored", l->key);
}

static int take_line(const struct ini_line *l, void *data)
{
        struct link_file *f = data;
        int r;

        if (streq(l->section, "Match"))
                r = set_match(f, l);
        else if (streq(l->section, "Link"))
                r = set_link(f, l);
        else if (streq(l->section, "SR-IOV"))
                r = net_functions_line(&f->functions, l);
        else
                r = log_file(
                        l->path, l->line, LOG_WARNING, "section [%s] is not supported, ignored", l->section);
        return r == -ENOMEM ? r : 0;
}

/* --- credentials ----------------------------------------------------------------------------------- */

/* The file of a credential that was passed to this service, or to the machine. */
static char *credential_path(const char *name)
{
        const char *const dirs[] = { getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/@system" };

        if (!*name || strchr(name, '/') || streq(name, ".") || streq(name, ".."))
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *path = dirs[i] ? path_join(dirs[i], name) : NULL;

                if (path && access(path, F_OK) >= 0)
                        return TAKE_PTR(path);
        }
        return NULL;
}

/* WakeOnLan=secureon whose password is not in the file. */
static void password_of_credential(struct link_file *f)
{
        const char *base = path_basename(f->path);
        _cleanup_free_ char *name = NULL, *path = NULL;

        if (!link_settings_want_password(&f->settings))
                return;
        name = str_printf("%.*s.link.wol.password", (int)(strlen(base) - strlen(".link")), base);
        path = name ? credential_path(name) : NULL;
        if (!path)
                path = credential_path("wol.password");
        if (path && link_settings_parse(&f->settings, "WakeOnLanPassword", path) < 0)
                log_warning("%s: holds no password of six bytes, ignored", path);
}

/* --- loading ---------------------------------------------------------------------------------------- */

static int read_dropins(struct link_file *f, char *const *dirs, const char *base)
{
        _cleanup_strv_ char **below = NULL, **found = NULL;
        int r = 0;

        FOREACH_STR (d, dirs)
                if (r >= 0)
                        r = strv_addf(&below, "%s/%s.d", *d, base);
        if (r >= 0)
                r = conf_files_list("/", below, ".conf", &found);
        FOREACH_STR (p, found)
                if (r >= 0)
                        (void)ini_parse_file(*p, take_line, f, NULL);
        return r;
}

static int add_file(const char *path, char *const *dirs)
{
        struct link_file *v = realloc(files, (n_files + 1) * sizeof(*v)), *f;
        int r;

        if (!v)
                return -ENOMEM;
        files = v;
        f = &files[n_files];
        *f = (struct link_file) { .path = strdup(path) };
        if (!f->path)
                return -ENOMEM;
        n_files++;
        r = ini_parse_file(path, take_line, f, NULL);
        if (r < 0 && r != -ENOMEM) {
                f->unsupported = true;
                return 0;
        }
        r = r < 0 ? r : read_dropins(f, dirs, path_basename(path));
        password_of_credential(f);
        net_functions_check(&f->functions);
        if (!f->has_match && !f->unsupported)
                log_file(path, 0, LOG_NOTICE, "no [Match] setting: applies to every interface");
        return r;
}

/* The standard places, /lib only where it is not /usr/lib: one name for one file. */
static char **places(void)
{
        struct stat a, b;
        char **v = NULL;

        if (test_dirs)
                return strv_copy(test_dirs);
        for (size_t i = 0; link_dirs[i]; i++)
                if (!streq(link_dirs[i], "/lib/systemd/network") || stat(link_dirs[i], &a) < 0 ||
                        stat("/usr/lib/systemd/network", &b) < 0 || a.st_dev != b.st_dev ||
                        a.st_ino != b.st_ino)
                        (void)strv_add(&v, link_dirs[i]);
        return v;
}

static bool changed(void)
{
        bool any = false;

        for (size_t i = 0; link_dirs[i] && !test_dirs; i++) {
                struct stat st = { 0 };

                (void)stat(link_dirs[i], &st);
                if (st.st_mtim.tv_sec != stamps[i].tv_sec || st.st_mtim.tv_nsec != stamps[i].tv_nsec)
                        any = true;
                stamps[i] = st.st_mtim;
        }
        return any;
}

static void load(void)
{
        _cleanup_strv_ char **dirs = NULL, **found = NULL;
        static usec_t checked;
        usec_t now = now_monotonic();

        if (loaded && now - checked < 3 * USEC_PER_SEC)
                return;
        checked = now;
        if (!changed() && loaded)
                return;
        drop_all();
        loaded = true;
        dirs = places();
        if (conf_files_list("/", dirs, ".link", &found) < 0)
                return;
        FOREACH_STR (p, found)
                if (add_file(*p, dirs) < 0) {
                        log_oom();
                        return;
                }
}

void link_files_forget(void)
{
        drop_all();
        loaded = false;
}

/* --- matching --------------------------------------------------------------------------------------- */

static bool any_glob(char *const *globs, const char *value)
{
        FOREACH_STR (g, globs)
                if (fnmatch(*g, value ? value : "", 0) == 0)
                        return true;
        return false;
}

/* Addresses in any of the three notations, compared by their digits. */
static bool same_address(const char *a, const char *b)
{
        for (;;) {
                a += strspn(a, ":-.");
                b += strspn(b, ":-.");
                if (!*a || !*b)
                        return !*a && !*b;
                if ((*a | 0x20) != (*b | 0x20))
                        return false;
                a++;
                b++;
        }
}

static bool any_address(char *const *list, const char *address)
{
        FOREACH_STR (i, list)
                if (address && same_address(*i, address))
                        return true;
        return false;
}

static bool all_properties(char *const *list, struct device *d)
{
        FOREACH_STR (i, list) {
                const char *eq = strchr(*i, '='), *have;

                if (!eq || eq == *i)
                        return false;
                have = device_prop(d, strndupa(*i, (size_t)(eq - *i)));
                if (!have || !streq(have, eq + 1))
                        return false;
        }
        return true;
}

static bool on_cmdline(char *const *list)
{
        _cleanup_strv_ char **words = NULL;

        if (cmdline_read(&words) < 0)
                return false;
        FOREACH_STR (i, list) {
                if (strchr(*i, '=') ? strv_contains(words, *i) : cmdline_get(words, *i) != NULL)
                        return true;
        }
        return false;
}

static bool is_constant(char *const *list, const char *what)
{
        const char *value = constant_value(what);

        return value && strv_contains(list, value);
}

/* A kind of virtual machine or container, "vm" or a boolean. */
static bool is_virtualization(char *const *list)
{
        const char *virt = constant_value("virt");
        bool none = !virt || streq(virt, "none");

        FOREACH_STR (i, list) {
                int b = parse_boolean(*i);

                if (b >= 0 ? b == !none : streq(*i, "vm") ? !none : streq_null(virt, *i))
                        return true;
        }
        return false;
}

static bool is_firmware(char *const *list)
{
        FOREACH_STR (i, list)
                if (machine_firmware_is(*i) > 0)
                        return true;
        return false;
}

static bool is_kernel(char *const *list)
{
        FOREACH_STR (i, list)
                if (machine_kernel_is(*i) <= 0)
                        return false;
        return true;
}

static bool any_credential(char *const *list)
{
        FOREACH_STR (i, list) {
                _cleanup_free_ char *path = credential_path(*i);

                if (path)
                        return true;
        }
        return false;
}

static bool matches(
        const struct link_file *f, enum link_match what, struct device *d, const struct link_facts *facts)
{
        char *const *list = f->match[what];
        struct utsname u;
        bool m;

        if (!list)
                return true;
        switch (what) {
        case LINK_MAC: m = any_address(list, device_attr(d, "address")); break;
        case LINK_PERMANENT_MAC: m = any_address(list, facts->permanent_mac); break;
        case LINK_PATH: m = any_glob(list, device_prop(d, "ID_PATH")); break;
        case LINK_DRIVER: m = any_glob(list, facts->driver); break;
        case LINK_TYPE: m = any_glob(list, facts->type); break;
        case LINK_KIND: m = any_glob(list, device_devtype(d)); break;
        case LINK_PROPERTY: m = all_properties(list, d); break;
        case LINK_NAME: m = any_glob(list, d->sysname); break;
        case LINK_HOST: m = uname(&u) >= 0 && any_glob(list, u.nodename); break;
        case LINK_CMDLINE: m = on_cmdline(list); break;
        case LINK_KERNEL: m = is_kernel(list); break;
        case LINK_ARCHITECTURE: m = is_constant(list, "arch"); break;
        case LINK_VIRTUALIZATION: m = is_virtualization(list); break;
        case LINK_CREDENTIAL: m = any_credential(list); break;
        case LINK_FIRMWARE: m = is_firmware(list); break;
        default: m = false;
        }
        return m != !!(f->negated & 1u << what);
}

const struct link_file *link_file_named(const char *path)
{
        load();
        for (size_t i = 0; i < n_files; i++)
                if (streq(files[i].path, path))
                        return &files[i];
        return NULL;
}

const struct link_file *link_file_for(struct device *d, const struct link_facts *facts)
{
        load();
        for (size_t i = 0; i < n_files; i++) {
                enum link_match what = 0;

                if (files[i].unsupported)
                        continue;
                while (what < LINK_MATCHES && matches(&files[i], what, d, facts))
                        what++;
                if (what == LINK_MATCHES)
                        return &files[i];
        }
        return NULL;
}
