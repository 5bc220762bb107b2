/* The database of devices in /run/udev: one small text file a device, and the tag index beside it.
 *
 * The format is shared with libudev, which reads these files in every program that asks about devices: letters,
 * order and modes are not ours to change. A file is written beside its place and renamed, so a reader sees the
 * old entry or the new one. What is read back is not trusted: lines without sense are skipped. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "db.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"

#define DB_MAX (1024 * 1024) /* larger entries are somebody's accident */

static int db_path(const char *id, char buf[static PATH_MAX])
{
        if (str_empty(id) || strchr(id, '/'))
                return -EINVAL;
        return str_concat_to(buf, PATH_MAX, root_run(), "/data/", id, NULL);
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* Properties that come from the uevent are never taken from an entry. */
static int take_property(struct device *d, char *line)
{
        char *eq = strchr(line, '=');

        if (!eq || eq == line)
                return 0;
        *eq = 0;
        return device_set_prop(d, line, eq[1] ? eq + 1 : NULL);
}

static int take_line(struct device *d, char *line, bool *has_current, int *version)
{
        char *v = line + 2;
        int64_t n;

        if (!line[0] || line[1] != ':' || !*v)
                return 0;
        switch (line[0]) {
        case 'S': return d->major < 0 || device_add_link(d, v) != -ENOMEM ? 0 : -ENOMEM;
        case 'L': return parse_int(v, &d->link_priority) < 0 ? 0 : 0;
        case 'I':
                if (parse_i64(v, &n) >= 0 && n > 0)
                        d->usec_initialized = n;
                return 0;
        case 'E': return take_property(d, v);
        case 'G': return strv_add_unique(&d->tags_all, v);
        case 'Q': *has_current = true; return strv_add_unique(&d->tags_current, v);
        case 'V': return parse_int(v, version) < 0 ? 0 : 0;
        default: return 0; /* W of old versions, and whatever comes later */
        }
}

static int parse_entry(struct device *d, char *text)
{
        char *line, *rest = text;
        bool has_current = false;
        int version = 0, r;

        while ((line = strsep(&rest, "\n"))) {
                r = take_line(d, line, &has_current, &version);
                if (r == -ENOMEM)
                        return r;
        }
        if (version < 1 && !has_current) /* before 247 one set of tags served for both */
                return strv_extend(&d->tags_current, d->tags_all);
        return 0;
}

/* The whole of an entry, and its mode. */
static int read_text(const char *path, char **ret, mode_t *ret_mode)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > DB_MAX)
                return -EINVAL;
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = read(fd, text, (size_t)st.st_size); /* it is never written in place */
        if (n < 0)
                return -errno;
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        *ret_mode = st.st_mode;
        return 0;
}

int db_read(struct device *d)
{
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        mode_t mode = 0;
        int r;

        d->db_loaded = true;
        if (!d->virtual_only)
                (void)device_complete(d);
        if (!d->id)
                return -ENOENT;
        r = db_path(d->id, path);
        if (r < 0)
                return r;
        r = read_text(path, &text, &mode);
        if (r < 0)
                return r;
        if (d->virtual_only) {
                d->db_persist = mode & S_ISVTX;
                d->db_text = strdup(text);
        }
        return parse_entry(d, text);
}

/* A device of which only identity and entry are known. */
int db_read_old(const struct device *d, struct device **ret)
{
        _cleanup_device_ struct device *old = calloc(1, sizeof(*old));
        int r;

        if (!old)
                return -ENOMEM;
        old->refs = 1;
        old->virtual_only = old->uevent_known = old->subsystem_known = old->driver_known =
                old->parent_known = true;
        old->major = d->major;
        old->minor = d->minor;
        old->ifindex = d->ifindex;
        old->mode = (mode_t)-1;
        old->uid = (uid_t)-1;
        old->gid = (gid_t)-1;
        if (str_replace(&old->syspath, d->syspath) < 0 || str_replace(&old->id, d->id) < 0 ||
                str_replace(&old->subsystem, d->subsystem) < 0 || str_replace(&old->devnode, d->devnode) < 0)
                return -ENOMEM;
        old->devpath = old->syspath + strlen("/sys");
        old->sysname = path_basename(old->devpath);
        r = db_read(old);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(old);
        return 0;
}

/* --- writing ---------------------------------------------------------------------------------------- */

static void put_line(struct strbuf *b, const char *letter, const char *text, const char *value)
{
        strbuf_puts(b, letter);
        strbuf_puts(b, text);
        if (value) {
                strbuf_putc(b, '=');
                strbuf_puts(b, value);
        }
        strbuf_putc(b, '\n');
}

