#include <stdarg.h>
#include <stdio.h>

#include "logd/logd.h"

static void complete(struct logd *d, struct record *r)
{
        struct sender *s = NULL;

        if (!r->realtime)
                r->realtime = now_realtime();
        if (!r->monotonic)
                r->monotonic = now_monotonic();
        if (r->transport != TRANSPORT_STDOUT && r->transport != TRANSPORT_KERNEL)
                s = sender_get(d, r->pid);
        if (s && !r->comm.n)
                r->comm = SPAN(s->comm);
        if (s && !r->unit.n && s->unit)
                r->unit = SPAN(s->unit);
        if (!r->identifier.n)
                r->identifier = r->comm;
}

void logd_deliver(struct logd *d, struct record *r, bool to_kmsg, bool to_console)
{
        struct unit_log *l;

        complete(d, r);
        l = unit_log_get(d, r->unit);
        if (l && r->priority > l->level_max)
                return;
        if (r->transport != TRANSPORT_KERNEL && !ratelimit_pass(d, l, r))
                return;
        if (l)
                unit_log_add_fields(l, r);
        if (d->config.storage != STORAGE_NONE && r->priority <= d->config.max_store &&
                ring_append(&d->ring, r, NULL) >= 0)
                disk_note(d, r->priority);
        forward_direct(d, r, to_kmsg, to_console);
        loop_defer(d->loop, &d->after_turn);
}

void logd_say(struct logd *d, int level, const char *fmt, ...)
{
        static bool inside;
        struct record r;
        char text[512];
        va_list ap;

        if (inside)
                return;
        inside = true;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        record_init(&r, TRANSPORT_DRIVER);
        r.priority = level;
        r.pid = getpid();
        r.uid = geteuid();
        r.gid = getegid();
        r.comm = r.identifier = SPAN("rouse-logd");
        r.unit = SPAN(d->unit);
        r.message = SPAN(text);
        logd_deliver(d, &r, false, false);
        inside = false;
}
