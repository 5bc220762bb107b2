/* syslog, native and kmsg records: every span lies in the input. */
#include "logd/logd.h"
#include "tests/fuzz/fuzz.h"

static void check_span(struct span s, const char *data, size_t size)
{
        fuzz_check(s.n == 0 || (s.p >= data && s.p + s.n <= data + size));
}

static void check(const struct record *r, const char *data, size_t size)
{
        fuzz_check(r->priority <= 7 && r->facility <= 31);
        check_span(r->message, data, size);
        if (r->identifier.n != 6 || memcmp(r->identifier.p, "kernel", 6) != 0)
                check_span(r->identifier, data, size);
        for (unsigned i = 0; i < r->n_fields; i++) {
                check_span(r->fields[i].key, data, size);
                check_span(r->fields[i].value, data, size);
        }
}

FUZZ_TARGET(logd_datagrams)
{
        static struct record r;
        char *copy = malloc(size ? size : 1); /* no NUL behind it: as in a datagram */
        uint32_t pid;

        if (!copy)
                abort();
        if (size)
                memcpy(copy, data, size);
        record_init(&r, TRANSPORT_SYSLOG);
        syslog_parse(copy, size, &r, &pid);
        check(&r, copy, size);
        for (int trusted = 0; trusted < 2; trusted++) {
                record_init(&r, TRANSPORT_NATIVE);
                (void)native_parse(copy, size, trusted, &r);
                (void)native_source_time(&r);
                check(&r, copy, size);
        }
        record_init(&r, TRANSPORT_KERNEL);
        if (kmsg_parse(copy, size, &r) >= 0)
                check(&r, copy, size);
        free(copy);
}
