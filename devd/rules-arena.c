/* Memory of the compiled rules: chunks that are freed together, so that thousands of short strings cost few
 * allocations and no bookkeeping. */
#include "rules-int.h"

void *arena_alloc(struct arena *a, size_t n)
{
        struct chunk *c = a->head;
        void *p;

        n = (n + 7) & ~(size_t)7;
        if (!c || c->size - c->used < n) {
                size_t size = MAX(n, (size_t)64 * 1024 - sizeof(*c));

                c = malloc(sizeof(*c) + size);
                if (!c) {
                        a->failed = true;
                        return NULL;
                }
                *c = (struct chunk) { .next = a->head, .size = size };
                a->head = c;
        }
        p = c->mem + c->used;
        c->used += n;
        return memset(p, 0, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
        char *p = arena_alloc(a, n + 1);

        return p ? memcpy(p, s, n) : NULL;
}

void arena_free(struct arena *a)
{
        struct chunk *c = a->head, *next;

        for (; c; c = next) {
                next = c->next;
                free(c);
        }
        a->head = NULL;
}
