/* Conditions and asserts: each kind against a machine that is known, the '!' and '|' forms, resets. */
#include <sys/utsname.h>

#include "lib/machine.h"
#include "init-test.h"
#include "init/condition.h"
#include "lib/compare.h"
#include "init/exec-user.h"

static struct manager *m;
static unsigned serial;

static struct unit *with(const char *const *lines)
{
        _cleanup_free_ char *name = str_printf("c%u.service", serial++);
        struct unit *u;

        if (unit_get(m, name, &u) < 0)
                exit(1);
        for (; *lines; lines += 2)
                if (condition_add(u, lines[0], lines[1]) < 0)
                        exit(1);
        return u;
}

static bool holds(const char *key, const char *value)
{
        return unit_test_conditions(with((const char *const[]) { key, value, NULL }), false);
}

static void is_held(const char *key, const char *value, bool want)
{
        _cleanup_free_ char *what = str_printf("%s=%s", key, value);

        ok(holds(key, value) == want, what);
}

static void paths(void)
{
        _cleanup_free_ char *full = test_path("/full/file"), *empty_file = test_path("/empty-file"),
                            *dir = test_path("/empty"), *link = test_path("/link"),
                            *full_dir = test_path("/full"), *glob = test_path("/f*l"),
                            *run = test_path("/run");

        put("/full/file", "x");
        put("/empty-file", "");
        put("/run", "#!/bin/sh\n");
        put_link("/link", "/nonexistent");
        if (mkdir(dir, 0755) < 0 || chmod(run, 0755) < 0)
                exit(1);
        is_held("ConditionPathExists", full, true);
        is_held("ConditionPathExists", "/nonexistent/x", false);
        is_held("ConditionPathExists", "!/nonexistent/x", true);
        is_held("ConditionPathExists", link, false);
        is_held("ConditionPathIsSymbolicLink", link, true);
        is_held("ConditionPathIsSymbolicLink", full, false);
        is_held("ConditionPathIsDirectory", dir, true);
        is_held("ConditionPathIsDirectory", full, false);
        is_held("ConditionDirectoryNotEmpty", full_dir, true);
        is_held("ConditionDirectoryNotEmpty", dir, false);
        is_held("ConditionDirectoryNotEmpty", "/nonexistent", false);
        is_held("ConditionFileNotEmpty", full, true);
        is_held("ConditionFileNotEmpty", empty_file, false);
        is_held("ConditionFileIsExecutable", run, true);
        is_held("ConditionFileIsExecutable", full, false);
        is_held("ConditionPathExistsGlob", glob, true);
        is_held("ConditionPathExistsGlob", "/nonexistent/*", false);
        is_held("ConditionPathIsMountPoint", "/proc", true);
        is_held("ConditionPathIsMountPoint", dir, false);
        is_held("ConditionPathIsReadWrite", dir, true);
        is_held("ConditionPathIsEncrypted", "/proc", false);
}

/* Of users and groups by name: whoever has the manager's number in /etc. */
static void names(void)
{
        _cleanup_free_ char *etc = test_path("/etc");
        _cleanup_free_ char *passwd = str_printf(
                "me:x:%u:%u::/:/bin/sh\nother:x:7654321:7654321::/:/bin/sh\n", getuid(), getgid());
        _cleanup_free_ char *group = str_printf("mine:x:%u:\nothers:x:7654321:\n", getgid());

        put("/etc/passwd", passwd);
        put("/etc/group", group);
        user_set_etc(etc);
        is_held("ConditionUser", "me", true);
        is_held("ConditionUser", "!other", true);
        is_held("ConditionUser", "nobody-knows", false);
        is_held("ConditionGroup", "mine", true);
        is_held("ConditionGroup", "others", false);
        is_held("ConditionGroup", "!nobody-knows", true);
        user_set_etc("/etc");
}

