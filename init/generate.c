/* See generate.h. */
#include "generate.h"

#include "load.h"
#include "lib/fileio.h"

bool generate_value_ok(const char *s)
{
        size_t n = strlen(s);

        for (const char *c = s; *c; c++)
                if ((unsigned char)*c < ' ' || *c == 127)
                        return false;
        return (n == 0 || s[n - 1] != '\\') && utf8_valid(s, n);
}

char *generate_escape(const char *s)
{
        struct strbuf b = {};

        strbuf_puts(&b, "");
        for (; *s; s++) {
                if (*s == '%')
                        strbuf_putc(&b, '%');
                strbuf_putc(&b, *s);
        }
        return strbuf_take(&b);
}

int generate_add(struct manager *m, enum gen_prio prio, const char *name, struct strbuf *text)
{
        _cleanup_free_ char *s = NULL;
        int r;

        if (text->failed)
                return log_oom();
        s = strbuf_take(text);
        if (!s)
                return log_oom();
        r = load_add_virtual(m, prio, name, s);
        return r < 0 ? log_warning_errno(r, "Cannot make a unit %s: %m", name) : 0;
}

int generate_instance(const char *template, const char *path, char **ret)
{
        _cleanup_free_ char *escaped = NULL;
        int r = unit_name_path_escape(path, &escaped);

        return r < 0 ? r : unit_name_replace_instance(template, escaped, ret);
}

int generate_read(struct manager *m, const char *path, char **ret)
{
        _cleanup_free_ char *full = root_path(m, path);

        return full ? read_file(full, 1 << 20, ret, NULL) : -ENOMEM;
}
