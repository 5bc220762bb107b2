/* What rouse-logd reads from outside: syslog, native and kmsg records, stream headers and names, cgroup paths. */
#include "logd/logd.h"
#include "tests/tap.h"

static bool span_eq(struct span s, const char *want)
{
        return s.n == strlen(want) && (s.n == 0 || memcmp(s.p, want, s.n) == 0);
}

static void syslog_lines(void)
{
        static const struct {
                const char *line;
                int priority, facility;
                const char *tag;
                uint32_t pid;
                const char *text;
        } t[] = {
                { "<13>Oct 11 22:14:15 su[12]: hello", 5, 1, "su", 12, "hello" },
                { "<86>Oct  1 02:04:05 sshd: x: y ", 6, 10, "sshd", 0, "x: y" },
                { "<30>cron[7]:text", 6, 3, "cron", 7, "text" },
                { "no header at all", 5, 1, "", 0, "no header at all" },
                { "<999>x", 5, 1, "", 0, "<999>x" },
                { "<3", 5, 1, "", 0, "<3" },
                { "<3>", 3, 0, "", 0, "" },
                { "<13>Oct 41 2x:14:15 a: b", 5, 1, "", 0, "Oct 41 2x:14:15 a: b" },
                { "<13>tag[12: no", 5, 1, "", 0, "tag[12: no" },
                { "<13>tag[99999999999]: big", 5, 1, "tag[", 0, "" },
                { "", 5, 1, "", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct record r;
                uint32_t pid = 0;

                record_init(&r, TRANSPORT_SYSLOG);
                r.facility = 1;
                r.priority = 5;
                syslog_parse(t[i].line, strlen(t[i].line), &r, &pid);
                if (i == 9) {
                        ok(pid == 0 || pid <= UINT32_MAX, "a pid too large does no harm");
                        continue;
                }
                ok(r.priority == t[i].priority && r.facility == t[i].facility &&
                                span_eq(r.identifier, t[i].tag) && pid == t[i].pid &&
                                span_eq(r.message, t[i].text),
                        t[i].line);
        }
}

static void native(void)
{
        static struct record r;
        static const char binary[] =
                "PRIORITY=3\nMESSAGE\n\x07\0\0\0\0\0\0\0line\nxy\nSYSLOG_IDENTIFIER=me\n_PID=1\n"
                "1BAD=x\nbad=x\nFOO=a=b\n_SOURCE_MONOTONIC_TIMESTAMP=42\n";
        static const char beyond[] = "MESSAGE=a\nX\n\xff\xff\xff\xff\xff\xff\xff\x7f y";
        static const char cut[] = "MESSAGE=a\nX\n\x05\0\0";

        record_init(&r, TRANSPORT_NATIVE);
        is_int(native_parse(binary, sizeof(binary) - 1, false, &r), 0, "fields, one of them binary");
        ok(span_eq(r.message, "line\nxy") && r.priority == 3 && span_eq(r.identifier, "me"), "known fields");
        ok(r.n_fields == 1 && span_eq(r.fields[0].key, "FOO") && span_eq(r.fields[0].value, "a=b"),
                "others; those with _ and bad names are dropped");
        is_int(native_source_time(&r), 0, "no time of its own for anybody");
        record_init(&r, TRANSPORT_NATIVE);
        (void)native_parse(binary, sizeof(binary) - 1, true, &r);
        is_int(native_source_time(&r), 42, "but for the manager");
        record_init(&r, TRANSPORT_NATIVE);
        is_int(native_parse(beyond, sizeof(beyond) - 1, false, &r), -EBADMSG, "a length beyond the end");
        ok(span_eq(r.message, "a"), "what came before counts");
        record_init(&r, TRANSPORT_NATIVE);
        is_int(native_parse(cut, sizeof(cut) - 1, false, &r), -EBADMSG, "half a length");
        record_init(&r, TRANSPORT_NATIVE);
        is_int(native_parse("MESSAGE=last", 12, false, &r), 0, "no newline at the end");
        ok(span_eq(r.message, "last"), "is no error");
        is_int(native_parse("", 0, false, &r), 0, "nothing");
}

static void kmsg(void)
{
        static const char line[] = "6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=x\n";
        static const char user[] = "30,340,5140901,-;rouse[1]: hello\n";
        struct record r;

        record_init(&r, TRANSPORT_KERNEL);
        is_int(kmsg_parse(line, strlen(line), &r), 0, "kernel line");
        ok(r.priority == 6 && r.facility == 0 && r.monotonic == 5140900 && span_eq(r.identifier, "kernel") &&
                        span_eq(r.message, "NET: Registered protocol family 10"),
                "its parts");
        record_init(&r, TRANSPORT_KERNEL);
        is_int(kmsg_parse(user, strlen(user), &r), 0, "user space's");
        ok(span_eq(r.identifier, "rouse") && r.pid == 1 && span_eq(r.message, "hello"),
                "has a name and a pid");
        is_int(kmsg_parse("6,1,2", 5, &r), -EBADMSG, "cut");
        is_int(kmsg_parse("x", 1, &r), -EBADMSG, "no number");
        is_int(kmsg_parse("6,1,2,-text", 11, &r), -EBADMSG, "no text");
}

static void header(void)
{
        static const char *const lines[] = { "sshd", "ssh.service", "30", "1", "0", "1", "0" };
        struct stream s = { .uid = 0 }, back = { .uid = 0 }, user = { .uid = 1000 }, odd = { .uid = 0 },
                      odd_back = { .uid = 0 };
        _cleanup_free_ char *name = NULL, *odd_name = NULL;
        bool all = true;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                all &= stream_header_line(&s, lines[i], strlen(lines[i])) == 0;
        ok(all && s.header_lines == 7 && s.priority == 30 && s.level_prefix && !s.to_syslog && s.to_kmsg &&
                        !s.to_console,
                "header");
        is_str(s.unit, "ssh.service", "unit");
        name = stream_name(&s);
        is_str(name, "stream 30 1010 ssh.service sshd", "name in the store");
        is_int(stream_parse_name(&back, name), 0, "and back");
        ok(streq(back.unit, s.unit) && streq(back.identifier, s.identifier) && back.priority == 30 &&
                        back.level_prefix && back.to_kmsg,
                "the same");
        (void)stream_header_line(&user, "x", 1);
        (void)stream_header_line(&user, "ssh.service", 11);
        ok(!user.unit, "a user cannot name a unit");
        is_int(stream_header_line(&user, "-1", 2), -EINVAL, "bad priority");
        user.header_lines = 3;
        is_int(stream_header_line(&user, "yes", 3), -EINVAL, "bad flag");
        odd.identifier = strdup("a:b c\t");
        odd.unit = strdup("dev-x\\x2dy.service");
        odd_name = stream_name(&odd);
        ok(odd_name && !strchr(odd_name, ':'), "no colon in a name");
        is_int(stream_parse_name(&odd_back, odd_name), 0, "odd identifier back");
        is_str(odd_back.identifier, "a:b c\t", "as it was");
        is_str(odd_back.unit, "dev-x\\x2dy.service", "unit with escapes as it was");
        is_int(stream_parse_name(&user, "stream"), -EINVAL, "a name without parts");
        for (size_t i = 0; i < 5; i++) {
                struct stream *p = (struct stream *[]) { &s, &back, &user, &odd, &odd_back }[i];

                free(p->identifier);
                free(p->unit);
        }
}

static void cgroups(void)
{
        static const struct {
                const char *path, *unit;
        } t[] = {
                { "/system.slice/ssh.service", "ssh.service" },
                { "/system.slice/system-getty.slice/getty@tty1.service/x", "getty@tty1.service" },
                { "/user.slice/user-0.slice/session-3.scope", "session-3.scope" },
                { "/init.scope", "init.scope" },
                { "/", NULL },
                { "/foo/bar", NULL },
                { "", NULL },
                { "/a.slice/_b.service", "b.service" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_free_ char *u = unit_of_cgroup(t[i].path);

                is_str(u, t[i].unit, t[i].path);
        }
}

static void settings(void)
{
        static const struct logd_config config = { .rate_interval = 30, .rate_burst = 5 };
        static const struct {
                const char *text;
                int r, level;
                usec_t interval;
                uint32_t burst;
        } t[] = {
                { "- - -\n", 0, 7, 30, 5 },
                { "3 7 9\nA=b\n", 0, 3, 7, 9 },
                { "0 0 0\n", 0, 0, 0, 0 },
                { "8 - -\n", -EBADMSG, 1, 1, 1 },
                { "3 - -", -EBADMSG, 1, 1, 1 },
                { "3 -\n", -EBADMSG, 1, 1, 1 },
                { "3 - - -\n", -EBADMSG, 1, 1, 1 },
                { "3 99999999999999999999 -\n", -EBADMSG, 1, 1, 1 },
                { "- - 4294967296\n", -EBADMSG, 1, 1, 1 },
                { "\n", -EBADMSG, 1, 1, 1 },
                { "", -EBADMSG, 1, 1, 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct unit_log l = { .level_max = 1, .rate_interval = 1, .rate_burst = 1 };

                is_int(unit_log_parse(&l, &config, t[i].text, strlen(t[i].text)), t[i].r, t[i].text);
                ok(l.level_max == t[i].level && l.rate_interval == t[i].interval &&
                                l.rate_burst == t[i].burst,
                        "its values");
                free(l.fields);
        }
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        syslog_lines();
        native();
        kmsg();
        header();
        settings();
        cgroups();
        return tap_done();
}
