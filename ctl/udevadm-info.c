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

static void print_all(struct device *d)
{
        _cleanup_strv_ char **props = udev_properties(d);

        printf("P: %s\nM: %s\n", d->devpath, d->sysname);
        if (*device_sysnum_text(d))
                printf("R: %s\n", device_sysnum_text(d));
        if (d->subsystem)
                printf("U: %s\n", d->subsystem);
        if (d->devtype)
                printf("T: %s\n", d->devtype);
        if (d->major >= 0)
                printf("D: %c %d:%d\n", d->subsystem && streq(d->subsystem, "block") ? 'b' : 'c', d->major,
                        d->minor);
        if (d->ifindex > 0)
                printf("I: %d\n", d->ifindex);
        if (d->devnode) {
                printf("N: %s\nL: %d\n", d->devnode + strlen("/dev/"), d->link_priority);
                FOREACH_STR (l, d->links)
                        printf("S: %s\n", *l);
        }
        if (device_prop(d, "DISKSEQ"))
                printf("Q: %s\n", device_prop(d, "DISKSEQ"));
        if (d->driver)
                printf("V: %s\n", d->driver);
        FOREACH_STR (p, props)
                printf("E: %s\n", *p);
        putchar('\n');
}

static void print_properties(struct device *d)
{
        _cleanup_strv_ char **props = udev_properties(d);

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

static int print_device(struct device *d)
{
        const char *dev = q.root ? "/dev/" : "";

        switch (q.query) {
        case QUERY_ALL: print_all(d); return 0;
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

static void print_attributes(struct device *d)
{
        _cleanup_closedir_ DIR *dir = opendir(d->syspath);
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *e; dir && (e = readdir(dir));)
                if ((e->d_type == DT_REG || e->d_type == DT_LNK) && !skipped_attribute(e->d_name))
                        (void)strv_add(&names, e->d_name);
        strv_sort(names);
        FOREACH_STR (n, names) {
                _cleanup_free_ char *path = path_join(d->syspath, *n), *value = NULL;
                struct stat st;
                size_t len;

                if (!path || lstat(path, &st) < 0)
                        continue;
                if (S_ISLNK(st.st_mode)) {
                        const char *base = device_attr(d, *n);

                        if (base && !strchr(base, '/'))
                                printf("    ATTR{%s}==\"%s\"\n", *n, base);
                        continue;
                }
                if (!(st.st_mode & 0444)) {
                        printf("    ATTR{%s}==\"(not readable)\"\n", *n);
                        continue;
                }
                if (read_file(path, 4096, &value, &len) < 0)
                        continue;
                while (len > 0 && value[len - 1] == '\n')
                        value[--len] = '\0';
                if (strlen(value) == len && utf8_valid(value, len) && !strchr(value, '\n'))
                        printf("    ATTR{%s}==\"%s\"\n", *n, value);
        }
}

static void print_parent_attributes(struct device *d)
{
        char line[8192];
        FILE *f = tmpfile();

        /* the same lines with the parents' keys */
        if (!f)
                return;
        fflush(stdout);
        int saved = dup(STDOUT_FILENO);
        if (saved < 0 || dup2(fileno(f), STDOUT_FILENO) < 0) {
                close_fd(saved);
                fclose(f);
                return;
        }
        print_attributes(d);
        fflush(stdout);
        (void)dup2(saved, STDOUT_FILENO);
        close(saved);
        rewind(f);
        while (fgets(line, sizeof(line), f))
                if (startswith(line, "    ATTR{"))
                        printf("    ATTRS{%s", line + strlen("    ATTR{"));
        fclose(f);
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
        print_attributes(d);
        putchar('\n');
        for (struct device *p = device_parent(d); p; p = device_parent(p)) {
                printf("  looking at parent device '%s':\n    KERNELS==\"%s\"\n    SUBSYSTEMS==\"%s\"\n    "
                       "DRIVERS==\"%s\"\n",
                        p->devpath, p->sysname, device_subsystem(p) ?: "", device_driver(p) ?: "");
                print_parent_attributes(p);
                putchar('\n');
        }
        return 0;
}

/* ---- the command ---- */

static void export_one(struct device *d, void *data)
{
        print_all(d);
}

static int device_of_file(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0) {
                fprintf(stderr, "Failed to stat '%s': %s\n", path, strerror(errno));
                return 1;
        }
        if (q.export)
                printf("%sMAJOR=%u\n%sMINOR=%u\n", q.prefix ?: "", major(st.st_dev), q.prefix ?: "",
                        minor(st.st_dev));
        else
                printf("%u:%u\n", major(st.st_dev), minor(st.st_dev));
        return 0;
}

static int info_one(const char *arg)
{
        _cleanup_device_ struct device *d = NULL;
        int r = udev_device(arg, &d);

        if (r >= 0 && q.wait >= 0 && !udev_is_initialized(d)) {
                (void)udev_settle(q.wait, NULL);
                device_unrefp(&d);
                d = NULL;
                r = udev_device(arg, &d);
        }
        if (r < 0) {
                fprintf(stderr, "Unknown device \"%s\": %s\n", arg, strerror(r == -ENOENT ? ENODEV : -r));
                return 1;
        }
        return q.walk ? attribute_walk(d) : print_device(d);
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
                case 'd': return device_of_file(optarg);
                case 'e': return udev_foreach(export_one, NULL) < 0;
                case 'c': return db_cleanup() < 0;
                case 'w':
                        q.wait = UDEV_TIMEOUT;
                        if (optarg && parse_timespan(optarg, USEC_PER_SEC, &q.wait) < 0)
                                return 1;
                        break;
                case 't': fprintf(stderr, "--tree is not supported by rouse yet.\n"); return 1;
                case I_NO_PAGER: break;
                default: return 1;
                }
        (void)strv_extend(&devices, argv + optind);
        if (!devices) {
                fprintf(stderr, "A device name or path is required\n");
                return 1;
        }
        FOREACH_STR (d, devices)
                status |= info_one(*d);
        return status;
}
