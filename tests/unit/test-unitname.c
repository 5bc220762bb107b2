/* unitname.c: validity, parts, escaping, paths as names, what users type. */
#include "lib/str.h"
#include "lib/unitname.h"
#include "tests/tap.h"

static char *result;

/* The string that a call gave, or the name of its error, for comparing with an expectation. */
static const char *got(int r)
{
        static char *last;

        free(last);
        last = r < 0 ? strdup(errno_name(-r)) : result;
        result = NULL;
        return last;
}

static void validity(void)
{
        static const struct {
                const char *name;
                bool plain, template, instance;
        } cases[] = {
                { "a.service", true, false, false },
                { "getty@tty1.service", true, false, true },
                { "getty@.service", false, true, false },
                { "a@b@c.service", true, false, true },
                { "dev-disk-by\\x2duuid-1.device", true, false, false },
                { "-.mount", true, false, false },
                { "-.slice", true, false, false },
                { "a:b_c.d.socket", true, false, false },
                { ".service", false, false, false },
                { "@.service", false, false, false },
                { "@b.service", false, false, false },
                { "a", false, false, false },
                { "a.", false, false, false },
                { "a.foo", false, false, false },
                { "", false, false, false },
                { "a/b.service", false, false, false },
                { "a b.service", false, false, false },
                { "\xc3\xbc.service", false, false, false },
        };
        char longest[UNIT_NAME_MAX + 2];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *n = cases[i].name;

                is_int(unit_name_valid(n, false), cases[i].plain, n);
                is_int(unit_name_valid(n, true), cases[i].plain || cases[i].template, "with templates");
                is_int(unit_name_is_template(n), cases[i].template, "is a template");
                is_int(unit_name_is_instance(n), cases[i].instance, "is an instance");
        }
        memset(longest, 'a', sizeof(longest));
        strcpy(longest + UNIT_NAME_MAX - 8, ".service");
        ok(unit_name_valid(longest, false), "255 characters");
        strcpy(longest + UNIT_NAME_MAX - 7, ".service");
        ok(!unit_name_valid(longest, false), "256 characters");
        for (int t = 0; t < UNIT_TYPE_MAX; t++) {
                char name[32];

                snprintf(name, sizeof(name), "x.%s", unit_type_to_string((enum unit_type)t));
                is_int(unit_type_from_name(name), t, name);
        }
        is_int(unit_type_from_name("x.link"), -EINVAL, "x.link");
        is_str(unit_type_to_string(UNIT_TYPE_MAX), NULL, "no such type");
}

static void parts(void)
{
        is_str(got(unit_name_template("getty@tty1.service", &result)), "getty@.service", "template");
        is_str(got(unit_name_template("getty@.service", &result)), "EINVAL", "of a template");
        is_str(got(unit_name_template("a.service", &result)), "EINVAL", "of a plain unit");
        is_str(got(unit_name_instance("getty@tty1.service", &result)), "tty1", "instance");
        is_str(got(unit_name_instance("a@b@c.d.service", &result)), "b@c.d", "with @ and .");
        is_str(got(unit_name_instance("getty@.service", &result)), "", "of a template");
        is_str(got(unit_name_instance("a.service", &result)), NULL, "of a plain unit");
        is_str(got(unit_name_instance("bad", &result)), "EINVAL", "of no unit");
        is_str(got(unit_name_prefix("getty@tty1.service", &result)), "getty", "prefix");
        is_str(got(unit_name_prefix("a.b.service", &result)), "a.b", "of a plain unit");
        is_str(got(unit_name_replace_instance("a@.service", "x", &result)), "a@x.service",
                "replace instance");
        is_str(got(unit_name_replace_instance("a@old.service", "x", &result)), "a@x.service",
                "of an instance");
        is_str(got(unit_name_replace_instance("a.service", "x", &result)), "EINVAL", "of a plain unit");
        is_str(got(unit_name_replace_instance("a@.service", "x y", &result)), "EINVAL", "by a bad one");
        is_str(got(unit_name_change_suffix("foo.service", "socket", &result)), "foo.socket",
                "change suffix");
        is_str(got(unit_name_change_suffix("a@b.service", ".socket", &result)), "a@b.socket", "with a dot");
        is_str(got(unit_name_change_suffix("foo.service", "bar", &result)), "EINVAL", "to no type");
}

