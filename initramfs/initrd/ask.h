/* A question for a secret, on every console that the kernel has (/sys/class/tty/console/active) at once. The first
 * console on which Enter is pressed answers; nothing is echoed. */
#pragma once

#include <termios.h>
#include "lib/loop.h"

#define ASK_CONSOLES 8
#define ASK_MAX      512

struct ask {
        struct loop *loop;
        /* text of len bytes without the newline; wiped when this returns */
        void (*answered)(struct ask *a, const char *text, size_t len);
        void *data;
        /* its own */
        struct ask_console {
                struct loop_io io;
                struct termios before;
                struct ask *ask;
                char text[ASK_MAX];
                size_t len;
        } console[ASK_CONSOLES];
        unsigned n;
};

/* -ENOTTY: there is no console to ask on. */
int ask_start(struct ask *a, const char *question);
void ask_end(struct ask *a);
static inline bool ask_runs(const struct ask *a)
{
        return a->n > 0;
}
