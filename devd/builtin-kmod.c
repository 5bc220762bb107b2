/* kmod load [MODULE…]: loads modules by name or alias, without a name by the device's MODALIAS. Only the worker
 * links this file (libkmod). */
#include <libkmod.h>

#include "builtin.h"
#include "lib/log.h"

static struct kmod_ctx *context(void)
{
        static struct kmod_ctx *ctx;

        /* modprobe.d and the indexes change rarely; a check is a few stat(2) calls. */
        if (ctx && kmod_validate_resources(ctx) != KMOD_RESOURCES_OK) {
                kmod_unref(ctx);
                ctx = NULL;
        }
        if (!ctx && (ctx = kmod_new(NULL, NULL))) {
                kmod_set_log_priority(ctx, LOG_CRIT);
                (void)kmod_load_resources(ctx);
        }
        return ctx;
}

static int load_one(struct kmod_module *m)
{
        int r, state = kmod_module_get_initstate(m);

        if (state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN)
                return 0;
        r = kmod_module_probe_insert_module(m, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL, NULL);
        if (r == KMOD_PROBE_APPLY_BLACKLIST) {
                log_debug("Module %s is on the deny list, not loaded", kmod_module_get_name(m));
                return 0;
        }
        /* Many aliases name modules for hardware that is not quite there. */
        if (r < 0)
                log_full(r == -ENODEV || r == -ENOENT || r == -EEXIST ? LOG_DEBUG : LOG_WARNING, r, NULL,
                        "Cannot load module %s: %m", kmod_module_get_name(m));
        return r == -EEXIST ? 0 : r;
}

static int load_alias(struct kmod_ctx *ctx, const char *alias)
{
        struct kmod_list *list = NULL, *i;
        int r, first = 0;

        r = kmod_module_new_from_lookup(ctx, alias, &list);
        if (r < 0)
                return log_debug_errno(r, "Cannot look up module alias %s: %m", alias);
        kmod_list_foreach(i, list)
        {
                struct kmod_module *m = kmod_module_get_module(i);

                r = load_one(m);
                first = first < 0 ? first : r;
                kmod_module_unref(m);
        }
        kmod_module_unref_list(list);
        return first < 0 ? first : 0;
}

int builtin_kmod(struct device *d, struct rules_event *e, int argc, char **argv)
{
        struct kmod_ctx *ctx;
        const char *alias;
        int r = 0;

        if (argc < 2 || !streq(argv[1], "load"))
                return log_warning_errno(-EINVAL, "%s: builtin kmod knows only \"load\"", d->sysname);
        ctx = context();
        if (!ctx)
                return -ENOMEM;
        if (argc == 2) {
                alias = device_prop(d, "MODALIAS");
                return alias ? load_alias(ctx, alias) : 0;
        }
        for (int i = 2; i < argc; i++) {
                int x = load_alias(ctx, argv[i]);

                r = r < 0 ? r : x;
        }
        return r;
}
