/* udevadm info: one device in several forms, all of them (--export-db), or the attributes that rules could match. */
#include "udevadm.h"

#include <dirent.h>
#include <getopt.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/fileio.h"

enum query { QUERY_ALL, QUERY_NAME, QUERY_PATH, QUERY_SYMLINK, QUERY_PROPERTY };

static struct {
        enum query query;
        bool root, export, value, walk;
        const char *prefix;
        char **only;
        usec_t wait; /* -1: no */
} q;

void udev_print_all(struct device *d, bool subsystem_first, const char *prefix)
{
        _cleanup_strv_ char **props = udev_properties(d, subsystem_first);
        bool block = d->subsystem && streq(d->subsystem, "block");

#define LINE(fmt, ...) printf("%s" fmt "\n", prefix, __VA_ARGS__)
        LINE("P: %s", d->devpath);
        LINE("M: %s", d->sysname);
        if (*device_sysnum_text(d))
                LINE("R: %s", device_sysnum_text(d));
        if (d->subsystem)
                LINE("U: %s", d->subsystem);
        if (d->devtype)
                LINE("T: %s", d->devtype);
        if (d->major >= 0)
                LINE("D: %c %d:%d", block ? 'b' : 'c', d->major, d->minor);
        if (d->ifindex > 0)
                LINE("I: %d", d->ifindex);
        if (d->devnode) {
                LINE("N: %s", d->devnode + strlen("/dev/"));
                LINE("L: %d", d->link_priority);
                FOREACH_STR (l, d->links)
                        LINE("S: %s", *l);
        }
        if (device_prop(d, "DISKSEQ"))
                LINE("Q: %s", device_prop(d, "DISKSEQ"));
        if (d->driver)
                LINE("V: %s", d->driver);
        FOREACH_STR (p, props)
                LINE("E: %s", *p);
#undef LINE
}

static void print_properties(struct device *d)
{
        _cleanup_strv_ char **props = udev_properties(d, false);

        FOREACH_STR (p, props) {
                char *eq = strchr(*p, '=');
                _cleanup_free_ char *key = strndup(*p, (size_t)(eq - *p));

                if (!key || (q.only && !strv_contains(q.only, key)))
                        continue;
                if (q.export)
                        printf("%s%s='%s'\n", q.prefix ?: "", key, eq + 1);
                else
                        puts(q.value ? eq + 1 : *p);
        }
}

static int print_device(struct device *d, bool by_node)
{
        const char *dev = q.root ? "/dev/" : "";

        switch (q.query) {
        case QUERY_ALL:
                udev_print_all(d, !by_node, "");
                putchar('\n');
                return 0;
        case QUERY_PROPERTY: print_properties(d); return 0;
        case QUERY_PATH: puts(d->devpath); return 0;
        case QUERY_NAME:
                if (!d->devnode) {
                        fprintf(stderr, "No device node found.\n");
                        return 1;
                }
                printf("%s%s\n", dev, d->devnode + strlen("/dev/"));
                return 0;
        case QUERY_SYMLINK:
                for (size_t i = 0; d->links && d->links[i]; i++)
                        printf("%s%s%s", i ? " " : "", dev, d->links[i]);
                putchar('\n');
                return 0;
        }
        return 1;
}

/* ---- --attribute-walk ---- */

static bool skipped_attribute(const char *name)
{
        static const char *const skipped[] = { "uevent", "dev", "modalias", "resource", "driver",
                "subsystem", "module", NULL };

        return strv_contains((char *const *)skipped, name);
}

static void print_attribute(struct device *d, const char *name, const char *key)
{
        _cleanup_free_ char *path = path_join(d->syspath, name), *value = NULL;
        struct stat st;
        size_t len;

        if (!path || lstat(path, &st) < 0)
                return;
        if (S_ISLNK(st.st_mode)) {
                const char *base = device_attr(d, name);

                if (base && !strchr(base, '/'))
                        printf("    %s{%s}==\"%s\"\n", key, name, base);
                return;
        }
        if (!(st.st_mode & 0444)) {
                printf("    %s{%s}==\"(not readable)\"\n", key, name);
                return;
        }
        if (read_file(path, 65536, &value, &len) < 0)
                return;
        while (len > 0 && value[len - 1] == '\n')
                value[--len] = '\0';
        if (strlen(value) == len && utf8_valid(value, len) && !strchr(value, '\n'))
                printf("    %s{%s}==\"%s\"\n", key, name, value);
}

