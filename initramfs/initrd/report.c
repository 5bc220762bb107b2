/* What rouse-initrd says: messages into the kernel's log, and the reports when nothing comes. */

#include <fcntl.h>
#include <stdio.h>
#include "initramfs/initrd/initrd.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* Into the kernel's log, and so on the console. The newline at the end makes the record final: without it the
 * kernel holds a message back until the next one comes, which may be for ever. */
static void to_kmsg(int level, const char *unit, const char *file, int line, const char *text)
{
        static bool unlimited;
        static int fd = -1;
        char record[900];

        if (fd < 0)
                fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        /* Records of user space are rate-limited by default; after a talkative fsck these must get out all the same. */
        if (level <= LOG_WARNING && !unlimited)
                unlimited = write_attr("/proc/sys/kernel/printk_devkmsg", "on") >= 0;
        int n = snprintf(record, sizeof record - 1, "<%d>rouse-initrd: %s", LOG_DAEMON | level, text);
        n = MIN(n, (int)sizeof record - 2);
        record[n++] = '\n';
        (void)!write(fd, record, n);
}

void report_open(void)
{
        log_open("rouse-initrd", LOG_TO_HOOK);
        log_set_hook(to_kmsg);
}

static void describe_blocks(struct strbuf *s)
{
        for (size_t i = 0; i < boot.blocks.n; i++) {
                strbuf_puts(s, i ? ", " : "");
                block_describe(boot.blocks.block[i], s);
        }
        if (boot.blocks.n == 0)
                strbuf_puts(s, "none");
}

void report_quiet(void)
{
        _cleanup_strbuf_ struct strbuf seen = { 0 };

        describe_blocks(&seen);
        log_error("waiting for %s %s (%lld s); block devices seen: %s", boot.goal->what,
                boot.goal->spec.text, (long long)(QUIET_TIME / USEC_PER_SEC), seen.s ?: "");
}

static void report_stack(void)
{
        stack_report(&boot.stack);
        if (boot.goal->partial)
                log_error("the btrfs of %s %s lacks members (rootflags=degraded mounts it without them)",
                        boot.goal->what, boot.goal->spec.text);
}

/* The full report at the limit. */
void report_limit(void)
{
        log_error("%s %s did not appear within %lld s", boot.goal->what, boot.goal->spec.text,
                (long long)(boot.o.limit / USEC_PER_SEC));
        for (size_t i = 0; i < boot.blocks.n; i++) {
                _cleanup_strbuf_ struct strbuf s = { 0 };

                block_describe(boot.blocks.block[i], &s);
                log_error("block device %s", s.s ?: "");
        }
        if (boot.blocks.n == 0)
                log_error("no block device has appeared");
        report_stack();
        if (boot.loader.absent) {
                _cleanup_free_ char *names = strv_join(boot.loader.absent, " ");

                log_error("modules wanted that are not in this image: %s", names ?: "");
        }
        log_error("modules loaded: %u, failed: %u, without hardware of theirs: %u, still loading: %u",
                boot.loader.n_loaded, boot.loader.n_failed, boot.loader.n_idle, boot.loader.n_running);
}
