/* $VAR and ${VAR} in command lines; environment files. Shared by PID 1 and rouse-exec. */
#pragma once

#include "lib/str.h"

/* Expands argv (but not argv[0]) with env as systemd.service(5), "Command lines", says. */
int exec_expand_argv(char *const *argv, char *const *env, char ***ret);
/* Adds the assignments of an EnvironmentFile= (systemd.exec(5)) to *env. path may be a pattern; a leading '-'
 * makes its absence no error. -ENOENT, -EBADMSG for text that is not UTF-8. */
int exec_env_file(const char *path, char ***env);
/* The same for text already read; ignored counts the assignments with bad names (may be NULL). */
int exec_env_text(const char *text, size_t len, char ***env, unsigned *ret_ignored);
