/* seccomp filters without a library: names to numbers by a table made from the kernel's headers when rouse is built
 * (syscall-table.h), groups from syscall-groups.h, programs for the kernel's BPF machine assembled here.
 *
 * A context gives up to one program a feature, each of the form: which architecture? then a search by number, then
 * looks at arguments. Calls of an architecture that there is no table for get ENOSYS, as do x32's unless
 * SystemCallArchitectures= names it. SystemCallFilter= comes last, since it may forbid installing more. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "exec-seccomp.h"
#include "lib/log.h"
#include "syscall-groups.h"

struct syscall_row {
        const char *name;
        short native, compat;
};
static const struct syscall_row syscall_table[] = {
#include "syscall-table.h"
};

#if defined(__x86_64__)
#define AUDIT_NATIVE AUDIT_ARCH_X86_64
#define AUDIT_COMPAT AUDIT_ARCH_I386
#define NAME_NATIVE  "x86-64"
#define NAME_COMPAT  "x86"
#elif defined(__aarch64__)
#define AUDIT_NATIVE AUDIT_ARCH_AARCH64
#define NAME_NATIVE  "arm64"
#define NAME_COMPAT  "arm"
#else
#define NAME_NATIVE ""
#define NAME_COMPAT ""
#endif

#define X32_BIT    0x40000000u
#define NUMBERS    1024 /* system calls have smaller numbers */
#define ALLOW      SECCOMP_RET_ALLOW
#define REFUSE(e)  (SECCOMP_RET_ERRNO | ((unsigned)(e)&SECCOMP_RET_DATA))
#define ARG_LOW(i) (offsetof(struct seccomp_data, args) + (i)*8u) /* little endian */

/* ---- names ---- */

static int by_name(const void *key, const void *row)
{
        return strcmp(key, ((const struct syscall_row *)row)->name);
}

static const struct syscall_row *find_call(const char *name)
{
        return bsearch(name, syscall_table, ARRAY_SIZE(syscall_table), sizeof(syscall_table[0]), by_name);
}

static const char *find_group(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(syscall_groups); i++)
                if (streq(syscall_groups[i].name, name))
                        return syscall_groups[i].members;
        return NULL;
}

int seccomp_syscall_number(const char *name)
{
        const struct syscall_row *row = find_call(name);

        return row && row->native >= 0 ? row->native : -ENOENT;
}

bool seccomp_name_known(const char *name)
{
        return *name == '@' ? streq(name, "@known") || find_group(name) : find_call(name) != NULL;
}

/* ---- assembling ---- */

struct program {
        struct sock_filter *v;
        size_t n, cap;
        bool failed;
};

static size_t emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
        if (p->n == p->cap) {
                size_t cap = p->cap ? p->cap * 2 : 128;
                struct sock_filter *grown = realloc(p->v, cap * sizeof(*grown));

                if (!grown) {
                        p->failed = true;
                        return 0;
                }
                p->v = grown;
                p->cap = cap;
        }
        p->v[p->n] = (struct sock_filter) { .code = code, .k = k, .jt = jt, .jf = jf };
        return p->n++;
}

