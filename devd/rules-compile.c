/* Keys → tokens: one table of keys, each with what it may be written with and the function that makes its token.
 *
 * A key that is wrong (unknown, operator, attribute) drops its line, since applying half of a line would do
 * what nobody wrote; a value that is wrong drops the token alone where udev does so too. Both are said with
 * file, line and column, and counted. */
#include <stdarg.h>
#include <stdio.h>

#include "rules-int.h"
#include "lib/log.h"

/* --- one line's state ------------------------------------------------------------------------------- */

struct compiler {
        struct rules *r;
        struct line *line;
        unsigned file;
        const struct parsed *k; /* the key at hand */
        const struct line_parts *parts;
};

struct key;
typedef int (*key_fn)(struct compiler *c, const struct key *key);

enum attr_use { ATTR_NONE, ATTR_OPTIONAL, ATTR_NEEDED };
enum {
        OPS_MATCH = 1,
        OPS_ADD = 2,
        OPS_REMOVE = 4,
        OPS_ASSIGN = 8,
        OPS_FINAL = 16,
        OPS_SET = OPS_ADD | OPS_ASSIGN | OPS_FINAL
};

struct key {
        const char *name;
        uint8_t attr, ops;     /* ops: accepted as they are */
        uint8_t as_assign;     /* accepted, with a warning, as '=' */
        uint8_t match, assign; /* token types, TOKEN_TYPES: none */
        key_fn fn;
};

int rule_problem(
        struct rules *r, unsigned file, unsigned line, unsigned column, int level, const char *fmt, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        r->problems++;
        if (column)
                log_msg(level, "%s:%u:%u: %s", r->sources[file].path, line, column, text);
        else
                log_file(r->sources[file].path, line, level, "%s", text);
        return -EINVAL;
}

/* The column of a logical line (from 1) → line and column of the file. */
static void place_of(
        const struct line_parts *parts, unsigned column, unsigned *ret_line, unsigned *ret_column)
{
        const struct line_part *p = &parts->v[parts->n - 1];

        while (p > parts->v && column - 1 < p->at)
                p--;
        *ret_line = p->line;
        *ret_column = p->column + (unsigned)(column - 1 - p->at);
}

static int problem(struct compiler *c, int level, const char *fmt, ...) _printf_(3, 4);
static int problem(struct compiler *c, int level, const char *fmt, ...)
{
        unsigned line, column;
        char text[900];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        place_of(c->parts, c->k->column, &line, &column);
        return rule_problem(c->r, c->file, line, column, level, "%s", text);
}

static struct token *add_token(struct compiler *c, enum token_type type, enum op op, const char *value)
{
        struct rules *r = c->r;
        struct token *t;

        if (r->n_tokens == r->cap_tokens) {
                size_t cap = r->cap_tokens * 2;
                struct token *v = realloc(r->tokens, cap * sizeof(*v));

                if (!v)
                        return NULL;
                r->tokens = v;
                r->cap_tokens = cap;
        }
        t = &r->tokens[r->n_tokens];
        *t = (struct token) { .type = type, .op = op };
        t->value = arena_strndup(&r->arena, value, strlen(value));
        if (c->k->attr) {
                t->key = arena_strndup(&r->arena, c->k->attr, strlen(c->k->attr));
                t->key_hash = hash_string(c->k->attr);
        }
        if (r->arena.failed)
                return NULL;
        r->n_tokens++;
        c->line->n++;
        return t;
}

/* Notes whether text has substitutions; a bad one is said, and stays in the value as it is written. */
static bool note_substitutions(struct compiler *c, const char *text, const char *where)
{
        const char *what;
        size_t at;

        if (!strpbrk(text, "$%"))
                return false;
        if (check_substitution(text, &at, &what) < 0)
                problem(c, LOG_WARNING, "%s: %s at character %zu of \"%s\", left as it is", where, what, at,
                        text);
        return true;
}

static bool op_is_match(enum op op)
{
        return op == OP_MATCH || op == OP_NOMATCH;
}

/* --- matches ---------------------------------------------------------------------------------------- */

