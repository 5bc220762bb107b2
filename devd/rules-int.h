/* The compiled form of the rules, shared by the rules-*.c files.
 *
 * A line is a run of tokens, sorted by type (the order of the enum is the order of evaluation, and part of the
 * language). Strings live in one arena. Nothing in it changes after rules_load() but the index, which is filled
 * as kinds of events are met. */
#pragma once

#include "rules.h"
#include "lib/hash.h"

#define RULE_LINE_MAX 16384 /* UDEV_LINE_SIZE: longest line and longest substituted value */

enum op { OP_MATCH, OP_NOMATCH, OP_ADD, OP_REMOVE, OP_ASSIGN, OP_FINAL };

enum token_type {
        /* about the device itself */
        M_ACTION,
        M_DEVPATH,
        M_KERNEL,
        M_SYMLINK,
        M_NAME,
        M_ENV,
        M_CONST,
        M_TAG,
        M_SUBSYSTEM,
        M_DRIVER,
        M_ATTR,
        M_SYSCTL,
        /* about it or one ancestor: the same for all */
        M_KERNELS,
        M_SUBSYSTEMS,
        M_DRIVERS,
        M_ATTRS,
        M_TAGS,
        /* what costs more */
        M_TEST,
        M_PROGRAM,
        M_IMPORT_FILE,
        M_IMPORT_PROGRAM,
        M_IMPORT_BUILTIN,
        M_IMPORT_DB,
        M_IMPORT_CMDLINE,
        M_IMPORT_PARENT,
        M_RESULT,
        /* assignments */
        A_STRING_ESCAPE,
        A_DB_PERSIST,
        A_WATCH,
        A_LINK_PRIORITY,
        A_LOG_LEVEL,
        A_OWNER,
        A_GROUP,
        A_MODE,
        A_OWNER_ID,
        A_GROUP_ID,
        A_MODE_ID,
        A_TAG,
        A_STATIC_NODE,
        A_SECLABEL,
        A_ENV,
        A_NAME,
        A_SYMLINK,
        A_ATTR,
        A_SYSCTL,
        A_RUN_BUILTIN,
        A_RUN_PROGRAM,
        TOKEN_TYPES,
};
#define IS_MATCH(t)        ((t) <= M_RESULT)
#define IS_PARENT_MATCH(t) ((t) >= M_KERNELS && (t) <= M_TAGS)

/* One alternative of a pattern. */
enum glob_kind {
        GLOB_EXACT,
        GLOB_PREFIX /* "abc*" */,
        GLOB_ANY /* "*" */,
        GLOB_SOME /* "?*" */,
        GLOB_FNMATCH
};
struct glob {
        uint8_t kind;
        uint8_t literal; /* bytes before the first special character, ≤ 255 */
        uint16_t len;
        const char *text;
};
struct pattern {
        const struct glob *alt;
        uint16_t n;
        bool trailing_space; /* some alternative ends in white space: then the value's counts */
};

struct token {
        uint8_t type, op;
        bool subst;     /* value holds $ or % */
        bool key_subst; /* so does key */
        uint32_t key_hash;
        const char *key; /* inside {}, or NULL */
        const char *value;
        struct pattern pattern;
        union {
                int number; /* priority, level, watch, escape */
                uid_t uid;
                gid_t gid;
                mode_t mode;
                const struct builtin *builtin;
        };
};

#define LINE_EFFECTS_BUT_GOTO (LINE_NAME | LINE_DEVNODE | LINE_OTHER)
#define LINE_EFFECTS          (LINE_EFFECTS_BUT_GOTO | LINE_STATIC_NODE | LINE_GOTO)
enum line_flags {
        LINE_NAME = 1,    /* has NAME= */
        LINE_DEVNODE = 2, /* SYMLINK, OWNER, GROUP, MODE, SECLABEL */
        LINE_STATIC_NODE = 4,
        LINE_OTHER = 8, /* an effect that is none of these: RUN, ENV, IMPORT, TAG, GOTO … */
        LINE_GOTO = 16,
        LINE_DEAD = 32, /* taken out (no effect left) */
};

struct line {
        unsigned first, n; /* tokens */
        unsigned number;   /* in the file */
        unsigned target;   /* line index that GOTO leads to */
        uint16_t file;
        uint16_t flags;
        const char *label, *goto_label;
};

struct source {
        const char *path;
        struct timespec mtime;
        unsigned first_line, end_line;
};

struct arena {
        struct chunk {
                struct chunk *next;
                size_t used, size;
                char mem[];
        } * head;
        bool failed;
};

/* The lines that an event of one kind has to look at (rules-index.c). */
struct plan_entry {
        unsigned line;
        uint32_t decided; /* bit i: token i of the line holds for all events of this kind */
};
struct plan {
        char *key;
        struct plan_entry *e;
        size_t n;
};

