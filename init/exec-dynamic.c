/* DynamicUser=: users that exist while their service runs, 61184 … 65519.
 *
 * The number is derived from the name, so that a service usually gets the same one again and its directories keep
 * their owner; a number in use by another dynamic user or a record of /etc/passwd is passed over. The user is made
 * known to nss-systemd as a record in /run/userdb (nss-systemd(8)), which is also what survives PID 1's re-exec:
 * the records on disk are the table. */
#include <stdio.h>
#include <sys/stat.h>

#include "exec-internal.h"
#include "lib/fileio.h"

#define DYNAMIC_MIN 61184u
#define DYNAMIC_MAX 65519u
#define USERDB      "/run/userdb"

char *dynamic_user_name(struct unit *u, const struct exec_context *c)
{
        char *name, *dot;

        if (c->user)
                return strdup(c->user);
        name = strdup(u->id);
        dot = name ? strrchr(name, '.') : NULL;
        if (dot)
                *dot = '\0';
        /* a name that passwd(5) would not have: by hash, as people expect of the option */
        if (name &&
                (strlen(name) > 31 ||
                        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
                                strlen(name))) {
                uint32_t h = hash_string(name);

                free(name);
                name = str_printf("_du%08x", h);
        }
        return name;
}

static int record_path(const char *key, const char *kind, char *buf, size_t n)
{
        return (size_t)snprintf(buf, n, USERDB "/%s.%s", key, kind) < n ? 0 : -ENAMETOOLONG;
}

/* Number of the record that name already has; -ENOENT. */
static int known_uid(const char *name, uid_t *ret)
{
        char path[PATH_MAX], number[16];
        ssize_t n;

        if (record_path(name, "user", path, sizeof(path)) < 0)
                return -ENAMETOOLONG;
        n = readlink(path, number, sizeof(number) - 1);
        if (n <= 0)
                return -ENOENT;
        number[n] = '\0';
        return sscanf(number, "%u.user", ret) == 1 ? 0 : -EBADMSG;
}

static int write_record(const char *name, uid_t uid, const char *kind)
{
        bool user = streq(kind, "user");
        _cleanup_free_ char *text =
                user ? str_printf("{\"userName\":\"%s\",\"uid\":%u,\"gid\":%u,\"homeDirectory\":\"/"
                                  "\",\"shell\":\"/usr/sbin/nologin\","
                                  "\"disposition\":\"dynamic\",\"locked\":true,\"realName\":\"Dynamic "
                                  "User\"}\n",
                               name, uid, uid)
                     : str_printf(
                               "{\"groupName\":\"%s\",\"gid\":%u,\"disposition\":\"dynamic\"}\n", name, uid);
        char path[PATH_MAX], link[PATH_MAX], number[32];
        int r;

        snprintf(number, sizeof(number), "%u", uid);
        r = text ? record_path(number, kind, path, sizeof(path)) : -ENOMEM;
        if (r >= 0)
                r = record_path(name, kind, link, sizeof(link));
        if (r >= 0)
                r = write_file_atomic(path, text, strlen(text), 0644, false);
        return r < 0 ? r : symlink_atomic(path + sizeof(USERDB), link);
}

/* Free: no record of ours, none in /etc/passwd or /etc/group. */
static bool uid_is_free(uid_t uid)
{
        struct user_record rec = { 0 };
        char path[PATH_MAX], number[16];
        bool found;

        snprintf(number, sizeof(number), "%u", uid);
        if (record_path(number, "user", path, sizeof(path)) < 0 || access(path, F_OK) == 0)
                return false;
        if (user_lookup(number, &rec) < 0)
                return false;
        found = rec.found;
        user_record_done(&rec);
        return !found;
}

int dynamic_user_get(struct unit *u, const char *name, uid_t *ret)
{
        uint32_t range = DYNAMIC_MAX - DYNAMIC_MIN + 1, start = hash_string(name) % range;
        int r = known_uid(name, ret);

        if (r >= 0)
                return 0;
        mkdir_p(USERDB, 0755);
        for (uint32_t i = 0; i < 64; i++) {
                uid_t uid = DYNAMIC_MIN + (start + i * 7919u) % range;

                if (!uid_is_free(uid))
                        continue;
                r = write_record(name, uid, "user");
                if (r >= 0)
                        r = write_record(name, uid, "group");
                if (r < 0)
                        return log_unit_errno(u->id, LOG_ERR, r,
                                "Dynamic user %s cannot be recorded in " USERDB ": %m", name);
                *ret = uid;
                return 0;
        }
        return log_unit_errno(u->id, LOG_ERR, -EUSERS, "No number is free for dynamic user %s: %m", name);
}

void dynamic_user_put(struct unit *u, const struct exec_context *c)
{
        _cleanup_free_ char *name = dynamic_user_name(u, c);
        char path[PATH_MAX], number[16];
        static const char *const kinds[] = { "user", "group" };
        uid_t uid;

        if (!name || known_uid(name, &uid) < 0)
                return;
        snprintf(number, sizeof(number), "%u", uid);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                if (record_path(name, kinds[i], path, sizeof(path)) >= 0)
                        unlink(path);
                if (record_path(number, kinds[i], path, sizeof(path)) >= 0)
                        unlink(path);
        }
}
