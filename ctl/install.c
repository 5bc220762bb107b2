/* Reading: where a unit's file is, what its [Install] section says, and what state that amounts to. See install.h. */
#include "install.h"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/inifile.h"
#include "lib/unitname.h"

const char *const install_dirs[] = { "/etc/systemd/system.control", "/run/systemd/system.control",
        "/run/systemd/transient", "/run/systemd/generator.early", "/etc/systemd/system",
        "/run/systemd/system", "/run/systemd/generator", "/usr/local/lib/systemd/system",
        "/usr/lib/rouse/system", "/usr/lib/systemd/system", "/lib/systemd/system",
        "/run/systemd/generator.late", NULL };

static const char *const state_names[] = {
        [FILE_ENABLED] = "enabled",
        [FILE_ENABLED_RUNTIME] = "enabled-runtime",
        [FILE_LINKED] = "linked",
        [FILE_LINKED_RUNTIME] = "linked-runtime",
        [FILE_ALIAS] = "alias",
        [FILE_MASKED] = "masked",
        [FILE_MASKED_RUNTIME] = "masked-runtime",
        [FILE_STATIC] = "static",
        [FILE_DISABLED] = "disabled",
        [FILE_INDIRECT] = "indirect",
        [FILE_GENERATED] = "generated",
        [FILE_TRANSIENT] = "transient",
        [FILE_NONE] = "",
};

const char *file_state_to_string(enum file_state s)
{
        return state_names[s];
}

void install_info_done(struct install_info *i)
{
        free(i->name);
        free(i->path);
        free(i->default_instance);
        strv_free(i->wanted_by);
        strv_free(i->required_by);
        strv_free(i->aliases);
        strv_free(i->also);
        *i = (struct install_info) { 0 };
}

static char *below(const char *root, const char *path)
{
        return root ? path_join(root, path) : strdup(path);
}

