/* Exec lines, variables, environment files, users: tables of input and what is expected. */
#include <stdio.h>
#include <sys/stat.h>

#include "exec-stubs.h"
#include "init/exec-expand.h"
#include "lib/fileio.h"
#include "tests/tap.h"

/* A list of commands as "flags path [argv…]" joined with " / ". */
static char *show(const struct exec_command *c)
{
        struct strbuf b = { 0 };

        for (; c; c = c->next) {
                strbuf_printf(&b, "%s%u %s", b.len ? " / " : "", c->flags, c->path);
                FOREACH_STR (a, c->argv)
                        strbuf_printf(&b, " [%s]", *a);
        }
        return strbuf_take(&b);
}

static const struct {
        const char *line, *want;
} lines[] = {
        { "/bin/echo a b", "0 /bin/echo [/bin/echo] [a] [b]" },
        { "echo a", "0 echo [echo] [a]" },
        { "-/bin/false", "1 /bin/false [/bin/false]" },
        { "@/bin/sh -sh x", "0 /bin/sh [-sh] [x]" },
        { "-@/bin/sh -sh", "1 /bin/sh [-sh]" },
        { ":/bin/echo $A", "2 /bin/echo [/bin/echo] [$A]" },
        { "+/bin/echo", "4 /bin/echo [/bin/echo]" },
        { "+-/bin/echo", "5 /bin/echo [/bin/echo]" },
        { "!/bin/echo", "8 /bin/echo [/bin/echo]" },
        { "!!/bin/echo", "16 /bin/echo [/bin/echo]" },
        { "-!!/bin/echo", "17 /bin/echo [/bin/echo]" },
        { "/bin/echo 'a b' \"c d\" e\\x20f \\tg", "0 /bin/echo [/bin/echo] [a b] [c d] [e f] [\tg]" },
        { "/bin/echo a ; /bin/echo b", "0 /bin/echo [/bin/echo] [a] / 0 /bin/echo [/bin/echo] [b]" },
        { "/bin/echo a ; -/bin/echo b ;", "0 /bin/echo [/bin/echo] [a] / 1 /bin/echo [/bin/echo] [b]" },
        { "/bin/echo a \\; b", "0 /bin/echo [/bin/echo] [a] [;] [b]" },
        { "/bin/echo a;b", "0 /bin/echo [/bin/echo] [a;b]" },
        { "/bin/echo \"\" x", "0 /bin/echo [/bin/echo] [] [x]" },
        { "/bin/echo %n %% %i", "0 /bin/echo [/bin/echo] [rouse-test.service] [%] [an instance]" },
        { "\"/opt/a b/prog\" x", "0 /opt/a b/prog [/opt/a b/prog] [x]" },
        { "//usr//bin/./env", "0 /usr/bin/env [/usr/bin/env]" },
        { "/bin/sh -c 'dmesg | tac'", "0 /bin/sh [/bin/sh] [-c] [dmesg | tac]" },
        { "/sbin/agetty -o '-p -- \\\\u' --noclear - $TERM",
                "0 /sbin/agetty [/sbin/agetty] [-o] [-p -- \\u] [--noclear] [-] [$TERM]" },
        { "relative/path", NULL },
        { "/bin/echo 'x", NULL },
        { "/bin/echo %z", NULL },
        { "-", NULL },
        { "@/bin/sh", NULL },
        { "/", NULL },
        { "--/bin/x", NULL },
        { "+!/bin/x", NULL },
        { "/bin/../x", NULL },
        { "/bin/echo \\q", NULL },
};

static void commands(struct unit *u)
{
        struct exec_command *list = NULL;
        const char *why;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                int r = exec_command_parse(u, lines[i].line, &list, &why);
                _cleanup_free_ char *got = r < 0 ? NULL : show(list);

                is_str(got, lines[i].want, lines[i].line);
                exec_command_free_list(list);
                list = NULL;
        }
        exec_command_parse(u, "/bin/a", &list, &why);
        exec_command_parse(u, "/bin/b", &list, &why);
        ok(list && list->next && !list->next->next, "lines are appended");
        is_int(exec_command_parse(u, "/bin/c ; nope/x", &list, &why), -EINVAL, "half a line is no line");
        ok(list->next && !list->next->next, "and adds nothing");
        is_int(exec_command_parse(u, " ", &list, &why), 0, "an empty line");
        ok(!list, "clears the list");
}

