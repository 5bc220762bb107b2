/* `rouse --verify FILE…`, which is `rousectl verify`: reads unit files as PID 1 would, and says everything that is wrong
 * with them, with file and line.
 *
 * Told by the reader itself: bad lines, unknown keys and sections, malformed values, what has no effect yet. Told here:
 * programs and manual pages (verify-man.c) that are missing, units that are required or triggered and do not exist, ordering cycles (verify-graph.c), a
 * start that no transaction can be made for, modes of the files. The other units of the system are read as far as
 * these need them, and what the reader says of them is said too; but only problems of the files asked for make the exit
 * status 1, and with --recursive-errors= those of the units that these need, which are looked at like them then. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "verify.h"

/* ---- places ---- */

struct search {
        struct unit *u;
        verify_match match;
        const void *arg;
        char *path;
        unsigned line;
};

static int look_at_line(const struct ini_line *l, void *data)
{
        struct search *s = data;

        if (s->line || !s->match(s->u, l, s->arg))
                return 0;
        s->line = l->line;
        return str_replace(&s->path, l->path);
}

static void look_into(struct search *s, const char *path)
{
        struct manager *m = s->u->manager;
        const char *virtual_text = load_virtual_text(m, path);
        _cleanup_free_ char *text = virtual_text ? strdup(virtual_text) : NULL;
        size_t len = text ? strlen(text) : 0;
        struct stat st;

        if (s->line || (!text && load_read(m, path, &text, &len, &st) < 0))
                return;
        (void)ini_parse_text(path, text, len, look_at_line, s, NULL);
}

unsigned verify_say(struct unit *u, verify_match match, const void *arg, const char *fmt, ...)
{
        struct search s = { .u = u, .match = match, .arg = arg };
        int level = log_get_max_level();
        _cleanup_free_ char *text = NULL;
        va_list ap;

        log_set_max_level(LOG_CRIT); /* what is wrong with these lines was said when they were read */
        if (match && u->fragment_path)
                look_into(&s, u->fragment_path);
        if (match)
                FOREACH_STR (d, u->dropin_paths)
                        look_into(&s, *d);
        log_set_max_level(level);
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        if (u->fragment_path)
                log_file(s.path ?: u->fragment_path, s.line, LOG_WARNING, "%s: %s", u->id, text ?: fmt);
        else
                log_warning("%s: %s", u->id, text ?: fmt);
        free(s.path);
        return 1;
}

bool verify_is_edge(struct unit *u, const struct ini_line *l, const void *arg)
{
        const struct verify_edge *e = arg;
        _cleanup_strv_ char **words =
                streq(l->key, dep_to_string(e->type)) ? strv_split(l->value, " \t\n") : NULL;

        FOREACH_STR (w, words) {
                _cleanup_free_ char *name = NULL;

                if (unit_resolve(u, *w, &name) >= 0 && unit_find(u->manager, name) == e->other)
                        return true;
        }
        return false;
}

/* ---- programs ---- */

static bool is_program(struct manager *m, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
        _cleanup_close_ int root = open(m->root ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        struct stat st;

        fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
        return fd >= 0 && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static bool program_exists(struct manager *m, const char *path)
{
        static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
                "/sbin", "/bin" };

        if (*path == '/')
                return is_program(m, path);
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *full = path_join(dirs[i], path);

                if (full && is_program(m, full))
                        return true;
        }
        return false;
}

struct command_line {
        const char *key, *program;
};

static bool is_command(struct unit *u, const struct ini_line *l, const void *arg)
{
        const struct command_line *c = arg;
        _cleanup_free_ char *value = NULL;

        return streq(l->key, c->key) && unit_resolve(u, l->value, &value) >= 0 && strstr(value, c->program);
}

static unsigned check_commands(struct unit *u, const char *key, const struct exec_command *list)
{
        unsigned n = 0;

        for (const struct exec_command *c = list; c; c = c->next) {
                bool again = false;

                for (const struct exec_command *b = list; b != c; b = b->next)
                        again |= streq(b->path, c->path);
                if (!again && !(c->flags & CMD_IGNORE_FAILURE) && !program_exists(u->manager, c->path))
                        n += verify_say(u, is_command, &(struct command_line) { key, c->path },
                                "%s=%s: there is no such program", key, c->path);
        }
        return n;
}

static unsigned check_programs(struct unit *u)
{
        static const char *const service[CMD_MAX] = { "ExecCondition", "ExecStartPre", "ExecStart",
                "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost" };
        static const char *const socket[] = { "ExecStartPre", "ExecStartPost", "ExecStopPre",
                "ExecStopPost" };
        unsigned n = 0;

        if (u->type == UNIT_SERVICE)
                for (int i = 0; i < CMD_MAX; i++)
                        n += check_commands(u, service[i], UNIT_CAST(service, u)->commands[i]);
        if (u->type == UNIT_SOCKET)
                for (size_t i = 0; i < ARRAY_SIZE(socket); i++)
                        n += check_commands(u, socket[i], UNIT_CAST(socket_unit, u)->commands[i]);
        return n;
}

