/* Methods about unit files: what `systemctl enable` and its kin do, by the same code (ctl/install.h). PID 1 has no part in
 * it; as under systemd, the client asks for the reload. */
#include <fnmatch.h>
#include <sys/stat.h>

#include "busd.h"
#include "ctl/install.h"
#include "lib/unitname.h"

const char *file_root;

/* The links that were made and removed, for the reply. install_fn has no argument of its own. */
static struct file_changes {
        sd_bus_message *reply;
        int error;
        unsigned n;
} changing;

static void note_change(bool created, const char *link, const char *target)
{
        changing.n++;
        if (changing.error >= 0)
                changing.error = sd_bus_message_append(changing.reply, "(sss)",
                        created ? "symlink" : "unlink", link, created && target ? target : "");
}

/* What is done to each file. */
struct change {
        bool runtime, force;
        const char *mode /* of presets */, *target, *suffix /* of dependencies */;
        char *error;
};

static int do_enable(const struct change *c, const char *name, char **ret_error)
{
        return install_enable(file_root, c->runtime, c->force, name, note_change, ret_error);
}

static int do_disable(const struct change *c, const char *name, char **ret_error)
{
        return install_disable(file_root, c->runtime, name, note_change);
}

static int do_reenable(const struct change *c, const char *name, char **ret_error)
{
        int r = install_disable(file_root, c->runtime, name, note_change);

        return r < 0 ? r : do_enable(c, name, ret_error);
}

static int do_link(const struct change *c, const char *name, char **ret_error)
{
        *ret_error = str_printf("%s is not an absolute path.", name);
        return -EINVAL;
}

static int do_preset(const struct change *c, const char *name, char **ret_error)
{
        return install_apply_preset(file_root, c->runtime, c->force, c->mode, name, note_change, ret_error);
}

static int do_mask(const struct change *c, const char *name, char **ret_error)
{
        return install_mask(file_root, c->runtime, c->force, name, note_change, ret_error);
}

static int do_unmask(const struct change *c, const char *name, char **ret_error)
{
        return install_unmask(file_root, c->runtime, name, note_change);
}

static int do_revert(const struct change *c, const char *name, char **ret_error)
{
        return install_revert(file_root, name, note_change);
}

static int do_add_dependency(const struct change *c, const char *name, char **ret_error)
{
        return install_add_dependency(
                file_root, c->runtime, c->force, c->target, c->suffix, name, note_change, ret_error);
}

static const struct operation {
        const char *name;
        int (*run)(const struct change *c, const char *name, char **ret_error);
        bool links; /* a file elsewhere, by its path, is linked first */
} operations[] = {
        { "enable", do_enable, true },
        { "disable", do_disable, false },
        { "reenable", do_reenable, true },
        { "link", do_link, true },
        { "preset", do_preset, true },
        { "mask", do_mask, false },
        { "unmask", do_unmask, false },
        { "revert", do_revert, false },
        { "add-dependency", do_add_dependency, false },
};

static const struct operation *operation_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                if (streq(operations[i].name, name))
                        return &operations[i];
        return NULL;
}

static bool has_install_info(const char *name)
{
        struct install_info info = { 0 };
        bool yes;

        if (install_read(file_root, name, &info) < 0)
                return false;
        yes = info.wanted_by || info.required_by || info.aliases || info.also;
        install_info_done(&info);
        return yes;
}

static int change_file(const struct operation *o, struct change *change, const char *given)
{
        const char *name = path_basename(given);

        if (!unit_name_valid(name, true)) {
                change->error = str_printf("%s is not the name of a unit.", given);
                return -EINVAL;
        }
        if (*given == '/' && o->links) {
                int r = install_link(file_root, change->runtime, given, note_change, &change->error);

                if (r < 0 || o->run == do_link)
                        return r;
        }
        return o->run(change, name, &change->error);
}

static int file_error(struct call *c, int error, const char *message)
{
        if (error == -ENOENT)
                return call_fail(c, SD_BUS_ERROR_FILE_NOT_FOUND, "%s", message);
        if (error == -EEXIST)
                return call_fail(c, SD_BUS_ERROR_FILE_EXISTS, "%s", message);
        return call_fail_errno(c, error, message);
}

/* The reply of a method that changes links: [carries_install_info,] what was changed. run() makes the changes. */
static int reply_changes(struct call *c, struct change *change, char *const *files,
        int (*run)(struct change *change, char *const *files, const void *data), const void *data)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(c->m, &reply), carries = 0;

        FOREACH_STR (f, files)
                carries |= has_install_info(path_basename(*f));
        if (r >= 0 && *c->method->out == 'b')
                r = sd_bus_message_append_basic(reply, 'b', &carries);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sss)");
        changing = (struct file_changes) { .reply = reply };
        if (r >= 0)
                r = run(change, files, data);
        if (r >= 0)
                r = changing.error;
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        else
                r = file_error(c, r, change->error ?: strerror(-r));
        sd_bus_message_unref(reply);
        free(change->error);
        if (changing.n > 0)
                emit_files_changed(c->b);
        return r;
}

static int change_files(struct change *change, char *const *files, const void *operation)
{
        int r = 0;

        FOREACH_STR (f, files)
                if (r >= 0)
                        r = change_file(operation, change, *f);
        return r;
}

static bool mode_ok(const char *mode)
{
        return *mode == '\0' || streq(mode, "full") || streq(mode, "enable-only") ||
               streq(mode, "disable-only");
}

/* What comes after the files, by the method's signature: runtime, runtime and force, mode and both, or flags: 1 runtime,
 * 2 force, 4 portable. */