static const struct {
        const char *word, *want;
} expansions[] = {
        { "$ONE", "[one]" },
        { "$TWO", "[two] [two]" },
        { "${TWO}", "[two two]" },
        { "x${ONE}y", "[xoney]" },
        { "x$ONE", "[x$ONE]" },
        { "$NONE", "" },
        { "${NONE}", "[]" },
        { "$EMPTY", "" },
        { "$QUOTED", "[a b] [c]" },
        { "$$ONE", "[$ONE]" },
        { "$${ONE}", "[${ONE}]" },
        { "${ONE}${ONE}", "[oneone]" },
        { "${NONE:-dflt}", "[dflt]" },
        { "${ONE:+yes}", "[yes]" },
        { "${", "[${]" },
        { "$", "[$]" },
        { "${ONE", "[${ONE]" },
        { "$1", "[$1]" },
        { "${1}", "[${1}]" },
        { "a$$b", "[a$b]" },
        { "$ONE,", "[$ONE,]" },
};

static void expand(void)
{
        char *env[] = { (char *)"ONE=one", (char *)"TWO=two two", (char *)"EMPTY=", (char *)"QUOTED='a b' c",
                NULL };

        for (size_t i = 0; i < ARRAY_SIZE(expansions); i++) {
                char *argv[] = { (char *)"$ONE", (char *)expansions[i].word, NULL };
                _cleanup_strv_ char **out = NULL;
                struct strbuf b = { 0 };

                exec_expand_argv(argv, env, &out);
                for (size_t k = 1; out && out[k]; k++)
                        strbuf_printf(&b, "%s[%s]", b.len ? " " : "", out[k]);
                _cleanup_free_ char *got = strbuf_take(&b);
                is_str(got, expansions[i].want, expansions[i].word);
                if (i == 0)
                        is_str(out[0], "$ONE", "argv[0] stays");
        }
}

static const struct {
        const char *text, *want;
} files[] = {
        { "A=1\nB=2\n", "A=1|B=2" },
        { "# c\n; d\n\n  A=1  \r\nno assignment\nB = 2", "A=1|B=2" },
        { "A='x y'\nB=\"p q\"\n", "A=x y|B=p q" },
        { "A=\"a\\\"b\\\\c\\$d\\qe\"", "A=a\"b\\c$d\\qe" },
        { "A='one\ntwo'", "A=one\ntwo" },
        { "A=\"one\\\ntwo\"", "A=onetwo" },
        { "A=one\\\ntwo", "A=onetwo" },
        { "A=a\\ b\\\\", "A=a b\\" },
        { "A=it's", "A=it's" },
        { "A=x \"y\" z", "A=x \"y\" z" },
        { "A=", "A=" },
        { "A=1\nA=2", "A=2" },
        { "1A=x\nA-B=y\n=z\nC=ok", "C=ok" },
        { "# a \\\nB=hidden\nC=1", "C=1" },
        { "A=tail\\", "A=tail" },
        { "A=\"open", "A=open" },
        { "A=a=b", "A=a=b" },
        { "", "" },
        { "A=\xff", NULL },
};

static void environment_files(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_strv_ char **env = NULL;
                int r = exec_env_text(files[i].text, strlen(files[i].text), &env, NULL);
                _cleanup_free_ char *got = r < 0 ? NULL : strv_join(env, "|");

                is_str(got, files[i].want, "environment file");
        }
        _cleanup_strv_ char **env = NULL;
        is_int(exec_env_file("-/nonexistent/file", &env), 0, "'-': may be missing");
        is_int(exec_env_file("/nonexistent/file", &env), -ENOENT, "else it must be there");
        mkdir("/tmp/rouse-env", 0755);
        write_file_atomic("/tmp/rouse-env/1.conf", "X=1\n", 4, 0644, false);
        write_file_atomic("/tmp/rouse-env/2.conf", "Y=2\n", 4, 0644, false);
        is_int(exec_env_file("/tmp/rouse-env/*.conf", &env), 0, "a pattern");
        ok(streq_null(strv_env_get(env, "X"), "1") && streq_null(strv_env_get(env, "Y"), "2"),
                "reads all files");
        unlink("/tmp/rouse-env/1.conf");
        unlink("/tmp/rouse-env/2.conf");
        rmdir("/tmp/rouse-env");
}

