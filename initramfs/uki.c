/* Unified kernel images: see uki.h. */

#include <endian.h>
#include <stdio.h>
#include "initramfs/uki.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define PAGE           4096u
#define COFF_HEADER    24u /* with the signature "PE\0\0" */
#define SECTION_HEADER 40u
#define PE32_PLUS      0x20bu
#define DATA_READ      0x40000040u /* initialised data, readable */

/* Where the fields are, from the beginning of the optional header. */
enum {
        OPT_MAGIC = 0,
        OPT_DATA_SIZE = 8,
        OPT_FILE_ALIGN = 36,
        OPT_IMAGE_SIZE = 56,
        OPT_HEADERS_SIZE = 60,
        OPT_CHECKSUM = 64
};
/* And of a section's header. */
enum { SEC_VSIZE = 8, SEC_VADDR = 12, SEC_RAWSIZE = 16, SEC_RAWPTR = 20, SEC_FLAGS = 36 };

static uint32_t get32(const char *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof v);
        return le32toh(v);
}

static uint16_t get16(const char *p)
{
        uint16_t v;

        memcpy(&v, p, sizeof v);
        return le16toh(v);
}

static void put32(char *p, uint32_t v)
{
        v = htole32(v);
        memcpy(p, &v, sizeof v);
}

static uint64_t round_up(uint64_t n, uint32_t to)
{
        return (n + to - 1) / to * to;
}

struct pe {
        size_t coff, opt, table;    /* offsets */
        uint32_t n_sections, align; /* of the file */
        uint64_t end;               /* of the last section in memory */
        uint64_t first_raw;         /* where the headers' room ends */
};

static int pe_parse(const char *p, size_t len, struct pe *pe)
{
        if (len < 64 || memcmp(p, "MZ", 2) != 0)
                return -EBADMSG;
        pe->coff = get32(p + 60);
        if (pe->coff > len || len - pe->coff < COFF_HEADER || memcmp(p + pe->coff, "PE\0\0", 4) != 0)
                return -EBADMSG;
        pe->n_sections = get16(p + pe->coff + 6);
        pe->opt = pe->coff + COFF_HEADER;
        pe->table = pe->opt + get16(p + pe->coff + 20);
        if (pe->table < pe->opt + OPT_CHECKSUM + 4 || pe->table > len ||
                (len - pe->table) / SECTION_HEADER < pe->n_sections ||
                get16(p + pe->opt + OPT_MAGIC) != PE32_PLUS)
                return -EBADMSG;
        pe->align = get32(p + pe->opt + OPT_FILE_ALIGN);
        if (pe->align < 512 || pe->align > 65536 || (pe->align & (pe->align - 1)))
                return -EBADMSG;
        pe->first_raw = get32(p + pe->opt + OPT_HEADERS_SIZE);
        pe->end = 0;
        for (uint32_t i = 0; i < pe->n_sections; i++) {
                const char *s = p + pe->table + i * SECTION_HEADER;
                uint64_t end =
                        (uint64_t)get32(s + SEC_VADDR) + MAX(get32(s + SEC_VSIZE), get32(s + SEC_RAWSIZE));

                pe->end = MAX(pe->end, end);
        }
        return pe->first_raw > len ? -EBADMSG : 0;
}

static int pad_to(struct strbuf *b, uint32_t align)
{
        static const char zeros[512];

        for (size_t over; (over = b->len % align);) {
                int r = strbuf_add(b, zeros, MIN(sizeof zeros, align - over));
                if (r < 0)
                        return r;
        }
        return 0;
}

