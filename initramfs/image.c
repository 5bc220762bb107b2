/* The image in memory, and its newc form: see image.h. */

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include "initramfs/elf.h"
#include "initramfs/image.h"
#include "lib/fileio.h"
#include "lib/log.h"

int image_open(struct image *im, const char *sysroot)
{
        *im = (struct image) { .root_fd = -1 };
        if (sysroot && !streq(sysroot, "/")) {
                im->sysroot = strdup(sysroot);
                if (!im->sysroot)
                        return log_oom();
        }
        im->root_fd = open(im->sysroot ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (im->root_fd < 0)
                return log_error_errno(-errno, "Cannot open the root %s: %m", im->sysroot ?: "/");

        const char *epoch = getenv("SOURCE_DATE_EPOCH");
        uint32_t t;
        if (epoch && parse_u32(epoch, &t) >= 0)
                im->mtime = t;
        return 0;
}

static void entry_free(struct image_entry *e)
{
        free(e->path);
        free(e->why);
        strbuf_done(&e->data);
        free(e);
}

void image_done(struct image *im)
{
        for (size_t i = 0; i < im->n; i++)
                entry_free(im->entry[i]);
        free(im->entry);
        free(im->sysroot);
        strv_free(im->missing);
        strbuf_done(&im->early);
        hash_done(&im->by_path);
        close_fd(im->root_fd);
}

void image_missing(struct image *im, int level, const char *fmt, ...)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        va_list ap;

        va_start(ap, fmt);
        strbuf_vprintf(&b, fmt, ap);
        va_end(ap);
        if (b.failed || strv_contains(im->missing, b.s))
                return;
        log_msg(level, "%s", b.s);
        strv_add(&im->missing, b.s);
}

/* --- sources --- */

int image_open_source(const struct image *im, const char *path)
{
        struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                .resolve = RESOLVE_IN_ROOT };
        int fd = syscall(SYS_openat2, im->root_fd, path, &how, sizeof how);

        return fd < 0 ? -errno : fd;
}

int image_read_source(const struct image *im, const char *path, struct strbuf *ret, struct stat *ret_st)
{
        _cleanup_close_ int fd = image_open_source(im, path);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (st.st_size > 1 << 30)
                return -EFBIG;
        ret->s = malloc(st.st_size + 1);
        if (!ret->s)
                return -ENOMEM;
        ret->cap = st.st_size + 1;
        ret->len = 0;
        while (ret->len < (size_t)st.st_size) {
                ssize_t n = read(fd, ret->s + ret->len, st.st_size - ret->len);

                if (n <= 0) {
                        int r = n < 0 ? -errno : -EIO; /* it shrank under us */
                        strbuf_done(ret);
                        *ret = (struct strbuf) { 0 };
                        return r;
                }
                ret->len += n;
        }
        ret->s[ret->len] = 0;
        if (ret_st)
                *ret_st = st;
        return 0;
}

/* --- entries --- */

static const char *relative(const char *path)
{
        return path + strspn(path, "/");
}

struct image_entry *image_find(const struct image *im, const char *path)
{
        return hash_get(&im->by_path, relative(path));
}

static int add_parents(struct image *im, const char *path, const char *why)
{
        _cleanup_free_ char *parent = strdup(path);
        char *slash = parent ? strrchr(parent, '/') : NULL;

        if (!parent)
                return -ENOMEM;
        if (!slash)
                return 0;
        *slash = 0;
        int r = image_add_dir(im, parent, 0755, why);
        return MIN(r, 0);
}

/* 1 with *ret set to a new entry, 0 when there is one already. */
static int add_entry(
        struct image *im, const char *path, mode_t mode, const char *why, struct image_entry **ret)
{
        path = relative(path);
        if (!*path || image_find(im, path))
                return 0;
        if (!path_is_normalized(path))
                return log_error_errno(-EINVAL, "Path %s in the image is not normalized", path);
        int r = add_parents(im, path, why);
        if (r < 0)
                return r;

        struct image_entry **grown = realloc(im->entry, (im->n + 1) * sizeof *grown);
        struct image_entry *e = calloc(1, sizeof *e);
        if (grown)
                im->entry = grown;
        if (!grown || !e || !(e->path = strdup(path)) || !(e->why = strdup(why)) ||
                hash_put(&im->by_path, e->path, e) < 0) {
                if (e)
                        entry_free(e);
                return -ENOMEM;
        }
        e->mode = mode;
        im->entry[im->n++] = e;
        *ret = e;
        return 1;
}

