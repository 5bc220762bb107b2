/* udevadm info --tree: devices, buses, drivers and modules, each below the nearest one whose path begins its own. */
#include "udevadm.h"

static int compare_paths(const void *a, const void *b)
{
        const unsigned char *p = *(const unsigned char *const *)a, *q = *(const unsigned char *const *)b;

        while (*p && *p == *q)
                p++, q++;
        /* what is below comes before what only begins alike */
        if (*p == '/' || *q == '/' || !*p || !*q)
                return (*p ? *p == '/' ? 1 : 2 : 0) - (*q ? *q == '/' ? 1 : 2 : 0);
        return *p - *q;
}

static bool is_below(const char *path, const char *top)
{
        const char *rest = startswith(path, top);

        return rest && (*rest == '/' || !*rest);
}

/* paths[0..n) all lie below top, which is not among them. */
static void print_level(char **paths, size_t n, const char *top, const char *indent)
{
        for (size_t i = 0, end; i < n; i = end) {
                _cleanup_device_ struct device *d = NULL;
                _cleanup_free_ char *deeper = NULL, *prefix = NULL;
                const char *label = paths[i] + strlen(top);

                for (end = i + 1; end < n && is_below(paths[end], paths[i]);)
                        end++;
                deeper = str_printf("%s%s", indent, end < n ? "│ " : "  ");
                prefix = deeper ? str_printf("%s┆ ", deeper) : NULL;
                if (!prefix || udev_device(paths[i], &d) < 0) /* gone meanwhile */
                        continue;
                printf("%s%s%s\n", indent, end < n ? "├─" : "└─", *indent ? label + 1 : label);
                udev_print_all(d, true, prefix);
                print_level(paths + i + 1, end - i - 1, paths[i], deeper);
        }
}

int udev_print_tree(const char *only_syspath)
{
        _cleanup_strv_ char **all = NULL;
        _cleanup_free_ char **chosen = NULL;
        size_t n = 0;
        int r = udev_list(UDEV_ALL, &all);

        if (r < 0)
                return r;
        chosen = calloc(strv_len(all) + 1, sizeof(*chosen));
        if (!chosen)
                return -ENOMEM;
        FOREACH_STR (p, all)
                if (!only_syspath || is_below(*p, only_syspath) || is_below(only_syspath, *p))
                        chosen[n++] = *p;
        qsort(chosen, n, sizeof(*chosen), compare_paths);
        print_level(chosen, n, "/sys", "");
        printf("\n%zu items shown.\n", n);
        return 0;
}
