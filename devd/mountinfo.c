/* /proc/self/mountinfo, one line: "36 35 98:0 /root /where options fields… - type what super-options". */
#include "mounts.h"

/* \040 and the like, in place. */
static void unescape(char *s)
{
        char *to = s;

        for (; *s; s++) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
                        s[3] >= '0' && s[3] <= '7') {
                        *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
                        s += 3;
                } else
                        *to++ = *s;
        }
        *to = '\0';
}

int mount_line_parse(char *line, struct mount_line *ret)
{
        char *rest = line, *parent, *number, *root, *word;
        struct mount_line l = {};

        l.id = strsep(&rest, " ");
        parent = strsep(&rest, " ");
        number = strsep(&rest, " ");
        root = strsep(&rest, " ");
        l.where = strsep(&rest, " ");
        l.options = strsep(&rest, " ");
        if (!parent || !number || !root || !l.where || !l.options)
                return -EBADMSG;
        do
                word = strsep(&rest, " ");
        while (word && !streq(word, "-"));
        l.type = strsep(&rest, " ");
        l.what = strsep(&rest, " ");
        l.super_options = strsep(&rest, " ");
        if (!word || !l.type || !l.what || !*l.id || l.where[0] != '/')
                return -EBADMSG;
        if (!l.super_options)
                l.super_options = l.what + strlen(l.what);
        unescape(l.where);
        unescape(l.what);
        unescape(l.type);
        *ret = l;
        return 0;
}
