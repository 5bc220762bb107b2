/* Files read and written whole. All of them O_CLOEXEC; relative paths against dirfd where there is one. */
#pragma once

#include <dirent.h>
#include "util.h"

/* Reads a file of at most max bytes (0: 16 MiB) into *ret, NUL-terminated, *ret_len without the NUL (NULL
 * allowed). Works for /proc and /sys files of size 0. -E2BIG when longer. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len);
int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
/* First line without its newline. */
int read_one_line(const char *path, char **ret);
/* One write(2) to an existing file (sysfs, procfs, cgroupfs); no O_CREAT. */
int write_attr(const char *path, const char *value);
int write_attr_at(int dirfd, const char *path, const char *value);
/* Temporary file beside path, mode, rename. With sync the data is on disk before the rename. */
int write_file_atomic(const char *path, const void *data, size_t len, mode_t mode, bool sync);
/* What a writer of path that was killed left beside it, if it is older than ten minutes. */
void remove_left_temporaries(const char *path);
int write_all(int fd, const void *data, size_t len);
/* mkdir -p of path (mode for all that is made). 0 when it was there. */
int mkdir_p(const char *path, mode_t mode);
int mkdir_parents(const char *path, mode_t mode); /* all but the last component */
void closedirp(DIR **d);
#define _cleanup_closedir_ _cleanup_(closedirp)
/* True for names to skip in drop-in directories: hidden, "~", ".dpkg-*", ".rpmsave" … */
bool hidden_or_backup_file(const char *name);
/* Files ending in suffix from the directories (highest priority first), sorted by base name over all; of
 * equal names only the first directory's is kept; a link to /dev/null or an empty file masks.
 * root may be NULL. */
int conf_files_list(const char *root, char *const *dirs, const char *suffix, char ***ret);
/* Symbolic link made under a temporary name and renamed over what is there. */
int symlink_atomic(const char *target, const char *path);
int readlink_alloc(const char *path, char **ret);
int readlinkat_alloc(int dirfd, const char *path, char **ret);
/* Value of KEY= in a file of shell-like assignments (os-release, locale.conf); calls fn for each. */
int parse_env_file(const char *path, int (*fn)(const char *key, const char *value, void *data), void *data);
int parse_env_text(const char *text, int (*fn)(const char *key, const char *value, void *data), void *data);
