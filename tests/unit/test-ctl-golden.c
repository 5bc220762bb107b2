/* rousectl's output and exit status against a server that gives canned answers: one golden file a call, in
 * tests/unit/golden-ctl. UPDATE=1 writes them anew. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/ctlproto.h"
#include "lib/fileio.h"
#include "tests/tap.h"

static const struct answer {
        const char *verb;
        const char *const *records[3]; /* each a NULL-terminated list */
        int error;
        const char *message;
} answers[] = {
        { "list-units",
                { (const char *const[]) { "Id=a.service", "LoadState=loaded", "ActiveState=active",
                          "SubState=running", "Description=The \"A\" service", NULL },
                        (const char *const[]) { "Id=b.service", "LoadState=loaded", "ActiveState=failed",
                                "SubState=failed", "Description=Übel", NULL },
                        (const char *const[]) { "Id=c.target", "LoadState=loaded", "ActiveState=inactive",
                                "SubState=dead", "Description=C", NULL } },
                0, NULL },
        { "list-jobs",
                { (const char *const[]) { "Job=7", "Unit=a.service", "Type=start", "State=waiting",
                        "WaitsFor=dev-x.device", NULL } },
                0, NULL },
        { "show",
                { (const char *const[]) { "Id=a.service", "ActiveState=active", "LoadState=loaded",
                        "SubState=running", "Description=A", "Long=be", "Long+=ginning",
                        "Empty=", "ActiveEnterTimestamp=@1700000000000000",
                        "ExecStart={ path=/bin/a ; start_time=[@1700000000000000] ; stop_time=[n/a] }",
                        NULL } },
                0, NULL },
        { "is-active",
                { (const char *const[]) { "Id=b.service", "LoadState=loaded", "ActiveState=failed", NULL } },
                0, NULL },
        { "start",
                { (const char *const[]) {
                          "Unit=a.service", "Job=9", "Type=start", "NeedDaemonReload=yes", NULL },
                        (const char *const[]) { "Unit=a.service", "Job=9", "Result=dependency", NULL } },
                0, NULL },
        { "stop",
                { (const char *const[]) {
                        "Unit=x.service", "Error=2", "Message=Unit x.service not found.", NULL } },
                ENOENT, NULL },
        { "daemon-reload", { NULL }, EACCES, "Only root may do that." },
        { "analyze-data",
                { (const char *const[]) { "InitRDUSec=1000000", "UserspaceUSec=1500000",
                          "FinishUSec=2100000", "Spawned=12", "Jobs=80", "NFailedUnits=0",
                          "DefaultTarget=c.target", NULL },
                        (const char *const[]) { "Id=a.service", "InactiveExitUSec=1600000",
                                "ActiveEnterUSec=1900000", NULL },
                        (const char *const[]) { "Id=c.target", "InactiveExitUSec=0",
                                "ActiveEnterUSec=2050000", "After=a.service", NULL } },
                0, NULL },
};

/* A root in which no unit of this machine counts. */
#define VERIFY_ROOT "--root=tests/unit/verify"

static const struct call {
        const char *golden;
        const char *argv[9];
        int status;
} calls[] = {
        { "list-units", { "systemctl", "list-units" }, 0 },
        { "list-units-all", { "systemctl", "-a", "--no-legend", "list-units" }, 0 },
        { "list-units-failed", { "systemctl", "--failed", "--plain", "--no-legend" }, 0 },
        { "list-units-type", { "systemctl", "list-units", "-a", "-t", "target", "--no-legend" }, 0 },
        { "list-units-json", { "systemctl", "-o", "json", "list-units", "a*" }, 0 },
        { "list-jobs", { "systemctl", "list-jobs" }, 0 },
        { "show", { "systemctl", "show", "a" }, 0 },
        { "show-property", { "systemctl", "show", "a", "-p", "Id,Empty" }, 0 },
        { "show-value", { "systemctl", "show", "a", "-p", "Long", "--value" }, 0 },
        { "show-json", { "systemctl", "-o", "json", "show", "a", "-p", "Id" }, 0 },
        { "is-active", { "systemctl", "is-active", "b" }, 3 },
        { "is-active-quiet", { "systemctl", "-q", "is-active", "b" }, 3 },
        { "is-failed", { "systemctl", "is-failed", "b" }, 0 },
        { "start", { "systemctl", "start", "a" }, 1 },
        { "stop-unknown", { "systemctl", "stop", "x" }, 5 },
        { "daemon-reload", { "systemctl", "daemon-reload" }, 4 },
        { "unknown-verb", { "systemctl", "frobnicate" }, 1 },
        { "too-few", { "systemctl", "start" }, 1 },
        { "analyze-time", { "systemd-analyze" }, 0 },
        { "analyze-blame", { "systemd-analyze", "blame" }, 0 },
        { "analyze-chain", { "systemd-analyze", "critical-chain" }, 0 },
        { "analyze-json", { "systemd-analyze", "json" }, 0 },
        { "unknown-to-server", { "systemctl", "cancel" }, 1 },
        { "verify-fine", { "rousectl", "verify", VERIFY_ROOT, "fine.service", "fine@.service" }, 0 },
        { "verify-rubbish", { "rousectl", "verify", VERIFY_ROOT, "rubbish.service" }, 1 },
        { "verify-cycle", { "rousectl", "verify", VERIFY_ROOT, "--recursive-errors=no", "a.service" }, 1 },
        { "verify-dropin",
                { "rousectl", "verify", VERIFY_ROOT, "/etc/systemd/system/c.service.d/later.conf" }, 0 },
        { "verify-triggers",
                { "rousectl", "verify", VERIFY_ROOT, "alone.socket", "many.socket", "idle.timer" }, 1 },
        { "verify-nothing",
                { "rousectl", "verify", VERIFY_ROOT, "nothing.service", "masked.service", "no-such.service",
                        "/no/such.service", "not a unit" },
                1 },
        { "verify-modes", { "rousectl", "verify", VERIFY_ROOT, "--recursive-errors=no", "modes.service" },
                1 },
        { "verify-warned", { "rousectl", "verify", VERIFY_ROOT, "modes.service" }, 0 },
        { "verify-far", { "rousectl", "verify", VERIFY_ROOT, "--recursive-errors=no", "far.service" }, 0 },
        { "verify-far-one", { "rousectl", "verify", VERIFY_ROOT, "--recursive-errors=one", "far.service" },
                0 },
        { "verify-near-one", { "rousectl", "verify", VERIFY_ROOT, "--recursive-errors=one", "near.service" },
                1 },
        { "verify-far-yes",
                { "systemd-analyze", "--recursive-errors=yes", VERIFY_ROOT, "verify", "far.service" }, 1 },
        { "verify-reach", { "rousectl", "verify", "--recursive-errors=perhaps", "far.service" }, 2 },
        { "verify-no-file", { "rousectl", "verify" }, 1 },
        { "shutdown-bad-time", { "shutdown", "25:00" }, 1 },
};

