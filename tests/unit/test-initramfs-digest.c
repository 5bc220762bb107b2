/* The module digest: what the builder writes, the reader finds; damage is noticed and never read past. */
#include <stdlib.h>
#include "initramfs/digest.h"
#include "initramfs/modprobed.h"
#include "tests/tap.h"

static const struct digest_key key = { 10, 20, 30 };

/* nd_pmem needs libnvdimm and nd_btt; virtio_blk has a soft dependency; ext4 is built in. */
static void make(struct strbuf *out)
{
        struct digest_builder *b;

        digest_builder_new(&b);
        uint32_t pmem = digest_builder_module(b, "nd-pmem", "kernel/nd_pmem.ko.xz", NULL, NULL, 0);
        uint32_t lib = digest_builder_module(b, "libnvdimm", "kernel/libnvdimm.ko", "a=1", NULL, 0);
        uint32_t btt = digest_builder_module(b, "nd_btt", "kernel/nd_btt.ko", NULL, NULL, 0);
        uint32_t blk = digest_builder_module(b, "virtio_blk", "kernel/virtio_blk.ko", NULL, NULL, 0);
        uint32_t black = digest_builder_module(b, "bad", "kernel/bad.ko", NULL, NULL, DIGEST_BLACKLISTED);
        uint32_t hand =
                digest_builder_module(b, "hand", "kernel/hand.ko", NULL, "/bin/true", DIGEST_INSTALL);
        uint32_t ext4 = digest_builder_module(b, "ext4", "", NULL, NULL, DIGEST_BUILTIN);
        uint32_t pmem_order[] = { lib, btt, pmem }, blk_order[] = { btt | DIGEST_STEP_OPTIONAL, blk };
        uint32_t self[] = { lib };

        digest_builder_order(b, pmem, pmem_order, 3);
        digest_builder_order(b, blk, blk_order, 2);
        digest_builder_order(b, lib, self, 1);
        digest_builder_alias(b, "nd:t4*", pmem, false);
        digest_builder_alias(b, "nd:t5*", pmem, false);
        digest_builder_alias(b, "virtio:d00000002v*", blk, false);
        digest_builder_alias(b, "virtio:d00000002v*", black, false);
        digest_builder_alias(b, "virtio:d0000000[3-5]v*", hand, false);
        digest_builder_alias(b, "acpi*:ACPI0012:*", lib, false);
        digest_builder_alias(b, "fs-ext4", ext4, false);
        digest_builder_alias(b, "usb:v0001p*", blk, false);
        digest_builder_alias(b, "usb:v0001p0002*", hand, true);
        digest_builder_alias(b, "exact-name", blk, false);
        is_int(digest_builder_finish(b, "6.1.0-test", &key, out), 0, "a digest is built");
        digest_builder_free(b);
}

struct found {
        char names[256];
};

static int collect(const struct digest *d, const struct digest_module *m, void *data)
{
        struct found *f = data;
        size_t l = strlen(f->names);

        snprintf(f->names + l, sizeof f->names - l, "%s%s", l ? " " : "", m->name);
        return 0;
}

static const char *lookup(const struct digest *d, const char *alias)
{
        static struct found f;

        f.names[0] = 0;
        digest_lookup_alias(d, alias, collect, &f);
        return f.names;
}

static const char *order(const struct digest *d, const char *name)
{
        static char text[256];
        struct digest_module m;
        struct digest_step s;

        text[0] = 0;
        if (digest_module(d, name, &m) < 0)
                return NULL;
        for (uint32_t i = 0; i < m.n_order && digest_order(d, &m, i, &s) == 0; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%s", i ? " " : "",
                        s.optional ? "?" : "", s.module.name);
        return text;
}

