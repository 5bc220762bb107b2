/* The kernel's record of what was executed: one perf event per processor on the tracepoint
 * sched_process_exec, which carries forks, exits, new cgroups and (if asked) every switch of the processor
 * along in the same ring. Nobody reads the rings while the guest boots; in the end they go out as they
 * are, and bench/timeline.py reads them. A ring that was too small says so by PERF_RECORD_LOST. */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/probe.h"

#define MAX_PROCESSORS 16
#define RING           (1u << 20)
#define RING_SWITCHES  (8u << 20)

static struct ring {
        struct perf_event_mmap_page *head;
        const char *data;
        size_t size;
        int fd;
} rings[MAX_PROCESSORS];
static int n_rings;

static int open_ring(struct ring *g, int id, int processor, bool switches)
{
        struct perf_event_attr a = {
                .type = PERF_TYPE_TRACEPOINT,
                .size = sizeof(a),
                .config = id,
                .sample_period = 1,
                .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW |
                               PERF_SAMPLE_CGROUP,
                .sample_id_all = 1,
                .task = 1,
                .cgroup = 1,
                .context_switch = switches,
                .use_clockid = 1,
                .clockid = CLOCK_MONOTONIC,
                .wakeup_events = 1u << 30,
        };
        size_t size = switches ? RING_SWITCHES : RING, page = sysconf(_SC_PAGESIZE);
        void *map;
        int fd;

        fd = syscall(SYS_perf_event_open, &a, -1, processor, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0)
                return -1;
        map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return close(fd), -1;
        *g = (struct ring) { .head = map, .data = (char *)map + page, .size = size, .fd = fd };
        return 0;
}

int perf_start(const struct probe_fs *fs, bool switches)
{
        char buf[32];
        int i, id;

        if (read_at(fs->tracing, "events/sched/sched_process_exec/id", buf, sizeof(buf)) <= 0)
                return -1;
        id = atoi(buf);
        for (i = 0; i < MAX_PROCESSORS; i++) {
                if (open_ring(&rings[n_rings], id, i, switches) < 0)
                        break;
                n_rings++;
        }
        return n_rings ? 0 : -1;
}

void perf_say(void)
{
        for (int i = 0; i < n_rings; i++) {
                struct ring *g = &rings[i];
                uint64_t n = __atomic_load_n(&g->head->data_head, __ATOMIC_ACQUIRE);

                say("perf %d %zu\n", i, (size_t)n);
                say_bytes(g->data, n < g->size ? n : g->size);
                say("\n");
                munmap(g->head, g->size + sysconf(_SC_PAGESIZE));
                close(g->fd);
        }
        n_rings = 0;
}
