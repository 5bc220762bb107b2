/* Any datagram at a service's notification socket, in each state that takes notice of it. */
#include <fcntl.h>
#include <sys/socket.h>

#include "init/manager.h"
#include "init/service.h"
#include "tests/fuzz/fuzz.h"

static void no_log(int level, const char *unit, const char *file, int line, const char *text) {}

FUZZ_TARGET(notify)
{
        static const enum service_state states[] = { SVC_START, SVC_RUNNING, SVC_RELOAD_SIGNAL,
                SVC_STOP_SIGTERM, SVC_DEAD };
        /* not root: a process of others as main process is refused, so that none is signalled */
        struct ucred cred = { .pid = 1 << 22, .uid = 1000, .gid = 1000 };

        log_open("fuzz", LOG_TO_HOOK);
        log_set_hook(no_log);
        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                char *text = fuzz_string(data, MIN(size, 4096u));
                struct manager *m;
                struct service *s;
                struct unit *u;
                int fds[2];

                fuzz_check(manager_new(&m) >= 0);
                m->test_mode = true;
                fuzz_check(unit_get(m, "a.service", &u) >= 0);
                s = UNIT_CAST(service, u);
                s->type = SERVICE_NOTIFY;
                s->notify_access = NOTIFY_ALL;
                s->fd_store_max = 2;
                s->state = states[i];
                for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
                        fuzz_check((fds[k] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
                notify_take(u, text, MIN(size, 4096u), &cred, fds, ARRAY_SIZE(fds));
                fuzz_check(s->n_store <= 2 && s->main_pid == 0);
                manager_free(m);
                free(text);
        }
}
