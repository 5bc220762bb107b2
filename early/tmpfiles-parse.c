/* The lines of tmpfiles.d(5): Type Path Mode User Group Age Argument. */
#include "early/safepath.h"
#include "early/tmpfiles.h"

/* Lines of one path are done in this order. Types of the same rank exclude each other. */
static const struct {
        char type;
        int rank;
} ranks[] = {
        { 'x', 0 },
        { 'X', 0 },
        { 'r', 1 },
        { 'R', 1 },
        { 'f', 2 },
        { 'F', 2 },
        { 'd', 2 },
        { 'D', 2 },
        { 'e', 2 },
        { 'v', 2 },
        { 'q', 2 },
        { 'Q', 2 },
        { 'p', 2 },
        { 'L', 2 },
        { 'c', 2 },
        { 'b', 2 },
        { 'C', 2 },
        { 'w', 3 },
        { 'z', 4 },
        { 'Z', 4 },
        { 't', 5 },
        { 'T', 5 },
        { 'a', 6 },
        { 'A', 6 },
        { 'h', 7 },
        { 'H', 7 },
};

int tmpfiles_rank(char type)
{
        for (size_t i = 0; i < ARRAY_SIZE(ranks); i++)
                if (ranks[i].type == type)
                        return ranks[i].rank;
        return -1;
}

static void item_free(struct tmpfiles_item *i)
{
        free(i->path);
        free(i->user);
        free(i->group);
        free(i->arg);
        free(i);
}

static void item_freep(struct tmpfiles_item **i)
{
        if (*i)
                item_free(*i);
}

void tmpfiles_free(struct tmpfiles *t)
{
        if (!t)
                return;
        for (struct tmpfiles_item *i = t->items, *next; i; i = next) {
                next = i->next;
                item_free(i);
        }
        hash_done(&t->by_path);
        strv_free(t->files);
        free(t);
}

int tmpfiles_log(const struct tmpfiles_item *i, int level, int err, const char *what)
{
        if (err < 0)
                log_full(level, err, NULL, "%s:%u: %s: %s: %m", i->file, i->line, i->path, what);
        else
                log_file(i->file, i->line, level, "%s: %s", i->path, what);
        return err;
}

#define BAD_LINE(i, ...) (log_file((i)->file, (i)->line, LOG_WARNING, __VA_ARGS__), -EINVAL)

static int parse_type(struct tmpfiles_item *i, const char *s)
{
        i->type = s[0];
        for (const char *m = s + 1; *m; m++)
                switch (*m) {
                case '+': i->plus = true; break;
                case '!': i->boot = true; break;
                case '-': i->no_error = true; break;
                case '=': i->replace = true; break;
                case '~': i->base64 = true; break;
                case '^': i->credential = true; break;
                case '?': i->if_source = true; break;
                case '$': break; /* concerns --purge alone */
                default:
                        return BAD_LINE(i, "Unknown modifier \"%c\" in \"%s\"; the line is ignored.", *m, s);
                }
        if (i->type == 'F') {
                i->type = 'f';
                i->plus = true;
        }
        if (tmpfiles_rank(i->type) < 0)
                return BAD_LINE(i, "Unknown line type \"%s\"; the line is ignored.", s);
        if (i->plus && !strchr("fwpLcbCaA", i->type))
                return BAD_LINE(i, "Type \"%c\" takes no \"+\"; the line is ignored.", i->type);
        if ((i->base64 || i->credential) && !strchr("fw", i->type))
                return BAD_LINE(i,
                        "\"%s\": only lines that write to files take \"~\" and \"^\"; the line is ignored.",
                        s);
        return 0;
}

