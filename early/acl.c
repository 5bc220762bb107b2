/* POSIX access control lists, in the form in which the kernel keeps them in the attributes
 * system.posix_acl_access and system.posix_acl_default: a version, then entries (tag, permissions, id) sorted
 * by tag and id. Base entries come from the mode, the mask is computed where the text does not give one. */
#include <sys/stat.h>
#include <sys/xattr.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"

enum {
        TAG_USER_OBJ = 0x01,
        TAG_USER = 0x02,
        TAG_GROUP_OBJ = 0x04,
        TAG_GROUP = 0x08,
        TAG_MASK = 0x10,
        TAG_OTHER = 0x20
};
#define ACL_VERSION 2u
#define NO_ID       0xFFFFFFFFu
#define ENTRIES_MAX 128

struct acl_entry {
        uint16_t tag, perm;
        uint32_t id;
};

struct acl {
        struct acl_entry e[ENTRIES_MAX];
        unsigned n;
};

struct acl_disk {
        uint32_t version;
        struct acl_entry e[ENTRIES_MAX];
};

static int acl_put(struct acl *a, uint16_t tag, uint32_t id, uint16_t perm)
{
        for (unsigned k = 0; k < a->n; k++)
                if (a->e[k].tag == tag && a->e[k].id == id) {
                        a->e[k].perm = perm;
                        return 0;
                }
        if (a->n == ENTRIES_MAX)
                return -E2BIG;
        a->e[a->n++] = (struct acl_entry) { tag, perm, id };
        return 0;
}

static struct acl_entry *acl_find(struct acl *a, uint16_t tag)
{
        for (unsigned k = 0; k < a->n; k++)
                if (a->e[k].tag == tag)
                        return &a->e[k];
        return NULL;
}

static int parse_perm(const char *s, bool dir, mode_t mode, uint16_t *ret)
{
        uint16_t perm = 0;

        for (; *s; s++)
                switch (*s) {
                case 'r': perm |= 4; break;
                case 'w': perm |= 2; break;
                case 'x': perm |= 1; break;
                case 'X': perm |= dir || (mode & 0111); break;
                case '-': break;
                default: return -EINVAL;
                }
        *ret = perm;
        return 0;
}

static int parse_tag(struct early *e, const char *tag, const char *who, uint16_t *ret_tag, uint32_t *ret_id)
{
        *ret_id = NO_ID;
        if (streq(tag, "u") || streq(tag, "user")) {
                *ret_tag = *who ? TAG_USER : TAG_USER_OBJ;
                return *who ? userdb_uid(e, who, ret_id) : 0;
        }
        if (streq(tag, "g") || streq(tag, "group")) {
                *ret_tag = *who ? TAG_GROUP : TAG_GROUP_OBJ;
                return *who ? userdb_gid(e, who, ret_id) : 0;
        }
        if (streq(tag, "m") || streq(tag, "mask"))
                *ret_tag = TAG_MASK;
        else if (streq(tag, "o") || streq(tag, "other"))
                *ret_tag = TAG_OTHER;
        else
                return -EINVAL;
        return *who ? -EINVAL : 0;
}

/* "d:g:adm:rwx", cut into its parts in place. */
static int parse_entry(struct early *e, char *s, const struct stat *st, struct acl *access, struct acl *def)
{
        char *rest, *tag, *who, *perm;
        bool is_default = false;
        uint16_t t, p;
        uint32_t id;
        int r;

        rest = (char *)startswith(s, "default:") ?: (char *)startswith(s, "d:");
        if (rest) {
                is_default = true;
                s = rest;
        }
        tag = strsep(&s, ":");
        who = strsep(&s, ":");
        perm = strsep(&s, ":");
        if (!who)
                return -EINVAL;
        if (!perm) { /* "m:rwx", "o:r" */
                perm = who;
                who = (char *)"";
        }
        if (s)
                return -EINVAL;
        r = parse_tag(e, tag, who, &t, &id);
        if (r < 0)
                return r;
        r = parse_perm(perm, S_ISDIR(st->st_mode), st->st_mode, &p);
        if (r < 0)
                return r;
        return acl_put(is_default ? def : access, t, id, p);
}

