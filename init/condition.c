/* Conditions and asserts of systemd.unit(5): the list of a unit, and the table of kinds. The tests themselves are in
 * condition-path.c, condition-system.c, condition-hardware.c and condition-virt.c.
 *
 * All plain conditions must hold, and, when there are triggering ones ('|'), at least one of these. Each result is
 * kept in the list for `status`. A test that cannot be done counts as "does not hold", and is logged. */
#include "condition.h"
#include "job.h"
#include "probe.h"

static const struct condition_kind {
        const char *name, *assert_name;
        condition_fn fn;
        bool is_path;                /* the parameter is an absolute path */
        enum path_question question; /* of a path: what fn asks of the file system */
} kinds[] = {
/* clang-format off */
#define KIND(n, fn_) { "Condition" #n, "Assert" #n, fn_, false, 0 },
#define PATH_KIND(n, fn_, q) { "Condition" #n, "Assert" #n, fn_, true, LOOK_##q },
        KIND(Architecture, test_architecture)
        KIND(Firmware, test_firmware)
        KIND(Virtualization, test_virtualization)
        KIND(Host, test_host)
        KIND(KernelCommandLine, test_kernel_command_line)
        KIND(KernelVersion, test_kernel_version)
        KIND(Credential, test_credential)
        KIND(Environment, test_environment)
        KIND(Security, test_security)
        KIND(Capability, test_capability)
        KIND(ACPower, test_ac_power)
        PATH_KIND(NeedsUpdate, test_needs_update, NEEDS_UPDATE)
        KIND(FirstBoot, test_first_boot)
        PATH_KIND(PathExists, test_path_exists, EXISTS)
        PATH_KIND(PathExistsGlob, test_path_exists_glob, GLOB)
        PATH_KIND(PathIsDirectory, test_path_is_directory, DIRECTORY)
        PATH_KIND(PathIsSymbolicLink, test_path_is_symlink, SYMLINK)
        PATH_KIND(PathIsMountPoint, test_path_is_mount_point, MOUNT_POINT)
        PATH_KIND(PathIsReadWrite, test_path_is_read_write, READ_WRITE)
        PATH_KIND(PathIsEncrypted, test_path_is_encrypted, ENCRYPTED)
        PATH_KIND(DirectoryNotEmpty, test_directory_not_empty, DIRECTORY_NOT_EMPTY)
        PATH_KIND(FileNotEmpty, test_file_not_empty, FILE_NOT_EMPTY)
        PATH_KIND(FileIsExecutable, test_file_is_executable, EXECUTABLE)
        KIND(User, test_user)
        KIND(Group, test_group)
        KIND(ControlGroupController, test_controller)
        KIND(Memory, test_memory)
        KIND(CPUs, test_cpus)
        KIND(CPUFeature, test_cpu_feature)
        KIND(OSRelease, test_os_release)
        KIND(MemoryPressure, test_memory_pressure)
        KIND(CPUPressure, test_cpu_pressure)
        KIND(IOPressure, test_io_pressure)
#undef PATH_KIND
#undef KIND
        /* clang-format on */
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
        if (c->probe && c->unit->job) /* its start asks again */
                job_queue_run(c->unit->job);
        probe_forget(&c->probe);
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
                .unit = u,
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
        int r = c->answered ? c->answer : kinds[c->kind].fn(u->manager, c->parameter);

        c->answered = false;
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

/* ---- paths that PID 1 may not look at itself ---- */

static bool is_asked(const struct unit *u)
{
        for (const struct condition *c = u->conditions; c; c = c->next)
                if (c->probe)
                        return true;
        return false;
}

/* The start that waits for it goes on; an answer that no start waits for any more is none. */
static void on_answer(void *data, int r, const struct path_answer *a)
{
        struct condition *c = data;
        struct unit *u = c->unit;

        c->answered = u->job != NULL;
        c->answer = r;
        if (u->job && !is_asked(u))
                job_queue_run(u->job);
}

bool unit_conditions_ready(struct unit *u)
{
        for (struct condition *c = u->conditions; c; c = c->next) {
                const struct condition_kind *k = &kinds[c->kind];
                int r;

                if (!k->is_path || c->answered || c->probe ||
                        !probe_may_block(u->manager, c->parameter, k->question == LOOK_GLOB))
                        continue;
                r = probe_ask(u->manager, k->question, c->parameter, PROBE_DEADLINE, false, on_answer, c,
                        &c->probe);
                if (r < 0) {
                        c->answered = true;
                        c->answer = r;
                }
        }
        return !is_asked(u);
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
