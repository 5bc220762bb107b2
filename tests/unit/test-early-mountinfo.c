/* rouse-shutdown's reading of mountinfo: what is unmounted, what is kept, what is no mount at all. */
#include <sys/sysmacros.h>

#include "init/shutdown-common.h"
#include "tests/tap.h"

void shutdown_say(struct shutdown *s, const char *fmt, ...) {}

void shutdown_forced(struct shutdown *s, const char *fmt, ...) {}

int main(void)
{
        char text[] = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
                      "23 22 0:21 / /proc rw - proc proc rw\n"
                      "rubbish\n"
                      "24 22 0:22 / /run rw shared:2 - tmpfs tmpfs rw\n"
                      "25 24 254:16 / /run/media/a\\040b rw shared:3 master:4 - vfat /dev/vdb ro\n"
                      "26 22 0:40 / /srv ro - tmpfs none rw\n"
                      "27 22 x:40 / /bad ro - tmpfs none rw\n"
                      "28 22 0:40 / /bad ro\n";
        struct mount_entry *m;
        size_t n;

        is_int(shutdown_mounts_parse(text, &m, &n), 0, "parse");
        is_int((int64_t)n, 5, "five of eight lines are mounts");
        ok(m[0].keep && streq(m[0].type, "ext4") && m[0].dev == makedev(254, 0), "the root is kept");
        ok(m[1].keep && m[2].keep, "API file systems are kept");
        is_str(m[3].where, "/run/media/a b", "escapes; optional fields are passed over");
        ok(!m[3].keep, "a disk below /run is not");
        ok(!m[4].keep && streq(m[4].options, "ro,rw"), "nor a tmpfs elsewhere");
        shutdown_mounts_free(m, n);
        return tap_done();
}