static int find_exact(const char *root, const char *name, char **ret)
{
        for (const char *const *d = install_dirs; *d; d++) {
                _cleanup_free_ char *path = path_join(*d, name), *full = path ? below(root, path) : NULL;
                struct stat st;

                if (!full)
                        return -ENOMEM;
                if (lstat(full, &st) == 0) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        return -ENOENT;
}

int install_find(const char *root, const char *name, char **ret)
{
        _cleanup_free_ char *template = NULL;
        int r = find_exact(root, name, ret);

        if (r == -ENOENT && unit_name_template(name, &template) >= 0)
                r = find_exact(root, template, ret);
        return r;
}

/* ---- [Install] ---- */

/* The specifiers that make sense in names: %i %I %j %n %N %p %%. */
static char *resolve(const char *s, const char *name)
{
        _cleanup_free_ char *prefix = NULL, *instance = NULL, *plain = NULL;
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const char *dash;

        (void)unit_name_prefix(name, &prefix);
        (void)unit_name_instance(name, &instance);
        plain = strndup(
                name, (size_t)(strrchr(name, '.') ? strrchr(name, '.') - name : (ptrdiff_t)strlen(name)));
        dash = prefix ? strrchr(prefix, '-') : NULL;
        for (; *s; s++) {
                if (*s != '%' || !s[1]) {
                        strbuf_putc(&b, *s);
                        continue;
                }
                switch (*++s) {
                case 'i':
                case 'I': strbuf_puts(&b, instance ?: ""); break;
                case 'j':
                case 'J': strbuf_puts(&b, dash ? dash + 1 : prefix ?: ""); break;
                case 'n': strbuf_puts(&b, name); break;
                case 'N': strbuf_puts(&b, plain ?: ""); break;
                case 'p':
                case 'P': strbuf_puts(&b, prefix ?: ""); break;
                case '%': strbuf_putc(&b, '%'); break;
                default:
                        strbuf_putc(&b, '%');
                        strbuf_putc(&b, *s);
                        break;
                }
        }
        return strbuf_take(&b);
}

static int add_names(char ***v, const char *value, const char *name)
{
        _cleanup_strv_ char **words = strv_split(value, " \t");

        if (!*value)
                strv_reset(v);
        FOREACH_STR (w, words) {
                int r = strv_push(v, resolve(*w, name));

                if (r < 0)
                        return r;
        }
        return 0;
}

static int install_line(const struct ini_line *l, void *data)
{
        struct install_info *i = data;

        if (!streq(l->section, "Install"))
                return 0;
#ifdef ROUSE_MUTATION
        const char *empty = getenv("ROUSE_EMPTY_DIRECTIVE"); /* as in init/table.c */

        if (empty && startswith(empty, "Install.") && streq(empty + strlen("Install."), l->key))
                return 0;
#endif
        if (streq(l->key, "WantedBy"))
                return add_names(&i->wanted_by, l->value, i->name);
        if (streq(l->key, "RequiredBy"))
                return add_names(&i->required_by, l->value, i->name);
        if (streq(l->key, "Alias"))
                return add_names(&i->aliases, l->value, i->name);
        if (streq(l->key, "Also"))
                return add_names(&i->also, l->value, i->name);
        if (streq(l->key, "DefaultInstance"))
                return str_replace(&i->default_instance, l->value);
        return 0;
}

static void read_dropins(const char *root, struct install_info *i)
{
        _cleanup_strv_ char **dirs = NULL, **files = NULL;

        for (const char *const *d = install_dirs; *d; d++)
                (void)strv_addf(&dirs, "%s/%s.d", *d, i->name);
        if (conf_files_list(root, dirs, ".conf", &files) >= 0)
                FOREACH_STR (f, files)
                        (void)ini_parse_file(*f, install_line, i, NULL);
}

int install_read(const char *root, const char *name, struct install_info *ret)
{
        struct install_info i = { 0 };
        _cleanup_free_ char *full = NULL;
        int r = install_find(root, name, &i.path);

        if (r >= 0 && !((i.name = strdup(name)) && (full = below(root, i.path))))
                r = -ENOMEM;
        if (r >= 0) {
                _cleanup_free_ char *target = NULL;

                /* a link within a root leads into that root */
                if (root && readlink_alloc(full, &target) >= 0 && *target == '/') {
                        free(full);
                        full = below(root, target);
                }
                log_set_max_level(LOG_ERR); /* other sections' problems are the loader's */
                r = full ? ini_parse_file(full, install_line, &i, NULL) : -ENOMEM;
        }
        if (r < 0) {
                install_info_done(&i);
                return r;
        }
        read_dropins(root, &i);
        *ret = i;
        return 0;
}

/* ---- states ---- */

/* Is there a link for name in DIR/.wants or .requires, or (any_instance) for an instance of the template? */
static bool in_wants(const char *root, const char *dir, const char *name, bool any_instance)
{
        _cleanup_free_ char *full = below(root, dir);
        _cleanup_closedir_ DIR *d = full ? opendir(full) : NULL;

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *sub = NULL, *link = NULL;
                _cleanup_closedir_ DIR *s = NULL;
                struct stat st;

                if (!endswith(e->d_name, ".wants") && !endswith(e->d_name, ".requires"))
                        continue;
                sub = path_join(full, e->d_name);
                link = sub ? path_join(sub, name) : NULL;
                if (link && lstat(link, &st) == 0)
                        return true;
                s = any_instance && sub ? opendir(sub) : NULL;
                for (struct dirent *i; s && (i = readdir(s));) {
                        _cleanup_free_ char *t = NULL;

                        if (unit_name_template(i->d_name, &t) >= 0 && streq(t, name))
                                return true;
                }
        }
        return false;
}

static bool has_alias_link(const char *root, const char *dir, const struct install_info *i)
{
        FOREACH_STR (a, i->aliases) {
                _cleanup_free_ char *path = path_join(dir, *a), *full = path ? below(root, path) : NULL,
                                    *target = NULL;

                if (full && readlink_alloc(full, &target) >= 0 &&
                        streq(path_basename(target), path_basename(i->path)))
                        return true;
        }
        return false;
}

/* What the file itself, a link or not, tells: masked, alias, linked, generated; FILE_NONE when it is an ordinary file. */
static enum file_state state_of_path(const char *root, const char *path, const char *name)
{
        _cleanup_free_ char *full = below(root, path), *target = NULL;
        bool runtime = startswith(path, "/run/");
        struct stat st;

        if (startswith(path, "/run/systemd/generator"))
                return FILE_GENERATED;
        if (startswith(path, "/run/systemd/transient"))
                return FILE_TRANSIENT;
        if (!full || lstat(full, &st) < 0)
                return FILE_NONE;
        if (S_ISREG(st.st_mode))
                return st.st_size == 0 ? (runtime ? FILE_MASKED_RUNTIME : FILE_MASKED) : FILE_NONE;
        if (!S_ISLNK(st.st_mode) || readlink_alloc(full, &target) < 0)
                return FILE_NONE;
        if (streq(target, "/dev/null"))
                return runtime ? FILE_MASKED_RUNTIME : FILE_MASKED;
        if (!streq(path_basename(target), path_basename(path)))
                return FILE_ALIAS;
        for (const char *const *d = install_dirs; *d; d++)
                if (path_startswith(target, *d))
                        return FILE_NONE;
        return runtime ? FILE_LINKED_RUNTIME : FILE_LINKED;
}