static void load(struct program *p, size_t offset)
{
        emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void ret(struct program *p, uint32_t action)
{
        emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/* A jump whose target is set by land(). */
static size_t jump(struct program *p)
{
        return emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void land(struct program *p, size_t at)
{
        if (!p->failed)
                p->v[at].k = (uint32_t)(p->n - at - 1);
}

/* "if not (A op k) go to": the jump to be landed. */
static size_t unless(struct program *p, uint16_t op, uint32_t k)
{
        emit(p, BPF_JMP | op | BPF_K, k, 1, 0);
        return jump(p);
}

/* Begins the part of one architecture; the result is landed where the next one begins. */
static size_t begin_arch(struct program *p, uint32_t audit_arch, bool x32)
{
        size_t next;

        load(p, offsetof(struct seccomp_data, arch));
        next = unless(p, BPF_JEQ, audit_arch);
        load(p, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
        if (audit_arch == AUDIT_ARCH_X86_64) {
                size_t plain = unless(p, BPF_JGE, X32_BIT);

                if (x32)
                        emit(p, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT, 0, 0);
                else
                        ret(p, REFUSE(ENOSYS));
                land(p, plain);
        }
#endif
        return next;
}

static void foreign(struct program *p)
{
        ret(p, REFUSE(ENOSYS));
}

/* Appends a finished program to the words. */
static int append(struct seccomp_programs *out, struct program *p)
{
        size_t words = 2 + p->n * 2;
        uint32_t *grown;

        if (p->failed || p->n == 0 || p->n > BPF_MAXINSNS) {
                free(p->v);
                return p->failed ? -ENOMEM : p->n ? -E2BIG : 0;
        }
        grown = realloc(out->words, (out->n + words) * sizeof(uint32_t));
        if (!grown) {
                free(p->v);
                return -ENOMEM;
        }
        grown[out->n] = (uint32_t)p->n;
        grown[out->n + 1] = 0;
        memcpy(grown + out->n + 2, p->v, p->n * sizeof(*p->v));
        out->words = grown;
        out->n += words;
        free(p->v);
        return 0;
}

/* ---- lists of calls ---- */

/* What to do with each number, for both architectures. */
struct verdicts {
        uint32_t native[NUMBERS], compat[NUMBERS];
};

static struct verdicts *verdicts_new(uint32_t action)
{
        struct verdicts *v = malloc(sizeof(*v));

        for (size_t i = 0; v && i < NUMBERS; i++)
                v->native[i] = v->compat[i] = action;
        return v;
}

static void set_call(struct verdicts *v, const struct syscall_row *row, uint32_t action)
{
        if (row->native >= 0 && row->native < NUMBERS)
                v->native[row->native] = action;
        if (row->compat >= 0 && row->compat < NUMBERS)
                v->compat[row->compat] = action;
}

/* A name or a group with all that is in it. false when unknown. */
static bool set_name(struct verdicts *v, const char *name, uint32_t action, unsigned depth)
{
        const struct syscall_row *row;
        const char *members;
        char word[64];

        if (*name != '@') {
                row = find_call(name);
                if (row)
                        set_call(v, row, action);
                return row;
        }
        if (streq(name, "@known")) {
                for (size_t i = 0; i < ARRAY_SIZE(syscall_table); i++)
                        set_call(v, &syscall_table[i], action);
                return true;
        }
        members = find_group(name);
        for (const char *s = members; s && *s && depth < 8; s += strspn(s, " ")) {
                size_t n = strcspn(s, " ");

                if (n < sizeof(word)) {
                        memcpy(word, s, n);
                        word[n] = '\0';
                        set_name(v, word, action, depth + 1);
                }
                s += n;
        }
        return members;
}

/* Runs of equal verdicts as a search tree. */
struct run {
        uint32_t first, action;
};

static void emit_tree(struct program *p, const struct run *r, size_t n)
{
        size_t half = n / 2, left;

        if (n == 1) {
                ret(p, r->action);
                return;
        }
        emit(p, BPF_JMP | BPF_JGE | BPF_K, r[half].first, 0, 1);
        left = jump(p); /* taken when the number is in the right half */
        emit_tree(p, r, half);
        land(p, left);
        emit_tree(p, r + half, n - half);
}

static void emit_verdicts(struct program *p, const uint32_t *v, uint32_t beyond)
{
        struct run runs[NUMBERS + 1];
        size_t n = 0;

        for (uint32_t i = 0; i < NUMBERS; i++)
                if (n == 0 || runs[n - 1].action != v[i])
                        runs[n++] = (struct run) { i, v[i] };
        if (runs[n - 1].action != beyond)
                runs[n++] = (struct run) { NUMBERS, beyond };
        emit_tree(p, runs, n);
}

static int append_verdicts(struct seccomp_programs *out, const struct verdicts *v, uint32_t beyond, bool x32)
{
        struct program p = { 0 };
        size_t next;

#ifdef AUDIT_NATIVE
        next = begin_arch(&p, AUDIT_NATIVE, x32);
        emit_verdicts(&p, v->native, beyond);
        land(&p, next);
#endif
#ifdef AUDIT_COMPAT
        next = begin_arch(&p, AUDIT_COMPAT, x32);
        emit_verdicts(&p, v->compat, beyond);
        land(&p, next);
#endif
        foreign(&p);
        return append(out, &p);
}

/* "name", "~name" (taken out again), "name:EPERM". */
static void apply_word(const char *unit, struct verdicts *v, const struct exec_syscalls *f, const char *word,
        uint32_t listed, uint32_t other)
{
        bool remove = *word == '~';
        _cleanup_free_ char *name = strdup(word + remove);
        char *colon = name ? strchr(name, ':') : NULL;
        uint32_t action = remove ? other : listed;

        if (!name)
                return;
        if (colon) {
                int e;

                *colon++ = '\0';
                e = errno_number(colon);
                /* an errno goes with what is denied */
                if ((f->allow_list && remove) || (!f->allow_list && !remove))
                        action = streq(colon, "kill") ? SECCOMP_RET_KILL_PROCESS
                                 : e > 0              ? REFUSE(e)
                                                      : action;
        }
        if (!set_name(v, name, action, 0))
                log_unit(unit, LOG_NOTICE,
                        "SystemCallFilter: there is no system call \"%s\" on this architecture, ignored",
                        name);
}

static int compile_filter(
        const char *unit, const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        static const char *const always[] = { "execve", "exit", "exit_group", "getrlimit", "rt_sigreturn",
                "sigreturn" };
        uint32_t deny = c->syscall_errno ? REFUSE(c->syscall_errno) : SECCOMP_RET_KILL_PROCESS;
        uint32_t listed = c->syscall_filter.allow_list ? ALLOW : deny,
                 other = c->syscall_filter.allow_list ? deny : ALLOW;
        struct verdicts *v = verdicts_new(other);
        int r;

        if (!v)
                return -ENOMEM;
        if (c->syscall_filter.allow_list) {
                set_name(v, "@default", ALLOW, 0);
                for (size_t i = 0; i < ARRAY_SIZE(always); i++)
                        set_name(v, always[i], ALLOW, 0);
        }
        FOREACH_STR (w, c->syscall_filter.names)
                apply_word(unit, v, &c->syscall_filter, *w, listed, other);
        r = append_verdicts(out, v, other, x32);
        free(v);
        return r;
}

static int compile_log(
        const char *unit, const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        uint32_t listed = c->syscall_log.allow_list ? SECCOMP_RET_LOG : ALLOW,
                 other = c->syscall_log.allow_list ? ALLOW : SECCOMP_RET_LOG;
        struct verdicts *v = verdicts_new(other);
        int r;

        if (!v)
                return -ENOMEM;
        FOREACH_STR (w, c->syscall_log.names)
                set_name(v, *w + (**w == '~'), **w == '~' ? other : listed, 0);
        r = append_verdicts(out, v, other, x32);
        free(v);
        return r;
}

/* Calls that Protect…= and PrivateDevices= take away, with EPERM. */
static int compile_protection(const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        const struct {
                bool on;
                const char *names[3];
        } list[] = {
                { c->protect_clock, { "@clock" } },
                { c->protect_kernel_modules, { "@module" } },
                { c->protect_kernel_logs, { "syslog" } },
                { c->protect_kernel_tunables, { "_sysctl" } },
                { c->protect_hostname, { "sethostname", "setdomainname" } },
                { c->private_devices, { "@raw-io" } },
        };
        struct verdicts *v = verdicts_new(ALLOW);
        int r;

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(list); i++)
                for (size_t k = 0; list[i].on && list[i].names[k]; k++)
                        set_name(v, list[i].names[k], REFUSE(EPERM), 0);
        r = append_verdicts(out, v, ALLOW, x32);
        free(v);
        return r;
}

/* ---- looking at arguments ---- */

enum test { END, ANY_BITS, ALL_BITS, EQUAL, NOT_EQUAL };
struct argument {
        uint8_t test, index;
        uint32_t value;
};
struct rule {
        const char *name;
        struct argument args[2]; /* all must hold */
        int error;
};

/* if (call is name && arguments fit) refuse */
static void emit_rule(struct program *p, const struct rule *r, int number)
{
        size_t skip[3], n = 0;

        if (number < 0)
                return;
        load(p, offsetof(struct seccomp_data, nr));
        skip[n++] = unless(p, BPF_JEQ, (uint32_t)number);
        for (size_t i = 0; i < ARRAY_SIZE(r->args) && r->args[i].test; i++) {
                const struct argument *a = &r->args[i];

                load(p, ARG_LOW(a->index));
                if (a->test == ALL_BITS)
                        emit(p, BPF_ALU | BPF_AND | BPF_K, a->value, 0, 0);
                if (a->test == NOT_EQUAL) {
                        emit(p, BPF_JMP | BPF_JEQ | BPF_K, a->value, 0, 1);
                        skip[n++] = jump(p);
                } else
                        skip[n++] = unless(p, a->test == ANY_BITS ? BPF_JSET : BPF_JEQ, a->value);
        }
        ret(p, REFUSE(r->error));
        while (n > 0)
                land(p, skip[--n]);
}

static int append_rules(struct seccomp_programs *out, const struct rule *rules, size_t n, bool x32)
{
        struct program p = { 0 };
        size_t next;

#ifdef AUDIT_NATIVE
        next = begin_arch(&p, AUDIT_NATIVE, x32);
        for (size_t i = 0; i < n; i++) {
                const struct syscall_row *row = find_call(rules[i].name);

                emit_rule(&p, &rules[i], row ? row->native : -1);
        }
        ret(&p, ALLOW);
        land(&p, next);
#endif
#ifdef AUDIT_COMPAT
        next = begin_arch(&p, AUDIT_COMPAT, x32);
        for (size_t i = 0; i < n; i++) {
                const struct syscall_row *row = find_call(rules[i].name);

                emit_rule(&p, &rules[i], row ? row->compat : -1);
        }
        ret(&p, ALLOW);
        land(&p, next);
#endif
        foreign(&p);
        return append(out, &p);
}

static int compile_namespaces(const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        static const uint32_t all = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET |
                                    CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS | 0x80 /* time */;
        uint32_t deny = all & ~(uint32_t)c->restrict_namespaces;
        /* 0x80 is part of clone's signal number */
        const struct rule rules[] = {
                { "unshare", { { ANY_BITS, 0, deny } }, EPERM },
                { "clone", { { ANY_BITS, 0, deny & ~0xffu } }, EPERM },
                { "clone3", { { END, 0, 0 } }, ENOSYS }, /* its flags are in memory; callers fall back */
                { "setns", { { EQUAL, 1, 0 } }, EPERM },
                { "setns", { { ANY_BITS, 1, deny } }, EPERM },
        };

        return append_rules(out, rules, deny ? ARRAY_SIZE(rules) : 0, x32);
}

static int compile_suid(bool x32, struct seccomp_programs *out)
{
        static const uint32_t bits = S_ISUID | S_ISGID;
        const struct rule rules[] = {
                { "chmod", { { ANY_BITS, 1, bits } }, EPERM },
                { "fchmod", { { ANY_BITS, 1, bits } }, EPERM },
                { "fchmodat", { { ANY_BITS, 2, bits } }, EPERM },
                { "fchmodat2", { { ANY_BITS, 2, bits } }, EPERM },
                { "mkdir", { { ANY_BITS, 1, bits } }, EPERM },
                { "mkdirat", { { ANY_BITS, 2, bits } }, EPERM },
                { "mknod", { { ANY_BITS, 1, bits } }, EPERM },
                { "mknodat", { { ANY_BITS, 2, bits } }, EPERM },
                { "creat", { { ANY_BITS, 1, bits } }, EPERM },
                { "open", { { ANY_BITS, 1, O_CREAT }, { ANY_BITS, 2, bits } }, EPERM },
                { "open", { { ALL_BITS, 1, O_TMPFILE }, { ANY_BITS, 2, bits } }, EPERM },
                { "openat", { { ANY_BITS, 2, O_CREAT }, { ANY_BITS, 3, bits } }, EPERM },
                { "openat", { { ALL_BITS, 2, O_TMPFILE }, { ANY_BITS, 3, bits } }, EPERM },
                { "openat2", { { END, 0, 0 } }, ENOSYS },
        };

        return append_rules(out, rules, ARRAY_SIZE(rules), x32);
}

static int compile_mdwe(bool x32, struct seccomp_programs *out)
{
        static const struct rule rules[] = {
                { "mmap", { { ALL_BITS, 2, PROT_WRITE | PROT_EXEC } }, EPERM },
                { "mmap2", { { ALL_BITS, 2, PROT_WRITE | PROT_EXEC } }, EPERM },
                { "mprotect", { { ANY_BITS, 2, PROT_EXEC } }, EPERM },
                { "pkey_mprotect", { { ANY_BITS, 2, PROT_EXEC } }, EPERM },
                { "shmat", { { ANY_BITS, 2, SHM_EXEC } }, EPERM },
        };

        return append_rules(out, rules, ARRAY_SIZE(rules), x32);
}

static int compile_realtime(bool x32, struct seccomp_programs *out)
{
        struct rule rules[64];
        size_t n = 0;

        /* every policy but other, batch and idle, with and without reset-on-fork */
        for (uint32_t policy = 0; policy < 16; policy++)
                for (uint32_t flag = 0; flag < 2; flag++)
                        if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
                                rules[n++] = (struct rule) { "sched_setscheduler",
                                        { { EQUAL, 1, policy | (flag ? SCHED_RESET_ON_FORK : 0u) } },
                                        EPERM };
        rules[n++] = (struct rule) { "sched_setattr", { { END, 0, 0 } }, EPERM };
        return append_rules(out, rules, n, x32);
}

static int compile_personality(const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        const struct rule rules[] = {
                { "personality",
                        { { NOT_EQUAL, 0, c->personality == ~0ul ? 0 : (uint32_t)c->personality },
                                { NOT_EQUAL, 0, UINT32_MAX } },
                        EPERM },
        };

        return append_rules(out, rules, ARRAY_SIZE(rules), x32);
}

/* ---- address families ---- */

static const struct {
        const char *name;
        int number;
} families[] = {
        { "AF_UNIX", 1 },
        { "AF_LOCAL", 1 },
        { "AF_INET", 2 },
        { "AF_AX25", 3 },
        { "AF_IPX", 4 },
        { "AF_APPLETALK", 5 },
        { "AF_NETROM", 6 },
        { "AF_BRIDGE", 7 },
        { "AF_ATMPVC", 8 },
        { "AF_X25", 9 },
        { "AF_INET6", 10 },
        { "AF_ROSE", 11 },
        { "AF_DECnet", 12 },
        { "AF_NETBEUI", 13 },
        { "AF_SECURITY", 14 },
        { "AF_KEY", 15 },
        { "AF_NETLINK", 16 },
        { "AF_ROUTE", 16 },
        { "AF_PACKET", 17 },
        { "AF_ASH", 18 },
        { "AF_ECONET", 19 },
        { "AF_ATMSVC", 20 },
        { "AF_RDS", 21 },
        { "AF_SNA", 22 },
        { "AF_IRDA", 23 },
        { "AF_PPPOX", 24 },
        { "AF_WANPIPE", 25 },
        { "AF_LLC", 26 },
        { "AF_IB", 27 },
        { "AF_MPLS", 28 },
        { "AF_CAN", 29 },
        { "AF_TIPC", 30 },
        { "AF_BLUETOOTH", 31 },
        { "AF_IUCV", 32 },
        { "AF_RXRPC", 33 },
        { "AF_ISDN", 34 },
        { "AF_PHONET", 35 },
        { "AF_IEEE802154", 36 },
        { "AF_CAIF", 37 },
        { "AF_ALG", 38 },
        { "AF_NFC", 39 },
        { "AF_VSOCK", 40 },
        { "AF_KCM", 41 },
        { "AF_QIPCRTR", 42 },
        { "AF_SMC", 43 },
        { "AF_XDP", 44 },
        { "AF_MCTP", 45 },
};

static int family_number(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                if (streq(families[i].name, name))
                        return families[i].number;
        return -1;
}

static void emit_families(struct program *p, const char *unit, const struct exec_context *c, int number)
{
        uint32_t listed = c->address_families_allow ? ALLOW : REFUSE(EAFNOSUPPORT);
        size_t skip;

        if (number < 0)
                return;
        skip = unless(p, BPF_JEQ, (uint32_t)number);
        load(p, ARG_LOW(0));
        FOREACH_STR (f, c->address_families) {
                int family = family_number(*f);

                if (family < 0) {
                        log_unit(unit, LOG_NOTICE,
                                "RestrictAddressFamilies: there is no address family \"%s\", ignored", *f);
                        continue;
                }
                emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)family, 0, 1);
                ret(p, listed);
        }
        ret(p, c->address_families_allow ? REFUSE(EAFNOSUPPORT) : ALLOW);
        land(p, skip);
}

static int compile_families(
        const char *unit, const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        const struct syscall_row *row = find_call("socket");
        struct program p = { 0 };
        size_t next;

#ifdef AUDIT_NATIVE
        next = begin_arch(&p, AUDIT_NATIVE, x32);
        emit_families(&p, unit, c, row ? row->native : -1);
        ret(&p, ALLOW);
        land(&p, next);
#endif
#ifdef AUDIT_COMPAT
        /* socketcall(2) has its arguments in memory and cannot be looked into: systemd.exec(5) says so, too */
        next = begin_arch(&p, AUDIT_COMPAT, x32);
        emit_families(&p, NULL, c, row ? row->compat : -1);
        ret(&p, ALLOW);
        land(&p, next);
#endif
        foreign(&p);
        return append(out, &p);
}

/* ---- architectures ---- */

static int compile_architectures(const struct exec_context *c, bool x32, struct seccomp_programs *out)
{
        struct program p = { 0 };
        size_t next;

#ifdef AUDIT_NATIVE
        load(&p, offsetof(struct seccomp_data, arch));
        next = unless(&p, BPF_JEQ, AUDIT_NATIVE);
#if defined(__x86_64__)
        if (!x32) {
                load(&p, offsetof(struct seccomp_data, nr));
                size_t plain = unless(&p, BPF_JGE, X32_BIT);

                ret(&p, SECCOMP_RET_KILL_PROCESS);
                land(&p, plain);
        }
#endif
        ret(&p, ALLOW);
        land(&p, next);
#endif
#ifdef AUDIT_COMPAT
        if (strv_contains(c->syscall_archs, NAME_COMPAT)) {
                load(&p, offsetof(struct seccomp_data, arch));
                next = unless(&p, BPF_JEQ, AUDIT_COMPAT);
                ret(&p, ALLOW);
                land(&p, next);
        }
#endif
        ret(&p, SECCOMP_RET_KILL_PROCESS);
        return append(out, &p);
}

/* ---- all of it ---- */

static bool wants_protection(const struct exec_context *c)
{
        return c->protect_clock || c->protect_kernel_modules || c->protect_kernel_logs ||
               c->protect_kernel_tunables || c->protect_hostname || c->private_devices;
}

bool seccomp_wanted(const struct exec_context *c)
{
        return wants_protection(c) || c->syscall_filter.set || c->syscall_log.set || c->syscall_archs ||
               c->address_families_set || c->restrict_namespaces_set || c->restrict_realtime ||
               c->restrict_suid_sgid || c->dynamic_user || c->lock_personality ||
               c->memory_deny_write_execute;
}

int seccomp_compile(const char *unit, const struct exec_context *c, struct seccomp_programs *ret_programs)
{
        struct seccomp_programs out = { 0 };
        bool x32 = strv_contains(c->syscall_archs, "x32");
        int r = 0;

        if (!*NAME_NATIVE)
                return seccomp_wanted(c) ? -EOPNOTSUPP : 0;
        if (c->syscall_archs)
                r = compile_architectures(c, x32, &out);
        if (r >= 0 && c->address_families_set)
                r = compile_families(unit, c, x32, &out);
        if (r >= 0 && c->memory_deny_write_execute)
                r = compile_mdwe(x32, &out);
        if (r >= 0 && c->restrict_realtime)
                r = compile_realtime(x32, &out);
        if (r >= 0 && (c->restrict_suid_sgid || c->dynamic_user))
                r = compile_suid(x32, &out);
        if (r >= 0 && c->restrict_namespaces_set)
                r = compile_namespaces(c, x32, &out);
        if (r >= 0 && c->lock_personality)
                r = compile_personality(c, x32, &out);
        if (r >= 0 && wants_protection(c))
                r = compile_protection(c, x32, &out);
        if (r >= 0 && c->syscall_log.set)
                r = compile_log(unit, c, x32, &out);
        if (r >= 0 && c->syscall_filter.set)
                r = compile_filter(unit, c, x32, &out);
        if (r < 0) {
                free(out.words);
                return r;
        }
        *ret_programs = out;
        return 0;
}
