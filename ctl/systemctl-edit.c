/* Verbs that change unit files themselves: edit, revert, link, add-wants, add-requires, preset-all. All of them work on
 * another root (--root=) too; edit needs no manager but tells it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "install.h"

#include "lib/fileio.h"
#include "lib/unitname.h"

static char *below_root(const char *path)
{
        return opt.root ? path_join(opt.root, path) : strdup(path);
}

static const char *config_dir(void)
{
        return opt.runtime ? "/run/systemd/system" : "/etc/systemd/system";
}

/* ---- add-wants, add-requires, link, preset-all ---- */

int verb_add_dependency(const char *verb, char **args)
{
        const char *suffix = streq(verb, "add-wants") ? "wants" : "requires";
        _cleanup_strv_ char **names = mangle_units(args + 1, "service");
        _cleanup_free_ char *target = NULL, *file = NULL;
        int changed = 0;

        if (unit_name_mangle(args[0], "target", &target) < 0 || install_find(opt.root, target, &file) < 0)
                return log_unit_missing(target ?: args[0]) < 0;
        FOREACH_STR (n, names) {
                _cleanup_free_ char *error = NULL;
                int r = install_add_dependency(
                        opt.root, opt.runtime, opt.force > 0, target, suffix, *n, say_link, &error);

                if (r < 0) {
                        fprintf(stderr, "Failed to add dependency: %s\n", error ?: strerror(-r));
                        return 1;
                }
                changed |= r;
        }
        if (changed)
                reload_manager();
        return 0;
}

int verb_link(const char *verb, char **args)
{
        int changed = 0;

        FOREACH_STR (a, args) {
                _cleanup_free_ char *error = NULL, *full = below_root(*a);
                struct stat st;
                int r = 0;

                if (**a != '/' || !path_is_normalized(*a) || !unit_name_valid(path_basename(*a), true))
                        r = (error = str_printf("%s is not the absolute path of a unit file.", *a))
                                    ? -EINVAL
                                    : -ENOMEM;
                else if (!full || stat(full, &st) < 0 || !S_ISREG(st.st_mode))
                        r = (error = str_printf("File %s does not exist.", *a)) ? -ENOENT : -ENOMEM;
                for (const char *const *d = install_dirs; r >= 0 && *d; d++)
                        if (path_startswith(*a, *d))
                                r = (error = str_printf("%s is in the search path already.", *a)) ? -EEXIST
                                                                                                  : -ENOMEM;
                if (r >= 0)
                        r = install_link(opt.root, opt.runtime, *a, say_link, &error);
                if (r < 0) {
                        fprintf(stderr, "Failed to link unit: %s\n", error ?: strerror(-r));
                        return 1;
                }
                changed |= r;
        }
        if (changed)
                reload_manager();
        return 0;
}

int apply_preset(const char *name, char **ret_error)
{
        return install_apply_preset(opt.root, opt.runtime, true, opt.preset_mode, name, say_link, ret_error);
}

static void preset_one(const char *name, const char *path, void *data)
{
        _cleanup_free_ char *error = NULL;
        int *result = data, r;

        if (!install_preset_applies(opt.root, name))
                return;
        r = apply_preset(name, &error);
        if (r == -EINVAL && unit_name_is_template(name))
                return; /* of no instance in particular there is nothing to enable */
        if (r < 0)
                fprintf(stderr, "Failed to preset %s: %s\n", name, error ?: strerror(-r));
        *result |= r < 0 ? 2 : r;
}

int verb_preset_all(const char *verb, char **args)
{
        int result = 0;

        (void)install_foreach(opt.root, preset_one, &result);
        if (result & 1)
                reload_manager();
        return result & 2 ? 1 : 0;
}

/* ---- revert ---- */

int verb_revert(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service");
        int changed = 0;

        FOREACH_STR (n, names) {
                int r = install_revert(opt.root, *n, say_link);

                if (r < 0) {
                        fprintf(stderr, "Failed to revert unit file: %s\n", strerror(-r));
                        return 1;
                }
                changed |= r;
        }
        if (changed)
                reload_manager();
        return 0;
}

/* ---- edit ---- */

#define MARK_BEGIN                                                                                          \
        "### Anything between here and the comment below will become the contents of the drop-in file"
#define MARK_END "### Edits below this comment will be discarded"