static int add_pattern(struct compiler *c, enum token_type type, const char *value)
{
        struct token *t = add_token(c, type, c->k->op, value);

        if (!t)
                return -ENOMEM;
        if (c->k->attr)
                t->key_subst = (type == M_ATTR || type == M_ATTRS || type == M_SYSCTL) &&
                               note_substitutions(c, c->k->attr, "name of the attribute");
        return pattern_compile(&c->r->arena, value, true, &t->pattern);
}

static int key_match(struct compiler *c, const struct key *key)
{
        const char *value = c->k->value;

        if (key->match == M_SUBSYSTEM &&
                (streq(value, "bus") || streq(value, "class") || streq(value, "subsystem")))
                value = "subsystem|class|bus";
        return add_pattern(c, key->match, value);
}

static int key_const(struct compiler *c, const struct key *key)
{
        if (!streq(c->k->attr, "arch") && !streq(c->k->attr, "virt"))
                return problem(
                        c, LOG_ERR, "CONST{%s}: only arch and virt are known, line ignored", c->k->attr);
        return key_match(c, key);
}

static int key_attrs(struct compiler *c, const struct key *key)
{
        if (startswith(c->k->attr, "device/"))
                problem(c, LOG_WARNING, "ATTRS{%s}: \"device\" link may not be there in later kernels",
                        c->k->attr);
        if (strstr(c->k->attr, "../"))
                problem(c, LOG_WARNING, "ATTRS{%s}: searching upwards does that already", c->k->attr);
        return key_match(c, key);
}

static int key_test(struct compiler *c, const struct key *key)
{
        struct token *t;
        mode_t mode = 0;

        if (c->k->attr && parse_mode(c->k->attr, &mode) < 0)
                return problem(c, LOG_ERR, "TEST{%s}: not an octal mode, line ignored", c->k->attr);
        t = add_token(c, M_TEST, c->k->op, c->k->value);
        if (!t)
                return -ENOMEM;
        t->mode = mode;
        t->subst = note_substitutions(c, t->value, "TEST");
        return 0;
}

static int key_program(struct compiler *c, const struct key *key)
{
        struct token *t =
                add_token(c, M_PROGRAM, c->k->op == OP_NOMATCH ? OP_NOMATCH : OP_MATCH, c->k->value);

        if (!t)
                return -ENOMEM;
        t->subst = note_substitutions(c, t->value, "PROGRAM");
        c->line->flags |= LINE_OTHER;
        return 0;
}

static int key_import(struct compiler *c, const struct key *key)
{
        static const struct {
                const char *name;
                enum token_type type;
        } kinds[] = {
                { "file", M_IMPORT_FILE },
                { "program", M_IMPORT_PROGRAM },
                { "builtin", M_IMPORT_BUILTIN },
                { "db", M_IMPORT_DB },
                { "cmdline", M_IMPORT_CMDLINE },
                { "parent", M_IMPORT_PARENT },
        };
        enum token_type type = TOKEN_TYPES;
        const struct builtin *b = NULL;
        struct token *t;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (streq(c->k->attr, kinds[i].name))
                        type = kinds[i].type;
        if (type == TOKEN_TYPES)
                return problem(c, LOG_ERR, "IMPORT{%s} does not exist, line ignored", c->k->attr);
        if (type == M_IMPORT_BUILTIN || type == M_IMPORT_PROGRAM) {
                b = builtin_find(c->k->value);
                if (!b && type == M_IMPORT_BUILTIN)
                        return problem(c, LOG_ERR, "no builtin for \"%s\", line ignored", c->k->value);
                if (b)
                        type = M_IMPORT_BUILTIN;
        }
        t = add_token(c, type, c->k->op == OP_NOMATCH ? OP_NOMATCH : OP_MATCH, c->k->value);
        if (!t)
                return -ENOMEM;
        t->builtin = b;
        t->subst = note_substitutions(c, t->value, "IMPORT");
        c->line->flags |= LINE_OTHER;
        return 0;
}

/* --- assignments ------------------------------------------------------------------------------------ */

static struct token *add_value(struct compiler *c, enum token_type type, unsigned flags)
{
        struct token *t = add_token(c, type, c->k->op, c->k->value);

        if (t)
                t->subst = note_substitutions(c, t->value, "value");
        c->line->flags |= flags;
        return t;
}

