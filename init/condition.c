/* Conditions and asserts of systemd.unit(5): the list of a unit, and the table of kinds. The tests themselves are in
 * condition-path.c, condition-system.c, condition-hardware.c and condition-virt.c.
 *
 * All plain conditions must hold, and, when there are triggering ones ('|'), at least one of these. Each result is
 * kept in the list for `status`. A test that cannot be done counts as "does not hold", and is logged. */
#include "condition.h"

static const struct condition_kind {
        const char *name, *assert_name;
        condition_fn fn;
        bool is_path; /* the parameter is an absolute path */
} kinds[] = {
#define KIND(n, fn_, is_path_) { "Condition" #n, "Assert" #n, fn_, is_path_ },
        KIND(Architecture, test_architecture, false) KIND(Firmware, test_firmware, false) KIND(
                Virtualization, test_virtualization, false) KIND(Host, test_host,
                false) KIND(KernelCommandLine, test_kernel_command_line, false) KIND(KernelVersion,
                test_kernel_version, false) KIND(Credential, test_credential, false) KIND(Environment,
                test_environment, false) KIND(Security, test_security, false) KIND(Capability,
                test_capability, false) KIND(ACPower, test_ac_power, false) KIND(NeedsUpdate,
                test_needs_update, true) KIND(FirstBoot, test_first_boot, false) KIND(PathExists,
                test_path_exists, true) KIND(PathExistsGlob, test_path_exists_glob,
                true) KIND(PathIsDirectory, test_path_is_directory, true) KIND(PathIsSymbolicLink,
                test_path_is_symlink, true) KIND(PathIsMountPoint, test_path_is_mount_point,
                true) KIND(PathIsReadWrite, test_path_is_read_write, true) KIND(PathIsEncrypted,
                test_path_is_encrypted, true) KIND(DirectoryNotEmpty, test_directory_not_empty, true)
                KIND(FileNotEmpty, test_file_not_empty, true) KIND(FileIsExecutable, test_file_is_executable,
                        true) KIND(User, test_user, false) KIND(Group, test_group, false)
                        KIND(ControlGroupController, test_controller, false) KIND(Memory, test_memory, false)
                                KIND(CPUs, test_cpus, false) KIND(CPUFeature, test_cpu_feature, false)
                                        KIND(OSRelease, test_os_release, false)
                                                KIND(MemoryPressure, test_memory_pressure, false)
                                                        KIND(CPUPressure, test_cpu_pressure, false)
                                                                KIND(IOPressure, test_io_pressure, false)
#undef KIND
};

static int find_kind(const char *key, bool *ret_assert)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (streq(key, kinds[i].name) || streq(key, kinds[i].assert_name)) {
                        *ret_assert = *key == 'A';
                        return (int)i;
                }
        return -EINVAL;
}

static void condition_free(struct condition *c)
{
        free(c->parameter);
        free(c);
}

void condition_free_list(struct condition *c)
{
        while (c) {
                struct condition *next = c->next;

                condition_free(c);
                c = next;
        }
}

/* An empty value drops all conditions (or all asserts), of whatever kind. */
static void drop_all(struct unit *u, bool asserts)
{
        struct condition **at = &u->conditions;

        while (*at) {
                struct condition *c = *at;

                if (c->is_assert == asserts) {
                        *at = c->next;
                        condition_free(c);
                } else
                        at = &c->next;
        }
}

int condition_add(struct unit *u, const char *key, const char *value)
{
        _cleanup_free_ char *parameter = NULL;
        struct condition *c, **at = &u->conditions;
        bool is_assert, trigger = false, negate = false;
        int kind = find_kind(key, &is_assert), r;

        if (kind < 0)
                return kind;
        if (!*value) {
                drop_all(u, is_assert);
                return 0;
        }
        if (*value == '|') {
                trigger = true;
                value++;
                value += strspn(value, " \t");
        }
        if (*value == '!') {
                negate = true;
                value++;
                value += strspn(value, " \t");
        }
        r = unit_resolve(u, value, &parameter);
        if (r < 0)
                return r == -EINVAL ? -EBADSLT : r;
        if (kinds[kind].is_path) {
                if (*parameter != '/')
                        return -EINVAL;
                path_simplify(parameter);
        }
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct condition) { .kind = kind,
                .is_assert = is_assert,
                .trigger = trigger,
                .negate = negate,
                .parameter = TAKE_PTR(parameter),
                .result = -1 };
        while (*at)
                at = &(*at)->next;
        *at = c;
        return 0;
}

const char *condition_name(const struct condition *c)
{
        return c->is_assert ? kinds[c->kind].assert_name : kinds[c->kind].name;
}

static bool test_one(struct unit *u, struct condition *c)
{
        int r = kinds[c->kind].fn(u->manager, c->parameter);

        if (r < 0) {
                log_unit_errno(u->id, c->is_assert ? LOG_ERR : LOG_WARNING, r,
                        "%s: cannot test %s=%s, taken as not met: %m", u->id, condition_name(c),
                        c->parameter);
                c->result = r == -1 ? -EPERM - 1000 : r;
                return false;
        }
        c->result = (r > 0) != c->negate;
        return c->result;
}

/* A '|' condition holds when any does; all are tested, so that status can show each. */
bool unit_test_conditions(struct unit *u, bool asserts)
{
        bool all = true, any = false, triggers = false;

        for (struct condition *c = u->conditions; c; c = c->next) {
                bool held;

                if (c->is_assert != asserts)
                        continue;
                held = test_one(u, c);
                if (c->trigger) {
                        triggers = true;
                        any |= held;
                } else
                        all &= held;
                if (!held)
                        log_unit(u->id, LOG_DEBUG, "%s: %s=%s%s%s was not met", u->id, condition_name(c),
                                c->trigger ? "|" : "", c->negate ? "!" : "", c->parameter);
        }
        return all && (!triggers || any);
}
