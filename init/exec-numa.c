/* CPUAffinity=, NUMAPolicy=, NUMAMask= in the plan. */
#include <stdio.h>

#include "exec-internal.h"
#include "lib/fileio.h"

#define NODES_MAX 1024
#define CPUS_MAX  8192

/* A list of "0-3,5" as a mask of bits, added to what is in it; "all" is the first 64. What is no number ends it. */
static void add_list(const char *s, uint8_t *mask, size_t bits)
{
        while (s && *s) {
                char *end = (char *)s;
                unsigned long lo = strtoul(s, &end, 10), hi = lo;

                if (startswith(s, "all")) {
                        hi = 63;
                        end = (char *)s + 3;
                } else if (end == s)
                        return;
                else if (*end == '-')
                        hi = strtoul(end + 1, &end, 10);
                for (; lo <= hi && lo < bits; lo++)
                        mask[lo / 8] |= (uint8_t)(1u << lo % 8);
                s = end + strspn(end, ", ");
                if (s == end && *s)
                        return;
        }
}

/* The processors of the nodes in NUMAMask=, as the kernel lists them. */
static void cpus_of_nodes(const struct exec_context *c, uint8_t *cpus)
{
        uint8_t nodes[NODES_MAX / 8] = { 0 };

        add_list(c->numa_mask, nodes, NODES_MAX);
        for (unsigned i = 0; i < NODES_MAX; i++) {
                _cleanup_free_ char *list = NULL;
                char path[64];

                if (!(nodes[i / 8] & 1u << i % 8))
                        continue;
                snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", i);
                if (read_one_line(path, &list) >= 0)
                        add_list(list, cpus, CPUS_MAX);
        }
}

/* A node that is not there adds nothing; without any processor the child fails, as with any empty mask. */
void plan_affinity(const struct exec_context *c, struct plan_builder *b)
{
        uint8_t cpus[CPUS_MAX / 8] = { 0 };
        struct plan_array a;

        if (c->cpu_affinity_numa) {
                cpus_of_nodes(c, cpus);
                a = plan_add_array(b, cpus, sizeof(cpus), 1);
        } else
                a = plan_add_array(b, c->cpu_affinity, c->cpu_affinity ? c->cpu_affinity_len : 0, 1);
        plan_of(b)->affinity = a;
}

void plan_numa(const struct exec_context *c, struct plan_builder *b)
{
        uint8_t mask[NODES_MAX / 8] = { 0 };
        struct plan_array a = { 0 };

        add_list(c->numa_mask, mask, NODES_MAX);
        if (c->numa_mask)
                a = plan_add_array(b, mask, sizeof(mask), 1);
        plan_of(b)->numa_mask = a;
        plan_of(b)->numa_policy = c->numa_policy;
        plan_of(b)->set |= SET_NUMA;
}
