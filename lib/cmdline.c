#include "cmdline.h"
#include "fileio.h"
#include "str.h"

int cmdline_split(const char *s, char ***ret_words)
{
        _cleanup_strv_ char **words = calloc(1, sizeof(char *));

        if (!words)
                return -ENOMEM;
        for (;;) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                bool quoted = false;
                int r;

                s += strspn(s, " \t\n\r");
                if (!*s)
                        break;
                for (; *s && (quoted || !strchr(" \t\n\r", *s)); s++) {
                        if (*s == '"')
                                quoted = !quoted;
                        else
                                strbuf_putc(&b, *s);
                }
                r = strv_push(&words, strbuf_take(&b));
                if (r < 0)
                        return r;
        }
        *ret_words = TAKE_PTR(words);
        return 0;
}

static bool in_container(void)
{
        _cleanup_free_ char *env = NULL;
        size_t len;

        if (read_file("/proc/1/environ", 0, &env, &len) < 0)
                return false;
        for (const char *e = env; e < env + len; e += strlen(e) + 1)
                if (startswith(e, "container=") && e[strlen("container=")])
                        return true;
        return false;
}

/* The kernel's words are the host's: a container's are the arguments of its PID 1 (systemd(1), "Kernel Command Line"). */
static int arguments_of_pid1(char ***ret_words)
{
        _cleanup_strv_ char **words = calloc(1, sizeof(char *));
        _cleanup_free_ char *args = NULL;
        size_t len;
        int r = words ? read_file("/proc/1/cmdline", 0, &args, &len) : -ENOMEM, skip = 0;

        if (r < 0)
                return r;
        for (const char *a = args + strlen(args) + 1; a < args + len; a += strlen(a) + 1) {
                if (a == args + strlen(args) + 1 && streq(a, CMDLINE_REEXEC))
                        skip = CMDLINE_REEXEC_WORDS;
                if (skip > 0) {
                        skip--;
                        continue;
                }
                r = strv_add(&words, a);
                if (r < 0)
                        return r;
        }
        *ret_words = TAKE_PTR(words);
        return 0;
}

int cmdline_read(char ***ret_words)
{
        _cleanup_free_ char *s = NULL;
        int r;

        if (in_container())
                return arguments_of_pid1(ret_words);
        r = read_file("/proc/cmdline", 0, &s, NULL);
        return r < 0 ? r : cmdline_split(s, ret_words);
}

/* What follows the key in a word ("" or "=value"), or NULL when it is another. */
static const char *after_key(const char *word, const char *key)
{
        for (; *key; key++, word++)
                if (*word != *key && !((*word == '-' || *word == '_') && (*key == '-' || *key == '_')))
                        return NULL;
        return *word == '\0' || *word == '=' ? word : NULL;
}

static const char *find_last(char *const *words, const char *key)
{
        const char *found = NULL;

        FOREACH_STR (w, words) {
                const char *rest = after_key(*w, key);

                if (rest)
                        found = rest;
        }
        return found;
}

const char *cmdline_get(char *const *words, const char *key)
{
        const char *found = find_last(words, key);

        return found && *found ? found + 1 : found;
}

bool cmdline_bool(char *const *words, const char *key, bool def)
{
        const char *found = find_last(words, key);
        int v;

        if (!found)
                return def;
        if (!*found)
                return true;
        v = parse_boolean(found + 1);
        return v < 0 ? def : v;
}
