/* A trie over strings read from their ends. A node stands for one suffix and knows the first string that ended in it.
 * Where only one string leads on, the trie stops: a leaf stands for all that its string has before the suffix, and
 * grows into a chain of nodes when another string needs part of it. */
#include "hwdb-strings.h"

#include <errno.h>

struct string_node {
        uint32_t child, sibling; /* 0: none */
        uint32_t off, len;       /* the string */
        char c;                  /* what its suffix begins with */
        bool leaf;
};

static int new_node(struct hwdb_strings *t, struct string_node node, uint32_t *ret)
{
        if (t->n == t->cap) {
                size_t cap = t->cap ? t->cap * 2 : 1024;
                struct string_node *v = realloc(t->nodes, cap * sizeof(*v));

                if (!v)
                        return -ENOMEM;
                t->nodes = v;
                t->cap = cap;
        }
        if (t->n >= UINT32_MAX)
                return -E2BIG;
        t->nodes[t->n] = node;
        *ret = (uint32_t)t->n++;
        return 0;
}

static int add_child(struct hwdb_strings *t, uint32_t parent, struct string_node node, uint32_t *ret)
{
        int r;

        node.sibling = t->nodes[parent].child;
        r = new_node(t, node, ret);
        if (r >= 0)
                t->nodes[parent].child = *ret;
        return r;
}

static uint32_t find_child(const struct hwdb_strings *t, uint32_t parent, char c)
{
        uint32_t i = t->nodes[parent].child;

        while (i && t->nodes[i].c != c)
                i = t->nodes[i].sibling;
        return i;
}

int hwdb_strings_init(struct hwdb_strings *t)
{
        uint32_t root;
        int r;

        *t = (struct hwdb_strings) { 0 };
        r = new_node(t, (struct string_node) { 0 }, &root);
        return r < 0 ? r : strbuf_putc(&t->text, 0); /* the empty string is at 0 */
}

void hwdb_strings_done(struct hwdb_strings *t)
{
        strbuf_done(&t->text);
        free(t->nodes);
        t->nodes = NULL;
}

static int append(struct hwdb_strings *t, const char *s, size_t len, uint32_t *ret)
{
        uint32_t off = (uint32_t)t->text.len;

        if (t->text.len + len + 1 > INT32_MAX)
                return -E2BIG;
        if (strbuf_add(&t->text, s, len) < 0 || strbuf_putc(&t->text, 0) < 0)
                return -ENOMEM;
        *ret = off;
        return 0;
}

static char from_end(const char *s, size_t len, size_t i)
{
        return s[len - 1 - i];
}

/* The leaf's own string goes one character further, so that another may branch off. False: it has no more. */
static int grow(struct hwdb_strings *t, uint32_t leaf, size_t depth)
{
        struct string_node l = t->nodes[leaf];
        uint32_t ignored;

        t->nodes[leaf].leaf = false;
        if (l.len <= depth)
                return 0;
        return add_child(t, leaf,
                (struct string_node) { .off = l.off,
                        .len = l.len,
                        .c = from_end(t->text.s + l.off, l.len, depth),
                        .leaf = true },
                &ignored);
}

int hwdb_strings_add(struct hwdb_strings *t, const char *s, size_t len, uint32_t *ret)
{
        uint32_t at = 0, ignored;
        int r;

        for (size_t depth = 0; depth < len; depth++) {
                uint32_t next;

                if (t->nodes[at].leaf) {
                        r = grow(t, at, depth);
                        if (r < 0)
                                return r;
                }
                next = find_child(t, at, from_end(s, len, depth));
                if (next) {
                        at = next;
                        continue;
                }
                r = append(t, s, len, ret);
                if (r < 0)
                        return r;
                return add_child(t, at,
                        (struct string_node) { .off = *ret,
                                .len = (uint32_t)len,
                                .c = from_end(s, len, depth),
                                .leaf = true },
                        &ignored);
        }
        *ret = len ? t->nodes[at].off + t->nodes[at].len - (uint32_t)len : 0;
        return 0;
}