static int key_name(struct compiler *c, const struct key *key)
{
        if (op_is_match(c->k->op))
                return key_match(c, key);
        if (!*c->k->value)
                return problem(c, LOG_ERR, "NAME=\"\" has no meaning, line ignored");
        if (streq(c->k->value, "%k"))
                return problem(c, LOG_ERR, "NAME=\"%%k\" has no effect, line ignored");
        return add_value(c, A_NAME, LINE_NAME) ? 0 : -ENOMEM;
}

static int key_symlink(struct compiler *c, const struct key *key)
{
        if (op_is_match(c->k->op))
                return key_match(c, key);
        return add_value(c, A_SYMLINK, LINE_DEVNODE) ? 0 : -ENOMEM;
}

static int key_attr(struct compiler *c, const struct key *key)
{
        struct token *t;

        if (op_is_match(c->k->op))
                return key_match(c, key);
        t = add_value(c, key->assign, LINE_OTHER);
        if (!t)
                return -ENOMEM;
        t->key_subst = note_substitutions(c, c->k->attr, "name of the attribute");
        return 0;
}

static bool env_is_reserved(const char *name)
{
        static const char *const reserved[] = { "ACTION", "DEVLINKS", "DEVNAME", "DEVPATH", "DEVTYPE",
                "DRIVER", "IFINDEX", "MAJOR", "MINOR", "SEQNUM", "SUBSYSTEM", "TAGS" };

        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
                if (streq(name, reserved[i]))
                        return true;
        return false;
}

static int key_env(struct compiler *c, const struct key *key)
{
        if (op_is_match(c->k->op))
                return key_match(c, key);
        if (!*c->k->attr || env_is_reserved(c->k->attr) || strchr(c->k->attr, '='))
                return problem(c, LOG_ERR, "ENV{%s} cannot be set, line ignored", c->k->attr);
        return add_value(c, A_ENV, LINE_OTHER) ? 0 : -ENOMEM;
}

static int key_tag(struct compiler *c, const struct key *key)
{
        if (op_is_match(c->k->op))
                return key_match(c, key);
        return add_value(c, A_TAG, LINE_OTHER) ? 0 : -ENOMEM;
}

static int key_seclabel(struct compiler *c, const struct key *key)
{
        return add_value(c, A_SECLABEL, LINE_DEVNODE) ? 0 : -ENOMEM;
}

/* Names already looked up: a rules directory says GROUP="disk" thirty times. */
static int cached_lookup(char ***cache, const char *name, bool user, uint32_t *ret)
{
        const char *known = strv_env_get(*cache, name);
        uint32_t id;
        int r;

        if (known)
                return *known ? parse_u32(known, ret) : -ESRCH;
        r = user ? lookup_user(name, &id) : lookup_group(name, &id);
        if (r >= 0)
                *ret = id;
        if (!strchr(name, '=')) /* out of memory: looked up again next time */
                (void)(r >= 0 ? strv_addf(cache, "%s=%u", name, id) : strv_addf(cache, "%s=", name));
        return r;
}

static int key_owner(struct compiler *c, const struct key *key)
{
        bool user = key->assign == A_OWNER;
        struct token *t;
        uint32_t id;

        if (strpbrk(c->k->value, "$%"))
                return add_value(c, key->assign, LINE_DEVNODE) ? 0 : -ENOMEM;
        if (cached_lookup(user ? &c->r->users : &c->r->groups, c->k->value, user, &id) < 0) {
                problem(c, LOG_WARNING, "unknown %s \"%s\", %s not applied", user ? "user" : "group",
                        c->k->value, key->name);
                c->line->flags |= LINE_DEVNODE;
                return 0;
        }
        t = add_value(c, user ? A_OWNER_ID : A_GROUP_ID, LINE_DEVNODE);
        if (!t)
                return -ENOMEM;
        t->uid = id;
        return 0;
}

static int key_mode(struct compiler *c, const struct key *key)
{
        struct token *t;
        mode_t mode;

        if (strpbrk(c->k->value, "$%"))
                return add_value(c, A_MODE, LINE_DEVNODE) ? 0 : -ENOMEM;
        c->line->flags |= LINE_DEVNODE;
        if (parse_mode(c->k->value, &mode) < 0) {
                problem(c, LOG_WARNING, "MODE=\"%s\" is not an octal mode, not applied", c->k->value);
                return 0;
        }
        t = add_value(c, A_MODE_ID, LINE_DEVNODE);
        if (!t)
                return -ENOMEM;
        t->mode = mode;
        return 0;
}

