/* The manual pages that Documentation= names: are they there? Where nothing below the root has manual pages at all, as in
 * small images, nothing can be missed. */
#include <stdio.h>

#include "verify.h"

static const char *const trees[] = { "/usr/local/share/man", "/usr/local/man", "/usr/share/man" };

static bool is_there(struct manager *m, const char *path)
{
        _cleanup_free_ char *full = root_path(m, path);

        return full && access(full, F_OK) >= 0;
}

static bool has_pages(struct manager *m)
{
        for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
                for (int section = 1; section <= 8; section++) {
                        _cleanup_free_ char *path = str_printf("%s/man%d", trees[i], section);

                        if (path && is_there(m, path))
                                return true;
                }
        return false;
}

/* "NAME(SECTION)". Packages compress, each in its way. */
static bool page_exists(struct manager *m, const char *page)
{
        static const char *const endings[] = { ".gz", "", ".xz", ".zst", ".bz2" };
        const char *open = strchr(page, '('), *close = open ? strchr(open, ')') : NULL;

        if (!open || open == page || !close || close < open + 2 || close[1])
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
                for (size_t k = 0; k < ARRAY_SIZE(endings); k++) {
                        _cleanup_free_ char *path = str_printf("%s/man%c/%.*s.%.*s%s", trees[i], open[1],
                                (int)(open - page), page, (int)(close - open - 1), open + 1, endings[k]);

                        if (path && is_there(m, path))
                                return true;
                }
        return false;
}

static bool is_named(struct unit *u, const struct ini_line *l, const void *arg)
{
        _cleanup_strv_ char **words = streq(l->key, "Documentation") ? strv_split(l->value, " \t\n") : NULL;

        return strv_contains(words, arg);
}

unsigned verify_man_pages(struct unit *u)
{
        unsigned n = 0;

        if (u->manager->verify_man_off || !has_pages(u->manager))
                return 0;
        FOREACH_STR (d, u->documentation) {
                const char *page = startswith(*d, "man:");

                if (page && !page_exists(u->manager, page))
                        n += verify_say(
                                u, is_named, *d, "Documentation=%s: there is no such manual page", *d);
        }
        return n;
}
