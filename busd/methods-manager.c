/* Methods about the manager itself: subscription, reload, environment, power, dump. */
#include <fnmatch.h>
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
        return events_wanted(c->b, c);
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
        (void)events_wanted(c->b, NULL);
        return call_reply(c, NULL);
}

/* ---- reload, end ---- */

/* Reload and others that are a verb of PID 1's and nothing else. */
int on_manager_verb(struct call *c)
{
        return call_request(c, c->method->what, NULL, NULL, done_empty);
}

/* SetShowStatus, SetExitCode */
int on_manager_value(struct call *c)
{
        char number[8];
        const char *text = number;
        uint8_t y;
        int r = *c->method->in == 's' ? sd_bus_message_read_basic(c->m, 's', &text)
                                      : sd_bus_message_read_basic(c->m, 'y', &y);

        if (r < 0)
                return r;
        if (*c->method->in == 'y')
                snprintf(number, sizeof(number), "%u", y);
        else if (*text == '\0')
                return call_fail(
                        c, SD_BUS_ERROR_NOT_SUPPORTED, "rouse forgets no mode that was set before.");
        return call_request(c, c->method->what, (char *[]) { (char *)text, NULL }, NULL, done_empty);
}

/* PowerOff and its kin end the system at once; the orderly way is to start poweroff.target and its kin. */
int on_end_now(struct call *c)
{
        return call_request(c, c->method->what, NULL, (char *[]) { (char *)"force", NULL }, done_empty);
}

int on_switch_root(struct call *c)
{
        const char *root, *init;
        int r = sd_bus_message_read(c->m, "ss", &root, &init);

        if (r < 0)
                return r;
        return call_request(c, "switch-root",
                (char *[]) { (char *)root, (char *)(*init ? init : "/sbin/init"), NULL }, NULL, done_empty);
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

int on_environment(struct call *c)
{
        return change_environment(c, c->method->what);
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

/* ---- dump ---- */

static bool is_dumped(struct call *c, const struct ctl_record *rec)
{
        const char *id = record_get(rec, "Id");
        bool all = true;

        FOREACH_STR (p, (char **)c->data) {
                all = false;
                if (id && fnmatch(*p, id, FNM_NOESCAPE) == 0)
                        return true;
        }
        return all;
}

static int dump_text(struct call *c, const struct answer *a, struct strbuf *b)
{
        for (size_t i = 0; i < a->n; i++) {
                if (!is_dumped(c, &a->records[i]))
                        continue;
                FOREACH_STR (s, a->records[i].v)
                        strbuf_printf(b, "%s\n", *s);
                strbuf_putc(b, '\n');
        }
        return b->failed ? -ENOMEM : 0;
}

static int dump_done(struct call *c, const struct answer *a)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        _cleanup_close_ int fd = -1;

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (dump_text(c, a, &b) < 0)
                return -ENOMEM;
        if (*c->method->out == 's')
                return call_reply(c, "s", b.s && utf8_valid(b.s, b.len) ? b.s : "");
        fd = memfd_create("dump", MFD_CLOEXEC);
        if (fd < 0 || (b.len > 0 && write(fd, b.s, b.len) != (ssize_t)b.len) || lseek(fd, 0, SEEK_SET) < 0)
                return -EIO;
        return call_reply(c, "h", fd);
}

static void patterns_free(void *v)
{
        strv_free(v);
}

/* Dump and its kin: of units that match patterns, or all; as text, or in a file. */
int on_dump(struct call *c)
{
        char **patterns = NULL;
        int r = *c->method->in ? sd_bus_message_read_strv(c->m, &patterns) : 0;

        if (r < 0)
                return r;
        c->data = patterns;
        c->data_free = patterns_free;
        return call_request(c, "analyze-data", NULL, NULL, dump_done);
}
