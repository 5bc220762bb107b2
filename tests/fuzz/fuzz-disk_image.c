/* Disk images: partition tables and the superblock of dm-verity. What is taken of a table lies where a file can have it. */
#include <sys/mman.h>

#include "init/exec-main-partitions.h"
#include "init/exec-main-verity.h"
#include "lib/fileio.h"
#include "tests/fuzz/fuzz.h"

static void check_range(const struct range *r)
{
        fuzz_check(r->size == 0 || (r->at > 0 && r->at <= INT64_MAX && r->size <= INT64_MAX));
}

FUZZ_TARGET(disk_image)
{
        char hash[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        const struct verity none[2] = { 0 }, some[2] = { { .hash = hash }, { .hash = hash } };
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        struct superblock s;

        if (fd < 0 || write_all(fd, data, size) < 0)
                abort();
        for (int verified = 0; verified < 2; verified++) {
                struct partitions t = { .verity = verified ? some : none };

                if (partitions_read_gpt(fd, &t) == 0)
                        (void)partitions_read_mbr(fd, &t);
                (void)partitions_choose_root(&t);
                for (int i = 0; i < PART_MAX; i++)
                        check_range(&t.part[i]);
                check_range(&t.tree[0]);
                check_range(&t.tree[1]);
        }
        if (verity_read_superblock(fd, &s) >= 0)
                fuzz_check(s.n_salt <= sizeof(s.salt) && s.data_block >= 512 && s.n_data_blocks > 0 &&
                           strlen(s.algorithm) < sizeof(s.algorithm));
}
