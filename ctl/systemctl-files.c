/* Verbs about unit files: enable and its kin, is-enabled, list-unit-files, cat, the default target. All but cat work
 * without a manager, and on another root. */
#include "install.h"

#include "lib/fileio.h"
#include "lib/unitname.h"

int log_unit_missing(const char *name)
{
        fprintf(stderr, "Unit file %s does not exist.\n", name);
        return -ENOENT;
}

void say_link(bool created, const char *link, const char *target)
{
        if (opt.quiet)
                return;
        if (created)
                fprintf(stderr, "Created symlink %s → %s.\n", link, target);
        else
                fprintf(stderr, "Removed \"%s\".\n", link);
}

static int change_one(const char *verb, const char *name, char **ret_error)
{
        bool runtime = opt.runtime, force = opt.force > 0;
        int r;

        if (streq(verb, "enable"))
                return install_enable(opt.root, runtime, force, name, say_link, ret_error);
        if (streq(verb, "disable"))
                return install_disable(opt.root, runtime, name, say_link);
        if (streq(verb, "mask"))
                return install_mask(opt.root, runtime, force, name, say_link, ret_error);
        if (streq(verb, "unmask"))
                return install_unmask(opt.root, runtime, name, say_link);
        if (streq(verb, "preset"))
                return apply_preset(name, ret_error);
        r = install_disable(opt.root, runtime, name, say_link); /* reenable */
        return r < 0 ? r : install_enable(opt.root, runtime, force, name, say_link, ret_error);
}

static bool has_install(const char *name)
{
        struct install_info i = { 0 };
        bool has;

        if (install_read(opt.root, name, &i) < 0)
                return true;
        has = i.wanted_by || i.required_by || i.aliases || i.also;
        install_info_done(&i);
        return has;
}

void reload_manager(void)
{
        struct ctl_call c = { .verb = "daemon-reload" };

        if (opt.root || opt.no_reload || !ctl_manager_is_rouse())
                return;
        (void)ctl_call_or_say(&c, "reload daemon");
        free(c.error);
}

/* A path is linked first; then it is a name. */
static char *name_of_argument(const char *arg, char **ret_error)
{
        char *name = NULL;

        if (strchr(arg, '/')) {
                _cleanup_free_ char *found = NULL;

                if (install_find(opt.root, path_basename(arg), &found) < 0 &&
                        install_link(opt.root, opt.runtime, arg, say_link, ret_error) < 0)
                        return NULL;
                return strdup(path_basename(arg));
        }
        return unit_name_mangle(arg, "service", &name) < 0 ? strdup(arg) : name;
}

static bool exists(const char *name)
{
        _cleanup_free_ char *path = NULL;

        return install_find(opt.root, name, &path) >= 0;
}

/* A script of /etc/init.d; *ret_native: there is a unit file, too. */
static int change_script(const char *verb, const char *name, bool *ret_native)
{
        int r;

        *ret_native = true;
        if (!streq(verb, "enable") && !streq(verb, "disable"))
                return 0;
        r = sysv_install(verb, name, ret_native);
        return r == -ENOENT ? 0 : r > 0 ? -ECANCELED : r < 0 ? r : !*ret_native;
}

int verb_enable(const char *verb, char **args)
{
        _cleanup_strv_ char **names = NULL;
        bool changed = false, bare = streq(verb, "enable");

        FOREACH_STR (a, args) {
                _cleanup_free_ char *error = NULL, *name = name_of_argument(*a, &error);
                bool native = true;
                int r = name ? change_script(verb, name, &native) : -EINVAL;

                if (r >= 0 && !native) {
                        changed = true;
                        bare = false;
                        (void)strv_add(&names, name);
                        continue;
                }
                if (r >= 0 && (streq(verb, "disable") || streq(verb, "mask")) && !exists(name)) {
                        if (streq(verb, "disable")) {
                                error = str_printf("Unit file %s does not exist.", name);
                                r = -ENOENT;
                        } else if (!opt.quiet)
                                fprintf(stderr, "Unit %s does not exist, proceeding anyway.\n", name);
                }
                if (r >= 0)
                        r = change_one(verb, name, &error);
                if (r < 0) {
                        fprintf(stderr, "Failed to %s unit: %s\n", verb, error ?: strerror(-r));
                        return 1;
                }
                changed |= r > 0;
                bare &= !has_install(name);
                (void)strv_add(&names, name);
        }
        if (bare && !opt.quiet)
                fprintf(stderr, "The unit files have no installation config (WantedBy=, RequiredBy=, "
                                "Also=,\nAlias= settings in the "
                                "[Install] section, and DefaultInstance= for template\nunits). This means "
                                "they are not meant to be enabled "
                                "using systemctl.\n");
        if (changed)
                reload_manager();
        if (opt.now && !opt.root && !streq(verb, "unmask") && !streq(verb, "preset"))
                return verb_job(streq(verb, "enable") || streq(verb, "reenable") ? "start" : "stop", names);
        return 0;
}

