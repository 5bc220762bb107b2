/* Reader of modprobe.d: see modprobed.h. */

#include "initramfs/modprobed.h"
#include "lib/fileio.h"
#include "lib/log.h"

char *const modprobed_dirs[] = { (char *)"/etc/modprobe.d", (char *)"/run/modprobe.d",
        (char *)"/usr/local/lib/modprobe.d", (char *)"/lib/modprobe.d", NULL };

/* Cuts the next word off *p; "" at the end. */
static char *word(char **p)
{
        char *w = *p + strspn(*p, " \t");
        char *end = w + strcspn(w, " \t");

        *p = end;
        if (*end) {
                *end = 0;
                *p = end + 1 + strspn(end + 1, " \t");
        }
        return w;
}

static int parse_softdep(const char *module, char *rest, const struct modprobed_visitor *v)
{
        _cleanup_strv_ char **pre = NULL, **post = NULL;
        char ***to = NULL;
        char *w;

        while (*(w = word(&rest))) {
                int r = 0;

                if (streq(w, "pre:"))
                        to = &pre;
                else if (streq(w, "post:"))
                        to = &post;
                else if (to)
                        r = strv_add(to, w);
                if (r < 0)
                        return r;
        }
        return pre || post ? v->softdep(module, pre, post, v->data) : 0;
}

static int parse_line(const char *path, unsigned line, char *s, const struct modprobed_visitor *v)
{
        if (!utf8_valid(s, strlen(s))) {
                log_file(path, line, LOG_WARNING, "Not UTF-8; line skipped");
                return 0;
        }
        char *rest = s, *verb = word(&rest);

        if (!*verb || *verb == '#')
                return 0;
        char *name = word(&rest);
        if (!*name) {
                log_file(path, line, LOG_WARNING, "\"%s\" without a module name; line skipped", verb);
                return 0;
        }
        if (streq(verb, "alias")) {
                char *module = word(&rest);

                if (*module)
                        return v->alias ? v->alias(name, module, v->data) : 0;
                log_file(path, line, LOG_WARNING, "alias %s names no module; line skipped", name);
                return 0;
        }
        if (streq(verb, "blacklist"))
                return v->blacklist ? v->blacklist(name, v->data) : 0;
        if (streq(verb, "options"))
                return v->options ? v->options(name, str_strip(rest), v->data) : 0;
        if (streq(verb, "install"))
                return v->install ? v->install(name, str_strip(rest), v->data) : 0;
        if (streq(verb, "softdep"))
                return v->softdep ? parse_softdep(name, rest, v) : 0;
        if (streq(verb, "weakdep")) {
                _cleanup_strv_ char **deps = strv_split(rest, " \t");
                return !deps ? -ENOMEM : v->weakdep ? v->weakdep(name, deps, v->data) : 0;
        }
        if (streq(verb, "remove"))
                return 0; /* of no matter for what is loaded */
        log_file(path, line, LOG_WARNING, "Unknown command \"%s\"; line skipped", verb);
        return 0;
}

/* Cuts the next logical line off *p, joining lines that end in a backslash. Counts lines. */
static char *logical_line(char **p, unsigned *line)
{
        char *s = *p, *in = *p, *out = *p;

        if (!*in)
                return NULL;
        for (; *in && *in != '\n'; in++) {
                if (in[0] == '\\' && in[1] == '\n') {
                        in++;
                        ++*line;
                        continue;
                }
                *out++ = *in;
        }
        ++*line;
        *p = *in ? in + 1 : in;
        *out = 0;
        return s;
}

int modprobed_parse(const char *path, char *text, const struct modprobed_visitor *v)
{
        unsigned line = 0;
        char *p = text, *s;

        while ((s = logical_line(&p, &line))) {
                int r = parse_line(path, line, s, v);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_one(const char *path, const struct modprobed_visitor *v)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file(path, 0, &text, NULL);

        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                log_warning_errno(r, "Cannot read %s: %m; its module settings are missing", path);
                return 0;
        }
        return modprobed_parse(path, text, v);
}

int modprobed_read(const char *sysroot, const char *release, const struct modprobed_visitor *v)
{
        _cleanup_strv_ char **files = NULL;
        int r = conf_files_list(sysroot, modprobed_dirs, ".conf", &files);

        if (r < 0)
                return r;
        FOREACH_STR (f, files) {
                r = read_one(*f, v);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < 2 && r >= 0; i++) {
                _cleanup_free_ char *file = str_printf("%s/lib/modules/%s/modules.%s", sysroot ?: "",
                        release, i == 0 ? "softdep" : "weakdep");
                r = file ? read_one(file, v) : -ENOMEM;
        }
        return r;
}
