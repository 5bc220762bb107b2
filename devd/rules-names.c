/* User and group names by reading /etc/passwd and /etc/group: the daemon must not call into NSS, which may
 * load libraries, ask the network, and wait for services that wait for devices. */
#include "rules-int.h"
#include "lib/fileio.h"

static bool resolve = true;

void rules_resolve_names(bool yes)
{
        resolve = yes;
}

/* "name:x:ID:…" */
static int lookup(const char *path, const char *name, uint32_t *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t ln = strlen(name);
        char *line, *rest;
        uint32_t id;

        if (parse_u32(name, &id) >= 0) {
                if (id == UINT32_MAX)
                        return -ESRCH;
                *ret = id;
                return 0;
        }
        if (!resolve || streq(name, "root")) {
                *ret = 0;
                return 0;
        }
        if (!ln || strpbrk(name, ":\n") || read_file(path, 0, &text, NULL) < 0)
                return -ESRCH;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                char *colon, *end;

                if (strncmp(line, name, ln) != 0 || line[ln] != ':')
                        continue;
                colon = strchr(line + ln + 1, ':');
                if (!colon)
                        continue;
                end = strchr(colon + 1, ':');
                if (end)
                        *end = 0;
                if (parse_u32(colon + 1, &id) < 0 || id == UINT32_MAX)
                        continue;
                *ret = id;
                return 0;
        }
        return -ESRCH;
}

int lookup_user(const char *name, uid_t *ret)
{
        return lookup("/etc/passwd", name, ret);
}

int lookup_group(const char *name, gid_t *ret)
{
        return lookup("/etc/group", name, ret);
}
