/* hwdb: properties from the hardware database, by the modalias of the device or of its parents. */
#include <fnmatch.h>
#include <stdio.h>

#include "builtin.h"
#include "hwdb-trie.h"

struct query {
        struct device *d;
        const char *filter, *prefix;
        unsigned found;
};

static int take(const char *key, const char *value, void *data)
{
        struct query *q = data;

        if (q->filter && fnmatch(q->filter, key, FNM_NOESCAPE) != 0)
                return 0;
        q->found++;
        return builtin_add(q->d, key, value);
}

static int look_up(struct query *q, const char *modalias)
{
        struct hwdb *h = hwdb_shared();
        char text[4096];

        if (!h)
                return -ENOENT;
        if (q->prefix) {
                if (snprintf(text, sizeof(text), "%s%s", q->prefix, modalias) >= (int)sizeof(text))
                        return 0;
                modalias = text;
        }
        return hwdb_lookup(h, modalias, take, q);
}

/* USB devices have no modalias, only their interfaces do: made from what there is. */
static const char *usb_modalias(struct device *d, char *buf, size_t size)
{
        const char *v = device_attr(d, "idVendor"), *p = device_attr(d, "idProduct"),
                   *name = device_attr(d, "product");

        if (!v || !p)
                return NULL;
        snprintf(buf, size, "usb:v%04lXp%04lX:%s", strtoul(v, NULL, 16), strtoul(p, NULL, 16),
                name ? name : "");
        return buf;
}

static int search_chain(struct query *q, struct device *from, const char *subsystem)
{
        char buf[4096];
        bool last = false;
        int r;

        for (struct device *d = from; d && !last; d = device_parent_lazy(d)) {
                const char *s = device_subsystem(d), *modalias;

                if (!s || (subsystem && !streq(s, subsystem)))
                        continue;
                modalias = device_prop(d, "MODALIAS");
                if (streq(s, "usb") && streq_null(device_devtype(d), "usb_device")) {
                        if (!modalias)
                                modalias = usb_modalias(d, buf, sizeof(buf));
                        last = true; /* never the hub's */
                }
                if (!modalias)
                        continue;
                r = look_up(q, modalias);
                if (r < 0)
                        return r;
                if (q->found)
                        return 0;
        }
        return 0;
}

static const char *option(const char *arg, const char *name)
{
        const char *v = startswith(arg, name);

        return v && *v == '=' ? v + 1 : NULL;
}

int builtin_hwdb(struct device *d, struct rules_event *e, int argc, char **argv)
{
        _cleanup_device_ struct device *other = NULL;
        const char *subsystem = NULL, *device = NULL, *modalias = NULL, *v;
        struct query q = { .d = d };
        int r;

        for (int i = 1; i < argc; i++) {
                if ((v = option(argv[i], "--filter")))
                        q.filter = v;
                else if ((v = option(argv[i], "--device")))
                        device = v;
                else if ((v = option(argv[i], "--subsystem")))
                        subsystem = v;
                else if ((v = option(argv[i], "--lookup-prefix")))
                        q.prefix = v;
                else if (argv[i][0] == '-' && argv[i][1] && strchr("fdsp", argv[i][1]) && !argv[i][2] &&
                         i + 1 < argc) {
                        const char **at = argv[i][1] == 'f'   ? &q.filter
                                          : argv[i][1] == 'd' ? &device
                                          : argv[i][1] == 's' ? &subsystem
                                                              : &q.prefix;
                        *at = argv[++i];
                } else if (argv[i][0] != '-')
                        modalias = argv[i];
        }
        if (modalias)
                r = look_up(&q, modalias);
        else if (device)
                r = device_from_id(device, &other) < 0 ? -ENODEV : search_chain(&q, other, subsystem);
        else
                r = search_chain(&q, d, subsystem);
        if (r < 0)
                return r;
        return q.found ? 0 : -ENODATA;
}
