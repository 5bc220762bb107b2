/* Conditions about the hardware: firmware, power, memory, CPUs and what they can do. */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <strings.h>
#include <sys/sysinfo.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "condition.h"
#include "lib/compare.h"
#include "lib/fileio.h"
#include "lib/machine.h"

/* ---- firmware ---- */

int test_firmware(struct manager *m, const char *p)
{
        return machine_firmware_is(p);
}

/* ---- power ---- */

/* On AC when a mains or USB supply is online, or when there is none and no battery discharges. */
static int on_ac_power(void)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/class/power_supply");
        bool offline = false, online = false, discharging = false;
        struct dirent *de;

        while (d && (de = readdir(d))) {
                _cleanup_free_ char *type_path = NULL, *type = NULL, *state_path = NULL, *state = NULL;

                if (de->d_name[0] == '.')
                        continue;
                type_path = str_printf("/sys/class/power_supply/%s/type", de->d_name);
                if (!type_path || read_one_line(type_path, &type) < 0)
                        continue;
                if (streq(type, "Battery")) {
                        state_path = str_printf("/sys/class/power_supply/%s/status", de->d_name);
                        if (state_path && read_one_line(state_path, &state) >= 0 &&
                                streq(state, "Discharging"))
                                discharging = true;
                        continue;
                }
                state_path = str_printf("/sys/class/power_supply/%s/online", de->d_name);
                if (!state_path || read_one_line(state_path, &state) < 0)
                        continue;
                if (*state == '0')
                        offline = true;
                else
                        online = true;
        }
        return online || (!offline && !discharging);
}

int test_ac_power(struct manager *m, const char *p)
{
        int want = parse_boolean(p);

        return want < 0 ? want : on_ac_power() == want;
}

/* ---- memory and CPUs ---- */

/* In a container the limit of its own cgroup, when there is one. */
static uint64_t memory_of_machine(struct manager *m)
{
        _cleanup_free_ char *s = NULL;
        struct sysinfo i;
        uint64_t v, all = sysinfo(&i) < 0 ? 0 : (uint64_t)i.totalram * i.mem_unit;

        if (m->container && read_one_line("/sys/fs/cgroup/memory.max", &s) >= 0 && parse_u64(s, &v) >= 0 &&
                v < all)
                return v;
        return all;
}

int test_memory(struct manager *m, const char *p)
{
        enum compare_op op = compare_operator(&p, OP_GE, true);
        uint64_t v;
        int r = parse_size(p, &v);

        return r < 0 ? r : compare_numbers(memory_of_machine(m), op, v);
}

int test_cpus(struct manager *m, const char *p)
{
        enum compare_op op = compare_operator(&p, OP_GE, true);
        cpu_set_t set;
        uint64_t v;
        int r = parse_u64(p, &v);

        if (r < 0)
                return r;
        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return -errno;
        return compare_numbers((uint64_t)CPU_COUNT(&set), op, v);
}

#if defined(__x86_64__) || defined(__i386__)
enum cpuid_register { EAX, EBX, ECX, EDX };

static const struct cpu_feature {
        const char *name;
        uint32_t leaf;
        enum cpuid_register reg;
        int bit;
} features[] = {
        { "fpu", 1, EDX, 0 },
        { "vme", 1, EDX, 1 },
        { "de", 1, EDX, 2 },
        { "pse", 1, EDX, 3 },
        { "tsc", 1, EDX, 4 },
        { "msr", 1, EDX, 5 },
        { "pae", 1, EDX, 6 },
        { "mce", 1, EDX, 7 },
        { "cx8", 1, EDX, 8 },
        { "apic", 1, EDX, 9 },
        { "sep", 1, EDX, 11 },
        { "mtrr", 1, EDX, 12 },
        { "pge", 1, EDX, 13 },
        { "mca", 1, EDX, 14 },
        { "cmov", 1, EDX, 15 },
        { "pat", 1, EDX, 16 },
        { "pse36", 1, EDX, 17 },
        { "clflush", 1, EDX, 19 },
        { "mmx", 1, EDX, 23 },
        { "fxsr", 1, EDX, 24 },
        { "sse", 1, EDX, 25 },
        { "sse2", 1, EDX, 26 },
        { "ht", 1, EDX, 28 },
        { "pni", 1, ECX, 0 },
        { "pclmul", 1, ECX, 1 },
        { "monitor", 1, ECX, 3 },
        { "ssse3", 1, ECX, 9 },
        { "fma3", 1, ECX, 12 },
        { "cx16", 1, ECX, 13 },
        { "sse4_1", 1, ECX, 19 },
        { "sse4_2", 1, ECX, 20 },
        { "movbe", 1, ECX, 22 },
        { "popcnt", 1, ECX, 23 },
        { "aes", 1, ECX, 25 },
        { "xsave", 1, ECX, 26 },
        { "osxsave", 1, ECX, 27 },
        { "avx", 1, ECX, 28 },
        { "f16c", 1, ECX, 29 },
        { "rdrand", 1, ECX, 30 },
        { "bmi1", 7, EBX, 3 },
        { "avx2", 7, EBX, 5 },
        { "bmi2", 7, EBX, 8 },
        { "rdseed", 7, EBX, 18 },
        { "adx", 7, EBX, 19 },
        { "sha_ni", 7, EBX, 29 },
        { "syscall", 0x80000001u, EDX, 11 },
        { "rdtscp", 0x80000001u, EDX, 27 },
        { "lm", 0x80000001u, EDX, 29 },
        { "lahf_lm", 0x80000001u, ECX, 0 },
        { "abm", 0x80000001u, ECX, 5 },
        { "constant_tsc", 0x80000007u, EDX, 8 },
};

int test_cpu_feature(struct manager *m, const char *p)
{
        for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
                uint32_t reg[4] = {};

                if (strcasecmp(features[i].name, p) != 0)
                        continue;
                if (!__get_cpuid_count(features[i].leaf, 0, &reg[EAX], &reg[EBX], &reg[ECX], &reg[EDX]))
                        return 0;
                return reg[features[i].reg] >> features[i].bit & 1;
        }
        return 0;
}
#else
int test_cpu_feature(struct manager *m, const char *p)
{
        return 0;
}
#endif