/* Files of the device and of directories in it that are no devices themselves. */
static void collect_attributes(const char *path, const char *below, char ***names)
{
        _cleanup_closedir_ DIR *dir = opendir(path);

        for (struct dirent *e; dir && (e = readdir(dir));) {
                _cleanup_free_ char *name = path_join(below, e->d_name), *full = path_join(path, e->d_name),
                                    *uevent = full ? path_join(full, "uevent") : NULL;

                if (e->d_name[0] == '.' || !name || !uevent)
                        continue;
                if (e->d_type == DT_DIR && access(uevent, F_OK) < 0)
                        collect_attributes(full, name, names);
                else if ((e->d_type == DT_REG || (e->d_type == DT_LNK && !*below)) &&
                         !skipped_attribute(e->d_name))
                        (void)strv_add(names, *below ? name : e->d_name);
        }
}

static void print_attributes(struct device *d, const char *key)
{
        _cleanup_strv_ char **names = NULL;

        collect_attributes(d->syspath, "", &names);
        strv_sort(names);
        FOREACH_STR (n, names)
                print_attribute(d, *n, key);
}

static int attribute_walk(struct device *d)
{
        puts("\nUdevadm info starts with the device specified by the devpath and then\n"
             "walks up the chain of parent devices. It prints for every device\n"
             "found, all possible attributes in the udev rules key format.\n"
             "A rule to match, can be composed by the attributes of the device\n"
             "and the attributes from one single parent device.\n");
        printf("  looking at device '%s':\n    KERNEL==\"%s\"\n    SUBSYSTEM==\"%s\"\n    DRIVER==\"%s\"\n",
                d->devpath, d->sysname, device_subsystem(d) ?: "", device_driver(d) ?: "");
        print_attributes(d, "ATTR");
        putchar('\n');
        for (struct device *p = device_parent(d); p; p = device_parent(p)) {
                printf("  looking at parent device '%s':\n    KERNELS==\"%s\"\n    SUBSYSTEMS==\"%s\"\n    "
                       "DRIVERS==\"%s\"\n",
                        p->devpath, p->sysname, device_subsystem(p) ?: "", device_driver(p) ?: "");
                print_attributes(p, "ATTRS");
                putchar('\n');
        }
        return 0;
}

/* ---- the command ---- */

static int export_all(void)
{
        _cleanup_strv_ char **paths = NULL;
        int r = udev_list(UDEV_DEVICES, &paths);

        FOREACH_STR (p, paths) {
                _cleanup_device_ struct device *d = NULL;

                if (udev_device(*p, &d) < 0) /* gone meanwhile */
                        continue;
                udev_print_all(d, true, "");
                putchar('\n');
        }
        return r < 0;
}

static int device_of_file(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0) {
                fprintf(stderr, "Failed to stat '%s': %s\n", path, strerror(errno));
                return 1;
        }
        if (q.export)
                printf("%sMAJOR=%u\n%sMINOR=%u\n", q.prefix ?: "INFO_", major(st.st_dev),
                        q.prefix ?: "INFO_", minor(st.st_dev));
        else
                printf("%u:%u\n", major(st.st_dev), minor(st.st_dev));
        return 0;
}

static int info_one(const char *arg)
{
        _cleanup_device_ struct device *d = NULL;
        int r = udev_device(arg, &d);

        if (r >= 0 && q.wait >= 0 && !udev_is_initialized(d)) {
                (void)udev_wait_initialized(d->syspath, q.wait);
                device_unrefp(&d);
                d = NULL;
                r = udev_device(arg, &d);
        }
        if (r < 0) {
                fprintf(stderr, "Unknown device \"%s\": %s\n", arg, strerror(r == -ENOENT ? ENODEV : -r));
                return 1;
        }
        return q.walk ? attribute_walk(d) : print_device(d, startswith(arg, "/dev/"));
}

