#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "exec-stubs.h"
#include "lib/fileio.h"

static struct exec_test *current;
static struct unit *extra_unit;
int exec_test_cgroup_empty;

/* ---- what the rest of init/ would give ---- */

struct exec_context *unit_exec(struct unit *u)
{
        return &UNIT_CAST(service, u)->exec;
}
struct cgroup_context *unit_cgroup_context(struct unit *u)
{
        return &UNIT_CAST(service, u)->cgroup;
}
struct kill_context *unit_kill_context(struct unit *u)
{
        return &UNIT_CAST(service, u)->kill;
}
struct unit *unit_find(struct manager *m, const char *name)
{
        if (current && streq(current->u->id, name))
                return current->u;
        return extra_unit && streq(extra_unit->id, name) ? extra_unit : NULL;
}
void state_touch(struct unit *u) {}

void state_put(struct state_out *s, const char *key, const char *value) {}

void unit_cgroup_empty(struct unit *u)
{
        exec_test_cgroup_empty++;
}
void unit_tell_watchers(struct unit *u) {}
enum active_state unit_active_state(struct unit *u)
{
        return UNIT_ACTIVE;
}
void unit_cgroup_oom(struct unit *u) {}
int unit_resolve(struct unit *u, const char *s, char **ret)
{
        struct strbuf b = { 0 };

        for (; *s; s++) {
                if (*s != '%')
                        strbuf_putc(&b, *s);
                else if (*++s == 'n')
                        strbuf_puts(&b, u ? u->id : "test.service");
                else if (*s == 'i')
                        strbuf_puts(&b, "an instance");
                else if (*s == '%')
                        strbuf_putc(&b, '%');
                else {
                        strbuf_done(&b);
                        return -EINVAL;
                }
        }
        *ret = strbuf_take(&b);
        return 0;
}

/* ---- the harness ---- */

void exec_test_reset(struct exec_test *t)
{
        exec_context_done(t->c);
        exec_context_init(t->c);
        t->c->std_output = OUT_FILE;
        t->c->std_error = OUT_INHERIT;
        t->c->stdout_file = str_printf("/tmp/rouse-exec-test.%d", getpid());
        t->p = (struct exec_params) { .command = &t->command, .apply_permissions = true, .stdin_fd = -1 };
        t->command.flags = 0;
}

static void read_boot_id(struct exec_test *t)
{
        _cleanup_free_ char *id = NULL;

        if (read_one_line("/proc/sys/kernel/random/boot_id", &id) >= 0 && strlen(id) < sizeof(t->m.boot_id))
                stpcpy(t->m.boot_id, id);
}

void exec_test_init(struct exec_test *t)
{
        *t = (struct exec_test) { 0 };
        current = t;
        loop_new(&t->m.loop);
        read_boot_id(t);
        strv_add(&t->m.environment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        t->u = &t->s.unit;
        t->c = &t->s.exec;
        t->u->manager = &t->m;
        t->u->type = UNIT_SERVICE;
        t->u->id = strdup("rouse-test.service");
        t->u->cgroup_fd = t->u->cgroup_wd = t->u->oom_wd = -1;
        memcpy(t->u->invocation_id, "0123456789abcdef0123456789abcdef", 33);
        exec_context_init(t->c);
        cgroup_context_init(&t->s.cgroup);
        exec_test_reset(t);
}

void exec_test_done(struct exec_test *t)
{
        exec_context_done(t->c);
        cgroup_context_done(&t->s.cgroup);
        strv_free(t->m.environment);
        free(t->u->id);
        free(t->u->cgroup_path);
        loop_free(t->m.loop);
}

static void on_exec_done(struct unit *u, pid_t pid, int exit_code, int err)
{
        current->exec_code = exit_code;
        current->exec_err = err;
}

static const char *run(struct exec_test *t)
{
        static char *text;
        siginfo_t si = { 0 };
        int pidfd = -1, r;

        t->exec_code = t->code = t->status = -1;
        t->p.exec_done = on_exec_done;
        unlink(t->c->stdout_file);
        r = exec_spawn(t->u, t->c, &t->p, &t->pid, &pidfd);
        if (r < 0) {
                t->status = r;
                return NULL;
        }
        while (t->exec_code < 0)
                if (loop_turn(t->m.loop, 10 * USEC_PER_SEC) < 0)
                        break;
        if (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) == 0) {
                t->code = si.si_code;
                t->status = si.si_status;
        }
        close(pidfd);
        free(text);
        text = NULL;
        if (read_file(t->c->stdout_file, 0, &text, NULL) < 0)
                text = strdup("");
        unlink(t->c->stdout_file);
        return text;
}

const char *exec_test_run(struct exec_test *t, char **argv)
{
        t->command.path = argv[0];
        t->command.argv = argv;
        return run(t);
}

const char *exec_test_sh(struct exec_test *t, const char *script)
{
        char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };

        t->command.flags |= CMD_NO_ENV_EXPAND;
        return exec_test_run(t, argv);
}

bool probe_may_block(struct manager *m, const char *path, bool pattern)
{
        return false;
}
