/* rouse-devd verify [FILE…]: reads rules as the daemon would and says what is wrong with them, with file, line and
 * column. Without files: the standard directories. Exits 1 when there is anything to say. */
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "devd.h"
#include "lib/fileio.h"
#include "lib/log.h"

static const char usage[] =
        "Usage: rouse-devd verify [--quiet] [--resolve-names=early|never] [FILE|DIRECTORY…]\n";

static int expand(char *const *args, char ***ret)
{
        _cleanup_strv_ char **files = NULL;
        struct stat st;

        FOREACH_STR (a, args) {
                _cleanup_strv_ char **found = NULL;
                _cleanup_free_ char *full = realpath(*a, NULL);
                char *dir[] = { full, NULL };
                int r;

                if (!full || stat(full, &st) < 0)
                        return log_error_errno(-errno, "%s: %m", *a);
                if (S_ISDIR(st.st_mode)) {
                        r = conf_files_list("/", dir, ".rules", &found);
                        if (r >= 0)
                                r = strv_extend(&files, found);
                } else {
                        r = strv_add(&files, *a);
                }
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(files);
        return 0;
}

int verify_main(int argc, char **argv)
{
        static const struct option options[] = { { "quiet", no_argument, NULL, 'q' },
                { "resolve-names", required_argument, NULL, 'N' }, { "help", no_argument, NULL, 'h' },
                { 0 } };
        _cleanup_strv_ char **files = NULL;
        struct rules *rules = NULL;
        unsigned problems = 0;
        bool quiet = false;
        int c, r;

        log_open("rouse-devd", LOG_TO_STDERR);
        while ((c = getopt_long(argc, argv, "qN:h", options, NULL)) >= 0)
                switch (c) {
                case 'q': quiet = true; break;
                case 'N':
                        if (!streq(optarg, "early") && !streq(optarg, "never")) {
                                fprintf(stderr, "--resolve-names= takes early or never\n");
                                return EXIT_FAILURE;
                        }
                        rules_resolve_names(streq(optarg, "early"));
                        break;
                case 'h': printf("%s", usage); return EXIT_SUCCESS;
                default: fprintf(stderr, "%s", usage); return EXIT_FAILURE;
                }
        if (optind < argc) {
                r = expand(argv + optind, &files);
                if (r >= 0)
                        r = rules_load_files(files, &rules, &problems);
        } else {
                r = rules_load(NULL, &rules, &problems);
        }
        if (r < 0)
                return EXIT_FAILURE;
        if (!quiet)
                printf("%zu files, %zu rules, %u problems\n", rules_count_files(rules),
                        rules_count_lines(rules), problems);
        rules_free(rules);
        return problems ? EXIT_FAILURE : EXIT_SUCCESS;
}