/* ---- the units around it ---- */

static unsigned check_requirements(struct unit *u)
{
        static const enum dep_type types[] = { DEP_REQUIRES, DEP_BINDS_TO, DEP_REQUISITE };
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
                UNIT_FOREACH_DEP(u, DEP_BIT(types[i]), o)
                {
                        struct verify_edge e = { types[i], o };

                        if (o->load_state == UNIT_NOT_FOUND)
                                n += verify_say(u, verify_is_edge, &e,
                                        "%s=%s names a unit that does not exist", dep_to_string(types[i]),
                                        o->id);
                        else if (o->load_state == UNIT_BAD_SETTING || o->load_state == UNIT_ERROR)
                                n += verify_say(u, verify_is_edge, &e,
                                        "%s=%s names a unit that cannot be read", dep_to_string(types[i]),
                                        o->id);
                        else if (o->load_state == UNIT_MASKED)
                                n += verify_say(u, verify_is_edge, &e, "%s=%s names a unit that is masked",
                                        dep_to_string(types[i]), o->id);
                }
        }
        return n;
}

static bool is_key(struct unit *u, const struct ini_line *l, const void *arg)
{
        return streq(l->key, arg);
}

/* What a socket, timer or path starts. */
static unsigned check_triggered(struct unit *u)
{
        const char *key = u->type == UNIT_SOCKET ? "Service" : "Unit";
        _cleanup_free_ char *prefix = NULL, *template = NULL;
        unsigned n = 0;

        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_TRIGGERS), o)
        {
                if (o->load_state == UNIT_NOT_FOUND)
                        n += verify_say(u, is_key, key, "there is no unit %s for it to start", o->id);
        }
        if (u->type != UNIT_SOCKET || !UNIT_CAST(socket_unit, u)->accept)
                return n;
        prefix = strndup(u->id, strlen(u->id) - strlen(".socket"));
        template = prefix ? str_printf("%s@.service", prefix) : NULL;
        if (template && !load_find_fragment(u->manager, template))
                n += verify_say(u, is_key, "Accept", "there is no unit %s for a connection", template);
        return n;
}

static unsigned check_transaction(struct manager *m, struct unit *u)
{
        _cleanup_free_ char *error = NULL;
        int level = log_get_max_level(), r;

        log_set_max_level(LOG_CRIT); /* the cycles were said by verify_cycles() */
        r = manager_add_job(m, JOB_START, u, JOB_REPLACE, false, NULL, &error);
        manager_clear_jobs(m);
        log_set_max_level(level);
        return r < 0 ? verify_say(u, NULL, NULL, "could not be started: %s", error ?: strerror(-r)) : 0;
}

/* ---- a unit ---- */

