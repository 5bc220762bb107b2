/* Attributes of cgroups: systemd.resource-control(5) to the kernel's files. One table: file, controller, and what it
 * is made of. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cgroup.h"
#include "lib/fileio.h"

#define UNSET    UINT64_MAX
#define INFINITE (UINT64_MAX - 1)

static const struct {
        const char *file;
        unsigned controller;
        size_t offset;
        const char *format;
        uint64_t usual;   /* what the kernel gives a new cgroup */
        size_t inherited; /* where a slice says it of all below that say nothing; 0: nowhere */
} numbers[] = {
        { "cpu.weight", CG_CPU, offsetof(struct cgroup_context, cpu_weight), "%s", 100, 0 },
        { "memory.min", CG_MEMORY, offsetof(struct cgroup_context, memory_min), "%s", 0,
                offsetof(struct cgroup_context, default_memory_min) },
        { "memory.low", CG_MEMORY, offsetof(struct cgroup_context, memory_low), "%s", 0,
                offsetof(struct cgroup_context, default_memory_low) },
        { "memory.high", CG_MEMORY, offsetof(struct cgroup_context, memory_high), "%s", INFINITE, 0 },
        { "memory.max", CG_MEMORY, offsetof(struct cgroup_context, memory_max), "%s", INFINITE, 0 },
        { "memory.swap.max", CG_MEMORY, offsetof(struct cgroup_context, memory_swap_max), "%s", INFINITE,
                0 },
        { "memory.zswap.max", CG_MEMORY, offsetof(struct cgroup_context, memory_zswap_max), "%s", INFINITE,
                0 },
        { "io.weight", CG_IO, offsetof(struct cgroup_context, io_weight), "default %s", 100, 0 },
};

static uint64_t number_at(const struct cgroup_context *c, size_t offset)
{
        return *(const uint64_t *)((const char *)c + offset);
}

static uint64_t number_of(struct unit *u, const struct cgroup_context *c, size_t i)
{
        uint64_t v = number_at(c, numbers[i].offset);

        for (struct unit *s = u->slice; v == UNSET && numbers[i].inherited && s; s = s->slice)
                v = number_at(unit_cgroup_context(s), numbers[i].inherited);
        return v;
}

/* How many tasks the machine can have at all: what percentages count from. */
static uint64_t system_tasks_max(void)
{
        static const char *const files[] = { "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max" };
        static uint64_t known;

        for (size_t i = 0; !known && i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *text = NULL;
                uint64_t v;

                if (read_one_line(files[i], &text) >= 0 && parse_u64(text, &v) >= 0)
                        known = i == 0 ? v : MIN(known, v);
                if (i == 0)
                        continue;
        }
        return known;
}

/* UNSET, INFINITE or the number of TasksMax=; slices have no default. */
static uint64_t tasks_max(struct unit *u, const struct cgroup_context *c)
{
        struct manager *m = u->manager;
        uint32_t share = c->tasks_max_permyriad;

        if (c->tasks_max != UNSET)
                return c->tasks_max;
        if (share == UINT32_MAX) {
                if (u->type == UNIT_SLICE || !c->tasks_accounting)
                        return UNSET;
                if (m->default_tasks_max && m->default_tasks_max != UNSET)
                        return m->default_tasks_max;
                share = m->default_tasks_max_permyriad;
                if (!share || share == UINT32_MAX)
                        return UNSET;
        }
        return system_tasks_max() * share / 10000;
}

static bool has_own_tasks_max(const struct cgroup_context *c)
{
        return c->tasks_max != UNSET || c->tasks_max_permyriad != UINT32_MAX;
}

static bool is_offered(struct unit *u, unsigned controller)
{
        const struct cgroups *cg = u->manager->cgroups;

        return !cg || cg->supported & controller;
}