static int parse_path(struct early *e, struct tmpfiles_item *i, const char *s)
{
        _cleanup_free_ char *p = NULL;
        const char *legacy;

        if (specifier_expand(e, s, &p) < 0)
                return BAD_LINE(i,
                        "\"%s\" has a specifier that is unknown or has no value; the line is ignored.", s);
        if (p[0] != '/')
                return BAD_LINE(i, "Path \"%s\" is not absolute; the line is ignored.", p);
        path_simplify(p);
        if (!path_is_normalized(p))
                return BAD_LINE(i, "Path \"%s\" has \".\" or \"..\" in it; the line is ignored.", p);
        legacy = startswith(p, "/var/run/");
        if (legacy) {
                log_file(i->file, i->line, LOG_NOTICE,
                        "\"%s\" is below /var/run; /run/%s is used. Please change the file.", p, legacy);
                i->path = path_join("/run", legacy);
        } else
                i->path = TAKE_PTR(p);
        if (!i->path)
                return log_oom();
        i->glob = strchr("wexXrRzZtThHaA", i->type) && path_has_glob(i->path);
        return 0;
}

static int parse_item_mode(struct tmpfiles_item *i, const char *s)
{
        const char *p = s;

        for (;; p++) {
                if (*p == '~')
                        i->mode_masked = true;
                else if (*p == ':')
                        i->mode_new_only = true;
                else
                        break;
        }
        if (parse_mode(p, &i->mode) < 0)
                return BAD_LINE(i, "\"%s\" is no mode; the line is ignored.", s);
        i->mode_set = true;
        return 0;
}

static int parse_owner(struct tmpfiles_item *i, const char *s, char **ret, bool *ret_new_only)
{
        if (*s == ':') {
                *ret_new_only = true;
                s++;
        }
        if (!*s)
                return BAD_LINE(i, "Empty user or group; the line is ignored.");
        return str_replace(ret, s) < 0 ? log_oom() : 0;
}

/* "10d", "~5d", "bmA:1h": the syntax is checked, the meaning is --clean's. */
static int parse_age(struct tmpfiles_item *i, const char *s)
{
        const char *colon = strchr(s, ':'), *p = s;
        usec_t t;

        if (*p == '~')
                p++;
        if (colon) {
                if (strspn(p, "aAbBcCmM") != (size_t)(colon - p))
                        return BAD_LINE(i, "\"%s\" is no age; the line is ignored.", s);
                p = colon + 1;
        }
        if (*p == '~')
                p++;
        if (parse_timespan(p, USEC_PER_SEC, &t) < 0)
                return BAD_LINE(i, "\"%s\" is no age; the line is ignored.", s);
        return 0;
}

static int parse_argument(struct early *e, struct tmpfiles_item *i, const char *s)
{
        _cleanup_free_ char *expanded = NULL;

        if (!*s || streq(s, "-"))
                return 0;
        if (i->base64 || i->credential || strchr("xXrRzZdDveqQp", i->type)) {
                if (str_replace(&i->arg, s) < 0)
                        return log_oom();
        } else {
                if (specifier_expand(e, s, &expanded) < 0)
                        return BAD_LINE(i, "The argument has a specifier that is unknown or has no value; "
                                           "the line is ignored.");
                if (str_cunescape(expanded, strlen(expanded), true, &i->arg) < 0)
                        return BAD_LINE(i, "The argument has a bad escape; the line is ignored.");
        }
        i->arg_len = strlen(i->arg);
        return 0;
}

/* What the type wants of its argument. */
static int check_item(struct tmpfiles_item *i)
{
        unsigned v, m;
        int major, minor, n = 0;

        switch (i->type) {
        case 'L':
        case 'C':
                if (!i->arg)
                        i->arg = path_join("/usr/share/factory", i->path);
                if (!i->arg)
                        return log_oom();
                if (i->type == 'C' && i->arg[0] != '/')
                        return BAD_LINE(i, "Source \"%s\" is not absolute; the line is ignored.", i->arg);
                return 0;
        case 'c':
        case 'b':
                if (!i->arg || sscanf(i->arg, "%d:%d%n", &major, &minor, &n) != 2 || i->arg[n] ||
                        major < 0 || minor < 0)
                        return BAD_LINE(i, "\"%s\" is no device number MAJOR:MINOR; the line is ignored.",
                                i->arg ?: "-");
                return 0;
        case 'h':
        case 'H':
                if (!i->arg || file_attributes_parse(i->arg, &v, &m) < 0)
                        return BAD_LINE(
                                i, "\"%s\" are no file attributes; the line is ignored.", i->arg ?: "-");
                return 0;
        case 'w':
        case 't':
        case 'T':
        case 'a':
        case 'A':
                if (!i->arg)
                        return BAD_LINE(i, "Type \"%c\" needs an argument; the line is ignored.", i->type);
                return 0;
        default: return 0;
        }
}

