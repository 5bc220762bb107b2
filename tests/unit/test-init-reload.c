/* A reload reads again what changed, and nothing else; what runs keeps its state, descriptors and place. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/init-test.h"

#define ETC "/etc/systemd/system/"

static int told, told_error;

static void on_done(struct reload_waiter *w, int error)
{
        told++;
        told_error = error;
}

/* Another time stamp than before, whatever the clock's steps are. */
static void put_new(const char *path, const char *text)
{
        static time_t t = 1000000000;
        _cleanup_free_ char *p = test_path(path);
        struct timespec ts[2] = {};

        t++;
        ts[0].tv_sec = ts[1].tv_sec = t;
        put(path, text);
        (void)utimensat(AT_FDCWD, p, ts, 0);
}

static void drop(const char *path)
{
        _cleanup_free_ char *p = test_path(path);

        (void)unlink(p);
}

static void reload(struct manager *m)
{
        struct reload_waiter w = { .cb = on_done };

        told = 0;
        strbuf_done(&test_log);
        is_int(manager_reload(m, &w), 0, "reload begins");
        is_int(told, 1, "… and is told to be done");
        is_int(told_error, 0, "… without error");
}

static void test_running_service(void)
{
        struct manager *m;
        struct service *s;
        struct unit *u;

        put_new(ETC "a.service",
                "[Unit]\nDescription=old\nAfter=x.target\n[Service]\nExecStart=/bin/old\nExecStop=/bin/s\n");
        put_new(ETC "b.service", "[Unit]\nAfter=a.service\nWants=a.service\n[Service]\nExecStart=/bin/b\n");
        m = test_manager();
        test_unit(m, "b.service");
        u = test_unit(m, "a.service");
        s = UNIT_CAST(service, u);
        s->state = SVC_RUNNING;
        s->main_pid = 4242;
        s->main_command = s->commands[CMD_START];
        s->n_restarts = 7;
        s->status_text = strdup("busy");
        reload(m);
        ok(!logged("a.service"), "nothing is said of a unit whose files did not change");
        is_str(u->description, "old", "its description is the same");

        put_new(ETC "a.service",
                "[Unit]\nDescription=new\nAfter=y.target\n[Service]\nExecStart=-/bin/new\n");
        reload(m);
        ok(unit_find(m, "a.service") == u && u->load_state == UNIT_LOADED, "the unit is the same object");
        is_str(u->description, "new", "its description is new");
        is_int(s->main_pid, 4242, "its process is the same");
        is_int(s->state, SVC_RUNNING, "it is running");
        is_int(s->n_restarts, 7, "its counters are kept");
        is_str(s->status_text, "busy", "its status is kept");
        ok(s->main_command == s->commands[CMD_START] && s->main_command->pid == 4242,
                "ExecStart= is the running process's");
        ok(s->main_command->flags & CMD_IGNORE_FAILURE, "… and the new '-' counts");
        ok(!s->commands[CMD_STOP], "ExecStop= is gone");
        ok(!has_dep(m, u, DEP_AFTER, "x.target"), "the old After= is gone");
        ok(has_dep(m, u, DEP_AFTER, "y.target"), "the new After= is there");
        ok(has_dep(m, u, DEP_BEFORE, "b.service") && has_dep(m, u, DEP_WANTED_BY, "b.service"),
                "what others said of it stays");

        put_new(ETC "a.service", "rubbish\n[Service]\nType=oneshot\nRestart=always\nExecStart=\n\0");
        reload(m);
        is_int(u->load_state, UNIT_BAD_SETTING, "rubbish makes it a bad unit");
        is_int(s->main_pid, 4242, "… that still runs");
        put_new(ETC "a.service", "[Service]\nExecStart=/bin/good\n");
        reload(m);
        is_int(u->load_state, UNIT_LOADED, "and a good file makes it a good one");

        drop(ETC "a.service");
        reload(m);
        is_int(u->load_state, UNIT_LOADED, "a running unit whose file is gone goes on as it was");
        ok(u->needs_read, "… until it ends");
        s->main_pid = 0;
        s->state = SVC_DEAD;
        unit_notify(u, UNIT_ACTIVE, false);
        loop_turn(m->loop, 0);
        is_int(u->load_state, UNIT_NOT_FOUND, "then it is not found");
        test_manager_free(m);
        test_reset();
}

static void test_busy(void)
{
        struct manager *m;
        struct service *s;
        struct unit *u;

        put_new(ETC "a.service",
                "[Unit]\nDescription=old\n[Service]\nExecStart=/bin/old\nExecReload=/bin/r\n");
        m = test_manager();
        u = test_unit(m, "a.service");
        s = UNIT_CAST(service, u);
        s->state = SVC_RELOAD;
        s->main_pid = 4242;
        s->control_pid = 4243;
        s->control_command = s->commands[CMD_RELOAD];
        put_new(ETC "a.service", "[Unit]\nDescription=new\n[Service]\nExecStart=/bin/new\n");
        reload(m);
        is_str(u->description, "old", "a unit with a control process is left alone");
        ok(s->control_command == s->commands[CMD_RELOAD], "… its command too");
        s->control_pid = 0;
        s->control_command = NULL;
        s->state = SVC_RUNNING;
        unit_notify(u, UNIT_RELOADING, false);
        loop_turn(m->loop, 0);
        is_str(u->description, "new", "it is read when it has settled");
        is_int(s->main_pid, 4242, "… and runs on");
        s->main_pid = 0;
        s->state = SVC_DEAD;
        test_manager_free(m);
        test_reset();
}

