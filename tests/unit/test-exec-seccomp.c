/* seccomp filters: by a small interpreter of the kernel's BPF, and in real children. */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "exec-stubs.h"
#include "init/exec-seccomp.h"
#include "tests/tap.h"

static struct exec_test t;

static uint32_t run_one(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
        uint32_t a = 0;

        for (size_t i = 0; i < n; i++) {
                switch (f[i].code) {
                case BPF_LD | BPF_W | BPF_ABS: memcpy(&a, (const char *)d + f[i].k, 4); break;
                case BPF_ALU | BPF_AND | BPF_K: a &= f[i].k; break;
                case BPF_JMP | BPF_JA: i += f[i].k; break;
                case BPF_JMP | BPF_JEQ | BPF_K: i += a == f[i].k ? f[i].jt : f[i].jf; break;
                case BPF_JMP | BPF_JGE | BPF_K: i += a >= f[i].k ? f[i].jt : f[i].jf; break;
                case BPF_JMP | BPF_JSET | BPF_K: i += a & f[i].k ? f[i].jt : f[i].jf; break;
                case BPF_RET | BPF_K: return f[i].k;
                default: return 0xdeadbeef;
                }
        }
        return 0xdeadbeef;
}

/* The most restrictive verdict of all programs, as the kernel takes it. */
static uint32_t verdict(uint32_t arch, int nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
        struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1, a2, a3 } };
        struct seccomp_programs p = { 0 };
        uint32_t worst = SECCOMP_RET_ALLOW;

        if (seccomp_compile("test.service", t.c, &p) < 0)
                return 0xdeadbeef;
        for (size_t at = 0; at < p.n; at += 2 + p.words[at] * 2) {
                uint32_t v = run_one((struct sock_filter *)(p.words + at + 2), p.words[at], &d);

                if ((int32_t)(v & SECCOMP_RET_ACTION_FULL) < (int32_t)(worst & SECCOMP_RET_ACTION_FULL))
                        worst = v;
        }
        free(p.words);
        return worst;
}

#define NATIVE(nr, ...) verdict(AUDIT_ARCH_X86_64, (nr), __VA_ARGS__)
#define ERR(e)          (SECCOMP_RET_ERRNO | (e))

