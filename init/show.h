/* Settings as properties: a printer for each form of a directive (show-config.c, show-forms.c). */
#pragma once

#include "control.h"
#include "parse.h"

typedef void (*show_fn)(struct record *rec, const char *key, const struct directive *d, const void *v);

struct show_form {
        parse_fn form;
        show_fn print;
};

/* Forms of their own: lists with a sign, sets of bits, numbers that are words. The last row is empty. */
extern const struct show_form show_forms[];
