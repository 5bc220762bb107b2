/* rouse-early: the small jobs of early boot, each a step of one table (early/steps.c), all in one process.
 *
 * struct early is what the steps share and read only once: the root that is worked on, the users and groups,
 * the specifiers, the parsed tmpfiles.d. Every path that a step touches is resolved below root_fd, so that
 * --root DIR works for images and tests, and no symbolic link leads out of it. */
#pragma once

#include <stdio.h>
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"
#include "lib/util.h"
#include "early/userdb.h"

/* A step's result besides 0 and -errno: run me again when early.wait_fd is readable. */
#define EARLY_AGAIN 1

struct tmpfiles;

struct early {
        const char *root; /* NULL: the running system */
        int root_fd;      /* O_PATH of root or / */
        struct userdb users;
        struct tmpfiles *tmpfiles;
        char *parent_path; /* safepath.c: the directory opened last, and its O_PATH fd */
        int parent_fd;
        char *spec[128];       /* values of specifiers already looked up */
        struct strbuf message; /* what the step has to say: handed back in EARLY_DONE, printed otherwise */
        int wait_fd;           /* with EARLY_AGAIN */
        int status;            /* the exit status of a step that failed, where it says more than 1 */
};

struct early_step {
        const char *name;
        int (*run)(struct early *e, char *const *args); /* 0, EARLY_AGAIN, -errno (already logged) */
        const char *help;
};

extern const struct early_step early_steps[];
const struct early_step *early_step_find(const char *name);
int early_init(struct early *e, const char *root);
void early_done(struct early *e);
int early_serve(struct early *e, int fd);

/* config.c: the lines of all NAME.d/…conf files, by the precedence of /etc, /run, /usr/local/lib, /usr/lib. */
typedef int (*conf_line_fn)(struct early *e, const char *path, unsigned line, char *text, void *data);
/* Calls fn for each line that is neither empty nor a comment ("#"; ";" too when semicolon), stripped. fn
 * logs its own problems; a negative result is counted in *ret_bad (may be NULL) and reading goes on. */
int conf_lines(struct early *e, const char *dir_name, bool semicolon, conf_line_fn fn, void *data,
        unsigned *ret_bad);
/* The same for one file; -ENOENT silently when missing. */
int conf_file_lines(
        struct early *e, const char *path, bool semicolon, conf_line_fn fn, void *data, unsigned *ret_bad);
/* path below root as a name for openat() on the host ("root/path"), for whole files and directories only. */
char *early_path(struct early *e, const char *path);
int early_read_file(struct early *e, const char *path, size_t max, char **ret, size_t *ret_len);

/* specifier.c: expands %-specifiers; -EINVAL for an unknown one, -ENXIO or another errno when it has no value. */
int specifier_expand(struct early *e, const char *s, char **ret);

/* The steps. */
int step_sysusers(struct early *e, char *const *args);
int step_tmpfiles(struct early *e, char *const *args);
int step_tmpfiles_dev(struct early *e, char *const *args);
int step_sysctl(struct early *e, char *const *args);
int step_modules_load(struct early *e, char *const *args);
int step_binfmt(struct early *e, char *const *args);
int step_random_seed(struct early *e, char *const *args);
int step_random_seed_save(struct early *e, char *const *args);
int step_machine_id_commit(struct early *e, char *const *args);
int step_update_utmp(struct early *e, char *const *args);
int step_utmp_runlevel(struct early *e, char *const *args);
int step_utmp_shutdown(struct early *e, char *const *args);
int step_user_sessions(struct early *e, char *const *args);
int step_user_sessions_stop(struct early *e, char *const *args);
int step_journal_flush(struct early *e, char *const *args);
int step_journal_relinquish(struct early *e, char *const *args);
int step_remount_fs(struct early *e, char *const *args);

/* sysctl.c: "net.ipv4.conf.eth0/1.x" → "net/ipv4/conf/eth0.1/x", in place. */
char *sysctl_normalize(char *key);
/* remount.c: fstab options as mount(2) flags and the rest for the file system. -ENOMEM. */
int mount_options_parse(const char *options, unsigned long *ret_flags, char **ret_data);
