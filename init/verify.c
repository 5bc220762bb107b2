/* `rouse --verify FILE…`: reads unit files as PID 1 would, and says everything that is wrong with them.
 *
 * Told with file and line by the reader itself: bad lines, unknown keys and sections, malformed values. Told here: what
 * has no effect yet, programs that are missing, units that are required and do not exist, a start that no transaction
 * can be made for (cycles). The other units of the system are read as far as these need them; only problems of
 * the files asked for make the exit status 1. */
#include <stdio.h>
#include <sys/stat.h>

#include "load.h"
#include "manager.h"
#include "types.h"

/* The directory of each file goes before the usual search path. */
static int add_directories(struct manager *m, char **files)
{
        _cleanup_strv_ char **dirs = NULL;
        const char *const *usual = m->unit_path ? (const char *const *)m->unit_path : UNIT_SEARCH_PATH;
        int r;

        FOREACH_STR (f, files) {
                _cleanup_free_ char *real = strchr(*f, '/') ? realpath(*f, NULL) : NULL;
                char *slash = real ? strrchr(real, '/') : NULL;

                if (!slash || slash == real)
                        continue;
                *slash = '\0';
                r = strv_add_unique(&dirs, real);
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

static unsigned problem(const char *name, const char *what, const char *value)
{
        log_warning("%s: %s%s%s", name, what, value ? " " : "", value ? value : "");
        return 1;
}

/* ---- programs ---- */

static bool program_exists(struct manager *m, const char *path)
{
        static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
                "/sbin", "/bin" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *full =
                        *path == '/' ? root_path(m, path)
                                     : str_printf("%s%s/%s", m->root ? m->root : "", dirs[i], path);

                if (full && access(full, X_OK) >= 0)
                        return true;
                if (*path == '/')
                        return false;
        }
        return false;
}

static unsigned check_commands(struct unit *u, const struct exec_command *c)
{
        unsigned n = 0;

        for (; c; c = c->next)
                if (!(c->flags & CMD_IGNORE_FAILURE) && !program_exists(u->manager, c->path))
                        n += problem(u->id, "there is no program", c->path);
        return n;
}

static unsigned check_programs(struct unit *u)
{
        unsigned n = 0;

        if (u->type == UNIT_SERVICE)
                for (int i = 0; i < CMD_MAX; i++)
                        n += check_commands(u, UNIT_CAST(service, u)->commands[i]);
        if (u->type == UNIT_SOCKET)
                for (size_t i = 0; i < ARRAY_SIZE(UNIT_CAST(socket_unit, u)->commands); i++)
                        n += check_commands(u, UNIT_CAST(socket_unit, u)->commands[i]);
        return n;
}

/* ---- a unit ---- */

static unsigned check_requirements(struct unit *u)
{
        unsigned n = 0;

        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_REQUISITE), o)
        {
                if (o->load_state == UNIT_NOT_FOUND)
                        n += problem(u->id, "requires a unit that does not exist:", o->id);
                else if (o->load_state == UNIT_BAD_SETTING || o->load_state == UNIT_ERROR)
                        n += problem(u->id, "requires a unit that cannot be read:", o->id);
        }
        return n;
}

static unsigned check_transaction(struct manager *m, struct unit *u)
{
        _cleanup_free_ char *error = NULL;
        int r = manager_add_job(m, JOB_START, u, JOB_REPLACE, false, NULL, &error);

        manager_clear_jobs(m);
        return r < 0 ? problem(u->id, "could not be started:", error ? error : strerror(-r)) : 0;
}

static unsigned verify_unit(struct manager *m, struct unit *u)
{
        unsigned n = u->n_problems;

        if (u->load_state == UNIT_MASKED)
                return n;
        if (u->load_state != UNIT_LOADED)
                return n + problem(u->id,
                                   u->load_error ? u->load_error : load_state_to_string(u->load_state),
                                   NULL);
        n += strv_len(u->unsupported) > 0; /* named when it was read */
        n += check_programs(u);
        n += check_requirements(u);
        return n + check_transaction(m, u);
}

static unsigned verify_name(struct manager *m, const char *name)
{
        _cleanup_free_ char *instance = NULL;
        struct unit *u;
        int r;

        if (!unit_name_valid(name, true))
                return problem(name, "not the name of a unit", NULL);
        if (unit_name_is_template(name)) {
                if (unit_name_replace_instance(name, "test", &instance) < 0)
                        return 1;
                name = instance;
        }
        r = unit_load_by_name(m, name, &u);
        return r < 0 ? problem(name, "cannot be read:", strerror(-r)) : verify_unit(m, u);
}

int verify_main(struct manager *m, char **files)
{
        unsigned n = 0;
        int r;

        if (!files || !*files) {
                log_error("--verify needs the names of unit files");
                return 2;
        }
        r = add_directories(m, files);
        if (r >= 0)
                r = load_index(m);
        if (r < 0) {
                log_error_errno(r, "Unit directories cannot be read: %m");
                return 1;
        }
        FOREACH_STR (f, files) {
                if (strchr(*f, '/') && access(*f, R_OK) < 0)
                        n += problem(*f, strerror(errno), NULL);
                else
                        n += verify_name(m, path_basename(*f));
        }
        return n > 0;
}
