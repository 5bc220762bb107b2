/* Patterns: alternatives separated by '|', each a glob of fnmatch(3) without flags. Most are plain words or
 * "word*", which need no fnmatch. */
#include <fnmatch.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "rules-int.h"
#include "lib/fileio.h"

static void classify(struct glob *g)
{
        size_t special = strcspn(g->text, "*?[\\");

        g->literal = (uint8_t)MIN(special, 255u);
        if (!g->text[special])
                g->kind = GLOB_EXACT;
        else if (streq(g->text, "*"))
                g->kind = GLOB_ANY;
        else if (streq(g->text, "?*"))
                g->kind = GLOB_SOME;
        else if (g->text[special] == '*' && !g->text[special + 1] && special <= 255)
                g->kind = GLOB_PREFIX;
        else
                g->kind = GLOB_FNMATCH;
}

int pattern_compile(struct arena *a, const char *value, bool split, struct pattern *ret)
{
        struct glob *g;
        unsigned n = 1;
        const char *p;

        for (p = value; split && *p; p++)
                n += *p == '|';
        g = arena_alloc(a, n * sizeof(*g));
        if (!g)
                return -ENOMEM;
        p = value;
        for (unsigned i = 0; i < n; i++) {
                size_t len = split ? strcspn(p, "|") : strlen(p);

                g[i].len = (uint16_t)len;
                g[i].text = arena_strndup(a, p, len);
                if (!g[i].text)
                        return -ENOMEM;
                classify(&g[i]);
                if (len && strchr(" \t\n", p[len - 1]))
                        ret->trailing_space = true;
                p += len + 1;
        }
        ret->alt = g;
        ret->n = n;
        return 0;
}

bool pattern_match(const struct pattern *p, const char *s)
{
        for (unsigned i = 0; i < p->n; i++) {
                const struct glob *g = &p->alt[i];

                if (g->literal && (*s != *g->text || strncmp(s, g->text, g->literal) != 0))
                        continue;
                switch (g->kind) {
                case GLOB_EXACT:
                        if (streq(s, g->text))
                                return true;
                        break;
                case GLOB_PREFIX:
                case GLOB_ANY: return true;
                case GLOB_SOME:
                        if (*s)
                                return true;
                        break;
                default:
                        if (fnmatch(g->text, s, 0) == 0)
                                return true;
                }
        }
        return false;
}

/* --- CONST{arch}, CONST{virt} ----------------------------------------------------------------------- */

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
