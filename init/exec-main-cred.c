/* rouse-exec: credentials. LoadCredential=, SetCredential= and their Encrypted kin become files below /run/credentials/UNIT, in memory that
 * is not swapped (ramfs), for the service's user alone, read-only. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "exec-main.h"
#include "lib/fileio.h"
#include "lib/id128.h"

#define MAX_TOTAL     (1u << 20)
#define SYSTEMD_CREDS "/usr/bin/systemd-creds"

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

static bool is_stored(const struct store *s, const char *id)
{
        return faccessat(s->fd, id, F_OK, 0) == 0;
}

/* To the end of it. */
static int read_all(int fd, char **ret, size_t *ret_len)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char buf[4096];
        ssize_t n;

        while ((n = read(fd, buf, sizeof(buf))) > 0 && b.len <= MAX_TOTAL)
                strbuf_add(&b, buf, (size_t)n);
        if (n < 0)
                return -errno;
        *ret_len = b.len;
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}

/* systemd-creds(1) alone has the format and the keys (the machine's, the TPM's): it is asked, with the text as its
 * standard input. What it says comes through a pipe, which is never swapped. */
static int decrypt(const char *id, const void *text, size_t len, char **ret, size_t *ret_len)
{
        _cleanup_free_ char *name = str_concat("--name=", id, NULL);
        char *argv[] = { (char *)SYSTEMD_CREDS, (char *)"decrypt", name, (char *)"-", (char *)"-", NULL };
        char *env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };
        _cleanup_close_ int in = memfd_create("credential", MFD_CLOEXEC), out = -1;
        int fds[2], status, r;
        pid_t pid;

        if (!name)
                return -ENOMEM;
        if (access(SYSTEMD_CREDS, X_OK) < 0)
                return -EOPNOTSUPP;
        if (in < 0 || write_all(in, text, len) < 0 || lseek(in, 0, SEEK_SET) < 0 ||
                pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        out = fds[0];
        pid = fork();
        if (pid == 0) {
                if (dup2(in, STDIN_FILENO) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0)
                        execve(argv[0], argv, env);
                _exit(EXIT_EXEC);
        }
        r = pid < 0 ? -errno : 0;
        close(fds[1]);
        if (r < 0)
                return r;
        r = read_all(out, ret, ret_len);
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        return r < 0 ? r : status == 0 ? 0 : -EKEYREJECTED;
}

static void store_text(
        struct helper *h, struct store *s, const char *id, const char *text, size_t len, bool encrypted)
{
        _cleanup_free_ char *plain = NULL;
        size_t plain_len;
        int r;

        if (!encrypted) {
                store_one(h, s, id, text, len);
                return;
        }
        r = decrypt(id, text, len, &plain, &plain_len);
        if (r < 0)
                fail(h, r, id);
        store_one(h, s, id, plain, plain_len);
        explicit_bzero(plain, plain_len);
}

/* Who asks, and for what, is in the name of our end: "\0RANDOM/unit/UNIT/ID". */
static int bind_asker(int fd, const char *unit, const char *id)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        char hex[ID128_TEXT_MAX];
        uint8_t random[16];
        int n;

        id128_random(random, 0);
        n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "%.16s/unit/%s/%s", id128_format(hex, random),
                unit, id);
        if (n >= (int)sizeof(sa.sun_path) - 1)
                return -ENAMETOOLONG;
        if (bind(fd, (struct sockaddr *)&sa,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
                return -errno;
        return 0;
}

static int read_socket(const char *path, const char *unit, const char *id, char **ret, size_t *ret_len)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        stpcpy(sa.sun_path, path);
        if (fd < 0)
                return -errno;
        r = bind_asker(fd, unit, id);
        if (r < 0)
                return r;
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        return read_all(fd, ret, ret_len);
}

static void load_directory(
        struct helper *h, struct store *s, const char *id, const char *path, bool encrypted, unsigned depth)
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
                        load_directory(h, s, name, file, encrypted, depth + 1);
                else if (S_ISREG(st.st_mode) && read_file(file, MAX_TOTAL, &data, &len) >= 0)
                        store_text(h, s, name, data, len, encrypted);
        }
}