static void system_ones(void)
{
        struct utsname n;

        if (uname(&n) < 0)
                exit(1);
        m->cmdline = strv_split("quiet root=/dev/vda1 single foo.bar=1", " ");
        is_held("ConditionKernelCommandLine", "quiet", true);
        is_held("ConditionKernelCommandLine", "root", true);
        is_held("ConditionKernelCommandLine", "root=/dev/vda1", true);
        is_held("ConditionKernelCommandLine", "root=/dev/vda2", false);
        is_held("ConditionKernelCommandLine", "!nothing", true);
        is_held("ConditionKernelVersion", ">= 2.6", true);
        is_held("ConditionKernelVersion", ">=2.6 <999", true);
        is_held("ConditionKernelVersion", "< 2.6", false);
        is_held("ConditionKernelVersion", n.release, true);
        is_held("ConditionKernelVersion", "[0-9]*", true);
        is_held("ConditionArchitecture", architecture_name(), true);
        is_held("ConditionArchitecture", "native", true);
        is_held("ConditionArchitecture", "vax", false);
        is_held("ConditionHost", n.nodename, true);
        is_held("ConditionHost", "*", true);
        is_held("ConditionHost", "no-such-host-*", false);
        is_held("ConditionVirtualization", "nothing-known", false);
        ok(holds("ConditionVirtualization", "yes") != holds("ConditionVirtualization", "no"),
                "virtualized or not");
        ok(holds("ConditionVirtualization", virtualization_name()) == !streq(virtualization_name(), "none"),
                "by its name");
        is_held("ConditionEnvironment", "PATH", true);
        is_held("ConditionEnvironment", "NO_SUCH_VARIABLE", false);
        is_held("ConditionSecurity", "no-such-thing", false);
        is_held("ConditionUser", "12345678", false);
        names();
        is_held("ConditionControlGroupController", "nothing-known", true);
        is_held("ConditionMemory", ">= 1M", true);
        is_held("ConditionMemory", "<1M", false);
        is_held("ConditionCPUs", "1", true);
        is_held("ConditionCPUs", "> 100000", false);
        is_held("ConditionCPUFeature", "nothing-known", false);
        is_held("ConditionCredential", "no-such-credential", false);
        is_held("ConditionFirstBoot", "no", true);
        is_held("ConditionFirstBoot", "yes", false);
        m->first_boot = true;
        is_held("ConditionFirstBoot", "yes", true);
        m->first_boot = false;
        is_held("ConditionOSRelease", "NO_SUCH_KEY=x", false);
        is_held("ConditionOSRelease", "NO_SUCH_KEY!=x", true);
        is_held("ConditionMemoryPressure", "100%/10sec", true);
        is_held("ConditionMemoryPressure", "10%/7sec", false);
        is_held("ConditionFirmware", "nothing-known", false);
        is_held("ConditionCapability", "CAP_NO_SUCH", false);
}

