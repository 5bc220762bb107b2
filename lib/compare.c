/* Operators, version numbers, patterns: see compare.h. */
#include "compare.h"

#include <fnmatch.h>

#include "str.h"

enum compare_op compare_operator(const char **s, enum compare_op def, bool plain)
{
        static const struct {
                const char *text;
                enum compare_op op;
        } table[] = {
                { "!$=", OP_NOT_GLOB },
                { "$=", OP_GLOB },
                { "<>", OP_NE },
                { "<=", OP_LE },
                { ">=", OP_GE },
                { "==", OP_EQ },
                { "!=", OP_STRING_NE },
                { "<", OP_LT },
                { ">", OP_GT },
                { "=", OP_STRING_EQ },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const char *rest = startswith(*s, table[i].text);

                if (!rest)
                        continue;
                *s = rest + strspn(rest, " \t");
                if (plain && table[i].op == OP_STRING_EQ)
                        return OP_EQ;
                if (plain && table[i].op == OP_STRING_NE)
                        return OP_NE;
                return table[i].op;
        }
        return def;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}
static bool is_alpha(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Order of a character that is not a digit: '~' before the end, letters before the rest. */
static int char_order(char c)
{
        if (c == '~')
                return -1;
        if (c == '\0' || is_digit(c))
                return 0;
        return is_alpha(c) ? (unsigned char)c : (unsigned char)c + 256;
}

int compare_versions(const char *a, const char *b)
{
        while (*a || *b) {
                int first = 0;

                while ((*a && !is_digit(*a)) || (*b && !is_digit(*b))) {
                        int x = char_order(*a), y = char_order(*b);

                        if (x != y)
                                return x < y ? -1 : 1;
                        a += *a != '\0';
                        b += *b != '\0';
                }
                while (*a == '0')
                        a++;
                while (*b == '0')
                        b++;
                while (is_digit(*a) && is_digit(*b)) {
                        if (!first)
                                first = CMP(*a, *b);
                        a++;
                        b++;
                }
                if (is_digit(*a))
                        return 1;
                if (is_digit(*b))
                        return -1;
                if (first)
                        return first;
        }
        return 0;
}

static bool holds(int order, enum compare_op op)
{
        switch (op) {
        case OP_LT: return order < 0;
        case OP_LE: return order <= 0;
        case OP_GT: return order > 0;
        case OP_GE: return order >= 0;
        case OP_NE: return order != 0;
        default: return order == 0;
        }
}

bool compare_strings(const char *a, enum compare_op op, const char *b)
{
        switch (op) {
        case OP_STRING_EQ: return streq(a, b);
        case OP_STRING_NE: return !streq(a, b);
        case OP_GLOB: return fnmatch(b, a, 0) == 0;
        case OP_NOT_GLOB: return fnmatch(b, a, 0) != 0;
        default: return holds(compare_versions(a, b), op);
        }
}

bool compare_numbers(uint64_t a, enum compare_op op, uint64_t b)
{
        return holds(CMP(a, b), op == OP_STRING_NE ? OP_NE : op);
}
