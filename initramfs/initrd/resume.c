/* resume=: a hibernated system is woken before anything is written to its disks.
 *
 * When the root is there and nothing is under way any more, a device that has not appeared by then is not waited
 * for: a stale resume= costs nothing. */

#include <fcntl.h>
#include <stdio.h>
#include "initramfs/initrd/initrd.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define SIGNATURE "S1SUSPEND"

/* The kernel's mark at the end of the swap area's first page, for a file at its offset in the device. */
static bool is_hibernated(const struct block *d)
{
        _cleanup_close_ int fd = -1;
        long page = sysconf(_SC_PAGESIZE);
        char mark[10];

        if (streq(d->type ?: "", "swsuspend"))
                return true;
        if (!boot.o.resume_offset || (fd = open(d->node, O_RDONLY | O_CLOEXEC)) < 0)
                return false;
        return pread(fd, mark, sizeof mark, (off_t)(boot.o.resume_offset * page + page - sizeof mark)) ==
                       (ssize_t)sizeof mark &&
               memcmp(mark, SIGNATURE, strlen(SIGNATURE)) == 0;
}

static void resume_from(const struct block *d)
{
        char number[32], offset[32];

        log_notice("resuming from %s", d->node);
        snprintf(number, sizeof number, "%u:%u", d->major, d->minor);
        snprintf(offset, sizeof offset, "%llu", (unsigned long long)boot.o.resume_offset);
        if (boot.o.resume_offset && write_attr("/sys/power/resume_offset", offset) < 0)
                log_warning("Cannot set the offset of the hibernated system");
        int r = write_attr("/sys/power/resume", number); /* returns only when it did not work */
        log_error_errno(MIN(r, 0), "cannot resume from %s; booting afresh", d->node);
}

bool resume_settled(void)
{
        struct block *d;

        if (boot.resumed || boot.o.resume.kind == ROOT_NONE)
                return true;
        d = blocks_find(&boot.blocks, &boot.o.resume);
        if (!d && (!all_quiet() || stack_step(&boot.stack)))
                return false;
        boot.resumed = true;
        if (!d)
                log_notice("resume=%s is not there; booting afresh", boot.o.resume.text);
        else if (is_hibernated(d))
                resume_from(d);
        return true;
}