int verb_is_enabled(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service");
        bool enabled = false, missing = false;

        FOREACH_STR (n, names) {
                enum file_state s = install_state(opt.root, *n);
                bool native;
                int script = s == FILE_NONE ? sysv_install(verb, *n, &native) : -ENOENT;

                if (script >= 0)
                        s = script == 0 ? FILE_ENABLED : FILE_DISABLED;
                if (s == FILE_NONE) {
                        fprintf(stderr, "Failed to get unit file state for %s: No such file or directory\n",
                                *n);
                        missing = true;
                        continue;
                }
                if (!opt.quiet)
                        puts(file_state_to_string(s));
                enabled |= s == FILE_ENABLED || s == FILE_ENABLED_RUNTIME || s == FILE_STATIC ||
                           s == FILE_ALIAS || s == FILE_INDIRECT || s == FILE_GENERATED ||
                           s == FILE_TRANSIENT;
        }
        return enabled && !missing ? 0 : 1;
}

/* ---- list-unit-files ---- */

struct files_run {
        struct table t;
        char **patterns;
        size_t n;
};

static void add_file(const char *name, const char *path, void *data)
{
        struct files_run *run = data;
        int type = unit_type_from_name(name);
        const char *state;

        if (!match_any(run->patterns, name) ||
                (opt.types &&
                        (type < 0 || !strv_contains(opt.types, unit_type_to_string((enum unit_type)type)))))
                return;
        state = unit_file_state(opt.root, name);
        if (opt.states && !strv_contains(opt.states, state))
                return;
        table_row(&run->t, name, state,
                streq(state, "enabled") || streq(state, "disabled")
                        ? (install_preset(opt.root, name, NULL) ? "enabled" : "disabled")
                        : "-");
        run->n++;
}

int verb_list_unit_files(const char *verb, char **args)
{
        _cleanup_strv_ char **patterns = mangle_units(args, "service");
        struct files_run run = { .patterns = patterns };

        table_init(&run.t, 3, opt.output == OUTPUT_TABLE ? "UNIT FILE" : "unit_file", "STATE",
                opt.output == OUTPUT_TABLE ? "PRESET" : "vendor_preset");
        (void)install_foreach(opt.root, add_file, &run);
        if (opt.output != OUTPUT_TABLE) {
                table_print_json(&run.t);
                return 0;
        }
        table_print(&run.t, !opt.legend_off);
        if (!opt.legend_off)
                printf("\n%zu unit files listed.\n", run.n);
        return 0;
}

/* ---- cat ---- */

static void cat_file(const char *path, const char *text)
{
        _cleanup_free_ char *content = NULL;
        size_t len;

        printf("%s# %s%s\n", color("grey"), path, color("off"));
        if (!text && read_file(path, 0, &content, &len) >= 0)
                text = content;
        fputs(text ?: "# (cannot be read)\n", stdout);
        if (text && *text && text[strlen(text) - 1] != '\n')
                putchar('\n');
}

struct cat_run {
        size_t n;
        int status;
};

static void cat_record(const struct ctl_record *rec, void *data)
{
        struct cat_run *run = data;

        if (record_get(rec, "Error")) {
                fprintf(stderr, "No files found for %s.\n", record_str(rec, "Id"));
                run->status = 1;
                return;
        }
        for (size_t i = 0; rec->v[i]; i++) {
                const char *path = startswith(rec->v[i], "Path=");

                if (!path)
                        continue;
                if (run->n++)
                        putchar('\n');
                cat_file(path, rec->v[i + 1] ? startswith(rec->v[i + 1], "Text=") : NULL);
        }
}

static int cat_offline(char *const *names)
{
        int status = 0;

        FOREACH_STR (n, names) {
                _cleanup_free_ char *path = NULL, *full = NULL;

                if (install_find(opt.root, *n, &path) < 0 ||
                        !(full = opt.root ? path_join(opt.root, path) : strdup(path))) {
                        fprintf(stderr, "No files found for %s.\n", *n);
                        status = 1;
                } else
                        cat_file(full, NULL);
        }
        return status;
}

int verb_cat(const char *verb, char **args)
{
        _cleanup_strv_ char **names = mangle_units(args, "service");
        struct cat_run run = { 0 };
        struct ctl_call c = { .verb = "cat", .args = names, .record = cat_record, .data = &run };

        if (opt.root || !ctl_manager_is_rouse())
                return cat_offline(names);
        if (ctl_call(&c) < 0 && run.status == 0) {
                fprintf(stderr, "Failed to get the files: %s\n", c.error ?: "no answer");
                run.status = 1;
        }
        free(c.error);
        return run.status;
}

/* ---- the default target ---- */

int verb_get_default(const char *verb, char **args)
{
        _cleanup_free_ char *name = NULL;
        int r = install_get_default(opt.root, &name);

        if (r < 0) {
                fprintf(stderr, "Failed to get default target: %s\n", strerror(-r));
                return 1;
        }
        puts(name);
        return 0;
}

int verb_set_default(const char *verb, char **args)
{
        _cleanup_free_ char *name = NULL, *error = NULL;
        int r = unit_name_mangle(args[0], "target", &name);

        if (r >= 0 && !endswith(name, ".target")) {
                error = str_printf("%s is not a target.", name);
                r = -EINVAL;
        }
        if (r >= 0)
                r = install_set_default(opt.root, name, say_link, &error);
        if (r < 0) {
                fprintf(stderr, "Failed to set default target: %s\n", error ?: strerror(-r));
                return 1;
        }
        if (r > 0)
                reload_manager();
        return 0;
}
