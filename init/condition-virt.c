/* ConditionVirtualization=: are we in a container, or on a virtual machine, and of which kind?
 *
 * Containers first (the innermost counts): $container of PID 1, /run/systemd/container, marker files. Then the
 * machine: DMI strings where the firmware is telling, the hypervisor's CPUID signature, the device tree, Xen's
 * interface. Neither changes while the system runs, so each is asked once. */
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "condition.h"
#include "lib/fileio.h"

static const char *const containers[] = {
        "openvz",
        "lxc",
        "lxc-libvirt",
        "systemd-nspawn",
        "docker",
        "podman",
        "rkt",
        "wsl",
        "proot",
        "pouch",
};

static const char *known_container(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(containers); i++)
                if (streq(name, containers[i]))
                        return containers[i];
        return "container-other";
}

/* "container=" of PID 1's environment. */
static const char *container_of_pid1(void)
{
        _cleanup_free_ char *s = NULL;
        const char *v = getpid() == 1 ? getenv("container") : NULL;
        size_t n = 0;

        if (v && *v)
                return known_container(v);
        if (getpid() == 1 || read_file("/proc/1/environ", 1 << 20, &s, &n) < 0)
                return NULL;
        for (const char *c = s; c < s + n; c += strlen(c) + 1) {
                const char *value = startswith(c, "container=");

                if (value && *value)
                        return known_container(value);
        }
        return NULL;
}

static const char *detect_container(void)
{
        _cleanup_free_ char *s = NULL, *version = NULL;
        const char *found;

        if (access("/proc/vz", F_OK) >= 0 && access("/proc/bc", F_OK) < 0)
                return "openvz";
        if (read_one_line("/proc/sys/kernel/osrelease", &version) >= 0 &&
                (strstr(version, "Microsoft") || strstr(version, "WSL")))
                return "wsl";
        found = container_of_pid1();
        if (found)
                return found;
        if (read_one_line("/run/systemd/container", &s) >= 0 && *s)
                return known_container(s);
        if (access("/run/.containerenv", F_OK) >= 0)
                return "podman";
        if (access("/.dockerenv", F_OK) >= 0)
                return "docker";
        return NULL;
}

static const char *detect_dmi(void)
{
        static const char *const files[] = { "product_name", "sys_vendor", "board_vendor", "bios_vendor",
                "product_version" };
        static const struct {
                const char *prefix, *id;
        } vendors[] = {
                { "KVM", "kvm" },
                { "OpenStack", "kvm" },
                { "KubeVirt", "kvm" },
                { "Amazon EC2", "amazon" },
                { "QEMU", "qemu" },
                { "VMware", "vmware" },
                { "VMW", "vmware" },
                { "innotek GmbH", "oracle" },
                { "VirtualBox", "oracle" },
                { "Oracle Corporation", "oracle" },
                { "Xen", "xen" },
                { "Bochs", "bochs" },
                { "Parallels", "parallels" },
                { "BHYVE", "bhyve" },
                { "Hyper-V", "microsoft" },
                { "Apple Virtualization", "apple" },
                { "Google Compute Engine", "google" },
        };

        for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
                _cleanup_free_ char *path = str_printf("/sys/class/dmi/id/%s", files[f]), *s = NULL;

                if (!path || read_one_line(path, &s) < 0)
                        continue;
                for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
                        if (startswith(s, vendors[i].prefix))
                                return vendors[i].id;
        }
        return NULL;
}

#if defined(__x86_64__) || defined(__i386__)
static const char *detect_cpuid(void)
{
        static const struct {
                const char signature[13], *id;
        } vendors[] = {
                { "XenVMMXenVMM", "xen" },
                { "KVMKVMKVM", "kvm" },
                { "Linux KVM Hv", "kvm" },
                { "TCGTCGTCGTCG", "qemu" },
                { "VMwareVMware", "vmware" },
                { "Microsoft Hv", "microsoft" },
                { "bhyve bhyve ", "bhyve" },
                { "QNXQVMBSQG", "qnx" },
                { "ACRNACRNACRN", "acrn" },
                { "SRESRESRESRE", "sre" },
                { "Apple VZ", "apple" },
        };
        uint32_t eax, ebx, ecx, edx;
        char signature[13] = "";

        if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 0x80000000u))
                return NULL;
        __cpuid(0x40000000, eax, ebx, ecx, edx);
        memcpy(signature, &ebx, 4);
        memcpy(signature + 4, &ecx, 4);
        memcpy(signature + 8, &edx, 4);
        for (size_t i = 0; i < ARRAY_SIZE(vendors); i++)
                if (streq(signature, vendors[i].signature))
                        return vendors[i].id;
        return "vm-other";
}
#else
static const char *detect_cpuid(void)
{
        return NULL;
}
#endif

