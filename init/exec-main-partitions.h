/* Partition tables of disk images (exec-main-partitions.c). */
#pragma once

#include "exec-main-disk.h"

struct range {
        uint64_t at, size; /* bytes; size 0: none, or to the end */
        bool read_only;
};

struct partitions {
        const struct verity *verity; /* of the root, of /usr; set before */
        struct range part[PART_MAX], tree[2], linux_data;
        unsigned n_linux;
};

/* 1, 0: there is none, -EBADMSG, -errno. */
int partitions_read_gpt(int fd, struct partitions *t);
int partitions_read_mbr(int fd, struct partitions *t);
/* A table without a root of its own kind: the one Linux partition is it. 0, -ENOPKG, -ENOTUNIQ, -ENODATA (disk_open()). */
int partitions_choose_root(struct partitions *t);
/* The verity of a part, NULL: it has none. */
const struct verity *partitions_verity(const struct verity *verity, int part);
