#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "init/shutdown-common.h"

#define HOOKS_TIMEOUT (30 * USEC_PER_SEC)
#define HOOKS_MAX     64

static pid_t start_hook(struct shutdown *s, const char *path)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execl(path, path, s->verb, (char *)NULL);
        _exit(127);
}

static void list_hooks(const char *dir, char ***paths)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        struct stat st;

        for (struct dirent *de; d && (de = readdir(d));)
                if (!hidden_or_backup_file(de->d_name) && fstatat(dirfd(d), de->d_name, &st, 0) >= 0 &&
                        S_ISREG(st.st_mode) && (st.st_mode & 0111))
                        (void)strv_addf(paths, "%s/%s", dir, de->d_name);
}

void shutdown_hooks(struct shutdown *s)
{
        usec_t deadline = usec_add(now_monotonic(), HOOKS_TIMEOUT);
        _cleanup_strv_ char **paths = NULL;
        pid_t pids[HOOKS_MAX];
        size_t n = 0;
        int status;

        list_hooks("/usr/lib/rouse/system-shutdown", &paths);
        list_hooks("/usr/lib/systemd/system-shutdown", &paths);
        FOREACH_STR (p, paths)
                if (n < HOOKS_MAX)
                        pids[n++] = start_hook(s, *p);
        for (size_t i = 0; i < n; i++) {
                if (pids[i] < 0 || shutdown_wait_child(s, pids[i], deadline, &status) != -ETIMEDOUT)
                        continue;
                shutdown_forced(s, "killed hook %s[%d]", paths[i], (int)pids[i]);
                kill(pids[i], SIGKILL);
        }
}
