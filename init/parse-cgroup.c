/* Values of systemd.resource-control(5). In the context UINT64_MAX means "not set", 'infinity' UINT64_MAX - 1. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "cgroup.h"
#include "names.h"
#include "parse.h"

#define UNSET    UINT64_MAX
#define INFINITE (UINT64_MAX - 1)

static uint64_t physical_memory(void)
{
        struct sysinfo i;

        return sysinfo(&i) < 0 ? 0 : (uint64_t)i.totalram * i.mem_unit;
}

int parse_value_weight(const struct parse *p)
{
        uint64_t v;
        int r;

        if (!*p->value) {
                *(uint64_t *)p->target = UNSET;
                return 0;
        }
        r = parse_u64(p->value, &v);
        if (r < 0)
                return r;
        if (v < 1 || v > 10000)
                return -ERANGE;
        *(uint64_t *)p->target = v;
        return 0;
}

/* "idle" is kept as 0 (cpu.idle). */
int parse_value_cpu_weight(const struct parse *p)
{
        if (streq(p->value, "idle")) {
                *(uint64_t *)p->target = 0;
                return 0;
        }
        return parse_value_weight(p);
}

/* CPUShares= and StartupCPUShares= of cgroup v1: 1024 is weight 100. */
int parse_value_cpu_shares(const struct parse *p)
{
        uint64_t *to = p->target, v;
        int r;

        if (!*p->value)
                return 0;
        r = parse_u64(p->value, &v);
        if (r < 0)
                return r;
        if (v < 2 || v > 262144)
                return -ERANGE;
        if (*to == UNSET)
                *to = MIN(MAX(v * 100 / 1024, UINT64_C(1)), UINT64_C(10000));
        return 0;
}

/* "20%" of one CPU: 200 ms a second. */
int parse_value_cpu_quota(const struct parse *p)
{
        uint32_t permyriad;
        int r;

        if (!*p->value || streq(p->value, "infinity")) {
                *(uint64_t *)p->target = UNSET;
                return 0;
        }
        r = parse_permyriad(p->value, true, &permyriad);
        if (r < 0)
                return r;
        if (permyriad == 0)
                return -ERANGE;
        *(uint64_t *)p->target = (uint64_t)permyriad * 100;
        return 0;
}

int parse_value_cpu_period(const struct parse *p)
{
        usec_t t;
        int r;

        if (!*p->value) {
                *(uint64_t *)p->target = UNSET;
                return 0;
        }
        r = parse_timespan(p->value, USEC_PER_SEC, &t);
        if (r < 0)
                return r;
        *(uint64_t *)p->target = (uint64_t)MIN(MAX(t, USEC_PER_MSEC), USEC_PER_SEC);
        return 0;
}

static int memory_value(const char *s, uint64_t *ret)
{
        uint32_t permyriad;
        int r;

        if (streq(s, "infinity")) {
                *ret = INFINITE;
                return 0;
        }
        if (strchr(s, '%')) {
                r = parse_permyriad(s, false, &permyriad);
                if (r >= 0)
                        *ret = (uint64_t)((unsigned __int128)physical_memory() * permyriad / 10000);
                return r;
        }
        return parse_size(s, ret);
}

/* Bytes, a part of the machine's memory, or infinity. MemoryMax=0 would kill at once, so it is refused (arg 1). */
int parse_value_memory(const struct parse *p)
{
        uint64_t v;
        int r;

        if (!*p->value) {
                *(uint64_t *)p->target = UNSET;
                return 0;
        }
        r = memory_value(p->value, &v);
        if (r < 0)
                return r;
        if (v == 0 && p->d->arg)
                return -ERANGE;
        *(uint64_t *)p->target = v;
        return 0;
}

/* MemoryLimit= of cgroup v1 counts as MemoryMax= where that is not set. */
int parse_value_memory_legacy(const struct parse *p)
{
        uint64_t *to = p->target;

        return *to == UNSET && *p->value ? parse_value_memory(p) : 0;
}

int parse_value_tasks_max(const struct parse *p)
{
        struct cgroup_context *c = unit_cgroup_context(p->u);
        uint32_t permyriad;
        uint64_t v;
        int r;

        if (!*p->value) {
                c->tasks_max = UNSET;
                c->tasks_max_permyriad = UINT32_MAX;
                return 0;
        }
        if (streq(p->value, "infinity"))
                v = INFINITE;
        else if (strchr(p->value, '%')) {
                r = parse_permyriad(p->value, false, &permyriad);
                if (r < 0)
                        return r;
                if (permyriad == 0)
                        return -ERANGE;
                c->tasks_max = UNSET;
                c->tasks_max_permyriad = permyriad;
                return 0;
        } else {
                r = parse_u64(p->value, &v);
                if (r < 0)
                        return r;
                if (v == 0)
                        return -ERANGE;
        }
        c->tasks_max = v;
        c->tasks_max_permyriad = UINT32_MAX;
        return 0;
}

