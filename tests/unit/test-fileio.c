/* fileio.c, conffiles.c, envfile.c, in a directory of their own. */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/str.h"
#include "tests/tap.h"

static void write_text(const char *path, const char *text)
{
        if (mkdir_parents(path, 0755) < 0 || write_file_atomic(path, text, strlen(text), 0644, false) < 0)
                printf("Bail out! cannot write %s\n", path);
}

static void reading(void)
{
        char *s = NULL, big[10000];
        size_t n = 0;
        int dir;

        write_text("r/hello", "hello\nworld\n");
        is_int(read_file("r/hello", 0, &s, &n), 0, "read_file");
        is_str(s, "hello\nworld\n", "its text");
        is_int((int64_t)n, 12, "its length");
        free(s);
        s = NULL;
        is_int(read_file("r/hello", 12, &s, NULL), 0, "of exactly the limit");
        free(s);
        s = NULL;
        is_int(read_file("r/hello", 11, &s, NULL), -E2BIG, "longer than the limit");
        is_int(read_file("r/none", 0, &s, NULL), -ENOENT, "no such file");
        is_int(read_file("r", 0, &s, NULL), -EISDIR, "a directory");
        ok(!s, "out-parameter untouched");
        is_int(read_file("/proc/self/status", 0, &s, &n), 0, "a /proc file");
        ok(n > 100 && n == strlen(s), "has a text");
        free(s);
        s = NULL;
        is_int(read_file("/proc/self/status", 10, &s, &n), -E2BIG, "a /proc file beyond the limit");
        is_int(read_one_line("r/hello", &s), 0, "read_one_line");
        is_str(s, "hello", "the line");
        free(s);
        write_text("r/empty", "");
        is_int(read_file("r/empty", 0, &s, &n), 0, "an empty file");
        ok(n == 0 && streq(s, ""), "is empty");
        free(s);
        dir = open("r", O_PATH | O_DIRECTORY | O_CLOEXEC);
        is_int(read_file_at(dir, "hello", 0, &s, NULL), 0, "relative to a directory");
        free(s);
        is_int(write_attr_at(dir, "hello", "HE"), 0, "write_attr_at");
        is_int(write_attr_at(dir, "none", "x"), -ENOENT, "makes no file");
        close(dir);
        is_int(read_file("r/hello", 0, &s, NULL), 0, "read again");
        is_str(s, "HEllo\nworld\n", "written in place");
        free(s);
        memset(big, 'b', sizeof(big));
        write_file_atomic("r/big", big, sizeof(big), 0600, true);
        is_int(read_file("r/big", 0, &s, &n), 0, "a larger file");
        ok(n == sizeof(big) && memcmp(s, big, n) == 0, "whole");
        free(s);
        s = NULL;
        mkfifo("r/fifo", 0600);
        is_int(read_file("r/fifo", 0, &s, &n), 0, "a FIFO without writer does not block");
        free(s);
}

static void writing(void)
{
        struct stat st;
        char *s = NULL;

        umask(077);
        is_int(write_file_atomic("w", "one", 3, 0644, false), 0, "write_file_atomic");
        umask(022);
        ok(stat("w", &st) == 0 && (st.st_mode & 07777) == 0644, "with the mode, whatever the umask");
        is_int(write_file_atomic("w", "two", 3, 0600, true), 0, "over it");
        is_int(read_one_line("w", &s), 0, "read");
        is_str(s, "two", "replaced");
        free(s);
        is_int(write_file_atomic("none/w", "x", 1, 0600, false), -ENOENT, "no such directory");
        mkdir("wd", 0755);
        is_int(write_file_atomic("wd", "x", 1, 0600, false), -EISDIR, "over a directory");
        is_int(symlink_atomic("target", "link"), 0, "symlink_atomic");
        is_int(symlink_atomic("target2", "link"), 0, "over it");
        is_int(readlink_alloc("link", &s), 0, "readlink");
        is_str(s, "target2", "replaced");
        free(s);
        is_int(symlink_atomic("t", "wd"), -EISDIR, "over a directory");
        is_int(readlink_alloc("w", &s), -EINVAL, "readlink of a file");
}

static void put(const char *path, int64_t age)
{
        int64_t then = now_realtime() / USEC_PER_SEC - age;
        const struct timespec times[2] = { { .tv_sec = then }, { .tv_sec = then } };

        write_file_atomic(path, "", 0, 0644, false);
        (void)utimensat(AT_FDCWD, path, times, 0);
}

static void left_behind(void)
{
        put(".#imgffff0123456789ab", 3600);
        put(".#imgffff0123456789ac", 10);
        put(".#image", 3600);
        put(".#img", 3600);
        remove_left_temporaries("img");
        ok(access(".#imgffff0123456789ab", F_OK) < 0, "what a killed writer left is removed");
        ok(access(".#imgffff0123456789ac", F_OK) == 0, "one that may still be at it keeps its own");
        ok(access(".#image", F_OK) == 0 && access(".#img", F_OK) == 0, "and other files stay");
}

