/* Microcode in front of the image: see microcode.h. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include "initramfs/microcode.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"

#define INTEL_HEADER_VERSION 1u
#define AMD_MAGIC            0x00414d44u

static const struct vendor {
        const char *name; /* as in /proc/cpuinfo */
        const char *dir;
        const char *prefix; /* of its files' names */
        uint32_t magic;     /* at the beginning of each file */
        const char *member;
        bool by_model; /* a file a model, named by it; else every file is wanted */
} vendors[] = {
        { "GenuineIntel", "/lib/firmware/intel-ucode", "", INTEL_HEADER_VERSION,
                "kernel/x86/microcode/GenuineIntel.bin", true },
        { "AuthenticAMD", "/lib/firmware/amd-ucode", "microcode_amd", AMD_MAGIC,
                "kernel/x86/microcode/AuthenticAMD.bin", false },
};

/* --- which processor --- */

static const char *value_of(char **lines, const char *key)
{
        FOREACH_STR (l, lines) {
                char *colon = strchr(*l, ':');

                if (colon && startswith(*l, key) &&
                        strspn(*l + strlen(key), " \t") == (size_t)(colon - *l) - strlen(key))
                        return colon + 1 + strspn(colon + 1, " \t");
        }
        return "";
}

int microcode_cpu_from(char *cpuinfo, char **ret)
{
        char *end = strstr(cpuinfo, "\n\n");
        uint32_t family, model, stepping;

        if (end)
                *end = 0; /* the first processor: all of a machine are of one kind */
        _cleanup_strv_ char **lines = strv_split(cpuinfo, "\n");
        if (!lines)
                return -ENOMEM;
        const char *vendor = value_of(lines, "vendor_id");
        for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
                if (!streq(vendor, vendors[i].name))
                        continue;
                if (parse_u32(value_of(lines, "cpu family"), &family) < 0 ||
                        parse_u32(value_of(lines, "model"), &model) < 0 ||
                        parse_u32(value_of(lines, "stepping"), &stepping) < 0)
                        return -EBADMSG;
                *ret = str_printf("%s %02x-%02x-%02x", vendor, family, model, stepping);
                return *ret ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

int microcode_cpu(char **ret)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file("/proc/cpuinfo", 0, &text, NULL);

        return r < 0 ? r : microcode_cpu_from(text, ret);
}

/* --- the archive --- */

static bool is_wanted(const struct vendor *v, const char *file, const char *cpu)
{
        if (file[0] == '.' || !startswith(file, v->prefix))
                return false;
        if (!v->by_model || !cpu)
                return true;
        /* 06-55-04, and what the distribution keeps apart of it: 06-55-04.initramfs */
        const char *model = strchr(cpu, ' ') + 1, *rest = startswith(file, model);
        return rest && (!*rest || *rest == '.');
}

static int list_files(const struct image *im, const struct vendor *v, const char *cpu, char ***ret)
{
        _cleanup_close_ int fd = image_open_source(im, v->dir);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *e;
        int r = 0;

        if (!d)
                return fd >= 0 || fd == -ENOENT ? 0 : fd;
        (void)TAKE_FD(fd);
        while (r >= 0 && (e = readdir(d)))
                if (is_wanted(v, e->d_name, cpu))
                        r = strv_add(ret, e->d_name);
        closedir(d);
        strv_sort(*ret);
        return r;
}

static int add_vendor(const struct image *im, const struct vendor *v, const char *cpu, struct image *early)
{
        _cleanup_strv_ char **files = NULL;
        _cleanup_strbuf_ struct strbuf all = { 0 };
        int r = list_files(im, v, cpu, &files);

        FOREACH_STR (f, files) {
                _cleanup_free_ char *path = str_printf("%s/%s", v->dir, *f);
                _cleanup_strbuf_ struct strbuf one = { 0 };
                uint32_t magic = 0;

                if (r < 0 || !path)
                        return r < 0 ? r : -ENOMEM;
                int e = image_read_source(im, path, &one, NULL);
                if (e < 0) {
                        log_warning_errno(e, "Cannot read %s: %m; left out", path);
                        continue;
                }
                if (one.len >= sizeof magic)
                        memcpy(&magic, one.s, sizeof magic);
                if (magic != v->magic) {
                        log_warning("%s is no microcode; left out", path);
                        continue;
                }
                strbuf_add(&all, one.s, one.len);
        }
        if (r < 0 || all.len == 0)
                return r;
        return all.failed ? -ENOMEM : image_add_data(early, v->member, 0644, &all, "microcode");
}

int microcode_write(const struct image *im, const char *cpu, struct strbuf *out)
{
        _cleanup_(image_done) struct image early = { .root_fd = -1, .mtime = im->mtime };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(vendors) && r >= 0; i++) {
                const char *rest = cpu ? startswith(cpu, vendors[i].name) : NULL;

                if (!cpu || (rest && *rest == ' '))
                        r = add_vendor(im, &vendors[i], cpu, &early);
        }
        return r < 0 || early.n == 0 ? MIN(r, 0) : image_write(&early, out);
}
