/* Drop-in directories: which files of several directories count, and in which order. */
#include <fcntl.h>
#include <sys/stat.h>

#include "fileio.h"
#include "hash.h"
#include "str.h"

bool hidden_or_backup_file(const char *name)
{
        static const char *const suffixes[] = {
                "~",
                ".rpmnew",
                ".rpmsave",
                ".rpmorig",
                ".dpkg-old",
                ".dpkg-new",
                ".dpkg-tmp",
                ".dpkg-dist",
                ".dpkg-bak",
                ".dpkg-backup",
                ".dpkg-remove",
                ".dpkg-inst",
                ".ucf-new",
                ".ucf-old",
                ".ucf-dist",
                ".swp",
                ".bak",
                ".old",
                ".new",
        };
        static const char *const names[] = { "lost+found", "aquota.user", "aquota.group" };

        if (name[0] == '.')
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(name, names[i]))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
                if (endswith(name, suffixes[i]))
                        return true;
        return false;
}

/* Does this entry mask its name (link to /dev/null, empty file)? Negative: neither file nor mask, skip it. */
static int is_mask(int dirfd, const char *name)
{
        _cleanup_free_ char *target = NULL;
        struct stat st;

        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISLNK(st.st_mode)) {
                if (readlinkat_alloc(dirfd, name, &target) >= 0 && streq(target, "/dev/null"))
                        return 1;
                if (fstatat(dirfd, name, &st, 0) < 0)
                        return -errno;
        }
        if (S_ISCHR(st.st_mode))
                return 1; /* a bind mount of /dev/null */
        return S_ISREG(st.st_mode) ? st.st_size == 0 : -EINVAL;
}

/* Adds the files of one directory; seen holds names already decided (the value NULL: masked). */
static int add_dir(const char *path, const char *suffix, struct hash *seen, char ***names)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        struct dirent *de;

        if (!d)
                return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
        while ((errno = 0, de = readdir(d))) {
                char *full, *key;
                int r;

                if (hidden_or_backup_file(de->d_name) || !endswith(de->d_name, suffix))
                        continue;
                full = path_join(path, de->d_name);
                if (!full)
                        return -ENOMEM;
                key = full + strlen(full) - strlen(de->d_name);
                r = hash_get(seen, key) ? -EEXIST : is_mask(dirfd(d), de->d_name);
                if (r < 0) {
                        free(full);
                        continue;
                }
                /* A mask keeps its entry too, so that the name stays taken; the leading slash goes. */
                if (r > 0)
                        full[0] = '\0';
                r = strv_push(names, full);
                if (r < 0)
                        return r;
                r = hash_put(seen, key, full);
                if (r < 0)
                        return r;
        }
        return -errno;
}

static int by_base_name(const void *a, const void *b)
{
        return strcmp(path_basename(*(char *const *)a), path_basename(*(char *const *)b));
}

int conf_files_list(const char *root, char *const *dirs, const char *suffix, char ***ret)
{
        _cleanup_strv_ char **found = calloc(1, sizeof(char *));
        _cleanup_(hash_done) struct hash seen = { 0 };

        if (!found)
                return -ENOMEM;
        FOREACH_STR (dir, dirs) {
                _cleanup_free_ char *path = root ? path_join(root, *dir) : strdup(*dir);
                int r;

                if (!path)
                        return -ENOMEM;
                r = add_dir(path, suffix ? suffix : "", &seen, &found);
                if (r < 0)
                        return r;
        }
        strv_remove(found, "");
        if (*found)
                qsort(found, strv_len(found), sizeof(char *), by_base_name);
        *ret = TAKE_PTR(found);
        return 0;
}
