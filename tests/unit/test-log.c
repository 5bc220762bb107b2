/* log.c: levels, %m, the hook, file:line, and what goes to stderr. */
#include <fcntl.h>

#include "lib/log.h"
#include "lib/str.h"
#include "tests/tap.h"

static struct strbuf seen;
static int calls;

static void hook(int level, const char *unit, const char *file, int line, const char *text)
{
        calls++;
        seen.len = 0;
        strbuf_printf(&seen, "%d %s %s:%d %s", level, unit ? unit : "-", file ? file : "-", line, text);
}

static void levels(void)
{
        is_int(log_level_from_string("debug"), LOG_DEBUG, "debug");
        is_int(log_level_from_string("emerg"), LOG_EMERG, "emerg");
        is_int(log_level_from_string("3"), LOG_ERR, "3");
        is_int(log_level_from_string("8"), -EINVAL, "8");
        is_int(log_level_from_string("loud"), -EINVAL, "loud");
        is_str(log_level_to_string(LOG_WARNING), "warning", "warning");
        is_str(log_level_to_string(-1), NULL, "-1");
        is_str(log_level_to_string(8), NULL, "8 has no name");
}

static void through_hook(void)
{
        char longest[6000];

        log_open("test", LOG_TO_HOOK);
        log_set_hook(hook);
        is_int(log_info("hello %d\n", 5), 0, "returns 0 without an error");
        is_str(seen.s, "6 - -:0 hello 5", "text without the newline");
        is_int(log_error_errno(-ENOENT, "Cannot open %s: %m", "x"), -ENOENT, "returns the error");
        is_str(seen.s, "3 - -:0 Cannot open x: No such file or directory", "%m is the error's text");
        is_int(log_unit_errno("a.service", LOG_WARNING, -EPERM, "no: %m"), -EPERM, "with a unit");
        is_str(seen.s, "4 a.service -:0 no: Operation not permitted", "the unit");
        is_int(log_file("f.conf", 7, LOG_NOTICE, "odd %s", "key"), 0, "log_file");
        is_str(seen.s, "5 - f.conf:7 f.conf:7: odd key", "file and line");
        log_file("f.conf", 0, LOG_NOTICE, "odd");
        is_str(seen.s, "5 - f.conf:0 f.conf: odd", "no line");
        is_int(log_oom(), -ENOMEM, "log_oom");

        calls = 0;
        is_int(log_debug_errno(-EIO, "hidden"), -EIO, "a filtered message still returns the error");
        is_int(calls, 0, "and is not told");
        log_set_max_level(LOG_DEBUG);
        is_int(log_get_max_level(), LOG_DEBUG, "level set");
        log_debug("shown");
        is_int(calls, 1, "told at the new level");
        log_set_max_level(LOG_INFO);

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        log_info("%s", longest);
        ok(seen.len > 4000 && seen.len < 4200, "a long message is cut");
        log_file(longest, 1, LOG_INFO, "z");
        ok(seen.len > 4000, "a long path too");
        errno = EBUSY;
        log_info("x");
        is_int(errno, EBUSY, "errno is kept");
}

static void to_stderr(void)
{
        int p[2], saved = dup(2);
        char buf[100] = "";
        ssize_t n;

        if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0 || saved < 0)
                exit(1);
        dup2(p[1], 2);
        log_open("prog", LOG_TO_STDERR);
        log_warning("to %s", "you");
        log_open("prog", LOG_TO_NULL);
        log_error("to nobody");
        dup2(saved, 2);
        n = read(p[0], buf, sizeof(buf) - 1);
        buf[MAX(n, 0)] = '\0';
        is_str(buf, "prog: to you\n", "what stderr got");
        close(p[0]);
        close(p[1]);
        close(saved);
}

int main(void)
{
        levels();
        through_hook();
        to_stderr();
        strbuf_done(&seen);
        return tap_done();
}
