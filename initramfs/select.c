/* Which modules come into the image: see select.h. */

#include <gelf.h>
#include <stdio.h>
#include "initramfs/compress.h"
#include "initramfs/digest.h"
#include "initramfs/elf.h"
#include "initramfs/modprobed.h"
#include "initramfs/select.h"
#include "lib/log.h"
#include "lib/paths.h"

/* Directories below kernel/ whose drivers a root's disk, or the keyboard that unlocks it, may need. A device of
 * the machine brings its driver in only when that is in one of these; --generic takes those with `generic`. */
static const struct {
        const char *path;
        bool generic;
} classes[] = {
        { "drivers/acpi/nfit/", true },
        { "drivers/ata/", true },
        { "drivers/block/virtio_blk", true },
        { "drivers/block/xen-blkfront", true },
        { "drivers/block/", false },
        { "drivers/cdrom/", true },
        { "drivers/dax/", false },
        { "drivers/firewire/", false },
        { "drivers/hid/", true },
        { "drivers/hv/", true },
        { "drivers/input/keyboard/", true },
        { "drivers/input/serio/", true },
        { "drivers/md/", false },
        { "drivers/memstick/", true },
        { "drivers/message/fusion/", true },
        { "drivers/mmc/", true },
        { "drivers/nvdimm/", true },
        { "drivers/nvme/host/", true },
        { "drivers/pci/controller/", true },
        { "drivers/phy/", false },
        { "drivers/scsi/", true },
        { "drivers/thunderbolt/", false },
        { "drivers/ufs/", true },
        { "drivers/usb/common/", true },
        { "drivers/usb/core/", true },
        { "drivers/usb/dwc3/", true },
        { "drivers/usb/host/", true },
        { "drivers/usb/storage/", true },
        { "drivers/virtio/", true },
        { "drivers/xen/", false },
};

/* What stays in a host image so that it still boots when the disk has moved to another machine. */
static const char *const lean[] = { "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "nvme", "ahci",
        "ata_piix", "sd_mod", "sr_mod", "usb_storage", "uas", "xhci_pci", "ehci_pci", "ohci_pci", "uhci_hcd",
        "usbhid", "hid_generic", "atkbd", "i8042", "mmc_block", "sdhci_pci", "sdhci_acpi", "hv_storvsc",
        "xen_blkfront", "vmw_pvscsi", "mptspi" };

int selection_open(struct selection *s, const struct digest *d, struct image *im)
{
        uint32_t n = digest_n_modules(d) + 1;

        *s = (struct selection) { .digest = d, .image = im };
        s->state = calloc(n, 1);
        s->why = calloc(n, sizeof *s->why);
        return s->state && s->why ? 0 : -ENOMEM;
}

void selection_done(struct selection *s)
{
        free(s->state);
        free(s->why);
        strv_free(s->texts);
}

static const char *keep_text(struct selection *s, char *text)
{
        if (!text || strv_push(&s->texts, text) < 0)
                return "";
        return s->texts[strv_len(s->texts) - 1];
}

static void take(struct selection *s, const struct digest_module *m, const char *why, bool early)
{
        const char *for_it = NULL;
        struct digest_step step;

        if (s->state[m->index] & SELECT_IN && (!early || s->state[m->index] & SELECT_EARLY))
                return;
        for (uint32_t i = 0; i < m->n_order && digest_order(s->digest, m, i, &step) >= 0; i++) {
                uint32_t k = step.module.index;

                s->state[k] |= SELECT_IN;
                if (s->why[k])
                        continue;
                if (k == m->index)
                        s->why[k] = why;
                else
                        s->why[k] = for_it = for_it ?: keep_text(s, str_printf("for module %s", m->name));
        }
        if (early)
                s->state[m->index] |= SELECT_EARLY;
}

/* --- by name --- */

struct match {
        struct selection *s;
        const char *why;
        bool early, filter;
        unsigned found;
};

static bool in_classes(const struct digest_module *m, bool generic_only)
{
        const char *below = startswith(m->path, "kernel/");

        for (size_t i = 0; below && i < ARRAY_SIZE(classes); i++)
                if (startswith(below, classes[i].path))
                        return classes[i].generic || !generic_only;
        return false;
}