/* ---- block devices ---- */

/* A number with a suffix to the base of 1000 ("5M"); infinity is the kernel's "max". */
static int rate_value(const char *s, char *ret, size_t n)
{
        static const char suffixes[] = "KMGTPE";
        uint64_t v;
        size_t len = strlen(s);
        const char *suffix = len > 0 ? strchr(suffixes, s[len - 1]) : NULL;
        _cleanup_free_ char *digits = strndup(s, len - (suffix && *suffix));
        int r;

        if (!digits)
                return -ENOMEM;
        if (streq(s, "infinity")) {
                snprintf(ret, n, "max");
                return 0;
        }
        r = parse_u64(digits, &v);
        if (r < 0)
                return r;
        for (int i = 0; suffix && *suffix && i <= suffix - suffixes; i++)
                if (__builtin_mul_overflow(v, UINT64_C(1000), &v))
                        return -ERANGE;
        snprintf(ret, n, "%" PRIu64, v);
        return 0;
}

static int split_device(const struct parse *p, char **ret_path, char **ret_rest)
{
        _cleanup_free_ char *word = NULL, *path = NULL, *rest = NULL;
        const char *s = p->value;
        int r = parse_word(p, &s, &word);

        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        r = parse_path_value(word, &path);
        if (r < 0)
                return r;
        r = parse_word(p, &s, &rest);
        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        *ret_path = TAKE_PTR(path);
        *ret_rest = TAKE_PTR(rest);
        return 0;
}

/* Entries of one key in io_limits are "KEY DEVICE VALUE"; an empty value drops those of this key. */
static int add_io(const struct parse *p, const char *key, const char *device, const char *value)
{
        char ***list = p->target;
        size_t n = strlen(key);

        for (size_t i = 0; *list && (*list)[i];) {
                const char *e = (*list)[i];
                bool mine = strncmp(e, key, n) == 0 && e[n] == ' ';

                if (mine &&
                        (!device || (startswith(e + n + 1, device) && e[n + 1 + strlen(device)] == ' '))) {
                        free((*list)[i]);
                        for (size_t k = i; (*list)[k]; k++)
                                (*list)[k] = (*list)[k + 1];
                } else
                        i++;
        }
        return device ? strv_addf(list, "%s %s %s", key, device, value) : 0;
}

int parse_value_io_limit(const struct parse *p)
{
        _cleanup_free_ char *device = NULL, *rest = NULL;
        char value[32];
        int r;

        if (!*p->value)
                return add_io(p, (const char *)p->d->arg, NULL, NULL);
        r = split_device(p, &device, &rest);
        if (r >= 0)
                r = rate_value(rest, value, sizeof(value));
        return r < 0 ? r : add_io(p, (const char *)p->d->arg, device, value);
}

int parse_value_io_device_weight(const struct parse *p)
{
        _cleanup_free_ char *device = NULL, *rest = NULL;
        uint64_t v;
        int r;

        if (!*p->value)
                return add_io(p, "weight", NULL, NULL);
        r = split_device(p, &device, &rest);
        if (r >= 0)
                r = parse_u64(rest, &v);
        if (r < 0)
                return r;
        if (v < 1 || v > 10000)
                return -ERANGE;
        return add_io(p, "weight", device, rest);
}

int parse_value_io_latency(const struct parse *p)
{
        _cleanup_free_ char *device = NULL, *rest = NULL;
        char value[32];
        usec_t t;
        int r;

        if (!*p->value)
                return add_io(p, "latency", NULL, NULL);
        r = split_device(p, &device, &rest);
        if (r >= 0)
                r = parse_timespan(rest, USEC_PER_SEC, &t);
        if (r < 0)
                return r;
        snprintf(value, sizeof(value), "%" PRIi64, t);
        return add_io(p, "latency", device, value);
}

/* ---- controllers, devices, addresses, slice ---- */

static int add_controller(const struct parse *p, char *word, void *list)
{
        int64_t v;

        (void)p;
        return name_value(names_cgroup_controller, word, &v) < 0 ? -EINVAL : strv_add_unique(list, word);
}

/* A boolean, or the controllers that the unit shall have. */
int parse_value_delegate(const struct parse *p)
{
        struct cgroup_context *c = unit_cgroup_context(p->u);
        int b = parse_boolean(p->value);

        c->delegate_set = true;
        if (b >= 0 || !*p->value) {
                c->delegate = b != 0;
                strv_reset(&c->delegate_controllers);
                return 0;
        }
        c->delegate = true;
        return parse_each(p, p->value, parse_word, add_controller, &c->delegate_controllers, "a controller");
}

int parse_value_controllers(const struct parse *p)
{
        return parse_list(p, parse_word, add_controller, "a controller");
}

