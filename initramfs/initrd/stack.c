/* Stacked devices: see stack.h. md and LVM are here; multipath, LUKS and verity have files of their own. */

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include "initramfs/initrd/stack.h"
#include "lib/fileio.h"
#include "lib/log.h"

int stack_run(struct stack *s, const char *const *argv, const void *input, size_t len,
        void (*done)(struct tool *t, int code))
{
        s->tool.done = done;
        s->tool.data = s;
        s->tool.level = 0;
        s->used = true;
        int r = tool_start(&s->tool, argv, input, len);
        if (r < 0)
                log_error_errno(r, "Cannot run %s: %m", argv[0]);
        return r >= 0;
}

bool stack_driver(struct stack *s, const char *module)
{
        (void)loader_name(s->loader, module);
        return !loader_name_busy(s->loader, module);
}

static void on_end(struct tool *t, int code)
{
        struct stack *s = t->data;

        if (code)
                log_debug("%s ended with %d", t->program, code);
        s->changed(s);
}

static bool is_of(const struct block *d, const char *types)
{
        _cleanup_strv_ char **list = d->type ? strv_split(types, " ") : NULL;

        return !d->held && strv_contains(list, d->type ?: "");
}

/* --- md --- */

#define MD_TYPES "linux_raid_member isw_raid_member ddf_raid_member"

static int md_step(struct stack *s)
{
        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i];

                if (d->taken || !is_of(d, MD_TYPES))
                        continue;
                if (!stack_driver(s, "md_mod"))
                        return 0;
                d->taken = true;
                if (!streq(d->type, "linux_raid_member"))
                        log_warning(
                                "%s is %s: mdmon, which keeps such metadata while the array is written to, "
                                "is not started here",
                                d->node, d->type);
                mkdir("/run/mdadm", 0755);
                const char *argv[] = { "/sbin/mdadm", "--incremental", "--quiet", d->node, NULL };
                if (stack_run(s, argv, NULL, 0, on_end))
                        return 1;
        }
        return 0;
}

/* An array that has members and does not run: how many there are, of how many. */
struct md_state {
        char name[64];
        unsigned there, wanted;
};

static bool md_partial(const char *name, struct md_state *ret)
{
        char path[128];
        _cleanup_free_ char *state = NULL, *wanted = NULL;
        struct md_state m = { .there = 0 };

        snprintf(path, sizeof path, "/sys/block/%.32s/md/array_state", name);
        if (read_one_line(path, &state) < 0 || !streq(state, "inactive"))
                return false;
        snprintf(m.name, sizeof m.name, "%.32s", name);
        snprintf(path, sizeof path, "/sys/block/%.32s/slaves", name);
        _cleanup_closedir_ DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));)
                m.there += e->d_name[0] != '.';
        /* Not told by the kernel before the array runs; each member's superblock says it, as mdadm reads it. */
        snprintf(path, sizeof path, "/sys/block/%.32s/md/raid_disks", name);
        if (read_one_line(path, &wanted) >= 0)
                (void)parse_u32(wanted, &m.wanted);
        *ret = m;
        return m.there > 0;
}

static unsigned md_partials(struct md_state *ret, unsigned max)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/block");
        unsigned n = 0;

        for (struct dirent *e; d && (e = readdir(d)) && n < max;)
                if (startswith(e->d_name, "md") && md_partial(e->d_name, &ret[n]))
                        n++;
        return n;
}

static int md_last_resort(struct stack *s)
{
        static const char *const argv[] = { "/sbin/mdadm", "--incremental", "--run", "--scan", "--quiet",
                NULL };
        struct md_state m[16];
        unsigned n = md_partials(m, ARRAY_SIZE(m));

        for (unsigned i = 0; i < n; i++)
                if (m[i].wanted > m[i].there)
                        log_warning("array %s is degraded: %u of %u members have appeared; starting it "
                                    "(rd.degraded=no refuses)",
                                m[i].name, m[i].there, m[i].wanted);
                else
                        log_warning("array %s is degraded: only %u members have appeared; starting it "
                                    "(rd.degraded=no refuses)",
                                m[i].name, m[i].there);
        return n > 0 ? stack_run(s, argv, NULL, 0, on_end) : 0;
}

static bool md_is_partial(const struct stack *s)
{
        struct md_state m;

        return md_partials(&m, 1) > 0;
}

static void md_report(const struct stack *s)
{
        struct md_state m[16];
        unsigned n = md_partials(m, ARRAY_SIZE(m));

        for (unsigned i = 0; i < n; i++)
                log_error("array %s is degraded and was not started: %u of %u members have appeared%s",
                        m[i].name, m[i].there, m[i].wanted,
                        s->o->degraded == USEC_INFINITY ? " (rd.degraded=no)" : "");
}

/* --- LVM --- */

