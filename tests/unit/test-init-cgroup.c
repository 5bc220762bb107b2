/* Rows of resource control, one by one: a unit with the directive, a directory with the kernel's files, and what PID 1
 * writes to which. What the kernel makes of it is seen in guests (tests/vm/all/resource.t). */
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "init/cgroup.h"
#include "tests/unit/init-test.h"

#define ETC "/etc/systemd/system/"

static const char *const files[] = { "cpu.weight", "cpu.idle", "cpu.max", "cpuset.cpus", "cpuset.mems",
        "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.zswap.max",
        "memory.oom.group", "pids.max", "io.weight", "io.max", "io.latency" };

static struct manager *m;
static struct unit *u;

static void make_files(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                _cleanup_free_ char *path = str_printf("/cg/%s", files[i]);

                put(path, "-");
        }
        put("/cg/cgroup.controllers", "cpu memory pids io cpuset\n");
}

static void begin(const char *lines)
{
        _cleanup_free_ char *text =
                str_printf("[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/x\n%s\n", lines);

        put(ETC "a.service", text);
        make_files();
        m = test_manager();
        m->boot_finished = true;
        u = test_unit(m, "a.service");
}

/* Writes what is set (all: everything), and gives the content of one file. */
static const char *written(const char *file, bool all)
{
        static char text[256];
        _cleanup_free_ char *dir = test_path("/cg"), *content = NULL;
        _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        make_files();
        (void)cgroup_write_attributes(u, fd, all);
        if (read_file_at(fd, file, 0, &content, NULL) < 0)
                return "";
        /* a file keeps what a shorter write left behind; the kernel's do not */
        snprintf(text, sizeof(text), "%s", content);
        return text;
}

