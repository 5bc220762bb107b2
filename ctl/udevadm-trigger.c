/* udevadm trigger: writes actions to the uevent files of the devices that match. */
#include "udevadm.h"

#include <fnmatch.h>
#include <getopt.h>
#include <poll.h>
#include <sys/random.h>

#include "devd/control.h"
#include "devd/monitor.h"
#include "lib/fileio.h"
#include "lib/id128.h"

static struct {
        char **subsystems, **no_subsystems, **attrs, **no_attrs, **props, **tags, **names, **nodes,
                **parents, **first;
        const char *action, *type;
        bool verbose, dry_run, quiet, settle, uuid, initialized, uninitialized, failed;
        char **chosen;   /* syspaths */
        char **awaited;  /* UUIDs of the events that were asked for and have not been seen */
        bool plain_only; /* the kernel is older than 4.13 and takes no UUIDs */
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
        _cleanup_strv_ char **props = udev_properties(d, false);
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
                if (!strv_contains(d->tags_all, *g))
                        return false;
        if (t.parents && !below_parent(d))
                return false;
        if ((t.initialized && !udev_is_initialized(d)) || (t.uninitialized && udev_is_initialized(d)))
                return false;
        return names_match(d);
}

static int choose(void)
{
        /* whatever has the tag, modules among it */
        enum udev_kinds kinds = streq(t.type, "devices")      ? (t.tags ? UDEV_ALL : UDEV_DEVICES)
                                : streq(t.type, "subsystems") ? UDEV_SUBSYSTEMS
                                                              : UDEV_ALL;
        _cleanup_strv_ char **paths = NULL;
        int r = udev_list(kinds, &paths);

        FOREACH_STR (p, paths) {
                _cleanup_device_ struct device *d = NULL;

                if (r >= 0 && udev_device(*p, &d) >= 0 && matches(d))
                        r = strv_add(&t.chosen, d->syspath);
        }
        return r;
}

/* A random UUID of RFC 4122, version 4. */
static void random_uuid(char buf[static 37])
{
        char hex[ID128_TEXT_MAX];
        uint8_t id[16];

        id128_random(id, 0);
        id128_format(hex, id);
        snprintf(buf, 37, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* Writes "ACTION" or, so that the event can be told from others, "ACTION UUID". */
static int write_action(const char *path)
{
        _cleanup_free_ char *both = NULL;
        char uuid[37];
        int r;

        if (t.plain_only || !(t.settle || t.uuid))
                return write_attr(path, t.action);
        random_uuid(uuid);
        both = str_printf("%s %s", t.action, uuid);
        if (!both)
                return -ENOMEM;
        r = write_attr(path, both);
        if (r == -EINVAL) {
                t.plain_only = write_attr(path, t.action) >= 0;
                return t.plain_only ? 0 : r;
        }
        if (r < 0)
                return r;
        if (t.uuid)
                puts(uuid);
        return t.settle ? strv_add(&t.awaited, uuid) : 0;
}

static int trigger_one(const char *syspath)
{
        _cleanup_free_ char *path = path_join(syspath, "uevent");
        int r = 0;

        if (t.verbose)
                puts(syspath);
        if (!t.dry_run && path)
                r = write_action(path);
        if (r < 0 && r != -ENOENT && r != -ENODEV) {
                t.failed = true;
                if (!t.quiet)
                        fprintf(stderr, "Failed to write '%s' to '%s': %s\n", t.action, path ?: "",
                                strerror(-r));
        }
        return r;
}

static bool in_subsystem(const char *syspath, const char *subsystem)
{
        _cleanup_free_ char *link = path_join(syspath, "subsystem"), *target = NULL;

        return link && readlink_alloc(link, &target) >= 0 && streq(path_basename(target), subsystem);
}

/* Devices of the prioritized subsystems in their order, each after its parents; then the others. */
static void put_first(void)
{
        size_t n = strv_len(t.chosen), at = 0;
        _cleanup_free_ char **ordered = calloc(n + 1, sizeof(*ordered));

        if (!ordered)
                return;
        FOREACH_STR (s, t.first)
                for (size_t i = 0; i < n; i++) {
                        const char *device = t.chosen[i];

                        if (!device || !in_subsystem(device, *s))
                                continue;
                        for (size_t k = 0; k <= i; k++)
                                if (t.chosen[k] && path_startswith(device, t.chosen[k])) {
                                        ordered[at++] = t.chosen[k];
                                        t.chosen[k] = NULL;
                                }
                }
        for (size_t i = 0; i < n; i++)
                if (t.chosen[i])
                        ordered[at++] = t.chosen[i];
        memcpy(t.chosen, ordered, n * sizeof(*ordered));
}

/* Until the daemon has told of every event that was asked for. The daemon tells of each, also of one that failed. */
static int wait_for_own(int fd)
{
        static char buf[MONITOR_MAX + 1];
        usec_t until = usec_add(now_monotonic(), UDEV_TIMEOUT);

        while (t.awaited && t.awaited[0]) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                usec_t left = until - now_monotonic();
                const char *properties, *uuid;
                ssize_t n;
                size_t len;

                if (left <= 0 || (poll(&p, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR))
                        return -ETIMEDOUT;
                n = udev_monitor_receive(fd, true, buf, MONITOR_MAX);
                if (n == -ENOBUFS) /* some are lost: what is left is waited for with all others */
                        return udev_settle(UDEV_TIMEOUT, NULL);
                properties = n > 0 ? udev_message_properties(buf, (size_t)n, true, &len) : NULL;
                uuid = properties ? udev_message_value(properties, len, "SYNTH_UUID") : NULL;
                if (!uuid || !strv_contains(t.awaited, uuid))
                        continue;
                if (t.verbose)
                        printf("settle /sys%s\n", udev_message_value(properties, len, "DEVPATH") ?: "");
                if (t.uuid)
                        printf("settle %s\n", uuid);
                strv_remove(t.awaited, uuid);
                until = usec_add(now_monotonic(), UDEV_TIMEOUT);
        }
        return t.plain_only ? udev_settle(UDEV_TIMEOUT, NULL) : 0;
}

static int trigger_chosen(void)
{
        _cleanup_close_ int fd = -1;
        int r;

        if (t.settle && !t.dry_run) {
                fd = udev_monitor_open(true);
                if (fd < 0) {
                        fprintf(stderr, "Failed to listen for events: %s\n", strerror(-fd));
                        return fd;
                }
        }
        if (t.first)
                put_first();
        FOREACH_STR (s, t.chosen)
                (void)trigger_one(*s);
        if (fd < 0)
                return 0;
        r = wait_for_own(fd);
        if (r < 0)
                fprintf(stderr, "%zu events have not been handled: %s\n", strv_len(t.awaited), strerror(-r));
        return r;
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

static const char *const actions[] = { "add", "remove", "change", "move", "online", "offline", "bind",
        "unbind", NULL };

static int set_action(const char *s)
{
        if (streq(s, "help")) {
                FOREACH_STR (a, (char *const *)actions)
                        puts(*a);
                exit(0);
        }
        t.action = s;
        return strv_contains((char *const *)actions, s) ? 0 : -EINVAL;
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
        case 'c': return set_action(arg);
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
        case T_UUID: t.uuid = true; return 0;
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
        bool positional;
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
        positional = optind < argc;
        if (positional)
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
        else if (choose() < 0)
                return 1;
        if (positional)
                strv_sort(t.chosen);
        if (trigger_chosen() < 0)
                return 1;
        return t.failed && t.chosen && !t.chosen[1] ? 1 : 0;
}