static void reading(const struct strbuf *b)
{
        struct digest *d = NULL;
        struct digest_module m;

        is_int(digest_open_memory(b->s, b->len, &d), 0, "and opened");
        is_int(digest_verify(d), 0, "and is sound");
        is_str(digest_release(d), "6.1.0-test", "release");
        ok(digest_key(d).dep_size == 10 && digest_key(d).conf_hash == 30, "key");
        is_int(digest_n_modules(d), 7, "modules");

        is_int(digest_module(d, "nd-pmem", &m), 0, "found by name, '-' for '_'");
        is_str(m.name, "nd_pmem", "its name");
        is_str(m.path, "kernel/nd_pmem.ko.xz", "its path");
        is_int(digest_module(d, "nd_pmemx", &m), -ENOENT, "a longer name is another");
        is_int(digest_module(d, "libnvdimm", &m), 0, "by name");
        is_str(m.options, "a=1", "options");
        is_str(order(d, "nd_pmem"), "libnvdimm nd_btt nd_pmem", "load order");
        is_str(order(d, "virtio_blk"), "?nd_btt virtio_blk", "a soft dependency is optional");

        is_str(lookup(d, "nd:t4"), "nd_pmem", "alias with nothing for the '*'");
        is_str(lookup(d, "nd:t6"), "", "no alias");
        is_str(lookup(d, "virtio:d00000002v00001AF4"), "virtio_blk",
                "alias; the blacklisted module is passed over");
        is_str(lookup(d, "virtio:d00000004v00001AF4"), "hand", "range");
        is_str(lookup(d, "virtio:d00000006v00001AF4"), "", "outside of the range");
        is_str(lookup(d, "acpi:ACPI0012:"), "libnvdimm", "wildcard before the first colon");
        is_str(lookup(d, "fs-ext4"), "", "nothing to load for what is built in");
        is_str(lookup(d, "usb:v0001p0003"), "virtio_blk", "the module's own alias");
        is_str(lookup(d, "usb:v0001p0002d"), "hand", "an alias of modprobe.d hides it");
        is_str(lookup(d, "exact_name"), "virtio_blk", "alias without wildcard");
        is_str(lookup(d, "exact_names"), "", "which must match as a whole");
        is_str(lookup(d, "nd_btt"), "nd_btt", "a module's name is an alias");
        is_str(lookup(d, ""), "", "empty alias");
        digest_close(d);
}

static uint32_t keep_pmem(const struct digest_module *m, void *data)
{
        if (streq(m->name, "virtio_blk"))
                return DIGEST_ABSENT;
        return startswith(m->name, "nd_") || streq(m->name, "libnvdimm") ? DIGEST_EARLY : DIGEST_DROP;
}

static void restricting(const struct strbuf *b)
{
        _cleanup_strbuf_ struct strbuf small = { 0 }, again = { 0 };
        struct digest *d, *s = NULL;
        struct digest_module m;

        digest_open_memory(b->s, b->len, &d);
        is_int(digest_restrict(d, keep_pmem, NULL, &small), 0, "a smaller digest");
        digest_restrict(d, keep_pmem, NULL, &again);
        ok(small.len == again.len && memcmp(small.s, again.s, small.len) == 0, "the same every time");
        is_int(digest_open_memory(small.s, small.len, &s), 0, "is opened");
        is_int(digest_verify(s), 0, "and is sound");
        is_int(digest_n_modules(s), 4, "with fewer modules");
        is_int(digest_module(s, "nd_pmem", &m), 0, "one of them");
        is_int(m.flags, DIGEST_EARLY, "marked");
        is_str(m.path, "kernel/nd_pmem.ko", "decompressed in the image");
        is_str(order(s, "nd_pmem"), "libnvdimm nd_btt nd_pmem", "order kept");
        is_int(digest_module(s, "virtio_blk", &m), 0, "the absent one");
        is_int(m.flags, DIGEST_ABSENT, "is marked");
        is_str(lookup(s, "virtio:d00000002v1"), "virtio_blk", "and still found, to be named");
        is_int(digest_module(s, "hand", &m), -ENOENT, "the rest is gone");
        digest_close(s);
        digest_close(d);
}