static int run_editor(const char *path)
{
        const char *editors[] = { getenv("SYSTEMD_EDITOR"), getenv("EDITOR"), getenv("VISUAL"), "editor",
                "nano", "vim", "vi" };
        pid_t pid = fork();
        int status;

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                for (size_t i = 0; i < ARRAY_SIZE(editors); i++) {
                        _cleanup_strv_ char **argv = editors[i] ? strv_split(editors[i], " \t") : NULL;

                        if (!argv || strv_add(&argv, path) < 0)
                                continue;
                        execvp(argv[0], argv);
                }
                fputs("Cannot edit units, no editor available. Please set either $SYSTEMD_EDITOR, $EDITOR "
                      "or "
                      "$VISUAL.\n",
                        stderr);
                _exit(1);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

static void add_as_comments(struct strbuf *b, const char *path)
{
        _cleanup_free_ char *full = below_root(path), *text = NULL;

        if (!full || read_file(full, 0, &text, NULL) < 0)
                return;
        strbuf_printf(b, "\n### %s\n", path);
        for (char *line, *rest = text; (line = strsep(&rest, "\n"));)
                if (rest || *line)
                        strbuf_printf(b, "# %s\n", line);
}

/* What the editor is given: the file as it is, or what stands there already between marks, and the unit below. */
static int text_before(const char *name, const char *target, char **ret)
{
        _cleanup_free_ char *old = NULL, *file = NULL, *full = below_root(target);
        _cleanup_strbuf_ struct strbuf b = { 0 };

        (void)install_find(opt.root, name, &file);
        if (full)
                (void)read_file(full, 0, &old, NULL);
        if (opt.full) {
                _cleanup_free_ char *whole = file ? below_root(file) : NULL;

                if (!old && whole)
                        (void)read_file(whole, 0, &old, NULL);
                strbuf_puts(&b, old ?: "");
        } else {
                strbuf_printf(
                        &b, "### Editing %s\n" MARK_BEGIN "\n\n%s\n\n" MARK_END "\n", target, old ?: "");
                if (file)
                        add_as_comments(&b, file);
        }
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}

/* Between the marks, when there are any. */
static char *text_after(char *text)
{
        char *begin = strstr(text, MARK_BEGIN), *end = strstr(text, MARK_END);

        if (end)
                *end = '\0';
        if (begin)
                text = begin + strlen(MARK_BEGIN);
        return str_strip(text);
}

static int edit_one(const char *name)
{
        _cleanup_free_ char *target = NULL, *full = NULL, *temporary = NULL, *text = NULL, *file = NULL,
                            *line = NULL;
        char *wanted;
        int r;

        if (install_find(opt.root, name, &file) < 0 && !opt.force)
                return log_unit_missing(name);
        if (opt.full || !file)
                target = path_join(config_dir(), name);
        else
                target = str_printf("%s/%s.d/%s", config_dir(), name, opt.drop_in ?: "override.conf");
        full = target ? below_root(target) : NULL;
        temporary = full ? str_printf("%s.edit", full) : NULL;
        if (!temporary)
                return -ENOMEM;
        if (opt.from_stdin)
                r = read_file("/dev/stdin", 0, &text, NULL);
        else {
                r = text_before(name, target, &text);
                if (r >= 0)
                        r = mkdir_parents(temporary, 0755);
                if (r >= 0)
                        r = write_file_atomic(temporary, text, strlen(text), 0644, false);
                if (r >= 0)
                        r = run_editor(temporary);
                free(text);
                text = NULL;
                if (r >= 0)
                        r = read_file(temporary, 0, &text, NULL);
                (void)unlink(temporary);
        }
        if (r < 0)
                return r;
        wanted = text_after(text);
        if (!*wanted) {
                fprintf(stderr, "Editing \"%s\" canceled: temporary file is empty.\n", target);
                return 0;
        }
        line = str_printf("%s\n", wanted);
        r = line ? mkdir_parents(full, 0755) : -ENOMEM;
        if (r >= 0)
                r = write_file_atomic(full, line, strlen(line), 0644, true);
        if (r >= 0 && !opt.quiet)
                fprintf(stderr, "Successfully installed edited file '%s'.\n", target);
        return r < 0 ? r : 1;
}

int verb_edit(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service");
        int changed = 0;

        FOREACH_STR (n, names) {
                int r = edit_one(*n);

                if (r < 0) {
                        if (r != -ENOENT)
                                fprintf(stderr, "Failed to edit %s: %s\n", *n, strerror(-r));
                        return 1;
                }
                changed |= r;
        }
        if (changed)
                reload_manager();
        return 0;
}
