/* root=gpt-auto: the partition of type "root" on the disk that the boot loader was on, by the Discoverable
 * Partitions Specification and systemd-gpt-auto-generator(8). Without EFI, or a loader that says where it was, the
 * first partition of that type. */

#include <stdio.h>
#include <strings.h>
#include <sys/mount.h>
#include "initramfs/initrd/initrd.h"
#include "lib/fileio.h"

#if defined __x86_64__
#define ROOT_TYPE "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#elif defined __aarch64__
#define ROOT_TYPE "b921b045-1df0-41c3-af44-4c6f280d3fae"
#else
#define ROOT_TYPE ""
#endif
#define NO_AUTO   (UINT64_C(1) << 63)
#define READ_ONLY (UINT64_C(1) << 60)
#define EFIVARS   "/sys/firmware/efi/efivars"
#define LOADER    EFIVARS "/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

/* The partition with the boot loader, or "". */
static const char *loader_partition(void)
{
        static char uuid[40];
        static bool known;
        _cleanup_free_ char *text = NULL;
        size_t len, n = 0;

        if (known)
                return uuid;
        known = true;
        if (access("/sys/firmware/efi", F_OK) < 0)
                return uuid;
        (void)mount("efivarfs", EFIVARS, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
        if (read_file(LOADER, 4096, &text, &len) >= 0)
                for (size_t i = 4; i + 1 < len && n < sizeof uuid - 1 && text[i]; i += 2) /* UTF-16 */
                        uuid[n++] = text[i];
        (void)umount2(EFIVARS, MNT_DETACH);
        return uuid;
}

bool gpt_auto_matches(const struct blocks *b, const struct block *d)
{
        const char *loader = loader_partition();
        uint64_t flags = 0;

        if (!d->part_type || strcasecmp(d->part_type, ROOT_TYPE) != 0)
                return false;
        if (d->part_flags && parse_u64(d->part_flags, &flags) >= 0 && flags & NO_AUTO)
                return false;
        if (*loader) {
                bool same_disk = false;

                for (size_t i = 0; i < b->n; i++)
                        if (b->block[i]->partuuid && strcasecmp(b->block[i]->partuuid, loader) == 0)
                                same_disk = streq_null(b->block[i]->part_disk, d->part_disk);
                if (!same_disk)
                        return false;
        }
        if (flags & READ_ONLY)
                boot.root.flags |= MS_RDONLY;
        return true;
}
