/* Assembling, loading and attaching programs of the kernel's virtual machine: bpf.h. */
#include "bpf.h"

#include <fcntl.h>
#include <sys/syscall.h>

size_t bpf_emit(struct bpf_code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
        if (c->n == c->size) {
                size_t size = c->size * 2 + 64;
                struct bpf_insn *grown = realloc(c->v, size * sizeof(*grown));

                if (!grown) {
                        c->failed = true;
                        return 0;
                }
                c->v = grown;
                c->size = size;
        }
        c->v[c->n] = (struct bpf_insn) {
                .code = code, .dst_reg = dst & 15u, .src_reg = src & 15u, .off = off, .imm = imm
        };
        return c->n++;
}

void bpf_jump_here(struct bpf_code *c, size_t index)
{
        size_t distance = c->n - index - 1;

        if (c->failed)
                return;
        if (distance > INT16_MAX)
                c->failed = true;
        else
                c->v[index].off = (int16_t)distance;
}

void bpf_return(struct bpf_code *c, int32_t value)
{
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value);
        bpf_emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void bpf_done(struct bpf_code *c)
{
        free(c->v);
        *c = (struct bpf_code) { 0 };
}

int bpf_load(const struct bpf_code *c, enum bpf_prog_type type, enum bpf_attach_type attach_type)
{
        static const char license[] = "GPL";
        union bpf_attr attr = { .prog_type = type,
                .insns = (uintptr_t)c->v,
                .insn_cnt = (uint32_t)c->n,
                .license = (uintptr_t)license,
                .expected_attach_type = attach_type };
        int fd = c->failed ? -1 : (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

        return c->failed ? -ENOMEM : fd < 0 ? -errno : fd;
}

int bpf_open_pinned(const char *path)
{
        union bpf_attr attr = { .pathname = (uintptr_t)path };
        int fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));

        return fd < 0 ? -errno : fd;
}

int bpf_attach(int cgroup, int prog, enum bpf_attach_type type)
{
        _cleanup_close_ int fd = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        union bpf_attr attr = { .target_fd = (uint32_t)fd,
                .attach_bpf_fd = (uint32_t)prog,
                .attach_type = type,
                .attach_flags = BPF_F_ALLOW_MULTI };

        return fd < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}
