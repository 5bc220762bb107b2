/* Users and groups from /etc/passwd and /etc/group, kept in memory until the files change.
 *
 * PID 1 never calls NSS: it could wait for a network. A name that is not in the files makes the child go through
 * rouse-exec, which may. The text of each file is kept as it is and scanned: these files are short, and a scan of
 * a thousand lines costs less than one system call on a slow machine's disk. */
#include <fcntl.h>
#include <sys/stat.h>

#include "exec-user.h"
#include "lib/fileio.h"
#include "lib/str.h"

struct cached_file {
        const char *name;
        char *text;
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec mtime;
};

static struct cached_file passwd_file = { .name = "passwd" }, group_file = { .name = "group" },
                          nsswitch_file = { .name = "nsswitch.conf" };
static const char *etc_dir = "/etc";

static void forget(struct cached_file *f)
{
        free(f->text);
        *f = (struct cached_file) { .name = f->name };
}

void user_set_etc(const char *dir)
{
        etc_dir = dir;
        forget(&passwd_file);
        forget(&group_file);
        forget(&nsswitch_file);
}

/* The file's text, read again when it is another one than before; "" when it cannot be read. */
static const char *text_of(struct cached_file *f)
{
        char path[PATH_MAX];
        struct stat st;

        if (strlen(etc_dir) + strlen(f->name) + 2 > sizeof(path))
                return "";
        stpcpy(stpcpy(stpcpy(path, etc_dir), "/"), f->name);
        if (stat(path, &st) < 0) {
                forget(f);
                return "";
        }
        if (f->text && f->dev == st.st_dev && f->ino == st.st_ino && f->size == st.st_size &&
                f->mtime.tv_sec == st.st_mtim.tv_sec && f->mtime.tv_nsec == st.st_mtim.tv_nsec)
                return f->text;
        forget(f);
        if (read_file(path, 0, &f->text, NULL) < 0)
                return "";
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        f->size = st.st_size;
        f->mtime = st.st_mtim;
        return f->text;
}

/* Splits the line at s into n fields (pointer and length each); false when it has fewer. */
struct field {
        const char *s;
        size_t n;
};
static bool split_line(const char *s, struct field *f, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                f[i].s = s;
                f[i].n = strcspn(s, ":\n");
                s += f[i].n;
                if (i + 1 < n && *s++ != ':')
                        return false;
        }
        return true;
}

static const char *next_line(const char *s)
{
        s += strcspn(s, "\n");
        return *s ? s + 1 : s;
}

static bool field_is(struct field f, const char *s)
{
        return strlen(s) == f.n && memcmp(s, f.s, f.n) == 0;
}

static bool field_number(struct field f, uint32_t *ret)
{
        uint64_t v = 0;

        if (f.n == 0 || f.n > 10)
                return false;
        for (size_t i = 0; i < f.n; i++) {
                if (f.s[i] < '0' || f.s[i] > '9')
                        return false;
                v = v * 10 + (uint64_t)(f.s[i] - '0');
        }
        if (v >= UINT32_MAX || v == 65535) /* (uid_t) -1 in 32 and 16 bit */
                return false;
        *ret = (uint32_t)v;
        return true;
}

static bool parse_id(const char *s, uint32_t *ret)
{
        return field_number((struct field) { s, strlen(s) }, ret);
}

void user_record_done(struct user_record *u)
{
        free(u->name);
        free(u->home);
        free(u->shell);
        *u = (struct user_record) { 0 };
}

static int fill_record(const struct field *f, uint32_t uid, uint32_t gid, struct user_record *ret)
{
        struct user_record u = { .uid = uid, .gid = gid, .found = true };

        u.name = strndup(f[0].s, f[0].n);
        u.home = strndup(f[5].n ? f[5].s : "/", f[5].n ? f[5].n : 1);
        u.shell = f[6].n ? strndup(f[6].s, f[6].n) : strdup("/bin/sh");
        if (!u.name || !u.home || !u.shell) {
                user_record_done(&u);
                return -ENOMEM;
        }
        *ret = u;
        return 0;
}