static int key_run(struct compiler *c, const struct key *key)
{
        bool builtin = c->k->attr && streq(c->k->attr, "builtin");
        const struct builtin *b = NULL;
        struct token *t;

        if (c->k->attr && !builtin && !streq(c->k->attr, "program"))
                return problem(c, LOG_ERR, "RUN{%s} does not exist, line ignored", c->k->attr);
        if (builtin && !(b = builtin_find(c->k->value)))
                return problem(c, LOG_ERR, "no builtin for \"%s\", line ignored", c->k->value);
        t = add_value(c, builtin ? A_RUN_BUILTIN : A_RUN_PROGRAM, LINE_OTHER);
        if (!t)
                return -ENOMEM;
        t->builtin = b;
        return 0;
}

static int add_number(struct compiler *c, enum token_type type, int number, unsigned flags)
{
        struct token *t = add_token(c, type, c->k->op, c->k->value);

        if (!t)
                return -ENOMEM;
        t->number = number;
        c->line->flags |= flags;
        return 0;
}

static int key_options(struct compiler *c, const struct key *key)
{
        const char *v = c->k->value, *arg;
        int n;

        if (streq(v, "string_escape=none"))
                return add_number(c, A_STRING_ESCAPE, ESCAPE_NONE, 0);
        if (streq(v, "string_escape=replace"))
                return add_number(c, A_STRING_ESCAPE, ESCAPE_REPLACE, 0);
        if (streq(v, "db_persist"))
                return add_number(c, A_DB_PERSIST, 1, LINE_OTHER);
        if (streq(v, "watch") || streq(v, "nowatch"))
                return add_number(c, A_WATCH, streq(v, "watch"), LINE_OTHER);
        if ((arg = startswith(v, "link_priority=")) && parse_int(arg, &n) >= 0)
                return add_number(c, A_LINK_PRIORITY, n, LINE_OTHER);
        if ((arg = startswith(v, "log_level="))) {
                n = streq(arg, "reset") ? -1 : log_level_from_string(arg);
                if (n >= 0 || streq(arg, "reset"))
                        return add_number(c, A_LOG_LEVEL, n, LINE_OTHER);
        }
        if ((arg = startswith(v, "static_node=")) && *arg && *arg != '/' && path_is_normalized(arg)) {
                struct token *t = add_token(c, A_STATIC_NODE, c->k->op, arg);

                c->line->flags |= LINE_STATIC_NODE;
                return t ? 0 : -ENOMEM;
        }
        problem(c, LOG_WARNING, "OPTIONS=\"%s\" is not known, ignored", v);
        return 0;
}

static int key_label(struct compiler *c, const struct key *key)
{
        bool label = key->assign == 0;
        const char **at = label ? &c->line->label : &c->line->goto_label;

        if (*at) {
                problem(c, LOG_WARNING, "second %s on this line, ignored", key->name);
                return 0;
        }
        *at = arena_strndup(&c->r->arena, c->k->value, strlen(c->k->value));
        if (!*at)
                return -ENOMEM;
        if (!label)
                c->line->flags |= LINE_GOTO;
        return 0;
}

/* --- the table -------------------------------------------------------------------------------------- */

