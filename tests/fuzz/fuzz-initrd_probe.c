/* Any bytes as a disk: partition tables and superblocks through the probing of rouse-initrd. What it leaves for devd
 * must be text of one line. A seed's first byte says how many KiB in it lies; the rest of the disk is zeros. */
#include <sys/mman.h>

#include "initramfs/initrd/blocks.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

#define DISK (2 << 20)

FUZZ_TARGET(initrd_probe)
{
        static int fd = -1;
        struct block d = { .node = (char *)"/dev/fuzz" };
        size_t at = size ? (size_t)data[0] * 1024 : 0;

        if (fd < 0) {
                log_open("fuzz", LOG_TO_NULL);
                fd = memfd_create("disk", MFD_CLOEXEC);
        }
        if (size == 0 || fd < 0)
                return;
        fuzz_check(ftruncate(fd, 0) == 0 && ftruncate(fd, DISK) == 0);
        fuzz_check(pwrite(fd, data + 1, MIN(size - 1, DISK - at), (off_t)at) >= 0);
        int r = block_probe(&d, fd);
        fuzz_check(r <= 0);
        FOREACH_STR (p, d.properties)
                fuzz_check(strchr(*p, '=') && !strpbrk(*p, " \t\n"));
        block_forget(&d);
}
