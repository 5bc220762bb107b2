/* udevadm hwdb, and systemd-hwdb(8) where its package is not installed: the hardware database is compiled and asked. */
#include "udevadm.h"

#include <getopt.h>

#include "devd/hwdb-compile.h"
#include "devd/hwdb-trie.h"

static int print_value(const char *key, const char *value, void *data)
{
        return strv_addf(data, "%s=%s", key, value);
}

static int query(const char *root, const char *modalias)
{
        _cleanup_strv_ char **found = NULL;
        _cleanup_free_ char *path = root ? path_join(root, "etc/udev/hwdb.bin") : NULL;
        struct hwdb *h;
        int r;

        if (path && access(path, F_OK) < 0) {
                free(path);
                path = path_join(root, "lib/udev/hwdb.bin");
        }
        r = hwdb_open(path, &h);
        if (r < 0) {
                fprintf(stderr, "Failed to open the hardware database: %s\n", strerror(-r));
                return 1;
        }
        r = hwdb_lookup(h, modalias, print_value, &found);
        hwdb_free(h);
        if (r < 0)
                return 1;
        FOREACH_STR (s, found)
                puts(*s);
        return 0;
}

static const char hwdb_help[] =
        "udevadm hwdb [--update [--usr] [--strict]] [--test=MODALIAS] [--root=PATH]\n"
        "  -u --update     compile /etc/udev/hwdb.d and /lib/udev/hwdb.d\n"
        "     --usr        into /lib/udev instead of /etc/udev\n"
        "  -s --strict     fail if a line is bad\n"
        "  -t --test=TEXT  print what the database has for a modalias\n"
        "  -r --root=PATH  work in another root\n";

int udevadm_hwdb(int argc, char **argv)
{
        static const struct option options[] = { { "update", 0, NULL, 'u' }, { "usr", 0, NULL, 'U' },
                { "strict", 0, NULL, 's' }, { "test", 1, NULL, 't' }, { "root", 1, NULL, 'r' },
                { "help", 0, NULL, 'h' }, { 0 } };
        bool update = false, usr = false, strict = false;
        const char *test = NULL, *root = NULL;
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "ust:r:h", options, NULL)) >= 0)
                switch (c) {
                case 'u': update = true; break;
                case 'U': usr = true; break;
                case 's': strict = true; break;
                case 't': test = optarg; break;
                case 'r': root = optarg; break;
                case 'h': fputs(hwdb_help, stdout); return 0;
                default: return 1;
                }
        if (!update && !test) {
                fprintf(stderr, "Either --update or --test must be used.\n");
                return 1;
        }
        if (update && hwdb_update(root, usr, strict) < 0)
                return 1;
        return test ? query(root, test) : 0;
}

/* systemd-hwdb [OPTIONS] update | query MODALIAS */
int systemd_hwdb_main(int argc, char **argv)
{
        _cleanup_strv_ char **args = NULL;
        bool query_next = false;

        if (strv_add(&args, "hwdb") < 0)
                return 1;
        for (int i = 1; i < argc; i++) {
                int r;

                if (query_next)
                        r = strv_addf(&args, "--test=%s", argv[i]);
                else if (streq(argv[i], "query"))
                        r = 0, query_next = true;
                else
                        r = strv_add(&args, streq(argv[i], "update") ? "--update" : argv[i]);
                if (r < 0)
                        return 1;
        }
        return udevadm_hwdb((int)strv_len(args), args);
}
