/* The image: a newc archive that is the same every time, found again by the reader; compression there and back;
 * what a program needs; paths that stay inside the sysroot. */
#include <stdio.h>
#include <sys/stat.h>
#include "initramfs/features.h"
#include "initramfs/inspect.h"
#include "initramfs/microcode.h"
#include "initramfs/uki.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "tests/tap.h"

static char dir[] = "/tmp/rouse-image-XXXXXX";
static char listing[2048];

static int note(const struct member *m, void *data)
{
        size_t l = strlen(listing);

        snprintf(listing + l, sizeof listing - l, "%s:%o:%.*s ", m->path, m->mode,
                (int)MIN(m->len, (size_t)40), m->data);
        return 0;
}

static void write_bytes(const char *name, const char *data, size_t len)
{
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        mkdir_parents(path, 0755);
        write_file_atomic(path, data, len, 0644, false);
}

static void write_file(const char *name, const char *text)
{
        write_bytes(name, text, strlen(text));
}

static void link_file(const char *target, const char *name)
{
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name);

        (void)symlink_atomic(target, path);
}

static void fill(struct image *im, bool reverse)
{
        struct strbuf data = { 0 };

        strbuf_puts(&data, "hello");
        if (reverse)
                image_add_dir(im, "zz/deep/er", 0700, "test");
        image_add_data(im, "/init", 0755, &data, "test");
        image_add_link(im, "lib/link", "../init", "test");
        image_add_node(im, "dev/console", S_IFCHR | 0600, 5, 1, "test");
        if (!reverse)
                image_add_dir(im, "zz/deep/er", 0700, "test");
        strbuf_done(&data);
}

static void archive(void)
{
        _cleanup_strbuf_ struct strbuf a = { 0 }, b = { 0 };
        struct image im;

        setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
        is_int(image_open(&im, dir), 0, "an image");
        fill(&im, false);
        is_int(image_write(&im, &a), 0, "is written");
        image_done(&im);
        image_open(&im, dir);
        fill(&im, true);
        image_write(&im, &b);
        image_done(&im);
        unsetenv("SOURCE_DATE_EPOCH");
        is_int(a.len % 512, 0, "whole blocks");
        /* In another order of adding inodes may differ only by the sorted place. */
        ok(a.len == b.len && memcmp(a.s, b.s, a.len) == 0, "the order of adding does not matter");

        listing[0] = 0;
        is_int(inspect_members(a.s, a.len, note, NULL), 0, "is read");
        is_str(listing,
                "dev:40755: dev/console:20600: init:100755:hello lib:40755: lib/link:120777:../init "
                "zz:40755: zz/deep:40755: zz/deep/er:40700: ",
                "and holds what was put in");
        for (size_t n = 1; n < a.len - 512; n += 3) {
                int r = inspect_members(a.s, n, note, NULL);

                listing[0] = 0;
                if (r != -EBADMSG) {
                        is_int(r, -EBADMSG, "a truncated archive");
                        break;
                }
        }
        ok(true, "a truncated archive is noticed at every length");

        for (int c = COMPRESS_NONE; c <= COMPRESS_GZIP; c++) {
                _cleanup_strbuf_ struct strbuf packed = { 0 }, same = { 0 }, plain = { 0 };

                is_int(compress_data(c, 0, 1, a.s, a.len, &packed), 0, compress_name(c));
                compress_data(c, 0, 7, a.s, a.len, &same);
                ok(packed.len == same.len && memcmp(packed.s, same.s, same.len) == 0,
                        "is the same every time, with any number of threads");
                is_int(compress_detect(packed.s, packed.len), c, "is recognised");
                is_int(decompress_data(c, packed.s, packed.len, 1 << 20, &plain), 0, "is unpacked");
                ok(plain.len == a.len && memcmp(plain.s, a.s, a.len) == 0, "to what it was");
                if (c == COMPRESS_NONE)
                        continue;
                _cleanup_strbuf_ struct strbuf cut = { 0 };
                ok(decompress_data(c, packed.s, packed.len / 2, 1 << 20, &cut) < 0,
                        "half of it is an error");
        }
}

static void sources(void)
{
        _cleanup_(image_done) struct image im = { .root_fd = -1 };

        write_file("real/file", "content");
        write_file("etc/outside", "inside");
        link_file("/etc/outside", "absolute");
        link_file("loop2", "loop1");
        link_file("loop1", "loop2");
        link_file("../../../../../../etc/outside", "climbing");
        write_file("script", "#!/real/file -x\n");
        link_file("nowhere", "dangling");
        image_open(&im, dir);
        is_int(image_add_file(&im, "/real/file", NULL, "t"), 0, "a file");
        is_int(image_add_file(&im, "/real/file", "/other/name", "t"), 1, "again under another name");
        ok(S_ISLNK(image_find(&im, "/other/name")->mode), "becomes a link");
        is_str(image_find(&im, "/other/name")->data.s, "/real/file", "to the first");
        is_int(image_add_file(&im, "/absolute", NULL, "t"), 0, "an absolute link");
        is_str(image_find(&im, "absolute")->data.s, "inside", "stays in the sysroot");
        is_int(image_add_file(&im, "/climbing", NULL, "t"), 1, "one that climbs");
        is_int(image_add_file(&im, "/loop1", NULL, "t"), -ELOOP, "a loop of links");
        is_int(image_add_file(&im, "/dangling", NULL, "t"), -ENOENT, "a dangling link");
        is_int(image_add_file(&im, "/etc", NULL, "t"), -EISDIR, "a directory is no file");
}