/* Every byte damaged in turn: nothing but errors or wrong answers, under the sanitizers no bad access. */
static void damage(const struct strbuf *b)
{
        char *copy = malloc(b->len);
        struct digest *d;
        unsigned opened = 0, noticed = 0;

        for (size_t i = 0; i < b->len; i++)
                for (int v = 0; v < 3; v++) {
                        memcpy(copy, b->s, b->len);
                        copy[i] = v == 0 ? 0 : v == 1 ? 0xff : copy[i] ^ 0x40;
                        if (memcmp(copy, b->s, b->len) == 0 || digest_open_memory(copy, b->len, &d) < 0)
                                continue;
                        opened++;
                        noticed += i < 88 || digest_verify(d) < 0;
                        (void)lookup(d, "virtio:d00000002v00001AF4");
                        (void)lookup(d, "usb:v0001p0002d");
                        (void)order(d, "nd_pmem");
                        digest_close(d);
                }
        is_int(noticed, opened, "every change behind the header is noticed by digest_verify()");
        for (size_t n = 0; n < b->len; n++) {
                memcpy(copy, b->s, n);
                if (digest_open_memory(copy, n, &d) >= 0)
                        break;
                if (n == b->len - 1)
                        ok(true, "a truncated file is never opened");
        }
        free(copy);
}

static void matching(void)
{
        ok(digest_match("a*c", "abbbc"), "star");
        ok(digest_match("*", ""), "star matches nothing");
        ok(!digest_match("a*c", "abbb"), "star needs its tail");
        ok(digest_match("a?c", "abc") && !digest_match("a?c", "ac"), "question mark");
        ok(digest_match("[!a-c]x", "dx") && !digest_match("[!a-c]x", "bx"), "inverted range");
        ok(digest_match("a-b", "a_b"), "'-' and '_'");
        ok(!digest_match("[ab", "a"), "a bracket that never ends matches nothing");
        ok(digest_match("*a*b*c*", "xxaxxbxxcxx"), "several stars");
}

static char seen[512];

static int on_words(const char *a, const char *b, void *data)
{
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s(%s|%s) ", (const char *)data, a, b);
        return 0;
}

static int on_black(const char *a, void *data)
{
        return on_words(a, "", data);
}

static int on_softdep(const char *m, char *const *pre, char *const *post, void *data)
{
        _cleanup_free_ char *a = strv_join(pre, ","), *b = strv_join(post, ",");

        return on_words(m, a, data), on_words(m, b, data);
}

static int on_weakdep(const char *m, char *const *deps, void *data)
{
        _cleanup_free_ char *a = strv_join(deps, ",");

        return on_words(m, a, data);
}

static void modprobe_d(void)
{
        const struct modprobed_visitor v = { .alias = on_words,
                .blacklist = on_black,
                .options = on_words,
                .install = on_words,
                .softdep = on_softdep,
                .weakdep = on_weakdep,
                .data = (void *)"" };
        char text[] = "# comment\n\nblacklist pcspkr\noptions  snd  a=1 \\\n b=2\nalias x* mod\n"
                      "install nope /bin/false --x\nsoftdep m pre: a b post: c\nsoftdep broken gcm\nweakdep "
                      "w d  e\n"
                      "rubbish here\nalias alone\nblacklist last";

        is_int(modprobed_parse("test.conf", text, &v), 0, "modprobe.d is parsed");
        is_str(seen,
                "(pcspkr|) (snd|a=1  b=2) (x*|mod) (nope|/bin/false --x) (m|a,b) (m|c) (w|d,e) (last|) ",
                "every line, with continuation; bad lines are skipped");
}

int main(void)
{
        _cleanup_strbuf_ struct strbuf b = { 0 }, again = { 0 };

        make(&b);
        make(&again);
        ok(b.len == again.len && memcmp(b.s, again.s, b.len) == 0, "the same bytes every time");
        reading(&b);
        restricting(&b);
        damage(&b);
        matching();
        modprobe_d();
        return tap_done();
}
