/* Conditions about the running system: kernel, command line, environment, security, updates, users, cgroups. */
#include <fcntl.h>
#include <strings.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "condition.h"
#include "exec-user.h"
#include "path-look.h"
#include "names.h"
#include "lib/cmdline.h"
#include "lib/compare.h"
#include "lib/fileio.h"
#include "lib/machine.h"

int test_architecture(struct manager *m, const char *p)
{
#if defined(__x86_64__)
        static const char native[] = "x86-64";
#elif defined(__i386__)
        static const char native[] = "x86";
#elif defined(__aarch64__)
        static const char native[] = "arm64";
#else
        const char *native = architecture_name();
#endif

        return streq(architecture_name(), streq(p, "native") ? native : p);
}

int test_host(struct manager *m, const char *p)
{
        _cleanup_free_ char *id = NULL;
        struct utsname n;

        if (strlen(p) == 32 && p[strspn(p, "0123456789abcdefABCDEF")] == '\0') {
                if (!*m->machine_id && read_one_line("/etc/machine-id", &id) < 0)
                        return 0;
                return strcasecmp(id ? id : m->machine_id, p) == 0;
        }
        return uname(&n) < 0 ? -errno : compare_strings(n.nodename, OP_GLOB, p);
}

/* A word, or the left side of an assignment; with '=' the whole assignment. */
int test_kernel_command_line(struct manager *m, const char *p)
{
        size_t n = strlen(p);

        FOREACH_STR (w, m->cmdline)
                if (streq(*w, p) || (!strchr(p, '=') && strncmp(*w, p, n) == 0 && (*w)[n] == '='))
                        return 1;
        return 0;
}

int test_kernel_version(struct manager *m, const char *p)
{
        return machine_kernel_is(p);
}

int test_credential(struct manager *m, const char *p)
{
        const char *own = getenv("CREDENTIALS_DIRECTORY");
        const char *const dirs[] = { own, "/run/credentials/@system", "/run/credentials/@encrypted" };

        if (!*p || strchr(p, '/') || streq(p, "..") || streq(p, "."))
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *path = dirs[i] ? path_join(dirs[i], p) : NULL;

                if (path && path_look(LOOK_EXISTS, path, NULL) > 0)
                        return 1;
        }
        return 0;
}

/* Of the manager's own environment block. */
int test_environment(struct manager *m, const char *p)
{
        const char *equals = strchr(p, '=');
        size_t n = equals ? (size_t)(equals - p) : strlen(p);

        FOREACH_STR (e, m->environment)
                if (strncmp(*e, p, n) == 0 && (*e)[n] == '=')
                        return equals ? streq(*e, p) : 1;
        for (char **e = environ; e && *e; e++)
                if (strncmp(*e, p, n) == 0 && (*e)[n] == '=')
                        return equals ? streq(*e, p) : 1;
        return 0;
}

/* ---- security ---- */

static int apparmor(void)
{
        _cleanup_free_ char *s = NULL;

        return read_one_line("/sys/module/apparmor/parameters/enabled", &s) >= 0 && *s == 'Y';
}

static int secure_boot(void)
{
        static const char path[] =
                "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
        _cleanup_free_ char *s = NULL;
        size_t n = 0;

        return read_file(path, 64, &s, &n) >= 0 && n >= 5 && s[4] == 1;
}

static int audit(void)
{
        _cleanup_free_ char *s = NULL;

        /* the kernel offers it when each process has an audit session */
        return read_one_line("/proc/self/sessionid", &s) >= 0;
}