/* The group of /dev/GROUP/VOLUME or /dev/mapper/GROUP-VOLUME, where "--" stands for "-"; NULL: it cannot be told. */
static char *group_of(const char *path)
{
        const char *mapped = startswith(path, "/dev/mapper/"), *below = startswith(path, "/dev/");
        struct strbuf b = { 0 };

        if (!mapped && below && strchr(below, '/') && !startswith(below, "disk/") &&
                !startswith(below, "md/"))
                return strndup(below, strcspn(below, "/"));
        if (!mapped)
                return NULL;
        for (const char *p = mapped; *p; p++) {
                if (p[0] == '-' && p[1] != '-')
                        return strbuf_take(&b);
                p += p[0] == '-';
                strbuf_putc(&b, *p);
        }
        strbuf_done(&b); /* no volume in it: a name of another kind */
        return NULL;
}

/* Groups by rd.lvm.vg= and rd.lvm.lv=, else the root's, else all. */
static int lvm_activate(struct stack *s, const char *mode)
{
        const char *argv[24] = { "/sbin/lvm", "vgchange", "-aay", "--sysinit", "--quiet", "--activationmode",
                mode };
        _cleanup_strv_ char **groups = NULL;
        size_t n = 7;

        FOREACH_STR (w, s->o->words) {
                const char *vg = startswith(*w, "rd.lvm.vg="), *lv = startswith(*w, "rd.lvm.lv=");

                if (vg)
                        (void)strv_add_unique(&groups, vg);
                else if (lv) {
                        _cleanup_free_ char *g = strndup(lv, strcspn(lv, "/"));
                        (void)strv_add_unique(&groups, g ?: lv);
                }
        }
        if (!groups && s->wanted->kind == ROOT_NODE) {
                char *g = group_of(s->wanted->value);
                if (g)
                        (void)strv_push(&groups, g);
        }
        FOREACH_STR (g, groups)
                if (n < ARRAY_SIZE(argv) - 1)
                        argv[n++] = *g;
        (void)mkdir_p("/run/lock/lvm", 0700);
        mkdir("/run/lvm", 0700);
        return stack_run(s, argv, NULL, 0, on_end);
}

static int lvm_step(struct stack *s)
{
        bool more = false;

        for (size_t i = 0; i < s->blocks->n; i++) {
                struct block *d = s->blocks->block[i];

                if (d->taken || !is_of(d, "LVM2_member"))
                        continue;
                if (!stack_driver(s, "dm_mod"))
                        return 0;
                d->taken = more = true;
        }
        return more ? lvm_activate(s, "complete") : 0;
}

static bool lvm_is_partial(const struct stack *s)
{
        for (size_t i = 0; i < s->blocks->n; i++)
                if (is_of(s->blocks->block[i], "LVM2_member"))
                        return true;
        return false;
}

static int lvm_last_resort(struct stack *s)
{
        if (!lvm_is_partial(s))
                return 0;
        log_warning("a volume group is incomplete; activating what can do without the missing members "
                    "(rd.degraded=no refuses)");
        return lvm_activate(s, "degraded");
}

/* --- the table --- */

static const struct {
        const char *types, *program, *feature;
        int (*step)(struct stack *s);
        bool (*is_partial)(const struct stack *s);
        int (*last_resort)(struct stack *s);
        void (*report)(const struct stack *s);
} kinds[] = {
        { "", "/sbin/multipath", "multipath", multipath_step, NULL, NULL, NULL },
        { "crypto_LUKS", "/sbin/cryptsetup", "luks", luks_step, NULL, NULL, NULL },
        { MD_TYPES, "/sbin/mdadm", "mdraid", md_step, md_is_partial, md_last_resort, md_report },
        { "LVM2_member", "/sbin/lvm", "lvm", lvm_step, lvm_is_partial, lvm_last_resort, NULL },
        { "DM_verity_hash", "/sbin/veritysetup", "verity", verity_step, NULL, NULL, NULL },
};

static bool has_program(const struct stack *s, size_t kind)
{
        return s->programs & 1u << kind;
}

void stack_init(struct stack *s)
{
        s->tool.loop = s->ask.loop = s->loop;
        s->tool.output.fd = s->tool.child.fd = -1;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (tool_there(kinds[i].program))
                        s->programs |= 1u << i;
}

int stack_step(struct stack *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds) && s->programs && !stack_busy(s); i++)
                if (has_program(s, i) && kinds[i].step(s))
                        return 1;
        return stack_busy(s);
}

bool stack_is_partial(const struct stack *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].is_partial && has_program(s, i) && kinds[i].is_partial(s))
                        return true;
        return false;
}

int stack_last_resort(struct stack *s)
{
        for (size_t i = 0; i < ARRAY_SIZE(kinds) && !stack_busy(s); i++)
                if (kinds[i].last_resort && has_program(s, i) && kinds[i].last_resort(s))
                        return 1;
        return stack_busy(s);
}

void stack_report(const struct stack *s)
{
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                if (has_program(s, k)) {
                        if (kinds[k].report)
                                kinds[k].report(s);
                        continue;
                }
                for (size_t i = 0; i < s->blocks->n; i++)
                        if (is_of(s->blocks->block[i], kinds[k].types))
                                log_error(
                                        "%s is %s, and this image has no %s (rouse-initramfs --feature %s)",
                                        s->blocks->block[i]->node, s->blocks->block[i]->type,
                                        kinds[k].program, kinds[k].feature);
        }
}
