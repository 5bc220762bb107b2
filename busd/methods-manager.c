/* Methods about the manager itself: subscription, reload, environment, power, dump. */
#include <stdio.h>
#include <sys/mman.h>

#include "busd.h"

static int done_empty(struct call *c, const struct answer *a)
{
        return a->error < 0 ? call_fail_errno(c, a->error, a->message) : call_reply(c, NULL);
}

/* ---- subscription ---- */

int on_subscribe(struct call *c)
{
        int r = 1;

        if (c->conn->system)
                r = subscriber_add(c->b, sd_bus_message_get_sender(c->m));
        else if (c->conn->subscribed)
                r = 0;
        if (r < 0)
                return r;
        c->conn->subscribed = true;
        if (r == 0)
                return call_fail(c, ERROR_PREFIX "AlreadySubscribed", "Client is already subscribed.");
        return call_reply(c, NULL);
}

int on_unsubscribe(struct call *c)
{
        bool was = c->conn->subscribed;

        if (c->conn->system)
                was = subscriber_remove(c->b, sd_bus_message_get_sender(c->m));
        else
                c->conn->subscribed = false;
        if (!was)
                return call_fail(c, ERROR_PREFIX "NotSubscribed", "Client is not subscribed.");
        return call_reply(c, NULL);
}

/* ---- reload, end ---- */

int on_reload(struct call *c)
{
        return call_request(c, "daemon-reload", NULL, NULL, done_empty);
}

int on_reexecute(struct call *c)
{
        return call_request(c, "daemon-reexec", NULL, NULL, done_empty);
}

int on_reset_failed(struct call *c)
{
        return call_request(c, "reset-failed", NULL, NULL, done_empty);
}

/* These methods end the system at once; the orderly way is to start poweroff.target and its kin. */
static int end_now(struct call *c, const char *verb)
{
        return call_request(c, verb, NULL, (char *[]) { (char *)"force", NULL }, done_empty);
}

int on_poweroff(struct call *c)
{
        return end_now(c, "poweroff");
}

int on_reboot(struct call *c)
{
        return end_now(c, "reboot");
}

int on_halt(struct call *c)
{
        return end_now(c, "halt");
}

int on_kexec(struct call *c)
{
        return end_now(c, "kexec");
}

int on_exit_manager(struct call *c)
{
        return end_now(c, "exit");
}

/* ---- environment ---- */

static int change_environment(struct call *c, const char *verb)
{
        _cleanup_strv_ char **v = NULL;
        int r = sd_bus_message_read_strv(c->m, &v);

        if (r < 0)
                return r;
        return v && *v ? call_request(c, verb, v, NULL, done_empty) : call_reply(c, NULL);
}

int on_set_environment(struct call *c)
{
        return change_environment(c, "set-environment");
}

int on_unset_environment(struct call *c)
{
        return change_environment(c, "unset-environment");
}

static int then_set(struct call *c, const struct answer *a)
{
        return a->error < 0 ? call_fail_errno(c, a->error, a->message)
                            : change_environment(c, "set-environment");
}

int on_unset_and_set_environment(struct call *c)
{
        _cleanup_strv_ char **names = NULL;
        int r = sd_bus_message_read_strv(c->m, &names);

        if (r < 0)
                return r;
        if (!names || !*names)
                return change_environment(c, "set-environment");
        return call_request(c, "unset-environment", names, NULL, then_set);
}

/* ---- default target, dump ---- */

static int dump_text(const struct answer *a, struct strbuf *b)
{
        for (size_t i = 0; i < a->n; i++) {
                FOREACH_STR (s, a->records[i].v)
                        strbuf_printf(b, "%s\n", *s);
                strbuf_putc(b, '\n');
        }
        return b->failed ? -ENOMEM : 0;
}

static int dump_done(struct call *c, const struct answer *a)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (dump_text(a, &b) < 0)
                return -ENOMEM;
        return call_reply(c, "s", b.s && utf8_valid(b.s, b.len) ? b.s : "");
}

int on_dump(struct call *c)
{
        return call_request(c, "analyze-data", NULL, NULL, dump_done);
}

static int dump_fd_done(struct call *c, const struct answer *a)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        _cleanup_close_ int fd = -1;

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        fd = memfd_create("dump", MFD_CLOEXEC);
        if (fd < 0 || dump_text(a, &b) < 0 || (b.len > 0 && write(fd, b.s, b.len) != (ssize_t)b.len) ||
                lseek(fd, 0, SEEK_SET) < 0)
                return -EIO;
        return call_reply(c, "h", fd);
}

int on_dump_by_fd(struct call *c)
{
        return call_request(c, "analyze-data", NULL, NULL, dump_fd_done);
}
