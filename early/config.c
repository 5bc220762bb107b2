/* Reading of the line-wise configuration directories: tmpfiles.d, sysusers.d, sysctl.d, modules-load.d, binfmt.d. */
#include "early/early.h"

char *early_path(struct early *e, const char *path)
{
        return e->root ? path_join(e->root, path) : strdup(path);
}

int early_read_file(struct early *e, const char *path, size_t max, char **ret, size_t *ret_len)
{
        _cleanup_free_ char *p = NULL;

        if (!e->root)
                return read_file(path, max, ret, ret_len);
        p = early_path(e, path);
        return p ? read_file(p, max, ret, ret_len) : -ENOMEM;
}

static int text_lines(struct early *e, const char *path, char *text, size_t len, bool semicolon,
        conf_line_fn fn, void *data, unsigned *bad)
{
        unsigned line = 0;

        if (memchr(text, 0, len)) {
                log_file(path, 0, LOG_WARNING, "The file has NUL bytes in it; it is not used.");
                (*bad)++;
                return 0;
        }
        for (char *l = text, *next; l; l = next) {
                char *s;

                next = strchr(l, '\n');
                if (next)
                        *next++ = 0;
                line++;
                s = str_strip(l);
                if (!*s || *s == '#' || (semicolon && *s == ';'))
                        continue;
                if (fn(e, path, line, s, data) < 0)
                        (*bad)++;
        }
        return 0;
}

static int host_file_lines(
        struct early *e, const char *path, bool semicolon, conf_line_fn fn, void *data, unsigned *bad)
{
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r;

        r = read_file(path, 0, &text, &len);
        if (r < 0)
                return r;
        return text_lines(e, path, text, len, semicolon, fn, data, bad);
}

int conf_file_lines(
        struct early *e, const char *path, bool semicolon, conf_line_fn fn, void *data, unsigned *ret_bad)
{
        _cleanup_free_ char *p = early_path(e, path);
        unsigned bad = 0;
        int r;

        if (!p)
                return -ENOMEM;
        r = host_file_lines(e, p, semicolon, fn, data, &bad);
        if (ret_bad)
                *ret_bad += bad;
        return r;
}

int conf_lines(struct early *e, const char *dir_name, bool semicolon, conf_line_fn fn, void *data,
        unsigned *ret_bad)
{
        static const char *const prefixes[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };
        char bufs[ARRAY_SIZE(prefixes)][64], *dirs[ARRAY_SIZE(prefixes) + 1] = { 0 };
        _cleanup_strv_ char **files = NULL;
        unsigned bad = 0;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
                snprintf(bufs[i], sizeof(bufs[i]), "%s/%s", prefixes[i], dir_name);
                dirs[i] = bufs[i];
        }
        r = conf_files_list(e->root, dirs, ".conf", &files);
        if (r < 0)
                return log_error_errno(r, "Cannot list the files of %s: %m", dir_name);
        FOREACH_STR (f, files) {
                r = host_file_lines(e, *f, semicolon, fn, data, &bad);
                if (r == -ENOENT)
                        continue;
                if (r < 0) {
                        log_full(LOG_WARNING, r, NULL, "%s: cannot be read, so it has no effect: %m", *f);
                        bad++;
                }
        }
        if (ret_bad)
                *ret_bad += bad;
        return 0;
}
