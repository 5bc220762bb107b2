/* strv.c: string lists and environment lists. */
#include "lib/str.h"
#include "tests/tap.h"

/* The list joined by "|", as the lists in the expectations below. */
static void is_list(char *const *v, const char *want, const char *what)
{
        char *s = strv_join(v, "|");

        is_str(s, want, what);
        free(s);
}

static void lists(void)
{
        _cleanup_strv_ char **v = NULL, **copy = NULL, **more = NULL;

        is_int((int64_t)strv_len(NULL), 0, "NULL is the empty list");
        ok(!strv_contains(NULL, "a"), "which contains nothing");
        strv_remove(NULL, "a");
        strv_sort(NULL);
        strv_free(NULL);
        strv_add(&v, "c");
        strv_addf(&v, "%c%d", 'a', 1);
        strv_push(&v, strdup("b"));
        strv_add_unique(&v, "b");
        is_list(v, "c|a1|b", "add, addf, push, add_unique");
        is_int(strv_push(&v, NULL), -ENOMEM, "a NULL pushed is a failed strdup");
        ok(strv_contains(v, "a1") && !strv_contains(v, "a"), "contains");
        strv_sort(v);
        is_list(v, "a1|b|c", "sort");
        copy = strv_copy(v);
        is_list(copy, "a1|b|c", "copy");
        more = strv_split("x y", " ");
        strv_extend(&copy, more);
        strv_extend(&copy, NULL);
        is_list(copy, "a1|b|c|x|y", "extend");
        strv_add(&v, "b");
        strv_remove(v, "b");
        is_list(v, "a1|c", "remove takes all of them");
        strv_remove(v, "a1");
        strv_remove(v, "c");
        is_list(v, "", "down to none");
        strv_extend(&v, more);
        is_list(v, "x|y", "extending an emptied list");
}

static void splitting(void)
{
        static const struct {
                const char *s, *seps, *want;
        } cases[] = {
                { "a:b:c", ":", "a|b|c" },
                { "", ":", "" },
                { ":::", ":", "" },
                { ":a::b:", ":", "a|b" },
                { "a b,c", " ,", "a|b|c" },
                { "abc", ":", "abc" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_strv_ char **v = strv_split(cases[i].s, cases[i].seps);

                is_list(v, cases[i].want, cases[i].s);
        }
}

static void environment(void)
{
        _cleanup_strv_ char **env = NULL;

        strv_env_set(&env, "A=1");
        strv_env_set(&env, "AB=2");
        strv_env_set(&env, "A=3=4");
        is_list(env, "A=3=4|AB=2", "set replaces by key");
        is_int(strv_env_set(&env, "novalue"), -EINVAL, "no =");
        is_int(strv_env_set(&env, "=x"), -EINVAL, "no key");
        is_str(strv_env_get(env, "A"), "3=4", "get");
        is_str(strv_env_get(env, "B"), NULL, "get of none");
        is_str(strv_env_get(NULL, "A"), NULL, "get from the empty list");
        strv_env_unset(env, "A=x");
        is_list(env, "A=3=4|AB=2", "unset with another value does nothing");
        strv_env_unset(env, "AB=2");
        is_list(env, "A=3=4", "unset of the very assignment");
        strv_env_unset(env, "A");
        is_list(env, "", "unset by key");
        strv_env_unset(NULL, "A");
}

int main(void)
{
        lists();
        splitting();
        environment();
        return tap_done();
}
