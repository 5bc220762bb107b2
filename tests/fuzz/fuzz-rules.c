/* Any text as a rules file, and then an event of a device that only exists in memory through what came of it. */
#include "devd/rules-int.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

static int no_program(struct device *d, struct rules_event *e, const char *command, char **ret_output)
{
        if (ret_output)
                *ret_output = strdup("A=1\nB=\"two words\"\n= \n");
        return 0;
}

static int no_builtin(struct device *d, struct rules_event *e, const char *command)
{
        return device_set_prop(d, "ID_PATH", "p");
}

static int no_write(struct device *d, struct rules_event *e, const char *path, const char *value)
{
        return 0;
}

FUZZ_TARGET(rules)
{
        static const struct rules_ops ops = {
                .program = no_program, .builtin = no_builtin, .write = no_write
        };
        static const char event[] =
                "add@/devices/x/block/vda\0ACTION=add\0DEVPATH=/devices/x/block/vda\0SUBSYSTEM=block\0"
                "MAJOR=254\0MINOR=0\0DEVNAME=vda\0DEVTYPE=disk\0SEQNUM=1\0";
        struct rules *r = rules_new();
        struct rules_event e = { 0 };
        struct device *d = NULL;
        struct uevent u = { 0 };
        char *text;

        log_open("fuzz", LOG_TO_NULL);
        device_set_roots("/nonexistent/sys", "/nonexistent/dev", "/nonexistent/run");
        text = malloc(size + 1);
        memcpy(text, data, size);
        text[size] = 0;
        fuzz_check(rules_load_text(r, "fuzz.rules", text) == 0);
        memcpy(u.buf, event, sizeof(event) - 1);
        fuzz_check(uevent_parse(&u, sizeof(event) - 1) == 0 && device_from_uevent(&u, &d) == 0);
        /* What the index rules out must not do anything. */
        bool may = rules_may_match(r, d);
        size_t props = d->n_props;

        (void)rules_apply(r, d, &e, &ops);
        fuzz_check(may || (d->n_props == props && e.n_run == 0 && !d->links && !d->tags_all));
        FOREACH_STR (l, d->links)
                fuzz_check(**l && **l != '/' && path_is_normalized(*l));
        rules_event_done(&e);
        device_unref(d);
        rules_free(r);
        free(text);
}
