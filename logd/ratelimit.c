/* RateLimitBurst= messages in RateLimitIntervalSec= from each unit; what is dropped is counted and said. */
#include "logd/logd.h"

#define LIMITS_MAX 4096

static struct limit *limit_get(struct logd *d, const char *unit)
{
        struct limit *l = hash_get(&d->limits, unit);

        if (l || d->limits.n >= LIMITS_MAX)
                return l;
        l = calloc(1, sizeof(*l));
        if (!l || !(l->unit = strdup(unit)) || hash_put(&d->limits, l->unit, l) < 0) {
                if (l)
                        free(l->unit);
                free(l);
                return NULL;
        }
        return l;
}

bool ratelimit_pass(struct logd *d, const struct record *r)
{
        char unit[257];
        struct limit *l;
        usec_t now;

        if (d->config.rate_interval == 0 || d->config.rate_burst == 0 || !r->unit.n || r->pid == 1 ||
                r->unit.n >= sizeof(unit))
                return true;
        memcpy(unit, r->unit.p, r->unit.n);
        unit[r->unit.n] = 0;
        l = limit_get(d, unit);
        if (!l)
                return true;
        now = loop_now(d->loop);
        if (now - l->begin > d->config.rate_interval) {
                unsigned suppressed = l->suppressed;

                l->begin = now;
                l->n = 1;
                l->suppressed = 0;
                if (suppressed)
                        logd_say(d, LOG_WARNING,
                                "%u messages of %s were dropped: more than %u in the interval", suppressed,
                                l->unit, d->config.rate_burst);
                return true;
        }
        if (l->n < d->config.rate_burst) {
                l->n++;
                return true;
        }
        if (l->suppressed++ == 0)
                logd_say(d, LOG_WARNING,
                        "%s logs more than %u messages in the interval; further ones are dropped", l->unit,
                        d->config.rate_burst);
        return false;
}

void ratelimit_free(struct logd *d)
{
        HASHMAP_FOREACH (e, &d->limits) {
                struct limit *l = e->value;

                free(l->unit);
                free(l);
        }
        hash_done(&d->limits);
}
