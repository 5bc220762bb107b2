/* hash.c, also against a plain array as the model. */
#include "lib/hash.h"
#include "lib/str.h"
#include "tests/tap.h"

#define N 2000

static void basics(void)
{
        struct hash h = { 0 };
        char key1[] = "key", key2[] = "key";
        int a = 1, b = 2;

        ok(!hash_get(&h, "key") && !hash_del(&h, "key"), "an empty table has nothing");
        HASHMAP_FOREACH (e, &h)
                ok(false, "nothing to iterate over");
        is_int(hash_put(&h, key1, &a), 0, "put");
        ok(hash_get(&h, "key") == &a, "get");
        is_int(hash_put(&h, key2, &b), 1, "put of the same key replaces");
        ok(hash_get(&h, "key") == &b && h.n == 1, "the value");
        HASHMAP_FOREACH (e, &h)
                ok(e->key == key2, "and the key pointer");
        ok(!hash_get(&h, "other"), "another key");
        ok(hash_del(&h, "key") == &b && h.n == 0, "del");
        ok(h.used == 0, "leaves no tomb where no chain goes on");
        is_int(hash_put(&h, "", &a), 0, "the empty string is a key");
        ok(hash_get(&h, "") == &a, "and is found");
        is_int(hash_put(&h, "(deleted)", &b), 0, "so is the text of the tomb");
        ok(hash_get(&h, "(deleted)") == &b, "and is found");
        hash_done(&h);
        ok(!h.e && h.n == 0, "done");
        hash_done(&h);
}

static void model(void)
{
        static char keys[N][12];
        static bool there[N];
        struct hash h = { 0 };
        uint32_t seed = 1;
        size_t count = 0, wrong = 0, seen = 0;

        for (int i = 0; i < N; i++)
                snprintf(keys[i], sizeof(keys[i]), "unit%d", i);
        for (int step = 0; step < 200000; step++) {
                uint32_t i;

                seed = seed * 1664525u + 1013904223u;
                i = (seed >> 8) % N;
                if (seed >> 31) {
                        wrong += hash_put(&h, keys[i], keys[i]) != (there[i] ? 1 : 0);
                        count += !there[i];
                        there[i] = true;
                } else {
                        wrong += hash_del(&h, keys[i]) != (there[i] ? keys[i] : NULL);
                        count -= there[i];
                        there[i] = false;
                }
                wrong += h.n != count || h.used < h.n || h.used * 4 > h.cap * 3;
        }
        for (int i = 0; i < N; i++)
                wrong += hash_get(&h, keys[i]) != (there[i] ? keys[i] : NULL);
        is_int((int64_t)wrong, 0, "200,000 random puts and dels agree with the model");
        ok(h.cap <= 8192, "the table stays small");
        HASHMAP_FOREACH (e, &h) {
                seen++;
                if (seen % 2)
                        hash_del(&h, e->key);
        }
        is_int((int64_t)seen, (int64_t)count,
                "iteration sees each entry once, also when the current one is deleted");
        is_int((int64_t)h.n, (int64_t)(count / 2), "the others stay");
        hash_done(&h);
}

int main(void)
{
        basics();
        model();
        return tap_done();
}
