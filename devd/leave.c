/* What the device daemon of an initramfs leaves for that of the root: which block devices there are and what is on them
 * (lib/initrddevs.h), as rouse-initrd does in images without units. The database itself is cleaned away by
 * initrd-udevadm-cleanup-db.service: the root has more rules. */
#include <dirent.h>

#include "devd.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"

#define DATABASE "/run/udev/data"

/* What blkid says; nothing else of an entry is another daemon's business. */
static bool is_probed(const char *property)
{
        static const char *const prefixes[] = { "ID_FS_TYPE=", "ID_FS_USAGE=", "ID_FS_VERSION=",
                "ID_FS_UUID", "ID_FS_LABEL", "ID_PART_TABLE_", "ID_PART_ENTRY_" };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (startswith(property, prefixes[i]))
                        return true;
        return false;
}

static uint64_t diskseq_of(const char *dev)
{
        _cleanup_free_ char *own = str_printf("%s/diskseq", dev), *disk = str_printf("%s/../diskseq", dev),
                            *s = NULL;
        uint64_t n = 0;

        if (own && disk && (read_one_line(own, &s) >= 0 || read_one_line(disk, &s) >= 0))
                (void)parse_u64(s, &n);
        return n;
}

static void write_device(struct strbuf *out, const char *number)
{
        _cleanup_free_ char *entry = str_printf(DATABASE "/b%s", number), *text = NULL,
                            *link = str_printf("/sys/dev/block/%s", number);
        char dev[PATH_MAX];
        bool begun = false;

        if (!entry || !link || !realpath(link, dev) || read_file(entry, 1 << 20, &text, NULL) < 0 ||
                strstr(text, "\nE:ID_FS_AMBIVALENT="))
                return;
        for (char *p = text, *line; (line = strsep(&p, "\n"));) {
                const char *property = startswith(line, "E:");

                if (!property || !is_probed(property) || strpbrk(property, " \t"))
                        continue;
                if (!begun)
                        strbuf_printf(out, "%s %llu %s", number, (unsigned long long)diskseq_of(dev),
                                dev + strlen("/sys"));
                begun = true;
                strbuf_printf(out, " %s", property);
        }
        if (begun)
                strbuf_putc(out, '\n');
}

void leave_devices(void)
{
        _cleanup_closedir_ DIR *d = opendir(DATABASE);
        _cleanup_strbuf_ struct strbuf out = { 0 };
        struct dirent *e;

        if (access("/etc/initrd-release", F_OK) < 0 || !d)
                return;
        while ((e = readdir(d)))
                if (e->d_name[0] == 'b' && strchr(e->d_name, ':'))
                        write_device(&out, e->d_name + 1);
        if (out.failed || write_file_atomic(ROUSE_INITRD_DEVS, out.s ?: "", out.len, 0644, false) < 0)
                log_warning("Cannot write " ROUSE_INITRD_DEVS "; devices will be probed again");
}
