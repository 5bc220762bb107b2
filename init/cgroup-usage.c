/* What a unit has used: the processor, block devices (io.stat), the network (IPAccounting=).
 *
 * Bytes and packets are counted by a program on the unit's cgroup for each direction, in one array of the kernel's. PID
 * 1 keeps no descriptor of it: the program stays with the cgroup and is found there by its name, by the next PID 1 too.
 * When the cgroup goes, what was used is kept, until the unit is started again. */
#include <inttypes.h>

#include "bpf.h"
#include "cgroup.h"
#include "manager.h"

#define PROGRAM_NAME "rouse_account"

enum { COUNT_INGRESS, COUNT_EGRESS, COUNT_MAX };
struct count {
        uint64_t bytes, packets;
};

static const enum bpf_attach_type directions[COUNT_MAX] = {
        [COUNT_INGRESS] = BPF_CGROUP_INET_INGRESS,
        [COUNT_EGRESS] = BPF_CGROUP_INET_EGRESS,
};

/* ---- counting ---- */

/* *(u64 *)(r0 + offset) += register, at once for all processors */
static void emit_add(struct bpf_code *c, uint8_t reg, size_t offset)
{
        bpf_emit(c, BPF_STX | BPF_ATOMIC | BPF_DW, 0, reg, (int16_t)offset, BPF_ADD);
}

static int attach_counter(int cgroup, int map, int direction)
{
        struct bpf_code c = { .name = PROGRAM_NAME };
        _cleanup_close_ int prog = -1;
        size_t nowhere;

        bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct __sk_buff, len), 0);
        bpf_emit(&c, BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, direction); /* the key */
        bpf_emit_map(&c, 1, map);
        bpf_emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
        bpf_emit(&c, BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4);
        bpf_emit(&c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem);
        nowhere = bpf_emit(&c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
        emit_add(&c, 7, offsetof(struct count, bytes));
        bpf_emit(&c, BPF_ALU64 | BPF_MOV | BPF_K, 7, 0, 0, 1);
        emit_add(&c, 7, offsetof(struct count, packets));
        bpf_jump_here(&c, nowhere);
        bpf_return(&c, 1);
        prog = bpf_load(&c, BPF_PROG_TYPE_CGROUP_SKB, directions[direction]);
        bpf_done(&c);
        return prog < 0 ? prog : bpf_attach(cgroup, prog, directions[direction]);
}

int cgroup_apply_accounting(struct unit *u, int cgroup)
{
        _cleanup_close_ int map = -1, there = -1;
        int r = 0;

        if (!unit_cgroup_context(u)->ip_accounting)
                return 0;
        there = bpf_find(cgroup, directions[0], PROGRAM_NAME);
        if (there >= 0)
                return 0;
        map = bpf_new_array(sizeof(struct count), COUNT_MAX);
        if (map < 0)
                r = map;
        for (int i = 0; i < COUNT_MAX && r >= 0; i++)
                r = attach_counter(cgroup, map, i);
        if (r < 0)
                log_unit_errno(u->id, u->manager->container && r == -EPERM ? LOG_DEBUG : LOG_WARNING, r,
                        "IPAccounting= has no effect: the kernel does not take the program: %m");
        return r;
}

/* ---- reading ---- */

static void read_network(struct unit *u, uint64_t v[])
{
        _cleanup_close_ int prog = bpf_find(u->cgroup_fd, directions[0], PROGRAM_NAME),
                            map = prog < 0 ? prog : bpf_map_of(prog);
        struct count n[COUNT_MAX];

        for (uint32_t i = 0; i < COUNT_MAX; i++)
                if (map < 0 || bpf_map_get(map, &i, &n[i]) < 0)
                        return;
        v[USAGE_IP_INGRESS_BYTES] = n[COUNT_INGRESS].bytes;
        v[USAGE_IP_INGRESS_PACKETS] = n[COUNT_INGRESS].packets;
        v[USAGE_IP_EGRESS_BYTES] = n[COUNT_EGRESS].bytes;
        v[USAGE_IP_EGRESS_PACKETS] = n[COUNT_EGRESS].packets;
}