static void filter_lists(void)
{
        t.c->syscall_filter.set = t.c->syscall_filter.allow_list = true;
        strv_add(&t.c->syscall_filter.names, "@system-service");
        strv_add(&t.c->syscall_filter.names, "~@privileged");
        strv_add(&t.c->syscall_filter.names, "~ptrace:ENOENT");
        is_int(NATIVE(SYS_read, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "@system-service: read");
        is_int(NATIVE(SYS_mount, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "mount kills");
        is_int(NATIVE(SYS_chown, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "~@privileged takes chown out");
        is_int(NATIVE(SYS_ptrace, 0, 0, 0, 0), ERR(ENOENT), "an errno of its own");
        is_int(NATIVE(SYS_execve, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "execve is always there");
        is_int(NATIVE(5000, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "unknown numbers are not allowed");
        is_int(verdict(AUDIT_ARCH_I386, 3, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "i386: read");
        is_int(verdict(AUDIT_ARCH_I386, 21, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "i386: mount");
        is_int(NATIVE(0x40000000 | SYS_read, 0, 0, 0, 0), ERR(ENOSYS), "x32 is not there");
        t.c->syscall_errno = EPERM;
        is_int(NATIVE(SYS_mount, 0, 0, 0, 0), ERR(EPERM), "SystemCallErrorNumber");
        exec_test_reset(&t);
        t.c->syscall_filter.set = true;
        strv_add(&t.c->syscall_filter.names, "@mount");
        strv_add(&t.c->syscall_filter.names, "reboot:EACCES");
        is_int(NATIVE(SYS_mount, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "deny list");
        is_int(NATIVE(SYS_reboot, 0, 0, 0, 0), ERR(EACCES), "with errno");
        is_int(NATIVE(SYS_read, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "the rest is allowed");
        is_int(NATIVE(5000, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "and what is unknown");
        exec_test_reset(&t);
        strv_add(&t.c->syscall_archs, "native");
        is_int(NATIVE(SYS_read, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "SystemCallArchitectures=native");
        is_int(verdict(AUDIT_ARCH_I386, 3, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "not i386");
        is_int(NATIVE(0x40000000 | SYS_read, 0, 0, 0, 0), SECCOMP_RET_KILL_PROCESS, "not x32");
        strv_add(&t.c->syscall_archs, "x86");
        is_int(verdict(AUDIT_ARCH_I386, 3, 0, 0, 0, 0), SECCOMP_RET_ALLOW, "x86 when it is named");
        exec_test_reset(&t);
}

static void arguments(void)
{
        t.c->address_families_set = t.c->address_families_allow = true;
        strv_add(&t.c->address_families, "AF_UNIX");
        strv_add(&t.c->address_families, "AF_INET6");
        is_int(NATIVE(SYS_socket, AF_UNIX, 0, 0, 0), SECCOMP_RET_ALLOW, "RestrictAddressFamilies: AF_UNIX");
        is_int(NATIVE(SYS_socket, AF_INET, 0, 0, 0), ERR(EAFNOSUPPORT), "not AF_INET");
        t.c->address_families_allow = false;
        is_int(NATIVE(SYS_socket, AF_UNIX, 0, 0, 0), ERR(EAFNOSUPPORT), "inverted");
        is_int(NATIVE(SYS_socket, AF_INET, 0, 0, 0), SECCOMP_RET_ALLOW, "the others");
        exec_test_reset(&t);
        t.c->restrict_namespaces_set = true;
        t.c->restrict_namespaces = CLONE_NEWNET;
        is_int(NATIVE(SYS_unshare, CLONE_NEWNET, 0, 0, 0), SECCOMP_RET_ALLOW,
                "RestrictNamespaces: net stays");
        is_int(NATIVE(SYS_unshare, CLONE_NEWNS, 0, 0, 0), ERR(EPERM), "mount does not");
        is_int(NATIVE(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0), ERR(EPERM), "clone");
        is_int(NATIVE(SYS_clone, SIGCHLD, 0, 0, 0), SECCOMP_RET_ALLOW, "fork");
        is_int(NATIVE(SYS_clone3, 0, 0, 0, 0), ERR(ENOSYS), "clone3 cannot be looked into");
        is_int(NATIVE(SYS_setns, 3, 0, 0, 0), ERR(EPERM), "setns of anything");
        is_int(NATIVE(SYS_setns, 3, CLONE_NEWNET, 0, 0), SECCOMP_RET_ALLOW, "setns of net");
        exec_test_reset(&t);
        t.c->restrict_realtime = true;
        is_int(NATIVE(SYS_sched_setscheduler, 0, SCHED_FIFO, 0, 0), ERR(EPERM), "RestrictRealtime: fifo");
        is_int(NATIVE(SYS_sched_setscheduler, 0, SCHED_RR | SCHED_RESET_ON_FORK, 0, 0), ERR(EPERM),
                "rr with flag");
        is_int(NATIVE(SYS_sched_setscheduler, 0, SCHED_BATCH, 0, 0), SECCOMP_RET_ALLOW, "batch");
        exec_test_reset(&t);
        t.c->restrict_suid_sgid = true;
        is_int(NATIVE(SYS_chmod, 0, 04755, 0, 0), ERR(EPERM), "RestrictSUIDSGID: chmod u+s");
        is_int(NATIVE(SYS_chmod, 0, 0755, 0, 0), SECCOMP_RET_ALLOW, "chmod");
        is_int(NATIVE(SYS_openat, 0, 0, O_CREAT, 02755), ERR(EPERM), "openat with O_CREAT");
        is_int(NATIVE(SYS_openat, 0, 0, O_RDONLY, 02755), SECCOMP_RET_ALLOW, "without");
        exec_test_reset(&t);
        t.c->memory_deny_write_execute = true;
        is_int(NATIVE(SYS_mmap, 0, 0, PROT_WRITE | PROT_EXEC, 0), ERR(EPERM),
                "MemoryDenyWriteExecute: mmap");
        is_int(NATIVE(SYS_mmap, 0, 0, PROT_READ | PROT_EXEC, 0), SECCOMP_RET_ALLOW, "mmap of a program");
        is_int(NATIVE(SYS_mprotect, 0, 0, PROT_EXEC, 0), ERR(EPERM), "mprotect");
        exec_test_reset(&t);
        t.c->lock_personality = true;
        is_int(NATIVE(SYS_personality, 8, 0, 0, 0), ERR(EPERM), "LockPersonality");
        is_int(NATIVE(SYS_personality, 0xffffffff, 0, 0, 0), SECCOMP_RET_ALLOW, "asking is allowed");
        exec_test_reset(&t);
        t.c->protect_clock = t.c->protect_kernel_modules = t.c->protect_hostname = t.c->protect_kernel_logs =
                true;
        is_int(NATIVE(SYS_settimeofday, 0, 0, 0, 0), ERR(EPERM), "ProtectClock");
        is_int(NATIVE(SYS_init_module, 0, 0, 0, 0), ERR(EPERM), "ProtectKernelModules");
        is_int(NATIVE(SYS_sethostname, 0, 0, 0, 0), ERR(EPERM), "ProtectHostname");
        is_int(NATIVE(SYS_syslog, 0, 0, 0, 0), ERR(EPERM), "ProtectKernelLogs");
        exec_test_reset(&t);
}

static void for_real(void)
{
        struct seccomp_programs p = { 0 };
        usec_t begin;

        t.c->syscall_filter.set = t.c->syscall_filter.allow_list = true;
        strv_add(&t.c->syscall_filter.names, "@system-service");
        strv_add(&t.c->syscall_archs, "native");
        t.c->memory_deny_write_execute = t.c->restrict_realtime = t.c->lock_personality = true;
        t.c->restrict_namespaces_set = true;
        if (getuid() == 0)
                t.c->user = strdup("daemon");
        begin = now_monotonic();
        seccomp_compile(NULL, t.c, &p);
        printf("# compiled in %lld us, %zu words\n", (long long)(now_monotonic() - begin), p.n);
        free(p.words);
        is_str(exec_test_sh(&t, "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; unshare -U true "
                                "2>/dev/null || echo no"),
                "NoNewPrivs:\t1\nSeccomp:\t2\nno\n", "a service under @system-service runs");
        exec_test_reset(&t);
        t.c->syscall_filter.set = true;
        strv_add(&t.c->syscall_filter.names, "uname");
        t.c->no_new_privileges = true;
        char *argv[] = { (char *)"/bin/uname", NULL };
        exec_test_run(&t, argv);
        is_int(t.code, CLD_DUMPED == t.code ? CLD_DUMPED : CLD_KILLED, "a forbidden call kills");
        is_int(t.status, SIGSYS, "by SIGSYS");
        t.c->syscall_errno = EACCES;
        exec_test_run(&t, argv);
        ok(t.code == CLD_EXITED && t.status != 0, "or is refused");
        exec_test_reset(&t);
}

int main(void)
{
        log_open("test", getenv("VERBOSE") ? LOG_TO_STDERR : LOG_TO_NULL);
        exec_test_init(&t);
        ok(seccomp_name_known("@system-service") && seccomp_name_known("read") &&
                        !seccomp_name_known("@nope"),
                "names");
        is_int(seccomp_syscall_number("openat"), SYS_openat, "numbers");
#ifdef __x86_64__
        filter_lists();
        arguments();
#endif
        for_real();
        exec_test_done(&t);
        return tap_done();
}
