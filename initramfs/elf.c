/* The closure of a program over its libraries: see elf.h.
 *
 * A library is searched where the dynamic loader would: RPATH/RUNPATH with $ORIGIN, the directories of
 * /etc/ld.so.conf, the standard ones. The image has no ld.so.cache, so a library from a directory of ld.so.conf
 * goes to /usr/lib, where the loader looks by itself. Plugins that are opened by name at run time are
 * in a table. */

#include <gelf.h>
#include <glob.h>
#include <libelf.h>
#include <stdio.h>
#include "initramfs/elf.h"
#include "lib/log.h"

struct elf_info {
        unsigned char class;
        unsigned machine;
        char *interpreter;
        char **needed, **runpath;
};

static void elf_info_done(struct elf_info *i)
{
        free(i->interpreter);
        strv_free(i->needed);
        strv_free(i->runpath);
}

/* Libraries that open others by name, and which. */
static const struct {
        const char *library, *opens;
} dlopens[] = {
        { "libpthread.so.0", "libgcc_s.so.1" }, /* pthread_cancel, pthread_exit */
        { "libcryptsetup.so.12", "libgcc_s.so.1" },
};

static int copy_interpreter(Elf *elf, const struct strbuf *data, struct elf_info *ret)
{
        size_t n;

        if (elf_getphdrnum(elf, &n) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                GElf_Phdr ph;

                if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_INTERP)
                        continue;
                if (ph.p_offset > data->len || ph.p_filesz > data->len - ph.p_offset ||
                        ph.p_filesz > PATH_MAX)
                        return -EBADMSG;
                ret->interpreter = strndup(data->s + ph.p_offset, ph.p_filesz);
                return ret->interpreter ? 0 : -ENOMEM;
        }
        return 0;
}

static int read_dynamic(Elf *elf, struct elf_info *ret)
{
        Elf_Scn *scn = NULL;
        GElf_Shdr sh;

        while ((scn = elf_nextscn(elf, scn))) {
                if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNAMIC || !sh.sh_entsize)
                        continue;
                Elf_Data *d = elf_getdata(scn, NULL);
                for (size_t i = 0; d && i < sh.sh_size / sh.sh_entsize; i++) {
                        GElf_Dyn dyn;
                        int r = 0;

                        if (!gelf_getdyn(d, i, &dyn) || dyn.d_tag == DT_NULL)
                                break;
                        const char *s = elf_strptr(elf, sh.sh_link, dyn.d_un.d_val);
                        if (s && dyn.d_tag == DT_NEEDED)
                                r = strv_add(&ret->needed, s);
                        else if (s && (dyn.d_tag == DT_RPATH || dyn.d_tag == DT_RUNPATH))
                                r = strv_add(&ret->runpath, s);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* 1 when it is a dynamically linkable ELF file, 0 when not. */
static int read_elf(const struct strbuf *data, struct elf_info *ret)
{
        GElf_Ehdr eh;

        if (data->len < EI_NIDENT || memcmp(data->s, ELFMAG, SELFMAG) != 0)
                return 0;
        elf_version(EV_CURRENT);
        Elf *elf = elf_memory(data->s, data->len);
        if (!elf || !gelf_getehdr(elf, &eh)) {
                elf_end(elf);
                return -EBADMSG;
        }
        int r = 0;
        if (eh.e_type == ET_EXEC || eh.e_type == ET_DYN) {
                ret->class = eh.e_ident[EI_CLASS];
                ret->machine = eh.e_machine;
                r = copy_interpreter(elf, data, ret);
                if (r >= 0)
                        r = read_dynamic(elf, ret);
                if (r >= 0)
                        r = 1;
        }
        elf_end(elf);
        return r;
}

static bool sections_inside(Elf *elf, const GElf_Ehdr *head, size_t len)
{
        Elf_Scn *scn = NULL;
        GElf_Shdr sh;
        size_t n, seen = 1;

        if (elf_getshdrnum(elf, &n) < 0 || !head->e_shentsize || head->e_shoff > len ||
                (len - head->e_shoff) / head->e_shentsize < n)
                return false;
        for (; (scn = elf_nextscn(elf, scn)); seen++)
                if (!gelf_getshdr(scn, &sh) ||
                        (sh.sh_type != SHT_NOBITS &&
                                (sh.sh_offset > len || sh.sh_size > len - sh.sh_offset)))
                        return false;
        return seen == n;
}

static bool segments_inside(Elf *elf, size_t len)
{
        GElf_Phdr ph;
        size_t n;

        if (elf_getphdrnum(elf, &n) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!gelf_getphdr(elf, i, &ph) || ph.p_offset > len || ph.p_filesz > len - ph.p_offset)
                        return false;
        return true;
}

bool elf_is_whole(const struct strbuf *b)
{
        GElf_Ehdr head;

        elf_version(EV_CURRENT);
        Elf *elf = elf_memory(b->s, b->len);
        bool whole = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &head) &&
                     segments_inside(elf, b->len) && (!head.e_shoff || sections_inside(elf, &head, b->len));
        elf_end(elf);
        return whole;
}

/* Ends of what segments, and what sections and their table, take of the file. */
static bool measure(Elf *elf, const GElf_Ehdr *head, size_t len, size_t *ret_segments, size_t *ret_sections)
{
        size_t n, segments = head->e_phoff, sections = head->e_shoff;
        Elf_Scn *scn = NULL;
        GElf_Phdr ph;
        GElf_Shdr sh;

        if (!head->e_shoff || elf_getphdrnum(elf, &n) < 0 || n == 0)
                return false;
        segments += n * head->e_phentsize;
        for (size_t i = 0; i < n; i++)
                if (gelf_getphdr(elf, i, &ph))
                        segments = MAX(segments, (size_t)(ph.p_offset + ph.p_filesz));
        if (elf_getshdrnum(elf, &n) < 0)
                return false;
        sections += n * head->e_shentsize;
        while ((scn = elf_nextscn(elf, scn)))
                if (gelf_getshdr(scn, &sh) && sh.sh_type != SHT_NOBITS)
                        sections = MAX(sections, (size_t)(sh.sh_offset + sh.sh_size));
        *ret_segments = segments;
        *ret_sections = sections;
        return segments < len && head->e_shoff >= segments;
}

void elf_strip(struct strbuf *b)
{
        size_t segments = 0, sections = 0;
        GElf_Ehdr head;

        elf_version(EV_CURRENT);
        Elf *elf = b->len > EI_NIDENT ? elf_memory(b->s, b->len) : NULL;
        bool may = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &head) &&
                   (head.e_type == ET_EXEC || head.e_type == ET_DYN) && elf_is_whole(b) &&
                   measure(elf, &head, b->len, &segments, &sections) && b->len - sections < 8;
        bool wide = may && head.e_ident[EI_CLASS] == ELFCLASS64;
        elf_end(elf);
        if (!may)
                return;
        b->len = segments;
        if (wide) {
                Elf64_Ehdr h;

                memcpy(&h, b->s, sizeof h);
                h.e_shoff = 0;
                h.e_shnum = h.e_shstrndx = 0;
                memcpy(b->s, &h, sizeof h);
        } else {
                Elf32_Ehdr h;

                memcpy(&h, b->s, sizeof h);
                h.e_shoff = 0;
                h.e_shnum = h.e_shstrndx = 0;
                memcpy(b->s, &h, sizeof h);
        }
}

