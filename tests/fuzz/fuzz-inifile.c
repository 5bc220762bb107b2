/* Any text: assignments are well formed, lines count up, and what comes out fits in what came in. */
#include "lib/inifile.h"
#include "lib/log.h"
#include "lib/str.h"
#include "tests/fuzz/fuzz.h"

struct state {
        size_t text_len;
        unsigned line;
};

static int check(const struct ini_line *l, void *data)
{
        struct state *s = data;

        fuzz_check(l->line > s->line);
        s->line = l->line;
        fuzz_check(l->section && *l->key && !strchr(l->key, '='));
        fuzz_check(!strpbrk(l->key, "\n") && !strpbrk(l->value, "\n"));
        fuzz_check(strlen(l->key) + strlen(l->value) < s->text_len);
        fuzz_check(utf8_valid(l->value, strlen(l->value)));
        return 0;
}

FUZZ_TARGET(inifile)
{
        struct state s = { size, 0 };
        char *text = fuzz_string(data, size);
        unsigned problems;

        log_open("fuzz", LOG_TO_NULL);
        fuzz_check(ini_parse_text("fuzz", text, size, check, &s, &problems) == 0);
        free(text);
}
