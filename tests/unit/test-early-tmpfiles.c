/* tmpfiles.d: what a line means, what a bad line says, and what a whole run leaves behind. */
#include <fcntl.h>
#include <sysexits.h>
#include <sys/xattr.h>

#include "early/safepath.h"
#include "early/tmpfiles.h"
#include "tests/unit/early-root.h"

static char last_log[1024];

static void hook(int level, const char *unit, const char *file, int line, const char *text)
{
        snprintf(last_log, sizeof(last_log), "%s", text);
}

static struct tmpfiles_item *parse(struct early *e, struct tmpfiles *t, const char *line)
{
        _cleanup_free_ char *copy = strdup(line);

        last_log[0] = 0;
        *t = (struct tmpfiles) { 0 };
        return tmpfiles_parse_line(e, "x.conf", 3, copy, t) < 0 ? NULL : t->items;
}

static void drop(struct tmpfiles *t)
{
        struct tmpfiles *h = calloc(1, sizeof(*h));

        *h = *t;
        tmpfiles_free(h);
}

static void good_lines(struct early *e)
{
        struct tmpfiles t;
        struct tmpfiles_item *i;

        i = parse(e, &t, "d /run/user 0755 root root 10d -");
        ok(i && i->type == 'd' && i->mode_set && i->mode == 0755 && streq(i->user, "root") && !i->arg,
                "a directory");
        drop(&t);
        i = parse(e, &t, "f+! \"/run/a b\" - - - - \"quotes\\tand\" %% blanks");
        ok(i && i->plus && i->boot && streq(i->path, "/run/a b"), "modifiers, quoted path");
        is_str(i ? i->arg : NULL, "\"quotes\tand\" % blanks",
                "the argument: escapes and specifiers, no quotes");
        drop(&t);
        i = parse(e, &t, "Z /x/* ~2750 :root :adm -");
        ok(i && i->mode_masked && i->user_new_only && i->group_new_only && i->glob,
                "prefixes of mode and owner");
        drop(&t);
        i = parse(e, &t, "L /etc/foo");
        is_str(i ? i->arg : NULL, "/usr/share/factory/etc/foo", "a link's target by default");
        drop(&t);
        i = parse(e, &t, "d /var/run/foo");
        is_str(i ? i->path : NULL, "/run/foo", "/var/run is /run");
        drop(&t);
        ok(parse(e, &t, "d /x - - - bmA:~1h") != NULL, "ages are understood");
        drop(&t);
}

static void bad_lines(struct early *e)
{
        static const struct {
                const char *line, *says;
        } bad[] = {
                { "d", "The path is missing" },
                { "y /x", "Unknown line type" },
                { "d# /x", "Unknown modifier" },
                { "d x", "not absolute" },
                { "d /a/../b", "\"..\"" },
                { "d /x 9999", "no mode" },
                { "d /x 0755 :", "Empty user" },
                { "d /x - - - soon", "no age" },
                { "f /x%Z", "specifier" },
                { "c /dev/x - - - - 1", "no device number" },
                { "h /x - - - - +9", "no file attributes" },
                { "w /x", "needs an argument" },
                { "f \"/x", "Unbalanced quotes" },
                { "d+ /x", "takes no \"+\"" },
                { "d~ /x", "only lines that write" },
                { "\"\" /x", "type is empty" },
        };
        struct tmpfiles t;

        for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
                ok(!parse(e, &t, bad[k].line), bad[k].line);
                if (!ok(startswith(last_log, "x.conf:3: ") && strstr(last_log, bad[k].says),
                            "  says file, line and what"))
                        printf("# %s\n", last_log);
                drop(&t);
        }
}

static void attributes(void)
{
        unsigned v, m;

        ok(file_attributes_parse("+C", &v, &m) == 0 && v == m && v != 0, "+C");
        ok(file_attributes_parse("-ia", &v, &m) == 0 && v == 0 && m != 0, "-ia");
        ok(file_attributes_parse("=", &v, &m) == 0 && v == 0 && m != 0, "=");
        is_int(file_attributes_parse("", &v, &m), -EINVAL, "nothing");
        is_int(file_attributes_parse("+", &v, &m), -EINVAL, "+ alone");
}