unsigned cgroup_needs(struct unit *u)
{
        const struct cgroup_context *c = unit_cgroup_context(u);
        unsigned bits = 0;

        if (!c)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                if (number_of(u, c, i) != UNSET)
                        bits |= numbers[i].controller;
        if (c->cpu_quota_per_sec != UNSET || c->startup_cpu_weight != UNSET)
                bits |= CG_CPU;
        /* a controller more makes each cgroup dearer: accounting alone waits until the boot is over */
        if ((c->memory_accounting && u->manager->boot_finished) || c->oom_kill_group > 0)
                bits |= CG_MEMORY;
        if (c->io_accounting || c->io_limits || c->startup_io_weight != UNSET)
                bits |= CG_IO;
        if (c->allowed_cpus || c->allowed_memory_nodes || c->startup_allowed_cpus ||
                c->startup_allowed_memory_nodes)
                bits |= CG_CPUSET;
        if (tasks_max(u, c) != UNSET)
                bits |= CG_PIDS;
        if (strv_contains(c->disable_controllers, "cpu"))
                bits &= ~(unsigned)CG_CPU;
        if (strv_contains(c->disable_controllers, "memory"))
                bits &= ~(unsigned)CG_MEMORY;
        if (strv_contains(c->disable_controllers, "pids"))
                bits &= ~(unsigned)CG_PIDS;
        if (strv_contains(c->disable_controllers, "io"))
                bits &= ~(unsigned)CG_IO;
        if (strv_contains(c->disable_controllers, "cpuset"))
                bits &= ~(unsigned)CG_CPUSET;
        return bits;
}

/* A limit that cannot be written is said, and does not keep the unit from starting: as the page has it. */
static void write_one(struct unit *u, int fd, const char *file, const char *value)
{
        int r = write_attr_at(fd, file, value);

        if (r < 0)
                log_unit_errno(u->id, r == -ENOENT ? LOG_INFO : LOG_WARNING, r,
                        "%s of its cgroup cannot be set to \"%s\": %m", file, value);
}

static void write_number(struct unit *u, int fd, const char *file, const char *format, uint64_t v)
{
        char number[32], text[64];

        if (v == INFINITE)
                stpcpy(number, "max");
        else
                snprintf(number, sizeof(number), "%" PRIu64, v);
        snprintf(text, sizeof(text), format, number);
        write_one(u, fd, file, text);
}

/* The kernel takes quotas of a period; a quota below a millisecond has its period made longer. */
static void write_cpu_max(struct unit *u, int fd, const struct cgroup_context *c)
{
        uint64_t period = c->cpu_quota_period != UNSET ? c->cpu_quota_period : 100000, quota;
        char text[64];

        period = MIN(MAX(period, 1000u), 1000000u);
        if (c->cpu_quota_per_sec >= INFINITE) {
                snprintf(text, sizeof(text), "max %" PRIu64, period);
        } else {
                quota = c->cpu_quota_per_sec * period / 1000000;
                if (quota < 1000 && c->cpu_quota_per_sec > 0) {
                        period = MIN(UINT64_C(1000000000) / c->cpu_quota_per_sec, UINT64_C(1000000));
                        quota = c->cpu_quota_per_sec * period / 1000000;
                }
                snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, MAX(quota, 1000u), period);
        }
        write_one(u, fd, "cpu.max", text);
}

/* "rbps /dev/x 1000000" → io.max "8:0 rbps=1000000"; also weight and latency. */
static void write_io_limit(struct unit *u, int fd, const char *limit)
{
        _cleanup_strv_ char **w = strv_split(limit, " \t");
        char text[128];
        struct stat st;
        const char *value;
        dev_t dev;

        if (strv_len(w) != 3)
                return;
        if (stat(w[1], &st) < 0) {
                log_unit_errno(u->id, LOG_WARNING, -errno, "I/O limit on %s has no effect: %m", w[1]);
                return;
        }
        dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
        value = streq(w[2], "infinity") ? "max" : w[2];
        if (streq(w[0], "weight")) {
                snprintf(text, sizeof(text), "%u:%u %s", major(dev), minor(dev), value);
                write_one(u, fd, "io.weight", text);
        } else if (streq(w[0], "latency")) {
                snprintf(text, sizeof(text), "%u:%u target=%s", major(dev), minor(dev), value);
                write_one(u, fd, "io.latency", text);
        } else {
                snprintf(text, sizeof(text), "%u:%u %s=%s", major(dev), minor(dev), w[0], value);
                write_one(u, fd, "io.max", text);
        }
}

/* What Startup…= says counts until the boot is over, and again from the shutdown on. */
static bool is_starting(const struct manager *m)
{
        return !m->boot_finished || m->shutting_down;
}

static uint64_t effective_number(struct unit *u, const struct cgroup_context *c, size_t i)
{
        const uint64_t *startup = streq(numbers[i].file, "cpu.weight")  ? &c->startup_cpu_weight
                                  : streq(numbers[i].file, "io.weight") ? &c->startup_io_weight
                                                                        : NULL;

        return startup && *startup != UNSET && is_starting(u->manager) ? *startup : number_of(u, c, i);
}