static int info_tree(char *const *devices)
{
        _cleanup_device_ struct device *d = NULL;
        int r;

        if (!devices)
                return udev_print_tree(NULL) < 0;
        if (devices[1]) {
                fprintf(stderr, "--tree takes one device.\n");
                return 1;
        }
        r = udev_device(devices[0], &d);
        if (r < 0) {
                fprintf(stderr, "Unknown device \"%s\": %s\n", devices[0], strerror(ENODEV));
                return 1;
        }
        return udev_print_tree(d->syspath) < 0;
}

static int set_query(const char *s)
{
        static const char *const names[] = { [QUERY_ALL] = "all",
                [QUERY_NAME] = "name",
                [QUERY_PATH] = "path",
                [QUERY_SYMLINK] = "symlink",
                [QUERY_PROPERTY] = "property" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i], s)) {
                        q.query = (enum query)i;
                        return 0;
                }
        if (streq(s, "env"))
                q.query = QUERY_PROPERTY;
        return streq(s, "env") ? 0 : -EINVAL;
}

enum { I_PROPERTY = 256, I_VALUE, I_NO_PAGER };

int udevadm_info(int argc, char **argv)
{
        static const struct option options[] = { { "query", 1, NULL, 'q' },
                { "property", 1, NULL, I_PROPERTY }, { "value", 0, NULL, I_VALUE }, { "path", 1, NULL, 'p' },
                { "name", 1, NULL, 'n' }, { "root", 0, NULL, 'r' }, { "attribute-walk", 0, NULL, 'a' },
                { "tree", 0, NULL, 't' }, { "export", 0, NULL, 'x' }, { "export-prefix", 1, NULL, 'P' },
                { "device-id-of-file", 1, NULL, 'd' }, { "export-db", 0, NULL, 'e' },
                { "cleanup-db", 0, NULL, 'c' }, { "wait-for-initialization", 2, NULL, 'w' },
                { "no-pager", 0, NULL, I_NO_PAGER }, { 0 } };
        _cleanup_strv_ char **devices = NULL;
        const char *file = NULL;
        bool tree = false;
        int c, status = 0;

        optind = 0;
        q.wait = -1;
        while ((c = getopt_long(argc, argv, "q:p:n:ratxP:d:ecw::V", options, NULL)) >= 0)
                switch (c) {
                case 'q':
                        if (set_query(optarg) < 0) {
                                fprintf(stderr, "unknown query type\n");
                                return 1;
                        }
                        break;
                case I_PROPERTY: q.only = strv_split(optarg, ","); break;
                case I_VALUE: q.value = true; break;
                case 'p':
                        (void)(startswith(optarg, "/sys/") ? strv_add(&devices, optarg)
                                                           : strv_addf(&devices, "/sys%s%s",
                                                                     *optarg == '/' ? "" : "/", optarg));
                        break;
                case 'n':
                        (void)(startswith(optarg, "/dev/") ? strv_add(&devices, optarg)
                                                           : strv_addf(&devices, "/dev/%s", optarg));
                        break;
                case 'r': q.root = true; break;
                case 'a': q.walk = true; break;
                case 'x': q.export = true; break;
                case 'P':
                        q.export = true;
                        q.prefix = optarg;
                        break;
                case 'd': file = optarg; break;
                case 'e': return export_all();
                case 'c': return db_cleanup() < 0;
                case 'w':
                        q.wait = USEC_INFINITY;
                        if (optarg && parse_timespan(optarg, USEC_PER_SEC, &q.wait) < 0)
                                return 1;
                        break;
                case 't': tree = true; break;
                case I_NO_PAGER: break;
                default: return 1;
                }
        if (q.export && q.value) {
                fprintf(stderr, "-x/--export or -P/--export-prefix cannot be used with --value\n");
                return 1;
        }
        if (file)
                return device_of_file(file);
        (void)strv_extend(&devices, argv + optind);
        if (tree)
                return info_tree(devices);
        if (!devices) {
                fprintf(stderr, "A device name or path is required\n");
                return 1;
        }
        FOREACH_STR (d, devices)
                status |= info_one(*d);
        return status;
}
