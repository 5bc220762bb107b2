/* Lines that create: f d D v q Q p L c b C. Each tries to create first, since at boot most is missing; what is
 * there is looked at only then. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"

struct place {
        struct early *e;
        const struct tmpfiles_item *i;
        int dir_fd;
        const char *name;
};

/* Content of a credential, or -ENOENT. */
static int read_credential(const char *name, char **ret, size_t *ret_len)
{
        const char *dirs[] = { getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/@system", NULL };
        int r = -ENOENT;

        if (strchr(name, '/') || !*name || *name == '.')
                return -EINVAL;
        for (size_t i = 0; i < 2 && r == -ENOENT; i++) {
                _cleanup_free_ char *p = dirs[i] ? path_join(dirs[i], name) : NULL;

                if (p)
                        r = read_file(p, 1024 * 1024, ret, ret_len);
        }
        return r;
}

static int base64_decode(const char *s, size_t len, char **ret, size_t *ret_len)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        _cleanup_free_ char *out = malloc(len / 4 * 3 + 4);
        unsigned bits = 0, n_bits = 0, pad = 0;
        size_t n = 0;

        if (!out)
                return -ENOMEM;
        for (size_t k = 0; k < len; k++) {
                const char *d;

                if (strchr(" \t\n\r", s[k]) && s[k])
                        continue;
                if (s[k] == '=') {
                        pad++;
                        continue;
                }
                d = s[k] ? strchr(digits, s[k]) : NULL;
                if (!d || pad)
                        return -EINVAL;
                bits = bits << 6 | (unsigned)(d - digits);
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        out[n++] = bits >> n_bits;
                }
        }
        if (pad > 2 || (bits & ((1u << n_bits) - 1)) != 0)
                return -EINVAL;
        out[n] = 0;
        *ret_len = n;
        *ret = TAKE_PTR(out);
        return 0;
}

/* What a line writes: 1, or 0 when its credential is not there. */
int tmpfiles_argument(struct early *e, const struct tmpfiles_item *i, char **ret, size_t *ret_len)
{
        _cleanup_free_ char *s = NULL;
        size_t len = i->arg_len;
        int r;

        if (i->credential) {
                r = i->arg ? read_credential(i->arg, &s, &len) : -EINVAL;
                if (r == -ENOENT)
                        return 0;
        } else {
                s = malloc(len + 1);
                r = s ? 0 : -ENOMEM;
                if (s) {
                        memcpy(s, i->arg ?: "", len);
                        s[len] = 0;
                }
        }
        if (r >= 0 && i->base64) {
                char *decoded;

                r = base64_decode(s, len, &decoded, &len);
                if (r >= 0) {
                        free(s);
                        s = decoded;
                }
        }
        if (r < 0)
                return tmpfiles_log(i, LOG_WARNING, r, "no usable argument");
        *ret = TAKE_PTR(s);
        *ret_len = len;
        return 1;
}

/* Mode and owner for the node that is there now, whose state is st (NULL: not known yet). Mostly nothing is to
 * be done, and nothing is opened. */
static int finish(struct place *p, const struct stat *st, bool created)
{
        _cleanup_close_ int fd = -1;
        struct stat now;
        int r;

        if (!p->i->mode_set && !p->i->user && !p->i->group)
                return 0;
        if (!st && fstatat(p->dir_fd, p->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot stat");
        r = tmpfiles_perms_differ(p->e, p->i, st ?: &now, created);
        if (r <= 0)
                return r;
        fd = openat(p->dir_fd, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &now) < 0)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot open");
        return tmpfiles_set_perms(p->e, p->i, fd, &now, created);
}

/* Something is where a node of another kind is to be: 1 when it was removed ("+" or "="), else an error. */
static int make_way(struct place *p, const char *what)
{
        int r;

        if (!p->i->replace && !(p->i->plus && strchr("pLcb", p->i->type))) {
                log_file(p->i->file, p->i->line, LOG_WARNING, "%s is there and is no %s; it is left alone.",
                        p->i->path, what);
                return -EEXIST;
        }
        r = tree_remove(p->dir_fd, p->name, true);
        if (r < 0)
                return tmpfiles_log(p->i, LOG_WARNING, r, "cannot be replaced");
        return 1;
}

static int make_dir(struct place *p)
{
        mode_t mode = p->i->mode_set ? p->i->mode : 0755;
        struct stat st;
        int r;

        if (mkdirat(p->dir_fd, p->name, mode) >= 0)
                return finish(p, NULL, true);
        if (errno != EEXIST)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "directory not created");
        if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot stat");
        if (S_ISDIR(st.st_mode))
                return finish(p, &st, false);
        r = make_way(p, "directory");
        return r > 0 ? make_dir(p) : r;
}

static int write_content(const struct tmpfiles_item *i, int fd, const char *data, size_t len)
{
        int r = len > 0 ? write_all(fd, data, len) : 0;

        return r < 0 ? tmpfiles_log(i, LOG_WARNING, r, "not written") : 0;
}

