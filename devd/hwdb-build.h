/* Between the reader of *.hwdb (hwdb-source.c) and the tree that it fills (hwdb-compile.c). */
#pragma once

#include "hwdb-strings.h"

struct trie_value { /* offsets into the strings */
        uint32_t key, value, file, line;
        uint16_t priority;
};

struct trie_node {
        uint32_t prefix; /* offset into the strings, to their NUL */
        size_t n_children, n_values;
        struct trie_child {
                uint8_t c;
                struct trie_node *node;
        } * children;              /* sorted by c */
        struct trie_value *values; /* sorted by key */
};

struct hwdb_source {
        struct hwdb_strings strings;
        struct trie_node *root;
        const char *path; /* of the file being read */
        uint16_t priority;
        unsigned problems;
        char **matches; /* of the record being read */
};

/* All that match stands for gets key=value, from this line of the file being read. */
int trie_insert(struct hwdb_source *s, const char *match, const char *key, const char *value, unsigned line);
