/* fsck: see check.h. Its exit code is the sum of fsck(8): 1 corrected, 2 restart needed, 4 errors left,
 * 8 operational error, 16 usage, 32 cancelled. */

#include <stdio.h>
#include "initramfs/initrd/check.h"
#include "lib/log.h"

static void on_end(struct tool *t, int code)
{
        struct check *c = t->data;

        c->done(c, code >= 4 ? CHECK_FAILED : code & 2 ? CHECK_REBOOT : CHECK_OK, code);
}

void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type)
{
        static const char *const repair[] = { "-a", "-y", "-n" };
        const char *argv[8] = { NULL };
        int n = 0;

        snprintf(c->path, sizeof c->path, "/sbin/fsck.%s", type);
        if (o->fsck == FSCK_SKIP || !tool_there(c->path)) {
                if (o->fsck == FSCK_FORCE)
                        log_warning("fsck.mode=force, but %s is not in this image; %s is not checked",
                                c->path, node);
                c->done(c, CHECK_NONE, 0);
                return;
        }
        argv[n++] = c->path;
        argv[n++] = repair[o->repair];
        if (o->fsck == FSCK_FORCE)
                argv[n++] = "-f";
        argv[n++] = node;
        c->tool.done = on_end;
        c->tool.data = c;
        int r = tool_start(&c->tool, argv, NULL, 0);
        if (r < 0) {
                log_error_errno(r, "Cannot run %s: %m; %s is not checked", c->path, node);
                c->done(c, CHECK_NONE, 0);
        }
}
