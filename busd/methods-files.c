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

enum operation { DO_ENABLE, DO_DISABLE, DO_REENABLE, DO_LINK, DO_PRESET, DO_MASK, DO_UNMASK };

struct arguments {
        enum operation operation;
        bool runtime, force, carries /* the reply begins with carries_install_info */;
        const char *preset_mode;
        char **files;
};

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

static int one_file(const struct arguments *a, const char *given, char **ret_error)
{
        const char *name = path_basename(given);
        int r = 0;

        if (*given == '/' && a->operation != DO_MASK && a->operation != DO_UNMASK &&
                a->operation != DO_DISABLE) {
                r = install_link(file_root, a->runtime, given, note_change, ret_error);
                if (r < 0 || a->operation == DO_LINK)
                        return r;
        }
        switch (a->operation) {
        case DO_ENABLE: return install_enable(file_root, a->runtime, a->force, name, note_change, ret_error);
        case DO_DISABLE: return install_disable(file_root, a->runtime, name, note_change);
        case DO_REENABLE:
                r = install_disable(file_root, a->runtime, name, note_change);
                return r < 0 ? r
                             : install_enable(file_root, a->runtime, a->force, name, note_change, ret_error);
        case DO_LINK: *ret_error = str_printf("%s is not an absolute path.", given); return -EINVAL;
        case DO_PRESET:
                if (install_preset(file_root, name))
                        return streq(a->preset_mode, "disable-only")
                                       ? 0
                                       : install_enable(
                                                 NULL, a->runtime, a->force, name, note_change, ret_error);
                return streq(a->preset_mode, "enable-only")
                               ? 0
                               : install_disable(file_root, a->runtime, name, note_change);
        case DO_MASK: return install_mask(file_root, a->runtime, a->force, name, note_change, ret_error);
        case DO_UNMASK: return install_unmask(file_root, a->runtime, name, note_change);
        }
        return -EINVAL;
}

static int file_error(struct call *c, int error, const char *message)
{
        if (error == -ENOENT)
                return call_fail(c, SD_BUS_ERROR_FILE_NOT_FOUND, "%s", message);
        if (error == -EEXIST)
                return call_fail(c, SD_BUS_ERROR_FILE_EXISTS, "%s", message);
        return call_fail_errno(c, error, message);
}

static int change_files(struct call *c, struct arguments *a)
{
        _cleanup_free_ char *error = NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(c->m, &reply), carries = 0;

        FOREACH_STR (f, a->files)
                carries |= has_install_info(path_basename(*f));
        if (r >= 0 && a->carries)
                r = sd_bus_message_append_basic(reply, 'b', &carries);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sss)");
        changing = (struct file_changes) { .reply = reply };
        FOREACH_STR (f, a->files)
                if (r >= 0)
                        r = one_file(a, *f, &error);
        if (r >= 0)
                r = changing.error;
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        else
                r = file_error(c, r, error ?: strerror(-r));
        sd_bus_message_unref(reply);
        if (changing.n > 0)
                emit_files_changed(c->b);
        strv_free(a->files);
        return r;
}

/* files, runtime[, force] */
static int on_files(struct call *c, enum operation o, bool force, bool carries)
{
        struct arguments a = { .operation = o, .carries = carries, .preset_mode = "full" };
        int runtime = 0, forced = 0, r = sd_bus_message_read_strv(c->m, &a.files);

        if (r >= 0)
                r = sd_bus_message_read_basic(c->m, 'b', &runtime);
        if (r >= 0 && force)
                r = sd_bus_message_read_basic(c->m, 'b', &forced);
        if (r < 0) {
                strv_free(a.files);
                return r;
        }
        a.runtime = runtime;
        a.force = forced;
        return change_files(c, &a);
}

int on_enable_files(struct call *c)
{
        return on_files(c, DO_ENABLE, true, true);
}

int on_disable_files(struct call *c)
{
        return on_files(c, DO_DISABLE, false, false);
}