static void users(void)
{
        static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\nbroken "
                                     "line\nwww:x:33:34::/var/www:/usr/sbin/nologin\nnohome:x:40:40:::\n";
        static const char group[] =
                "root:x:0:\nwww:x:34:\nssl:x:50:www,other\nmail:x:8:wwwx,xwww\nlog:x:4:other,www\n";
        struct user_record u = { 0 };
        gid_t gid, *groups = NULL;
        size_t n = 0;

        mkdir("/tmp/rouse-etc", 0755);
        write_file_atomic("/tmp/rouse-etc/passwd", passwd, sizeof(passwd) - 1, 0644, false);
        write_file_atomic("/tmp/rouse-etc/group", group, sizeof(group) - 1, 0644, false);
        user_set_etc("/tmp/rouse-etc");
        ok(user_lookup("www", &u) == 0 && u.uid == 33 && u.gid == 34 && streq(u.home, "/var/www"),
                "a user by name");
        user_record_done(&u);
        ok(user_lookup("33", &u) == 0 && streq(u.name, "www") && u.found, "by number");
        user_record_done(&u);
        ok(user_lookup("nohome", &u) == 0 && streq(u.home, "/") && streq(u.shell, "/bin/sh"), "defaults");
        user_record_done(&u);
        ok(user_lookup("777", &u) == 0 && u.uid == 777 && !u.found, "a number without record");
        user_record_done(&u);
        is_int(user_lookup("broken line", &u), -ESRCH, "a broken line is none");
        is_int(user_lookup("4294967295", &u), -ESRCH, "-1 is no user");
        is_int(user_lookup("ww", &u), -ESRCH, "no prefixes");
        ok(group_lookup("ssl", &gid) == 0 && gid == 50, "a group");
        is_int(user_groups("www", 34, NULL, &groups, &n), 0, "groups of a user");
        ok(n == 3 && groups[0] == 34 && groups[1] == 50 && groups[2] == 4, "are the ones that list it");
        free(groups);
        ok(user_groups_are_local(), "no nsswitch.conf: local");
        write_file_atomic("/tmp/rouse-etc/nsswitch.conf", "passwd: files ldap\ngroup: files systemd\n", 40,
                0644, false);
        ok(user_groups_are_local(), "files and systemd: local");
        write_file_atomic(
                "/tmp/rouse-etc/nsswitch.conf", "group: files [!UNAVAIL=return] sss # x\n", 39, 0644, false);
        ok(!user_groups_are_local(), "sss: not local");
        write_file_atomic("/tmp/rouse-etc/passwd", "www:x:99:99::/:/bin/sh\n", 23, 0644, false);
        ok(user_lookup("www", &u) == 0 && u.uid == 99, "a changed file is read again");
        user_record_done(&u);
        unlink("/tmp/rouse-etc/passwd");
        unlink("/tmp/rouse-etc/group");
        unlink("/tmp/rouse-etc/nsswitch.conf");
        rmdir("/tmp/rouse-etc");
        user_set_etc("/etc");
}

int main(void)
{
        struct exec_test t;

        log_open("test", getenv("VERBOSE") ? LOG_TO_STDERR : LOG_TO_NULL);
        exec_test_init(&t);
        commands(t.u);
        expand();
        environment_files();
        users();
        is_str(exec_status_to_string(203), "EXEC", "203");
        is_str(exec_status_to_string(226), "NAMESPACE", "226");
        is_str(exec_status_to_string(243), "CREDENTIALS", "243");
        is_str(exec_status_to_string(223), NULL, "223 is none");
        is_str(exec_status_to_string(1), NULL, "1 has no name");
        exec_test_done(&t);
        return tap_done();
}
