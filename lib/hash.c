/* Linear probing over a power of two; at most three quarters of the slots are ever in use. */
#include "hash.h"

const char HASH_TOMB[] = "(deleted)";

uint32_t hash_string(const char *s)
{
        uint32_t h = 2166136261u;

        for (; *s; s++)
                h = (h ^ (unsigned char)*s) * 16777619u;
        /* FNV's low bits are its weak ones, and the low bits choose the slot. */
        h ^= h >> 15;
        h *= 0x85ebca6bu;
        return h ^ h >> 13;
}

void hash_done(struct hash *h)
{
        free(h->e);
        *h = (struct hash) { 0 };
}

static struct hash_entry *find(const struct hash *h, const char *key, uint32_t hash)
{
        if (h->cap == 0)
                return NULL;
        for (size_t i = hash & (h->cap - 1);; i = (i + 1) & (h->cap - 1)) {
                struct hash_entry *e = h->e + i;

                if (!e->key)
                        return NULL;
                if (e->key != HASH_TOMB && e->hash == hash && streq(e->key, key))
                        return e;
        }
}

/* The first free slot for hash in a table without tombs or with: a tomb is taken again. */
static struct hash_entry *find_free(const struct hash *h, uint32_t hash)
{
        size_t i = hash & (h->cap - 1);

        while (h->e[i].key && h->e[i].key != HASH_TOMB)
                i = (i + 1) & (h->cap - 1);
        return h->e + i;
}

/* Makes room for one more, dropping the tombs. */
static int grow(struct hash *h)
{
        struct hash bigger = { .n = h->n, .used = h->n, .cap = 16 };

        if ((h->used + 1) * 4 <= h->cap * 3)
                return 0;
        while ((h->n + 1) * 2 > bigger.cap)
                bigger.cap *= 2;
        bigger.e = calloc(bigger.cap, sizeof(struct hash_entry));
        if (!bigger.e)
                return -ENOMEM;
        HASHMAP_FOREACH (e, h)
                *find_free(&bigger, e->hash) = *e;
        free(h->e);
        *h = bigger;
        return 0;
}

int hash_put(struct hash *h, const char *key, void *value)
{
        uint32_t hash = hash_string(key);
        struct hash_entry *e = find(h, key, hash);
        int r;

        if (e) {
                e->key = key;
                e->value = value;
                return 1;
        }
        r = grow(h);
        if (r < 0)
                return r;
        e = find_free(h, hash);
        if (!e->key)
                h->used++;
        h->n++;
        *e = (struct hash_entry) { key, value, hash };
        return 0;
}

void *hash_get(const struct hash *h, const char *key)
{
        struct hash_entry *e = h->n > 0 ? find(h, key, hash_string(key)) : NULL;

        return e ? e->value : NULL;
}

void *hash_del(struct hash *h, const char *key)
{
        struct hash_entry *e = h->n > 0 ? find(h, key, hash_string(key)) : NULL;
        void *value;
        size_t i;

        if (!e)
                return NULL;
        value = e->value;
        *e = (struct hash_entry) { .key = HASH_TOMB };
        h->n--;
        /* No chain goes on behind us: our tomb, and those before it, are free slots again. */
        i = (size_t)(e - h->e);
        if (h->e[(i + 1) & (h->cap - 1)].key)
                return value;
        for (; h->e[i].key == HASH_TOMB; i = (i - 1) & (h->cap - 1)) {
                h->e[i].key = NULL;
                h->used--;
        }
        return value;
}