int image_add_dir(struct image *im, const char *path, mode_t mode, const char *why)
{
        struct image_entry *e;

        return add_entry(im, path, S_IFDIR | mode, why, &e);
}

int image_add_link(struct image *im, const char *path, const char *target, const char *why)
{
        struct image_entry *e;
        int r = add_entry(im, path, S_IFLNK | 0777, why, &e);

        if (r <= 0)
                return r;
        r = strbuf_puts(&e->data, target);
        return r < 0 ? r : 1;
}

int image_add_node(
        struct image *im, const char *path, mode_t mode, unsigned maj, unsigned min, const char *why)
{
        struct image_entry *e;
        int r = add_entry(im, path, mode, why, &e);

        if (r <= 0)
                return r;
        e->major = maj;
        e->minor = min;
        return 1;
}

int image_add_data(struct image *im, const char *path, mode_t mode, struct strbuf *data, const char *why)
{
        struct image_entry *e;
        int r = add_entry(im, path, S_IFREG | mode, why, &e);

        if (r <= 0)
                return r;
        e->data = *data;
        *data = (struct strbuf) { 0 };
        return 1;
}

/* A program that could not run is better not there. What it needs and was found stays: something else may want it. */
static void drop_entry(struct image *im, struct image_entry *e)
{
        size_t i = 0;

        while (im->entry[i] != e)
                i++;
        memmove(im->entry + i, im->entry + i + 1, (im->n - i - 1) * sizeof *im->entry);
        im->n--;
        hash_del(&im->by_path, e->path);
        entry_free(e);
}

static struct image_entry *same_file(const struct image *im, const struct stat *st)
{
        for (size_t i = 0; i < im->n; i++)
                if (S_ISREG(im->entry[i]->mode) && im->entry[i]->ino == st->st_ino &&
                        im->entry[i]->dev == st->st_dev)
                        return im->entry[i];
        return NULL;
}

int image_add_file(struct image *im, const char *source, const char *path, const char *why)
{
        _cleanup_strbuf_ struct strbuf data = { 0 };
        struct image_entry *e;
        struct stat st;
        int r;

        path = path ?: source;
        if (image_find(im, path))
                return 0;
        r = image_read_source(im, source, &data, &st);
        if (r < 0)
                return r;
        e = same_file(im, &st);
        if (e) {
                _cleanup_free_ char *target = str_printf("/%s", e->path);
                return target ? image_add_link(im, path, target, why) : -ENOMEM;
        }
        r = add_entry(im, path, S_IFREG | (st.st_mode & 0755), why, &e);
        if (r <= 0)
                return r;
        e->dev = st.st_dev;
        e->ino = st.st_ino;
        e->data = data;
        data = (struct strbuf) { 0 };
        if (!(st.st_mode & S_IROTH))
                im->secret = true;
        r = elf_add_needed(im, source, e);
        if (r < 0)
                drop_entry(im, e);
        else
                elf_strip(&e->data);
        return r;
}

/* --- newc --- */

static int by_path(const void *a, const void *b)
{
        return strcmp((*(struct image_entry *const *)a)->path, (*(struct image_entry *const *)b)->path);
}

static void pad(struct strbuf *b, size_t start, size_t to)
{
        static const char zeros[512];
        size_t over = (b->len - start) % to;

        if (over)
                strbuf_add(b, zeros, to - over);
}

static void write_member(
        struct strbuf *out, size_t start, const struct image_entry *e, unsigned ino, uint32_t mtime)
{
        bool dir = S_ISDIR(e->mode);

        strbuf_printf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ino,
                (unsigned)e->mode, 0, 0, dir ? 2 : 1, mtime, e->data.len, 0, 0, e->major, e->minor,
                strlen(e->path) + 1, 0);
        strbuf_add(out, e->path, strlen(e->path) + 1);
        pad(out, start, 4);
        strbuf_add(out, e->data.s ?: "", e->data.len);
        pad(out, start, 4);
}

int image_write(struct image *im, struct strbuf *ret)
{
        const struct image_entry trailer = { .path = (char *)"TRAILER!!!" };
        size_t start = ret->len;

        if (im->n)
                qsort(im->entry, im->n, sizeof *im->entry, by_path);
        for (size_t i = 0; i < im->n; i++)
                write_member(ret, start, im->entry[i], i + 1, im->mtime);
        write_member(ret, start, &trailer, 0, 0);
        pad(ret, start, 512);
        return ret->failed ? -ENOMEM : 0;
}
