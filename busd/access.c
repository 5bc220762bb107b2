/* Who may call what: everybody may look, root may do everything, others what polkit grants.
 *
 * The bus has told who its connections belong to; that never changes for a unique name, so it is kept. polkit is asked
 * without waiting, and one that is not there refuses. */
#include <sys/socket.h>

#include "busd.h"

#define SENDERS_MAX 1024
#define POLKIT_TIME (120 * USEC_PER_SEC) /* a person may have to type a password */

static const char *const actions[] = {
        [UNITS] = "org.freedesktop.systemd1.manage-units",
        [FILES] = "org.freedesktop.systemd1.manage-unit-files",
        [RELOAD] = "org.freedesktop.systemd1.reload-daemon",
        [ENVIRONMENT] = "org.freedesktop.systemd1.set-environment",
};

struct sender {
        uid_t uid;
        char name[];
};

void access_done(struct busd *b)
{
        HASHMAP_FOREACH (e, &b->senders)
                free(e->value);
        hash_done(&b->senders);
        b->n_senders = 0;
}

static void remember(struct busd *b, const char *name, uid_t uid)
{
        size_t n = strlen(name) + 1;
        struct sender *s = malloc(sizeof(*s) + n);

        if (!s)
                return;
        if (b->n_senders >= SENDERS_MAX)
                access_done(b);
        s->uid = uid;
        memcpy(s->name, name, n);
        if (hash_put(&b->senders, s->name, s) < 0)
                free(s);
        else
                b->n_senders++;
}

static int uid_of_sender(struct call *c, uid_t *ret)
{
        const char *name = sd_bus_message_get_sender(c->m);
        struct sender *s = name ? hash_get(&c->b->senders, name) : NULL;
        sd_bus_creds *creds;
        int r;

        if (!c->conn->system) {
                *ret = 0;
                return 0;
        }
        if (s) {
                *ret = s->uid;
                return 0;
        }
        if (!name)
                return -EACCES;
        r = sd_bus_get_name_creds(c->conn->bus, name, SD_BUS_CREDS_EUID, &creds);
        if (r < 0)
                return r;
        r = sd_bus_creds_get_euid(creds, ret);
        sd_bus_creds_unref(creds);
        if (r >= 0)
                remember(c->b, name, *ret);
        return r;
}

int call_pid(struct call *c, pid_t *ret)
{
        sd_bus_creds *creds = NULL;
        struct ucred cred;
        socklen_t len = sizeof(cred);
        int r;

        if (!c->conn->system) {
                if (getsockopt(sd_bus_get_fd(c->conn->bus), SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                        return -errno;
                *ret = cred.pid;
                return 0;
        }
        r = sd_bus_get_name_creds(c->conn->bus, sd_bus_message_get_sender(c->m), SD_BUS_CREDS_PID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_pid(creds, ret);
        sd_bus_creds_unref(creds);
        return r;
}

static void refuse(struct call *c)
{
        (void)call_fail(c, SD_BUS_ERROR_ACCESS_DENIED, "%s: only root may do that%s.", c->method->name,
                c->method->access == ROOT ? "" : ", or whom polkit lets");
}

static int on_polkit(sd_bus_message *m, void *data, sd_bus_error *error)
{
        int authorized = 0, challenge = 0;
        struct call *c = data;

        c->pending--;
        if (!sd_bus_message_is_method_error(m, NULL) &&
                sd_bus_message_enter_container(m, 'r', "bba{ss}") >= 0)
                (void)sd_bus_message_read(m, "bb", &authorized, &challenge);
        if (authorized && c->conn) {
                call_run(c);
                return 1;
        }
        if (challenge)
                (void)call_fail(c, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "Interactive authentication required.");
        else
                refuse(c);
        call_unref(c);
        return 1;
}

static int ask_polkit(struct call *c)
{
        sd_bus *bus = c->conn->bus;
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.PolicyKit1",
                "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                "CheckAuthorization");

        if (r >= 0)
                r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                        sd_bus_message_get_sender(c->m), actions[c->method->access], 0,
                        (uint32_t)(sd_bus_message_get_allow_interactive_authorization(c->m) > 0), "");
        if (r >= 0)
                r = sd_bus_call_async(bus, NULL, m, on_polkit, c, (uint64_t)POLKIT_TIME);
        sd_bus_message_unref(m);
        if (r >= 0)
                c->pending++;
        return r;
}

void access_check(struct call *c)
{
        uid_t uid = (uid_t)-1;

        if (c->method->access == ANYONE || (uid_of_sender(c, &uid) >= 0 && uid == 0)) {
                call_run(c);
                return;
        }
        if (c->method->access == ROOT || ask_polkit(c) < 0) {
                refuse(c);
                call_unref(c);
        }
}