enum file_state install_state(const char *root, const char *name)
{
        static const char *const config[] = { "/etc/systemd/system", "/run/systemd/system" };
        struct install_info i = { 0 };
        _cleanup_free_ char *path = NULL;
        bool template = unit_name_is_template(name);
        enum file_state s;

        if (install_find(root, name, &path) < 0)
                return FILE_NONE;
        s = state_of_path(root, path, name);
        if (s != FILE_NONE && s != FILE_LINKED && s != FILE_LINKED_RUNTIME)
                return s;
        if (install_read(root, name, &i) < 0)
                return FILE_NONE;
        for (size_t d = 0; d < ARRAY_SIZE(config); d++)
                if (in_wants(root, config[d], name, template) || has_alias_link(root, config[d], &i)) {
                        s = d == 0 ? FILE_ENABLED : FILE_ENABLED_RUNTIME;
                        break;
                }
        if (s == FILE_NONE)
                s = i.wanted_by || i.required_by || i.aliases ? FILE_DISABLED
                    : i.also                                  ? FILE_INDIRECT
                                                              : FILE_STATIC;
        install_info_done(&i);
        return s;
}

const char *unit_file_state(const char *root, const char *name)
{
        return file_state_to_string(install_state(root, name));
}

/* ---- presets, all files ---- */

/* Does a rule "enable PATTERN [INSTANCE…]" speak of name? With instances, the pattern is a template's: the rule is for
 * that, and for just these of it. */
static bool preset_fits(char *const *words, const char *name)
{
        _cleanup_free_ char *template = NULL, *instance = NULL;

        if (!words[2] || !unit_name_is_template(words[1]))
                return fnmatch(words[1], name, FNM_NOESCAPE) == 0;
        if (unit_name_is_template(name))
                return fnmatch(words[1], name, FNM_NOESCAPE) == 0;
        return unit_name_template(name, &template) >= 0 && unit_name_instance(name, &instance) >= 0 &&
               fnmatch(words[1], template, FNM_NOESCAPE) == 0 && strv_contains(words + 2, instance);
}

int install_preset(const char *root, const char *name, char ***ret_instances)
{
        static const char *const dirs[] = { "/etc/systemd/system-preset", "/run/systemd/system-preset",
                "/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset",
                "/lib/systemd/system-preset", NULL };
        _cleanup_strv_ char **files = NULL;

        if (conf_files_list(root, (char *const *)dirs, ".preset", &files) < 0)
                return 1;
        FOREACH_STR (f, files) {
                _cleanup_free_ char *text = NULL;
                char *line, *rest;

                if (read_file(*f, 0, &text, NULL) < 0)
                        continue;
                rest = text;
                while ((line = strsep(&rest, "\n"))) {
                        _cleanup_strv_ char **w = strv_split(line, " \t");

                        if (!w || !w[0] || !w[1] || *w[0] == '#' || *w[0] == ';' || !preset_fits(w, name))
                                continue;
                        if (streq(w[0], "enable")) {
                                if (ret_instances && w[2] && unit_name_is_template(name))
                                        *ret_instances = strv_copy(w + 2);
                                return 1;
                        }
                        if (streq(w[0], "disable"))
                                return 0;
                }
        }
        return 1;
}

int install_foreach(const char *root, void (*fn)(const char *name, const char *path, void *data), void *data)
{
        _cleanup_strv_ char **names = NULL;
        struct hash seen = { 0 };

        for (const char *const *dir = install_dirs; *dir; dir++) {
                _cleanup_free_ char *full = below(root, *dir);
                _cleanup_closedir_ DIR *d = full ? opendir(full) : NULL;

                for (struct dirent *e; d && (e = readdir(d));)
                        if ((e->d_type == DT_REG || e->d_type == DT_LNK) &&
                                unit_name_valid(e->d_name, true) && !hash_get(&seen, e->d_name) &&
                                strv_add(&names, e->d_name) >= 0)
                                (void)hash_put(&seen, names[strv_len(names) - 1], names);
        }
        hash_done(&seen);
        strv_sort(names);
        FOREACH_STR (n, names) {
                _cleanup_free_ char *path = NULL;

                if (find_exact(root, *n, &path) >= 0)
                        fn(*n, path, data);
        }
        return 0;
}