int on_reenable_files(struct call *c)
{
        return on_files(c, DO_REENABLE, true, true);
}

int on_link_files(struct call *c)
{
        return on_files(c, DO_LINK, true, false);
}

int on_preset_files(struct call *c)
{
        return on_files(c, DO_PRESET, true, true);
}

int on_mask_files(struct call *c)
{
        return on_files(c, DO_MASK, true, false);
}

int on_unmask_files(struct call *c)
{
        return on_files(c, DO_UNMASK, false, false);
}

/* files, flags: 1 runtime, 2 force, 4 portable */
static int on_files_flags(struct call *c, enum operation o, bool carries)
{
        struct arguments a = { .operation = o, .carries = carries };
        uint64_t flags = 0;
        int r = sd_bus_message_read_strv(c->m, &a.files);

        if (r >= 0)
                r = sd_bus_message_read_basic(c->m, 't', &flags);
        if (r >= 0 && flags & ~(uint64_t)7)
                r = -EINVAL;
        if (r < 0) {
                strv_free(a.files);
                return r;
        }
        a.runtime = flags & 1;
        a.force = flags & 2;
        return change_files(c, &a);
}

int on_enable_files_flags(struct call *c)
{
        return on_files_flags(c, DO_ENABLE, true);
}

int on_disable_files_flags(struct call *c)
{
        return on_files_flags(c, DO_DISABLE, false);
}

int on_preset_files_mode(struct call *c)
{
        struct arguments a = { .operation = DO_PRESET, .carries = true };
        int runtime, force, r = sd_bus_message_read_strv(c->m, &a.files);

        if (r >= 0)
                r = sd_bus_message_read(c->m, "sbb", &a.preset_mode, &runtime, &force);
        if (r >= 0 && *a.preset_mode && !streq(a.preset_mode, "full") &&
                !streq(a.preset_mode, "enable-only") && !streq(a.preset_mode, "disable-only"))
                r = -EINVAL;
        if (r < 0) {
                strv_free(a.files);
                return r;
        }
        a.runtime = runtime;
        a.force = force;
        return change_files(c, &a);
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

static int list_files(struct call *c, struct list_run *run)
{
        int r = sd_bus_message_new_method_return(c->m, &run->reply);

        if (r >= 0)
                r = sd_bus_message_open_container(run->reply, 'a', "(ss)");
        if (r >= 0)
                (void)install_foreach(file_root, list_file, run);
        if (r >= 0)
                r = run->error;
        if (r >= 0)
                r = sd_bus_message_close_container(run->reply);
        if (r >= 0)
                r = call_send(c, run->reply);
        sd_bus_message_unref(run->reply);
        return r;
}

int on_list_unit_files(struct call *c)
{
        struct list_run run = { 0 };

        return list_files(c, &run);
}

int on_list_unit_files_by_patterns(struct call *c)
{
        struct list_run run = { 0 };
        int r = sd_bus_message_read_strv(c->m, &run.states);

        if (r >= 0)
                r = sd_bus_message_read_strv(c->m, &run.patterns);
        if (r >= 0)
                r = list_files(c, &run);
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

int on_set_default_target(struct call *c)
{
        _cleanup_free_ char *error = NULL;
        sd_bus_message *reply = NULL;
        const char *name;
        int force, r = sd_bus_message_read(c->m, "sb", &name, &force);

        if (r < 0)
                return r;
        if (!unit_name_valid(name, false) || !endswith(name, ".target"))
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "%s is not a target.", name);
        r = sd_bus_message_new_method_return(c->m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sss)");
        changing = (struct file_changes) { .reply = reply };
        if (r >= 0)
                r = install_set_default(file_root, name, note_change, &error);
        if (r >= 0)
                r = changing.error;
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = call_send(c, reply);
        else
                r = file_error(c, r, error ?: strerror(-r));
        sd_bus_message_unref(reply);
        if (changing.n > 0)
                emit_files_changed(c->b);
        return r;
}
