/* Modules through live libkmod: where no digest fits the kernel, and for modprobe.d `install` lines. */
#include <libkmod.h>
#include <stdio.h>

#include "lib/log.h"
#include "worker-proto.h"
#include "worker.h"

static struct kmod_ctx *ctx; /* its indexes are mapped once in a worker's life */

static int open_context(void)
{
        if (ctx && kmod_validate_resources(ctx) != KMOD_RESOURCES_OK) {
                kmod_unref(ctx);
                ctx = NULL;
        }
        if (ctx)
                return 0;
        ctx = kmod_new(NULL, NULL);
        if (!ctx)
                return -ENOMEM;
        kmod_set_log_priority(ctx, LOG_ERR);
        (void)kmod_load_resources(ctx);
        return 0;
}

static int load_one(struct kmod_module *mod, bool by_name, char **ret_message)
{
        unsigned flags = KMOD_PROBE_APPLY_BLACKLIST;
        int state = kmod_module_get_initstate(mod), r;

        if (state == KMOD_MODULE_BUILTIN || state == KMOD_MODULE_LIVE)
                return 0;
        if (by_name)
                flags = 0;
        r = kmod_module_probe_insert_module(mod, flags, NULL, NULL, NULL, NULL);
        if (r == KMOD_PROBE_APPLY_BLACKLIST || r >= 0)
                return 0;
        if (!*ret_message)
                *ret_message =
                        str_printf("%s cannot be inserted: %s", kmod_module_get_name(mod), strerror(-r));
        return r;
}

static int load_name(const char *name, bool by_name, char **ret_message)
{
        struct kmod_list *list = NULL, *i;
        int r = kmod_module_new_from_lookup(ctx, name, &list), first = 0;

        if (r < 0)
                return r;
        if (!list)
                return by_name ? -NO_SUCH_MODULE : 0;
        kmod_list_foreach(i, list)
        {
                struct kmod_module *mod = kmod_module_get_module(i);

                r = load_one(mod, by_name, ret_message);
                if (r < 0 && first == 0)
                        first = r;
                kmod_module_unref(mod);
        }
        kmod_module_unref_list(list);
        return first;
}

int worker_load_modules(char *const *names, bool by_name, char **ret_message)
{
        int r = open_context(), first = 0;

        if (r < 0)
                return r;
        FOREACH_STR (n, names) {
                r = load_name(*n, by_name, ret_message);
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}
