/* The generation of what PID 1 tells: a number in a page that the bridge to D-Bus maps, too.
 *
 * All that can be asked of PID 1 changes in callbacks of its loop alone, so the loop raises the number before each of them,
 * except those of the control socket, which raise it for the verbs that change something, and for units that have to be
 * loaded first. The bridge may say again what it was told as long as the number is the same as before it asked: whoever
 * was told that something was done, however, asks after the number was raised.
 *
 * 0: nobody keeps the number. That is so before another program is executed in PID 1's place; this program, if it is the
 * one, begins with a number that was never there before. */
#include "generation.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/log.h"
#include "lib/paths.h"

static uint64_t *generation;

void generation_touch(void)
{
        if (generation)
                __atomic_add_fetch(generation, 1, __ATOMIC_SEQ_CST);
}

void generation_off(void)
{
        if (generation)
                __atomic_store_n(generation, 0, __ATOMIC_SEQ_CST);
}

/* Nanoseconds since the machine was booted: more than were ever counted. */
static uint64_t never_used(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + 1;
}

void generation_open(struct manager *m)
{
        _cleanup_free_ char *path = path_join(m->root ?: "/", ROUSE_GENERATION);
        _cleanup_close_ int fd = -1;
        void *page;

        if (generation)
                return;
        fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
        /* the memory now: on a full /run it would be missed at the first writing, which is a SIGBUS */
        if (fd < 0 || fallocate(fd, 0, 0, sizeof(*generation)) < 0)
                return (void)log_debug_errno(-errno,
                        "%s could not be made: %m; every answer is asked for anew", ROUSE_GENERATION);
        page = mmap(NULL, sizeof(*generation), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return (void)log_debug_errno(-errno,
                        "%s could not be mapped: %m; every answer is asked for anew", ROUSE_GENERATION);
        generation = page;
        __atomic_store_n(generation, never_used(), __ATOMIC_SEQ_CST);
        loop_count(m->loop, generation);
}
