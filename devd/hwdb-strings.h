/* The strings of a compiled hardware database: a string that is the end of an earlier one is kept there. */
#pragma once

#include "lib/str.h"

struct hwdb_strings {
        struct strbuf text;
        struct string_node *nodes; /* a trie over the strings read backwards; 0 is its root */
        size_t n, cap;
};

int hwdb_strings_init(struct hwdb_strings *t);
void hwdb_strings_done(struct hwdb_strings *t);
/* Offset of s in text. */
int hwdb_strings_add(struct hwdb_strings *t, const char *s, size_t len, uint32_t *ret);
