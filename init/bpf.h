/* Programs for the kernel's virtual machine, assembled by PID 1 itself: a growing list of instructions, loading by
 * bpf(2), attaching to a cgroup. The programs for devices are in cgroup-bpf.c, those for the network in
 * cgroup-bpf-net.c. */
#pragma once

#include <linux/bpf.h>

#include "lib/util.h"

struct bpf_code {
        struct bpf_insn *v;
        size_t n, size;
        bool failed;      /* out of memory: said by bpf_load() */
        const char *name; /* by which bpf_find() finds it; NULL */
};

/* Appends one instruction; returns its index. */
size_t bpf_emit(struct bpf_code *c, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm);
/* The jump at index goes to the next instruction that is emitted. */
void bpf_jump_here(struct bpf_code *c, size_t index);
/* r0 = value; exit */
void bpf_return(struct bpf_code *c, int32_t value);
void bpf_done(struct bpf_code *c);

/* Descriptor of the program or -errno. attach_type: what it is checked for, 0 where the kind has only one. */
int bpf_load(const struct bpf_code *c, enum bpf_prog_type type, enum bpf_attach_type attach_type);
/* A program that somebody has pinned below /sys/fs/bpf. Descriptor or -errno. */
int bpf_open_pinned(const char *path);
/* Beside others on the same cgroup and above. cgroup: an O_PATH descriptor will do. 0 or -errno. */
int bpf_attach(int cgroup, int prog, enum bpf_attach_type type);

/* Of the programs on the cgroup itself, the one with this name: a descriptor or -errno. */
int bpf_find(int cgroup, enum bpf_attach_type type, const char *name);

/* An array of the kernel's that programs share with who reads it: a descriptor or -errno. */
int bpf_new_array(uint32_t value_size, uint32_t n);
/* r = the array */
void bpf_emit_map(struct bpf_code *c, uint8_t r, int map);
/* The (first) array of a program: a descriptor or -errno. */
int bpf_map_of(int prog);
int bpf_map_get(int map, const void *key, void *ret);