/* --- where libraries are --- */

static const char *triplet(unsigned machine)
{
        switch (machine) {
        case EM_X86_64: return "x86_64-linux-gnu";
        case EM_386: return "i386-linux-gnu";
        case EM_AARCH64: return "aarch64-linux-gnu";
        case EM_ARM: return "arm-linux-gnueabihf";
        case EM_RISCV: return "riscv64-linux-gnu";
        case EM_PPC64: return "powerpc64le-linux-gnu";
        case EM_S390: return "s390x-linux-gnu";
        default: return "";
        }
}

static int ld_so_conf(const struct image *im, const char *path, unsigned depth, char ***dirs)
{
        _cleanup_strbuf_ struct strbuf text = { 0 };
        int r = image_read_source(im, path, &text, NULL);

        if (r < 0 || depth > 4)
                return 0; /* there need not be one */
        for (char *p = text.s, *line; (line = strsep(&p, "\n"));) {
                line[strcspn(line, "#")] = 0;
                line = str_strip(line);
                const char *pattern = startswith(line, "include");
                if (!pattern) {
                        if (*line == '/' && (r = strv_add_unique(dirs, line)) < 0)
                                return r;
                        continue;
                }
                pattern += strspn(pattern, " \t");
                _cleanup_free_ char *full =
                        str_printf("%s%s%s", im->sysroot ?: "", *pattern == '/' ? "" : "/etc/", pattern);
                glob_t g = { 0 };
                if (full && glob(full, 0, NULL, &g) == 0)
                        for (size_t i = 0; i < g.gl_pathc && r >= 0; i++)
                                r = ld_so_conf(
                                        im, g.gl_pathv[i] + strlen(im->sysroot ?: ""), depth + 1, dirs);
                globfree(&g);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool fits(const struct image *im, const char *path, const struct elf_info *want)
{
        _cleanup_close_ int fd = image_open_source(im, path);
        unsigned char h[20];

        if (fd < 0 || read(fd, h, sizeof h) != sizeof h || memcmp(h, ELFMAG, SELFMAG) != 0)
                return false;
        return h[EI_CLASS] == want->class && (unsigned)(h[18] | h[19] << 8) == want->machine;
}

/* $ORIGIN replaced. NULL when out of memory. */
static char *expand_origin(const char *dir, const char *source)
{
        const char *rest = startswith(dir, "$ORIGIN") ?: startswith(dir, "${ORIGIN}");
        const char *slash = strrchr(source, '/');

        if (!rest)
                return strdup(dir);
        return str_printf("%.*s%s", slash ? (int)(slash - source) : 0, source, rest);
}

static char *search_dir(
        const struct image *im, const char *dir, const char *name, const struct elf_info *want)
{
        _cleanup_free_ char *path = path_join(dir, name);

        return path && fits(im, path, want) ? TAKE_PTR(path) : NULL;
}

/* Where library name is (source), and where the loader in the image will look for it (path). */
static bool find_library(const struct image *im, const char *name, const char *source,
        const struct elf_info *want, char **ret_source, char **ret_path)
{
        const char *t = triplet(want->machine);
        char standard[8][64];
        char *found;

        FOREACH_STR (list, want->runpath) {
                _cleanup_strv_ char **dirs = strv_split(*list, ":");
                FOREACH_STR (d, dirs) {
                        _cleanup_free_ char *dir = expand_origin(*d, source);
                        if (dir && (found = search_dir(im, path_simplify(dir), name, want))) {
                                *ret_source = found;
                                *ret_path = strdup(found);
                                return *ret_path;
                        }
                }
        }
        static const char *const formats[] = { "/lib/%s", "/usr/lib/%s", "/lib", "/usr/lib", "/lib64",
                "/usr/lib64" };
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                snprintf(standard[i], sizeof standard[i], formats[i], t);
                if ((found = search_dir(im, standard[i], name, want))) {
                        *ret_source = found;
                        *ret_path = strdup(found);
                        return *ret_path;
                }
        }
        _cleanup_strv_ char **dirs = NULL;
        ld_so_conf(im, "/etc/ld.so.conf", 0, &dirs);
        FOREACH_STR (d, dirs)
                if ((found = search_dir(im, *d, name, want))) {
                        *ret_source = found;
                        *ret_path = str_printf("/usr/lib/%s", name);
                        return *ret_path;
                }
        return false;
}

static int add_library(struct image *im, const char *name, const char *source, const struct elf_info *info,
        const char *needed_by)
{
        _cleanup_free_ char *lib = NULL, *path = NULL, *why = str_printf("library of /%s", needed_by);

        if (!why)
                return -ENOMEM;
        if (strchr(name, '/'))
                return image_add_file(im, name, NULL, why);
        if (!find_library(im, name, source, info, &lib, &path)) {
                image_missing(im, LOG_ERR, "/%s needs the library %s, which is not there", needed_by, name);
                return -ENOENT;
        }
        return image_add_file(im, lib, path, why);
}

static int add_script_interpreter(struct image *im, const struct image_entry *e)
{
        _cleanup_free_ char *line = strndup(e->data.s + 2, strcspn(e->data.s + 2, "\n"));
        _cleanup_free_ char *why = str_printf("interpreter of /%s", e->path);

        if (!line || !why)
                return -ENOMEM;
        char *path = str_strip(line);
        path[strcspn(path, " \t")] = 0;
        if (*path != '/')
                return 0;
        int r = image_add_file(im, path, NULL, why);
        if (r < 0)
                image_missing(im, LOG_ERR, "/%s needs the interpreter %s: %s", e->path, path, strerror(-r));
        return r;
}

int elf_add_needed(struct image *im, const char *source, const struct image_entry *e)
{
        _cleanup_(elf_info_done) struct elf_info info = { 0 };
        int r;

        if (endswith(e->path, ".ko"))
                return 0;
        if (e->data.len > 2 && memcmp(e->data.s, "#!", 2) == 0 && e->mode & 0111)
                return add_script_interpreter(im, e);
        r = read_elf(&e->data, &info);
        if (r == -EBADMSG || (r > 0 && !elf_is_whole(&e->data))) {
                image_missing(im, LOG_ERR,
                        "/%s is damaged: it begins like a program, but parts of it are not there", e->path);
                return -EBADMSG;
        }
        if (r <= 0)
                return r;
        if (info.interpreter) {
                _cleanup_free_ char *why = str_printf("dynamic loader of /%s", e->path);

                r = why ? image_add_file(im, info.interpreter, NULL, why) : -ENOMEM;
                if (r < 0) {
                        image_missing(im, LOG_ERR, "/%s needs the loader %s: %s", e->path, info.interpreter,
                                strerror(-r));
                        return r;
                }
        }
        FOREACH_STR (n, info.needed) {
                r = add_library(im, *n, source, &info, e->path);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < ARRAY_SIZE(dlopens); i++)
                        if (streq(dlopens[i].library, *n) &&
                                (r = add_library(im, dlopens[i].opens, source, &info, e->path)) < 0)
                                return r;
        }
        return 0;
}