static int on_match(const struct digest *d, const struct digest_module *m, void *data)
{
        struct match *x = data;

        /* A module built outside of the kernel (updates/, extra/) may be anything; it comes in if it drives
         * something on the way to the root. */
        if (x->filter && !in_classes(m, false) && !(x->early && !startswith(m->path, "kernel/")))
                return 0;
        x->found++;
        take(x->s, m, x->why, x->early);
        return 0;
}

int select_name(struct selection *s, const char *name, const char *why, bool early, bool required)
{
        struct match x = { .s = s, .why = keep_text(s, strdup(why)), .early = early };
        struct digest_module m;

        if (digest_module(s->digest, name, &m) >= 0) {
                if (!(m.flags & DIGEST_BUILTIN))
                        take(s, &m, x.why, early);
                return 1;
        }
        int r = digest_lookup_alias(s->digest, name, on_match, &x);
        if (r < 0)
                return r;
        if (x.found == 0 && required) {
                image_missing(s->image, LOG_ERR, "Module %s (%s) is not among the modules of kernel %s",
                        name, why, digest_release(s->digest));
                s->errors++;
        }
        return x.found > 0;
}

/* --- by hardware --- */

static int select_modaliases(struct selection *s, char *const *list, const char *why, bool early)
{
        FOREACH_STR (a, list) {
                struct match x = { .s = s, .why = why, .early = early, .filter = true };
                int r = digest_lookup_alias(s->digest, *a, on_match, &x);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A driver that needs one of these has uses besides a disk (a SCSI target, a keyboard with a sound chip), or needs a
 * network and its daemons first (FCoE and iSCSI over an Ethernet chip): it stays out of a generic image, and --add-module
 * brings it in. */
static bool is_heavy(const struct selection *s, const struct digest_module *m)
{
        static const char *const heavy[] = { "kernel/drivers/infiniband/", "kernel/drivers/net/ethernet/",
                "kernel/drivers/target/", "kernel/sound/" };
        struct digest_step step;

        for (uint32_t i = 0; i < m->n_order && digest_order(s->digest, m, i, &step) >= 0; i++)
                for (size_t k = 0; k < ARRAY_SIZE(heavy); k++)
                        if (startswith(step.module.path, heavy[k]))
                                return true;
        return false;
}

/* Only what a device can ask for: nothing else is loaded in the image, but as what another module needs. */
static int select_classes(struct selection *s)
{
        uint32_t n = digest_n_modules(s->digest), index;
        _cleanup_free_ bool *asked = calloc(n + 1, sizeof *asked);
        struct digest_module m;
        const char *pattern;

        if (!asked)
                return -ENOMEM;
        for (uint32_t i = 0; digest_alias_at(s->digest, i, &pattern, &index) != -ERANGE; i++)
                if (index < n)
                        asked[index] = true;
        for (uint32_t i = 0; i < n; i++)
                if (asked[i] && digest_module_at(s->digest, i, &m) >= 0 && !(m.flags & DIGEST_BUILTIN) &&
                        in_classes(&m, true) && !is_heavy(s, &m))
                        take(s, &m, "generic image", false);
        return 0;
}

int select_drivers(struct selection *s, enum image_mode mode, const struct hardware *h)
{
        /* Where the chain is not known, every disk driver of the machine is loaded at once. */
        bool all_early = !h->root_modaliases;
        int r = select_modaliases(s, h->root_modaliases, "drives the way to the root", true);

        if (r >= 0)
                r = select_modaliases(s, h->modaliases, "drives hardware of the machine", all_early);
        if (r < 0)
                return r;
        if (mode == MODE_HOST)
                for (size_t i = 0; i < ARRAY_SIZE(lean); i++)
                        select_name(s, lean[i], "lean set", false, false);
        if (mode == MODE_GENERIC)
                return select_classes(s);
        return 0;
}

static int on_weakdep(const char *module, char *const *deps, void *data)
{
        struct selection *s = data;
        struct digest_module m;
        int r = digest_module(s->digest, module, &m);

        if (r < 0 || !(s->state[m.index] & SELECT_IN))
                return 0;
        const char *why = keep_text(s, str_printf("%s may ask for it", m.name));
        FOREACH_STR (d, deps)
                if ((r = select_name(s, *d, why, false, false)) < 0)
                        return r;
        return 0;
}

int select_weak(struct selection *s, const char *sysroot)
{
        const struct modprobed_visitor v = { .weakdep = on_weakdep, .data = s };

        return modprobed_read(sysroot, digest_release(s->digest), &v);
}

#define NETWORK_DRIVERS "kernel/drivers/net/"

static int on_network_match(const struct digest *d, const struct digest_module *m, void *data)
{
        struct match *x = data;

        if (startswith(m->path, NETWORK_DRIVERS))
                take(x->s, m, x->why, false);
        return 0;
}

int select_network(struct selection *s, enum image_mode mode, const struct hardware *h)
{
        struct match x = { .s = s, .why = "network interface of the machine" };
        struct digest_module m;

        FOREACH_STR (a, h->modaliases) {
                int r = digest_lookup_alias(s->digest, *a, on_network_match, &x);
                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; mode == MODE_GENERIC && i < digest_n_modules(s->digest); i++)
                if (digest_module_at(s->digest, i, &m) >= 0 && !(m.flags & DIGEST_BUILTIN) &&
                        startswith(m.path, NETWORK_DRIVERS "ethernet/"))
                        take(s, &m, "generic image with a network", false);
        return 0;
}

/* --- into the image --- */

/* Compressed firmware is stored as it will be used, like modules: not every kernel unpacks it, and the image is packed as
 * a whole. */
static int add_firmware_file(struct selection *s, const char *dir, const char *name, const char *module)
{
        static const char *const suffixes[] = { "", ".xz", ".zst" };
        _cleanup_free_ char *plain = str_printf("%s/%s", dir, name);
        const char *why = keep_text(s, str_printf("firmware of %s", module));
        int r = plain ? -ENOENT : -ENOMEM;

        for (size_t i = 0; i < ARRAY_SIZE(suffixes) && r == -ENOENT; i++) {
                _cleanup_free_ char *path = str_printf("%s%s", plain, suffixes[i]);
                _cleanup_strbuf_ struct strbuf packed = { 0 }, data = { 0 };

                if (!path)
                        return -ENOMEM;
                if (i == 0) {
                        r = image_add_file(s->image, path, NULL, why);
                        continue;
                }
                r = image_read_source(s->image, path, &packed, NULL);
                if (r >= 0)
                        r = decompress_data(compress_detect(packed.s, packed.len), packed.s, packed.len,
                                256 << 20, &data);
                if (r >= 0)
                        r = image_add_data(s->image, plain, 0644, &data, why);
                else if (r != -ENOENT && r != -ENOMEM) {
                        image_missing(s->image, LOG_WARNING, "Firmware %s, which module %s may ask for: %s",
                                path, module, strerror(-r));
                        return 0;
                }
        }
        return r;
}

/* NAME of "firmware=NAME" strings in .modinfo. */
static int add_firmware(struct selection *s, const struct digest_module *m, const struct strbuf *module)
{
        static const char *const dirs[] = { "/lib/firmware/updates", "/lib/firmware" };
        Elf *elf = elf_memory(module->s, module->len);
        Elf_Scn *scn = NULL;
        size_t names = 0;
        int r = 0;

        if (elf)
                elf_getshdrstrndx(elf, &names);
        while (elf && r >= 0 && (scn = elf_nextscn(elf, scn))) {
                GElf_Shdr sh;
                const char *section;
                Elf_Data *d;

                if (!gelf_getshdr(scn, &sh) || !(section = elf_strptr(elf, names, sh.sh_name)) ||
                        !streq(section, ".modinfo") || !(d = elf_getdata(scn, NULL)))
                        continue;
                for (const char *p = d->d_buf, *end = p + d->d_size; p && p < end && r >= 0;) {
                        size_t l = strnlen(p, end - p);
                        _cleanup_free_ char *entry = strndup(p, l);
                        const char *name = entry ? startswith(entry, "firmware=") : NULL;
                        bool found = false;

                        p += l + 1;
                        for (size_t i = 0; name && i < 2 && !found && r >= 0; i++) {
                                r = add_firmware_file(s, dirs[i], name, m->name);
                                found = r >= 0;
                                if (r == -ENOENT)
                                        r = 0;
                        }
                        if (name && !found)
                                image_missing(s->image, LOG_WARNING,
                                        "Firmware %s, which module %s may ask for, is not there", name,
                                        m->name);
                }
        }
        elf_end(elf);
        return r;
}

static int install_module(struct selection *s, const struct digest_module *m)
{
        const char *release = digest_release(s->digest), *ko = strstr(m->path, ".ko");
        _cleanup_free_ char *source = str_printf("/lib/modules/%s/%s", release, m->path);
        _cleanup_free_ char *path = str_printf("/lib/modules/%s/%.*s", release,
                (int)(ko ? ko + 3 - m->path : (long)strlen(m->path)), m->path);
        _cleanup_strbuf_ struct strbuf raw = { 0 }, data = { 0 };

        if (!source || !path)
                return -ENOMEM;
        int r = image_read_source(s->image, source, &raw, NULL);
        if (r >= 0) {
                enum compression c = compress_detect(raw.s, raw.len);
                if (c != COMPRESS_NONE)
                        r = decompress_data(c, raw.s, raw.len, 256 << 20, &data);
                else {
                        data = raw;
                        raw = (struct strbuf) { 0 };
                }
        }
        if (r >= 0 && (data.len < SELFMAG || memcmp(data.s, ELFMAG, SELFMAG) != 0))
                r = -ENOEXEC;
        else if (r >= 0 && !elf_is_whole(&data))
                r = -EBADMSG;
        if (r >= 0)
                r = add_firmware(s, m, &data);
        if (r >= 0)
                r = image_add_data(s->image, path, 0644, &data, s->why[m->index]);
        if (r < 0) {
                image_missing(s->image, LOG_ERR, "Module %s (%s) cannot be used: %s: %s", m->name,
                        s->why[m->index], source, strerror(-r));
                s->state[m->index] = (s->state[m->index] & ~SELECT_IN) | SELECT_BROKEN;
        }
        return r == -ENOMEM ? r : 0;
}

/* What the root needs must be whole; without another driver the image is made, and says so when a device asks for it. */
static void check_broken(struct selection *s)
{
        struct digest_module m;
        struct digest_step step;

        for (uint32_t i = 0; i < digest_n_modules(s->digest); i++) {
                if (!(s->state[i] & SELECT_EARLY) || digest_module_at(s->digest, i, &m) < 0)
                        continue;
                for (uint32_t k = 0; k < m.n_order && digest_order(s->digest, &m, k, &step) >= 0; k++) {
                        if (step.optional || !(s->state[step.module.index] & SELECT_BROKEN))
                                continue;
                        image_missing(s->image, LOG_ERR, "Module %s (%s) needs %s", m.name, s->why[i],
                                step.module.name);
                        s->errors++;
                }
        }
}

/* Drivers that are not in the image stay in its digest by name, so that a device which asks for one can be
 * reported. */
static uint32_t restrict_to_selected(const struct digest_module *m, void *data)
{
        const struct selection *s = data;

        if (m->flags & DIGEST_BUILTIN)
                return DIGEST_DROP;
        if (s->state[m->index] & SELECT_IN)
                return s->state[m->index] & SELECT_EARLY ? DIGEST_EARLY : 0;
        return in_classes(m, true) ? DIGEST_ABSENT : DIGEST_DROP;
}

int selection_install(struct selection *s)
{
        _cleanup_strbuf_ struct strbuf digest = { 0 };
        _cleanup_free_ char *path =
                str_printf("/lib/modules/%s/" ROUSE_MODULE_DIGEST, digest_release(s->digest));
        struct digest_module m;
        int r = path ? 0 : -ENOMEM;

        elf_version(EV_CURRENT);
        for (uint32_t i = 0; i < digest_n_modules(s->digest) && r >= 0; i++)
                if (s->state[i] & SELECT_IN && digest_module_at(s->digest, i, &m) >= 0)
                        r = install_module(s, &m);
        check_broken(s);
        if (r >= 0)
                r = digest_restrict(s->digest, restrict_to_selected, s, &digest);
        if (r >= 0)
                r = image_add_data(s->image, path, 0644, &digest, "module digest of this image");
        return r;
}

int selection_list_early(const struct selection *s)
{
        _cleanup_strbuf_ struct strbuf list = { 0 };
        struct digest_module m;

        for (uint32_t i = 0; i < digest_n_modules(s->digest); i++)
                if (s->state[i] & SELECT_EARLY && digest_module_at(s->digest, i, &m) >= 0)
                        strbuf_printf(&list, "%s\n", m.name);
        if (list.failed || !list.len)
                return list.failed ? -ENOMEM : 0;
        return image_add_data(
                s->image, "/etc/modules-load.d/rouse.conf", 0644, &list, "modules that are loaded at once");
}
