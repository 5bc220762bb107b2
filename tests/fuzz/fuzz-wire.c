/* Any datagram, its fields asked for in an order that its own bytes choose: never beyond the end, and after an
 * error nothing but zeros. */
#include "lib/wire.h"
#include "tests/fuzz/fuzz.h"

static void read_field(struct wire_reader *r, unsigned kind)
{
        char **v = NULL;
        const char *s;

        switch (kind % 4) {
        case 0: wire_get_u32(r); break;
        case 1: wire_get_u64(r); break;
        case 2:
                s = wire_get_str(r);
                if (s)
                        fuzz_check(s + strlen(s) < (const char *)r->end);
                break;
        case 3:
                if (wire_get_strv(r, &v) == 0)
                        strv_free(v);
                break;
        }
}

static void read_as_sent(struct wire_reader r)
{
        while (wire_more(&r)) {
                static const char types[] = "uqsn";
                const char *type = *r.p ? strchr(types, *r.p) : NULL;

                read_field(&r, type ? (unsigned)MIN(type - types, 2) : 0);
        }
}

FUZZ_TARGET(wire)
{
        const uint8_t *p = data;
        struct wire_reader r;
        size_t left = size;

        while (wire_next(&p, &left, &r) > 0) {
                fuzz_check(p + left == data + size && r.end == p);
                read_as_sent(r);
        }

        if (wire_parse(data, size, &r) < 0) {
                /* the header is in the way of most inputs: try them as a body too */
                struct wire_header h = { WIRE_MAGIC, WIRE_VERSION, 1, 0, (uint32_t)size };
                uint8_t *m = malloc(sizeof(h) + size);

                memcpy(m, &h, sizeof(h));
                if (size > 0)
                        memcpy(m + sizeof(h), data, size);
                if (wire_parse(m, sizeof(h) + size, &r) == 0) {
                        read_as_sent(r);
                        for (unsigned i = 0; i < 16; i++)
                                read_field(&r, size > i ? data[size - 1 - i] : i);
                        fuzz_check(!r.bad || (!wire_more(&r) && wire_get_u32(&r) == 0 && !wire_get_str(&r)));
                }
                free(m);
                return;
        }
        read_as_sent(r);
}
