/* Unit names: what is given out is valid, escaping and paths go both ways. */
#include "lib/str.h"
#include "lib/unitname.h"
#include "tests/fuzz/fuzz.h"

static void escaping(const char *s)
{
        char *escaped = unit_name_escape(s), *back = NULL, *path = NULL;

        fuzz_check(unit_name_unescape(escaped, &back) == 0 && streq(back, s));
        free(back);
        back = NULL;
        free(escaped);
        if (unit_name_path_unescape(s, &path) == 0) {
                fuzz_check(*path == '/' && path_is_normalized(path));
                fuzz_check(unit_name_path_escape(path, &escaped) == 0);
                fuzz_check(unit_name_path_unescape(escaped, &back) == 0 && streq(path, back));
                free(escaped);
                free(back);
                free(path);
        }
}

static void valid_name(const char *s)
{
        char *out = NULL, *again = NULL;

        if (unit_name_template(s, &out) == 0) {
                fuzz_check(unit_name_is_instance(s) && unit_name_is_template(out));
                fuzz_check(unit_name_instance(s, &again) == 0);
                free(again);
                free(out);
        }
        if (unit_name_prefix(s, &out) == 0) {
                fuzz_check(*out && startswith(s, out));
                free(out);
        }
        if (unit_name_change_suffix(s, "automount", &out) == 0) {
                fuzz_check(unit_name_valid(out, true));
                free(out);
        }
        if (unit_name_to_path(s, &out) == 0)
                free(out);
}

FUZZ_TARGET(unitname)
{
        char *s = fuzz_string(data, size), *out;

        if (unit_name_mangle(s, "service", &out) == 0) {
                fuzz_check(unit_name_valid(out, true));
                valid_name(out);
                free(out);
        }
        if (unit_name_from_path(s, "mount", &out) == 0) {
                fuzz_check(unit_name_valid(out, false));
                free(out);
        }
        if (unit_name_replace_instance("a@.service", s, &out) == 0) {
                fuzz_check(unit_name_valid(out, true));
                free(out);
        }
        fuzz_check(!unit_name_valid(s, false) || unit_name_valid(s, true));
        fuzz_check(unit_name_valid(s, true) == (unit_name_valid(s, false) || unit_name_is_template(s)));
        escaping(s);
        valid_name(s);
        free(s);
}