int user_lookup(const char *name, struct user_record *ret)
{
        uint32_t number = 0;
        bool numeric = parse_id(name, &number);

        for (const char *s = text_of(&passwd_file); *s; s = next_line(s)) {
                struct field f[7];
                uint32_t uid, gid;

                if (!split_line(s, f, 7) || !field_number(f[2], &uid) || !field_number(f[3], &gid))
                        continue;
                if (numeric ? uid == number : field_is(f[0], name))
                        return fill_record(f, uid, gid, ret);
        }
        if (numeric) {
                struct user_record u = { .name = strdup(name), .uid = number, .gid = number };

                if (!u.name)
                        return -ENOMEM;
                *ret = u;
                return 0;
        }
        if (streq(name, "root")) { /* also without the files */
                static const struct field root[7] = { { "root", 4 }, { "", 0 }, { "", 0 }, { "", 0 },
                        { "", 0 }, { "/root", 5 }, { "/bin/sh", 7 } };

                return fill_record(root, 0, 0, ret);
        }
        return -ESRCH;
}

int group_lookup(const char *name, gid_t *ret)
{
        uint32_t number;

        if (parse_id(name, &number)) {
                *ret = number;
                return 0;
        }
        for (const char *s = text_of(&group_file); *s; s = next_line(s)) {
                struct field f[4];
                uint32_t gid;

                if (split_line(s, f, 4) && field_is(f[0], name) && field_number(f[2], &gid)) {
                        *ret = gid;
                        return 0;
                }
        }
        if (streq(name, "root")) {
                *ret = 0;
                return 0;
        }
        return -ESRCH;
}

struct gid_list {
        gid_t *v;
        size_t n;
};

static int add_gid(struct gid_list *l, gid_t gid)
{
        gid_t *grown;

        for (size_t i = 0; i < l->n; i++)
                if (l->v[i] == gid)
                        return 0;
        if (l->n % 16 == 0) {
                grown = realloc(l->v, (l->n + 16) * sizeof(gid_t));
                if (!grown)
                        return -ENOMEM;
                l->v = grown;
        }
        l->v[l->n++] = gid;
        return 0;
}

static bool lists_member(struct field members, const char *user)
{
        const char *s = members.s, *end = s + members.n;

        while (s < end) {
                const char *comma = memchr(s, ',', (size_t)(end - s));
                struct field f = { s, (size_t)((comma ? comma : end) - s) };

                if (field_is(f, user))
                        return true;
                s += f.n + 1;
        }
        return false;
}

int user_groups(const char *user, gid_t gid, char *const *extra, gid_t **ret, size_t *ret_n)
{
        struct gid_list l = { 0 };
        int r = add_gid(&l, gid);

        for (const char *s = user ? text_of(&group_file) : ""; *s && r >= 0; s = next_line(s)) {
                struct field f[4];
                uint32_t g;

                if (split_line(s, f, 4) && field_number(f[2], &g) && lists_member(f[3], user))
                        r = add_gid(&l, g);
        }
        FOREACH_STR (e, extra) {
                gid_t g;

                if (r >= 0)
                        r = group_lookup(*e, &g);
                if (r >= 0)
                        r = add_gid(&l, g);
        }
        if (r < 0) {
                free(l.v);
                return r;
        }
        *ret = l.v;
        *ret_n = l.n;
        return 0;
}

bool user_groups_are_local(void)
{
        static const char *const local[] = { "files", "compat", "systemd" };
        const char *dbs[] = { "group:", "initgroups:" };

        for (const char *s = text_of(&nsswitch_file); *s; s = next_line(s)) {
                for (size_t d = 0; d < ARRAY_SIZE(dbs); d++) {
                        const char *w = startswith(s, dbs[d]);

                        while (w && *w && *w != '\n' && *w != '#') {
                                struct field f;
                                bool good = false;

                                w += strspn(w, " \t");
                                f = (struct field) { w, strcspn(w, " \t\n#") };
                                w += f.n;
                                for (size_t i = 0; i < ARRAY_SIZE(local); i++)
                                        good |= field_is(f, local[i]);
                                if (f.n > 0 && *f.s != '[' && !good)
                                        return false;
                        }
                }
        }
        return true;
}
