/* System calls without libc: no errno, no thread state, nothing that a child which shares its parent's memory could
 * disturb. Each returns the kernel's own value: a negative errno on failure. */
#pragma once

#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long ret;

        __asm__ volatile("syscall"
                         : "=a"(ret)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return ret;
}
#define RAW_CLONE_VM 1
#elif defined(__aarch64__)
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
        register long x8 __asm__("x8") = nr;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;
        register long x4 __asm__("x4") = e;
        register long x5 __asm__("x5") = f;

        __asm__ volatile("svc 0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
        return x0;
}
#define RAW_CLONE_VM 1
#else
/* Elsewhere libc's syscall(2), and a child with memory of its own. */
#include <errno.h>
#include <unistd.h>
static inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
        long r = syscall(nr, a, b, c, d, e, f);

        return r < 0 ? -errno : r;
}
#define RAW_CLONE_VM 0
#endif

/* A sanitizer's run-time keeps books about stacks and memory that a second process in them would spoil. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef RAW_CLONE_VM
#define RAW_CLONE_VM 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef RAW_CLONE_VM
#define RAW_CLONE_VM 0
#endif
#endif

#define RAW_ARG(x)           ((long)(x))
#define RAW0(nr)             raw_syscall((nr), 0, 0, 0, 0, 0, 0)
#define RAW1(nr, a)          raw_syscall((nr), RAW_ARG(a), 0, 0, 0, 0, 0)
#define RAW2(nr, a, b)       raw_syscall((nr), RAW_ARG(a), RAW_ARG(b), 0, 0, 0, 0)
#define RAW3(nr, a, b, c)    raw_syscall((nr), RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), 0, 0, 0)
#define RAW4(nr, a, b, c, d) raw_syscall((nr), RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), RAW_ARG(d), 0, 0)
#define RAW5(nr, a, b, c, d, e)                                                                             \
        raw_syscall((nr), RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), RAW_ARG(d), RAW_ARG(e), 0)

static inline long raw_openat(int dir, const char *path, int flags, unsigned mode)
{
        return RAW4(SYS_openat, dir, path, flags, mode);
}
static inline long raw_open(const char *path, int flags)
{
        return raw_openat(-100 /* AT_FDCWD */, path, flags, 0);
}
static inline long raw_close(int fd)
{
        return RAW1(SYS_close, fd);
}
static inline long raw_write(int fd, const void *data, unsigned long len)
{
        return RAW3(SYS_write, fd, data, len);
}

#if RAW_CLONE_VM
#include <linux/sched.h>
#endif
#if RAW_CLONE_VM && defined(__x86_64__)
/* clone3 whose child calls fn(arg) on its own stack; the parent gets the pid or a negative errno. */
static inline long raw_clone_onto(struct clone_args *args, void (*fn)(void *), void *arg)
{
        register void (*r12)(void *) __asm__("r12") = fn;
        register void *r13 __asm__("r13") = arg;
        long ret;

        __asm__ volatile("syscall\n\t"
                         "test %%rax, %%rax\n\t"
                         "jnz 1f\n\t"
                         "xor %%ebp, %%ebp\n\t"
                         "mov %%r13, %%rdi\n\t"
                         "call *%%r12\n\t"
                         "hlt\n"
                         "1:"
                         : "=a"(ret)
                         : "a"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(r12), "r"(r13)
                         : "rcx", "r11", "memory");
        return ret;
}
#elif RAW_CLONE_VM && defined(__aarch64__)
static inline long raw_clone_onto(struct clone_args *args, void (*fn)(void *), void *arg)
{
        register long x8 __asm__("x8") = SYS_clone3;
        register long x0 __asm__("x0") = (long)args;
        register long x1 __asm__("x1") = sizeof(*args);
        register void (*x19)(void *) __asm__("x19") = fn;
        register void *x20 __asm__("x20") = arg;

        __asm__ volatile("svc 0\n\t"
                         "cbnz x0, 1f\n\t"
                         "mov x29, xzr\n\t"
                         "mov x0, x20\n\t"
                         "blr x19\n\t"
                         "brk 1\n"
                         "1:"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x19), "r"(x20)
                         : "memory", "x30");
        return x0;
}
#endif
