/* A record of the ring from anywhere: all that it says lies in the buffer. */
#include "logd/ringread.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(logd_ring)
{
        struct ring_entry e;
        uint8_t *copy = malloc(size ? size : 1);
        const char *k, *v;
        size_t p = 0, kl, vl;

        if (!copy)
                abort();
        if (size)
                memcpy(copy, data, size);
        if (ring_entry_parse(copy, size, &e) >= 0) {
                const char *end = (const char *)copy + size;
                struct ring_filter f = {
                        .unit = "a.service", .priority = 3, .identifier = "x", .grep = "y"
                };

                fuzz_check(e.unit + strlen(e.unit) < end && e.identifier + strlen(e.identifier) < end &&
                           e.comm + strlen(e.comm) < end);
                fuzz_check(e.message + e.message_len < end && (const char *)e.fields + e.fields_len <= end);
                while (ring_entry_next_field(&e, &p, &k, &kl, &v, &vl))
                        fuzz_check(k + kl < end && v + vl <= end);
                (void)ring_filter_match(&f, &e);
                f.priority = -1;
                f.identifier = f.grep = NULL;
                (void)ring_filter_match(&f, &e);
        }
        free(copy);
}