static void escaping(void)
{
        static const struct {
                const char *raw, *escaped;
        } strings[] = {
                { "Hall\xc3\xb6"
                  "chen, Meister",
                        "Hall\\xc3\\xb6chen\\x2c\\x20Meister" },
                { "container/III", "container-III" },
                { ".hidden.x", "\\x2ehidden.x" },
                { "a-b\\c", "a\\x2db\\x5cc" },
                { "", "" },
                { "a:b_c", "a:b_c" },
        };
        static const struct {
                const char *path, *escaped, *back;
        } paths[] = {
                { "/", "-", "/" },
                { "//", "-", "/" },
                { "/dev/sda1", "dev-sda1", "/dev/sda1" },
                { "/tmp//waldi/foobar/", "tmp-waldi-foobar", "/tmp/waldi/foobar" },
                { "/dev/disk/by-uuid/a-b", "dev-disk-by\\x2duuid-a\\x2db", "/dev/disk/by-uuid/a-b" },
                { "/.snap", "\\x2esnap", "/.snap" },
                { "/a/.b", "a-.b", "/a/.b" },
                { "foo/bar", "foo-bar", "/foo/bar" },
                { "/a/../b", "EINVAL", NULL },
                { "/..", "EINVAL", NULL },
                { "", "EINVAL", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
                char *s = unit_name_escape(strings[i].raw);

                is_str(s, strings[i].escaped, "escape");
                is_str(got(unit_name_unescape(s, &result)), strings[i].raw, "and back");
                free(s);
        }
        is_str(got(unit_name_unescape("a\\x2", &result)), "EINVAL", "escape cut short");
        is_str(got(unit_name_unescape("a\\n", &result)), "EINVAL", "no \\x");
        is_str(got(unit_name_unescape("\\x00", &result)), "EINVAL", "NUL");
        is_str(got(unit_name_unescape("\\x1\x10", &result)), "EINVAL", "control character as digit");
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                is_str(got(unit_name_path_escape(paths[i].path, &result)), paths[i].escaped, paths[i].path);
                if (paths[i].back)
                        is_str(got(unit_name_path_unescape(paths[i].escaped, &result)), paths[i].back,
                                "and back");
        }
        is_str(got(unit_name_path_unescape("", &result)), "EINVAL", "no path");
        is_str(got(unit_name_path_unescape("a--b", &result)), "EINVAL", "double slash");
        is_str(got(unit_name_path_unescape("-a", &result)), "EINVAL", "leading slash");
        is_str(got(unit_name_path_unescape("a-", &result)), "EINVAL", "trailing slash");
        is_str(got(unit_name_path_unescape("a-..-b", &result)), "EINVAL", "dot dot");
}

static void names_of_paths(void)
{
        char path[400] = "/";

        is_str(got(unit_name_from_path("/srv/data", "mount", &result)), "srv-data.mount", "from path");
        is_str(got(unit_name_from_path("/", "mount", &result)), "-.mount", "of the root");
        is_str(got(unit_name_from_path("/dev/sda1", ".device", &result)), "dev-sda1.device", "of a device");
        is_str(got(unit_name_to_path("srv-data.mount", &result)), "/srv/data", "to path");
        is_str(got(unit_name_to_path("-.mount", &result)), "/", "to the root");
        is_str(got(unit_name_to_path("a@b.mount", &result)), "EINVAL", "of an instance");
        memset(path + 1, 'a', sizeof(path) - 2);
        is_str(got(unit_name_from_path(path, "mount", &result)), "ENAMETOOLONG", "too long");
}

static void typed(void)
{
        static const struct {
                const char *typed, *want;
        } cases[] = {
                { "sshd", "sshd.service" },
                { "sshd.service", "sshd.service" },
                { "sshd.socket", "sshd.socket" },
                { "getty@tty1", "getty@tty1.service" },
                { "getty@", "getty@.service" },
                { "foo.conf", "foo.conf.service" },
                { "/srv", "srv.mount" },
                { "/", "-.mount" },
                { "/dev/sda", "dev-sda.device" },
                { "/dev", "dev.device" },
                { "/sys/class/net/eth0", "sys-class-net-eth0.device" },
                { "/device", "device.mount" },
                { "/a/../b", "EINVAL" },
                { "a b", "a\\x20b.service" },
                { "a b.socket", "a\\x20b.socket" },
                { "a/b", "a-b.service" },
                { "", "EINVAL" },
                { "@x", "EINVAL" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                is_str(got(unit_name_mangle(cases[i].typed, "service", &result)), cases[i].want,
                        cases[i].typed);
        is_str(got(unit_name_mangle("a", ".target", &result)), "a.target", "another type");
}

int main(void)
{
        validity();
        parts();
        escaping();
        names_of_paths();
        typed();
        got(-EINVAL);
        return tap_done();
}
