/* udevadm trigger: writes actions to the uevent files of the devices that match. */
#include "udevadm.h"

#include <fnmatch.h>
#include <getopt.h>

#include "devd/control.h"
#include "lib/fileio.h"

static struct {
        char **subsystems, **no_subsystems, **attrs, **no_attrs, **props, **tags, **names, **nodes,
                **parents, **first;
        const char *action, *type;
        bool verbose, dry_run, quiet, settle, initialized, uninitialized, failed;
        char **chosen; /* syspaths */
} t;

static bool match_list(char *const *patterns, const char *s)
{
        FOREACH_STR (p, patterns)
                if (fnmatch(*p, s ?: "", 0) == 0)
                        return true;
        return false;
}

/* "NAME=pattern", or "NAME": that it is there. */
static bool attr_matches(struct device *d, const char *match)
{
        const char *eq = strchr(match, '='), *value;
        _cleanup_free_ char *name = eq ? strndup(match, (size_t)(eq - match)) : strdup(match);

        value = name ? device_attr(d, name) : NULL;
        return value && (!eq || fnmatch(eq + 1, value, 0) == 0);
}

static bool prop_matches(struct device *d, const char *match)
{
        _cleanup_strv_ char **props = udev_properties(d);
        const char *eq = strchr(match, '=');

        FOREACH_STR (p, props) {
                const char *e = strchr(*p, '=');
                _cleanup_free_ char *key = strndup(*p, (size_t)(e - *p)),
                                    *want = strndup(match, eq ? (size_t)(eq - match) : strlen(match));

                if (key && want && fnmatch(want, key, 0) == 0 && (!eq || fnmatch(eq + 1, e + 1, 0) == 0))
                        return true;
        }
        return false;
}

static bool below_parent(struct device *d)
{
        FOREACH_STR (p, t.parents)
                if (path_startswith(d->syspath, *p))
                        return true;
        return false;
}

static bool names_match(struct device *d)
{
        if (t.names && !match_list(t.names, d->sysname))
                return false;
        if (!t.nodes)
                return true;
        FOREACH_STR (n, t.nodes) {
                _cleanup_device_ struct device *o = NULL;

                if (udev_device(*n, &o) >= 0 && streq(o->syspath, d->syspath))
                        return true;
        }
        return false;
}

static bool matches(struct device *d)
{
        if (t.subsystems && !match_list(t.subsystems, device_subsystem(d)))
                return false;
        if (t.no_subsystems && match_list(t.no_subsystems, device_subsystem(d)))
                return false;
        FOREACH_STR (a, t.attrs)
                if (!attr_matches(d, *a))
                        return false;
        FOREACH_STR (a, t.no_attrs)
                if (attr_matches(d, *a))
                        return false;
        if (t.props) {
                bool any = false;

                FOREACH_STR (p, t.props)
                        any |= prop_matches(d, *p);
                if (!any)
                        return false;
        }
        FOREACH_STR (g, t.tags)
                if (!device_has_tag(d, *g))
                        return false;
        if (t.parents && !below_parent(d))
                return false;
        if ((t.initialized && !udev_is_initialized(d)) || (t.uninitialized && udev_is_initialized(d)))
                return false;
        return names_match(d);
}

static void choose(struct device *d, void *data)
{
        if (matches(d))
                (void)strv_add(&t.chosen, d->syspath);
}

static void choose_subsystems(void)
{
        static const char *const dirs[] = { "/sys/bus", "/sys/class" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_closedir_ DIR *dir = opendir(dirs[i]);

                for (struct dirent *e; dir && (e = readdir(dir));) {
                        _cleanup_free_ char *path =
                                e->d_name[0] == '.' ? NULL : str_printf("%s/%s/uevent", dirs[i], e->d_name);

                        if (path && access(path, F_OK) == 0)
                                (void)strv_addf(&t.chosen, "%s/%s", dirs[i], e->d_name);
                }
        }
}

static int trigger_one(const char *syspath)
{
        _cleanup_free_ char *path = path_join(syspath, "uevent");
        int r = 0;

        if (t.verbose)
                puts(syspath);
        if (!t.dry_run && path)
                r = write_attr(path, t.action);
        if (r < 0 && r != -ENOENT && r != -ENODEV) {
                t.failed = true;
                if (!t.quiet)
                        fprintf(stderr, "Failed to write '%s' to '%s': %s\n", t.action, path ?: "",
                                strerror(-r));
        }
        return r;
}

static bool is_first(const char *syspath)
{
        _cleanup_free_ char *link = path_join(syspath, "subsystem"), *target = NULL;

        return link && readlink_alloc(link, &target) >= 0 && strv_contains(t.first, path_basename(target));
}