#define NONE TOKEN_TYPES
/* clang-format off */
static const struct key keys[] = {
        /* name         braces         operators taken                          taken as '='           tokens */
        { "ACTION",     ATTR_NONE,     OPS_MATCH,                               0,                     M_ACTION, NONE, key_match },
        { "DEVPATH",    ATTR_NONE,     OPS_MATCH,                               0,                     M_DEVPATH, NONE, key_match },
        { "KERNEL",     ATTR_NONE,     OPS_MATCH,                               0,                     M_KERNEL, NONE, key_match },
        { "NAME",       ATTR_NONE,     OPS_MATCH | OPS_ASSIGN | OPS_FINAL,      OPS_ADD,               M_NAME, A_NAME, key_name },
        { "SYMLINK",    ATTR_NONE,     OPS_MATCH | OPS_SET,                     0,                     M_SYMLINK, A_SYMLINK, key_symlink },
        { "SUBSYSTEM",  ATTR_NONE,     OPS_MATCH,                               0,                     M_SUBSYSTEM, NONE, key_match },
        { "DRIVER",     ATTR_NONE,     OPS_MATCH,                               0,                     M_DRIVER, NONE, key_match },
        { "ATTR",       ATTR_NEEDED,   OPS_MATCH | OPS_ASSIGN,                  OPS_ADD | OPS_FINAL,   M_ATTR, A_ATTR, key_attr },
        { "SYSCTL",     ATTR_NEEDED,   OPS_MATCH | OPS_ASSIGN,                  OPS_ADD | OPS_FINAL,   M_SYSCTL, A_SYSCTL, key_attr },
        { "ENV",        ATTR_NEEDED,   OPS_MATCH | OPS_ADD | OPS_ASSIGN,        OPS_FINAL,             M_ENV, A_ENV, key_env },
        { "CONST",      ATTR_NEEDED,   OPS_MATCH,                               0,                     M_CONST, NONE, key_const },
        { "TAG",        ATTR_NONE,     OPS_MATCH | OPS_ADD | OPS_REMOVE | OPS_ASSIGN, OPS_FINAL,       M_TAG, A_TAG, key_tag },
        { "KERNELS",    ATTR_NONE,     OPS_MATCH,                               0,                     M_KERNELS, NONE, key_match },
        { "SUBSYSTEMS", ATTR_NONE,     OPS_MATCH,                               0,                     M_SUBSYSTEMS, NONE, key_match },
        { "DRIVERS",    ATTR_NONE,     OPS_MATCH,                               0,                     M_DRIVERS, NONE, key_match },
        { "ATTRS",      ATTR_NEEDED,   OPS_MATCH,                               0,                     M_ATTRS, NONE, key_attrs },
        { "TAGS",       ATTR_NONE,     OPS_MATCH,                               0,                     M_TAGS, NONE, key_match },
        { "TEST",       ATTR_OPTIONAL, OPS_MATCH,                               0,                     M_TEST, NONE, key_test },
        { "PROGRAM",    ATTR_NONE,     OPS_MATCH | OPS_SET,                     0,                     M_PROGRAM, NONE, key_program },
        { "IMPORT",     ATTR_NEEDED,   OPS_MATCH | OPS_SET,                     0,                     M_IMPORT_FILE, NONE, key_import },
        { "RESULT",     ATTR_NONE,     OPS_MATCH,                               0,                     M_RESULT, NONE, key_match },
        { "OPTIONS",    ATTR_NONE,     OPS_SET,                                 0,                     NONE, A_WATCH, key_options },
        { "OWNER",      ATTR_NONE,     OPS_ASSIGN | OPS_FINAL,                  OPS_ADD,               NONE, A_OWNER, key_owner },
        { "GROUP",      ATTR_NONE,     OPS_ASSIGN | OPS_FINAL,                  OPS_ADD,               NONE, A_GROUP, key_owner },
        { "MODE",       ATTR_NONE,     OPS_ASSIGN | OPS_FINAL,                  OPS_ADD,               NONE, A_MODE, key_mode },
        { "SECLABEL",   ATTR_NEEDED,   OPS_ADD | OPS_ASSIGN,                    OPS_FINAL,             NONE, A_SECLABEL, key_seclabel },
        { "RUN",        ATTR_OPTIONAL, OPS_SET,                                 0,                     NONE, A_RUN_PROGRAM, key_run },
        { "LABEL",      ATTR_NONE,     OPS_ASSIGN,                              0,                     NONE, 0, key_label },
        { "GOTO",       ATTR_NONE,     OPS_ASSIGN,                              0,                     NONE, 1, key_label },
};
/* clang-format on */

static const struct key *find_key(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (keys[i].name[0] == name[0] && streq(keys[i].name, name))
                        return &keys[i];
        return NULL;
}

