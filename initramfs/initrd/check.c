/* fsck: see check.h. Its exit code is the sum of fsck(8): 1 corrected, 2 restart needed, 4 errors left,
 * 8 operational error, 16 usage, 32 cancelled. */

#include <stdio.h>
#include <sys/mount.h>
#include "initramfs/initrd/check.h"
#include "initramfs/initrd/extstate.h"
#include "lib/log.h"

static const char *const api[] = { "/dev", "/proc" }; /* what fsck looks at */

/* The root's API directories while its own fsck runs in it, as far as it has such directories. */
static void bind_api(const char *root, bool there)
{
        char path[128];

        for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
                snprintf(path, sizeof path, "%s%s", root, api[i]);
                if (there ? mount(api[i], path, NULL, MS_BIND, NULL) < 0 : umount2(path, MNT_DETACH) < 0)
                        log_debug_errno(-errno, "%s: %m", path);
        }
}

static void on_end(struct tool *t, int code)
{
        struct check *c = t->data;

        if (c->root)
                bind_api(c->root, false);
        c->done(c, code >= 4 ? CHECK_FAILED : code & 2 ? CHECK_REBOOT : CHECK_OK, code);
}

static void run(struct check *c, const struct initrd_options *o, const char *node)
{
        static const char *const repair[] = { "-a", "-y", "-n" };
        const char *argv[8] = { c->path, repair[o->repair] };
        int n = 2;

        if (o->fsck == FSCK_FORCE)
                argv[n++] = "-f";
        argv[n++] = node;
        c->tool.done = on_end;
        c->tool.data = c;
        c->tool.root = c->root;
        c->ran |= !c->root;
        int r = tool_start(&c->tool, argv, NULL, 0);
        if (r < 0) {
                log_error_errno(r, "Cannot run %s: %m; %s is not checked", c->path, node);
                if (c->root)
                        bind_api(c->root, false);
                c->done(c, CHECK_NONE, 0);
        }
}

/* True when there is nothing to do; else says why there is. */
static bool is_clean(const struct initrd_options *o, const char *node, enum ext_state *ret)
{
        const char *why;

        *ret = ext_state_of(node, &why);
        if (o->fsck == FSCK_FORCE)
                return false;
        if (*ret == EXT_CLEAN)
                log_debug("%s is clean by its superblock", node);
        else if (why)
                log_notice("%s is checked: %s", node, why);
        return *ret == EXT_CLEAN;
}

static bool is_ext(const char *type)
{
        return streq(type, "ext4") || streq(type, "ext3") || streq(type, "ext2");
}

void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type)
{
        enum ext_state state;

        snprintf(c->path, sizeof c->path, "/sbin/fsck.%s", type);
        c->root = NULL;
        if (o->fsck == FSCK_SKIP)
                c->done(c, CHECK_NONE, 0);
        else if (is_ext(type) && is_clean(o, node, &state))
                c->done(c, CHECK_OK, 0);
        else if (tool_there(c->path))
                run(c, o, node);
        else if (is_ext(type))
                c->done(c, CHECK_LATER, 0);
        else {
                if (o->fsck == FSCK_FORCE)
                        log_warning("fsck.mode=force, but %s is not in this image; %s is not checked",
                                c->path, node);
                c->done(c, CHECK_NONE, 0);
        }
}

bool check_again(struct check *c, const struct initrd_options *o, const char *node, const char *type)
{
        snprintf(c->path, sizeof c->path, "/sbin/fsck.%s", type);
        c->root = NULL;
        if (c->ran || o->fsck == FSCK_SKIP || !tool_there(c->path))
                return false;
        log_notice("%s is checked: it cannot be mounted", node);
        run(c, o, node);
        return true;
}

void check_mounted(struct check *c, const struct initrd_options *o, const char *node, const char *type,
        const char *root)
{
        enum ext_state state;
        char path[160];

        snprintf(c->path, sizeof c->path, "/sbin/fsck.%s", type);
        snprintf(path, sizeof path, "%s%s", root, c->path);
        /* The mount has replayed the journal. */
        if (is_clean(o, node, &state)) {
                c->done(c, CHECK_OK, 0);
                return;
        }
        if (!tool_there(path)) {
                log_warning("%s is neither in this image nor in the root; %s is not checked", c->path, node);
                c->done(c, CHECK_NONE, 0);
                return;
        }
        c->root = root;
        bind_api(root, true);
        run(c, o, node);
}