/* The file is there: "+" truncates and writes; else only mode and owner are set. */
static int existing_file(struct place *p, const char *data, size_t len)
{
        _cleanup_close_ int fd = -1;
        struct stat st;
        int r;

        if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot stat");
        if (!S_ISREG(st.st_mode)) {
                r = make_way(p, "regular file");
                return r > 0 ? -EAGAIN : r;
        }
        if (p->i->plus) {
                fd = openat(p->dir_fd, p->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
                if (fd < 0 || ftruncate(fd, 0) < 0)
                        return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot be truncated");
                r = write_content(p->i, fd, data, len);
                if (r < 0)
                        return r;
        }
        return finish(p, &st, false);
}

static int make_file(struct place *p)
{
        _cleanup_free_ char *data = NULL;
        _cleanup_close_ int fd = -1;
        size_t len;
        int r;

        r = tmpfiles_argument(p->e, p->i, &data, &len);
        if (r <= 0)
                return r;
        for (unsigned tries = 0; tries < 2; tries++) {
                fd = openat(p->dir_fd, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        p->i->mode_set ? p->i->mode : 0644);
                if (fd >= 0) {
                        r = write_content(p->i, fd, data, len);
                        return r < 0 ? r : finish(p, NULL, true);
                }
                if (errno != EEXIST)
                        return tmpfiles_log(p->i, LOG_WARNING, -errno, "file not created");
                r = existing_file(p, data, len);
                if (r != -EAGAIN)
                        return r;
        }
        return r;
}

static int make_node(struct place *p)
{
        mode_t type = p->i->type == 'p' ? S_IFIFO : p->i->type == 'c' ? S_IFCHR : S_IFBLK;
        unsigned maj = 0, min = 0;
        struct stat st;
        dev_t dev;
        int r;

        if (type != S_IFIFO && sscanf(p->i->arg, "%u:%u", &maj, &min) != 2)
                return -EINVAL;
        dev = makedev(maj, min);
        if (mknodat(p->dir_fd, p->name, (p->i->mode_set ? p->i->mode : 0644) | type, dev) >= 0)
                return finish(p, NULL, true);
        if (errno == EPERM && type != S_IFIFO)
                return tmpfiles_log(
                               p->i, LOG_DEBUG, -errno, "no device nodes can be made here; passed over"),
                       0;
        if (errno != EEXIST)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "node not created");
        if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "cannot stat");
        if ((st.st_mode & S_IFMT) == type && (type == S_IFIFO || st.st_rdev == dev))
                return finish(p, &st, false);
        r = make_way(p, type == S_IFIFO ? "FIFO" : "device node of that number");
        return r > 0 ? make_node(p) : r;
}

static int make_link(struct place *p)
{
        _cleanup_free_ char *old = NULL;
        int r;

        if (p->i->if_source) {
                _cleanup_close_ int fd = p->i->arg[0] == '/' ? safe_open(p->e, p->i->arg, true) : -1;

                if (p->i->arg[0] == '/' && fd < 0)
                        return 0;
        }
        if (symlinkat(p->i->arg, p->dir_fd, p->name) >= 0)
                return 0;
        if (errno != EEXIST)
                return tmpfiles_log(p->i, LOG_WARNING, -errno, "link not created");
        r = readlinkat_alloc(p->dir_fd, p->name, &old);
        if (r >= 0 && streq(old, p->i->arg))
                return 0;
        if (!p->i->plus && !p->i->replace)
                return 0; /* "L" takes what is there */
        if (r >= 0 && !p->i->plus)
                return 0; /* "=": it is a link */
        r = make_way(p, "symbolic link");
        return r > 0 ? make_link(p) : r;
}

static bool dir_is_empty(int dir_fd, const char *name)
{
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

        if (!d)
                return false;
        for (struct dirent *de; (de = readdir(d));)
                if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
                        return false;
        return true;
}

static int make_copy(struct place *p)
{
        _cleanup_free_ char *dir = NULL;
        _cleanup_close_ int from = -1;
        const char *slash = strrchr(p->i->arg, '/');
        struct stat st;
        int r;

        if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
                !(S_ISDIR(st.st_mode) && (p->i->plus || dir_is_empty(p->dir_fd, p->name))))
                return finish(p, &st, false);
        dir = slash == p->i->arg ? strdup("/") : strndup(p->i->arg, slash - p->i->arg);
        if (!dir)
                return log_oom();
        from = safe_open(p->e, dir, true);
        r = from < 0 ? from : tree_copy(from, slash + 1, p->dir_fd, p->name);
        if (r == -ENOENT || r == -ENOTDIR)
                return tmpfiles_log(p->i, LOG_DEBUG, r, "the source is not there; passed over"), 0;
        if (r < 0)
                return tmpfiles_log(p->i, LOG_WARNING, r, "not copied");
        return finish(p, NULL, true);
}

int tmpfiles_make(struct early *e, const struct tmpfiles_item *i)
{
        struct place p = { .e = e, .i = i };
        int r;

        if (i->credential) { /* without its credential a line makes no directories either */
                _cleanup_free_ char *data = NULL;
                size_t len;

                r = tmpfiles_argument(e, i, &data, &len);
                if (r <= 0)
                        return r;
        }
        r = safe_parent(e, i->path, true, &p.dir_fd, &p.name);
        if (r < 0)
                return tmpfiles_log(i, LOG_WARNING, r,
                        r == -EPERM ? "unsafe path (a link or directory of another user on the way)"
                                    : "cannot reach its directory");
        switch (i->type) {
        case 'f': return make_file(&p);
        case 'p':
        case 'c':
        case 'b': return make_node(&p);
        case 'L': return make_link(&p);
        case 'C': return make_copy(&p);
        default: return make_dir(&p);
        }
}
