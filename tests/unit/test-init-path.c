/* Path units: what each kind sees, and the limit of triggers. */
#include <unistd.h>

#include "tests/unit/init-test.h"

#define ETC "/etc/systemd/system/"

static struct manager *m;
static struct unit *target;

static struct path_unit *begin(const char *key, const char *path, const char *more)
{
        _cleanup_free_ char *full = test_path(path);
        _cleanup_free_ char *text = str_printf(
                "[Unit]\nDefaultDependencies=no\n[Path]\n%s=%s\nUnit=a.target\n%s", key, full, more);
        struct path_unit *p;

        put(ETC "a.path", text);
        put(ETC "a.target", "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n");
        m = test_manager();
        target = test_unit(m, "a.target");
        p = UNIT_CAST(path_unit, test_unit(m, "a.path"));
        unit_start(&p->unit);
        return p;
}

static bool fired(void)
{
        for (int i = 0; i < 3; i++)
                loop_turn(m->loop, 20 * USEC_PER_MSEC);
        return unit_active_state(target) == UNIT_ACTIVE;
}

static void end(struct path_unit *p)
{
        unit_ops(&p->unit)->stop(&p->unit);
        ok(p->inotify.fd < 0, "stopped, it watches nothing");
        test_manager_free(m);
        test_reset();
}

static void remove_file(const char *path)
{
        _cleanup_free_ char *full = test_path(path);

        (void)unlink(full);
}

static void test_kind(const char *key, const char *watched, const char *file, bool level)
{
        struct path_unit *p = begin(key, watched, "");

        ok(!fired(), key);
        is_str(unit_sub_state(&p->unit), "waiting", "nothing there: it waits");
        put(file, "x");
        ok(fired(), "the file comes: the unit starts");
        is_str(unit_sub_state(&p->unit), "running", "the path unit runs");
        if (level)
                remove_file(file);
        unit_ops(target)->stop(target);
        ok(!fired(), "the unit ended: nothing new, nothing is started");
        is_str(unit_sub_state(&p->unit), "waiting", "it waits again");
        end(p);
}

static void test_changed(void)
{
        struct path_unit *p;

        put("/data/f", "1");
        p = begin("PathChanged", "/data/f", "");
        ok(!fired(), "a file that is there is no change");
        put("/data/f", "2");
        ok(fired(), "a new content is");
        end(p);
}

/* What it starts ends at once, and the path is still there: six times, if it may. */
static void test_limit(const char *interval, const char *result)
{
        _cleanup_free_ char *lines =
                str_printf("TriggerLimitBurst=3\nTriggerLimitIntervalSec=%s\n", interval);
        struct path_unit *p;

        put("/data/f", "1");
        p = begin("PathExists", "/data/f", lines);
        for (int i = 0; i < 6 && p->state != PATH_FAILED; i++) {
                (void)fired();
                if (unit_active_state(target) == UNIT_ACTIVE)
                        unit_ops(target)->stop(target);
        }
        is_str(unit_ops(&p->unit)->result(&p->unit), result, interval);
        end(p);
}

static void test_make_directory(void)
{
        struct path_unit *p =
                begin("DirectoryNotEmpty", "/data/spool", "MakeDirectory=yes\nDirectoryMode=0700\n");
        _cleanup_free_ char *dir = test_path("/data/spool");
        struct stat st;

        ok(stat(dir, &st) >= 0 && (st.st_mode & 07777) == 0700,
                "MakeDirectory= makes it with DirectoryMode=");
        end(p);
}

int main(void)
{
        test_begin();
        test_kind("PathExists", "/data/sub/f", "/data/sub/f", true);
        test_kind("PathExistsGlob", "/data/*.x", "/data/one.x", true);
        test_kind("DirectoryNotEmpty", "/data", "/data/f", true);
        test_kind("PathChanged", "/data/f", "/data/f", false);
        test_kind("PathModified", "/data/f", "/data/f", false);
        test_changed();
        test_limit("1h", "trigger-limit-hit");
        test_limit("1us", "success");
        test_limit("0", "success");
        test_make_directory();
        return test_end();
}
