/* What machine this is: see machine.h. */
#include "machine.h"

#include <stdio.h>
#include <strings.h>
#include <sys/utsname.h>

#include "compare.h"
#include "fileio.h"
#include "str.h"

static int device_tree_compatible(const char *value)
{
        _cleanup_free_ char *s = NULL;
        size_t n = 0;

        if (read_file("/proc/device-tree/compatible", 65536, &s, &n) < 0)
                return 0;
        for (const char *c = s; c < s + n; c += strlen(c) + 1)
                if (strcasecmp(c, value) == 0)
                        return 1;
        return 0;
}

/* "field op value" */
static int smbios_field(char *expression)
{
        _cleanup_free_ char *path = NULL, *have = NULL, *want = NULL;
        size_t n = strcspn(expression, "!<=>$ \t");
        const char *s = expression + n;
        enum compare_op op;

        s += strspn(s, " \t");
        if (n == 0 || !*s || memchr(expression, '/', n))
                return -EINVAL;
        op = compare_operator(&s, OP_STRING_EQ, false);
        path = str_printf("/sys/class/dmi/id/%.*s", (int)n, expression);
        want = strdup(s);
        if (!path || !want)
                return -ENOMEM;
        if (read_one_line(path, &have) < 0)
                return 0;
        return compare_strings(str_strip(have), op, str_strip(want));
}

int machine_firmware_is(const char *p)
{
        _cleanup_free_ char *inner = NULL;
        const char *rest;
        size_t n;

        if (streq(p, "uefi"))
                return access("/sys/firmware/efi", F_OK) >= 0;
        if (streq(p, "device-tree"))
                return access("/sys/firmware/devicetree", F_OK) >= 0;
        if (!(rest = startswith(p, "device-tree-compatible(")) && !(rest = startswith(p, "smbios-field(")))
                return 0;
        n = strlen(rest);
        if (n == 0 || rest[n - 1] != ')')
                return -EINVAL;
        inner = strndup(rest, n - 1);
        if (!inner)
                return -ENOMEM;
        return *p == 'd' ? device_tree_compatible(inner) : smbios_field(inner);
}

int machine_kernel_is(const char *list)
{
        struct utsname n;

        if (uname(&n) < 0)
                return -errno;
        for (bool any = false;; any = true) {
                _cleanup_free_ char *word = NULL, *next = NULL;
                const char *value;
                enum compare_op op;
                int r = str_next_word(&list, &word, WORD_CUNESCAPE | WORD_RELAX);

                if (r < 0)
                        return r;
                if (r == 0)
                        return any;
                value = word;
                op = compare_operator(&value, OP_GLOB, false);
                if (!*value) { /* "< 5.0": the operator stands alone */
                        r = str_next_word(&list, &next, WORD_CUNESCAPE | WORD_RELAX);
                        if (r <= 0)
                                return r < 0 ? r : -EINVAL;
                        value = next;
                }
                if (!compare_strings(n.release, op, value))
                        return 0;
        }
}

const char *architecture_name(void)
{
        static const struct {
                const char *machine, *name;
        } table[] = {
                { "x86_64", "x86-64" },
                { "i386", "x86" },
                { "i486", "x86" },
                { "i586", "x86" },
                { "i686", "x86" },
                { "aarch64", "arm64" },
                { "aarch64_be", "arm64-be" },
                { "armv4l", "arm" },
                { "armv5tel", "arm" },
                { "armv6l", "arm" },
                { "armv7l", "arm" },
                { "armv8l", "arm" },
                { "armv7b", "arm-be" },
                { "riscv32", "riscv32" },
                { "riscv64", "riscv64" },
                { "ppc", "ppc" },
                { "ppcle", "ppc-le" },
                { "ppc64", "ppc64" },
                { "ppc64le", "ppc64-le" },
                { "s390", "s390" },
                { "s390x", "s390x" },
                { "mips", "mips" },
                { "mips64", "mips64" },
                { "loongarch64", "loongarch64" },
                { "alpha", "alpha" },
                { "sparc", "sparc" },
                { "sparc64", "sparc64" },
                { "parisc", "parisc" },
                { "parisc64", "parisc64" },
                { "ia64", "ia64" },
                { "m68k", "m68k" },
                { "sh4", "sh" },
        };
        struct utsname n;

        if (uname(&n) < 0)
                return "unknown";
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (streq(n.machine, table[i].machine)) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
                        if (streq(table[i].name, "mips"))
                                return "mips-le";
                        if (streq(table[i].name, "mips64"))
                                return "mips64-le";
#endif
                        return table[i].name;
                }
        return "unknown";
}
