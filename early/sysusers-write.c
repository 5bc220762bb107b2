/* Writing of passwd, group, shadow and gshadow: under the lock that lckpwdf(3) takes, each file under a
 * temporary name beside it with owner and mode kept, synced, then all renamed; the old ones stay as NAME-. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "early/sysusers.h"

#define LOCK_WAIT_SEC 5

static void on_alarm(int sig) {}

/* POSIX locks have no time-out: an alarm ends the wait. */
static int lock_accounts(int etc_fd)
{
        struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        struct sigaction sa = { .sa_handler = on_alarm }, old;
        _cleanup_close_ int fd = -1;
        int r = 0;

        fd = openat(etc_fd, ".pwd.lock", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        sigaction(SIGALRM, &sa, &old);
        alarm(LOCK_WAIT_SEC);
        if (fcntl(fd, F_SETLKW, &fl) < 0)
                r = errno == EINTR ? -ETIMEDOUT : -errno;
        alarm(0);
        sigaction(SIGALRM, &old, NULL);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Lines before the first NIS line ("+…", "-…") of the old text stay before the added ones. */
static size_t nis_position(const char *old)
{
        for (const char *l = old; *l;) {
                const char *nl = strchr(l, '\n');

                if (*l == '+' || *l == '-')
                        return l - old;
                if (!nl)
                        break;
                l = nl + 1;
        }
        return strlen(old);
}

static char *append_lines(const char *old, const char *added)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        size_t pos = nis_position(old);

        strbuf_add(&b, old, pos);
        if (pos > 0 && old[pos - 1] != '\n')
                strbuf_putc(&b, '\n');
        strbuf_puts(&b, added);
        strbuf_puts(&b, old + pos);
        return b.failed ? NULL : strbuf_take(&b);
}

/* Appends line, with the users of memberships that belong to its group added to the list in its last field. */
static void put_group_line(
        struct strbuf *b, const char *line, size_t len, char *const *memberships, unsigned field)
{
        size_t name_len = strcspn(line, ":\n");
        unsigned colons = 0;
        bool empty;

        for (size_t i = 0; i < len; i++)
                colons += line[i] == ':';
        empty = len > 0 && line[len - 1] == ':';
        strbuf_add(b, line, len);
        FOREACH_STR (m, memberships) {
                if (colons != field || strncmp(*m, line, name_len) != 0 || (*m)[name_len] != ':')
                        continue;
                if (!empty)
                        strbuf_putc(b, ',');
                strbuf_puts(b, *m + name_len + 1);
                empty = false;
        }
        strbuf_putc(b, '\n');
}

char *sysusers_new_group_text(const char *old, char *const *memberships, const char *added, unsigned field)
{
        _cleanup_free_ char *all = append_lines(old, added);
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (!all)
                return NULL;
        for (const char *l = all; *l;) {
                size_t len = strcspn(l, "\n");

                put_group_line(&b, l, len, memberships, field);
                l += len + (l[len] == '\n');
        }
        if (b.failed)
                return NULL;
        return b.s ? strbuf_take(&b) : strdup("");
}

struct account_file {
        const char *name, *tmp, *backup;
        mode_t mode; /* when it is not there yet */
        char *text;  /* new content; NULL: nothing to do */
};

static int write_tmp(int etc_fd, const struct account_file *f)
{
        _cleanup_close_ int fd = -1;
        struct stat st = { .st_mode = f->mode };
        int r;

        (void)fstatat(etc_fd, f->name, &st, 0);
        (void)unlinkat(etc_fd, f->tmp, 0);
        fd = openat(etc_fd, f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        if (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM)
                return -errno;
        if (fchmod(fd, st.st_mode & 07777) < 0)
                return -errno;
        r = write_all(fd, f->text, strlen(f->text));
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

static int read_old(int etc_fd, const char *name, char **ret)
{
        int r = read_file_at(etc_fd, name, 0, ret, NULL);

        if (r != -ENOENT)
                return r;
        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

static int make_text(int etc_fd, struct account_file *f, char *const *memberships,
        const struct strbuf *added, unsigned field)
{
        _cleanup_free_ char *old = NULL;
        int r;

        if (!added->len && !memberships)
                return 0;
        r = read_old(etc_fd, f->name, &old);
        if (r < 0)
                return log_error_errno(r, "Cannot read /etc/%s, so no user is added: %m", f->name);
        f->text = field ? sysusers_new_group_text(old, memberships, added->s ?: "", field)
                        : append_lines(old, added->s ?: "");
        return f->text ? 0 : log_oom();
}

static int replace_files(int etc_fd, struct account_file *files, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                if (files[i].text) {
                        r = write_tmp(etc_fd, &files[i]);
                        if (r < 0)
                                log_error_errno(r, "Cannot write /etc/%s: %m", files[i].tmp);
                }
        for (size_t i = 0; i < n; i++) {
                if (!files[i].text)
                        continue;
                if (r < 0) {
                        (void)unlinkat(etc_fd, files[i].tmp, 0);
                        continue;
                }
                (void)unlinkat(etc_fd, files[i].backup, 0);
                (void)linkat(etc_fd, files[i].name, etc_fd, files[i].backup, 0);
                if (renameat(etc_fd, files[i].tmp, etc_fd, files[i].name) < 0)
                        r = log_error_errno(-errno, "Cannot replace /etc/%s: %m", files[i].name);
        }
        return r;
}

int sysusers_write(struct early *e, struct sysusers *s)
{
        struct account_file files[] = {
                { "group", ".group.rouse", "group-", 0644, NULL },
                { "gshadow", ".gshadow.rouse", "gshadow-", 0600, NULL },
                { "passwd", ".passwd.rouse", "passwd-", 0644, NULL },
                { "shadow", ".shadow.rouse", "shadow-", 0600, NULL },
        };
        _cleanup_free_ char *etc = early_path(e, "/etc");
        _cleanup_close_ int etc_fd = -1, lock_fd = -1;
        int r;

        if (!etc)
                return log_oom();
        etc_fd = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (etc_fd < 0)
                return log_error_errno(-errno, "Cannot open /etc, so no user is added: %m");
        lock_fd = lock_accounts(etc_fd);
        if (lock_fd < 0)
                return log_error_errno(lock_fd, "Cannot lock the account files, so no user is added: %m");
        r = make_text(etc_fd, &files[0], s->memberships, &s->group, 3);
        if (r >= 0)
                r = make_text(etc_fd, &files[1], s->memberships, &s->gshadow, 3);
        if (r >= 0)
                r = make_text(etc_fd, &files[2], NULL, &s->passwd, 0);
        if (r >= 0)
                r = make_text(etc_fd, &files[3], NULL, &s->shadow, 0);
        if (r >= 0)
                r = replace_files(etc_fd, files, ARRAY_SIZE(files));
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                free(files[i].text);
        return r;
}
