/* "op value" comparisons, as conditions of units and [Match] of .link files have them. */
#pragma once

#include "util.h"

enum compare_op {
        OP_STRING_EQ,
        OP_STRING_NE,
        OP_EQ,
        OP_NE,
        OP_LT,
        OP_LE,
        OP_GT,
        OP_GE,
        OP_GLOB,
        OP_NOT_GLOB
};
/* Operator at *s (moved behind it and blanks), def when there is none. With plain, "=" and "!=" compare numbers. */
enum compare_op compare_operator(const char **s, enum compare_op def, bool plain);
int compare_versions(const char *a, const char *b); /* < 0, 0, > 0, as dpkg does it */
bool compare_strings(const char *a, enum compare_op op, const char *b);
bool compare_numbers(uint64_t a, enum compare_op op, uint64_t b);