/* The directives in one line, for the test's name. */
static const char *name(const char *lines)
{
        static char text[200];

        snprintf(text, sizeof(text), "%s", lines);
        for (char *c = text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        return text;
}

static void end(void)
{
        test_manager_free(m);
        test_reset();
}

static void test_files(void)
{
        static const struct {
                const char *lines, *file, *value, *usual;
        } cases[] = {
                { "CPUWeight=250", "cpu.weight", "250", "100" },
                { "CPUWeight=idle", "cpu.idle", "1", "0" },
                { "CPUShares=2048", "cpu.weight", "200", "100" },
                { "CPUQuota=20%", "cpu.max", "20000 100000", "max 100000" },
                { "CPUQuota=20%\nCPUQuotaPeriodSec=10ms", "cpu.max", "2000 10000", "max 100000" },
                { "CPUQuota=5%\nCPUQuotaPeriodSec=1ms", "cpu.max", "1000 20000", "max 100000" },
                { "AllowedCPUs=0-1 3", "cpuset.cpus", "0-1,3", "\n" },
                { "AllowedMemoryNodes=0", "cpuset.mems", "0", "\n" },
                { "MemoryMin=4K", "memory.min", "4096", "0" },
                { "MemoryLow=8K", "memory.low", "8192", "0" },
                { "MemoryHigh=1M", "memory.high", "1048576", "max" },
                { "MemoryMax=2M", "memory.max", "2097152", "max" },
                { "MemoryLimit=3M", "memory.max", "3145728", "max" },
                { "MemorySwapMax=0", "memory.swap.max", "0", "max" },
                { "MemoryZSwapMax=16K", "memory.zswap.max", "16384", "max" },
                { "TasksMax=33", "pids.max", "33", NULL },
                { "TasksMax=infinity", "pids.max", "-", NULL },
                { "IOWeight=50", "io.weight", "default 50", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                begin(cases[i].lines);
                is_str(written(cases[i].file, false), cases[i].value, name(cases[i].lines));
                ok(cgroup_needs(u) != 0, "a controller is needed for it");
                end();
                if (!cases[i].usual)
                        continue;
                begin("");
                is_str(written(cases[i].file, false), "-", "nothing is written unasked");
                is_str(written(cases[i].file, true), cases[i].usual, "what a new cgroup has, when all is");
                end();
        }
}

static void test_startup(void)
{
        static const struct {
                const char *lines, *file, *first, *later;
        } cases[] = {
                { "CPUWeight=10\nStartupCPUWeight=700", "cpu.weight", "700", "10" },
                { "CPUWeight=10\nStartupCPUShares=2048", "cpu.weight", "200", "10" },
                { "IOWeight=10\nStartupIOWeight=700", "io.weight", "default 700", "default 10" },
                { "AllowedCPUs=0\nStartupAllowedCPUs=0-3", "cpuset.cpus", "0-3", "0" },
                { "AllowedMemoryNodes=0\nStartupAllowedMemoryNodes=0-1", "cpuset.mems", "0-1", "0" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                begin(cases[i].lines);
                m->boot_finished = false;
                is_str(written(cases[i].file, false), cases[i].first, name(cases[i].lines));
                ok(cgroup_has_startup_values(unit_cgroup_context(u)), "it is written again after the boot");
                m->boot_finished = true;
                is_str(written(cases[i].file, true), cases[i].later, "with the usual value");
                m->shutting_down = true;
                is_str(written(cases[i].file, true), cases[i].first, "and at the shutdown as at first");
                end();
        }
}

/* Limits of devices: named by a path, whose file system's device it is when it is none. */
static void test_devices(void)
{
        static const struct {
                const char *key, *value, *file, *text;
        } cases[] = {
                { "IODeviceWeight", "70", "io.weight", "70" },
                { "IOReadBandwidthMax", "1M", "io.max", "rbps=1000000" },
                { "IOWriteBandwidthMax", "2K", "io.max", "wbps=2000" },
                { "IOReadIOPSMax", "100", "io.max", "riops=100" },
                { "IOWriteIOPSMax", "infinity", "io.max", "wiops=max" },
                { "IODeviceLatencyTargetSec", "25ms", "io.latency", "target=25000" },
        };
        struct stat st;

        if (stat("/", &st) < 0)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *lines = str_printf("%s=/ %s", cases[i].key, cases[i].value);
                _cleanup_free_ char *text =
                        str_printf("%u:%u %s", major(st.st_dev), minor(st.st_dev), cases[i].text);

                begin(lines);
                is_str(written(cases[i].file, false), text, lines);
                ok(cgroup_needs(u) & CG_IO, "the controller is needed");
                end();
        }
}

/* A limit that is gone: the kernel's list says which. */
static void test_devices_reset(void)
{
        _cleanup_free_ char *dir = NULL, *text = NULL;
        _cleanup_close_ int fd = -1;

        begin("");
        make_files();
        put("/cg/io.max", "8:0 rbps=1000 wbps=max riops=max wiops=max\n");
        dir = test_path("/cg");
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)cgroup_write_attributes(u, fd, true);
        (void)read_file_at(fd, "io.max", 0, &text, NULL);
        ok(text && startswith(text, "8:0 rbps=max wbps=max riops=max wiops=max"),
                "limits of before are taken back");
        end();
}

static void test_needs(void)
{
        static const struct {
                const char *lines;
                unsigned with, without;
        } cases[] = {
                { "MemoryAccounting=yes", CG_MEMORY, 0 },
                { "MemoryAccounting=no", 0, CG_MEMORY },
                { "IOAccounting=yes", CG_IO, 0 },
                { "BlockIOAccounting=yes", CG_IO, 0 },
                { "TasksAccounting=no", 0, CG_PIDS },
                { "TasksAccounting=yes", CG_PIDS, 0 },
                { "CPUWeight=10\nMemoryMax=1M\nDisableControllers=cpu", CG_MEMORY, CG_CPU },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                unsigned bits;

                begin(cases[i].lines);
                bits = cgroup_needs(u);
                ok((bits & cases[i].with) == cases[i].with && !(bits & cases[i].without),
                        name(cases[i].lines));
                end();
        }
        begin("CPUAccounting=yes");
        ok(!u->n_problems && unit_cgroup_context(u)->cpu_accounting,
                "CPUAccounting= has no effect in cgroup v2, and is known");
        end();
}

/* A root without pids, as a container's: that the default of all units has no effect is said once, not at each start. */
static void test_missing(void)
{
        _cleanup_free_ char *dir = test_path("/cg");
        struct unit *own;

        put(ETC "own.service", "[Service]\nExecStart=/x\nTasksMax=33\n");
        begin("");
        put("/cg/cgroup.controllers", "cpu memory\n");
        is_int(cgroup_setup_at(m, dir, ""), 0, "a root without pids");
        own = test_unit(m, "own.service");
        is_int(cgroup_realize(u), 0, "a unit starts in it");
        is_int(cgroup_realize(own), 0, "and one with TasksMax=");
        is_int(logged_times("controllers +pids are not offered"), 1, "what is missing is said once");
        is_int(logged_times("pids.max"), 1, "and TasksMax= that has no effect, but not the default");
        end();
}

/* What slices say of those below; the next one counts, and what a unit says itself before it. */
static void test_inherited(void)
{
        static const struct {
                const char *lines, *min, *low;
        } cases[] = { { "", "4096", "8192" }, { "MemoryMin=1K\nMemoryLow=2K", "1024", "2048" } };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *lines = str_printf("Slice=top-near.slice\n%s", cases[i].lines);

                put(ETC "top.slice", "[Slice]\nDefaultMemoryMin=16K\nDefaultMemoryLow=8K\n");
                put(ETC "top-near.slice", "[Slice]\nDefaultMemoryMin=4K\n");
                begin(lines);
                is_str(written("memory.min", false), cases[i].min, "DefaultMemoryMin= of the next slice");
                is_str(written("memory.low", false), cases[i].low, "DefaultMemoryLow= of the one above");
                ok(cgroup_needs(u) & CG_MEMORY, "a controller is needed for it");
                u = test_unit(m, "top.slice");
                is_str(written("memory.min", false), "-", "it is not of the slice itself");
                end();
        }
}

static void test_place(void)
{
        begin("Slice=my-own.slice\nDelegate=cpu pids");
        is_str(u->slice->id, "my-own.slice", "Slice=");
        is_str(cgroup_unit_path(u), "my.slice/my-own.slice/a.service", "the cgroup is in it");
        ok(has_dep(m, u, DEP_REQUIRES, "my-own.slice"), "and the unit needs it");
        ok(unit_cgroup_context(u)->delegate, "Delegate=");
        ok(strv_contains(unit_cgroup_context(u)->delegate_controllers, "cpu"), "with these controllers");
        end();
}

int main(void)
{
        test_begin();
        test_files();
        test_startup();
        test_devices();
        test_devices_reset();
        test_needs();
        test_missing();
        test_inherited();
        test_place();
        return test_end();
}
