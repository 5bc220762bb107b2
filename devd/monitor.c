/* Messages for libudev's monitors: see monitor.h. */
#include "monitor.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include "lib/log.h"

#define GROUP_UDEV 2

struct monitor {
        int fd;
};

uint32_t monitor_hash(const char *s)
{
        const uint32_t mul = 0x5bd1e995;
        size_t len = strlen(s);
        uint32_t h = (uint32_t)len;

        for (; len >= 4; s += 4, len -= 4) {
                uint32_t k;

                memcpy(&k, s, sizeof(k));
                k *= mul;
                k ^= k >> 24;
                k *= mul;
                h *= mul;
                h ^= k;
        }
        if (len > 2)
                h ^= (uint32_t)(uint8_t)s[2] << 16;
        if (len > 1)
                h ^= (uint32_t)(uint8_t)s[1] << 8;
        if (len > 0) {
                h ^= (uint8_t)s[0];
                h *= mul;
        }
        h ^= h >> 13;
        h *= mul;
        h ^= h >> 15;
        return h;
}

uint64_t monitor_tag_bloom(char *const *tags)
{
        uint64_t bits = 0;

        FOREACH_STR (t, tags) {
                uint32_t h = monitor_hash(*t);

                bits |= UINT64_C(1) << (h & 63) | UINT64_C(1) << (h >> 6 & 63) |
                        UINT64_C(1) << (h >> 12 & 63) | UINT64_C(1) << (h >> 18 & 63);
        }
        return bits;
}

/* ---- properties, one call for each ---- */

typedef int (*put_fn)(void *to, const char *key, const char *value);

/* These come from the device's own fields, whatever its property list says. */
static bool is_derived(const char *key)
{
        static const char *const keys[] = { "ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM", "DEVNAME",
                "DEVLINKS", "TAGS", "CURRENT_TAGS", "USEC_INITIALIZED" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (streq(key, keys[i]))
                        return true;
        return false;
}

static int put_list(
        put_fn put, void *to, const char *key, char *const *v, const char *before, const char *after)
{
        _cleanup_strbuf_ struct strbuf b = {};

        if (!v || !v[0])
                return 0;
        if (streq(after, ":"))
                strbuf_puts(&b, ":");
        FOREACH_STR (i, v) {
                strbuf_puts(&b, before);
                strbuf_puts(&b, *i);
                if (i[1] || streq(after, ":"))
                        strbuf_puts(&b, after);
        }
        return b.failed ? -ENOMEM : put(to, key, b.s);
}

static int put_number(put_fn put, void *to, const char *key, uint64_t n)
{
        char buf[32];

        snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
        return put(to, key, buf);
}

static int each_property(struct device *d, put_fn put, void *to)
{
        int r = put(to, "ACTION", d->action ?: "change");

        if (r >= 0)
                r = put(to, "DEVPATH", d->devpath);
        if (r >= 0 && d->subsystem)
                r = put(to, "SUBSYSTEM", d->subsystem);
        if (r >= 0 && d->devnode)
                r = put(to, "DEVNAME", d->devnode);
        for (size_t i = 0; i < d->n_props && r >= 0; i++)
                if (!is_derived(d->props[i].key) && *d->props[i].value)
                        r = put(to, d->props[i].key, d->props[i].value);
        if (r >= 0)
                r = put_number(put, to, "SEQNUM", MAX(d->seqnum, (uint64_t)1));
        if (r >= 0 && d->usec_initialized)
                r = put_number(put, to, "USEC_INITIALIZED", (uint64_t)d->usec_initialized);
        if (r >= 0 && d->devnode)
                r = put_list(put, to, "DEVLINKS", d->links, "/dev/", " ");
        if (r >= 0)
                r = put_list(put, to, "TAGS", d->tags_all, "", ":");
        if (r >= 0)
                r = put_list(put, to, "CURRENT_TAGS", d->tags_current, "", ":");
        return r;
}

static int put_env(void *to, const char *key, const char *value)
{
        return strv_addf(to, "%s=%s", key, value);
}

char **monitor_environment(struct device *d)
{
        char **env = NULL;

        if (each_property(d, put_env, &env) >= 0)
                return env;
        strv_free(env);
        return NULL;
}

static int put_block(void *to, const char *key, const char *value)
{
        struct strbuf *b = to;

        strbuf_puts(b, key);
        strbuf_putc(b, '=');
        strbuf_puts(b, value);
        return strbuf_add(b, "", 1);
}

int monitor_format(struct device *d, struct strbuf *b)
{
        struct monitor_header h = {
                .prefix = "libudev",
                .magic = htonl(0xfeedcafe),
                .header_size = sizeof(h),
                .properties_off = sizeof(h),
        };
        uint64_t bloom = monitor_tag_bloom(d->tags_all);
        int r;

        h.subsystem_hash = d->subsystem ? htonl(monitor_hash(d->subsystem)) : 0;
        h.devtype_hash = d->devtype ? htonl(monitor_hash(d->devtype)) : 0;
        h.tag_bloom_hi = htonl((uint32_t)(bloom >> 32));
        h.tag_bloom_lo = htonl((uint32_t)bloom);
        r = strbuf_add(b, &h, sizeof(h));
        if (r >= 0)
                r = put_block(b, "UDEV_DATABASE_VERSION", "1");
        if (r >= 0)
                r = each_property(d, put_block, b);
        if (r < 0 || b->failed)
                return r < 0 ? r : -ENOMEM;
        if (b->len > MONITOR_MAX)
                return -E2BIG;
        h.properties_len = (uint32_t)(b->len - sizeof(h));
        memcpy(b->s, &h, sizeof(h));
        return 0;
}

int monitor_new(struct monitor **ret)
{
        struct monitor *mon = calloc(1, sizeof(*mon));
        int size = 4 * 1024 * 1024;

        if (!mon)
                return -ENOMEM;
        mon->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (mon->fd < 0) {
                free(mon);
                return -errno;
        }
        (void)setsockopt(mon->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        *ret = mon;
        return 0;
}

void monitor_free(struct monitor *mon)
{
        if (!mon)
                return;
        close_fd(mon->fd);
        free(mon);
}

int monitor_send(struct monitor *mon, struct device *d)
{
        _cleanup_strbuf_ struct strbuf b = {};
        struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = GROUP_UDEV };
        int r;

        if (!d->subsystem)
                return 0;
        r = monitor_format(d, &b);
        if (r < 0)
                return log_warning_errno(r, "%s: libudev clients are not told: %m", d->syspath);
        if (sendto(mon->fd, b.s, b.len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) >= 0)
                return 0;
        /* Nobody listens, or one who did was too slow and has been told so. */
        if (errno == ECONNREFUSED || errno == ENOBUFS || errno == EAGAIN)
                return 0;
        return log_warning_errno(-errno, "%s: libudev clients are not told: %m", d->syspath);
}
