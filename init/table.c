/* The directive table: its rows (from table-*.inc, a file a manual page), how one is found, and how an assignment is
 * applied. Rows of contexts that several unit types share carry a lower-case section and the types; the rest belongs
 * to one section.
 *
 * Messages, all of one form and all counted in the unit:
 *         FILE:LINE: Unknown key 'Foo' in section [Service], ignored
 *         FILE:LINE: Failed to parse RestartSec='abc': not a time span; ignored
 * What is understood but has no effect yet is gathered in u->unsupported; load.c names all of it in one line. */
#include "table.h"

#include <stdio.h>
#include <sys/socket.h>

#include "names.h"
#include "parse.h"
#include "types.h"

#define TYPES_EXEC   (1 << UNIT_SERVICE | 1 << UNIT_SOCKET | 1 << UNIT_MOUNT | 1 << UNIT_SWAP)
#define TYPES_KILL   (TYPES_EXEC | 1 << UNIT_SCOPE)
#define TYPES_CGROUP (TYPES_KILL | 1 << UNIT_SLICE)

#define TABLE(n) ((intptr_t)names_##n)
#define ROW(section_, level, name_, parser, offset_, ...)                                                   \
        { .section = section_,                                                                              \
                .name = #name_,                                                                             \
                .support = SUPPORT_##level,                                                                 \
                .parse = parse_value_##parser,                                                              \
                .offset = offset_,                                                                          \
                __VA_ARGS__ },
#define ROW_NONE(section_, name_, types_, confines_, note_)                                                 \
        { .section = section_,                                                                              \
                .name = #name_,                                                                             \
                .types = types_,                                                                            \
                .support = SUPPORT_NONE,                                                                    \
                .confines = confines_,                                                                      \
                .note = note_ },
