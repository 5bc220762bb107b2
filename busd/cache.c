/* Answers of PID 1 that are still true: said again without asking.
 *
 * PID 1 keeps a number in a page that we map, and raises it before anything changes that it could tell (init/generation.c).
 * An answer is kept if the number was the same when the question was sent and when the answer had come, and is believed
 * while it is still that: a client that was told that something was done finds another number. What does not live in
 * PID 1, as the counters of control groups, is never kept (the caller's business). */
#include <fcntl.h>
#include <sys/mman.h>

#include "busd.h"
#include "lib/paths.h"

#define KEPT_MAX  256u               /* answers, */
#define BYTES_MAX (2u * 1024 * 1024) /* and what their strings may take */

struct kept {
        struct answer a;
        char *key;
};

static const uint64_t *page;
static struct hash kept;
static uint64_t kept_at; /* the generation of all of them */
static size_t bytes;

void cache_open(void)
{
        _cleanup_close_ int fd = open(ROUSE_GENERATION, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
                log_debug_errno(-errno, "%s: %m; PID 1 is asked each time", ROUSE_GENERATION);
        else
                page = p;
}

uint64_t cache_generation(void)
{
        return page ? __atomic_load_n(page, __ATOMIC_SEQ_CST) : 0;
}

static void forget_all(void)
{
        HASHMAP_FOREACH (e, &kept) {
                struct kept *k = e->value;

                for (size_t i = 0; i < k->a.n; i++)
                        ctl_record_done(&k->a.records[i]);
                free(k->a.records);
                free(k->key);
                free(k);
        }
        hash_done(&kept);
        bytes = 0;
}

char *cache_key(const char *verb, char *const *args, char *const *options)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        strbuf_puts(&b, verb);
        FOREACH_STR (a, args)
                strbuf_printf(&b, "\n%s", *a);
        FOREACH_STR (o, options)
                strbuf_printf(&b, "\t%s", *o);
        return b.failed ? NULL : strbuf_take(&b);
}

const struct answer *cache_find(const char *key)
{
        struct kept *k;

        if (kept.n > 0 && cache_generation() != kept_at)
                forget_all();
        k = hash_get(&kept, key);
        return k ? &k->a : NULL;
}

void cache_keep(char *key, uint64_t generation, struct ctl_record *records, size_t n)
{
        struct kept *k = calloc(1, sizeof(*k));
        size_t size = 0;

        for (size_t i = 0; i < n; i++)
                FOREACH_STR (s, records[i].v)
                        size += strlen(*s) + sizeof(char *);
        if (kept_at != generation || kept.n >= KEPT_MAX || bytes + size > BYTES_MAX)
                forget_all();
        if (k) {
                *k = (struct kept) { { .records = records, .n = n }, key };
                if (size <= BYTES_MAX && !hash_get(&kept, key) && hash_put(&kept, key, k) >= 0) {
                        kept_at = generation;
                        bytes += size;
                        return;
                }
        }
        for (size_t i = 0; i < n; i++)
                ctl_record_done(&records[i]);
        free(records);
        free(key);
        free(k);
}

void cache_done(void)
{
        forget_all();
        if (page)
                (void)munmap((void *)page, sizeof(*page));
        page = NULL;
}
