/* Settings with a form of their own, as properties: see show.h. Raw values, which are for the bridge to D-Bus, are
 * numbers where org.freedesktop.systemd1(5) has numbers; the others are as a unit file would have them. */
#include <limits.h>

#include "cgroup.h"
#include "names.h"
#include "show.h"
#include "types.h"

/* What a filter does that kills: no errno has this number. */
#define ERRNO_KILL (INT_MAX - 1)

/* The bits of a table, by name. */
static void print_bits(struct record *rec, const char *key, const struct name_row *names, uint64_t bits)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (const struct name_row *n = names; n->name; n++)
                if (n->value && (bits & (uint64_t)n->value) == (uint64_t)n->value)
                        strbuf_printf(&b, "%s%s", b.len ? " " : "", n->name);
        record_add(rec, key, b.s);
}

/* "a b", or "~a b" for all but these. */
static void print_signed_list(struct record *rec, const char *key, bool allow, char *const *list)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        if (!allow)
                strbuf_putc(&b, '~');
        FOREACH_STR (w, list)
                strbuf_printf(&b, "%s%s", w == list ? "" : " ", *w);
        record_add(rec, key, b.s);
}

static void print_syscalls(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_syscalls *f = v;
        _cleanup_strv_ char **plain = NULL;

        /* "~x" in a list: taken out of it again */
        FOREACH_STR (n, f->names)
                if (**n != '~' && strv_add(&plain, *n) < 0)
                        return;
        print_signed_list(rec, key, !f->set || f->allow_list, plain);
}

static void print_syscall_errno(
        struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%d", *(const int *)v ?: ERRNO_KILL);
}

static void print_families(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, address_families));

        print_signed_list(
                rec, key, c->address_families_set && c->address_families_allow, c->address_families);
}

static void print_namespaces(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, restrict_namespaces));
        uint64_t all = 0;

        for (const struct name_row *n = names_namespace; n->name; n++)
                all |= (uint64_t)n->value;
        if (rec->raw)
                record_add_u64(rec, key, c->restrict_namespaces_set ? c->restrict_namespaces : all);
        else if (!c->restrict_namespaces_set)
                record_add(rec, key, "no");
        else if (!c->restrict_namespaces)
                record_add(rec, key, "yes");
        else
                print_bits(rec, key, names_namespace, c->restrict_namespaces);
}

static void print_secure_bits(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        if (rec->raw)
                record_addf(rec, key, "%d", *(const int *)v);
        else
                print_bits(rec, key, names_secure_bits, (uint64_t) * (const int *)v);
}

static void print_mount_flags(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        unsigned long flags = *(const unsigned long *)v;

        if (rec->raw)
                record_add_u64(rec, key, flags);
        else
                record_add(rec, key, flags ? name_of(names_mount_flags, (int64_t)flags) : "");
}

/* "SOURCE DESTINATION IGNORE FLAGS", or as in a unit file. */
static void print_binds(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_path_pairs *pairs = v;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        (void)d;
        for (size_t i = 0; i < pairs->n; i++)
                if (rec->raw) {
                        _cleanup_free_ char *source = str_cescape(pairs->v[i].source),
                                            *dest = str_cescape(pairs->v[i].dest);

                        record_addf(rec, key, "\"%s\" \"%s\" %d %u", source ?: "", dest ?: "",
                                pairs->v[i].ignore_missing, pairs->v[i].recursive ? 16384 /* MS_REC */ : 0);
                } else
                        strbuf_printf(&b, "%s%s%s:%s:%s", b.len ? " " : "",
                                pairs->v[i].ignore_missing ? "-" : "", pairs->v[i].source, pairs->v[i].dest,
                                pairs->v[i].recursive ? "rbind" : "norbind");
        if (!rec->raw)
                record_add(rec, key, b.s);
}

static void print_mount_api(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, mount_api_vfs));

        record_add(rec, key,
                (c->mount_api_vfs_set ? c->mount_api_vfs : c->root_directory != NULL) ? "yes" : "no");
}

static void print_coredump_filter(
        struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, coredump_filter));
        uint64_t bits = c->coredump_filter_set ? c->coredump_filter : 0x33; /* the kernel's default */

        if (rec->raw)
                record_add_u64(rec, key, bits);
        else
                record_addf(rec, key, "0x%llx", (unsigned long long)bits);
}

static void print_nsec(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        uint64_t n = *(const uint64_t *)v;

        record_add_u64(rec, key, n == UINT64_MAX ? 50000 /* the kernel's default */ : n);
}

