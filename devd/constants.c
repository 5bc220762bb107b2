/* What CONST{} of rules and [Match] of .link files ask of the machine: its architecture, and what it runs in. */
#include "constants.h"

#include <stdio.h>
#include <sys/utsname.h>

#include "device.h"
#include "lib/fileio.h"
#include "lib/str.h"

static const char *architecture(void)
{
        static const struct {
                const char *machine, *name;
        } names[] = {
                { "x86_64", "x86-64" },
                { "i686", "x86" },
                { "i586", "x86" },
                { "i386", "x86" },
                { "aarch64", "arm64" },
                { "aarch64_be", "arm64-be" },
                { "ppc64le", "ppc64-le" },
                { "ppc64", "ppc64" },
                { "ppc", "ppc" },
                { "s390x", "s390x" },
                { "riscv64", "riscv64" },
                { "riscv32", "riscv32" },
                { "armv7l", "arm" },
                { "armv6l", "arm" },
                { "mips64", "mips64" },
                { "mips", "mips" },
                { "loongarch64", "loongarch64" },
        };
        static struct utsname u;

        if (!u.machine[0] && uname(&u) < 0)
                return "";
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(u.machine, names[i].machine))
                        return names[i].name;
        return u.machine;
}

static bool dmi_has(const char *file, const char *word)
{
        _cleanup_free_ char *s = NULL;
        char path[PATH_MAX];

        return snprintf(path, sizeof(path), "%s/class/dmi/id/%s", root_sys(), file) < (int)sizeof(path) &&
               read_one_line(path, &s) >= 0 && startswith(s, word);
}

static const char *virtualization(void)
{
        static const struct {
                const char *word, *name;
        } vendors[] = {
                { "QEMU", "qemu" },
                { "KVM", "kvm" },
                { "OpenStack", "kvm" },
                { "KubeVirt", "kvm" },
                { "VMware", "vmware" },
                { "VMW", "vmware" },
                { "innotek GmbH", "oracle" },
                { "VirtualBox", "oracle" },
                { "Xen", "xen" },
                { "Bochs", "bochs" },
                { "Parallels", "parallels" },
                { "BHYVE", "bhyve" },
                { "Hyper-V", "microsoft" },
                { "Microsoft Corporation", "microsoft" },
                { "Amazon EC2", "amazon" },
                { "Apple Virtualization", "apple" },
                { "Google Compute Engine", "google" },
        };
        static const char *const files[] = { "product_name", "sys_vendor", "board_vendor", "bios_vendor" };
        _cleanup_free_ char *cpu = NULL;
        const char *found = NULL;

        if (access("/run/host/container-manager", F_OK) >= 0 || access("/run/systemd/container", F_OK) >= 0)
                return "container-other";
        if (access("/.dockerenv", F_OK) >= 0)
                return "docker";
        for (size_t f = 0; f < ARRAY_SIZE(files) && !found; f++)
                for (size_t i = 0; i < ARRAY_SIZE(vendors) && !found; i++)
                        if (dmi_has(files[f], vendors[i].word))
                                found = vendors[i].name;
        /* QEMU's own tables also stand in a machine that KVM runs. */
        if ((!found || streq(found, "qemu")) && access("/sys/hypervisor/type", F_OK) < 0) {
                if (read_file("/proc/cpuinfo", 1024 * 1024, &cpu, NULL) >= 0 && !strstr(cpu, "hypervisor"))
                        return found ? found : "none";
                return access("/sys/devices/virtual/misc/kvm", F_OK) >= 0 || found ? (found ? found : "kvm")
                                                                                   : "vm-other";
        }
        return found ? found : "xen";
}

const char *constant_value(const char *key)
{
        static const char *virt;

        if (streq(key, "arch"))
                return architecture();
        if (streq(key, "virt"))
                return virt ? virt : (virt = virtualization());
        return NULL;
}
