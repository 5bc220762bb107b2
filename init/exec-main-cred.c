/* rouse-exec: credentials. LoadCredential= and SetCredential= become files below /run/credentials/UNIT, in memory that
 * is not swapped (ramfs), for the service's user alone, read-only. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "exec-main.h"
#include "lib/fileio.h"

#define MAX_TOTAL (1u << 20)

struct store {
        int fd;
        size_t total;
};

static void fail(struct helper *h, int err, const char *what)
{
        helper_fail(h, EXIT_CREDENTIALS, err, what);
}

static bool valid_id(const char *s)
{
        return *s && strlen(s) <= 255 && !strchr(s, '/') && !streq(s, ".") && !streq(s, "..");
}

static void store_one(struct helper *h, struct store *s, const char *id, const void *data, size_t len)
{
        const struct exec_plan *p = h->plan;
        _cleanup_close_ int fd = -1;

        if (!valid_id(id))
                fail(h, -EINVAL, id);
        s->total += len;
        if (s->total > MAX_TOTAL)
                fail(h, -E2BIG, id);
        fd = openat(s->fd, id, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0400);
        if (fd < 0 && errno == EEXIST)
                return; /* the first one counts */
        if (fd < 0 || write_all(fd, data, len) < 0 || fchmod(fd, 0400) < 0 ||
                ((p->flags & PLAN_SETID) && fchown(fd, p->uid, p->gid) < 0))
                fail(h, -errno, id);
}

static int read_socket(const char *path, char **ret, size_t *ret_len)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct strbuf b = { 0 };
        char buf[4096];
        ssize_t n;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        stpcpy(sa.sun_path, path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        while ((n = read(fd, buf, sizeof(buf))) > 0 && b.len <= MAX_TOTAL)
                strbuf_add(&b, buf, (size_t)n);
        *ret_len = b.len;
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}

static void load_directory(
        struct helper *h, struct store *s, const char *id, const char *path, unsigned depth)
{
        _cleanup_closedir_ DIR *d = opendir(path);

        for (struct dirent *e; d && depth < 8 && (e = readdir(d));) {
                _cleanup_free_ char *file = path_join(path, e->d_name),
                                    *name = str_printf("%s_%s", id, e->d_name), *data = NULL;
                struct stat st;
                size_t len;

                if (*e->d_name == '.' || !file || !name || lstat(file, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        load_directory(h, s, name, file, depth + 1);
                else if (S_ISREG(st.st_mode) && read_file(file, MAX_TOTAL, &data, &len) >= 0)
                        store_one(h, s, name, data, len);
        }
}

/* Encrypted ones are bound to a key that only systemd-creds(1) has the format of. */
static void refuse_encrypted(struct helper *h)
{
        static const char *const stores[] = { "/run/credentials/@encrypted", "/run/credstore.encrypted",
                "/etc/credstore.encrypted", "/usr/lib/credstore.encrypted" };
        const struct exec_plan *p = h->plan;

        if (p->set_encrypted.n > 0)
                fail(h, -EOPNOTSUPP, "SetCredentialEncrypted=");
        for (uint32_t i = 0; i < p->load_encrypted.n; i++) {
                const char *path = strchr(plan_item(p, p->load_encrypted, i), ':') + 1;
                bool found = *path == '/';

                for (size_t k = 0; !found && valid_id(path) && k < ARRAY_SIZE(stores); k++) {
                        _cleanup_free_ char *file = path_join(stores[k], path);

                        found = file && access(file, F_OK) == 0;
                }
                if (found)
                        fail(h, -EOPNOTSUPP, "LoadCredentialEncrypted=");
        }
}

/* "id:path", "id": 1 when it was found. */
static bool load_one(struct helper *h, struct store *s, const char *spec)
{
        static const char *const stores[] = { "/run/credentials/@system", "/etc/credstore", "/run/credstore",
                "/usr/lib/credstore" };
        _cleanup_free_ char *id = strndup(spec, strcspn(spec, ":")), *data = NULL;
        const char *path = strchr(spec, ':') ? strchr(spec, ':') + 1 : id;
        struct stat st;
        size_t len = 0;
        int r = -ENOENT;

        if (!id)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        if (*path == '/') {
                if (stat(path, &st) < 0)
                        return false;
                if (S_ISDIR(st.st_mode)) {
                        load_directory(h, s, id, path, 0);
                        return true;
                }
                r = S_ISSOCK(st.st_mode) ? read_socket(path, &data, &len)
                                         : read_file(path, MAX_TOTAL, &data, &len);
        }
        for (size_t i = 0; *path != '/' && r < 0 && i < ARRAY_SIZE(stores); i++) {
                _cleanup_free_ char *file = valid_id(path) ? path_join(stores[i], path) : NULL;

                r = file ? read_file(file, MAX_TOTAL, &data, &len) : -EINVAL;
        }
        if (r == -ENOENT)
                return false;
        if (r < 0)
                fail(h, r, spec);
        store_one(h, s, id, data, len);
        return true;
}

/* One that is inherited by its name may be missing, and one that SetCredential= has a value for. */
static bool must_be_there(const struct exec_plan *p, const char *spec)
{
        size_t id = strcspn(spec, ":");

        for (uint32_t k = 0; k < p->set_creds.n; k++)
                if (strncmp(plan_item(p, p->set_creds, k), spec, id + 1) == 0)
                        return false;
        return spec[id] == ':' && spec[id + 1] == '/';
}

void helper_credentials(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        struct store s = { .fd = -1 };
        char dir[PATH_MAX];

        if (p->load_creds.n == 0 && p->set_creds.n == 0 && p->load_encrypted.n == 0 &&
                p->set_encrypted.n == 0)
                return;
        refuse_encrypted(h);
        snprintf(dir, sizeof(dir), "/run/credentials/%s", plan_str(p, p->unit));
        if (mkdir_p("/run/credentials", 0755) < 0)
                fail(h, -errno, "/run/credentials");
        if (mkdir(dir, 0700) < 0) {
                if (errno != EEXIST)
                        fail(h, -errno, dir);
                umount2(dir, MNT_DETACH); /* the last process's; ours are read anew */
        }
        if (mount("ramfs", dir, "ramfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0 &&
                mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=1m") < 0)
                helper_warn(h, -errno, "credentials are kept in an ordinary directory");
        s.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s.fd < 0)
                fail(h, -errno, dir);
        for (uint32_t i = 0; i < p->load_creds.n; i++)
                if (!load_one(h, &s, plan_item(p, p->load_creds, i)) &&
                        must_be_there(p, plan_item(p, p->load_creds, i)))
                        fail(h, -ENOENT, plan_item(p, p->load_creds, i));
        for (uint32_t i = 0; i < p->set_creds.n; i++) {
                const char *spec = plan_item(p, p->set_creds, i), *colon = strchr(spec, ':');
                _cleanup_free_ char *id = strndup(spec, strcspn(spec, ":"));

                if (id && colon)
                        store_one(h, &s, id, colon + 1, strlen(colon + 1));
        }
        if (fchmod(s.fd, 0500) < 0 || ((p->flags & PLAN_SETID) && fchown(s.fd, p->uid, p->gid) < 0))
                fail(h, -errno, dir);
        close(s.fd);
        mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
