/* Assembling, loading and attaching programs of the kernel's virtual machine: bpf.h. */
#include "bpf.h"

#include <fcntl.h>
#include <stdio.h>
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
        int fd;

        snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", c->name ?: "");
        fd = c->failed ? -1 : (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

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

/* ---- finding, arrays ---- */

static int by_id(int command, uint32_t id)
{
        union bpf_attr attr = { .prog_id = id };
        int fd = (int)syscall(SYS_bpf, command, &attr, sizeof(attr));

        return fd < 0 ? -errno : fd;
}

static int info_of(int prog, struct bpf_prog_info *info)
{
        union bpf_attr attr = {
                .info = { .bpf_fd = (uint32_t)prog, .info_len = sizeof(*info), .info = (uintptr_t)info }
        };

        return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int bpf_find(int cgroup, enum bpf_attach_type type, const char *name)
{
        _cleanup_close_ int fd = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint32_t ids[64];
        union bpf_attr attr = { .query = { .target_fd = (uint32_t)fd,
                                        .attach_type = type,
                                        .prog_ids = (uintptr_t)ids,
                                        .prog_cnt = ARRAY_SIZE(ids) } };

        if (fd < 0 || (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0 && errno != ENOSPC))
                return -errno;
        for (uint32_t i = 0; i < MIN(attr.query.prog_cnt, ARRAY_SIZE(ids)); i++) {
                _cleanup_close_ int prog = by_id(BPF_PROG_GET_FD_BY_ID, ids[i]);
                struct bpf_prog_info info = { 0 };

                if (prog >= 0 && info_of(prog, &info) >= 0 && streq(info.name, name))
                        return TAKE_FD(prog);
        }
        return -ENOENT;
}

int bpf_new_array(uint32_t value_size, uint32_t n)
{
        union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
                .key_size = sizeof(uint32_t),
                .value_size = value_size,
                .max_entries = n };
        int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

        return fd < 0 ? -errno : fd;
}

void bpf_emit_map(struct bpf_code *c, uint8_t r, int map)
{
        bpf_emit(c, BPF_LD | BPF_DW | BPF_IMM, r, BPF_PSEUDO_MAP_FD, 0, map);
        bpf_emit(c, 0, 0, 0, 0, 0); /* the upper half */
}

int bpf_map_of(int prog)
{
        uint32_t id = 0;
        struct bpf_prog_info info = { .nr_map_ids = 1, .map_ids = (uintptr_t)&id };
        int r = info_of(prog, &info);

        return r < 0 ? r : id == 0 ? -ENOENT : by_id(BPF_MAP_GET_FD_BY_ID, id);
}

int bpf_map_get(int map, const void *key, void *ret)
{
        union bpf_attr attr = { .map_fd = (uint32_t)map, .key = (uintptr_t)key, .value = (uintptr_t)ret };

        return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) < 0 ? -errno : 0;
}
