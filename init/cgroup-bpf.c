/* Programs on cgroups: DevicePolicy= and DeviceAllow=, assembled here and given to the kernel by bpf(2).
 *
 * The program gets the kind of device, what is to be done with it, and its numbers; it goes through the rules in
 * order and says yes at the first that covers the request, no at the end. cgroup-bpf-net.c has the network. */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bpf.h"
#include "cgroup.h"
#include "lib/fileio.h"

#define MAX_RULES 256
#define TPM       "/dev/tpmrm0"
#define MAPPER    "/dev/mapper/control"
#define ANY       UINT32_MAX

struct device_rule {
        uint32_t type, access, major, minor; /* BPF_DEVCG_…; ANY */
};

struct rule_list {
        struct device_rule v[MAX_RULES];
        size_t n;
};

static void add_rule(struct rule_list *l, uint32_t type, uint32_t access, uint32_t maj, uint32_t min)
{
        if (l->n < MAX_RULES)
                l->v[l->n++] = (struct device_rule) { type, access, maj, min };
}

static uint32_t access_bits(const char *s)
{
        uint32_t bits = 0;

        if (!*s)
                return BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
        for (; *s; s++)
                bits |= *s == 'r'   ? BPF_DEVCG_ACC_READ
                        : *s == 'w' ? BPF_DEVCG_ACC_WRITE
                        : *s == 'm' ? BPF_DEVCG_ACC_MKNOD
                                    : 0;
        return bits;
}

/* "char-pts", "block-*": all majors of /proc/devices with such a name. */
static void add_class(struct rule_list *l, uint32_t type, const char *pattern, uint32_t access)
{
        _cleanup_free_ char *text = NULL;
        bool block = false;

        if (streq(pattern, "*")) {
                add_rule(l, type, access, ANY, ANY);
                return;
        }
        if (*pattern >= '0' && *pattern <= '9') {
                add_rule(l, type, access, (uint32_t)atoi(pattern), ANY);
                return;
        }
        if (read_file("/proc/devices", 0, &text, NULL) < 0)
                return;
        for (char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
                char name[64], line[96];
                unsigned maj;

                snprintf(line, sizeof(line), "%.*s", (int)strcspn(s, "\n"), s);
                if (startswith(line, "Block"))
                        block = true;
                if (sscanf(line, "%u %63s", &maj, name) == 2 && block == (type == BPF_DEVCG_DEV_BLOCK) &&
                        fnmatch(pattern, name, 0) == 0)
                        add_rule(l, type, access, maj, ANY);
        }
}

static void add_allow(struct unit *u, struct rule_list *l, const char *spec)
{
        _cleanup_strv_ char **w = strv_split(spec, " \t");
        const char *what = w && w[0] ? w[0] : "", *s;
        uint32_t access = access_bits(w && w[0] && w[1] ? w[1] : "");
        struct stat st;

        if ((s = startswith(what, "char-")))
                add_class(l, BPF_DEVCG_DEV_CHAR, s, access);
        else if ((s = startswith(what, "block-")))
                add_class(l, BPF_DEVCG_DEV_BLOCK, s, access);
        else if (stat(what, &st) < 0)
                log_unit_errno(u->id, LOG_INFO, -errno, "DeviceAllow=%s has no effect: %m", what);
        else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
                add_rule(l, S_ISCHR(st.st_mode) ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK, access,
                        major(st.st_rdev), minor(st.st_rdev));
        else
                log_unit(u->id, LOG_WARNING, "DeviceAllow=%s is no device and has no effect", what);
}

/* What "closed" leaves: null, zero, full, random, urandom, tty, ptmx and pseudo terminals. */
static void add_standard(struct rule_list *l)
{
        static const struct {
                uint32_t maj, min;
        } nodes[] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 }, { 5, 0 }, { 5, 2 }, { 136, ANY } };

        for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
                add_rule(l, BPF_DEVCG_DEV_CHAR, access_bits(""), nodes[i].maj, nodes[i].min);
}

