#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/fileio.h"
#include "lib/id128.h"
#include "lib/str.h"
#include "logd/journal-dir.h"
#include "logd/journal-write.h"

struct archived {
        char *path;
        uint64_t size;
        usec_t changed;
};

int journal_archive(const char *dir)
{
        _cleanup_free_ char *from = path_join(dir, JOURNAL_ACTIVE), *to = NULL;
        struct journal_header h;
        char id[33];

        if (!from)
                return -ENOMEM;
        if (journal_peek(from, &h) >= 0 && h.state != JOURNAL_ONLINE) {
                id128_format(id, h.seqnum_id);
                to = str_printf("%s/system@%s-%016llx-%016llx.journal", dir, id,
                        (unsigned long long)le64toh(h.head_seqnum),
                        (unsigned long long)le64toh(h.head_realtime));
        } else {
                uint64_t random = 0;

                (void)!getrandom(&random, sizeof(random), 0);
                to = str_printf("%s/system@%016llx-%016llx.journal~", dir,
                        (unsigned long long)now_realtime(), (unsigned long long)random);
        }
        if (!to)
                return -ENOMEM;
        return rename(from, to) < 0 ? -errno : 0;
}

static bool is_journal(const char *name)
{
        return endswith(name, ".journal") || endswith(name, ".journal~");
}

int journal_files(const char *dir, char ***ret)
{
        _cleanup_closedir_ DIR *d = opendir(dir);
        _cleanup_strv_ char **v = NULL;
        struct dirent *e;
        int r;

        if (!d)
                return -errno;
        while ((e = readdir(d))) {
                if (!is_journal(e->d_name))
                        continue;
                r = strv_push(&v, path_join(dir, e->d_name));
                if (r < 0)
                        return r;
        }
        strv_sort(v);
        *ret = TAKE_PTR(v);
        return 0;
}

uint64_t journal_usage(const char *dir)
{
        _cleanup_strv_ char **files = NULL;
        uint64_t n = 0;
        struct stat st;

        if (journal_files(dir, &files) < 0)
                return 0;
        FOREACH_STR (f, files)
                if (stat(*f, &st) >= 0)
                        n += (uint64_t)st.st_blocks * 512;
        return n;
}

static int compare_age(const void *a, const void *b)
{
        return CMP(((const struct archived *)a)->changed, ((const struct archived *)b)->changed);
}

static bool too_much(
        const char *dir, const struct journal_limits *l, uint64_t use, size_t files, usec_t oldest)
{
        struct statvfs vfs;

        if ((l->max_use && use > l->max_use) || (l->max_files && files > l->max_files))
                return true;
        if (l->retention && usec_add(oldest, l->retention) < now_realtime())
                return true;
        return l->keep_free && statvfs(dir, &vfs) >= 0 &&
               (uint64_t)vfs.f_bavail * vfs.f_frsize < l->keep_free;
}

int journal_vacuum(const char *dir, const struct journal_limits *limits, uint64_t *ret_bytes)
{
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ struct archived *old = NULL;
        uint64_t use = 0, gone = 0;
        size_t n = 0, left, i;
        struct stat st;
        int r;

        r = journal_files(dir, &files);
        if (r < 0)
                return r;
        left = strv_len(files);
        old = calloc(left ? left : 1, sizeof(*old));
        if (!old)
                return -ENOMEM;
        FOREACH_STR (f, files) {
                if (stat(*f, &st) < 0)
                        continue;
                use += (uint64_t)st.st_blocks * 512;
                if (strchr(path_basename(*f), '@'))
                        old[n++] = (struct archived) { *f, (uint64_t)st.st_blocks * 512,
                                st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000 };
        }
        qsort(old, n, sizeof(*old), compare_age);
        for (i = 0; i < n && too_much(dir, limits, use, left, old[i].changed); i++) {
                if (unlink(old[i].path) < 0)
                        return -errno;
                use -= old[i].size;
                gone += old[i].size;
                left--;
        }
        if (ret_bytes)
                *ret_bytes = gone;
        return (int)i;
}
