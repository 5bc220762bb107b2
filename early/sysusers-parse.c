/* The lines of sysusers.d(5): Type Name ID GECOS Home Shell. */
#include "early/sysusers.h"

bool user_name_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > 31)
                return false;
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", name[0]))
                return false;
        return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static void line_free(struct sysusers_line *l)
{
        free(l->name);
        free(l->id);
        free(l->gecos);
        free(l->home);
        free(l->shell);
        free(l);
}

static void line_freep(struct sysusers_line **l)
{
        if (*l)
                line_free(*l);
}

void sysusers_done(struct sysusers *s)
{
        for (struct sysusers_line *l = s->lines, *next; l; l = next) {
                next = l->next;
                line_free(l);
        }
        strv_free(s->paths);
        strv_free(s->memberships);
        strbuf_done(&s->passwd);
        strbuf_done(&s->shadow);
        strbuf_done(&s->group);
        strbuf_done(&s->gshadow);
        *s = (struct sysusers) { 0 };
}

static int parse_range(struct sysusers *s, const struct sysusers_line *l)
{
        char buf[32];
        char *dash;
        uint32_t a, b;

        if (!l->id || strlen(l->id) >= sizeof(buf))
                return log_file(l->path, l->line, LOG_WARNING,
                               "\"r\" needs a range FROM-TO; the line is ignored."),
                       -EINVAL;
        strcpy(buf, l->id);
        dash = strchr(buf, '-');
        if (dash)
                *dash++ = 0;
        if (parse_u32(buf, &a) < 0 || parse_u32(dash ?: buf, &b) < 0 || a > b || b >= 0xFFFFFFFE)
                return log_file(l->path, l->line, LOG_WARNING,
                               "\"%s\" is no range of ids; the line is ignored.", l->id),
                       -EINVAL;
        if (s->n_ranges == ARRAY_SIZE(s->ranges))
                return log_file(l->path, l->line, LOG_WARNING, "Too many \"r\" lines; this one is ignored."),
                       -EINVAL;
        s->ranges[s->n_ranges++] = (struct id_range) { a, b };
        return 0;
}

/* What the type requires of the fields. */
static int check_line(const struct sysusers_line *l)
{
        if (!strchr("ugmr", l->type))
                return log_file(l->path, l->line, LOG_WARNING,
                               "Unknown line type \"%c\"; the line is ignored.", l->type),
                       -EINVAL;
        if (l->type == 'r')
                return 0;
        if (!l->name || !user_name_valid(l->name))
                return log_file(l->path, l->line, LOG_WARNING,
                               "\"%s\" is no valid user or group name; the line is ignored.",
                               l->name ?: "-"),
                       -EINVAL;
        if (l->type == 'm' && (!l->id || !user_name_valid(l->id)))
                return log_file(l->path, l->line, LOG_WARNING,
                               "\"m\" needs a valid group name; the line is ignored."),
                       -EINVAL;
        if (l->type != 'u' && (l->gecos || l->home || l->shell))
                log_file(l->path, l->line, LOG_WARNING,
                        "\"%c\" takes no description, home or shell; they are ignored.", l->type);
        FOREACH_STR (f,
                ((char *[]) { l->gecos ?: (char *)"", l->home ?: (char *)"", l->shell ?: (char *)"", NULL }))
                if (strpbrk(*f, ":\n"))
                        return log_file(l->path, l->line, LOG_WARNING,
                                       "A field has a colon in it; the line is ignored."),
                               -EINVAL;
        if ((l->home && l->home[0] != '/') || (l->shell && l->shell[0] != '/'))
                return log_file(l->path, l->line, LOG_WARNING,
                               "Home and shell must be absolute paths; the line is ignored."),
                       -EINVAL;
        return 0;
}

static int split_fields(struct early *e, struct sysusers_line *l, const char *text)
{
        char **fields[] = { NULL, &l->name, &l->id, &l->gecos, &l->home, &l->shell };
        const char *p = text;
        int r;

        for (size_t i = 0;; i++) {
                _cleanup_free_ char *w = NULL;

                r = str_next_word(&p, &w, WORD_CUNESCAPE | WORD_RELAX);
                if (r < 0)
                        return log_file(l->path, l->line, LOG_WARNING,
                                       "Unbalanced quotes; the line is ignored."),
                               -EINVAL;
                if (r == 0 && i >= 2)
                        return 0;
                if (r == 0)
                        return log_file(l->path, l->line, LOG_WARNING,
                                       "Type and name are missing; the line is ignored."),
                               -EINVAL;
                if (i >= ARRAY_SIZE(fields))
                        return log_file(l->path, l->line, LOG_WARNING,
                                       "Too many fields; the line is ignored."),
                               -EINVAL;
                if (i == 0) {
                        if (strlen(w) != 1)
                                return log_file(l->path, l->line, LOG_WARNING,
                                               "Unknown line type \"%s\"; the line is ignored.", w),
                                       -EINVAL;
                        l->type = w[0];
                        continue;
                }
                if (streq(w, "-") || !*w)
                        continue;
                r = specifier_expand(e, w, fields[i]);
                if (r < 0)
                        return log_file(l->path, l->line, LOG_WARNING,
                                       "\"%s\" has a specifier that is unknown or has no value; the line is "
                                       "ignored.",
                                       w),
                               -EINVAL;
        }
}

int sysusers_parse_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        struct sysusers *s = data;
        _cleanup_(line_freep) struct sysusers_line *l = calloc(1, sizeof(*l));
        size_t n = strv_len(s->paths);
        int r;

        if (!l)
                return log_oom();
        if (n == 0 || !streq(s->paths[n - 1], path)) {
                r = strv_add(&s->paths, path);
                if (r < 0)
                        return log_oom();
                n++;
        }
        l->path = s->paths[n - 1];
        l->line = line;
        r = split_fields(e, l, text);
        if (r >= 0)
                r = check_line(l);
        if (r < 0)
                return r;
        if (l->type == 'r')
                return parse_range(s, l);
        if (!s->tail)
                s->tail = &s->lines;
        *s->tail = l;
        s->tail = &l->next;
        l = NULL;
        return 0;
}
