/* Live state: the reader of the log's form alone (state.h). */
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/log.h"
#include "state.h"

bool state_next_line(char **lines, char **ret_key, char **ret_value)
{
        char *p = *lines, *eq, *o;

        while (p && *p) {
                char *end = p + strcspn(p, "\n");
                char *next = *end ? end + 1 : end;

                *end = '\0';
                eq = strchr(p, '=');
                if (!eq) {
                        p = next;
                        continue;
                }
                *eq = '\0';
                o = eq + 1;
                for (char *s = eq + 1; *s; s++)
                        if (s[0] == '\\' && (s[1] == 'n' || s[1] == '\\'))
                                *o++ = *++s == 'n' ? '\n' : '\\';
                        else
                                *o++ = *s;
                *o = '\0';
                *lines = next;
                *ret_key = p;
                *ret_value = eq + 1;
                return true;
        }
        *lines = p;
        return false;
}

struct section {
        char *name, *lines;
        struct section *next;
};

/* Cuts the record at *p off; false when it is not whole. */
static bool next_record(char **p, char **ret_name, char **ret_lines)
{
        char *name = *p + 1, *close, *end;

        if (**p != '[')
                return false;
        close = strchr(name, '\n');
        if (!close || close == name || close[-1] != ']')
                return false;
        close[-1] = '\0';
        *ret_name = name;
        *ret_lines = close + 1;
        if (close[1] == '\n') {
                close[1] = '\0';
                *p = close + 2;
                return true;
        }
        end = strstr(close + 1, "\n\n");
        if (!end)
                return false;
        end[1] = '\0';
        *p = end + 2;
        return true;
}

int state_parse(char *text, int (*record)(const char *name, char *lines, void *data), void *data)
{
        struct hash by_name = { 0 };
        struct section *first = NULL, **tail = &first, *s;
        char *p = text, *name, *lines;
        int r = 0;

        if (strncmp(p, STATE_FIRST_LINE, strlen(STATE_FIRST_LINE)) != 0)
                return -EPROTONOSUPPORT;
        p += strlen(STATE_FIRST_LINE);
        while (r >= 0 && *p && next_record(&p, &name, &lines)) {
                s = hash_get(&by_name, name);
                if (s) {
                        s->lines = lines;
                        continue;
                }
                s = calloc(1, sizeof(*s));
                if (!s || hash_put(&by_name, name, s) < 0) {
                        free(s);
                        r = -ENOMEM;
                        break;
                }
                *s = (struct section) { .name = name, .lines = lines };
                *tail = s;
                tail = &s->next;
        }
        if (r >= 0 && *p)
                log_warning("The last record of the state is not whole; left out");
        while ((s = first)) {
                first = s->next;
                if (r >= 0 && *s->lines)
                        r = record(s->name, s->lines, data);
                free(s);
        }
        hash_done(&by_name);
        return MIN(r, 0);
}