int uki_join(const void *stub, size_t len, const struct uki_section *sections, size_t n, struct strbuf *out)
{
        struct pe pe;
        int r = pe_parse(stub, len, &pe);

        if (r < 0)
                return r;
        if (pe.table + (pe.n_sections + n) * SECTION_HEADER > pe.first_raw)
                return -ENOSPC;
        r = strbuf_add(out, stub, len);
        uint64_t at = round_up(pe.end, PAGE), data = get32((const char *)stub + pe.opt + OPT_DATA_SIZE);
        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct uki_section *s = &sections[i];

                r = pad_to(out, pe.align);
                if (r < 0 || at + s->len > UINT32_MAX || out->len + s->len > UINT32_MAX)
                        return r < 0 ? r : -EFBIG;
                char *h = out->s + pe.table + (pe.n_sections + i) * SECTION_HEADER;
                memset(h, 0, SECTION_HEADER);
                memcpy(h, s->name, MIN(strlen(s->name), (size_t)8));
                put32(h + SEC_VSIZE, s->len);
                put32(h + SEC_VADDR, at);
                put32(h + SEC_RAWSIZE, round_up(s->len, pe.align));
                put32(h + SEC_RAWPTR, out->len);
                put32(h + SEC_FLAGS, DATA_READ);
                at = round_up(at + s->len, PAGE);
                data += round_up(s->len, pe.align);
                r = strbuf_add(out, s->data, s->len);
        }
        if (r < 0 || (r = pad_to(out, pe.align)) < 0)
                return r;
        uint16_t count = htole16(pe.n_sections + n);
        memcpy(out->s + pe.coff + 6, &count, sizeof count);
        put32(out->s + pe.opt + OPT_DATA_SIZE, data);
        put32(out->s + pe.opt + OPT_IMAGE_SIZE, at);
        put32(out->s + pe.opt + OPT_CHECKSUM, 0);
        return 0;
}

/* --- what is in it --- */

static int read_part(const struct image *im, const char *path, const char *what, struct strbuf *ret)
{
        int r = image_read_source(im, path, ret, NULL);

        return r < 0 ? log_error_errno(r, "Cannot read %s, %s of the unified image: %m", path, what) : 0;
}

/* Given, else /etc/kernel/cmdline, else (an image for this machine) what it was booted with, less what the boot loader
 * added for itself. */
static int find_cmdline(const struct config *c, const struct image *im, struct strbuf *ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        if (c->uki_cmdline)
                return strbuf_puts(ret, c->uki_cmdline);
        r = image_read_source(im, "/etc/kernel/cmdline", ret, NULL);
        if (r >= 0) {
                while (ret->len && strchr(" \t\n", ret->s[ret->len - 1]))
                        ret->s[--ret->len] = 0;
                return 0;
        }
        if (r != -ENOENT || im->sysroot)
                return log_error_errno(
                        r, "There is no /etc/kernel/cmdline for the unified image, and no --cmdline: %m");
        r = read_one_line("/proc/cmdline", &line);
        _cleanup_strv_ char **words = r >= 0 ? strv_split(line, " ") : NULL;
        FOREACH_STR (w, words)
                if (!startswith(*w, "BOOT_IMAGE=") && !startswith(*w, "initrd="))
                        strbuf_printf(ret, "%s%s", ret->len ? " " : "", *w);
        return ret->failed ? -ENOMEM : r;
}

int uki_make(
        const struct config *c, const struct image *im, const struct strbuf *initramfs, struct strbuf *out)
{
        _cleanup_strbuf_ struct strbuf stub = { 0 }, kernel = { 0 }, cmdline = { 0 }, release = { 0 };
        _cleanup_free_ char *vmlinuz = str_printf("/boot/vmlinuz-%s", c->release);
        int r = vmlinuz ? 0 : -ENOMEM;

        if (r < 0 || (r = read_part(im, c->uki_stub ?: UKI_STUB, "the EFI stub", &stub)) < 0 ||
                (r = read_part(im, c->uki_kernel ?: vmlinuz, "the kernel", &kernel)) < 0 ||
                (r = find_cmdline(c, im, &cmdline)) < 0)
                return r;
        if (image_read_source(im, "/etc/os-release", &release, NULL) < 0)
                strbuf_puts(&release, "ID=linux\n");
        strbuf_add(&cmdline, "", 1);
        /* The kernel comes last: it may use memory behind its section while it unpacks itself. */
        const struct uki_section sections[] = {
                { ".osrel", release.s, release.len },
                { ".cmdline", cmdline.s, cmdline.len },
                { ".uname", c->release, strlen(c->release) },
                { ".initrd", initramfs->s, initramfs->len },
                { ".linux", kernel.s, kernel.len },
        };
        r = uki_join(stub.s, stub.len, sections, ARRAY_SIZE(sections), out);
        if (r < 0)
                return log_error_errno(
                        r, "Cannot put the unified image together around %s: %m", c->uki_stub ?: UKI_STUB);
        return 0;
}
