/* Enabling and masking: what [Install] sections say, done to symbolic links in /etc/systemd/system or /run, on any root
 * (--root), without a manager. */
#pragma once

#include "ctl.h"

enum file_state {
        FILE_ENABLED,
        FILE_ENABLED_RUNTIME,
        FILE_LINKED,
        FILE_LINKED_RUNTIME,
        FILE_ALIAS,
        FILE_MASKED,
        FILE_MASKED_RUNTIME,
        FILE_STATIC,
        FILE_DISABLED,
        FILE_INDIRECT,
        FILE_GENERATED,
        FILE_TRANSIENT,
        FILE_NONE
};

struct install_info {
        char *name, *path; /* path: without the root */
        char **wanted_by, **required_by, **aliases, **also, *default_instance;
};
void install_info_done(struct install_info *i);

/* Directories of units below root, highest first. */
extern const char *const install_dirs[];
/* Path (without root) of the unit's file, or of its template's. -ENOENT. */
int install_find(const char *root, const char *name, char **ret);
int install_read(const char *root, const char *name, struct install_info *ret);
enum file_state install_state(const char *root, const char *name);
const char *file_state_to_string(enum file_state s);

/* What was done to a link, for the caller to print. */
typedef void (*install_fn)(bool created, const char *link, const char *target);
/* 1: something changed, 0: nothing to do; *ret_error may say why not. */
int install_enable(
        const char *root, bool runtime, bool force, const char *name, install_fn fn, char **ret_error);
int install_disable(const char *root, bool runtime, const char *name, install_fn fn);
/* One link, path with the root: 1 made, 0 was there. */
int install_make_link(const char *target, const char *path, bool force, install_fn fn, char **ret_error);
int install_link(const char *root, bool runtime, const char *path, install_fn fn, char **ret_error);
int install_mask(
        const char *root, bool runtime, bool force, const char *name, install_fn fn, char **ret_error);
int install_unmask(const char *root, bool runtime, const char *name, install_fn fn);
/* A link in TARGET.wants or .requires (suffix). */
int install_add_dependency(const char *root, bool runtime, bool force, const char *target,
        const char *suffix, const char *name, install_fn fn, char **ret_error);
/* Back to the vendor's files: what was added to name in /etc and /run goes (install-revert.c). */
int install_revert(const char *root, const char *name, install_fn fn);
/* 1 enable, 0 disable. *ret_instances (may be NULL): of a template, those that are to be enabled, where the line has any. */
int install_preset(const char *root, const char *name, char ***ret_instances);
/* Does what install_preset() says; mode: "full" or NULL, "enable-only", "disable-only". */
int install_apply_preset(const char *root, bool runtime, bool force, const char *mode, const char *name,
        install_fn fn, char **ret_error);
/* Is it a unit that preset-all looks at: one that can be enabled? */
bool install_preset_applies(const char *root, const char *name);
int install_get_default(const char *root, char **ret);
int install_set_default(const char *root, const char *name, install_fn fn, char **ret_error);
/* systemctl-files.c, systemctl-edit.c */
void say_link(bool created, const char *link, const char *target);
int log_unit_missing(const char *name); /* says it; -ENOENT */
void reload_manager(void);
/* By --preset-mode= too; as install_enable(). */
int apply_preset(const char *name, char **ret_error);
/* For a script of /etc/init.d: the exit status of what the distribution has for that; -ENOENT: there is nothing to do.
 * *ret_native: the name's unit file remains to be seen to. */
int sysv_install(const char *verb, const char *name, bool *ret_native);
/* Calls fn for each unit file (the highest of each name). */
int install_foreach(
        const char *root, void (*fn)(const char *name, const char *path, void *data), void *data);
