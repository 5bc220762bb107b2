/* rouse-exec: partition tables of disk images. Nothing of one is believed: each number is checked against what it is of. */
#include "exec-main-partitions.h"

#include <endian.h>
#include <stdio.h>
#include <strings.h>

#include "exec-main-verity.h"
#include "lib/id128.h"
#include "lib/sha256.h"
#include "lib/str.h"

#define VAR_TYPE    "4d21b016-b534-45c2-a9fb-5c16e091fd2d"
#define LINUX_DATA  "0fc63daf-8483-4772-8e79-3d69d8477de4"
#define NO_AUTO     (UINT64_C(1) << 63)
#define READ_ONLY   (UINT64_C(1) << 60)
#define ENTRIES_MAX 1024u

#if defined __x86_64__
#define ROOT_TYPE   "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#define USR_TYPE    "8484680c-9521-48c6-9c11-b0720656f69e"
#define ROOT_VERITY "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5"
#define USR_VERITY  "77ff5f63-e7b6-4633-acf4-1565b864c0e6"
#elif defined __i386__
#define ROOT_TYPE   "44479540-f297-41b2-9af7-d131d5f0458a"
#define USR_TYPE    "75250d76-8cc6-458e-bd66-bd47cc81a812"
#define ROOT_VERITY "d13c5d3b-b5d1-422a-b29f-9454fdc89d76"
#define USR_VERITY  "8f461b0d-14ee-4e81-9aa9-049b6fb97abd"
#elif defined __aarch64__
#define ROOT_TYPE   "b921b045-1df0-41c3-af44-4c6f280d3fae"
#define USR_TYPE    "b0e01050-ee5f-4390-949a-9101b17104e9"
#define ROOT_VERITY "df3300ce-d69f-4c92-978c-9bfb0f38d820"
#define USR_VERITY  "6e11a4e7-fbca-4ded-b9e9-e1a512bb664e"
#else
#define ROOT_TYPE   ""
#define USR_TYPE    ""
#define ROOT_VERITY ""
#define USR_VERITY  ""
#endif

static const char *const types[PART_MAX] = {
        [PART_ROOT] = ROOT_TYPE,
        [PART_USR] = USR_TYPE,
        [PART_HOME] = "933ac7e1-2eb4-4f13-b844-0e14e2aef915",
        [PART_SRV] = "3b8f8425-20e0-4f3b-907f-1a25a76f98e8",
        [PART_VAR] = VAR_TYPE,
        [PART_TMP] = "7ec6f557-3bc5-4aca-b293-16ef5df639d1",
        [PART_XBOOTLDR] = "bc13c2ff-59e6-4262-a352-b275fd6f7172",
        [PART_ESP] = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
};

static void guid_to_text(const uint8_t g[16], char ret[37])
{
        snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2],
                g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

const struct verity *partitions_verity(const struct verity *verity, int part)
{
        return part <= PART_USR && verity[part].hash ? &verity[part] : NULL;
}

/* A partition with /var belongs to one installation: its UUID is made of the machine's id, as the specification has it;
 * systemd-id128(1) makes it a valid one besides. */
static bool is_this_machines(const char *uuid)
{
        uint8_t id[16], type[16], have[16], sum[SHA256_SIZE];

        if (id128_read("/etc/machine-id", id) < 0 || id128_parse(VAR_TYPE, type) < 0 ||
                id128_parse(uuid, have) < 0)
                return false;
        hmac_sha256(id, sizeof(id), type, sizeof(type), sum);
        if (memcmp(sum, have, sizeof(have)) == 0)
                return true;
        sum[6] = (sum[6] & 0x0f) | 0x40;
        sum[8] = (sum[8] & 0x3f) | 0x80;
        return memcmp(sum, have, sizeof(have)) == 0;
}