static void print_personality(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        unsigned long p = *(const unsigned long *)v;

        record_add(rec, key, p == ~0ul ? "" : name_of(names_personality, (int64_t)p));
}

static void print_affinity(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, cpu_affinity));
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (unsigned i = 0; i < 8 * c->cpu_affinity_len; i++)
                if (bit_get(c->cpu_affinity, i))
                        strbuf_printf(&b, "%s%u", b.len ? "," : "", i);
        record_add(rec, key, b.s);
}

static int ioprio_of(const void *v)
{
        const struct exec_context *c =
                (const void *)((const char *)v - offsetof(struct exec_context, ioprio));

        return c->ioprio_set ? c->ioprio : 2 << 13 | 4;
}

static void print_io_class(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%d", ioprio_of(v) >> 13);
}

static void print_io_priority(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%d", ioprio_of(v) & 0x1fff);
}

/* "DEVICE VALUE" of one key of io.max and its kin. */
static void print_io(struct record *rec, const char *key, const char *kind, char *const *limits)
{
        size_t n = strlen(kind);

        FOREACH_STR (l, limits)
                if (startswith(*l, kind) && (*l)[n] == ' ')
                        record_add(rec, key, *l + n + 1);
}

static void print_io_limit(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        print_io(rec, key, (const char *)d->arg, *(char **const *)v);
}

static void print_io_weight(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        print_io(rec, key, "weight", *(char **const *)v);
}

static void print_io_latency(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        print_io(rec, "IODeviceLatencyTargetUSec", "latency", *(char **const *)v);
}

static void print_controllers(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        char *const *list = *(char **const *)v;
        _cleanup_free_ char *s = list && !rec->raw ? strv_join(list, " ") : NULL;

        FOREACH_STR (w, rec->raw ? list : NULL)
                record_add(rec, key, *w);
        if (!rec->raw)
                record_add(rec, key, s);
}

static void print_size(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%lld", (long long)*(const int64_t *)v);
}

static void print_int(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_addf(rec, key, "%d", *(const int *)v);
}

static void print_text(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(char *const *)v);
}

static void print_collect_mode(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(const bool *)v ? "inactive-or-failed" : "inactive");
}

static void print_flag(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        record_add(rec, key, *(const bool *)v ? "yes" : "no");
}

/* The words of one row in the list that all rows of images share. Raw, only what is plain text on the bus. */
static void print_images(struct record *rec, const char *key, const struct directive *d, const void *v)
{
        const char *name = (const char *)d->arg;
        _cleanup_strbuf_ struct strbuf b = { 0 };

        FOREACH_STR (i, *(char ***const)v) {
                const char *word = startswith(*i, name);

                if (!word || *word != '=')
                        continue;
                if (rec->raw && (streq(name, "RootImage") || streq(name, "ExtensionDirectories")))
                        record_add(rec, key, word + 1);
                strbuf_printf(&b, "%s%s", b.len ? " " : "", word + 1);
        }
        if (!rec->raw)
                record_add(rec, key, b.s);
}

const struct show_form show_forms[] = {
        { parse_value_image, print_images },
        { parse_value_syscalls, print_syscalls },
        { parse_value_syscall_errno, print_syscall_errno },
        { parse_value_address_families, print_families },
        { parse_value_namespaces, print_namespaces },
        { parse_value_secure_bits, print_secure_bits },
        { parse_value_mount_flags, print_mount_flags },
        { parse_value_bind_paths, print_binds },
        { parse_value_mount_api_vfs, print_mount_api },
        { parse_value_coredump_filter, print_coredump_filter },
        { parse_value_nsec, print_nsec },
        { parse_value_personality, print_personality },
        { parse_value_cpu_affinity, print_affinity },
        { parse_value_io_class, print_io_class },
        { parse_value_io_priority, print_io_priority },
        { parse_value_io_limit, print_io_limit },
        { parse_value_io_device_weight, print_io_weight },
        { parse_value_io_latency, print_io_latency },
        { parse_value_controllers, print_controllers },
        { parse_value_socket_size, print_size },
        { parse_value_ip_tos, print_int },
        { parse_value_swap_priority, print_int },
        { parse_value_action_status, print_int },
        { parse_value_utmp_mode, print_text },
        { parse_value_collect_mode, print_collect_mode },
        { parse_value_ignore_on_isolate, print_flag },
        { NULL, NULL },
};
