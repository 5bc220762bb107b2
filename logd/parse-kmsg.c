/* Records of /dev/kmsg: "priority,sequence,µs,flags[,…];text" LF, then continuation lines " KEY=value". */
#include "logd/record.h"

static int number(const char **p, const char *end, uint64_t *ret)
{
        uint64_t v = 0;
        const char *s = *p;

        for (; s < end && *s >= '0' && *s <= '9'; s++) {
                if (v > UINT64_MAX / 10 - 1)
                        return -EBADMSG;
                v = v * 10 + (uint64_t)(*s - '0');
        }
        if (s == *p || s == end)
                return -EBADMSG;
        *p = s;
        *ret = v;
        return 0;
}

/* Lines that user space wrote begin with "name[pid]: ". */
static void take_tag(struct record *r)
{
        struct record tmp;
        uint32_t pid = RING_NO_ID;

        record_init(&tmp, TRANSPORT_KERNEL);
        syslog_parse(r->message.p, r->message.n, &tmp, &pid);
        if (!tmp.identifier.n)
                return;
        r->identifier = tmp.identifier;
        r->message = tmp.message;
        r->pid = pid;
}

int kmsg_parse(const char *data, size_t len, struct record *r)
{
        const char *p = data, *end = data + len, *text, *nl;
        uint64_t priority, seq, usec;

        if (number(&p, end, &priority) < 0 || *p++ != ',' || number(&p, end, &seq) < 0 || *p++ != ',' ||
                number(&p, end, &usec) < 0 || usec > INT64_MAX)
                return -EBADMSG;
        text = memchr(p, ';', end - p);
        if (!text)
                return -EBADMSG;
        text++;
        nl = memchr(text, '\n', end - text);
        r->message = (struct span) { text, (nl ?: end) - text };
        r->priority = priority & 7;
        r->facility = priority >> 3 & 0x1f;
        r->monotonic = usec;
        r->identifier = SPAN("kernel");
        if (r->facility != 0)
                take_tag(r);
        return 0;
}
