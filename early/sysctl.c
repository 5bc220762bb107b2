/* sysctl: kernel settings of sysctl.d(5) and /etc/sysctl.conf. The last assignment of a key counts; keys with
 * wildcards are applied to what is there and has no assignment or exclusion ("-key") of its own.
 * Arguments are prefixes: with "net/ipv4/conf/eth0" only keys below it are set. */
#include <fcntl.h>
#include <fnmatch.h>

#include "early/safepath.h"

struct setting {
        char *key;   /* "net/ipv4/ip_forward" */
        char *value; /* NULL: excluded from wildcards */
        bool ignore_failure;
        char *file;
        unsigned line;
        struct setting *next;
};

struct sysctl {
        struct setting *list, **tail;
        struct hash by_key;
        char *const *prefixes;
        unsigned failed;
};

static void setting_free(struct setting *s)
{
        free(s->key);
        free(s->value);
        free(s->file);
        free(s);
}

static void sysctl_done(struct sysctl *c)
{
        for (struct setting *s = c->list, *next; s; s = next) {
                next = s->next;
                setting_free(s);
        }
        hash_done(&c->by_key);
}

/* The first separator decides: after a dot, dots separate and slashes are dots of a name. */
char *sysctl_normalize(char *key)
{
        char *first = strpbrk(key, "./");

        if (first && *first == '.')
                for (char *p = first; *p; p++)
                        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
        return path_simplify(key);
}

static bool key_ok(const char *key)
{
        return *key && *key != '/' && path_is_normalized(key);
}

static int sysctl_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        struct sysctl *c = data;
        struct setting *s, *old;
        char *eq = strchr(text, '='), *key = text, *value = NULL;
        bool minus = *text == '-';
        int r;

        if (eq) {
                *eq = 0;
                value = str_strip(eq + 1);
        } else if (!minus)
                return log_file(path, line, LOG_WARNING,
                               "\"%s\" is no assignment KEY = VALUE; the line is ignored.", text),
                       -EINVAL;
        key = sysctl_normalize(str_strip(key + minus));
        if (*key == '/')
                memmove(key, key + 1, strlen(key));
        if (startswith(key, "proc/sys/"))
                key += strlen("proc/sys/");
        if (!key_ok(key))
                return log_file(path, line, LOG_WARNING,
                               "\"%s\" is no name of a setting; the line is ignored.", key),
                       -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s || !(s->key = strdup(key)) || !(s->file = strdup(path)) ||
                (value && !(s->value = strdup(value)))) {
                if (s)
                        setting_free(s);
                return log_oom();
        }
        s->line = line;
        s->ignore_failure = minus;
        old = hash_get(&c->by_key, s->key);
        r = hash_put(&c->by_key, s->key, s);
        if (r < 0) {
                setting_free(s);
                return log_oom();
        }
        if (old) { /* keeps its place in the order, loses its value */
                free(old->value);
                old->value = NULL;
        }
        if (!c->tail)
                c->tail = &c->list;
        *c->tail = s;
        c->tail = &s->next;
        return 0;
}

static bool prefix_wanted(const struct sysctl *c, const char *key)
{
        if (!c->prefixes || !*c->prefixes)
                return true;
        FOREACH_STR (p, c->prefixes) {
                char buf[256];
                const char *want = startswith(*p, "--prefix=") ?: *p;

                if (strlen(want) >= sizeof(buf))
                        continue;
                strcpy(buf, want);
                want = sysctl_normalize(buf);
                want += strspn(want, "/");
                want = startswith(want, "proc/sys/") ?: want;
                if (path_startswith(key, want))
                        return true;
        }
        return false;
}

static void set_one(struct early *e, struct sysctl *c, const struct setting *s, const char *key)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        int r;

        if (!prefix_wanted(c, key))
                return;
        path = str_printf("%s/proc/sys/%s", e->root ?: "", key);
        text = str_printf("%s\n", s->value);
        if (!path || !text) {
                c->failed++;
                (void)log_oom();
                return;
        }
        r = write_attr(path, text);
        if (r >= 0)
                return;
        if (s->ignore_failure || r == -ENOENT || r == -EACCES || r == -EPERM || r == -EROFS) {
                log_full(LOG_DEBUG, r, NULL, "%s:%u: %s not set: %m", s->file, s->line, key);
                return;
        }
        log_full(LOG_WARNING, r, NULL, "%s:%u: %s not set to \"%s\": %m", s->file, s->line, key, s->value);
        c->failed++;
}

struct glob_call {
        struct sysctl *c;
        const struct setting *s;
};

static int set_globbed(struct early *e, const char *path, void *data)
{
        struct glob_call *g = data;
        const char *key = path + strlen("/proc/sys/");

        if (!hash_get(&g->c->by_key, key))
                set_one(e, g->c, g->s, key);
        return 0;
}

static int apply(struct early *e, struct sysctl *c)
{
        int r;

        for (struct setting *s = c->list; s; s = s->next) {
                struct glob_call g = { c, s };
                char pattern[512];

                if (!s->value || hash_get(&c->by_key, s->key) != s)
                        continue;
                if (!path_has_glob(s->key)) {
                        set_one(e, c, s, s->key);
                        continue;
                }
                snprintf(pattern, sizeof(pattern), "/proc/sys/%s", s->key);
                r = safe_glob(e, pattern, set_globbed, &g);
                if (r < 0) {
                        log_full(LOG_WARNING, r, NULL, "%s:%u: %s: %m", s->file, s->line, s->key);
                        c->failed++;
                }
        }
        return c->failed ? -EIO : 0;
}

int step_sysctl(struct early *e, char *const *args)
{
        _cleanup_(sysctl_done) struct sysctl c = { .prefixes = args };
        _cleanup_free_ char *link = early_path(e, "/etc/sysctl.d/99-sysctl.conf");
        unsigned bad = 0;
        int r;

        if (!link)
                return log_oom();
        r = conf_lines(e, "sysctl.d", true, sysctl_line, &c, &bad);
        if (r < 0)
                return r;
        if (access(link, F_OK) < 0) { /* Debian's procps links it into the directory */
                r = conf_file_lines(e, "/etc/sysctl.conf", true, sysctl_line, &c, &bad);
                if (r < 0 && r != -ENOENT)
                        log_warning_errno(r, "/etc/sysctl.conf cannot be read: %m");
        }
        return apply(e, &c);
}
