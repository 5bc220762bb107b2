/* hwdb.bin: a header, the nodes of a radix tree, then the strings, each ended by a NUL. Numbers are little-endian,
 * offsets count from the file's start. A node is followed by its children, sorted by their byte, and its values,
 * sorted by key. */
#pragma once

#include <stdint.h>

#define HWDB_SIGNATURE "KSLPHHRH"

struct file_header {
        char signature[8];
        uint64_t tool_version, file_size, header_size, node_size, child_size, value_size, root, nodes_len,
                strings_len;
};

struct file_node {
        uint64_t prefix;
        uint8_t n_children, pad[7];
        uint64_t n_values;
};

struct file_child {
        uint8_t c, pad[7];
        uint64_t node;
};

struct file_value { /* the second half only in newer files */
        uint64_t key, value, file_name;
        uint32_t line;
        uint16_t priority, pad;
};