static int compile_key(struct compiler *c, struct parsed *k)
{
        static const uint8_t bit[] = { [OP_MATCH] = OPS_MATCH,
                [OP_NOMATCH] = OPS_MATCH,
                [OP_ADD] = OPS_ADD,
                [OP_REMOVE] = OPS_REMOVE,
                [OP_ASSIGN] = OPS_ASSIGN,
                [OP_FINAL] = OPS_FINAL };
        static const char *const text[] = { "==", "!=", "+=", "-=", "=", ":=" };
        const struct key *key = find_key(k->key);

        c->k = k;
        if (!key)
                return problem(c, LOG_ERR, "unknown key %s, line ignored", k->key);
        if (k->attr && key->attr == ATTR_NONE)
                return problem(c, LOG_ERR, "%s takes no {%s}, line ignored", k->key, k->attr);
        if (str_empty(k->attr) && key->attr == ATTR_NEEDED)
                return problem(c, LOG_ERR, "%s needs a name in braces, line ignored", k->key);
        if (bit[k->op] & key->as_assign) {
                problem(c, LOG_WARNING, "%s does not take %s, read as =", k->key, text[k->op]);
                k->op = OP_ASSIGN;
        } else if (!(bit[k->op] & key->ops)) {
                return problem(c, LOG_ERR, "%s does not take %s, line ignored", k->key, text[k->op]);
        }
        return key->fn(c, key);
}

static void sort_tokens(struct token *t, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                struct token x = t[i];
                size_t j = i;

                for (; j > 0 && t[j - 1].type > x.type; j--)
                        t[j] = t[j - 1];
                t[j] = x;
        }
}

static struct line *add_line(struct rules *r, unsigned file, unsigned number)
{
        if (r->n_lines == r->cap_lines) {
                size_t cap = r->cap_lines ? r->cap_lines * 2 : 1024;
                struct line *v = realloc(r->lines, cap * sizeof(*v));

                if (!v)
                        return NULL;
                r->lines = v;
                r->cap_lines = cap;
        }
        r->lines[r->n_lines] =
                (struct line) { .first = (unsigned)r->n_tokens, .number = number, .file = (uint16_t)file };
        return &r->lines[r->n_lines];
}

int compile_line(struct rules *r, unsigned file, char *text, const struct line_parts *parts)
{
        struct compiler c = {
                .r = r, .file = file, .line = add_line(r, file, parts->v[0].line), .parts = parts
        };
        const char *what = NULL;
        unsigned column = 0, line;
        struct parsed k;
        char *pos = text;
        int n;

        if (!c.line)
                return -ENOMEM;
        while ((n = parse_key(text, &pos, &k, &column, &what)) > 0) {
                n = compile_key(&c, &k);
                if (n < 0)
                        break;
        }
        if (n < 0) {
                if (what) {
                        place_of(parts, column, &line, &column);
                        rule_problem(r, file, line, column, LOG_ERR, "%s, line ignored", what);
                }
                r->n_tokens = c.line->first;
                return n == -ENOMEM ? n : 0;
        }
        if (c.line->n == 0 && !c.line->label && !(c.line->flags & LINE_GOTO))
                return 0;
        sort_tokens(r->tokens + c.line->first, c.line->n);
        r->n_lines++;
        return 0;
}

/* --- after a file ----------------------------------------------------------------------------------- */

static void resolve_goto(struct rules *r, struct line *l, size_t at, size_t end)
{
        for (size_t i = at + 1; i < end; i++)
                if (r->lines[i].label && streq(r->lines[i].label, l->goto_label)) {
                        l->target = (unsigned)i;
                        return;
                }
        rule_problem(r, l->file, l->number, 0, LOG_WARNING,
                "GOTO=\"%s\" has no such LABEL after it, ignored", l->goto_label);
        l->flags &= (uint16_t)~LINE_GOTO;
        if (!(l->flags & LINE_EFFECTS))
                l->flags |= LINE_DEAD;
}

int compile_finish_file(struct rules *r, unsigned file)
{
        struct source *s = &r->sources[file];

        s->end_line = (unsigned)r->n_lines;
        for (size_t i = s->first_line; i < s->end_line; i++) {
                struct line *l = &r->lines[i];

                if (!(l->flags & LINE_EFFECTS)) {
                        if (!l->label)
                                rule_problem(r, file, l->number, 0, LOG_WARNING, "line has no effect");
                        l->flags |= LINE_DEAD;
                }
                if (l->flags & LINE_GOTO)
                        resolve_goto(r, l, i, s->end_line);
        }
        return 0;
}
