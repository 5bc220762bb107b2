/* enable, disable and is-enabled of scripts in /etc/init.d: the distribution's program does it, since the links of rcN.d
 * are its own (systemctl(1), "systemd-sysv-install"). A name with a unit file as well has both kinds of links changed,
 * so that they say the same; whether it is enabled, the unit file says. */
#include <sys/wait.h>

#include "install.h"
#include "lib/fileio.h"
#include "lib/unitname.h"

#define SYSV_INSTALL "/lib/systemd/systemd-sysv-install"

/* The script that stands behind a unit's name: NULL if there is none. */
static char *script_of(const char *name)
{
        const char *dot = endswith(name, ".service");
        _cleanup_free_ char *script = dot ? strndup(name, (size_t)(dot - name)) : NULL;
        _cleanup_free_ char *path = NULL;

        if (!script || strchr(script, '/') || script[0] == '.')
                return NULL;
        path = str_printf("%s/etc/init.d/%s", opt.root ?: "", script);
        return path && access(path, X_OK) >= 0 ? TAKE_PTR(script) : NULL;
}

static int execute(const char *verb, const char *script)
{
        _cleanup_free_ char *root = opt.root ? str_printf("--root=%s", opt.root) : NULL;
        const char *argv[5] = { SYSV_INSTALL };
        size_t n = 1;
        pid_t pid;
        int status;

        if (opt.root && !root)
                return -ENOMEM;
        if (root)
                argv[n++] = root;
        argv[n++] = verb;
        argv[n++] = script;
        if (!opt.quiet && !streq(verb, "is-enabled"))
                fprintf(stderr, "Executing: " SYSV_INSTALL "%s%s %s %s\n", root ? " " : "", root ?: "", verb,
                        script);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                execv(SYSV_INSTALL, (char *const *)argv);
                fprintf(stderr, SYSV_INSTALL ": %s\n", strerror(errno));
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

int sysv_install(const char *verb, const char *name, bool *ret_native)
{
        _cleanup_free_ char *script = script_of(name), *path = NULL;
        bool native = install_find(opt.root, name, &path) >= 0;

        *ret_native = native || !script;
        if (!script || (native && streq(verb, "is-enabled")))
                return -ENOENT;
        if (!opt.quiet && native)
                fprintf(stderr,
                        "Synchronizing state of %s with SysV service script with " SYSV_INSTALL ".\n", name);
        else if (!opt.quiet && !streq(verb, "is-enabled"))
                fprintf(stderr, "%s is not a native service, redirecting to systemd-sysv-install.\n", name);
        return execute(verb, script);
}
