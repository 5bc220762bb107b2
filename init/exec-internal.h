/* What the exec-*.c files of PID 1 share. */
#pragma once

#include "exec-plan.h"
#include "exec-user.h"
#include "unit.h"

#define EXEC_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define EXEC_PLACEHOLDER  "\001" /* value that only the child knows: LISTEN_PID= … */

/* Whose process it will be, as far as PID 1 can tell. */
struct exec_identity {
        bool set;        /* ids change */
        bool by_nss;     /* only NSS knows the names */
        bool give_trees; /* directories with something in them have another owner: rouse-exec's */
        bool slow_dirs;  /* there are some that rouse-exec makes */
        struct user_record user;
        gid_t gid;
        gid_t *groups;
        size_t n_groups;
};

/* exec-identity.c */
int exec_identify(struct unit *u, const struct exec_context *c, struct exec_identity *ret);
void exec_identity_done(struct exec_identity *id);
/* The path is on a file system that PID 1 may read (decisions 2). */
bool exec_path_is_local(const char *path);

/* exec-env.c */
/* $HOME, $LOGNAME, $SHELL. */
bool exec_sets_login_environment(const struct exec_context *c);
int exec_build_env(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        const struct exec_identity *id, bool files_here, char ***ret);
/* Those that the child fills in, last; then UnsetEnvironment=. */
int exec_add_placeholders(
        const struct exec_context *c, const struct exec_params *p, bool journal, char ***env);

/* Any of Load…=, SetCredential…=. */
bool exec_has_credentials(const struct exec_context *c);

/* exec-numa.c */
void plan_affinity(const struct exec_context *c, struct plan_builder *b);
void plan_numa(const struct exec_context *c, struct plan_builder *b);

/* exec-dirs.c */
bool exec_dir_is_private(const struct exec_context *c, const struct exec_identity *id, int kind);
/* On a file system that may hang: rouse-exec makes it. */
bool exec_dir_is_slow(struct unit *u, int kind, const char *entry);
/* Makes the directories; *ret_code is the exit code to report when it fails. */
int exec_directories_make(
        struct unit *u, const struct exec_context *c, struct exec_identity *id, int *ret_code);
void exec_remove_tree(struct unit *u, const char *path);

/* exec-run.c: the name under which the unit's processes of this run share things; NULL out of memory. */
const char *exec_run_name(struct unit *u, const struct exec_context *c);

/* exec-log.c: before a process starts, and when the unit goes. */
void exec_log_settings(struct unit *u, const struct exec_context *c);
void exec_log_forget(struct unit *u);

/* exec-dynamic.c: DynamicUser= */
int dynamic_user_get(struct unit *u, const char *name, uid_t *ret);
void dynamic_user_put(struct unit *u, const struct exec_context *c);
char *dynamic_user_name(struct unit *u, const struct exec_context *c);

/* cgroup.c: a cgroup below fd, made if need be; owned O_PATH descriptor. */
int cgroup_open_below(int fd, const char *name);

/* exec-prepare.c: everything into a plan. *ret_helper: rouse-exec is needed. */
int exec_prepare(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        struct plan_builder *b, bool *ret_helper);

/* Where rouse-exec is and where the log daemon listens; tests set others. */
extern const char *exec_helper_path, *exec_journal_socket;