/* "/dev/sda rw", "char-pts": kept as "NODE ACCESS". */
int parse_value_device_allow(const struct parse *p)
{
        _cleanup_free_ char *node = NULL, *access = NULL;
        const char *s = p->value;
        int r;

        if (!*s)
                return parse_reset(p);
        r = parse_word(p, &s, &node);
        if (r <= 0)
                return r < 0 ? r : -EINVAL;
        if (!path_startswith(node, "/dev") && !path_startswith(node, "/run/systemd/inaccessible") &&
                !startswith(node, "char-") && !startswith(node, "block-"))
                return -EINVAL;
        r = parse_word(p, &s, &access);
        if (r < 0)
                return r;
        if (access && (!*access || access[strspn(access, "rwm")]))
                return -EINVAL;
        return strv_addf(p->target, "%s %s", node, access ? access : "rwm");
}

static int add_address(const struct parse *p, char *word, void *list)
{
        static const struct {
                const char *name, *addresses[3];
        } names[] = {
                { "any", { "0.0.0.0/0", "::/0" } },
                { "localhost", { "127.0.0.0/8", "::1/128" } },
                { "link-local", { "169.254.0.0/16", "fe80::/64" } },
                { "multicast", { "224.0.0.0/4", "ff00::/8" } },
        };
        char *slash = strchr(word, '/'), buf[sizeof(struct in6_addr)];
        uint32_t bits = 0, max;

        (void)p;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(word, names[i].name)) {
                        int r = strv_add_unique(list, names[i].addresses[0]);

                        return r < 0 ? r : strv_add_unique(list, names[i].addresses[1]);
                }
        if (slash)
                *slash = '\0';
        if (inet_pton(AF_INET, word, buf) == 1)
                max = 32;
        else if (inet_pton(AF_INET6, word, buf) == 1)
                max = 128;
        else
                return -EINVAL;
        if (!slash)
                bits = max;
        else if (parse_u32(slash + 1, &bits) < 0 || bits > max)
                return -EINVAL;
        _cleanup_free_ char *full = str_printf("%s/%u", word, bits);

        return full ? strv_add_unique(list, full) : -ENOMEM;
}

int parse_value_addresses(const struct parse *p)
{
        return parse_list(p, parse_word, add_address, "an address[/bits]");
}

int parse_value_slice(const struct parse *p)
{
        _cleanup_free_ char *name = NULL;
        int r;

        if (!*p->value) {
                p->u->slice = NULL;
                return 0;
        }
        r = parse_resolve(p, p->value, &name);
        if (r < 0)
                return r;
        if (unit_type_from_name(name) != UNIT_SLICE || p->u->type == UNIT_SLICE)
                return -EINVAL;
        return unit_get(p->u->manager, name, &p->u->slice);
}

/* ---- programs on the cgroup ---- */

int parse_value_bind_rule(const struct parse *p)
{
        char ***list = p->target;
        struct bind_rule r;

        if (!*p->value)
                return parse_reset(p);
        if (strv_len(*list) >= 128)
                return -ERANGE;
        return cgroup_bind_rule(p->value, &r) < 0 ? -EINVAL : strv_add(list, p->value);
}

static int add_interface(const struct parse *p, char *word, void *deny)
{
        struct cgroup_context *c = unit_cgroup_context(p->u);

        if (strlen(word) >= IFNAMSIZ || strchr(word, '/'))
                return -EINVAL;
        if (*(bool *)deny == c->interfaces_deny)
                return strv_add_unique(&c->interfaces, word);
        strv_remove(c->interfaces, word);
        return 0;
}

/* The first line says whether these are the only ones, or all but these; a line of the other kind takes away. */
int parse_value_interfaces(const struct parse *p)
{
        struct cgroup_context *c = unit_cgroup_context(p->u);
        bool deny = *p->value == '~';
        const char *s = p->value + deny;

        if (!*p->value) {
                strv_reset(&c->interfaces);
                c->interfaces_set = false;
                return 0;
        }
        if (!c->interfaces_set)
                c->interfaces_deny = deny;
        c->interfaces_set = true;
        return parse_each(p, s, parse_word, add_interface, &deny, "the name of a network interface");
}

/* BPFProgram=TYPE:/path, or the path alone where the row says which type. */
int parse_value_bpf_program(const struct parse *p)
{
        struct cgroup_context *c = unit_cgroup_context(p->u);
        const char *type = (const char *)p->d->arg, *path;
        _cleanup_free_ char *s = NULL, *full = NULL;
        int r;

        if (!*p->value) {
                strv_reset(&c->bpf_programs);
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        full = type ? str_printf("%s:%s", type, s) : strdup(s);
        if (!full)
                return -ENOMEM;
        return cgroup_attach_type(full, &path) < 0 ? -EINVAL : strv_add_unique(&c->bpf_programs, full);
}
