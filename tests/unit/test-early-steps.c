/* The other steps in a throw-away root, and the protocol with PID 1. */
#include <sys/mount.h>
#include <sys/socket.h>
#include <utmp.h>

#include "lib/early.h"
#include "lib/wire.h"
#include "tests/unit/early-root.h"

static void sysctl(struct early *e)
{
        _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL, *f = NULL;
        char k1[] = "net.ipv4.conf.eth0/1.x", k2[] = "net/ipv4/conf/eth0.1/x";

        is_str(sysctl_normalize(k1), "net/ipv4/conf/eth0.1/x", "dots separate, slashes are dots");
        is_str(sysctl_normalize(k2), "net/ipv4/conf/eth0.1/x", "slashes stay");
        for (int i = 0; i < 4; i++) {
                _cleanup_free_ char *p = str_printf("proc/sys/net/conf/if%d/rp", i);

                put(p, "0\n");
        }
        put("proc/sys/kernel/pid_max", "1");
        put("usr/lib/sysctl.d/a.conf", "kernel.pid_max = 5\n; comment\nnet.conf.*.rp = "
                                       "2\n-net.conf.if1.rp\nnet.conf.if2.rp=7\n-no.such = 1\nbad line\n");
        put("etc/sysctl.d/z.conf", "kernel/pid_max=9\n");
        put("etc/sysctl.conf", "net.conf.if3.rp = 3\n");
        is_int(early_step_find("sysctl")->run(e, NULL), 0, "sysctl");
        is_str(a = get("proc/sys/kernel/pid_max"), "9\n", "the later file counts");
        is_str(b = get("proc/sys/net/conf/if0/rp"), "2\n", "wildcard");
        is_str(c = get("proc/sys/net/conf/if1/rp"), "0\n", "excluded");
        is_str(d = get("proc/sys/net/conf/if2/rp"), "7\n", "explicit before wildcard");
        is_str(f = get("proc/sys/net/conf/if3/rp"), "3\n", "/etc/sysctl.conf");
}

/* Where there was nothing to mount over, the id of a first boot is in /run alone. */
static void machine_id(struct early *e)
{
        static const char id[] = "0123456789abcdef0123456789abcdef\n";
        _cleanup_free_ char *a = NULL, *b = NULL;

        is_int(early_step_find("machine-id-commit")->run(e, NULL), 0, "no id anywhere: nothing to do");
        ok(gone("etc/machine-id"), "and none made");
        put("run/machine-id", "not an id\n");
        is_int(early_step_find("machine-id-commit")->run(e, NULL), -EINVAL, "no id");
        put("run/machine-id", id);
        is_int(early_step_find("machine-id-commit")->run(e, NULL), 0, "an id in /run");
        is_str(a = get("etc/machine-id"), id, "is written");
        put("run/machine-id", "fedcba9876543210fedcba9876543210\n");
        is_int(early_step_find("machine-id-commit")->run(e, NULL), 0, "another one");
        is_str(b = get("etc/machine-id"), id, "what is there stays");
}

static void modules(struct early *e)
{
        put("etc/modules-load.d/m.conf", "# no\nloop\n ; no\nfuse\nloop\n");
        is_int(early_step_find("modules-load")->run(e, NULL), 0, "modules-load");
        ok(e->message.s && strstr(e->message.s, "loop\nfuse"), "names, each once");
        strbuf_done(&e->message);
}