static int parse_field(struct early *e, struct tmpfiles_item *i, unsigned n, const char *w)
{
        if (n == 0)
                return parse_type(i, w);
        if (n == 1)
                return parse_path(e, i, w);
        if (!*w || streq(w, "-"))
                return 0;
        switch (n) {
        case 2: return parse_item_mode(i, w);
        case 3: return parse_owner(i, w, &i->user, &i->user_new_only);
        case 4: return parse_owner(i, w, &i->group, &i->group_new_only);
        default: return parse_age(i, w);
        }
}

static int parse_fields(struct early *e, struct tmpfiles_item *i, const char *text)
{
        const char *p = text;
        unsigned n;
        int r;

        for (n = 0; n < 6; n++) {
                _cleanup_free_ char *w = NULL;

                r = str_next_word(&p, &w, WORD_CUNESCAPE | WORD_RELAX);
                if (r < 0)
                        return BAD_LINE(i, "Unbalanced quotes; the line is ignored.");
                if (r == 0)
                        break;
                if (n == 0 && !*w)
                        return BAD_LINE(i, "The type is empty; the line is ignored.");
                r = parse_field(e, i, n, w);
                if (r < 0)
                        return r;
        }
        if (n < 2)
                return BAD_LINE(i, "The path is missing; the line is ignored.");
        if (n == 6) {
                r = parse_argument(e, i, p + strspn(p, " \t"));
                if (r < 0)
                        return r;
        }
        return check_item(i);
}

int tmpfiles_parse_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        struct tmpfiles *t = data;
        _cleanup_(item_freep) struct tmpfiles_item *i = calloc(1, sizeof(*i));
        size_t n = strv_len(t->files);
        int r;

        if (!i)
                return log_oom();
        if (n == 0 || !streq(t->files[n - 1], path)) {
                r = strv_add(&t->files, path);
                if (r < 0)
                        return log_oom();
                n++;
        }
        i->file = t->files[n - 1];
        i->line = line;
        r = parse_fields(e, i, text);
        if (r < 0)
                return r;
        if (!t->tail)
                t->tail = &t->items;
        *t->tail = i;
        t->tail = &i->next;
        i = NULL;
        return 0;
}

/* Puts i among the items of its path. 0: dropped, since an earlier line does the same kind of thing. */
static int insert_same_path(struct tmpfiles_item **head, struct tmpfiles_item *i)
{
        int rank = tmpfiles_rank(i->type);
        struct tmpfiles_item **p = head;

        for (; *p && tmpfiles_rank((*p)->type) <= rank; p = &(*p)->same_path) {
                if (tmpfiles_rank((*p)->type) < rank || (i->plus && strchr("waA", i->type)) || rank == 0)
                        continue;
                if ((*p)->type != i->type || !streq_null((*p)->arg, i->arg) || (*p)->mode != i->mode ||
                        !streq_null((*p)->user, i->user) || !streq_null((*p)->group, i->group))
                        log_file(i->file, i->line, LOG_NOTICE,
                                "\"%s\" is already given at %s:%u; this line is ignored.", i->path,
                                (*p)->file, (*p)->line);
                return 0;
        }
        i->same_path = *p;
        *p = i;
        return 1;
}

int tmpfiles_index(struct tmpfiles *t)
{
        int r;

        for (struct tmpfiles_item *i = t->items; i; i = i->next) {
                struct tmpfiles_item *head = hash_get(&t->by_path, i->path), *first = head;

                if (!insert_same_path(&head, i)) {
                        i->done = true;
                        continue;
                }
                if (head == first)
                        continue;
                r = hash_put(&t->by_path, head->path, head);
                if (r < 0)
                        return r;
        }
        return 0;
}
