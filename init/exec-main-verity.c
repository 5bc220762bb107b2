/* rouse-exec: dm-verity of disk images, by the kernel's device mapper itself. The tree of hashes begins with a superblock,
 * which says how it was made; the hash of its root, which the unit or a file says, is what makes it to be believed. A
 * signature of that goes to the kernel by a key, which it compares with those that it trusts. */
#include "exec-main-verity.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/base64.h"
#include "lib/fileio.h"
#include "lib/str.h"

#define CONTROL       "/dev/mapper/control"
#define HASH_MIN      32u /* digits */
#define HASH_MAX      128u
#define SIGNATURE_MAX (64u * 1024)

/* ---- what is said ---- */

static int take_hash(const char *text, char **ret)
{
        size_t n = strcspn(text, " \t\r\n");

        if (n < HASH_MIN || n > HASH_MAX || n % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != n)
                return -EINVAL;
        *ret = strndup(text, n);
        if (!*ret)
                return -ENOMEM;
        for (char *c = *ret; *c; c++)
                *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
        return 0;
}

/* "/image.raw" and "roothash": "/image.roothash" */
static char *beside(const char *image, const char *kind, const char *suffix)
{
        const char *raw = endswith(image, ".raw");

        return str_printf(
                "%.*s.%s%s", (int)(raw ? raw - image : (ptrdiff_t)strlen(image)), image, kind, suffix);
}

static int hash_of_image(const char *image, const char *kind, char **ret)
{
        _cleanup_free_ char *attribute = str_printf("user.verity.%shash", kind),
                            *path = beside(image, kind, "hash"), *text = NULL;
        char value[HASH_MAX + 1];
        ssize_t n;

        if (!attribute || !path)
                return -ENOMEM;
        n = getxattr(image, attribute, value, sizeof(value) - 1);
        if (n > 0) {
                value[n] = '\0';
                return take_hash(value, ret);
        }
        if (access(path, F_OK) < 0)
                return 0;
        n = read_file(path, 4096, &text, NULL);
        return n < 0 ? (int)n : take_hash(text, ret);
}

static int take_signature(const char *image, const char *kind, const char *said, struct verity *v)
{
        const char *data = said ? startswith(said, "base64:") : NULL;
        _cleanup_free_ char *path = said ? strdup(said) : beside(image, kind, "hash.p7s");

        if (data)
                return base64_decode(data, (uint8_t **)&v->signature, &v->n_signature);
        if (!path)
                return -ENOMEM;
        if (!said && access(path, F_OK) < 0)
                return 0;
        return *path == '/' ? read_file(path, SIGNATURE_MAX, (char **)&v->signature, &v->n_signature)
                            : -EINVAL;
}

static int take_tree(const char *image, const char *kind, const char *said, struct verity *v)
{
        if (!said && !streq(kind, "root"))
                return 0;
        v->data = said ? strdup(said) : beside(image, "verity", "");
        if (!v->data)
                return -ENOMEM;
        if (!said && access(v->data, F_OK) < 0) {
                free(v->data);
                v->data = NULL;
        }
        return said && *said != '/' ? -EINVAL : 0;
}

int verity_read(const char *image, const char *kind, const char *hash, const char *signature,
        const char *data, struct verity *ret)
{
        _cleanup_free_ char *text = NULL;
        struct verity v = { 0 };
        int r;

        if (hash && *hash == '/') {
                r = read_file(hash, 4096, &text, NULL);
                if (r < 0)
                        return r;
        }
        r = hash ? take_hash(text ?: hash, &v.hash) : hash_of_image(image, kind, &v.hash);
        if (r >= 0 && !v.hash && (signature || data)) /* of nothing */
                r = -EINVAL;
        if (r >= 0 && v.hash)
                r = take_signature(image, kind, signature, &v);
        if (r >= 0 && v.hash)
                r = take_tree(image, kind, data, &v);
        if (r >= 0)
                *ret = v;
        return r;
}

bool verity_names_partition(const struct verity *v, const char *uuid, bool tree)
{
        const char *half = tree ? v->hash + strlen(v->hash) - 32 : v->hash;
        size_t n = 0;

        for (; *uuid && n < 32; uuid++)
                if (*uuid != '-' && *uuid != half[n++])
                        return false;
        return n == 32;
}

/* ---- the superblock ---- */

static bool is_block_size(uint32_t n)
{
        return n >= 512 && n <= 65536 && (n & (n - 1)) == 0;
}