static void test_new_files(void)
{
        struct manager *m;
        struct unit *t, *n, *bad, *al;

        put_new(ETC "t.target", "[Unit]\nWants=n.service alias.service\n");
        put_new(ETC "bad.service", "[Service]\nType=oneshot\n");
        m = test_manager();
        t = test_unit(m, "t.target");
        UNIT_CAST(target, t)->active = true;
        n = test_unit(m, "n.service");
        al = test_unit(m, "alias.service");
        bad = test_unit(m, "bad.service");
        is_int(n->load_state, UNIT_NOT_FOUND, "no file yet");
        is_int(al->load_state, UNIT_NOT_FOUND, "no alias yet");
        is_int(bad->load_state, UNIT_BAD_SETTING, "a bad file");
        put_new(ETC "n.service", "[Service]\nExecStart=/bin/n\n");
        put_new(ETC "bad.service", "[Service]\nExecStart=/bin/n\n");
        put_new(ETC "real.service", "[Service]\nExecStart=/bin/n\n");
        put_link(ETC "alias.service", "real.service");
        put_link(ETC "t.target.wants/real.service", "../real.service");
        put_new(ETC "n.service.d/10.conf", "[Unit]\nDescription=by drop-in\n");
        reload(m);
        is_int(n->load_state, UNIT_LOADED, "a unit whose file came is loaded");
        is_str(n->description, "by drop-in", "… with its drop-in");
        is_int(bad->load_state, UNIT_LOADED, "a unit whose file was mended is loaded");
        ok(unit_find(m, "alias.service") == unit_find(m, "real.service"),
                "an alias that came leads to its unit");
        ok(has_dep(m, t, DEP_WANTS, "real.service"), "a .wants link that came is followed");
        ok(UNIT_CAST(target, t)->active, "… and the target is still reached");
        drop(ETC "t.target.wants/real.service");
        drop(ETC "alias.service");
        put_new(ETC "n.service.d/10.conf", "[Unit]\nDescription=other\n");
        reload(m);
        is_str(n->description, "other", "a drop-in that changed is read");
        ok(unit_find(m, "alias.service") != unit_find(m, "real.service"),
                "an alias that went leads nowhere");
        drop(ETC "n.service");
        reload(m);
        is_int(n->load_state, UNIT_NOT_FOUND, "an inactive unit whose file went is not found");
        ok(has_dep(m, n, DEP_WANTED_BY, "t.target"), "… and still wanted");
        test_manager_free(m);
        test_reset();
}

static void test_socket(void)
{
        struct manager *m;
        struct socket_unit *s;
        struct unit *u;
        int fd = dup(0), other = dup(0);

        put_new(ETC "s.service", "[Service]\nExecStart=/bin/s\n");
        put_new(ETC "s.socket", "[Socket]\nListenStream=/run/keep\nListenStream=/run/drop\n");
        m = test_manager();
        u = test_unit(m, "s.socket");
        s = UNIT_CAST(socket_unit, u);
        s->state = SOCK_LISTENING;
        s->ports->fd = fd;
        s->ports->next->fd = other;
        put_new(ETC "s.socket", "[Socket]\nListenStream=/run/new\nListenStream=/run/keep\n");
        reload(m);
        is_int(s->ports->fd, -1, "a new address has no descriptor before the next start");
        is_int(s->ports->next->fd, fd, "an address that stays keeps its descriptor");
        ok(fcntl(other, F_GETFD) < 0, "the descriptor of one that went is closed");
        ok(unit_has_dep(u, DEP_TRIGGERS, unit_find(m, "s.service")), "it still starts its service");
        put_new(ETC "s.socket", "[Socket]\nBacklog=many\n");
        reload(m);
        is_int(s->ports->next->fd, fd, "a file without addresses takes none away");
        s->state = SOCK_DEAD;
        test_manager_free(m);
        test_reset();
}

static void test_fstab(void)
{
        struct manager *m;
        struct unit *mnt, *u;

        put_new(ETC "a.service", "[Unit]\nRequiresMountsFor=/srv/x\n[Service]\nExecStart=/bin/a\n");
        put_new("/etc/fstab", "");
        m = test_manager();
        u = test_unit(m, "a.service");
        put_new("/etc/fstab", "tmpfs /srv tmpfs size=1m 0 0\n");
        reload(m);
        mnt = unit_find(m, "srv.mount");
        ok(mnt && mnt->load_state == UNIT_LOADED, "a line that came to fstab is a unit");
        ok(has_dep(m, u, DEP_REQUIRES, "srv.mount"), "… that a unit with a path below it needs");
        UNIT_CAST(mount, mnt)->state = MNT_MOUNTED;
        put_new("/etc/fstab", "tmpfs /srv tmpfs size=2m 0 0\n");
        reload(m);
        is_str(UNIT_CAST(mount, mnt)->options, "size=2m", "new options are read");
        is_int(UNIT_CAST(mount, mnt)->state, MNT_MOUNTED, "it is still mounted");
        UNIT_CAST(mount, mnt)->state = MNT_DEAD;
        put_new("/etc/fstab", "");
        reload(m);
        ok(!has_dep(m, u, DEP_REQUIRES, "srv.mount"), "a line that went is no longer needed");
        test_manager_free(m);
        test_reset();
}

int main(void)
{
        test_begin();
        test_running_service();
        test_busy();
        test_new_files();
        test_socket();
        test_fstab();
        return test_end();
}
