/* Ordering cycles among the units that a start pulls in, each edge with the line that makes it.
 *
 * The transaction breaks a cycle and goes on (transaction.c); an administrator wants to see the whole of it. A walk
 * along Requires= and its like marks the units that one start would start; a depth-first search along After= among
 * these finds a way back to a unit that is still on the path. */
#include "verify.h"

enum { NEW, ON_PATH, DONE };

struct walk {
        struct hash nodes; /* unit id → struct node */
        unsigned n_found;
};

struct node {
        struct unit *u;
        int color;
        struct node *below; /* on the path: who waits for this one */
        struct node *next;  /* in the order in which they were pulled in */
};

static const uint32_t pulls = DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_WANTS) |
                              DEP_BIT(DEP_UPHOLDS) | DEP_BIT(DEP_IN_SLICE);

static struct node *mark(struct walk *w, struct unit *u)
{
        struct node *n =
                u->load_state == UNIT_LOADED && !hash_get(&w->nodes, u->id) ? calloc(1, sizeof(*n)) : NULL;

        if (!n)
                return NULL;
        n->u = u;
        if (hash_put(&w->nodes, u->id, n) >= 0)
                return n;
        free(n);
        return NULL;
}

static struct node *mark_pulled(struct walk *w, struct unit *u)
{
        struct node *first = mark(w, u), *last = first;

        for (struct node *n = first; n; n = n->next) {
                UNIT_FOREACH_DEP(n->u, pulls, o)
                {
                        struct node *more = mark(w, o);

                        if (more)
                                last = last->next = more;
                }
        }
        return first;
}

/* The edge "a waits for b" stands either in a's files as After= or in b's as Before=. */
static void say_edge(struct unit *a, struct unit *b)
{
        uint32_t own = 0;

        for (size_t i = 0; i < a->n_deps; i++)
                if (a->deps[i].other == b)
                        own = a->deps[i].own;
        if (own & DEP_BIT(DEP_AFTER))
                verify_say(a, verify_is_edge, &(struct verify_edge) { DEP_AFTER, b },
                        "ordering cycle: After=%s", b->id);
        else
                verify_say(b, verify_is_edge, &(struct verify_edge) { DEP_BEFORE, a },
                        "ordering cycle: Before=%s", a->id);
}

/* top waits for the node back, which is on the path below it. */
static void say_cycle(struct walk *w, struct node *top, struct node *back)
{
        w->n_found++;
        say_edge(top->u, back->u);
        for (struct node *n = top; n != back; n = n->below)
                say_edge(n->below->u, n->u);
}

static void visit(struct walk *w, struct node *n)
{
        n->color = ON_PATH;
        UNIT_FOREACH_DEP(n->u, DEP_BIT(DEP_AFTER), o)
        {
                struct node *next = hash_get(&w->nodes, o->id);

                if (!next || next->color == DONE || next == n)
                        continue;
                if (next->color == ON_PATH)
                        say_cycle(w, n, next);
                else {
                        next->below = n;
                        visit(w, next);
                }
        }
        n->color = DONE;
}

unsigned verify_cycles(struct unit *u)
{
        struct walk w = {};
        struct node *first = mark_pulled(&w, u);

        for (struct node *n = first; n; n = n->next)
                if (n->color == NEW)
                        visit(&w, n);
        for (struct node *n = first, *next; n; n = next) {
                next = n->next;
                free(n);
        }
        hash_done(&w.nodes);
        return w.n_found;
}
