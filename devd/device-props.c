/* What an event adds to a device: properties, tags, links. */
#include <ctype.h>

#include "device.h"
#include "lib/hash.h"

#define MAX_PROPS 4096 /* more than any real device; a bound for what programs print */

/* --- properties ------------------------------------------------------------------------------------- */

static struct prop *find_prop(const struct device *d, const char *key, uint32_t hash)
{
        for (size_t i = 0; i < d->n_props; i++)
                if (d->props[i].hash == hash && streq(d->props[i].key, key))
                        return &d->props[i];
        return NULL;
}

const char *device_prop_hashed(struct device *d, const char *key, uint32_t hash)
{
        const struct prop *p;

        if (!d->uevent_known)
                (void)device_complete(d);
        p = find_prop(d, key, hash);
        return p ? p->value : NULL;
}

const char *device_prop(struct device *d, const char *key)
{
        return device_prop_hashed(d, key, hash_string(key));
}

static void drop_prop(struct device *d, struct prop *p)
{
        free(p->key);
        memmove(p, p + 1, (size_t)(d->props + d->n_props - (p + 1)) * sizeof(*p));
        d->n_props--;
}

static struct prop *append_prop(struct device *d)
{
        if (d->n_props >= MAX_PROPS)
                return NULL;
        if (!(d->n_props & (d->n_props - 1)) && (d->n_props == 0 || d->n_props >= 32)) {
                size_t n = d->n_props ? d->n_props * 2 : 32;
                struct prop *v = realloc(d->props, n * sizeof(*v));

                if (!v)
                        return NULL;
                d->props = v;
        }
        return &d->props[d->n_props++];
}

int device_store_prop(struct device *d, const char *key, size_t lk, const char *value, bool from_kernel)
{
        size_t lv = strlen(value);
        char *mem = malloc(lk + lv + 2);
        struct prop *p;
        uint32_t h;

        if (!mem)
                return -ENOMEM;
        memcpy(mem, key, lk);
        mem[lk] = 0;
        memcpy(mem + lk + 1, value, lv + 1);
        h = hash_string(mem);
        p = find_prop(d, mem, h);
        if (p) {
                free(p->key);
        } else if (!(p = append_prop(d))) {
                free(mem);
                return -ENOMEM;
        }
        *p = (struct prop) { .key = mem,
                .value = mem + lk + 1,
                .hash = h,
                .from_kernel = from_kernel,
                .dot = mem[0] == '.' };
        return 0;
}

int device_set_prop(struct device *d, const char *key, const char *value)
{
        struct prop *p;

        if (str_empty(key) || strchr(key, '='))
                return -EINVAL;
        if (value)
                return device_store_prop(d, key, strlen(key), value, false);
        p = find_prop(d, key, hash_string(key));
        if (p)
                drop_prop(d, p);
        return 0;
}

/* --- tags and links --------------------------------------------------------------------------------- */

static bool valid_tag(const char *t)
{
        if (!*t)
                return false;
        for (; *t; t++)
                if (!isalnum((unsigned char)*t) && *t != '_' && *t != '-')
                        return false;
        return true;
}

int device_add_tag(struct device *d, const char *tag)
{
        int r;

        if (!valid_tag(tag))
                return -EINVAL;
        r = strv_add_unique(&d->tags_all, tag);
        return r < 0 ? r : strv_add_unique(&d->tags_current, tag);
}

void device_remove_tag(struct device *d, const char *tag)
{
        if (d->tags_current)
                strv_remove(d->tags_current, tag);
}

bool device_has_tag(const struct device *d, const char *tag)
{
        return strv_contains(d->tags_current, tag);
}

int device_add_link(struct device *d, const char *link)
{
        const char *rest = path_startswith(link, "/dev");

        if (rest)
                link = rest;
        if (!*link || *link == '/' || !path_is_normalized(link))
                return -EINVAL;
        return strv_add_unique(&d->links, link);
}
