/* Option lists of fstab, and lines of mountinfo. */
#include <sys/mount.h>

#include "devd/mounts.h"
#include "tests/tap.h"

static void options(void)
{
        static const struct {
                const char *text, *data;
                unsigned long flags;
                bool plain;
        } t[] = {
                { NULL, NULL, 0, true },
                { "defaults", NULL, 0, true },
                { "ro,nosuid,nodev,noexec", NULL, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
                { "ro,rw", NULL, 0, true },
                { "noatime,errors=remount-ro", "errors=remount-ro", MS_NOATIME, true },
                { "nofail,x-systemd.device-timeout=5s,_netdev,noauto", NULL, 0, true },
                { "uid=1000,umask=022,,sync", "uid=1000,umask=022", MS_SYNCHRONOUS, true },
                { "context=\"system_u:object_r:x:s0:c1,c2\",ro", "context=\"system_u:object_r:x:s0:c1,c2\"",
                        MS_RDONLY, true },
                { "user,ro", NULL, MS_RDONLY, false },
                { "loop", NULL, 0, false },
                { "bind", NULL, 0, false },
                { "X-mount.mkdir", NULL, 0, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                const char *name = t[i].text ?: "(none)";
                struct mount_plan p;

                is_int(mount_plan_parse(t[i].text, &p), 0, name);
                is_int((int64_t)p.flags, (int64_t)t[i].flags, "  flags");
                is_str(p.data, t[i].data, "  data");
                is_int(p.plain, t[i].plain, "  plain");
                free(p.data);
        }
}

static void lines(void)
{
        char good[] = "36 35 98:0 /root /mnt/with\\040space rw,noatime master:1 shared:2 - ext4 "
                      "/dev/disk\\0111 rw,errors=x";
        char none[] = "36 35 98:0 / / rw - tmpfs tmpfs rw";
        char bare[] = "36 35 0:5 / /x rw - cgroup2 none ";
        static const char *const bad[] = { "", "36", "36 35 98:0 / /mnt",
                "36 35 98:0 / /mnt rw shared:1 ext4 x rw", "36 35 98:0 / mnt rw - ext4 x rw",
                "a b c d e f -", "36 35 98:0 / /mnt rw - ext4" };
        struct mount_line l;

        is_int(mount_line_parse(good, &l), 0, "a line with optional fields");
        is_str(l.id, "36", "id");
        is_str(l.where, "/mnt/with space", "where, unescaped");
        is_str(l.what, "/dev/disk\t1", "what, unescaped");
        is_str(l.type, "ext4", "type");
        is_str(l.options, "rw,noatime", "options");
        is_str(l.super_options, "rw,errors=x", "of the super block");
        is_int(mount_line_parse(none, &l), 0, "a line without");
        is_str(l.where, "/", "the root");
        is_int(mount_line_parse(bare, &l), 0, "no options of the super block");
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char *copy = strdup(bad[i]);

                is_int(mount_line_parse(copy, &l), -EBADMSG, bad[i]);
                free(copy);
        }
}

int main(void)
{
        options();
        lines();
        return tap_done();
}