/* The first of a kind counts; where there is a hash, the first that is named by it. */
static void take_partition(struct partitions *t, const char *type, const char *uuid, const struct range *r)
{
        static const char *const trees[] = { [PART_ROOT] = ROOT_VERITY, [PART_USR] = USR_VERITY };

        for (int i = 0; i < PART_MAX; i++) {
                const struct verity *v = partitions_verity(t->verity, i);

                if (strcasecmp(type, types[i]) == 0 && t->part[i].size == 0 &&
                        (!v || v->data || verity_names_partition(v, uuid, false)) &&
                        (i != PART_VAR || is_this_machines(uuid)))
                        t->part[i] = *r;
                if (v && strcasecmp(type, trees[i]) == 0 && t->tree[i].size == 0 &&
                        verity_names_partition(v, uuid, true))
                        t->tree[i] = *r;
        }
        if (strcasecmp(type, LINUX_DATA) == 0 && t->n_linux++ == 0)
                t->linux_data = *r;
}

static uint64_t le64(const uint8_t *p)
{
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

static uint32_t le32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static void take_entry(struct partitions *t, const uint8_t *e, uint64_t sector)
{
        uint64_t first = le64(e + 32), last = le64(e + 40), flags = le64(e + 48);
        struct range r = { .read_only = flags & READ_ONLY };
        char type[37], uuid[37];

        if (flags & NO_AUTO || first == 0 || last < first || last >= INT64_MAX / sector)
                return;
        r.at = first * sector;
        r.size = (last - first + 1) * sector;
        guid_to_text(e, type);
        guid_to_text(e + 16, uuid);
        take_partition(t, type, uuid, &r);
}

/* 1, 0: it has none, -EBADMSG. */
static int read_gpt(int fd, uint64_t sector, struct partitions *t)
{
        uint8_t h[92];
        uint64_t at;
        uint32_t n, each;
        _cleanup_free_ uint8_t *entries = NULL;

        if (pread(fd, h, sizeof(h), (off_t)sector) != (ssize_t)sizeof(h) || memcmp(h, "EFI PART", 8) != 0)
                return 0;
        at = le64(h + 72);
        n = le32(h + 80);
        each = le32(h + 84);
        if (at < 2 || at >= INT64_MAX / sector || n == 0 || n > ENTRIES_MAX || each < 128 || each > 4096)
                return -EBADMSG;
        entries = calloc(n, each);
        if (!entries)
                return -ENOMEM;
        if (pread(fd, entries, (size_t)n * each, (off_t)(at * sector)) != (ssize_t)((size_t)n * each))
                return -EBADMSG;
        for (uint32_t i = 0; i < n; i++)
                take_entry(t, entries + (size_t)i * each, sector);
        return 1;
}

int partitions_read_mbr(int fd, struct partitions *t)
{
        uint8_t b[512];

        if (pread(fd, b, sizeof(b), 0) != (ssize_t)sizeof(b) || b[510] != 0x55 || b[511] != 0xaa)
                return 0;
        for (int i = 0; i < 4; i++) {
                const uint8_t *e = b + 446 + 16 * i;
                struct range r = { .at = le32(e + 8) * UINT64_C(512), .size = le32(e + 12) * UINT64_C(512) };

                if (e[4] == 0x83 && r.at > 0 && r.size > 0)
                        take_partition(t, LINUX_DATA, "", &r);
        }
        return 1;
}

int partitions_read_gpt(int fd, struct partitions *t)
{
        int r = read_gpt(fd, 512, t);

        return r != 0 ? r : read_gpt(fd, 4096, t);
}

/* A table without a root of its own kind: the one Linux partition is it. */
int partitions_choose_root(struct partitions *t)
{
        if (t->part[PART_ROOT].size > 0 || t->part[PART_USR].size > 0)
                return 0;
        if (t->n_linux != 1)
                return t->n_linux > 1                            ? -ENOTUNIQ
                       : partitions_verity(t->verity, PART_ROOT) ? -ENODATA
                                                                 : -ENOPKG;
        t->part[PART_ROOT] = t->linux_data;
        return 0;
}
