/* Which files count for which unit: search path, drop-ins, aliases, masks, templates, .wants directories, and files
 * full of rubbish. */
#include "init-test.h"

#define ETC "/etc/systemd/system/"
#define RUN "/run/systemd/system/"
#define LIB "/usr/lib/systemd/system/"

#define SERVICE(description) "[Unit]\nDescription=" description "\n[Service]\nExecStart=/bin/true\n"

static void precedence(void)
{
        struct manager *m;

        test_reset();
        put(LIB "a.service", SERVICE("lib"));
        put(RUN "a.service", SERVICE("run"));
        put(ETC "a.service", SERVICE("etc"));
        put(LIB "b.service", SERVICE("lib"));
        put(RUN "b.service", SERVICE("run"));
        put(LIB "c.service", SERVICE("lib"));
        put("/usr/lib/rouse/system/c.service", SERVICE("rouse"));
        m = test_manager();
        is_str(test_unit(m, "a.service")->description, "etc", "/etc before /run before /usr");
        is_str(test_unit(m, "b.service")->description, "run", "/run before /usr");
        is_str(test_unit(m, "c.service")->description, "rouse", "rouse's own before the distribution's");
        ok(test_unit(m, "c.service")->vendor && !test_unit(m, "a.service")->vendor,
                "what is below /usr is the vendor's");
        is_int(test_unit(m, "none.service")->load_state, UNIT_NOT_FOUND,
                "a service without a file is not found");
        test_manager_free(m);
}

/* After the boot a unit whose file is new needs no reload. */
static void new_files(void)
{
        struct manager *m;
        struct unit *u;

        test_reset();
        put(LIB "a.service", SERVICE("lib"));
        put(LIB "b.service", SERVICE("lib"));
        put(LIB "c.service", SERVICE("lib"));
        m = test_manager();
        is_int(test_unit(m, "new.service")->load_state, UNIT_NOT_FOUND, "no file yet");
        is_str(test_unit(m, "b.service")->description, "lib", "one that is loaded");
        put(ETC "new.service", SERVICE("new"));
        put_link(ETC "other.service", "new.service");
        put(ETC "a.service", SERVICE("etc"));
        put(ETC "b.service", SERVICE("etc"));
        put(ETC "c.service.d/x.conf", "[Unit]\nDescription=drop-in\n");
        is_int(test_unit(m, "new.service")->load_state, UNIT_NOT_FOUND,
                "while the system boots nobody looks again");
        m->boot_finished = true;
        u = test_unit(m, "new.service");
        ok(u->load_state == UNIT_LOADED && streq(u->description, "new"), "then it is found");
        ok(test_unit(m, "other.service") == u, "and by its alias");
        is_str(test_unit(m, "a.service")->description, "etc", "a file before the one that it had");
        is_str(test_unit(m, "c.service")->description, "drop-in", "a drop-in");
        is_str(test_unit(m, "b.service")->description, "lib",
                "what is loaded stays as it is until the reload");
        put(RUN "later@.service", SERVICE("%i"));
        is_str(test_unit(m, "later@x.service")->description, "x", "a template that is new");
        test_manager_free(m);
}

static void dropins(void)
{
        struct manager *m;
        struct unit *u;

        test_reset();
        put(LIB "foo-bar-baz.service", SERVICE("file"));
        put(LIB "foo-bar-baz.service.d/50-x.conf", "[Unit]\nDescription=lib drop-in\n");
        put(ETC "foo-bar-baz.service.d/50-x.conf", "[Unit]\nDescription=etc drop-in\n");
        u = test_unit(m = test_manager(), "foo-bar-baz.service");
        is_str(u->description, "etc drop-in", "of two drop-ins with one name the one in /etc counts");
        is_int(strv_len(u->dropin_paths), 1, "and only that one is read");
        test_manager_free(m);

        put(ETC "foo-.service.d/50-x.conf", "[Unit]\nDescription=prefix foo-\n");
        put(ETC "foo-.service.d/60-y.conf", "[Unit]\nDescription=prefix later\n");
        put(ETC "foo-bar-.service.d/60-y.conf", "[Unit]\nDescription=longer prefix\n");
        put(ETC "service.d/99-all.conf", "[Unit]\nDocumentation=man:all(8)\n");
        put(ETC "service.d/60-y.conf", "[Unit]\nDescription=type\n");
        u = test_unit(m = test_manager(), "foo-bar-baz.service");
        is_str(u->description, "longer prefix", "a longer prefix overrides a shorter one and the type");
        ok(strv_contains(u->documentation, "man:all(8)"), "type-level drop-ins apply");
        is_int(strv_len(u->dropin_paths), 3, "three names, three files");
        test_manager_free(m);

        put_link(RUN "foo-bar-baz.service.d/60-y.conf", "/dev/null");
        u = test_unit(m = test_manager(), "foo-bar-baz.service");
        is_str(u->description, "etc drop-in", "a link to /dev/null masks a drop-in of less weight");
        test_manager_free(m);

        put(LIB "t@.service", SERVICE("template %i"));
        put(ETC "t@.service.d/a.conf", "[Unit]\nDescription=all %i\n");
        put(ETC "t@x.service.d/b.conf", "[Unit]\nDescription=only %i\n");
        m = test_manager();
        is_str(test_unit(m, "t@y.service")->description, "all y", "template's drop-ins apply to instances");
        is_str(test_unit(m, "t@x.service")->description, "only x", "an instance has its own, too");
        test_manager_free(m);
}

