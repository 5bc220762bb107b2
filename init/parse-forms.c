/* What each parser takes, in words: parsers.inc. */
#include "parse.h"

#define PARSER(name, what) { parse_value_##name, what },

const struct parse_form parse_forms[] = {
#include "parsers.inc"
        { NULL, NULL },
};
