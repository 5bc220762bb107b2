/* Patterns: alternatives separated by '|', each a glob of fnmatch(3) without flags. Most are plain words or
 * "word*", which need no fnmatch. */
#include <fnmatch.h>

#include "rules-int.h"

static void classify(struct glob *g)
{
        size_t special = strcspn(g->text, "*?[\\");

        g->literal = (uint8_t)MIN(special, 255u);
        if (!g->text[special])
                g->kind = GLOB_EXACT;
        else if (streq(g->text, "*"))
                g->kind = GLOB_ANY;
        else if (streq(g->text, "?*"))
                g->kind = GLOB_SOME;
        else if (g->text[special] == '*' && !g->text[special + 1] && special <= 255)
                g->kind = GLOB_PREFIX;
        else
                g->kind = GLOB_FNMATCH;
}

int pattern_compile(struct arena *a, const char *value, bool split, struct pattern *ret)
{
        struct glob *g;
        unsigned n = 1;
        const char *p;

        for (p = value; split && *p; p++)
                n += *p == '|';
        g = arena_alloc(a, n * sizeof(*g));
        if (!g)
                return -ENOMEM;
        p = value;
        for (unsigned i = 0; i < n; i++) {
                size_t len = split ? strcspn(p, "|") : strlen(p);

                g[i].len = (uint16_t)len;
                g[i].text = arena_strndup(a, p, len);
                if (!g[i].text)
                        return -ENOMEM;
                classify(&g[i]);
                if (len && strchr(" \t\n", p[len - 1]))
                        ret->trailing_space = true;
                p += len + 1;
        }
        ret->alt = g;
        ret->n = (uint16_t)n; /* a line is shorter */
        return 0;
}

bool pattern_match(const struct pattern *p, const char *s)
{
        for (unsigned i = 0; i < p->n; i++) {
                const struct glob *g = &p->alt[i];

                if (g->literal && (*s != *g->text || strncmp(s, g->text, g->literal) != 0))
                        continue;
                switch (g->kind) {
                case GLOB_EXACT:
                        if (streq(s, g->text))
                                return true;
                        break;
                case GLOB_PREFIX:
                case GLOB_ANY: return true;
                case GLOB_SOME:
                        if (*s)
                                return true;
                        break;
                default:
                        if (fnmatch(g->text, s, 0) == 0)
                                return true;
                }
        }
        return false;
}