int verity_read_superblock(int fd, struct superblock *s)
{
        ssize_t n = pread(fd, s, sizeof(*s), 0);

        if (n < 0)
                return -errno;
        if (n != (ssize_t)sizeof(*s) || memcmp(s->magic, "verity\0\0", 8) != 0 || le32toh(s->version) != 1)
                return -EBADMSG;
        s->kind = le32toh(s->kind);
        s->data_block = le32toh(s->data_block);
        s->hash_block = le32toh(s->hash_block);
        s->n_data_blocks = le64toh(s->n_data_blocks);
        s->n_salt = le16toh(s->n_salt);
        if (s->kind > 1 || !is_block_size(s->data_block) || !is_block_size(s->hash_block) ||
                s->n_salt > sizeof(s->salt) || s->n_data_blocks == 0 ||
                s->n_data_blocks > INT64_MAX / s->data_block ||
                !memchr(s->algorithm, 0, sizeof(s->algorithm)) ||
                s->algorithm[strspn(s->algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-_")] != '\0')
                return -EBADMSG;
        return 0;
}

/* ---- the device mapper ---- */

struct message {
        struct dm_ioctl io;
        struct dm_target_spec target;
        char text[2048];
};

static int dm(int control, unsigned long command, struct message *m)
{
        m->io.version[0] = DM_VERSION_MAJOR;
        m->io.data_size = sizeof(*m);
        m->io.data_start = offsetof(struct message, target);
        return ioctl(control, command, m) < 0 ? -errno : 0;
}

static int add_signature(const struct verity *v, char *ret, size_t n)
{
        *ret = '\0';
        if (!v->signature)
                return 0;
        snprintf(ret, n, "rouse-verity-%d", getpid());
        return syscall(SYS_add_key, "user", ret, v->signature, v->n_signature, KEY_SPEC_THREAD_KEYRING) < 0
                       ? -errno
                       : 0;
}

static int verity_line(
        const struct verity *v, const struct superblock *s, int data, int tree, struct message *m)
{
        char salt[2 * sizeof(s->salt) + 1] = "-", key[32];
        struct stat d, t;
        int r = add_signature(v, key, sizeof(key)), n;

        if (r < 0)
                return r;
        if (fstat(data, &d) < 0 || fstat(tree, &t) < 0)
                return -errno;
        for (unsigned i = 0; i < s->n_salt; i++)
                snprintf(salt + 2 * i, 3, "%02x", s->salt[i]);
        m->target = (struct dm_target_spec) { .length = s->n_data_blocks * (s->data_block / 512) };
        stpcpy(m->target.target_type, "verity");
        n = snprintf(m->text, sizeof(m->text), "%u %u:%u %u:%u %u %u %llu 1 %s %s %s%s%s", s->kind,
                major(d.st_rdev), minor(d.st_rdev), major(t.st_rdev), minor(t.st_rdev), s->data_block,
                s->hash_block, (unsigned long long)s->n_data_blocks, s->algorithm, v->hash, salt,
                *key ? " 2 root_hash_sig_key_desc " : "", key);
        return n < 0 || (size_t)n >= sizeof(m->text) ? -E2BIG : 0;
}

static int load(int control, const struct verity *v, int data, int tree, struct verified *d)
{
        struct superblock s;
        struct message m = { .io.target_count = 1, .io.flags = DM_READONLY_FLAG };
        int r = verity_read_superblock(tree, &s);

        if (r < 0)
                return r;
        stpcpy(m.io.name, d->name);
        r = verity_line(v, &s, data, tree, &m);
        if (r >= 0)
                r = dm(control, DM_TABLE_LOAD, &m);
        if (r < 0)
                return r;
        m = (struct message) { 0 };
        stpcpy(m.io.name, d->name);
        r = dm(control, DM_DEV_SUSPEND, &m); /* without its flag: it goes on, with the new table */
        if (r >= 0)
                snprintf(d->node, sizeof(d->node), "/dev/dm-%u", minor((dev_t)m.io.dev));
        return r;
}

void verity_close(const struct verified *d)
{
        _cleanup_close_ int control = open(CONTROL, O_RDWR | O_CLOEXEC);
        struct message m = { .io.flags = DM_DEFERRED_REMOVE };

        stpcpy(m.io.name, d->name);
        if (control >= 0)
                (void)dm(control, DM_DEV_REMOVE, &m);
}

int verity_open(const struct verity *v, int data, int tree, struct verified *ret)
{
        _cleanup_close_ int control = open(CONTROL, O_RDWR | O_CLOEXEC);
        struct message m = { 0 };
        struct verified d = { 0 };
        uint64_t any;
        int r;

        if (control < 0 || getrandom(&any, sizeof(any), 0) != (ssize_t)sizeof(any))
                return -errno;
        snprintf(d.name, sizeof(d.name), "rouse-verity-%016llx", (unsigned long long)any);
        stpcpy(m.io.name, d.name);
        r = dm(control, DM_DEV_CREATE, &m);
        if (r < 0)
                return r;
        r = load(control, v, data, tree, &d);
        if (r < 0)
                verity_close(&d);
        else
                *ret = d;
        return r;
}
