/* A journal file from anywhere: every entry read, none leads out of the file. */
#include <stdio.h>
#include <sys/mman.h>

#include "lib/fileio.h"
#include "logd/journal-read.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(journal)
{
        static int fd = -1;
        struct journalread *r;
        struct ring_entry e;
        const char *k, *v;
        char path[64];

        if (fd < 0)
                fd = memfd_create("journal", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
                abort();
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (journalread_open(path, &r) < 0)
                return;
        for (size_t i = 0; i < journalread_count(r); i++) {
                size_t p = 0, kl, vl;
                const uint8_t *boot;
                usec_t t;

                (void)journalread_times(r, i, &t, &boot);
                if (journalread_get(r, i, &e) < 0)
                        continue;
                fuzz_check(strlen(e.unit) + strlen(e.identifier) + strlen(e.comm) < SIZE_MAX / 2);
                fuzz_check(e.message[e.message_len] == 0);
                while (ring_entry_next_field(&e, &p, &k, &kl, &v, &vl))
                        fuzz_check(
                                k + kl < v + vl + 1 && (const uint8_t *)v + vl <= e.fields + e.fields_len);
        }
        journalread_close(r);
}