static void format_entry(const struct device *d, struct strbuf *b)
{
        if (d->major >= 0) {
                FOREACH_STR (l, d->links)
                        put_line(b, "S:", *l, NULL);
                if (d->link_priority != 0)
                        strbuf_printf(b, "L:%i\n", d->link_priority);
        }
        if (d->usec_initialized > 0)
                strbuf_printf(b, "I:%llu\n", (unsigned long long)d->usec_initialized);
        for (size_t i = 0; i < d->n_props; i++) {
                const struct prop *p = &d->props[i];

                if (!p->from_kernel && !p->dot && *p->value && !strchr(p->value, '\n'))
                        put_line(b, "E:", p->key, p->value);
        }
        FOREACH_STR (t, d->tags_all)
                put_line(b, "G:", *t, NULL);
        FOREACH_STR (t, d->tags_current)
                put_line(b, "Q:", *t, NULL);
        strbuf_puts(b, "V:1\n");
}

static bool has_info(const struct device *d)
{
        if (d->links || d->tags_all || d->tags_current)
                return true;
        for (size_t i = 0; i < d->n_props; i++)
                if (!d->props[i].from_kernel && !d->props[i].dot)
                        return true;
        return false;
}

static int write_entry(const char *path, const char *text, size_t len, mode_t mode)
{
        int r = write_file_atomic(path, text, len, mode, false);

        if (r == -ENOENT) {
                r = mkdir_parents(path, 0755);
                if (r >= 0)
                        r = write_file_atomic(path, text, len, mode, false);
        }
        /* The sticky bit does not pass through open(2). */
        if (r >= 0 && (mode & S_ISVTX) && chmod(path, mode) < 0)
                r = -errno;
        return r;
}

static int tag_file(const struct device *d, const char *tag, bool add)
{
        char path[PATH_MAX];
        int fd, r;

        if (!*tag || strchr(tag, '/') || tag[0] == '.')
                return 0;
        if (snprintf(path, sizeof(path), "%s/tags/%s/%s", root_run(), tag, d->id) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        if (!add)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        for (int pass = 0; pass < 2; pass++) {
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
                if (fd >= 0 || errno == EACCES) {
                        close_fd(fd);
                        return 0;
                }
                if (errno != ENOENT)
                        return -errno;
                r = mkdir_parents(path, 0755);
                if (r < 0)
                        return r;
        }
        return -ENOENT;
}

static int update_tags(const struct device *d)
{
        int first = 0, r;

        FOREACH_STR (t, d->tags_all) {
                r = tag_file(d, *t, true);
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}

int db_write(struct device *d)
{
        return db_write_over(d, NULL);
}

int db_write_over(struct device *d, const struct device *old)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char path[PATH_MAX];
        bool info = has_info(d);
        int r, t;

        if (!d->id)
                return 0;
        r = db_path(d->id, path);
        if (r < 0)
                return r;
        if (!info && d->major < 0 && d->ifindex <= 0)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        if (info) {
                format_entry(d, &b);
                if (b.failed)
                        return -ENOMEM;
        }
        if (old && streq_null(old->db_text, b.s ?: "") && old->db_persist == d->db_persist &&
                streq_null(old->id, d->id))
                return 0;
        t = update_tags(d);
        r = write_entry(path, b.s ? b.s : "", b.len, d->db_persist ? 01644 : 0644);
        return r < 0 ? r : t;
}

int db_delete(struct device *d)
{
        char path[PATH_MAX];
        int r;

        if (!d->id)
                return 0;
        FOREACH_STR (t, d->tags_all)
                (void)tag_file(d, *t, false);
        r = db_path(d->id, path);
        if (r < 0)
                return r;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* --- cleanup at the change of root ------------------------------------------------------------------ */

typedef void (*entry_fn)(const char *dir, const char *name);

static void each_entry(const char *dir, entry_fn fn)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        struct dirent *e;

        while (d && (e = readdir(d)))
                if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
                        fn(dir, e->d_name);
}

static void drop_unless_sticky(const char *dir, const char *name)
{
        char path[PATH_MAX];
        struct stat st;

        if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && lstat(path, &st) >= 0 &&
                !(st.st_mode & S_ISVTX))
                (void)unlink(path);
}

static void drop_without_entry(const char *dir, const char *name)
{
        char entry[PATH_MAX], path[PATH_MAX];

        if (db_path(name, entry) < 0 || access(entry, F_OK) >= 0)
                return;
        if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
                (void)unlink(path);
}

static void clean_index_dir(const char *dir, const char *name)
{
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
                return;
        each_entry(path, drop_without_entry);
        (void)rmdir(path);
}

int db_cleanup(void)
{
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/data", root_run());
        each_entry(path, drop_unless_sticky);
        snprintf(path, sizeof(path), "%s/tags", root_run());
        each_entry(path, clean_index_dir);
        snprintf(path, sizeof(path), "%s/links", root_run());
        each_entry(path, clean_index_dir);
        return 0;
}
