/* Exec lines: prefixes, quoting, escapes, specifiers, and several commands in one line. */
#include "unit.h"

void exec_command_free_list(struct exec_command *c)
{
        while (c) {
                struct exec_command *next = c->next;

                free(c->path);
                strv_free(c->argv);
                free(c);
                c = next;
        }
}

/* Is there a word of its own at s that reads w? */
static bool lone_word(const char *s, const char *w)
{
        const char *rest = startswith(s, w);

        return rest && (*rest == '\0' || strchr(" \t\n\r", *rest));
}

/* The prefixes of the first word. '@' makes the next word argv[0]. */
static const char *take_prefixes(const char *s, unsigned *flags, bool *own_argv0, const char **ret_why)
{
        unsigned f = 0;

        for (;; s++) {
                if (*s == '-' && !(f & CMD_IGNORE_FAILURE))
                        f |= CMD_IGNORE_FAILURE;
                else if (*s == '@' && !*own_argv0)
                        *own_argv0 = true;
                else if (*s == ':' && !(f & CMD_NO_ENV_EXPAND))
                        f |= CMD_NO_ENV_EXPAND;
                else if (*s == '+' && !(f & (CMD_FULL_PRIVILEGE | CMD_NO_SETUID | CMD_AMBIENT_MAGIC)))
                        f |= CMD_FULL_PRIVILEGE;
                else if (*s == '!' && !(f & (CMD_FULL_PRIVILEGE | CMD_NO_SETUID | CMD_AMBIENT_MAGIC)))
                        f |= CMD_NO_SETUID;
                else if (*s == '!' && (f & CMD_NO_SETUID))
                        f = (f & ~(unsigned)CMD_NO_SETUID) | CMD_AMBIENT_MAGIC;
                else
                        break;
        }
        if (*s == '+' || *s == '!' || *s == '@' || *s == ':' || *s == '-') {
                *ret_why = "a prefix stands twice, or '+' beside '!'";
                return NULL;
        }
        *flags = f;
        return s;
}

/* Next word with its specifiers resolved: 1, 0 at the end or at a lone ";", negative errno. */
static int next_word(struct unit *u, const char **p, char **ret, const char **ret_why)
{
        _cleanup_free_ char *raw = NULL;
        const char *s = *p + strspn(*p, " \t\n\r");
        int r;

        *p = s;
        if (!*s || lone_word(s, ";"))
                return 0;
        if (lone_word(s, "\\;")) {
                *p = s + 2;
                *ret = strdup(";");
                return *ret ? 1 : -ENOMEM;
        }
        r = str_next_word(p, &raw, WORD_CUNESCAPE);
        if (r < 0) {
                *ret_why = "unbalanced quote or unknown escape";
                return r;
        }
        if (!strchr(raw, '%')) {
                *ret = TAKE_PTR(raw);
                return 1;
        }
        r = unit_resolve(u, raw, ret);
        if (r < 0)
                *ret_why = "unknown specifier";
        return r < 0 ? r : 1;
}

static bool has_control_character(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s < 32 || *s == 127)
                        return true;
        return false;
}

static int check_path(struct exec_command *c, const char **ret_why)
{
        size_t n = strlen(c->path);

        if (n == 0 || c->path[n - 1] == '/')
                *ret_why = "no program is named";
        else if (has_control_character(c->path))
                *ret_why = "control character in the program's name";
        else if (*c->path != '/' && strchr(c->path, '/'))
                *ret_why = "the program is neither an absolute path nor a plain name";
        else if (*c->path == '/') {
                path_simplify(c->path);
                if (path_is_normalized(c->path))
                        return 0;
                *ret_why = "\"..\" in the program's path";
        } else
                return 0;
        return -EINVAL;
}

/* One command at *p, up to the end or the ";". */
static int parse_one(struct unit *u, const char **p, struct exec_command *c, const char **ret_why)
{
        bool own_argv0 = false;
        const char *s;
        char *word, *stripped;
        int r;

        r = next_word(u, p, &word, ret_why);
        if (r <= 0) {
                if (r == 0)
                        *ret_why = "no program is named";
                return r < 0 ? r : -EINVAL;
        }
        s = take_prefixes(word, &c->flags, &own_argv0, ret_why);
        stripped = s ? strdup(s) : NULL;
        free(word);
        if (!stripped)
                return s ? -ENOMEM : -EINVAL;
        c->path = stripped;
        r = check_path(c, ret_why);
        if (r < 0)
                return r;
        if (!own_argv0 && (r = strv_add(&c->argv, c->path)) < 0)
                return r;
        while ((r = next_word(u, p, &word, ret_why)) > 0) {
                r = strv_push(&c->argv, word);
                if (r < 0)
                        return r;
        }
        if (r == 0 && !c->argv) {
                *ret_why = "'@' needs a second word for argv[0]";
                r = -EINVAL;
        }
        return r;
}

int exec_command_parse(struct unit *u, const char *value, struct exec_command **list, const char **ret_why)
{
        struct exec_command *first = NULL, **tail = &first;
        const char *p = value + strspn(value, " \t\n\r");
        int r = 0;

        if (!*p) {
                exec_command_free_list(*list);
                *list = NULL;
                return 0;
        }
        while (*p) {
                struct exec_command *c;

                if (lone_word(p, ";")) { /* between commands; an empty one is nothing */
                        p += 1;
                        p += strspn(p, " \t\n\r");
                        continue;
                }
                c = calloc(1, sizeof(*c));
                if (!c) {
                        r = -ENOMEM;
                        break;
                }
                *tail = c;
                tail = &c->next;
                r = parse_one(u, &p, c, ret_why);
                if (r < 0)
                        break;
                p += strspn(p, " \t\n\r");
        }
        if (r < 0) {
                if (r == -ENOMEM)
                        *ret_why = "out of memory";
                exec_command_free_list(first);
                return r;
        }
        while (*list)
                list = &(*list)->next;
        *list = first;
        return 0;
}