static void trigger_chosen(void)
{
        for (int round = 0; round < 2; round++)
                FOREACH_STR (s, t.chosen)
                        if ((t.first && is_first(*s)) == (round == 0))
                                (void)trigger_one(*s);
}

enum { T_NAME = 256, T_INIT, T_UNINIT, T_WAIT_DAEMON, T_UUID, T_FIRST };

static const struct option trigger_options[] = { { "verbose", 0, NULL, 'v' }, { "dry-run", 0, NULL, 'n' },
        { "quiet", 0, NULL, 'q' }, { "type", 1, NULL, 't' }, { "action", 1, NULL, 'c' },
        { "subsystem-match", 1, NULL, 's' }, { "subsystem-nomatch", 1, NULL, 'S' },
        { "attr-match", 1, NULL, 'a' }, { "attr-nomatch", 1, NULL, 'A' }, { "property-match", 1, NULL, 'p' },
        { "tag-match", 1, NULL, 'g' }, { "sysname-match", 1, NULL, 'y' }, { "name-match", 1, NULL, T_NAME },
        { "parent-match", 1, NULL, 'b' }, { "initialized-match", 0, NULL, T_INIT },
        { "initialized-nomatch", 0, NULL, T_UNINIT }, { "settle", 0, NULL, 'w' },
        { "wait-daemon", 2, NULL, T_WAIT_DAEMON }, { "uuid", 0, NULL, T_UUID },
        { "prioritized-subsystem", 1, NULL, T_FIRST }, { 0 } };

static int add_parent(const char *arg)
{
        _cleanup_device_ struct device *d = NULL;
        int r = udev_device(arg, &d);

        return r < 0 ? r : strv_add(&t.parents, d->syspath);
}

static int set_trigger_option(int c, const char *arg)
{
        _cleanup_strv_ char **words = NULL;
        usec_t timeout = 5 * USEC_PER_SEC;

        switch (c) {
        case 'v': t.verbose = true; return 0;
        case 'n': t.dry_run = true; return 0;
        case 'q': t.quiet = true; return 0;
        case 't':
                t.type = arg;
                return streq(arg, "devices") || streq(arg, "subsystems") || streq(arg, "all") ? 0 : -EINVAL;
        case 'c': t.action = arg; return 0;
        case 's': return strv_add(&t.subsystems, arg);
        case 'S': return strv_add(&t.no_subsystems, arg);
        case 'a': return strv_add(&t.attrs, arg);
        case 'A': return strv_add(&t.no_attrs, arg);
        case 'p': return strv_add(&t.props, arg);
        case 'g': return strv_add(&t.tags, arg);
        case 'y': return strv_add(&t.names, arg);
        case T_NAME: return strv_add(&t.nodes, arg);
        case 'b': return add_parent(arg);
        case T_INIT: t.initialized = true; return 0;
        case T_UNINIT: t.uninitialized = true; return 0;
        case 'w': t.settle = true; return 0;
        case T_WAIT_DAEMON:
                if (arg && parse_timespan(arg, USEC_PER_SEC, &timeout) < 0)
                        return -EINVAL;
                return udev_control(CONTROL_PING, 0, NULL, timeout);
        case T_FIRST: words = strv_split(arg, ","); return strv_extend(&t.first, words);
        default: return -EOPNOTSUPP;
        }
}

int udevadm_trigger(int argc, char **argv)
{
        int c, r;

        t.action = "change";
        t.type = "devices";
        optind = 0;
        while ((c = getopt_long(argc, argv, "vnqt:c:s:S:a:A:p:g:y:b:w", trigger_options, NULL)) >= 0) {
                r = c == '?' ? -EINVAL : set_trigger_option(c, optarg);
                if (r < 0) {
                        if (c != '?')
                                fprintf(stderr, "Option -%c %s: %s\n", c < 256 ? c : '-', optarg ?: "",
                                        strerror(-r));
                        return 1;
                }
        }
        if (optind < argc)
                for (; optind < argc; optind++) {
                        _cleanup_device_ struct device *d = NULL;

                        r = udev_device(argv[optind], &d);
                        if (r < 0) {
                                fprintf(stderr, "Failed to open the device '%s': %s\n", argv[optind],
                                        strerror(-r));
                                return 1;
                        }
                        (void)strv_add(&t.chosen, d->syspath);
                }
        else {
                if (!streq(t.type, "devices"))
                        choose_subsystems();
                if (!streq(t.type, "subsystems"))
                        (void)udev_foreach(choose, NULL);
        }
        trigger_chosen();
        if (t.settle && !t.dry_run && udev_settle(UDEV_TIMEOUT, NULL) < 0)
                return 1;
        return t.failed && optind <= argc && t.chosen && !t.chosen[1] ? 1 : 0;
}