static void aliases(void)
{
        struct manager *m;
        struct unit *u, *stub;

        test_reset();
        put(LIB "ssh.service", SERVICE("ssh"));
        put(LIB "other.service", SERVICE("other"));
        put_link(ETC "sshd.service", "/usr/lib/systemd/system/ssh.service");
        put_link(ETC "third.service", "sshd.service");
        put(ETC "sshd.service.d/x.conf", "[Unit]\nDocumentation=man:alias(8)\n");
        put_link(ETC "sshd.service.wants/other.service", "/usr/lib/systemd/system/other.service");
        m = test_manager();
        ok(unit_get(m, "sshd.service", &stub) >= 0, "an alias is mentioned first");
        u = test_unit(m, "ssh.service");
        ok(unit_find(m, "sshd.service") == u && unit_find(m, "third.service") == u,
                "aliases, and aliases of aliases, are one unit");
        is_str(u->id, "ssh.service", "whose id is the file's name");
        ok(strv_contains(u->documentation, "man:alias(8)"), "drop-ins under an alias apply");
        ok(has_dep(m, u, DEP_WANTS, "other.service"), ".wants under an alias, too");
        test_manager_free(m);

        m = test_manager();
        u = test_unit(m, "third.service");
        is_str(u->id, "ssh.service", "asked for by an alias it is the same");
        test_manager_free(m);

        put(LIB "getty@.service", SERVICE("getty %i"));
        put_link(LIB "autovt@.service", "getty@.service");
        put_link(ETC "wrong.target", "/usr/lib/systemd/system/ssh.service");
        put_link(ETC "loop1.service", "loop2.service");
        put_link(ETC "loop2.service", "loop1.service");
        put_link(ETC "linked.service", "/opt/some.file");
        put_link(ETC "dangling.service", "/usr/lib/systemd/system/nothing.service");
        m = test_manager();
        u = test_unit(m, "autovt@tty1.service");
        is_str(u->id, "getty@tty1.service", "an alias of a template is an alias of each instance");
        is_str(u->description, "getty tty1", "with its own instance");
        ok(logged("wrong.target: Link to ssh.service is not a valid alias"),
                "an alias of another type is told");
        is_int(test_unit(m, "loop1.service")->load_state, UNIT_ERROR,
                "links in a circle are an error, not a hang");
        ok(test_unit(m, "linked.service")->load_state != UNIT_LOADED,
                "a linked unit whose file is missing does not load");
        is_str(test_unit(m, "dangling.service")->id, "nothing.service", "an alias may dangle");
        test_manager_free(m);
}

static void masks(void)
{
        struct manager *m;

        test_reset();
        put(LIB "a.service", SERVICE("a"));
        put(LIB "b.service", SERVICE("b"));
        put_link(ETC "a.service", "/dev/null");
        put(ETC "b.service", "");
        m = test_manager();
        is_int(test_unit(m, "a.service")->load_state, UNIT_MASKED, "a link to /dev/null masks");
        is_int(test_unit(m, "b.service")->load_state, UNIT_MASKED, "an empty file masks");
        ok(!load_find_fragment(m, "a.service"), "a masked unit has no file");
        test_manager_free(m);
}