static int acl_read(const char *path, const char *attr, struct acl *a)
{
        struct acl_disk d;
        ssize_t n = getxattr(path, attr, &d, sizeof(d));

        if (n < 0)
                return errno == ENODATA ? 0 : -errno;
        if (n < 4 || d.version != ACL_VERSION || (n - 4) % sizeof(struct acl_entry))
                return -EBADMSG;
        a->n = (n - 4) / sizeof(struct acl_entry);
        memcpy(a->e, d.e, a->n * sizeof(struct acl_entry));
        return 0;
}

static int entry_cmp(const void *a, const void *b)
{
        const struct acl_entry *x = a, *y = b;

        return x->tag != y->tag ? CMP(x->tag, y->tag) : CMP(x->id, y->id);
}

/* The entries that every list has, from the mode; then the mask. */
static int acl_complete(struct acl *a, mode_t mode, bool mask_given)
{
        static const struct {
                uint16_t tag;
                unsigned shift;
        } base[] = { { TAG_USER_OBJ, 6 }, { TAG_GROUP_OBJ, 3 }, { TAG_OTHER, 0 } };
        bool extended = false;
        uint16_t mask = 0;
        int r;

        for (size_t k = 0; k < ARRAY_SIZE(base); k++)
                if (!acl_find(a, base[k].tag)) {
                        r = acl_put(a, base[k].tag, NO_ID, (mode >> base[k].shift) & 7);
                        if (r < 0)
                                return r;
                }
        for (unsigned k = 0; k < a->n; k++) {
                extended |= a->e[k].tag & (TAG_USER | TAG_GROUP);
                if (a->e[k].tag & (TAG_USER | TAG_GROUP | TAG_GROUP_OBJ))
                        mask |= a->e[k].perm;
        }
        if (extended && !mask_given) {
                r = acl_put(a, TAG_MASK, NO_ID, mask);
                if (r < 0)
                        return r;
        }
        qsort(a->e, a->n, sizeof(a->e[0]), entry_cmp);
        return 0;
}

static int acl_write(const char *path, const char *attr, const struct acl *a)
{
        struct acl_disk d = { .version = ACL_VERSION };

        memcpy(d.e, a->e, a->n * sizeof(struct acl_entry));
        return setxattr(path, attr, &d, 4 + a->n * sizeof(struct acl_entry), 0) < 0 ? -errno : 0;
}

static int merge_and_write(
        const char *path, const char *attr, const struct acl *wanted, bool append, mode_t mode)
{
        struct acl a = { .n = 0 };
        bool mask_given = false;
        int r;

        if (wanted->n == 0)
                return 0;
        r = append ? acl_read(path, attr, &a) : 0;
        if (r < 0)
                return r;
        for (unsigned k = 0; k < wanted->n; k++) {
                mask_given |= wanted->e[k].tag == TAG_MASK;
                r = acl_put(&a, wanted->e[k].tag, wanted->e[k].id, wanted->e[k].perm);
                if (r < 0)
                        return r;
        }
        r = acl_complete(&a, mode, mask_given);
        return r < 0 ? r : acl_write(path, attr, &a);
}

int acl_apply(struct early *e, int fd, const struct stat *st, const char *text, bool append)
{
        struct acl access = { .n = 0 }, def = { .n = 0 };
        _cleanup_strv_ char **words = strv_split(text, ", \t");
        char path[32];
        int r;

        for (char **w = words; w && *w; w++) {
                r = parse_entry(e, *w, st, &access, &def);
                if (r < 0)
                        return r;
        }
        fd_path(fd, path);
        r = merge_and_write(path, "system.posix_acl_access", &access, append, st->st_mode);
        if (r >= 0 && S_ISDIR(st->st_mode))
                r = merge_and_write(path, "system.posix_acl_default", &def, append, st->st_mode);
        return r;
}