static void utmp(struct early *e)
{
        char *const five[] = { (char *)"5", NULL }, *const three[] = { (char *)"3", NULL },
                    *const bad[] = { (char *)"x", NULL };
        _cleanup_free_ char *u = NULL, *p = path_join(root_dir, "run/utmp"),
                            *w = path_join(root_dir, "var/log/wtmp");
        const struct utmp *rec;
        size_t len;

        is_int(early_step_find("update-utmp")->run(e, NULL), 0, "no files: nothing to do");
        ok(gone("run/utmp"), "and none made");
        put("run/utmp", "");
        put("var/log/wtmp", "");
        is_int(early_step_find("update-utmp")->run(e, NULL), 0, "boot record");
        is_int(early_step_find("update-utmp")->run(e, NULL), 0, "twice");
        is_int(early_step_find("utmp-runlevel")->run(e, five), 0, "runlevel");
        is_int(early_step_find("utmp-runlevel")->run(e, three), 0, "another");
        is_int(early_step_find("utmp-runlevel")->run(e, bad), -EINVAL, "none");
        is_int(read_file(p, 0, &u, &len), 0, "read");
        is_int((int64_t)len, 2 * (int64_t)sizeof(struct utmp), "a boot and a runlevel record");
        rec = (const struct utmp *)(const void *)u;
        ok(rec[0].ut_type == BOOT_TIME && streq(rec[0].ut_user, "reboot"), "the boot's");
        is_int(rec[1].ut_pid, '3' + '5' * 256, "the runlevel's, with the one before");
        free(TAKE_PTR(u));
        is_int(read_file(w, 0, &u, &len), 0, "read wtmp");
        is_int((int64_t)len, 4 * (int64_t)sizeof(struct utmp), "wtmp has all");
}

static void sessions_seed(struct early *e)
{
        is_int(early_step_find("user-sessions-stop")->run(e, NULL), 0, "user-sessions-stop");
        ok(is("run/nologin", S_IFREG | 0644), "makes /run/nologin");
        is_int(early_step_find("user-sessions")->run(e, NULL), 0, "user-sessions");
        ok(gone("run/nologin"), "removes it");
        is_int(early_step_find("user-sessions")->run(e, NULL), 0, "again");
        is_int(early_step_find("random-seed")->run(e, NULL), 0, "random-seed");
        ok(is("var/lib/systemd/random-seed", S_IFREG | 0600), "a seed is saved, for root alone");
}

static void mount_options(void)
{
        _cleanup_free_ char *d = NULL, *none = NULL;
        unsigned long f;

        is_int(mount_options_parse(
                       "rw,noatime,errors=remount-ro,x-systemd.automount,nofail,discard", &f, &d),
                0, "options");
        ok(f == MS_NOATIME, "flags");
        is_str(d, "errors=remount-ro,discard", "the file system's own");
        is_int(mount_options_parse("defaults,ro,rw,user,exec", &f, &none), 0, "options");
        ok(f == (MS_NOSUID | MS_NODEV), "the later one counts");
        is_str(none, "", "nothing left");
}

static void ask(int fd, uint32_t id, const char *step)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, EARLY_RUN, id);
        wire_str(&w, step);
        wire_strv(&w, NULL);
        if (wire_send(fd, &w, -1) < 0)
                exit(1);
}

static void protocol(void)
{
        static char buf[WIRE_MAX];
        struct wire_reader m;
        int s[2], status;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
                exit(1);
        pid = fork();
        if (pid == 0) {
                struct early e;

                close(s[0]);
                _exit(early_init(&e, root_dir) < 0 || early_serve(&e, s[1]) < 0);
        }
        close(s[1]);
        ask(s[0], 5, "modules-load");
        ask(s[0], 6, "no-such-step");
        /* wire_recv does not wait: the test does, by a blocking peek */
        recv(s[0], buf, 1, MSG_PEEK);
        is_int(wire_recv(s[0], buf, sizeof(buf), &m, NULL), 1, "answer");
        ok(m.h.type == EARLY_DONE && m.h.id == 5 && wire_get_u32(&m) == 0, "done, with the asker's id");
        ok(strstr(wire_get_str(&m) ?: "", "loop\nfuse"), "and the names");
        recv(s[0], buf, 1, MSG_PEEK);
        is_int(wire_recv(s[0], buf, sizeof(buf), &m, NULL), 1, "answer");
        ok(m.h.id == 6 && wire_get_u32(&m) == 1, "an unknown step fails");
        is_str(wire_get_str(&m), "no such step", "and says so");
        close(s[0]);
        ok(waitpid(pid, &status, 0) == pid && status == 0, "it ends with the socket");
}

int main(void)
{
        _cleanup_(early_done) struct early e = { 0 };

        root_make();
        log_open("test", LOG_TO_NULL);
        if (early_init(&e, root_dir) < 0)
                return 1;
        sysctl(&e);
        machine_id(&e);
        modules(&e);
        utmp(&e);
        sessions_seed(&e);
        mount_options();
        protocol();
        root_remove();
        return tap_done();
}