static void read_cpu(struct unit *u, uint64_t v[])
{
        _cleanup_free_ char *stat = NULL;
        const char *p;
        uint64_t usec;

        if (cgroup_get_attr(u, "cpu.stat", &stat) < 0 || !(p = startswith(stat, "usage_usec ")))
                return;
        stat[strcspn(stat, "\n")] = '\0';
        if (parse_u64(p, &usec) >= 0)
                v[USAGE_CPU_NSEC] = usec * 1000;
}

/* The sum of a counter over the devices of io.stat: "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 …". */
static uint64_t sum_of(const char *stat, const char *counter)
{
        size_t n = strlen(counter);
        uint64_t sum = 0;

        for (const char *s = strstr(stat, counter); s; s = strstr(s + n, counter))
                if ((s == stat || s[-1] == ' ') && s[n] == '=')
                        sum += strtoull(s + n + 1, NULL, 10);
        return sum;
}

static void read_io(struct unit *u, uint64_t v[])
{
        _cleanup_free_ char *stat = NULL;

        if (cgroup_get_attr(u, "io.stat", &stat) < 0)
                return;
        v[USAGE_IO_READ_BYTES] = sum_of(stat, "rbytes");
        v[USAGE_IO_READ_OPERATIONS] = sum_of(stat, "rios");
        v[USAGE_IO_WRITE_BYTES] = sum_of(stat, "wbytes");
        v[USAGE_IO_WRITE_OPERATIONS] = sum_of(stat, "wios");
}

void cgroup_usage(struct unit *u, uint64_t v[USAGE_MAX])
{
        const struct cgroup_context *c = unit_cgroup_context(u);

        if (u->last_usage && !u->cgroup_realized) {
                memcpy(v, u->last_usage, USAGE_MAX * sizeof(*v));
                return;
        }
        for (int i = 0; i < USAGE_MAX; i++)
                v[i] = UINT64_MAX;
        if (!u->cgroup_realized)
                return;
        read_cpu(u, v);
        if (c->io_accounting)
                read_io(u, v);
        if (c->ip_accounting)
                read_network(u, v);
}

/* While the machine boots, only of units that ask for it: hundreds start and end then. */
void cgroup_keep_usage(struct unit *u)
{
        const struct cgroup_context *c = unit_cgroup_context(u);
        uint64_t *v;

        if (!u->cgroup_realized || u->type == UNIT_SLICE ||
                !(c->ip_accounting || c->io_accounting || u->manager->boot_finished))
                return;
        v = u->last_usage ?: calloc(USAGE_MAX, sizeof(*v));
        if (!v) {
                log_oom();
                return;
        }
        u->last_usage = NULL;
        cgroup_usage(u, v);
        u->last_usage = v;
        state_touch(u);
}

void cgroup_forget_usage(struct unit *u)
{
        free(u->last_usage);
        u->last_usage = NULL;
}

/* ---- across a re-execution ---- */

void cgroup_serialise_usage(struct unit *u, struct state_out *s)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (!u->last_usage)
                return;
        for (int i = 0; i < USAGE_MAX; i++)
                strbuf_printf(&b, "%s%" PRIu64, i ? " " : "", u->last_usage[i]);
        state_put(s, "usage", b.s);
}

void cgroup_deserialise_usage(struct unit *u, const char *value)
{
        uint64_t v[USAGE_MAX];

        for (int i = 0; i < USAGE_MAX; i++) {
                char *end;

                errno = 0;
                v[i] = strtoull(value, &end, 10);
                if (errno || end == value)
                        return;
                value = end;
        }
        cgroup_forget_usage(u);
        u->last_usage = malloc(sizeof(v));
        if (u->last_usage)
                memcpy(u->last_usage, v, sizeof(v));
}