static void wants(void)
{
        struct manager *m;
        struct unit *u;

        test_reset();
        put(LIB "x.target", "[Unit]\nDescription=x\n");
        put(LIB "a@.service", SERVICE("a"));
        put(LIB "b.service", SERVICE("b"));
        put(LIB "c@.target", "[Unit]\nDescription=c\n");
        put_link(LIB "x.target.wants/b.service", "../b.service");
        put_link(ETC "x.target.wants/b.service", "/dev/null");
        put_link(ETC "x.target.wants/a@one.service", LIB "a@.service");
        put_link(ETC "x.target.requires/a@two.service", LIB "a@.service");
        put_link(ETC "c@.target.wants/a@.service", LIB "a@.service");
        put_link(ETC "default.target", LIB "y.target");
        put(LIB "y.target", "[Unit]\nDescription=y\n");
        put_link(ETC "y.target.wants/b.service", LIB "b.service");
        m = test_manager();
        u = test_unit(m, "x.target");
        ok(has_dep(m, u, DEP_WANTS, "a@one.service"), ".wants");
        ok(has_dep(m, u, DEP_REQUIRES, "a@two.service"), ".requires");
        ok(!has_dep(m, u, DEP_WANTS, "b.service"), "a link to /dev/null masks one of less weight");
        ok(has_dep(m, test_unit(m, "c@q.target"), DEP_WANTS, "a@q.service"),
                "a template wants the same instance");
        ok(has_dep(m, test_unit(m, "default.target"), DEP_AFTER, "b.service"),
                "a target comes after what it wants, also when it is reached by another name");
        is_str(test_unit(m, "a@one.service")->slice->id, "system-a.slice",
                "instances live in a slice of their template");
        is_str(test_unit(m, "b.service")->slice->id, "system.slice", "the rest in system.slice");
        test_manager_free(m);
}

static void virtuals(void)
{
        struct manager *m;

        test_reset();
        put(ETC "a.service", SERVICE("etc"));
        put(LIB "b.service", SERVICE("lib"));
        m = test_manager();
        ok(load_add_virtual(m, GEN_NORMAL, "a.service", SERVICE("generated")) >= 0, "a unit in memory");
        (void)load_add_virtual(m, GEN_NORMAL, "b.service", SERVICE("generated"));
        (void)load_add_virtual(m, GEN_LATE, "c.service", SERVICE("late"));
        (void)load_add_virtual(m, GEN_EARLY, "d.service", "");
        (void)load_add_virtual(m, GEN_NORMAL, "c.service.d/x.conf", "[Unit]\nDocumentation=man:x(1)\n");
        (void)load_add_virtual_dep(m, DEP_WANTS, "c.service", "b.service");
        is_str(test_unit(m, "a.service")->description, "etc", "gives way to /etc");
        is_str(test_unit(m, "b.service")->description, "generated", "and overrides /usr");
        is_str(test_unit(m, "c.service")->description, "late", "late ones count when there is no other");
        ok(strv_contains(test_unit(m, "c.service")->documentation, "man:x(1)"), "drop-ins in memory");
        ok(has_dep(m, test_unit(m, "c.service"), DEP_WANTS, "b.service"), "links in memory");
        is_int(test_unit(m, "d.service")->load_state, UNIT_MASKED, "an early empty one masks");
        is_str(load_virtual_text(m, "/run/systemd/generator.late/c.service"), SERVICE("late"),
                "its text can be shown");
        test_manager_free(m);
}