/* crypttab's keyscript= comes along with its interpreter and the file that it is given. */
static void crypttab(void)
{
        _cleanup_(image_done) struct image im = { .root_fd = -1 };
        struct hardware h = { 0 };
        struct features f;
        char *names[] = { (char *)"luks", NULL };
        struct config c = { .mode = MODE_HOST, .features = names };

        write_file("sbin/cryptsetup", "a program");
        write_file("lib/cryptsetup/scripts/unwrap", "#!/real/file\n");
        _cleanup_free_ char *script = str_printf("%s/lib/cryptsetup/scripts/unwrap", dir);
        chmod(script, 0755);
        write_file("etc/keys/wrapped", "a key");
        write_file("etc/crypttab", "# name device key options\n"
                                   "root UUID=1 /etc/keys/wrapped luks,keyscript=unwrap\n"
                                   "home UUID=2 none luks,noauto\n"
                                   "data UUID=3 /etc/keys/none luks,initramfs\n"
                                   "more UUID=4 x luks,keyscript=/no/such\n");
        image_open(&im, dir);
        is_int(features_choose(&c, &im, &h, NULL, &f), 0, "LUKS is asked for");
        is_int(features_install(&f, &im, &h), 0, "and comes in");
        ok(image_find(&im, "/lib/cryptsetup/scripts/unwrap"), "the keyscript");
        ok(image_find(&im, "/real/file"), "its interpreter");
        ok(image_find(&im, "/etc/keys/wrapped") && im.secret, "its file, which is secret");
        is_str(image_find(&im, "/etc/crypttab")->data.s,
                "root UUID=1 /etc/keys/wrapped luks,keyscript=unwrap\n"
                "data UUID=3 /etc/keys/none luks,initramfs\n"
                "more UUID=4 x luks,keyscript=/no/such\n",
                "the entries that may be the root's");
}

static void tokens(void)
{
        static const char head[] = "LUKS\xba\xbe\0\2\0\0\0\0\0\0\x40\0";
        _cleanup_free_ char *path = str_printf("%s/luks", dir);
        char text[16384] = { 0 };

        memcpy(text, head, 16);
        strcpy(text + 4096, "{\"tokens\":{\"0\":{\"type\":\"systemd-tpm2\"}}}");
        write_bytes("luks", text, sizeof text);
        ok(hardware_has_tpm2_token(path), "a token for a TPM2");
        text[4096 + 24] = 'x';
        write_bytes("luks", text, sizeof text);
        ok(!hardware_has_tpm2_token(path), "another token");
        text[4096 + 24] = 's';
        text[7] = 1;
        write_bytes("luks", text, sizeof text);
        ok(!hardware_has_tpm2_token(path), "LUKS1 has none");
        memset(text + 8, 0xff, 8);
        text[7] = 2;
        write_bytes("luks", text, 4100);
        ok(!hardware_has_tpm2_token(path), "a header that is cut off, with a size that cannot be");
        write_bytes("luks", text, 10);
        ok(!hardware_has_tpm2_token(path) && !hardware_has_tpm2_token("/no/such"), "no header");
}

static void cpu(const char *text, int expected, const char *name)
{
        _cleanup_free_ char *copy = strdup(text), *found = NULL;

        is_int(microcode_cpu_from(copy, &found), expected, name ?: "no microcode for it");
        if (name)
                is_str(found, name, "family, model and stepping");
}

/* What would be in front of the image for a processor. */
static const char *early(const struct image *im, const char *processor)
{
        _cleanup_strbuf_ struct strbuf out = { 0 };

        listing[0] = 0;
        if (microcode_write(im, processor, &out) < 0)
                return "an error";
        if (out.len && (out.len % 512 || inspect_members(out.s, out.len, note, NULL) < 0))
                return "no archive";
        return listing;
}