static void versions(void)
{
        static const struct {
                const char *a, *b;
                int want;
        } table[] = {
                { "1", "1", 0 },
                { "1.2", "1.10", -1 },
                { "6.1.0-18", "6.1.0-9", 1 },
                { "1.0~rc1", "1.0", -1 },
                { "1.0", "1.0a", -1 },
                { "007", "7", 0 },
                { "", "1", -1 },
                { "12", "12.5", -1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                int got = compare_versions(table[i].a, table[i].b);

                is_int(CMP(got, 0), table[i].want, table[i].a);
                is_int(CMP(compare_versions(table[i].b, table[i].a), 0), -table[i].want,
                        "and the other way round");
        }
}

#define YES         "ConditionPathExists", "/"
#define NO          "ConditionPathExists", "/nonexistent"
#define TRIGGER_YES "ConditionPathExists", "|/"
#define TRIGGER_NO  "ConditionPathExists", "|/nonexistent"
#define LIST(...)   ((const char *const[]) { __VA_ARGS__, NULL })

static void combinations(void)
{
        struct unit *u;

        ok(unit_test_conditions(with(LIST(YES, YES)), false), "all hold");
        ok(!unit_test_conditions(with(LIST(YES, NO)), false), "one does not");
        ok(unit_test_conditions(with(LIST(TRIGGER_NO, TRIGGER_YES)), false),
                "one of the triggering ones is enough");
        ok(!unit_test_conditions(with(LIST(TRIGGER_NO, TRIGGER_NO)), false), "none of them is not");
        ok(!unit_test_conditions(with(LIST(TRIGGER_YES, NO)), false), "the plain ones must hold as well");
        ok(unit_test_conditions(with(LIST("ConditionPathExists", "|!/nonexistent")), false),
                "|! in this order");
        ok(unit_test_conditions(with(LIST(NO, "ConditionACPower", "")), false),
                "an empty value of any kind drops all");
        u = with(LIST(YES, "AssertPathExists", "/nonexistent"));
        ok(unit_test_conditions(u, false) && !unit_test_conditions(u, true),
                "asserts are a list of their own");
        is_str(condition_name(u->conditions->next), "AssertPathExists", "and are named so");
        is_int(u->conditions->result, 1, "results are kept");
        is_int(u->conditions->next->result, 0, "both");
        is_int(condition_add(u, "ConditionPathExists", "relative"), -EINVAL, "paths must be absolute");
        is_int(condition_add(u, "ConditionNonsense", "x"), -EINVAL, "no such condition");
}

/* Each row of the table: a value and its opposite cannot both hold. */
static void every_row(void)
{
        static const struct {
                const char *name, *value;
        } all[] = { { "Architecture", "native" }, { "Firmware", "uefi" }, { "Virtualization", "yes" },
                { "Host", "*" }, { "KernelCommandLine", "quiet" }, { "KernelVersion", ">=2.6" },
                { "Credential", "x" }, { "Environment", "PATH" }, { "Security", "selinux" },
                { "Capability", "CAP_CHOWN" }, { "ACPower", "true" }, { "NeedsUpdate", "/etc" },
                { "FirstBoot", "no" }, { "PathExists", "/" }, { "PathExistsGlob", "/*" },
                { "PathIsDirectory", "/" }, { "PathIsSymbolicLink", "/" }, { "PathIsMountPoint", "/" },
                { "PathIsReadWrite", "/" }, { "PathIsEncrypted", "/" }, { "DirectoryNotEmpty", "/" },
                { "FileNotEmpty", "/" }, { "FileIsExecutable", "/" }, { "User", "root" },
                { "Group", "root" }, { "ControlGroupController", "cpu" }, { "Memory", ">=1M" },
                { "CPUs", ">=1" }, { "CPUFeature", "fpu" }, { "OSRelease", "ID=x" },
                { "MemoryPressure", "100%" }, { "CPUPressure", "100%" }, { "IOPressure", "100%" } };

        for (size_t i = 0; i < ARRAY_SIZE(all) * 2; i++) {
                bool assert = i % 2, held[2];
                _cleanup_free_ char *key =
                        str_printf("%s%s", assert ? "Assert" : "Condition", all[i / 2].name);

                for (int n = 0; n < 2; n++) {
                        _cleanup_free_ char *value = str_printf("%s%s", n ? "!" : "", all[i / 2].value);
                        _cleanup_free_ char *name = str_printf("row%u.service", serial++);
                        struct unit *u;

                        if (unit_get(m, name, &u) < 0 ||
                                directive_apply(u, "/test", 1, "Unit", key, value) < 0)
                                exit(1);
                        held[n] = unit_test_conditions(u, assert);
                }
                ok(held[0] != held[1], key);
        }
}

int main(void)
{
        test_begin();
        m = test_manager();
        paths();
        system_ones();
        versions();
        combinations();
        every_row();
        test_manager_free(m);
        return test_end();
}
