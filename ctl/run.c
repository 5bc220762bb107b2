/* systemd-run(1), the part that scripts and udev rules use: a command as a transient service. */
#include "ctl.h"

#include <getopt.h>
#include <sys/random.h>

#include "lib/unitname.h"

enum {
        R_NO_BLOCK = 256,
        R_WAIT,
        R_COLLECT,
        R_UID,
        R_GID,
        R_SLICE,
        R_DESCRIPTION,
        R_NICE,
        R_WORKDIR,
        R_TYPE,
        R_REMAIN,
        R_IGNORED,
        R_SCOPE,
        R_UNSUPPORTED,
        R_VERSION,
        R_SYSTEM
};

static const struct option run_options[] = {
        { "no-block", 0, NULL, R_NO_BLOCK },
        { "wait", 0, NULL, R_WAIT },
        { "collect", 0, NULL, 'G' },
        { "unit", 1, NULL, 'u' },
        { "property", 1, NULL, 'p' },
        { "description", 1, NULL, R_DESCRIPTION },
        { "slice", 1, NULL, R_SLICE },
        { "uid", 1, NULL, R_UID },
        { "gid", 1, NULL, R_GID },
        { "nice", 1, NULL, R_NICE },
        { "working-directory", 1, NULL, R_WORKDIR },
        { "same-dir", 0, NULL, 'd' },
        { "setenv", 1, NULL, 'E' },
        { "service-type", 1, NULL, R_TYPE },
        { "remain-after-exit", 0, NULL, 'r' },
        { "quiet", 0, NULL, 'q' },
        { "no-ask-password", 0, NULL, R_IGNORED },
        { "system", 0, NULL, R_SYSTEM },
        { "send-sighup", 0, NULL, R_IGNORED },
        { "scope", 0, NULL, R_SCOPE },
        { "pty", 0, NULL, R_UNSUPPORTED },
        { "pipe", 0, NULL, R_UNSUPPORTED },
        { "shell", 0, NULL, R_UNSUPPORTED },
        { "on-active", 1, NULL, R_UNSUPPORTED },
        { "on-boot", 1, NULL, R_UNSUPPORTED },
        { "on-calendar", 1, NULL, R_UNSUPPORTED },
        { "version", 0, NULL, R_VERSION },
        { 0 },
};

struct run {
        char *unit, **properties;
        bool no_block, quiet, scope;
        int status;
};

/* One word of an Exec line, quoted so that it comes out as it is: no specifiers, no variables. */
static void quote_word(struct strbuf *b, const char *s)
{
        strbuf_putc(b, '"');
        for (; *s; s++)
                switch (*s) {
                case '"':
                case '\\': strbuf_printf(b, "\\%c", *s); break;
                case '%': strbuf_puts(b, "%%"); break;
                case '$': strbuf_puts(b, "$$"); break;
                case '\n': strbuf_puts(b, "\\n"); break;
                default: strbuf_putc(b, *s); break;
                }
        strbuf_putc(b, '"');
}

/* The program by its path: PID 1 does not look along PATH for us. */
static char *find_program(const char *name)
{
        _cleanup_strv_ char **dirs = NULL;

        if (strchr(name, '/'))
                return *name == '/' ? strdup(name) : realpath(name, NULL);
        dirs = strv_split(
                getenv("PATH") ?: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ":");
        FOREACH_STR (d, dirs) {
                char *path = path_join(*d, name);

                if (path && access(path, X_OK) == 0)
                        return path;
                free(path);
        }
        return NULL;
}

static int set_property(struct run *r, const char *key, const char *value)
{
        return strv_addf(&r->properties, "%s=%s", key, value);
}

static int set_run_option(struct run *r, int c, const char *arg)
{
        char cwd[PATH_MAX];

        switch (c) {
        case R_NO_BLOCK: r->no_block = true; return 0;
        case 'u': return str_replace(&r->unit, arg);
        case 'p': return strv_add(&r->properties, arg);
        case R_DESCRIPTION: return set_property(r, "Description", arg);
        case R_SLICE: return set_property(r, "Slice", arg);
        case R_UID: return set_property(r, "User", arg);
        case R_GID: return set_property(r, "Group", arg);
        case R_NICE: return set_property(r, "Nice", arg);
        case R_WORKDIR: return set_property(r, "WorkingDirectory", arg);
        case 'd': return getcwd(cwd, sizeof(cwd)) ? set_property(r, "WorkingDirectory", cwd) : -errno;
        case 'E': {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                const char *v = strchr(arg, '=') ? NULL : getenv(arg);
                _cleanup_free_ char *all =
                        strchr(arg, '=') ? strdup(arg) : str_printf("%s=%s", arg, v ?: "");

                if (all)
                        quote_word(&b, all);
                return set_property(r, "Environment", b.s ?: "");
        }
        case R_TYPE: return set_property(r, "Type", arg);
        case 'r': return set_property(r, "RemainAfterExit", "yes");
        case 'q': r->quiet = true; return 0;
        case R_SCOPE: r->scope = true; return 0;
        case 'G':
        case R_IGNORED:
        case R_SYSTEM: return 0;
        case R_WAIT: return -EOPNOTSUPP;
        default: return -EOPNOTSUPP;
        }
}