struct dirstamp {
        char *path;
        struct timespec mtime;
        bool there;
};

struct rules {
        struct arena arena;
        struct token *tokens;
        size_t n_tokens, cap_tokens;
        struct line *lines;
        size_t n_lines, cap_lines;
        struct source *sources;
        size_t n_sources, cap_sources;
        struct dirstamp *dirs;
        size_t n_dirs;
        struct hash plans;      /* key → struct plan */
        char **users, **groups; /* while compiling: names already looked up, "name:id" */
        unsigned problems;
        uint64_t serial; /* of each set another */
};

void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned; NULL and failed */
char *arena_strndup(struct arena *a, const char *s, size_t n);
void arena_free(struct arena *a);

/* rules.c, for verify, tests and fuzzing: an empty set; text (changed in place) as if it were the file path. */
struct rules *rules_new(void);
int rules_load_text(struct rules *r, const char *path, char *text);

/* rules-parse.c: text of one logical line → keys, one by one. */
struct parsed {
        const char *key, *attr; /* into the line's buffer; attr NULL when none */
        char *value;
        enum op op;
        unsigned column;
        bool escaped; /* e"…" */
};
/* 1, 0 at the end of the line, -EINVAL with *ret_what set to what is wrong at *ret_column. */
int parse_key(const char *line, char **pos, struct parsed *ret, unsigned *ret_column, const char **ret_what);
/* Where the pieces of a logical line stand in the file: from offset at on it is this line, from this column on. */
struct line_parts {
        unsigned n;
        struct line_part {
                size_t at;
                unsigned line, column;
        } v[64]; /* what is joined from more is told by the last */
};
typedef int (*rule_line_fn)(char *line, const struct line_parts *parts, void *data);
/* Joins continued lines, skips comments; calls fn for each logical line. Problems are logged, counted. */
int read_rule_lines(const char *path, char *text, rule_line_fn fn, void *data, unsigned *problems);

/* rules-compile.c */
int compile_line(struct rules *r, unsigned file, char *line, const struct line_parts *parts);
int compile_finish_file(struct rules *r, unsigned file); /* GOTO, lines that can do nothing */
/* Says "FILE:LINE:COLUMN: …" (column 0: without) and counts it. -EINVAL. */
int rule_problem(struct rules *r, unsigned file, unsigned line, unsigned column, int level, const char *fmt,
        ...) _printf_(6, 7);

/* rules-names.c: /etc/passwd and /etc/group as files. */
int lookup_user(const char *name, uid_t *ret);
int lookup_group(const char *name, gid_t *ret);

/* rules-match.c */
int pattern_compile(struct arena *a, const char *value, bool split, struct pattern *ret);
bool pattern_match(const struct pattern *p, const char *s);

/* rules-index.c */
const struct plan *plan_for(const struct rules *r, struct device *d);
void plans_free(struct rules *r);
/* 1 holds, 0 does not, -1 cannot be told from action, subsystem, devtype and node alone. */
int decide_statically(const struct token *t, struct device *d);

/* rules-subst.c: "$kernel", "%k" … */
enum escape { ESCAPE_UNSET, ESCAPE_NONE, ESCAPE_REPLACE };
struct evaluation { /* one event's way through the rules */
        const struct rules *rules;
        struct device *d;
        struct rules_event *e;
        const struct rules_ops *ops;
        struct device *ancestor; /* found by the last parent match, borrowed from d's chain */
        const struct line *line;
        enum escape escape;
        bool name_final, owner_final, group_final, mode_final, links_final, watch_final;
        int saved_log_level; /* -1: not changed */
        size_t entry;        /* of the plan, and token of its line: where to begin */
        unsigned token;
        uint64_t serial; /* of the rules */
};
/* Value of fmt in out (RULE_LINE_MAX bytes). replace_blanks: white space inside substituted text becomes '_'.
 * 0, or -E2BIG when it did not fit (out is then cut), -EINVAL for bad text. */
int substitute(const struct evaluation *v, const char *fmt, bool replace_blanks, char *out, size_t size);
/* 0, or -EINVAL with the column (from 1) and what is wrong. */
int check_substitution(const char *fmt, size_t *ret_at, const char **ret_what);

/* rules-eval.c, rules-import.c, rules-assign.c */
int eval_match(struct evaluation *v, const struct token *t); /* 1, 0, or -errno: stop (RULES_DEFER) */
int eval_parents(struct evaluation *v, const struct token *t, size_t n);
int eval_assign(struct evaluation *v, const struct token *t);
int eval_test(struct evaluation *v, const struct token *t);
int eval_import(struct evaluation *v, const struct token *t);
int import_lines(struct evaluation *v, char *text);
int rule_sysctl_path(struct evaluation *v, const struct token *t, char buf[static PATH_MAX]);
void eval_warn(const struct evaluation *v, int level, const char *fmt, ...) _printf_(3, 4);