static void bad_files(void)
{
        static const char nul[] = "[Unit]\nDescription=a\0b\n[Service]\nExecStart=/bin/true\n";
        struct manager *m;
        struct unit *u;
        char *rubbish = malloc(3 << 20);

        test_reset();
        memset(rubbish, 'x', 3 << 20);
        memcpy(rubbish, "[Unit]\n", 7);
        put_bytes(LIB "long.service", rubbish, 3 << 20);
        for (size_t i = 0; i < 65536; i++)
                rubbish[i] = (char)(i * 7919 >> 3);
        put_bytes(LIB "rubbish.service", rubbish, 65536);
        put_bytes(LIB "nul.service", nul, sizeof(nul) - 1);
        put(LIB "keys.service", "Stray=1\n[Unit]\nFoo=bar\nAfter=good.target not..a/unit "
                                "dev-a\\x2db.device\n[Servise]\nType=simple\nUser=x\n[X-Mine]\nFoo=1\n"
                                "[Service]\nX-Mine=2\nExecStart=/bin/true\nRestartSec=abc\nType=fancy\n");
        put(LIB "user.service", "[Service]\nExecStart=/bin/true\nUser=a:b\n");
        _cleanup_free_ char *dir = test_path(LIB "dir.service"), *fifo = test_path(LIB "fifo.service");
        ok(mkdir(dir, 0755) == 0 && mkfifo(fifo, 0644) == 0, "things that are no files");
        m = test_manager();
        ok(test_unit(m, "long.service")->load_state == UNIT_BAD_SETTING &&
                        logged("long.service:2: Longer than 1 MiB"),
                "a line too long");
        ok(test_unit(m, "rubbish.service")->load_state == UNIT_BAD_SETTING,
                "rubbish makes a bad unit, no more");
        ok(test_unit(m, "nul.service")->load_state == UNIT_LOADED && logged("nul.service:2: NUL byte"),
                "a NUL byte costs its line");
        u = test_unit(m, "keys.service");
        is_int(u->load_state, UNIT_LOADED, "problems of single lines do not keep a unit from loading");
        ok(logged("keys.service:1: Assignment outside of a section, ignored"),
                "an assignment before any section");
        ok(logged("keys.service:3: Unknown key 'Foo' in section [Unit], ignored"),
                "an unknown key, with file and line");
        ok(logged("keys.service:4: Failed to parse After=") && has_dep(m, u, DEP_AFTER, "good.target"),
                "a bad name in a list costs that name");
        ok(has_dep(m, u, DEP_AFTER, "dev-a\\x2db.device"), "a backslash in a unit's name stays");
        is_int(logged_times("Unknown section [Servise], ignored"), 1, "an unknown section is named once");
        ok(!logged("X-Mine"), "X- sections and keys are left alone");
        ok(logged("keys.service:13: Failed to parse RestartSec='abc': not a time span; ignored"),
                "a malformed value");
        ok(logged("Failed to parse Type='fancy': not one of simple, exec, forking"),
                "a word that is none of the table's");
        is_int(u->n_problems, 6, "and all are counted");
        u = test_unit(m, "user.service");
        ok(u->load_state == UNIT_BAD_SETTING && logged("user.service:3: Failed to parse User='a:b'"),
                "a bad user makes a bad unit");
        is_int(test_unit(m, "dir.service")->load_state, UNIT_NOT_FOUND, "a directory is not a unit");
        is_int(test_unit(m, "fifo.service")->load_state, UNIT_NOT_FOUND,
                "nor is a FIFO, and nothing blocks");
        test_manager_free(m);
        free(rubbish);
}

static void cost(void)
{
        struct load_stats s;
        struct manager *m;

        test_reset();
        for (int i = 0; i < 300; i++) {
                _cleanup_free_ char *path = str_printf(LIB "u%d.service", i);

                put(path, SERVICE("u"));
        }
        for (int i = 0; i < 80; i++) {
                _cleanup_free_ char *path = str_printf(LIB "u%d.service.d/a.conf", i);

                put(path, "[Unit]\n");
        }
        m = test_manager();
        s = load_stats(m);
        is_int(s.n_units, 300, "300 units");
        is_int(s.n_dirs, 80, "80 directories");
        ok(s.n_stat <= 16 && s.n_open == 0 && s.n_opendir <= 16,
                "known without a stat or an open of any of them");
        (void)test_unit(m, "u100.service");
        is_int(load_stats(m).n_open, 1, "and only what is asked for is opened");
        test_manager_free(m);
}

static void stale(void)
{
        struct manager *m;
        struct unit *u;

        test_reset();
        put(LIB "a.service", SERVICE("lib"));
        m = test_manager();
        u = test_unit(m, "a.service");
        ok(!unit_needs_reload(u), "as read");
        put(ETC "a.service", SERVICE("etc"));
        ok(unit_needs_reload(u), "a file of more weight appeared");
        test_manager_free(m);
        m = test_manager();
        u = test_unit(m, "a.service");
        put(ETC "a.service.d/x.conf", "[Unit]\n");
        ok(unit_needs_reload(u), "a drop-in appeared");
        test_manager_free(m);
}

int main(void)
{
        test_begin();
        precedence();
        new_files();
        dropins();
        aliases();
        masks();
        wants();
        virtuals();
        bad_files();
        cost();
        stale();
        return test_end();
}
