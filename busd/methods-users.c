/* Methods about users of DynamicUser=: the links in /run/userdb, which PID 1 makes (init/exec-dynamic.c) and nss-systemd
 * reads: NAME.user → UID.user. */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "busd.h"
#include "lib/fileio.h"

#define USERDB      "/run/userdb"
#define DYNAMIC_MIN 61184u
#define DYNAMIC_MAX 65519u

/* Calls fn for each until it returns other than 0. */
static int each_user(int (*fn)(const char *name, uint32_t uid, void *data), void *data)
{
        _cleanup_closedir_ DIR *d = opendir(USERDB);
        struct dirent *e;
        int r = 0;

        while (d && r == 0 && (e = readdir(d))) {
                char name[NAME_MAX + 1], target[64];
                const char *end = endswith(e->d_name, ".user");
                uint32_t uid;
                ssize_t n = end ? readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1) : -1;

                if (n <= 0)
                        continue;
                target[n] = '\0';
                snprintf(name, sizeof(name), "%.*s", (int)(end - e->d_name), e->d_name);
                if (sscanf(target, "%u.user", &uid) == 1 && uid >= DYNAMIC_MIN && uid <= DYNAMIC_MAX &&
                        utf8_valid(name, strlen(name)))
                        r = fn(name, uid, data);
        }
        return r;
}

static int append_user(const char *name, uint32_t uid, void *reply)
{
        return MIN(sd_bus_message_append(reply, "(us)", uid, name), 0);
}

static int fill_users(struct call *c, sd_bus_message *reply, const void *data)
{
        return each_user(append_user, reply);
}

int on_dynamic_users(struct call *c)
{
        return call_reply_array(c, "(us)", fill_users, NULL);
}

struct wanted {
        const char *name; /* NULL: by number */
        uint32_t uid;
        struct call *call;
};

static int reply_if_wanted(const char *name, uint32_t uid, void *data)
{
        struct wanted *w = data;
        int r;

        if (w->name ? !streq(w->name, name) : w->uid != uid)
                return 0;
        r = w->name ? call_reply(w->call, "u", uid) : call_reply(w->call, "s", name);
        return r < 0 ? r : 1;
}

static int look_up(struct wanted *w)
{
        int r = each_user(reply_if_wanted, w);

        return r != 0 ? r
                      : call_fail(
                                w->call, ERROR_PREFIX "NoSuchDynamicUser", "There is no such dynamic user.");
}

int on_dynamic_user_by_name(struct call *c)
{
        struct wanted w = { .call = c };
        int r = sd_bus_message_read_basic(c->m, 's', &w.name);

        return r < 0 ? r : look_up(&w);
}

int on_dynamic_user_by_uid(struct call *c)
{
        struct wanted w = { .call = c };
        int r = sd_bus_message_read_basic(c->m, 'u', &w.uid);

        return r < 0 ? r : look_up(&w);
}