static int read_change(sd_bus_message *m, const char *signature, struct change *ret)
{
        int runtime = 0, force = 0, r = 0;
        uint64_t flags;

        if (*signature == 's') {
                r = sd_bus_message_read_basic(m, 's', &ret->mode);
                if (r >= 0 && !mode_ok(ret->mode))
                        r = -EINVAL;
                signature++;
        }
        if (r >= 0 && *signature == 't') {
                r = sd_bus_message_read_basic(m, 't', &flags);
                if (r >= 0 && flags & ~(uint64_t)7)
                        r = -EINVAL;
                runtime = r >= 0 && flags & 1;
                force = r >= 0 && flags & 2;
        } else if (r >= 0 && *signature)
                r = sd_bus_message_read_basic(m, 'b', &runtime);
        if (r >= 0 && streq(signature, "bb"))
                r = sd_bus_message_read_basic(m, 'b', &force);
        ret->runtime = runtime;
        ret->force = force;
        return MIN(r, 0);
}

/* EnableUnitFiles and its kin; what is the operation. */
int on_files(struct call *c)
{
        _cleanup_strv_ char **files = NULL;
        struct change change = { 0 };
        int r = sd_bus_message_read_strv(c->m, &files);

        if (r >= 0)
                r = read_change(c->m, c->method->in + strlen("as"), &change);
        return r < 0 ? r : reply_changes(c, &change, files, change_files, operation_find(c->method->what));
}

/* ---- PresetAllUnitFiles, AddDependencyUnitFiles ---- */

struct preset_run {
        struct change *change;
        int error;
};

static void preset_one(const char *name, const char *path, void *data)
{
        struct preset_run *run = data;

        if (run->error >= 0 && install_preset_applies(file_root, name))
                run->error = MIN(do_preset(run->change, name, &run->change->error), 0);
}

static int preset_all(struct change *change, char *const *files, const void *data)
{
        struct preset_run run = { .change = change };
        int r = install_foreach(file_root, preset_one, &run);

        return r < 0 ? r : run.error;
}

int on_preset_all_files(struct call *c)
{
        struct change change = { 0 };
        int r = read_change(c->m, c->method->in, &change);

        return r < 0 ? r : reply_changes(c, &change, NULL, preset_all, NULL);
}

int on_add_dependency_files(struct call *c)
{
        _cleanup_strv_ char **files = NULL;
        struct change change = { 0 };
        const char *type;
        int r = sd_bus_message_read_strv(c->m, &files);

        if (r >= 0)
                r = sd_bus_message_read(c->m, "ss", &change.target, &type);
        if (r >= 0)
                r = read_change(c->m, "bb", &change);
        if (r < 0)
                return r;
        change.suffix = streq(type, "Wants") ? "wants" : streq(type, "Requires") ? "requires" : NULL;
        if (!change.suffix || !unit_name_valid(change.target, false))
                return call_fail(
                        c, SD_BUS_ERROR_INVALID_ARGS, "Invalid target, or neither Wants nor Requires.");
        return reply_changes(c, &change, files, change_files, operation_find("add-dependency"));
}

/* ---- asking ---- */

int on_get_unit_file_state(struct call *c)
{
        const char *file;
        enum file_state s;
        int r = sd_bus_message_read_basic(c->m, 's', &file);

        if (r < 0)
                return r;
        file = path_basename(file);
        if (!unit_name_valid(file, true))
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid unit name.");
        s = install_state(file_root, file);
        if (s == FILE_NONE)
                return call_fail(c, SD_BUS_ERROR_FILE_NOT_FOUND, "Unit file %s does not exist.", file);
        return call_reply(c, "s", file_state_to_string(s));
}

struct list_run {
        sd_bus_message *reply;
        char **states, **patterns;
        int error;
};

static void list_file(const char *name, const char *path, void *data)
{
        const char *state = file_state_to_string(install_state(file_root, name));
        struct list_run *run = data;
        bool match = !run->patterns || !*run->patterns;

        FOREACH_STR (p, run->patterns)
                match |= fnmatch(*p, name, FNM_NOESCAPE) == 0;
        if (!match || (run->states && *run->states && !strv_contains(run->states, state)) || run->error < 0)
                return;
        run->error = sd_bus_message_append(run->reply, "(ss)", path, state);
}

static int fill_files(struct call *c, sd_bus_message *reply, const void *data)
{
        struct list_run run = *(const struct list_run *)data;

        run.reply = reply;
        (void)install_foreach(file_root, list_file, &run);
        return run.error;
}

/* ListUnitFiles, ListUnitFilesByPatterns (states, patterns). */
int on_list_unit_files(struct call *c)
{
        struct list_run run = { 0 };
        int r = *c->method->in ? sd_bus_message_read_strv(c->m, &run.states) : 0;

        if (r >= 0 && *c->method->in)
                r = sd_bus_message_read_strv(c->m, &run.patterns);
        if (r >= 0)
                r = call_reply_array(c, "(ss)", fill_files, &run);
        strv_free(run.states);
        strv_free(run.patterns);
        return r;
}

/* ---- the default target ---- */

int on_get_default_target(struct call *c)
{
        _cleanup_free_ char *name = NULL;
        int r = install_get_default(file_root, &name);

        return r < 0 ? file_error(c, r, "There is no default target.") : call_reply(c, "s", name);
}

static int set_default(struct change *change, char *const *files, const void *name)
{
        return install_set_default(file_root, name, note_change, &change->error);
}

int on_set_default_target(struct call *c)
{
        struct change change = { 0 };
        const char *name;
        int force, r = sd_bus_message_read(c->m, "sb", &name, &force);

        if (r < 0)
                return r;
        if (!unit_name_valid(name, false) || !endswith(name, ".target"))
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "%s is not a target.", name);
        return reply_changes(c, &change, NULL, set_default, name);
}
