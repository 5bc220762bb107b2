/* modules-load: the names in modules-load.d(5) and modules_load= of the kernel command line. They are handed
 * back, one a line; rouse-devd, which has the module index open, loads them. */
#include "early/early.h"
#include "lib/cmdline.h"

static int module_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        char ***names = data;

        if (strpbrk(text, " \t"))
                log_file(path, line, LOG_NOTICE, "Only the first word is taken as the module's name.");
        text[strcspn(text, " \t")] = 0;
        return strv_add_unique(names, text) < 0 ? log_oom() : 0;
}

int step_modules_load(struct early *e, char *const *args)
{
        _cleanup_strv_ char **names = NULL, **words = NULL;
        unsigned bad = 0;
        int r;

        if (cmdline_read(&words) >= 0)
                FOREACH_STR (w, words) {
                        const char *v = startswith(*w, "modules_load=") ?: startswith(*w, "modules-load=");
                        _cleanup_strv_ char **list = v ? strv_split(v, ",") : NULL;

                        FOREACH_STR (n, list)
                                if (strv_add_unique(&names, *n) < 0)
                                        return log_oom();
                }
        r = conf_lines(e, "modules-load.d", true, module_line, &names, &bad);
        if (r < 0)
                return r;
        FOREACH_STR (n, names)
                strbuf_printf(&e->message, "%s%s", e->message.len ? "\n" : "", *n);
        return 0;
}