/* ---- the server ---- */

static void send_record(int fd, uint32_t id, const char *const *v)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, CTL_RECORD, id);
        wire_strv(&w, (char *const *)v);
        (void)wire_send(fd, &w, -1);
}

static void send_end(int fd, uint32_t id, int error, const char *message)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, CTL_END, id);
        wire_u32(&w, (uint32_t)error);
        wire_str(&w, message);
        (void)wire_send(fd, &w, -1);
}

static void answer(int fd, struct wire_reader *in)
{
        const char *verb = wire_get_str(in);

        for (size_t i = 0; verb && i < ARRAY_SIZE(answers); i++) {
                if (!streq(answers[i].verb, verb))
                        continue;
                for (size_t r = 0; r < ARRAY_SIZE(answers[i].records) && answers[i].records[r]; r++)
                        send_record(fd, in->h.id, answers[i].records[r]);
                send_end(fd, in->h.id, answers[i].error, answers[i].message);
                return;
        }
        send_end(fd, in->h.id, EOPNOTSUPP, "Unknown request.");
}

static _noreturn_ void serve(int listener)
{
        static uint8_t buf[WIRE_MAX];

        for (;;) {
                _cleanup_close_ int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                struct wire_reader in;
                ssize_t n;

                if (fd < 0)
                        _exit(1);
                n = recv(fd, buf, sizeof(buf), 0);
                if (n > 0 && wire_parse(buf, (size_t)n, &in) >= 0)
                        answer(fd, &in);
        }
}

/* ---- the calls ---- */

/* stdout, then "--- stderr" and stderr, then "--- status N". */
static char *run_call(const char *program, const char *dir, const struct call *c, int *ret_status)
{
        _cleanup_free_ char *out = str_printf("%s/out", dir), *err = str_printf("%s/err", dir), *a = NULL,
                            *b = NULL;
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
                int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600),
                    e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);

                if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
                        _exit(99);
                execv(program, (char *const *)c->argv);
                _exit(98);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || read_file(out, 0, &a, NULL) < 0 ||
                read_file(err, 0, &b, NULL) < 0)
                return NULL;
        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return str_printf("%s--- stderr\n%s--- status %d\n", a, b, *ret_status);
}

static void check(const char *program, const char *dir, const struct call *c)
{
        _cleanup_free_ char *path = str_printf("tests/unit/golden-ctl/%s", c->golden), *want = NULL;
        int status = -1;
        _cleanup_free_ char *got = run_call(program, dir, c, &status);

        if (getenv("UPDATE") && got)
                (void)write_file_atomic(path, got, strlen(got), 0644, false);
        if (read_file(path, 0, &want, NULL) < 0)
                want = NULL;
        is_str(got, want, c->golden);
        is_int(status, c->status, "its exit status");
}

int main(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        char dir[] = "/tmp/rouse-ctl-XXXXXX";
        _cleanup_free_ char *program = str_printf("%s/rousectl", getenv("OUT") ?: "build");
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        pid_t server;

        if (access(program, X_OK) < 0 || !mkdtemp(dir)) {
                printf("1..0 # SKIP %s is not built\n", program);
                return 0;
        }
        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control", dir);
        if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 8) < 0)
                return 1;
        setenv("ROUSE_CONTROL", sa.sun_path, 1);
        setenv("ROUSE_LOG", "/nonexistent", 1);
        setenv("TZ", "UTC", 1);
        setenv("LC_ALL", "C", 1);
        server = fork();
        if (server == 0)
                serve(fd);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                check(program, dir, &calls[i]);
        kill(server, SIGKILL);
        (void)waitpid(server, NULL, 0);
        for (const char *const *f = (const char *const[]) { "control", "out", "err", NULL }; *f; f++) {
                _cleanup_free_ char *path = path_join(dir, *f);

                (void)unlink(path);
        }
        (void)rmdir(dir);
        return tap_done();
}
