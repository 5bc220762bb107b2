/* user-sessions: logins of ordinary users are allowed while /run/nologin is not there. */
#include "early/early.h"

int step_user_sessions(struct early *e, char *const *args)
{
        _cleanup_free_ char *p = early_path(e, "/run/nologin");

        if (!p)
                return log_oom();
        if (unlink(p) < 0 && errno != ENOENT)
                return log_error_errno(-errno, "/run/nologin not removed, so users cannot log in: %m");
        return 0;
}

int step_user_sessions_stop(struct early *e, char *const *args)
{
        static const char text[] =
                "System is going down. Unprivileged users are not permitted to log in anymore.\n";
        _cleanup_free_ char *p = early_path(e, "/run/nologin");
        int r;

        if (!p)
                return log_oom();
        r = write_file_atomic(p, text, strlen(text), 0644, false);
        return r < 0 ? log_error_errno(r, "/run/nologin not written: %m") : 0;
}