/* Weight 0 is "idle", a file of its own. */
static void write_cpu_weight(struct unit *u, int fd, uint64_t v, bool all)
{
        bool idle = v == 0;

        if (idle || all)
                write_one(u, fd, "cpu.idle", idle ? "1" : "0");
        if (!idle && (v != UNSET || all))
                write_number(u, fd, "cpu.weight", "%s", v == UNSET ? 100 : v);
}

static void write_numbers(struct unit *u, int fd, const struct cgroup_context *c, bool all)
{
        unsigned there = all ? cgroup_controllers_at(fd) : 0;

        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                uint64_t v = effective_number(u, c, i);
                bool reset = there & numbers[i].controller;

                if (streq(numbers[i].file, "cpu.weight"))
                        write_cpu_weight(u, fd, v, reset);
                else if (v != UNSET)
                        write_number(u, fd, numbers[i].file, numbers[i].format, v);
                else if (reset && faccessat(fd, numbers[i].file, W_OK, 0) == 0)
                        write_number(u, fd, numbers[i].file, numbers[i].format, numbers[i].usual);
        }
        if (c->cpu_quota_per_sec != UNSET || there & CG_CPU)
                write_cpu_max(u, fd, c);
}

static void write_cpuset(struct unit *u, int fd, const struct cgroup_context *c, bool all)
{
        bool starting = is_starting(u->manager);
        const char *cpus = starting && c->startup_allowed_cpus ? c->startup_allowed_cpus : c->allowed_cpus,
                   *nodes = starting && c->startup_allowed_memory_nodes ? c->startup_allowed_memory_nodes
                                                                        : c->allowed_memory_nodes;

        all &= (cgroup_controllers_at(fd) & CG_CPUSET) != 0;
        if (cpus || all)
                write_one(u, fd, "cpuset.cpus", cpus ?: "\n");
        if (nodes || all)
                write_one(u, fd, "cpuset.mems", nodes ?: "\n");
}

/* Devices that had a limit which is gone by now: the kernel lists what is set. */
static void reset_io(struct unit *u, int fd, const char *file, const char *reset)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **lines = NULL;

        if (read_file_at(fd, file, 0, &text, NULL) < 0)
                return;
        lines = strv_split(text, "\n");
        FOREACH_STR (l, lines) {
                _cleanup_free_ char *line = NULL;

                if (**l < '0' || **l > '9')
                        continue;
                line = str_printf("%.*s %s", (int)strcspn(*l, " "), *l, reset);
                if (line)
                        write_one(u, fd, file, line);
        }
}

int cgroup_write_attributes(struct unit *u, int fd, bool all)
{
        const struct cgroup_context *c = unit_cgroup_context(u);
        uint64_t tasks = tasks_max(u, c);

        write_numbers(u, fd, c, all);
        /* "max" is what a new cgroup has; that the default of all units has no effect is said once, in cgroup.c */
        if (tasks != UNSET && (tasks != INFINITE || all) && (has_own_tasks_max(c) || is_offered(u, CG_PIDS)))
                write_number(u, fd, "pids.max", "%s", tasks);
        else if (all && cgroup_controllers_at(fd) & CG_PIDS)
                write_number(u, fd, "pids.max", "%s", INFINITE);
        if (all || c->allowed_cpus || c->allowed_memory_nodes || c->startup_allowed_cpus ||
                c->startup_allowed_memory_nodes)
                write_cpuset(u, fd, c, all);
        if (c->oom_kill_group > 0 || (all && c->oom_kill_group == 0))
                write_one(u, fd, "memory.oom.group", c->oom_kill_group > 0 ? "1" : "0");
        if (all && cgroup_controllers_at(fd) & CG_IO) {
                reset_io(u, fd, "io.max", "rbps=max wbps=max riops=max wiops=max");
                reset_io(u, fd, "io.weight", "default");
                reset_io(u, fd, "io.latency", "target=0");
        }
        FOREACH_STR (l, c->io_limits)
                write_io_limit(u, fd, *l);
        if (!all)
                return cgroup_apply_bpf(u, fd); /* the programs stay for the life of the cgroup */
        (void)cgroup_apply_accounting(u, fd);
        return 0;
}

bool cgroup_has_startup_values(const struct cgroup_context *c)
{
        return c && (c->startup_cpu_weight != UNSET || c->startup_io_weight != UNSET ||
                            c->startup_allowed_cpus || c->startup_allowed_memory_nodes);
}