static void run_all(struct early *e)
{
        _cleanup_free_ char *f = NULL, *w = NULL, *b = NULL, *c = NULL, *acl = path_join(root_dir, "acl");
        char attr[256];

        put("etc/tmpfiles.d/mask.conf", "");
        put("usr/lib/tmpfiles.d/mask.conf", "d /masked\n");
        put("usr/lib/tmpfiles.d/a.conf", "# comment\n"
                                         "d /made/deep/below 0700\n"
                                         "f /made/file 0640 - - - text\\n\n"
                                         "f /made/file 0600\n"
                                         "w /there - - - - one\n"
                                         "w+ /there - - - - two\n"
                                         "D /cleared 1777\n"
                                         "R /removed-*\n"
                                         "r! /flag\n"
                                         "L+ /link - - - - target\n"
                                         "p /fifo 0622\n"
                                         "C /copy - - - - /source\n"
                                         "f~ /b64 - - - - YWJj\n"
                                         "f= /was-a-dir\n"
                                         "z /there 0604\n"
                                         "a+ /acl - - - - u:7:r--,d:g:8:rwx\n"
                                         "d /unknown-user 0755 nosuchuser\n"
                                         "f /outside/x\n");
        put("there", "old");
        put("cleared/sub/file", "");
        put("removed-1/x/y", "");
        put("flag", "");
        put("link/inside", "");
        put("source/sub/file", "copied");
        put("was-a-dir/x", "");
        put("acl/x", "");
        last_log[0] = 0;
        is_int(early_step_find("tmpfiles")->run(e, NULL), -EIO, "the run fails for the one bad line");
        is_int(e->status, EX_CANTCREAT, "as one that could not be carried out");
        ok(strstr(last_log, "nosuchuser") && strstr(last_log, "a.conf:17"), "which it names");
        ok(is("made/deep/below", S_IFDIR | 0700) && is("made/deep", S_IFDIR | 0755),
                "directory and its parents");
        ok(is("made/file", S_IFREG | 0640), "file: the first of two lines counts");
        is_str(f = get("made/file"), "text\n", "  and its text");
        is_str(w = get("there"), "onetwo", "w, w+");
        ok(is("there", S_IFREG | 0604), "z after w");
        ok(is("cleared", S_IFDIR | 01777) && gone("cleared/sub"), "D clears");
        ok(gone("removed-1") && gone("flag"), "R with wildcard, r");
        ok(is("link", S_IFLNK | 0777), "L+ replaces a directory");
        ok(is("fifo", S_IFIFO | 0622), "FIFO");
        is_str(c = get("copy/sub/file"), "copied", "C");
        is_str(b = get("b64"), "abc", "base64");
        ok(is("was-a-dir", S_IFREG | 0644), "= replaces what is of another kind");
        ok(gone("masked"), "an empty file in /etc masks");
        ok(is("acl", S_IFDIR | 0755) &&
                        getxattr(acl, "system.posix_acl_default", attr, sizeof(attr)) == 4 + 8 * 5,
                "default list: three base entries, the group, the mask");
        ok(getxattr(acl, "system.posix_acl_access", attr, sizeof(attr)) == 4 + 8 * 5, "access list");
        put("usr/lib/tmpfiles.d/a.conf", "no line\nd /made/later\n");
        is_int(early_step_find("tmpfiles")->run(e, NULL), -EIO, "the run fails for a line that is none");
        is_int(e->status, EX_DATAERR, "as one that could not be understood");
        ok(is("made/later", S_IFDIR | 0755), "the others count");
}

/* A user must not get root to write elsewhere by a link in a directory of theirs. */
static void unsafe_links(struct early *e)
{
        _cleanup_free_ char *home = path_join(root_dir, "home"), *link = path_join(root_dir, "home/link");
        _cleanup_free_ char *etc = path_join(root_dir, "var-link"), *out = path_join(root_dir, "escape");
        int fd;

        if (geteuid() != 0) {
                ok(true, "unsafe links # SKIP needs root");
                return;
        }
        put("home/x", "");
        put("secret/file", "");
        if (symlink("/secret", link) < 0 || lchown(link, 1000, 1000) < 0 || chown(home, 1000, 1000) < 0)
                exit(1);
        is_int(safe_open(e, "/home/link/file", false), -EPERM,
                "a user's link to what is root's is not followed");
        if (symlink("secret", etc) < 0 || symlink("../../../../../../etc", out) < 0)
                exit(1);
        fd = safe_open(e, "/var-link/file", false);
        ok(fd >= 0, "root's own link is");
        close_fd(fd);
        fd = safe_open(e, "/escape/tmpfiles.d/mask.conf", false);
        ok(fd >= 0, "a link cannot leave the root");
        close_fd(fd);
}

int main(void)
{
        _cleanup_(early_done) struct early e = { 0 };

        root_make();
        log_open("test", LOG_TO_HOOK);
        log_set_hook(hook);
        put("etc/passwd", "root:x:0:0::/:/bin/sh\n");
        put("etc/group", "root:x:0:\n");
        if (early_init(&e, root_dir) < 0)
                return 1;
        good_lines(&e);
        bad_lines(&e);
        attributes();
        run_all(&e);
        unsafe_links(&e);
        root_remove();
        return tap_done();
}
