/* The environment of a process, in the order of systemd.exec(5): what the manager has, what it makes itself,
 * PassEnvironment=, Environment=, EnvironmentFile=; in the end UnsetEnvironment=. A later one wins. */
#include <stdio.h>

#include "exec-expand.h"
#include "exec-dir.h"
#include "exec-internal.h"
#include "lib/fileio.h"

extern char **environ;

static int set_pair(char ***env, const char *key, const char *value)
{
        _cleanup_free_ char *s = str_printf("%s=%s", key, value);

        return s ? strv_env_set(env, s) : -ENOMEM;
}

static int set_all(char ***env, char *const *from)
{
        int r = 0;

        FOREACH_STR (i, from)
                if (strchr(*i, '=') && (r = strv_env_set(env, *i)) < 0)
                        return r;
        return 0;
}

/* RUNTIME_DIRECTORY=/run/a:/run/b */
static int add_directories(const struct exec_context *c, char ***env)
{
        for (int k = 0; k < DIR_MAX; k++) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                int r;

                FOREACH_STR (d, c->dirs[k].paths) {
                        _cleanup_free_ char *path = NULL;

                        exec_dir_split(*d, &path);
                        if (path)
                                strbuf_printf(&b, "%s%s/%s", b.len ? ":" : "", exec_dir_prefix[k], path);
                }
                if (b.len && (r = set_pair(env, exec_dir_variable[k], b.s)) < 0)
                        return r;
        }
        return 0;
}

static bool may_log_in(const char *shell)
{
        return !endswith(shell, "/nologin") && !endswith(shell, "/false");
}

bool exec_has_credentials(const struct exec_context *c)
{
        return c->load_credentials || c->set_credentials || c->load_credentials_encrypted ||
               c->set_credentials_encrypted;
}

bool exec_sets_login_environment(const struct exec_context *c)
{
        return c->login_environment == LOGIN_ENV_YES ||
               (c->login_environment == LOGIN_ENV_OF_USER && (c->user || c->dynamic_user));
}

/* Without the login environment $USER alone tells who it is. */
static int add_login(const struct exec_context *c, const struct exec_identity *id, char ***env)
{
        int r = 0;

        if (id->user.name)
                r = set_pair(env, "USER", id->user.name);
        if (!exec_sets_login_environment(c))
                return r;
        if (r >= 0 && id->user.name)
                r = set_pair(env, "LOGNAME", id->user.name);
        if (r >= 0 && id->user.home)
                r = set_pair(env, "HOME", id->user.home);
        if (r >= 0 && id->user.shell && may_log_in(id->user.shell))
                r = set_pair(env, "SHELL", id->user.shell);
        return r;
}

/* Terminal type of a line: the console is the last of the kernel's consoles. */
static const char *term_of(const char *tty)
{
        _cleanup_free_ char *active = NULL;
        const char *name = startswith(tty, "/dev/") ?: tty;

        if (streq(name, "console")) {
                const char *own = getenv("TERM");

                if (own && !streq(own, "dumb"))
                        return own;
                if (read_one_line("/sys/class/tty/console/active", &active) >= 0)
                        name = strrchr(active, ' ') ? strrchr(active, ' ') + 1 : active;
        }
        return startswith(name, "tty") && strspn(name + 3, "0123456789") == strlen(name + 3) ? "linux"
                                                                                             : "vt220";
}

static bool uses_tty(const struct exec_context *c)
{
        return c->std_input == IN_TTY || c->std_input == IN_TTY_FORCE || c->std_input == IN_TTY_FAIL ||
               c->std_output == OUT_TTY || c->std_error == OUT_TTY;
}

/* The variables that the manager makes; p->environment has those of this one process. */
static int add_own(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, char ***env)
{
        char number[32];
        int r = 0;

        if (!strv_env_get(*env, "PATH"))
                r = set_pair(env, "PATH", EXEC_DEFAULT_PATH);
        if (r >= 0 && (c->user || c->dynamic_user || exec_sets_login_environment(c)) && !id->by_nss)
                r = add_login(c, id, env);
        if (r >= 0 && *u->invocation_id)
                r = set_pair(env, "INVOCATION_ID", u->invocation_id);
        if (r >= 0 && p->notify_socket)
                r = set_pair(env, "NOTIFY_SOCKET", p->notify_socket);
        if (r >= 0 && p->watchdog > 0) {
                snprintf(number, sizeof(number), "%lld", (long long)p->watchdog);
                r = set_pair(env, "WATCHDOG_USEC", number);
        }
        if (r >= 0 && p->pass_fds && p->n_fds > 0) {
                _cleanup_free_ char *names = strv_join(p->fd_names, ":");

                snprintf(number, sizeof(number), "%zu", p->n_fds);
                r = set_pair(env, "LISTEN_FDS", number);
                if (r >= 0 && names)
                        r = set_pair(env, "LISTEN_FDNAMES", names);
        }
        if (r >= 0 && uses_tty(c))
                r = set_pair(env, "TERM", term_of(c->tty_path ?: "/dev/console"));
        if (r >= 0 && c->log_namespace)
                r = set_pair(env, "LOG_NAMESPACE", c->log_namespace);
        if (r >= 0 && exec_has_credentials(c)) {
                _cleanup_free_ char *dir = path_join("/run/credentials", u->id);

                r = dir ? set_pair(env, "CREDENTIALS_DIRECTORY", dir) : -ENOMEM;
        }
        if (r >= 0)
                r = add_directories(c, env);
        return r < 0 ? r : set_all(env, p->environment);
}

int exec_build_env(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, bool files_here, char ***ret)
{
        _cleanup_strv_ char **env = strv_copy(u->manager->environment);
        int r;

        if (!env)
                return -ENOMEM;
        r = add_own(u, c, p, id, &env);
        FOREACH_STR (name, c->pass_environment) {
                const char *value = strv_env_get(environ, *name);

                if (r >= 0 && value)
                        r = set_pair(&env, *name, value);
        }
        if (r >= 0)
                r = set_all(&env, c->environment);
        FOREACH_STR (file, c->environment_files) {
                if (r < 0 || !files_here)
                        break;
                r = exec_env_file(*file, &env);
                if (r < 0)
                        log_unit_errno(u->id, LOG_ERR, r, "EnvironmentFile=%s cannot be read: %m", *file);
        }
        FOREACH_STR (name, c->unset_environment)
                strv_env_unset(env, *name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

int exec_add_placeholders(
        const struct exec_context *c, const struct exec_params *p, bool journal, char ***env)
{
        const struct {
                bool wanted;
                const char *key;
        } own[] = {
                { p->pass_fds && p->n_fds > 0, "LISTEN_PID" },
                { true, "SYSTEMD_EXEC_PID" },
                { p->watchdog > 0, "WATCHDOG_PID" },
                { journal, "JOURNAL_STREAM" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
                int r;

                if (!own[i].wanted || strv_env_get(*env, own[i].key) ||
                        strv_contains(c->unset_environment, own[i].key))
                        continue;
                r = strv_addf(env, "%s=%s", own[i].key, EXEC_PLACEHOLDER);
                if (r < 0)
                        return r;
        }
        return 0;
}
