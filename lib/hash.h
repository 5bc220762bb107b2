/* Hash table from strings to pointers: open addressing, keeps neither keys nor values (the key must live as
 * long as its entry; usually it is a member of the value). Deleting while iterating is allowed for the
 * current entry. Zero-initialise; hash_done() frees the table alone. */
#pragma once

#include "util.h"

struct hash_entry {
        const char *key; /* NULL: free; HASH_TOMB: deleted */
        void *value;
        uint32_t hash;
};

struct hash {
        struct hash_entry *e;
        size_t n, used, cap; /* live entries, live + deleted, slots (power of two) */
};

extern const char HASH_TOMB[];

void hash_done(struct hash *h);
/* Adds or replaces. -ENOMEM. Returns 1 when an entry was replaced (its key pointer too). */
int hash_put(struct hash *h, const char *key, void *value);
void *hash_get(const struct hash *h, const char *key);
/* Removes; returns the value or NULL. */
void *hash_del(struct hash *h, const char *key);
uint32_t hash_string(const char *s);

#define HASHMAP_FOREACH(ent, h)                                                                             \
        for (struct hash_entry *ent = (h)->e; ent && ent < (h)->e + (h)->cap; ent++)                        \
                if (ent->key && ent->key != HASH_TOMB)
