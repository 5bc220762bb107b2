/* The tables of what the interface has. */
#include "busd.h"

const struct method methods[] = {
#define METHOD(i, name, in, out, args, handler, what, access)                                               \
        { IF_##i, #name, in, out, args, handler, what, access },
#define SIGNAL(...)
#define PROPERTY(...)
#define GROUP(...)
#include "table-manager.inc"
#include "table-types.inc"
#include "table-unit.inc"
#undef METHOD
#undef SIGNAL
#undef PROPERTY
#undef GROUP
};
const size_t n_methods = ARRAY_SIZE(methods);

const struct signal signals[] = {
#define METHOD(...)
#define SIGNAL(i, name, signature, args) { IF_##i, #name, signature, args },
#define PROPERTY(...)
#define GROUP(...)
#include "table-manager.inc"
#include "table-types.inc"
#include "table-unit.inc"
#undef METHOD
#undef SIGNAL
#undef PROPERTY
#undef GROUP
};
const size_t n_signals = ARRAY_SIZE(signals);

const struct property properties[] = {
#define METHOD(...)
#define SIGNAL(...)
#define PROPERTY(i, name, signature, changes) { IF_##i, #name, signature, changes },
#define GROUP(...)
#include "table-groups.inc"
#include "table-manager.inc"
#include "table-types.inc"
#include "table-unit.inc"
#undef METHOD
#undef SIGNAL
#undef PROPERTY
#undef GROUP
};
const size_t n_properties = ARRAY_SIZE(properties);

static const struct {
        enum interface of, group;
} groups[] = {
#define METHOD(...)
#define SIGNAL(...)
#define PROPERTY(...)
#define GROUP(i, group) { IF_##i, IF_##group },
#include "table-types.inc"
#undef METHOD
#undef SIGNAL
#undef PROPERTY
#undef GROUP
};

static const char *const names[IF_MAX] = {
        [IF_Manager] = "Manager",
        [IF_Unit] = "Unit",
        [IF_Job] = "Job",
        [IF_Service] = "Service",
        [IF_Socket] = "Socket",
        [IF_Target] = "Target",
        [IF_Device] = "Device",
        [IF_Mount] = "Mount",
        [IF_Automount] = "Automount",
        [IF_Timer] = "Timer",
        [IF_Swap] = "Swap",
        [IF_Path] = "Path",
        [IF_Slice] = "Slice",
        [IF_Scope] = "Scope",
};

const char *interface_name(enum interface i)
{
        return names[i];
}

int interface_find(const char *full)
{
        const char *name = startswith(full, BUS_INTERFACE);

        for (int i = 0; name && i < IF_Exec; i++)
                if (streq(names[i], name))
                        return i;
        return -ENOENT;
}

int interface_of_unit(const char *name)
{
        const char *dot = strrchr(name, '.');

        for (int i = IF_Service; dot && i <= IF_Scope; i++)
                if (strcasecmp(names[i], dot + 1) == 0)
                        return i;
        return -EINVAL;
}

bool interface_has(enum interface i, enum interface group)
{
        static uint32_t has[IF_MAX]; /* a bit a group, and one for the interface itself */

        _Static_assert(IF_MAX <= 32, "a bit each");
        if (!has[IF_Manager]) {
                for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
                        has[groups[g].of] |= 1u << groups[g].group;
                for (enum interface k = 0; k < IF_MAX; k++)
                        has[k] |= 1u << k;
        }
        return has[i] >> group & 1;
}

const struct method *method_find(enum interface i, const char *name)
{
        for (size_t m = 0; m < n_methods; m++)
                if (methods[m].interface == i && streq(methods[m].name, name))
                        return &methods[m];
        return NULL;
}

static int by_name(const void *a, const void *b)
{
        const struct property *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

/* All properties, by their names; NULL: no memory. */
static const struct property **sorted_properties(void)
{
        static const struct property **sorted;

        if (sorted || !(sorted = calloc(n_properties, sizeof(*sorted))))
                return sorted;
        for (size_t p = 0; p < n_properties; p++)
                sorted[p] = &properties[p];
        qsort(sorted, n_properties, sizeof(*sorted), by_name);
        return sorted;
}

const struct property *property_find(enum interface i, const char *name)
{
        const struct property **sorted = sorted_properties();
        size_t from = 0, to = sorted ? n_properties : 0;

        while (from < to) { /* the first of its name */
                size_t middle = from + (to - from) / 2;

                if (strcmp(sorted[middle]->name, name) < 0)
                        from = middle + 1;
                else
                        to = middle;
        }
        for (; sorted && from < n_properties && streq(sorted[from]->name, name); from++)
                if (interface_has(i, sorted[from]->interface))
                        return sorted[from];
        return NULL;
}
