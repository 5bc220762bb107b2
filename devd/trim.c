/* What an idle process need not hold: free memory of the heap, the stack's depths, and the pages of the program and of
 * libc that ran once. The latter stay in the page cache, for the kernel to keep or to drop, and come back by page
 * faults; mapped, they count as in use. */
#include "trim.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

#define STACK_KEPT  (4 * 1024)   /* below this frame */
#define STACK_DEPTH (512 * 1024) /* no event goes deeper */

static uintptr_t page_down(uintptr_t at)
{
        return at & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
}

struct ranges {
        size_t n;
        struct range {
                uintptr_t from, size;
        } v[32];
};

static int note_code(struct dl_phdr_info *info, size_t size, void *data)
{
        struct ranges *x = data;

        for (size_t i = 0; i < info->dlpi_phnum && x->n < ARRAY_SIZE(x->v); i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                uintptr_t from = page_down(info->dlpi_addr + p->p_vaddr);

                if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
                        x->v[x->n++] =
                                (struct range) { from, info->dlpi_addr + p->p_vaddr + p->p_memsz - from };
        }
        return 0;
}

/* What was mapped read-only from a file cannot differ from it: dropped, it is read again. The program headers lie
 * there, too, so all are looked at before. */
static void drop_code(void)
{
        struct ranges x = {};

        (void)dl_iterate_phdr(note_code, &x);
        for (size_t i = 0; i < x.n; i++)
                (void)madvise((void *)x.v[i].from, x.v[i].size, MADV_DONTNEED);
}

/* Pages below the part of the stack that is in use hold what returned functions left there. */
static void drop_stack(void)
{
        uintptr_t end = page_down((uintptr_t)__builtin_frame_address(0) - STACK_KEPT);

        /* Not all of it was ever used: the rest is no mapping, which is said and does no harm. */
        (void)madvise((void *)(end - STACK_DEPTH), STACK_DEPTH, MADV_DONTNEED);
}

void trim_memory(void)
{
        (void)malloc_trim(0);
        drop_stack();
        drop_code();
}