static void microcode(void)
{
        _cleanup_(image_done) struct image im = { .root_fd = -1 };

        cpu("processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: X\n"
            "stepping\t: 4\n\nprocessor\t: 1\n",
                0, "GenuineIntel 06-55-04");
        cpu("vendor_id : AuthenticAMD\ncpu family : 25\nmodel : 1\nstepping : 2\n", 0,
                "AuthenticAMD 19-01-02");
        cpu("vendor_id : GenuineIntel\ncpu family : six\n", -EBADMSG, NULL);
        cpu("vendor_id : Other\ncpu family : 6\n", -ENOENT, NULL);

        image_open(&im, dir);
        is_str(early(&im, NULL), "", "none there: nothing in front");
        write_bytes("lib/firmware/intel-ucode/06-55-04", "\1\0\0\0this", 8);
        write_bytes("lib/firmware/intel-ucode/06-55-07", "\1\0\0\0that", 8);
        write_bytes("lib/firmware/intel-ucode/README", "text", 4);
        write_bytes("lib/firmware/amd-ucode/microcode_amd_fam19h.bin", "DMA\0amd", 7);
        write_bytes("lib/firmware/amd-ucode/README", "text", 4);
        is_str(early(&im, "GenuineIntel 06-55-07"),
                "kernel:40755: kernel/x86:40755: kernel/x86/microcode:40755: "
                "kernel/x86/microcode/GenuineIntel.bin:100644:\1 ",
                "one processor's");
        is_str(early(&im, "GenuineIntel 06-01-01"), "", "none for that model");
        ok(strstr(early(&im, "AuthenticAMD 19-01-02"), "AuthenticAMD.bin:100644:DMA") &&
                        !strstr(listing, "Intel"),
                "the other vendor's");
        ok(strstr(early(&im, NULL), "AuthenticAMD") && strstr(listing, "GenuineIntel"), "all there is");
}

/* The smallest EFI program that has what matters: headers, one section. */
static void fake_stub(char *p, size_t len)
{
        memset(p, 0, len);
        memcpy(p, "MZ", 2);
        p[60] = 64;
        memcpy(p + 64, "PE\0", 4);
        p[64 + 6] = 1;    /* sections */
        p[64 + 20] = 112; /* length of the optional header, which is at 88 */
        memcpy(p + 88, "\x0b\x02", 2);
        memcpy(p + 88 + 36, "\0\2", 2); /* alignment in the file: 512 */
        memcpy(p + 88 + 60, "\0\2", 2); /* length of the headers: 512 */
        memcpy(p + 200, ".text", 5);
        memcpy(p + 200 + 12, "\0\x10", 2); /* address 4096 */
        memcpy(p + 200 + 8, "\0\2", 2);    /* length 512 */
}

static uint32_t at32(const struct strbuf *b, size_t at)
{
        uint32_t v;

        memcpy(&v, b->s + at, sizeof v);
        return v;
}

static void unified(void)
{
        const struct uki_section two[] = { { ".initrd", "initramfs", 9 }, { ".linux", "kernel", 6 } };
        struct uki_section many[8];
        _cleanup_strbuf_ struct strbuf out = { 0 };
        char stub[1024];

        fake_stub(stub, sizeof stub);
        is_int(uki_join(stub, sizeof stub, two, 2, &out), 0, "a unified image");
        is_int(out.s[64 + 6], 3, "has three sections");
        is_str(out.s + 240, ".initrd", "one is the initramfs");
        is_int(at32(&out, 240 + 8), 9, "as long as it is");
        is_int(at32(&out, 240 + 12), 8192, "on a page of its own");
        is_str(out.s + at32(&out, 240 + 20), "initramfs", "where its header says");
        is_int(at32(&out, 280 + 12), 12288, "the kernel on the next page");
        is_str(out.s + at32(&out, 280 + 20), "kernel", "where its header says");
        is_int(at32(&out, 88 + 56), 16384, "and the image reaches behind it");
        is_int(out.len % 512, 0, "whole blocks");

        for (size_t i = 0; i < ARRAY_SIZE(many); i++)
                many[i] = two[0];
        _cleanup_strbuf_ struct strbuf none = { 0 };
        is_int(uki_join(stub, sizeof stub, many, 8, &none), -ENOSPC, "no room for that many");
        for (size_t n = 0; n < 240; n += 7)
                if (uki_join(stub, n, two, 2, &none) != -EBADMSG)
                        is_int(n, 0, "a stub cut short");
        memcpy(stub + 64, "NE", 2);
        is_int(uki_join(stub, sizeof stub, two, 2, &none), -EBADMSG, "another format");
}

static void formats(void)
{
        enum compression c;
        int level;

        is_int(compress_parse("zstd", &c, &level), 0, "zstd");
        ok(c == COMPRESS_ZSTD && level == 0, "with its own level");
        ok(compress_parse("lz4:12", &c, &level) == 0 && c == COMPRESS_LZ4 && level == 12, "lz4:12");
        is_int(compress_parse("xz:10", &c, &level), -EINVAL, "no such level");
        is_int(compress_parse("none:1", &c, &level), -EINVAL, "none has no level");
        is_int(compress_parse("lzo", &c, &level), -EINVAL, "no such format");
        is_int(compress_parse("", &c, &level), -EINVAL, "nothing");
}

int main(void)
{
        _cleanup_free_ char *remove = NULL;

        log_open("test", LOG_TO_NULL);
        if (!mkdtemp(dir))
                return 1;
        archive();
        sources();
        crypttab();
        tokens();
        microcode();
        unified();
        formats();
        remove = str_printf("rm -rf %s", dir);
        return system(remove) == 0 ? tap_done() : 1;
}