static unsigned check_mode(struct unit *u, const char *path)
{
        _cleanup_free_ char *real = root_path(u->manager, path);
        struct stat st;
        unsigned n = 0;

        if (!real || load_virtual_text(u->manager, path) || stat(real, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        if (st.st_mode & 0111)
                n += !log_file(path, 0, LOG_WARNING, "the file is executable, which has no meaning");
        if (st.st_mode & 0002)
                n += !log_file(path, 0, LOG_WARNING, "everybody may write to the file");
        return n;
}

/* What does not keep a unit from doing its work is a warning. */
struct findings {
        unsigned errors, warnings;
};

static void verify_unit(struct manager *m, struct unit *u, struct findings *f)
{
        f->warnings += u->n_problems;
        if (u->load_state == UNIT_MASKED)
                return;
        if (u->load_state != UNIT_LOADED) {
                f->errors += verify_say(
                        u, NULL, NULL, "%s", u->load_error ?: load_state_to_string(u->load_state));
                return;
        }
        f->warnings += strv_len(u->unsupported) > 0; /* named when it was read */
        if (u->fragment_path)
                f->warnings += check_mode(u, u->fragment_path);
        FOREACH_STR (d, u->dropin_paths)
                f->warnings += check_mode(u, *d);
        f->errors += check_programs(u);
        f->errors += verify_man_pages(u);
        f->errors += check_requirements(u);
        f->errors += check_triggered(u);
        f->warnings += verify_cycles(u);
        f->errors += check_transaction(m, u);
}

static unsigned problem(const char *name, const char *what)
{
        log_file(name, 0, LOG_WARNING, "%s", what);
        return 1;
}

/* ids: those that were asked for, by what they turned out to be. */
static void verify_name(struct manager *m, const char *name, char ***ids, struct findings *f)
{
        _cleanup_free_ char *instance = NULL;
        struct unit *u = NULL;
        int r = 0;

        if (!unit_name_valid(name, true)) {
                f->errors += problem(name, "not the name of a unit");
                return;
        }
        if (unit_name_is_template(name)) {
                r = unit_name_replace_instance(name, "test", &instance);
                if (r >= 0)
                        name = instance;
        }
        if (r >= 0)
                r = unit_load_by_name(m, name, &u);
        if (r >= 0)
                r = strv_add_unique(ids, u->id);
        if (r < 0)
                f->errors += problem(name, strerror(-r));
        else
                verify_unit(m, u, f);
}

/* ---- what they need ---- */

enum { REACH_UNSET, REACH_NO, REACH_ONE, REACH_YES };
static const char *const reach_names[] = { [REACH_NO] = "no", [REACH_ONE] = "one", [REACH_YES] = "yes" };

int verify_reach_from_string(const char *s)
{
        for (size_t i = REACH_NO; i < ARRAY_SIZE(reach_names); i++)
                if (streq(s, reach_names[i]))
                        return (int)i;
        return -EINVAL;
}

static int add_needed(struct unit *u, char ***ids)
{
        int r = 0;

        UNIT_FOREACH_DEP(u,
                DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_REQUISITE) | DEP_BIT(DEP_WANTS) | DEP_BIT(DEP_BINDS_TO) |
                        DEP_BIT(DEP_UPHOLDS) | DEP_BIT(DEP_TRIGGERS) | DEP_BIT(DEP_ON_FAILURE) |
                        DEP_BIT(DEP_ON_SUCCESS) | DEP_BIT(DEP_IN_SLICE),
                o)
        if (r >= 0)
                r = strv_add_unique(ids, o->id);
        return r;
}

/* A unit that is not there is a problem of those that need it, if it is one. */
static void verify_needed(struct manager *m, char ***ids, struct findings *f)
{
        size_t asked = strv_len(*ids);

        for (size_t i = 0; *ids && (*ids)[i] && (m->verify_reach == REACH_YES || i < asked); i++) {
                struct unit *u = unit_find(m, (*ids)[i]);

                if (u && add_needed(u, ids) < 0) {
                        f->errors++;
                        return;
                }
        }
        for (size_t i = asked; *ids && (*ids)[i]; i++) {
                struct unit *u = NULL;

                if (unit_load_by_name(m, (*ids)[i], &u) >= 0 && u->load_state != UNIT_NOT_FOUND)
                        verify_unit(m, u, f);
        }
}

/* ---- the files ---- */

/* A drop-in stands for the unit that it belongs to: its directory's path without ".d"; else the path itself. */
static char *unit_of_file(const char *file)
{
        const char *slash = strrchr(file, '/');

        if (!slash || slash - file < 3 || strncmp(slash - 2, ".d", 2) != 0)
                return strdup(file);
        return strndup(file, (size_t)(slash - 2 - file));
}

/* The directory of each file goes before the usual search path, which is inside the root. */
static int add_directory(struct manager *m, char ***dirs, const char *file)
{
        _cleanup_free_ char *dir = strndup(file, (size_t)(path_basename(file) - file)), *real = NULL,
                            *root = NULL;
        const char *path;

        if (!dir || !*dir)
                return 0;
        real = realpath(dir, NULL);
        root = m->root ? realpath(m->root, NULL) : NULL;
        if (!root)
                path = real;
        else
                path = real && path_startswith(real, root) ? real + strlen(root) : NULL;
        return path ? strv_add_unique(dirs, path) : 0;
}

static int add_directories(struct manager *m, char **units)
{
        _cleanup_strv_ char **dirs = NULL;
        const char *const *usual = m->unit_path ? (const char *const *)m->unit_path : UNIT_SEARCH_PATH;
        int r;

        FOREACH_STR (u, units) {
                r = add_directory(m, &dirs, *u);
                if (r < 0)
                        return r;
        }
        for (; *usual; usual++) {
                r = strv_add_unique(&dirs, *usual);
                if (r < 0)
                        return r;
        }
        strv_free(m->unit_path);
        m->unit_path = TAKE_PTR(dirs);
        return 0;
}

/* A path counts as it is given, or inside the root. */
static bool file_is_there(struct manager *m, const char *file)
{
        _cleanup_free_ char *inside = root_path(m, file);

        return access(file, R_OK) >= 0 || (inside && access(inside, R_OK) >= 0);
}

int verify_main(struct manager *m, char **files)
{
        _cleanup_strv_ char **units = NULL, **ids = NULL;
        struct findings f = { 0 };
        int r = 0;

        if (!files || !*files) {
                log_error("--verify needs the names of unit files");
                return 2;
        }
        m->verify = true;
        FOREACH_STR (file, files) {
                _cleanup_free_ char *u = unit_of_file(*file);

                r = u ? strv_add_unique(&units, u) : -ENOMEM;
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = add_directories(m, units);
        if (r >= 0)
                r = load_index(m);
        if (r < 0) {
                log_error_errno(r, "Unit directories cannot be read: %m");
                return 1;
        }
        FOREACH_STR (file, files)
                if (strchr(*file, '/') && !file_is_there(m, *file))
                        f.errors += problem(*file, "no such file, or it cannot be read");
        FOREACH_STR (u, units)
                verify_name(m, path_basename(*u), &ids, &f);
        if (m->verify_reach >= REACH_ONE)
                verify_needed(m, &ids, &f);
        return f.errors > 0 || (m->verify_reach != REACH_UNSET && f.warnings > 0);
}
