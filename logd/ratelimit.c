/* So many messages in an interval from each unit, and no more (RateLimitIntervalSec=, RateLimitBurst=, or what the unit
 * itself says); what is dropped is counted and said. */
#include "logd/logd.h"

bool ratelimit_pass(struct logd *d, struct unit_log *l, const struct record *r)
{
        usec_t now;

        if (!l || l->rate_interval == 0 || l->rate_burst == 0 || r->pid == 1)
                return true;
        now = loop_now(d->loop);
        if (now - l->begin > l->rate_interval) {
                unsigned suppressed = l->suppressed;

                l->begin = now;
                l->n = 1;
                l->suppressed = 0;
                if (suppressed)
                        logd_say(d, LOG_WARNING,
                                "%u messages of %s were dropped: more than %u in the interval", suppressed,
                                l->unit, l->rate_burst);
                return true;
        }
        if (l->n < l->rate_burst) {
                l->n++;
                return true;
        }
        if (l->suppressed++ == 0)
                logd_say(d, LOG_WARNING,
                        "%s logs more than %u messages in the interval; further ones are dropped", l->unit,
                        l->rate_burst);
        return false;
}