int test_security(struct manager *m, const char *p)
{
        static const struct {
                const char *name;
                int (*fn)(void);
                const char *path;
        } table[] = {
                { "selinux", NULL, "/sys/fs/selinux/enforce" },
                { "apparmor", apparmor, NULL },
                { "tomoyo", NULL, "/sys/kernel/security/tomoyo/version" },
                { "ima", NULL, "/sys/kernel/security/ima" },
                { "smack", NULL, "/sys/fs/smackfs" },
                { "audit", audit, NULL },
                { "uefi-secureboot", secure_boot, NULL },
                { "tpm2", NULL, "/sys/class/tpmrm/tpmrm0" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (streq(p, table[i].name))
                        return table[i].fn ? table[i].fn() : access(table[i].path, F_OK) >= 0;
        return 0;
}

/* Of the manager's bounding set. */
int test_capability(struct manager *m, const char *p)
{
        int n = capability_from_string(p);

        return n < 0 ? n : prctl(PR_CAPBSET_READ, (unsigned long)n, 0, 0, 0) > 0;
}

/* ---- state of the installation ---- */

int test_needs_update(struct manager *m, const char *p)
{
        if (cmdline_get(m->cmdline, "systemd.condition-needs-update"))
                return cmdline_bool(m->cmdline, "systemd.condition-needs-update", true);
        return m->in_initrd ? 0 : path_look(LOOK_NEEDS_UPDATE, p, NULL);
}

int test_first_boot(struct manager *m, const char *p)
{
        bool first =
                cmdline_bool(m->cmdline, "systemd.condition-first-boot", m->first_boot && !m->boot_finished);
        int want = parse_boolean(p);

        return want < 0 ? want : first == want;
}

/* Of the manager itself, which is root, or who it is in a container: a name is looked up in /etc/passwd and /etc/group,
 * as no other names belong to it. */
int test_user(struct manager *m, const char *p)
{
        _cleanup_(user_record_done) struct user_record u = { 0 };
        int r;

        if (streq(p, "@system"))
                return getuid() < 1000 || getuid() == 65534;
        r = user_lookup(p, &u);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        return u.uid == getuid() || u.uid == geteuid();
}

int test_group(struct manager *m, const char *p)
{
        gid_t groups[256];
        int n = getgroups(ARRAY_SIZE(groups), groups), r;
        gid_t gid;

        r = group_lookup(p, &gid);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        for (int i = 0; i < n; i++)
                if (groups[i] == gid)
                        return 1;
        return gid == getgid() || gid == getegid();
}

/* ---- cgroups, pressure, os-release ---- */

int test_controller(struct manager *m, const char *p)
{
        _cleanup_strv_ char **wanted = NULL, **have = NULL;
        _cleanup_free_ char *s = NULL;

        if (streq(p, "v2"))
                return access("/sys/fs/cgroup/cgroup.controllers", F_OK) >= 0;
        if (streq(p, "v1"))
                return access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0;
        wanted = strv_split(p, " \t");
        if (read_one_line("/sys/fs/cgroup/cgroup.controllers", &s) >= 0)
                have = strv_split(s, " \t\n");
        FOREACH_STR (w, wanted) {
                int64_t known;

                if (name_value(names_cgroup_controller, *w, &known) < 0)
                        continue;
                /* those that are always there on v2, in other clothes */
                if (streq(*w, "cpuacct") || startswith(*w, "bpf-") || streq(*w, "devices"))
                        continue;
                if (!strv_contains(have, *w))
                        return 0;
        }
        return 1;
}

/* "[SLICE:]10%[/1min]": is the pressure at most that? */
static int test_pressure(struct manager *m, const char *resource, const char *p)
{
        static const struct {
                const char *span, *field;
        } spans[] = {
                { "10sec", "avg10=" },
                { "1min", "avg60=" },
                { "5min", "avg300=" },
        };
        _cleanup_free_ char *slice = NULL, *path = NULL, *text = NULL, *limit_text = NULL;
        const char *colon = strchr(p, ':'), *slash, *line, *field = "avg300=", *found;
        uint32_t limit;
        int r;

        if (colon) {
                slice = strndup(p, (size_t)(colon - p));
                p = colon + 1;
        }
        slash = strchr(p, '/');
        limit_text = slash ? strndup(p, (size_t)(slash - p)) : strdup(p);
        if (!limit_text)
                return -ENOMEM;
        if (slash) {
                usec_t want, have;

                field = NULL;
                for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
                        if (parse_timespan(slash + 1, USEC_PER_SEC, &want) >= 0 &&
                                parse_timespan(spans[i].span, USEC_PER_SEC, &have) >= 0 && want == have)
                                field = spans[i].field;
                if (!field)
                        return -EINVAL;
        }
        r = parse_permyriad(str_strip(limit_text), false, &limit);
        if (r < 0)
                return r;
        if (slice) {
                struct unit *u = unit_find(m, str_strip(slice));

                if (!u || !u->cgroup_path)
                        return 1; /* nothing runs there */
                path = str_printf("/sys/fs/cgroup/%s/%s.pressure", u->cgroup_path, resource);
        } else
                path = str_printf("/proc/pressure/%s", resource);
        if (!path)
                return -ENOMEM;
        if (read_file(path, 4096, &text, NULL) < 0)
                return 1; /* the kernel does not measure it: as systemd, not a reason to hold back */
        line = strstr(text, "full ");
        found = strstr(line ? line : text, field);
        if (!found)
                return -EBADMSG;
        return strtod(found + strlen(field), NULL) * 100 <= limit;
}

int test_memory_pressure(struct manager *m, const char *p)
{
        return test_pressure(m, "memory", p);
}

int test_cpu_pressure(struct manager *m, const char *p)
{
        return test_pressure(m, "cpu", p);
}

int test_io_pressure(struct manager *m, const char *p)
{
        return test_pressure(m, "io", p);
}

struct os_release {
        const char *key;
        size_t key_len;
        char *value;
};

static int take_field(const char *key, const char *value, void *data)
{
        struct os_release *o = data;

        return strlen(key) == o->key_len && memcmp(key, o->key, o->key_len) == 0
                       ? str_replace(&o->value, value)
                       : 0;
}

/* "KEY op VALUE" words; all must hold. */
int test_os_release(struct manager *m, const char *p)
{
        for (bool any = false;; any = true) {
                _cleanup_free_ char *word = NULL, *found = NULL;
                struct os_release o;
                const char *s;
                enum compare_op op;
                int r = str_next_word(&p, &word, WORD_CUNESCAPE | WORD_RELAX);

                if (r <= 0)
                        return r < 0 ? r : any;
                o = (struct os_release) { .key = word, .key_len = strcspn(word, "!<=>$") };
                s = word + o.key_len;
                if (!*s || o.key_len == 0)
                        return -EINVAL;
                op = compare_operator(&s, OP_STRING_EQ, false);
                if (parse_env_file("/etc/os-release", take_field, &o) == -ENOENT)
                        (void)parse_env_file("/usr/lib/os-release", take_field, &o);
                found = o.value;
                if (!compare_strings(found ? found : "", op, s))
                        return 0;
        }
}