/* ---- assembling ---- */

static void emit_device_rule(struct bpf_code *c, const struct device_rule *r)
{
        size_t jumps[4], j = 0;

        jumps[j++] = bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0, (int32_t)r->type);
        if (r->major != ANY)
                jumps[j++] = bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int32_t)r->major);
        if (r->minor != ANY)
                jumps[j++] = bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int32_t)r->minor);
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 0, 3, 0, 0);
        bpf_emit(c, BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, (int32_t)(~r->access & 7u));
        jumps[j++] = bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0, 0);
        bpf_return(c, 1);
        while (j > 0)
                bpf_jump_here(c, jumps[--j]);
}

static int load_devices(const struct rule_list *l)
{
        struct bpf_code c = { 0 };
        int fd;

        bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
        bpf_emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
        bpf_emit(&c, BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
        bpf_emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
        bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
        bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
        for (size_t i = 0; i < l->n; i++)
                emit_device_rule(&c, &l->v[i]);
        bpf_return(&c, 0);
        fd = bpf_load(&c, BPF_PROG_TYPE_CGROUP_DEVICE, 0);
        bpf_done(&c);
        return fd;
}

/* Asked for by DevicePolicy= or DeviceAllow=, a program that is refused makes the start fail. As a part of PrivateDevices=
 * and ProtectClock= it is best effort, and so is all of it in a container that may not load programs: there its own
 * manager says which devices there are. */
static int apply_devices(struct unit *u, int fd)
{
        const struct cgroup_context *c = unit_cgroup_context(u);
        const struct exec_context *ec = unit_exec(u);
        bool closed = c->device_policy == 1 || (ec && ec->private_devices), strict = c->device_policy == 2,
             rtc = ec && ec->protect_clock;
        _cleanup_free_ struct rule_list *l = NULL;
        _cleanup_close_ int prog = -1;
        int r;

        if (!closed && !strict && !c->device_allow && !rtc)
                return 0;
        l = calloc(1, sizeof(*l));
        if (!l)
                return log_oom();
        if (!strict)
                add_standard(l);
        if (rtc)
                add_class(l, BPF_DEVCG_DEV_CHAR, "rtc", BPF_DEVCG_ACC_READ);
        FOREACH_STR (a, c->device_allow)
                add_allow(u, l, *a);
        if (ec && ec->images) { /* rouse-exec opens them in this cgroup */
                add_allow(u, l, "/dev/loop-control rw");
                add_allow(u, l, "block-loop rwm");
                add_allow(u, l, "block-blkext rwm");
                if (access(MAPPER, F_OK) == 0) {
                        add_allow(u, l, MAPPER " rw");
                        add_allow(u, l, "block-device-mapper rwm");
                }
        }
        if (ec && (ec->load_credentials_encrypted || ec->set_credentials_encrypted) &&
                access(TPM, F_OK) == 0)
                add_allow(u, l, TPM " rw"); /* systemd-creds(1) works in the unit's cgroup */
        if (l->n == MAX_RULES)
                log_unit(u->id, LOG_WARNING, "DeviceAllow= has more than %d devices, the rest is refused",
                        MAX_RULES);
        prog = load_devices(l);
        r = prog < 0 ? prog : bpf_attach(fd, prog, BPF_CGROUP_DEVICE);
        if (r >= 0)
                return 0;
        if ((c->device_policy || c->device_allow) && !(u->manager->container && r == -EPERM))
                return log_unit_errno(u->id, LOG_ERR, r,
                        "DevicePolicy=, DeviceAllow=: the kernel does not take the program: %m");
        log_unit_errno(u->id, LOG_WARNING, r,
                "DevicePolicy=, DeviceAllow= have no effect: the kernel does not take the program: %m");
        return 0;
}

int cgroup_apply_bpf(struct unit *u, int fd)
{
        int r = apply_devices(u, fd);

        return r < 0 ? r : cgroup_apply_bpf_net(u, fd);
}
