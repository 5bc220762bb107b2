/* The hardware database's compiler: what a source says is found again, bad lines are told with their number, and where
 * Debian's compiler is installed, the files are equal byte by byte. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "devd/hwdb-compile.h"
#include "devd/hwdb-trie.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "tests/tap.h"

static char **found;

static int take(const char *key, const char *value, void *data)
{
        return strv_addf(&found, "%s=%s", key, value);
}

static const char *lookup(struct hwdb *h, const char *modalias)
{
        static char *text;

        strv_free(found);
        found = NULL;
        free(text);
        text = NULL;
        (void)hwdb_lookup(h, modalias, take, NULL);
        return text = found ? strv_join(found, " ") : strdup("");
}

static unsigned read_text(struct hwdb_source *s, const char *path, const char *text)
{
        _cleanup_free_ char *copy = strdup(text);
        unsigned before = hwdb_source_problems(s);

        if (hwdb_source_read(s, path, copy) < 0)
                abort();
        return hwdb_source_problems(s) - before;
}

static void test_meaning(void)
{
        struct hwdb_source *s = NULL;
        struct hwdb *h = NULL;
        _cleanup_free_ void *data = NULL;
        size_t size;

        if (hwdb_source_new(&s) < 0)
                abort();
        is_int(read_text(s, "10.hwdb",
                       "# comment\nfoo:bar*\nfoo:baz # note\n A=1 # one\n B=first\n  C= two\n\nfoo:barn\n "
                       "B=second\n D=\n"),
                0, "no problems in a good file");
        is_int(read_text(s, "20.hwdb", "foo:ba[rz]*\n A=later\n"), 0, "no problems in the second");
        ok(hwdb_source_compile(s, &data, &size) == 0, "compiled");
        ok(hwdb_from_memory(data, size, &h) == 0, "the reader takes it");
        is_str(lookup(h, "foo:bar"), "A=later B=first C= two", "a later file wins");
        is_str(lookup(h, "foo:barn"),
                "A=later B=second C= two D=", "a later record wins, an empty value is one");
        is_str(lookup(h, "foo:baz"), "A=later B=first C= two",
                "each pattern of a record has its properties");
        is_str(lookup(h, "foo:b"), "", "part of a pattern is none");
        hwdb_free(h);
        hwdb_source_free(s);
        strv_free(found);
        found = NULL;
}

static void test_problems(void)
{
        static const struct {
                const char *text, *what;
                unsigned problems;
        } cases[] = {
                { "a\n A=1\nb\n B=1\n\nc\n C=1\n",
                        "no empty line before a pattern: ignored up to the next one", 2 },
                { "a\n\n", "no properties", 1 },
                { "a", "no properties at the end of the file", 1 },
                { " A=1\n", "no pattern", 1 },
                { "a\n A\n B=1\n", "no value", 1 },
                { "a\n =1\n B=1\n", "no key", 1 },
                { "a\n A=1\n#x\n B=1\n\n\n\nb\n A=1", "comments and empty lines", 0 },
                { "a\n A=1\n  # x\n B=1\n", "an indented comment is an empty line", 1 },
                { "", "nothing", 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct hwdb_source *s = NULL;

                if (hwdb_source_new(&s) < 0)
                        abort();
                is_int(read_text(s, "bad.hwdb", cases[i].text), cases[i].problems, cases[i].what);
                hwdb_source_free(s);
        }
}

static int run(const char *command)
{
        int status = system(command);

        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_bytes(void)
{
        char dir[] = "/tmp/rouse-hwdb-XXXXXX";
        _cleanup_free_ char *theirs = NULL, *ours = NULL, *command = NULL, *path = NULL;
        size_t n_theirs, n_ours;

        if (!mkdtemp(dir))
                abort();
        command = str_printf("mkdir -p %s/etc/udev/hwdb.d %s/lib/udev; "
                             "if [ -d /lib/udev/hwdb.d ]; then cp -r /lib/udev/hwdb.d %s/lib/udev/; fi; "
                             "printf 'x:*\\ny:ab*\\n A=value\\n B=alue\\n\\ny:ac\\n B=\\n  C = x \\n' > "
                             "%s/etc/udev/hwdb.d/99.hwdb; "
                             "systemd-hwdb --root=%s update",
                dir, dir, dir, dir, dir);
        path = path_join(dir, "etc/udev/hwdb.bin");
        if (run("command -v systemd-hwdb >/dev/null") != 0)
                printf("# systemd-hwdb is not installed: not compared (the guests' tests do)\n");
        else if (ok(run(command) == 0, "systemd-hwdb compiles")) {
                ok(read_file(path, 1 << 28, &theirs, &n_theirs) == 0 && unlink(path) == 0, "theirs is read");
                ok(hwdb_update(dir, false, true) == 0, "ours is made");
                ok(read_file(path, 1 << 28, &ours, &n_ours) == 0, "ours is read");
                is_int((int64_t)n_ours, (int64_t)n_theirs, "as long");
                ok(ours && theirs && n_ours == n_theirs && memcmp(ours, theirs, n_ours) == 0,
                        "and the same bytes");
        }
        free(command);
        command = str_printf("rm -rf %s", dir);
        (void)run(command);
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        test_meaning();
        test_problems();
        test_bytes();
        return tap_done();
}