#define ROW_OBSOLETE(section_, name_, types_)                                                               \
        { .section = section_, .name = #name_, .types = types_, .support = SUPPORT_OBSOLETE },

#define UNIT(level, name, parser, field, ...)                                                               \
        ROW("Unit", level, name, parser, offsetof(struct unit, field), __VA_ARGS__)
#define DEPS(level, name, type, ...) ROW("Unit", level, name, deps, 0, .arg = type, __VA_ARGS__)
#define UNIT_OBSOLETE(name)          ROW_OBSOLETE("Unit", name, 0)
#define CONDITIONS(level, name, ...)                                                                        \
        ROW("Unit", level, Condition##name, condition, 0, __VA_ARGS__)                                      \
        ROW("Unit", level, Assert##name, condition, 0, __VA_ARGS__)
#define INSTALL(level, name, parser, field, ...)                                                            \
        ROW("Install", level, name, parser, offsetof(struct unit, field), __VA_ARGS__)

#define SERVICE(level, name, parser, field, ...)                                                            \
        ROW("Service", level, name, parser, offsetof(struct service, field), __VA_ARGS__)
#define SERVICE_UNIT(level, name, parser, field, ...)                                                       \
        ROW("Service", level, name, parser, offsetof(struct unit, field), __VA_ARGS__)
#define SERVICE_NONE(name, confines_, note_) ROW_NONE("Service", name, 0, confines_, note_)
#define SERVICE_OBSOLETE(name)               ROW_OBSOLETE("Service", name, 0)

#define EXEC(level, name, parser, field, ...)                                                               \
        ROW("exec", level, name, parser, offsetof(struct exec_context, field), .types = TYPES_EXEC,         \
                __VA_ARGS__)
#define CONFINE(level, name, parser, field, ...)                                                            \
        EXEC(level, name, parser, field, .confines = true, __VA_ARGS__)
#define EXEC_NONE(name, confines_, note_) ROW_NONE("exec", name, TYPES_EXEC, confines_, note_)
#define EXEC_OBSOLETE(name)               ROW_OBSOLETE("exec", name, TYPES_EXEC)
#define LIMIT(name, resource)             EXEC(FULL, name, rlimit, limits, .arg = resource, .test = "directives")
#define DIRECTORY(name, dir)              EXEC(FULL, name, directories, dirs[dir], .arg = dir, .test = "directives")

#define KILL(level, name, parser, field, ...)                                                               \
        ROW("kill", level, name, parser, offsetof(struct kill_context, field), .types = TYPES_KILL,         \
                __VA_ARGS__)
#define CGROUP(level, name, parser, field, ...)                                                             \
        ROW("cgroup", level, name, parser, offsetof(struct cgroup_context, field), .types = TYPES_CGROUP,   \
                __VA_ARGS__)
#define CGROUP_CONFINE(level, name, parser, field, ...)                                                     \
        CGROUP(level, name, parser, field, .confines = true, __VA_ARGS__)
#define CGROUP_NONE(name, confines_, note_) ROW_NONE("cgroup", name, TYPES_CGROUP, confines_, note_)
#define CGROUP_OBSOLETE(name)               ROW_OBSOLETE("cgroup", name, TYPES_CGROUP)

#define SOCKET(level, name, parser, field, ...)                                                             \
        ROW("Socket", level, name, parser, offsetof(struct socket_unit, field), __VA_ARGS__)
#define LISTEN(level, name, kind_)                                                                          \
        SOCKET(level, name, listen, ports, .arg = kind_, .test = "test-init-socket")
#define SOCKET_NONE(name, confines_, note_) ROW_NONE("Socket", name, 0, confines_, note_)
#define MOUNT(level, name, parser, field, ...)                                                              \
        ROW("Mount", level, name, parser, offsetof(struct mount, field), __VA_ARGS__)
#define SWAP(level, name, parser, field, ...)                                                               \
        ROW("Swap", level, name, parser, offsetof(struct swap, field), __VA_ARGS__)
#define AUTOMOUNT(level, name, parser, field, ...)                                                          \
        ROW("Automount", level, name, parser, offsetof(struct automount, field), __VA_ARGS__)
#define TIMER(level, name, parser, field, ...)                                                              \
        ROW("Timer", level, name, parser, offsetof(struct timer_unit, field), __VA_ARGS__)
#define PATH(level, name, parser, field, ...)                                                               \
        ROW("Path", level, name, parser, offsetof(struct path_unit, field), __VA_ARGS__)
#define SCOPE(level, name, parser, field, ...)                                                              \
        ROW("Scope", level, name, parser, offsetof(struct scope, field), __VA_ARGS__)

const struct directive directives[] = {
#include "table-unit.inc"
#include "table-service.inc"
#include "table-exec.inc"
#include "table-cgroup.inc"
#include "table-socket.inc"
#include "table-mount.inc"
#include "table-timer.inc"
};
const size_t n_directives = ARRAY_SIZE(directives);

static const char *const own_sections[UNIT_TYPE_MAX] = {
        [UNIT_SERVICE] = "Service",
        [UNIT_SOCKET] = "Socket",
        [UNIT_MOUNT] = "Mount",
        [UNIT_AUTOMOUNT] = "Automount",
        [UNIT_SWAP] = "Swap",
        [UNIT_PATH] = "Path",
        [UNIT_TIMER] = "Timer",
        [UNIT_SLICE] = "Slice",
        [UNIT_SCOPE] = "Scope",
};
static const char *const support_names[] = {
        [SUPPORT_FULL] = "full",
        [SUPPORT_PARTIAL] = "partial",
        [SUPPORT_PARSED] = "parsed",
        [SUPPORT_NONE] = "none",
        [SUPPORT_OBSOLETE] = "obsolete",
};

const char *directive_own_section(enum unit_type t)
{
        return own_sections[t];
}

const char *support_to_string(enum support s)
{
        return support_names[s];
}

bool directive_section_known(enum unit_type t, const char *section)
{
        return streq(section, "Unit") || streq(section, "Install") ||
               (own_sections[t] && streq(section, own_sections[t]));
}

/* ---- finding ---- */

#define SLOTS 2048 /* a power of two, well above the number of rows */
_Static_assert(ARRAY_SIZE(directives) * 2 < SLOTS, "make SLOTS larger");
static uint16_t slots[SLOTS]; /* index + 1 of a row, by the hash of its name */

static void fill_slots(void)
{
        for (size_t i = 0; i < n_directives; i++) {
                size_t at = hash_string(directives[i].name) % SLOTS;

                while (slots[at])
                        at = (at + 1) % SLOTS;
                slots[at] = (uint16_t)(i + 1);
        }
}

static bool is_shared(const struct directive *d)
{
        return d->section[0] >= 'a' && d->section[0] <= 'z';
}

static bool row_fits(const struct directive *d, enum unit_type t, const char *section)
{
        if (is_shared(d))
                return (d->types >> t & 1) && own_sections[t] && streq(section, own_sections[t]);
        return streq(section, d->section) && directive_section_known(t, section);
}

const struct directive *directive_find(enum unit_type t, const char *section, const char *name)
{
        static bool filled;

        if (!filled) {
                fill_slots();
                filled = true;
        }
        for (size_t at = hash_string(name) % SLOTS; slots[at]; at = (at + 1) % SLOTS) {
                const struct directive *d = &directives[slots[at] - 1];

                if (streq(d->name, name) && row_fits(d, t, section))
                        return d;
        }
        return NULL;
}

void *directive_target(struct unit *u, const struct directive *d)
{
        void *base = u;

        if (is_shared(d)) {
                if (!(d->types >> u->type & 1))
                        return NULL;
                base = streq(d->section, "exec")   ? (void *)unit_exec(u)
                       : streq(d->section, "kill") ? (void *)unit_kill_context(u)
                                                   : (void *)unit_cgroup_context(u);
        } else if (!row_fits(d, u->type, d->section))
                return NULL;
        return base ? (char *)base + d->offset : NULL;
}

/* ---- what a value looks like ---- */

const char *directive_form(const struct directive *d, char *buf, size_t n)
{
        if (d->parse == parse_value_enum || d->parse == parse_value_enum_or_bool ||
                d->parse == parse_value_enum_bool8 || d->parse == parse_value_service_type ||
                d->parse == parse_value_cpu_policy || d->parse == parse_value_keyring) {
                char list[400];

                snprintf(
                        buf, n, "one of %s", name_list((const struct name_row *)d->arg, list, sizeof(list)));
                return buf;
        }
        for (const struct parse_form *f = parse_forms; f->fn; f++)
                if (f->fn == d->parse && f->what)
                        return f->what;
        return "a value";
}

/* ---- applying ---- */

static int note_unsupported(struct unit *u, const struct directive *d, const char *path, unsigned line)
{
        size_t n = strlen(d->name);

        if (u->manager->verify)
                log_file(path, line, LOG_WARNING, "%s: %s= has no effect, it is not supported yet", u->id,
                        d->name);
        FOREACH_STR (s, u->unsupported)
                if (strncmp(*s, d->name, n) == 0 && (*s)[n] == '=')
                        return 0; /* once a unit */
        u->unsupported_confines |= d->confines;
        return strv_addf(&u->unsupported, "%s= (%s:%u)", d->name, path, line);
}

static int parse_failed(const struct parse *p, int r)
{
        bool fatal = r == -ENOEXEC;
        char form[500], why[600];

        switch (r) {
        case -ENOMEM: return r;
        case -ERANGE: snprintf(why, sizeof(why), "out of range"); break;
        case -EBADSLT: snprintf(why, sizeof(why), "unknown specifier, or one that has no value here"); break;
        default: snprintf(why, sizeof(why), "not %s", directive_form(p->d, form, sizeof(form)));
        }
        p->u->n_problems++;
        log_file(p->path, p->line, fatal ? LOG_ERR : LOG_WARNING, "Failed to parse %s='%.200s': %s; %s",
                p->d->name, p->value, why, fatal ? "the unit will not be started" : "ignored");
        if (fatal) {
                p->u->load_state = UNIT_BAD_SETTING;
                free(p->u->load_error);
                p->u->load_error = str_printf(
                        "%s:%u: %s='%.100s' is not valid", p->path, p->line, p->d->name, p->value);
        }
        return 0;
}

#ifdef ROUSE_MUTATION
/* The build of tests/empty-directives: a row without its apply function, to see that the row's test fails then. Which
 * one, says the environment for all units ("exec.Nice"), or X-RouseEmpty= for the unit that it stands in. */
static bool is_emptied(struct unit *u, const struct directive *d, const char *key, const char *value)
{
        static struct unit *unit;
        static char *in_unit;
        const char *everywhere = getenv("ROUSE_EMPTY_DIRECTIVE");
        char row[200];

        if (streq(key, "X-RouseEmpty")) {
                unit = u;
                return str_replace(&in_unit, value) >= 0;
        }
        if (!d)
                return false;
        snprintf(row, sizeof(row), "%s.%s", d->section, d->name);
        return streq_null(everywhere, row) || (unit == u && streq_null(in_unit, row));
}
#endif

int directive_apply(struct unit *u, const char *path, unsigned line, const char *section, const char *key,
        const char *value)
{
        const struct directive *d = directive_find(u->type, section, key);
        struct parse p = { .u = u, .path = path, .line = line, .d = d, .value = value };
        int r;

#ifdef ROUSE_MUTATION
        if (is_emptied(u, d, key, value))
                return 0;
#endif
        if (!d) {
                if (startswith(key, "X-") || startswith(section, "X-"))
                        return 0;
                u->n_problems++;
                return log_file(path, line, LOG_WARNING, "Unknown key '%.100s' in section [%.100s], ignored",
                        key, section);
        }
        if (d->support == SUPPORT_OBSOLETE) {
                log_file(path, line, LOG_INFO, "%s= is obsolete and has no effect, ignored", key);
                return 0;
        }
        if (d->support == SUPPORT_PARSED || d->support == SUPPORT_NONE) {
                r = note_unsupported(u, d, path, line);
                if (r < 0)
                        return r;
        }
        if (!d->parse)
                return 0;
        p.target = directive_target(u, d);
        if (!p.target)
                return 0;
        r = d->parse(&p);
        return r < 0 ? parse_failed(&p, r) : 0;
}