static void on_record(const struct ctl_record *rec, void *data)
{
        struct run *r = data;
        const char *result = record_get(rec, "Result");

        if (record_get(rec, "Error")) {
                fprintf(stderr, "Failed to start transient service unit: %s\n", record_str(rec, "Message"));
                r->status = 1;
        } else if (result && !streq(result, "done")) {
                fprintf(stderr, "Job for %s failed (%s). See \"systemctl status %s\".\n", r->unit, result,
                        r->unit);
                r->status = 1;
        }
}

static int start(struct run *r, char **command)
{
        _cleanup_strv_ char **args = NULL, **options = NULL;
        _cleanup_strbuf_ struct strbuf exec = { 0 }, desc = { 0 };
        struct ctl_call c = { .verb = "start-transient", .record = on_record, .data = r };
        _cleanup_free_ char *program = find_program(command[0]);
        int k;

        if (!program) {
                fprintf(stderr, "Failed to find executable %s: No such file or directory\n", command[0]);
                return 1;
        }
        quote_word(&exec, program);
        strbuf_puts(&desc, program);
        FOREACH_STR (a, command + 1) {
                strbuf_putc(&exec, ' ');
                quote_word(&exec, *a);
                strbuf_printf(&desc, " %s", *a);
        }
        (void)strv_add(&args, r->unit);
        (void)strv_addf(&args, "Description=%s", desc.s ?: "");
        (void)strv_extend(&args, r->properties);
        (void)strv_addf(&args, "ExecStart=%s", exec.s ?: "");
        if (!r->no_block)
                (void)strv_add(&options, "wait");
        c.args = args;
        c.options = options;
        k = ctl_call(&c);
        if (k < 0 && r->status == 0) {
                fprintf(stderr, "Failed to start transient service unit: %s\n", c.error ?: strerror(-k));
                r->status = 1;
        }
        free(c.error);
        if (r->status == 0 && !r->quiet)
                fprintf(stderr, "Running as unit: %s\n", r->unit);
        return r->status;
}

int run_main(int argc, char **argv)
{
        struct run r = { 0 };
        _cleanup_free_ char *name = NULL;
        uint64_t id = 0;
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "+u:p:E:drqGtPS", run_options, NULL)) >= 0) {
                if (c == R_VERSION)
                        return verb_version("version", NULL);
                if (c == '?')
                        return 1;
                if (set_run_option(&r, c, optarg) < 0) {
                        fprintf(stderr, "That option is not supported by rouse yet: -%c %s\n",
                                c < 256 ? c : '-', optarg ?: "");
                        return 1;
                }
        }
        if (optind >= argc) {
                fprintf(stderr, "Command line to execute required.\n");
                return 1;
        }
        if (r.scope) {
                /* the process itself would have to be moved into the scope's cgroup by PID 1 */
                fprintf(stderr, "--scope is not supported by rouse yet.\n");
                return 1;
        }
        if (!r.unit) {
                if (getrandom(&id, sizeof(id), GRND_NONBLOCK) < 0)
                        id = (uint64_t)now_monotonic() ^ (uint64_t)getpid() << 40;
                r.unit = str_printf("run-r%016llx.service", (unsigned long long)id);
        } else if (unit_name_mangle(r.unit, "service", &name) >= 0) {
                free(r.unit);
                r.unit = TAKE_PTR(name);
        }
        c = start(&r, argv + optind);
        free(r.unit);
        strv_free(r.properties);
        return c;
}

int verb_run(const char *verb, char **args)
{
        _cleanup_strv_ char **argv = NULL;

        if (strv_add(&argv, "rousectl run") < 0 || strv_extend(&argv, args) < 0)
                return 1;
        return run_main((int)strv_len(argv), argv);
}