static void directories(void)
{
        struct stat st;

        is_int(mkdir_p("d/e/f", 0750), 0, "mkdir_p");
        ok(stat("d/e", &st) == 0 && (st.st_mode & 07777) == 0750, "mode of what is between");
        is_int(mkdir_p("d/e/f/", 0750), 0, "is there already");
        is_int(mkdir_p("d//g///h", 0755), 0, "many slashes");
        ok(access("d/g/h", F_OK) == 0, "made");
        is_int(mkdir_p("/", 0755), 0, "the root");
        is_int(mkdir_p("w", 0755), -ENOTDIR, "a file is in its place");
        is_int(mkdir_p("w/x", 0755), -ENOTDIR, "a file is in the way");
        is_int(mkdir_parents("p/q/file", 0755), 0, "mkdir_parents");
        ok(access("p/q", F_OK) == 0 && access("p/q/file", F_OK) != 0, "all but the last");
        is_int(mkdir_parents("file", 0755), 0, "nothing to make");
        is_int(mkdir_parents("/file", 0755), 0, "nor below the root");
}

static void hidden(void)
{
        static const char *const skip[] = { ".x", "x~", "x.dpkg-new", "x.rpmsave", "x.ucf-dist",
                "lost+found", "x.bak" };
        static const char *const keep[] = { "x", "x.conf", "dpkg-new.conf", "~x" };

        for (size_t i = 0; i < ARRAY_SIZE(skip); i++)
                ok(hidden_or_backup_file(skip[i]), skip[i]);
        for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
                ok(!hidden_or_backup_file(keep[i]), keep[i]);
}

static void conf_files(void)
{
        static const char *const dirs[] = { "/etc/x.d", "/run/x.d", "/usr/lib/x.d", NULL };
        _cleanup_strv_ char **v = NULL;
        _cleanup_free_ char *s = NULL;

        write_text("root/etc/x.d/50-both.conf", "x");
        write_text("root/usr/lib/x.d/50-both.conf", "x");
        write_text("root/usr/lib/x.d/10-first.conf", "x");
        write_text("root/etc/x.d/90-last.conf", "x");
        write_text("root/usr/lib/x.d/20-masked.conf", "x");
        write_text("root/usr/lib/x.d/30-emptied.conf", "x");
        write_text("root/etc/x.d/30-emptied.conf", "");
        write_text("root/etc/x.d/40-old.conf.dpkg-old", "x");
        write_text("root/etc/x.d/.hidden.conf", "x");
        write_text("root/etc/x.d/README", "x");
        mkdir_p("root/etc/x.d/60-dir.conf", 0755);
        symlink_atomic("/dev/null", "root/etc/x.d/20-masked.conf");
        symlink_atomic("nowhere", "root/etc/x.d/70-dangling.conf");
        write_text("root/usr/lib/x.d/70-dangling.conf", "x");
        is_int(conf_files_list("root", (char *const *)dirs, ".conf", &v), 0, "conf_files_list");
        s = strv_join(v, " ");
        is_str(s,
                "root/usr/lib/x.d/10-first.conf root/etc/x.d/50-both.conf root/usr/lib/x.d/70-dangling.conf "
                "root/etc/x.d/90-last.conf",
                "sorted by name, masked and shadowed left out");
        strv_free(v);
        v = NULL;
        is_int(conf_files_list("none", (char *const *)dirs, ".conf", &v), 0, "no directories at all");
        ok(v && !*v, "an empty list");
}

static struct strbuf env;

static int remember(const char *key, const char *value, void *data)
{
        if (streq(key, "STOP"))
                return -ECANCELED;
        strbuf_printf(&env, "%s=%s|", key, value);
        return 0;
}

static void env_files(void)
{
        static const struct {
                const char *text, *want;
                int r;
        } cases[] = {
                { "", "", 0 },
                { "A=1\nB=two words \n", "A=1|B=two words|", 0 },
                { "# c\n; c\n\n A = x\n", "A=x|", 0 },
                { "A=\"a b\"\nB='c \"d\" \\e'\n", "A=a b|B=c \"d\" \\e|", 0 },
                { "A=\"q\\\"q \\$x \\n\"\n", "A=q\"q $x \\n|", 0 },
                { "A=a\\ b\\\nc\nB=2", "A=a bc|B=2|", 0 },
                { "A='line\nline'\nB=1", "A=line\nline|B=1|", 0 },
                { "A=x\"y\"'z'", "A=xyz|", 0 },
                { "A=\" kept \"  \n", "A= kept |", 0 },
                { "A=1\r\nB=2\r\n", "A=1|B=2|", 0 },
                { "novalue\n1BAD=x\nbad-key=x\n=x\nA=\n", "A=|", 0 },
                { "A=a#b\n", "A=a#b|", 0 },
                { "A=\"open\nB=2", "A=open\nB=2|", 0 },
                { "A=end\\", "A=end\\|", 0 },
                { "A=1\nSTOP=1\nB=2", "A=1|", -ECANCELED },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                write_text("env", cases[i].text);
                strbuf_done(&env);
                is_int(parse_env_file("env", remember, NULL), cases[i].r, "parse_env_file");
                is_str(env.s ? env.s : "", cases[i].want, "its assignments");
        }
        is_int(parse_env_file("none", remember, NULL), -ENOENT, "no such file");
        strbuf_done(&env);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        return remove(path);
}

int main(void)
{
        char dir[] = "/tmp/test-fileio.XXXXXX";

        if (!mkdtemp(dir) || chdir(dir) < 0)
                return EXIT_FAILURE;
        umask(022);
        reading();
        writing();
        left_behind();
        directories();
        hidden();
        conf_files();
        env_files();
        nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        return tap_done();
}
