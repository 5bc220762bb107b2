/* Every specifier of systemd.unit(5). */
#include <sys/utsname.h>

#include "lib/machine.h"
#include "init-test.h"

static void is_resolved(struct unit *u, const char *in, const char *want)
{
        _cleanup_free_ char *got = NULL;
        int r = unit_resolve(u, in, &got);

        if (want)
                is_str(r < 0 ? strerror(-r) : got, want, in);
        else
                is_int(r, -EINVAL, in);
}

int main(void)
{
        static const struct {
                const char *in, *want;
        } table[] = {
                { "plain", "plain" },
                { "%%", "%" },
                { "%n", "foo-bar@a\\x20b-c.service" },
                { "%N", "foo-bar@a\\x20b-c" },
                { "%p", "foo-bar" },
                { "%P", "foo/bar" },
                { "%i", "a\\x20b-c" },
                { "%I", "a b/c" },
                { "%j", "bar" },
                { "%J", "bar" },
                { "%f", "/a b/c" },
                { "%t", "/run" },
                { "%S", "/var/lib" },
                { "%C", "/var/cache" },
                { "%L", "/var/log" },
                { "%E", "/etc" },
                { "%u", "root" },
                { "%U", "0" },
                { "%g", "root" },
                { "%G", "0" },
                { "%h", "/root" },
                { "%s", "/bin/sh" },
                { "%T", "/tmp" },
                { "%V", "/var/tmp" },
                { "%m", "0123456789abcdef0123456789abcdef" },
                { "%b", "00112233445566778899aabbccddeeff" },
                { "%y", "/etc/systemd/system/foo-bar@.service" },
                { "%Y", "/etc/systemd/system" },
                { "%d", "/run/credentials/foo-bar@a\\x20b-c.service" },
                { "a%ib%%c%t", "aa\\x20b-cb%c/run" },
                { "%", "%" },
                { "%z", NULL },
                { "10%/1min", "10%/1min" },
                { "%k", NULL },
        };
        struct manager *m;
        struct unit *u, *plain;
        struct utsname n;

        test_begin();
        unsetenv("TMPDIR");
        unsetenv("TEMP");
        unsetenv("TMP");
        put("/etc/systemd/system/foo-bar@.service", "[Service]\nExecStart=/bin/true\n");
        m = test_manager();
        strcpy(m->machine_id, "0123456789abcdef0123456789abcdef");
        strcpy(m->boot_id, "00112233-4455-6677-8899-aabbccddeeff");
        u = test_unit(m, "foo-bar@a\\x20b-c.service");
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                is_resolved(u, table[i].in, table[i].want);

        plain = test_unit(m, "srv-data.mount");
        is_resolved(plain, "%i|%f|%p", "|/srv/data|srv-data");
        is_resolved(plain, "%y", NULL);
        if (uname(&n) < 0)
                return 1;
        is_resolved(u, "%v", n.release);
        is_resolved(u, "%H", n.nodename);
        n.nodename[strcspn(n.nodename, ".")] = '\0';
        is_resolved(u, "%l", n.nodename);
        is_resolved(u, "%a", architecture_name());
        test_manager_free(m);
        return test_end();
}