/* In the directories where credentials are left for whoever asks by name. */
static int read_stored(const char *name, bool encrypted, char **ret, size_t *ret_len)
{
        static const char *const stores[2][4] = {
                { "/run/credentials/@system", "/etc/credstore", "/run/credstore", "/usr/lib/credstore" },
                { "/run/credentials/@encrypted", "/etc/credstore.encrypted", "/run/credstore.encrypted",
                        "/usr/lib/credstore.encrypted" },
        };
        int r = -ENOENT;

        if (!valid_id(name))
                return -EINVAL;
        for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(stores[0]); i++) {
                _cleanup_free_ char *file = path_join(stores[encrypted][i], name);

                r = file ? read_file(file, MAX_TOTAL, ret, ret_len) : -ENOMEM;
        }
        return r;
}

/* "id:path", "id". Whether it was found. */
static bool load_one(struct helper *h, struct store *s, const char *spec, bool encrypted)
{
        _cleanup_free_ char *id = strndup(spec, strcspn(spec, ":")), *data = NULL;
        const char *path = strchr(spec, ':') ? strchr(spec, ':') + 1 : id;
        struct stat st;
        size_t len = 0;
        int r;

        if (!id)
                helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
        if (*path != '/')
                r = read_stored(path, encrypted, &data, &len);
        else if (stat(path, &st) < 0)
                return false;
        else if (S_ISDIR(st.st_mode)) {
                load_directory(h, s, id, path, encrypted, 0);
                return true;
        } else
                r = S_ISSOCK(st.st_mode)
                            ? read_socket(path, plan_str(h->plan, h->plan->unit), id, &data, &len)
                            : read_file(path, MAX_TOTAL, &data, &len);
        if (r == -ENOENT)
                return false;
        if (r < 0)
                fail(h, r, spec);
        store_text(h, s, id, data, len, encrypted);
        return true;
}

static bool is_set(const struct exec_plan *p, struct plan_list set, const char *spec, size_t id)
{
        for (uint32_t k = 0; k < set.n; k++)
                if (strncmp(plan_item(p, set, k), spec, id + 1) == 0)
                        return true;
        return false;
}

/* One that is inherited by its name may be missing, and one that SetCredential= has a value for. */
static bool must_be_there(const struct exec_plan *p, const char *spec)
{
        size_t id = strcspn(spec, ":");

        return spec[id] == ':' && spec[id + 1] == '/' && !is_set(p, p->set_creds, spec, id) &&
               !is_set(p, p->set_encrypted, spec, id);
}

static void load_all(struct helper *h, struct store *s, struct plan_list specs, bool encrypted)
{
        for (uint32_t i = 0; i < specs.n; i++) {
                const char *spec = plan_item(h->plan, specs, i);

                if (!load_one(h, s, spec, encrypted) && must_be_there(h->plan, spec))
                        fail(h, -ENOENT, spec);
        }
}

/* "id:value" */
static void set_all(struct helper *h, struct store *s, struct plan_list specs, bool encrypted)
{
        for (uint32_t i = 0; i < specs.n; i++) {
                const char *spec = plan_item(h->plan, specs, i), *colon = strchr(spec, ':');
                _cleanup_free_ char *id = strndup(spec, strcspn(spec, ":"));

                if (!id)
                        helper_fail(h, EXIT_MEMORY, -ENOMEM, NULL);
                if (!is_stored(s, id))
                        store_text(h, s, id, colon + 1, strlen(colon + 1), encrypted);
        }
}

void helper_credentials(struct helper *h)
{
        const struct exec_plan *p = h->plan;
        struct store s = { .fd = -1 };
        char dir[PATH_MAX];

        if (p->load_creds.n == 0 && p->set_creds.n == 0 && p->load_encrypted.n == 0 &&
                p->set_encrypted.n == 0)
                return;
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
        load_all(h, &s, p->load_creds, false);
        load_all(h, &s, p->load_encrypted, true);
        set_all(h, &s, p->set_creds, false);
        set_all(h, &s, p->set_encrypted, true);
        if (fchmod(s.fd, 0500) < 0 || ((p->flags & PLAN_SETID) && fchown(s.fd, p->uid, p->gid) < 0))
                fail(h, -errno, dir);
        close(s.fd);
        mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
