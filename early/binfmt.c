/* binfmt: registers the formats of binfmt.d(5). binfmt_misc is mounted only when there is one to register. */
#include <sys/mount.h>

#include "early/early.h"

#define BINFMT_DIR "/proc/sys/fs/binfmt_misc"

static int mount_binfmt(void)
{
        if (access(BINFMT_DIR "/register", F_OK) >= 0)
                return 0;
        if (mount("binfmt_misc", BINFMT_DIR, "binfmt_misc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return log_warning_errno(
                        -errno, "Cannot mount " BINFMT_DIR ", so no binary format is registered: %m");
        return 0;
}

/* ":name:type:…": any character may be the delimiter. */
static int binfmt_line(struct early *e, const char *path, unsigned line, char *text, void *data)
{
        _cleanup_free_ char *name = NULL, *old = NULL;
        unsigned *n_done = data;
        size_t len;
        char delimiter[] = { text[0], 0 };
        int r;

        len = strcspn(text + 1, delimiter);
        if (len == 0 || !text[1 + len] || memchr(text + 1, '/', len) || text[1] == '.')
                return log_file(path, line, LOG_WARNING,
                               "\"%s\" is no rule :NAME:TYPE:…; the line is ignored.", text),
                       -EINVAL;
        if (*n_done == 0) {
                r = mount_binfmt();
                if (r < 0)
                        return r;
        }
        name = strndup(text + 1, len);
        old = name ? path_join(BINFMT_DIR, name) : NULL;
        if (!old)
                return log_oom();
        (void)write_attr(old, "-1"); /* one of that name from before */
        r = write_attr(BINFMT_DIR "/register", text);
        if (r < 0)
                return log_full(
                        LOG_WARNING, r, NULL, "%s:%u: format \"%s\" not registered: %m", path, line, name);
        (*n_done)++;
        return 0;
}

int step_binfmt(struct early *e, char *const *args)
{
        unsigned done = 0, bad = 0;
        int r;

        if (e->root)
                return 0; /* the kernel has one table: another root's formats are not ours to put there */
        r = conf_lines(e, "binfmt.d", true, binfmt_line, &done, &bad);
        if (r < 0)
                return r;
        return bad ? -EIO : 0;
}
