/* The directive table: the one list of what unit files may say.
 *
 * One row a directive: section, name, parser, offset into the unit's object, support level, the test that shows its
 * effect. From it come the parser, `rousectl verify`, `show`, docs/directives.md and the coverage report. Adding a
 * directive is one row (and a parser if its form is new). */
#pragma once

#include "unit.h"

enum support {
        SUPPORT_FULL,     /* does what the manual page says; `test` names its test */
        SUPPORT_PARTIAL,  /* works, with the gap that `note` names */
        SUPPORT_PARSED,   /* kept and shown, without effect yet: named in the log once a unit */
        SUPPORT_NONE,     /* known by name only: named in the log once a unit */
        SUPPORT_OBSOLETE, /* ignored on purpose, as systemd does */
};

struct directive;
struct parse {
        struct unit *u;
        const char *path;
        unsigned line;
        const struct directive *d;
        const char *value; /* "" means: reset, where the directive is a list */
        void *target;      /* (char *) object + offset */
};
/* 0; -EINVAL: the value is malformed (table.c logs file:line and skips it). Other messages by log_file(). */
typedef int (*parse_fn)(const struct parse *p);

struct directive {
        const char *section, *name;
        uint16_t types; /* bit 1 << UNIT_… where the section is shared by several types */
        enum support support;
        bool confines;  /* a confinement: never silently dropped (lines that hold, 8) */
        parse_fn parse; /* NULL with SUPPORT_NONE/OBSOLETE */
        size_t offset;
        intptr_t arg; /* for the parser: an enum table, a dep type, an index */
        const char *note, *test;
};
extern const struct directive directives[];
extern const size_t n_directives;

const struct directive *directive_find(enum unit_type t, const char *section, const char *name);
/* Does a unit of type t have this section? */
bool directive_section_known(enum unit_type t, const char *section);
/* Rows of contexts that several types share have a lower-case section ("exec", "kill", "cgroup"); this is the section
 * that a unit file of type t writes them in. NULL: t has no section of its own (target, device). */
const char *directive_own_section(enum unit_type t);
const char *support_to_string(enum support s);
/* Address of the directive's value in u; NULL when u's type does not have it. */
void *directive_target(struct unit *u, const struct directive *d);
/* What the parser expects ("a time span"), for messages and the documentation. buf may be used for it. */
const char *directive_form(const struct directive *d, char *buf, size_t n);
/* One assignment of a unit file. 0; problems are logged and counted in the unit. */
int directive_apply(struct unit *u, const char *path, unsigned line, const char *section, const char *key,
        const char *value);
