/* dm-verity of disk images (exec-main-verity.c). */
#pragma once

#include "lib/util.h"

struct verity {
        char *hash; /* of the root of the tree, hexadecimal in lower case; NULL: nothing is verified */
        char *data; /* the file with the tree, NULL: a partition of the image has it */
        void *signature;
        size_t n_signature;
};

/* What is said (each may be NULL: "RootHash=" a hash or a file, "RootHashSignature=", "RootVerity="), and what lies beside
 * the image or is said by its attributes: kind is "root" or "usr". 0, -EINVAL, -errno. */
int verity_read(const char *image, const char *kind, const char *hash, const char *signature,
        const char *data, struct verity *ret);

/* Is a partition's UUID that of the data (the hash's first half), or of the tree (its last)? */
bool verity_names_partition(const struct verity *v, const char *uuid, bool tree);

struct verified {
        char name[48], node[32]; /* of the device mapper's; "/dev/dm-…" */
};
/* The verified device, by descriptors of the block devices below it; after verity_close() it is there as long as it is
 * used. 0 or -errno. */
int verity_open(const struct verity *v, int data, int tree, struct verified *ret);
void verity_close(const struct verified *d);

/* What a tree of hashes begins with; numbers in the machine's order once they are read. */
struct superblock {
        char magic[8];
        uint32_t version, kind;
        uint8_t uuid[16];
        char algorithm[32];
        uint32_t data_block, hash_block;
        uint64_t n_data_blocks;
        uint16_t n_salt;
        uint8_t pad[6], salt[256], pad2[168];
};
_Static_assert(sizeof(struct superblock) == 512, "as it is on the disk");
int verity_read_superblock(int fd, struct superblock *ret); /* 0, -EBADMSG, -errno */
