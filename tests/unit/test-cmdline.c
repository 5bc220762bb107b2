/* cmdline.c: the kernel command line. */
#include "lib/cmdline.h"
#include "lib/str.h"
#include "tests/tap.h"

int main(void)
{
        static const struct {
                const char *in, *want;
        } splits[] = {
                { "", "" },
                { "\n", "" },
                { "root=/dev/vda1 ro quiet\n", "root=/dev/vda1|ro|quiet" },
                { "  a   b\t", "a|b" },
                { "x=\"a b\" y", "x=a b|y" },
                { "\"x=a b\" y", "x=a b|y" },
                { "x=\"open end", "x=open end" },
                { "it's 'a b'", "it's|'a|b'" },
                { "\"\"", "" },
        };
        static const char line[] =
                "root=UUID=x ro rd.break Systemd=1 rouse.log_level=debug a=1 a=2 b c=no d=maybe e= "
                "systemd.unit=rescue.target";
        _cleanup_strv_ char **w = NULL, **real = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(splits); i++) {
                _cleanup_strv_ char **v = NULL;
                _cleanup_free_ char *s = NULL;

                is_int(cmdline_split(splits[i].in, &v), 0, "split");
                s = strv_join(v, "|");
                is_str(s, splits[i].want, "words");
        }
        cmdline_split(line, &w);
        is_str(cmdline_get(w, "root"), "UUID=x", "value up to the first =");
        is_str(cmdline_get(w, "ro"), "", "bare key");
        is_str(cmdline_get(w, "roo"), NULL, "a prefix is no match");
        is_str(cmdline_get(w, "none"), NULL, "absent");
        is_str(cmdline_get(w, "a"), "2", "the last one counts");
        is_str(cmdline_get(w, "rouse.log-level"), "debug", "- and _ are equal");
        is_str(cmdline_get(NULL, "a"), NULL, "no words at all");
        is_int(cmdline_bool(w, "b", false), true, "bare is true");
        is_int(cmdline_bool(w, "c", true), false, "no");
        is_int(cmdline_bool(w, "a", false), false, "2 is no boolean: the default");
        is_int(cmdline_bool(w, "d", true), true, "maybe is no boolean: the default");
        is_int(cmdline_bool(w, "e", false), false, "empty value: the default");
        is_int(cmdline_bool(w, "zzz", true), true, "absent: the default");
        is_int(cmdline_read(&real), 0, "/proc/cmdline can be read");
        return tap_done();
}