static const char *detect_device_tree(void)
{
        _cleanup_free_ char *s = NULL;

        if (read_one_line("/proc/device-tree/hypervisor/compatible", &s) >= 0)
                return streq(s, "linux,kvm") ? "kvm"
                       : strstr(s, "xen")    ? "xen"
                       : strstr(s, "vmware") ? "vmware"
                                             : "vm-other";
        if (access("/proc/device-tree/ibm,partition-name", F_OK) >= 0 &&
                access("/proc/device-tree/hmc-managed?", F_OK) >= 0)
                return "powervm";
        return NULL;
}

static const char *detect_special(void)
{
        _cleanup_free_ char *s = NULL, *cpu = NULL;

        if (read_file("/proc/sysinfo", 1 << 16, &s, NULL) >= 0)
                return strstr(s, "z/VM") ? "zvm" : strstr(s, "KVM/Linux") ? "kvm" : NULL;
        if (read_file("/proc/cpuinfo", 1 << 20, &cpu, NULL) >= 0 && strstr(cpu, "User Mode Linux"))
                return "uml";
        return NULL;
}

static bool is_xen_dom0(void)
{
        _cleanup_free_ char *s = NULL;

        return read_one_line("/proc/xen/capabilities", &s) >= 0 && strstr(s, "control_d");
}

static const char *detect_vm(void)
{
        const char *dmi = detect_dmi(), *cpu;

        /* These know better than the CPU, which shows the KVM or Hyper-V interface below them. */
        if (dmi && (streq(dmi, "oracle") || streq(dmi, "xen") || streq(dmi, "amazon") ||
                           streq(dmi, "parallels")))
                return streq(dmi, "xen") && is_xen_dom0() ? NULL : dmi;
        if (is_xen_dom0())
                return NULL;
        cpu = detect_cpuid();
        if (cpu && !streq(cpu, "vm-other"))
                return cpu;
        if (dmi)
                return dmi;
        if (access("/sys/hypervisor/type", F_OK) >= 0)
                return "xen";
        if (cpu)
                return cpu;
        cpu = detect_device_tree();
        return cpu ? cpu : detect_special();
}

static const char *container_name(void)
{
        static const char *name;

        if (!name) {
                name = detect_container();
                if (!name)
                        name = "";
        }
        return name;
}

static const char *vm_name(void)
{
        static const char *name;

        if (!name) {
                name = detect_vm();
                if (!name)
                        name = "";
        }
        return name;
}

bool virtualization_is_container(void)
{
        return *container_name();
}

const char *virtualization_name(void)
{
        return *container_name() ? container_name() : *vm_name() ? vm_name() : "none";
}

/* The identity map of the initial user namespace is 0 0 4294967295. */
static bool in_user_namespace(void)
{
        _cleanup_free_ char *s = NULL;
        unsigned a, b, n;

        if (read_one_line("/proc/self/uid_map", &s) < 0 || sscanf(s, "%u %u %u", &a, &b, &n) != 3)
                return false;
        return !(a == 0 && b == 0 && n == UINT32_MAX);
}

int test_virtualization(struct manager *m, const char *p)
{
        int want = parse_boolean(p);
        bool any = *container_name() || *vm_name();

        if (want >= 0)
                return any == want;
        if (streq(p, "private-users"))
                return in_user_namespace();
        if (streq(p, "container"))
                return *container_name() != '\0';
        if (streq(p, "vm"))
                return !*container_name() && *vm_name();
        return streq(virtualization_name(), p);
}
