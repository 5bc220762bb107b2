/* Programs on cgroups about the network: IPAddressAllow=, IPAddressDeny=, RestrictNetworkInterfaces= look at packets,
 * SocketBindAllow=, SocketBindDeny= at bind(2), IPIngressFilterPath=, IPEgressFilterPath=, BPFProgram= bring programs
 * of others.
 *
 * Addresses: the lists of a unit and of the slices that it is in count together (an allowed address in a service's
 * list is allowed whatever its slice denies), so the program is the unit's own and slices get none. It compares the
 * packet's source (coming in) or destination (going out) with each prefix by 32-bit words: allowed ones first, then
 * denied ones, yes at the end. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdio.h>

#include "bpf.h"
#include "cgroup.h"

/* Register use: r6 the context; r0 … r5 scratch; the packet's address lies at the top of the stack. */
#define ADDRESS (-16)

/* ---- addresses ---- */

struct prefix {
        int family;
        uint32_t words[4], masks[4]; /* in network order */
};

static int parse_prefix(const char *text, struct prefix *ret)
{
        char address[INET6_ADDRSTRLEN];
        const char *slash = strchr(text, '/');
        struct prefix p = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
        int bits = slash ? atoi(slash + 1) : 128;

        snprintf(address, sizeof(address), "%.*s", (int)(slash ? slash - text : (int)strlen(text)), text);
        if (inet_pton(p.family, address, p.words) != 1)
                return -EINVAL;
        for (int i = 0; i < (p.family == AF_INET ? 1 : 4); i++) {
                int here = MIN(MAX(bits - 32 * i, 0), 32);

                p.masks[i] = htonl(here == 0 ? 0 : UINT32_MAX << (32 - here));
                p.words[i] &= p.masks[i];
        }
        *ret = p;
        return 0;
}

/* A jump that is never taken: the kernel refuses code that nothing leads to, as what follows a rule for all is. */
static size_t emit_never(struct bpf_code *c)
{
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
        return bpf_emit(c, BPF_JMP | BPF_JNE | BPF_K, 0, 0, 0, 0);
}

/* Is the address within? Then the answer. */
static void emit_prefix(struct bpf_code *c, const struct prefix *p, int answer)
{
        size_t jumps[4], n = 0;

        for (int i = 0; i < (p->family == AF_INET ? 1 : 4); i++) {
                if (!p->masks[i])
                        continue;
                bpf_emit(c, BPF_LDX | BPF_MEM | BPF_W, 0, 10, (int16_t)(ADDRESS + 4 * i), 0);
                bpf_emit(c, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0, (int32_t)p->masks[i]);
                jumps[n++] = bpf_emit(c, BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 0, (int32_t)p->words[i]);
        }
        if (n == 0)
                jumps[n++] = emit_never(c);
        bpf_return(c, answer);
        while (n > 0)
                bpf_jump_here(c, jumps[--n]);
}

static void emit_list(struct bpf_code *c, struct unit *u, bool deny, int family)
{
        for (; u; u = cgroup_slice(u)) {
                const struct cgroup_context *cc = unit_cgroup_context(u);

                FOREACH_STR (s, deny ? cc->ip_deny : cc->ip_allow) {
                        struct prefix p;

                        if (parse_prefix(*s, &p) >= 0 && p.family == family)
                                emit_prefix(c, &p, !deny);
                }
        }
}

/* If the packet is of this family: its address onto the stack, the lists, and the answer. */
static void emit_family(struct bpf_code *c, struct unit *u, int family, bool egress)
{
        size_t other;

        bpf_emit(c, BPF_LDX | BPF_MEM | BPF_W, 0, 6, offsetof(struct __sk_buff, protocol), 0);
        other = bpf_emit(
                c, BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 0, htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6));
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0,
                family == AF_INET ? (egress ? 16 : 12) : (egress ? 24 : 8));
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_X, 3, 10, 0, 0);
        bpf_emit(c, BPF_ALU64 | BPF_ADD | BPF_K, 3, 0, 0, ADDRESS);
        bpf_emit(c, BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, family == AF_INET ? 4 : 16);
        bpf_emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
        size_t read = bpf_emit(c, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0);
        bpf_return(c, 0); /* no address in it */
        bpf_jump_here(c, read);
        emit_list(c, u, false, family);
        emit_list(c, u, true, family);
        bpf_return(c, 1);
        bpf_jump_here(c, other);
}

static bool has_addresses(struct unit *u)
{
        for (; u; u = cgroup_slice(u)) {
                const struct cgroup_context *c = unit_cgroup_context(u);

                if (c->ip_allow || c->ip_deny)
                        return true;
        }
        return false;
}

bool cgroup_has_network_programs(struct unit *u)
{
        for (; u; u = cgroup_slice(u)) {
                const struct cgroup_context *c = unit_cgroup_context(u);

                if (c->ip_allow || c->ip_deny || c->ip_accounting || c->bpf_programs || c->interfaces_set ||
                        c->bind_allow || c->bind_deny)
                        return true;
        }
        return false;
}

static int load_and_attach(
        struct bpf_code *c, enum bpf_prog_type type, enum bpf_attach_type attach, int cgroup)
{
        _cleanup_close_ int prog = bpf_load(c, type,
                type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR || type == BPF_PROG_TYPE_CGROUP_SKB ? attach : 0);

        bpf_done(c);
        return prog < 0 ? prog : bpf_attach(cgroup, prog, attach);
}

static int apply_addresses(struct unit *u, int cgroup)
{
        int r = 0;

        for (int egress = 0; egress < 2 && r >= 0; egress++) {
                struct bpf_code c = { 0 };

                bpf_emit(&c, BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
                emit_family(&c, u, AF_INET, egress);
                emit_family(&c, u, AF_INET6, egress);
                bpf_return(&c, 1);
                r = load_and_attach(&c, BPF_PROG_TYPE_CGROUP_SKB,
                        egress ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS, cgroup);
        }
        return r;
}

/* ---- interfaces ---- */

static int apply_interfaces(struct unit *u, int cgroup)
{
        const struct cgroup_context *cc = unit_cgroup_context(u);
        int r = 0;

        for (int egress = 0; egress < 2 && r >= 0; egress++) {
                struct bpf_code c = { 0 };

                bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 0, 1, offsetof(struct __sk_buff, ifindex), 0);
                FOREACH_STR (name, cc->interfaces) {
                        unsigned index = if_nametoindex(*name);
                        size_t other;

                        if (index == 0) {
                                if (!egress)
                                        log_unit(u->id, LOG_INFO,
                                                "RestrictNetworkInterfaces=: there is no interface %s now",
                                                *name);
                                continue;
                        }
                        other = bpf_emit(&c, BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 0, (int32_t)index);
                        bpf_return(&c, !cc->interfaces_deny);
                        bpf_jump_here(&c, other);
                }
                bpf_return(&c, cc->interfaces_deny);
                r = load_and_attach(&c, BPF_PROG_TYPE_CGROUP_SKB,
                        egress ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS, cgroup);
        }
        return r;
}

/* ---- bind(2) ---- */

int cgroup_bind_rule(const char *text, struct bind_rule *ret)
{
        struct bind_rule r = { .last = UINT16_MAX };
        const char *rest;
        unsigned first, last;
        int end = 0;

        if (streq(text, "any")) {
                *ret = r;
                return 0;
        }
        if ((rest = startswith(text, "ipv4")) || (rest = startswith(text, "ipv6"))) {
                r.family = text[3] == '4' ? AF_INET : AF_INET6;
                if (*rest && *rest != ':')
                        return -EINVAL;
                text = rest + (*rest == ':');
                if (*rest && !*text)
                        return -EINVAL;
        }
        if ((rest = startswith(text, "tcp")) || (rest = startswith(text, "udp"))) {
                r.protocol = *text == 't' ? IPPROTO_TCP : IPPROTO_UDP;
                if (*rest && *rest != ':')
                        return -EINVAL;
                text = rest + (*rest == ':');
                if (*rest && !*text)
                        return -EINVAL;
        }
        if (*text) {
                if (sscanf(text, "%5u%n-%5u%n", &first, &end, &last, &end) < 1 || text[end])
                        return -EINVAL;
                if (!strchr(text, '-'))
                        last = first;
                if (first < 1 || last > UINT16_MAX || first > last)
                        return -EINVAL;
                r.first = (uint16_t)first;
                r.last = (uint16_t)last;
        } else if (!r.family && !r.protocol)
                return -EINVAL;
        *ret = r;
        return 0;
}

/* r7: the port in our order, r8: the protocol */
static void emit_bind_rule(struct bpf_code *c, const struct bind_rule *r, int answer)
{
        size_t jumps[3], n = 0;

        if (r->protocol)
                jumps[n++] = bpf_emit(c, BPF_JMP32 | BPF_JNE | BPF_K, 8, 0, 0, r->protocol);
        if (r->first > 0)
                jumps[n++] = bpf_emit(c, BPF_JMP32 | BPF_JLT | BPF_K, 7, 0, 0, r->first);
        if (r->last < UINT16_MAX)
                jumps[n++] = bpf_emit(c, BPF_JMP32 | BPF_JGT | BPF_K, 7, 0, 0, r->last);
        if (n == 0)
                jumps[n++] = emit_never(c);
        bpf_return(c, answer);
        while (n > 0)
                bpf_jump_here(c, jumps[--n]);
}

static void emit_bind_list(struct bpf_code *c, char *const *list, int family, int answer)
{
        FOREACH_STR (s, list) {
                struct bind_rule r;

                if (cgroup_bind_rule(*s, &r) >= 0 && (!r.family || r.family == family))
                        emit_bind_rule(c, &r, answer);
        }
}

static int apply_bind(struct unit *u, int cgroup)
{
        const struct cgroup_context *cc = unit_cgroup_context(u);
        int r = 0;

        for (int six = 0; six < 2 && r >= 0; six++) {
                struct bpf_code c = { 0 };

                bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 7, 1, offsetof(struct bpf_sock_addr, user_port), 0);
                bpf_emit(&c, BPF_ALU | BPF_END | BPF_TO_BE, 7, 0, 0, 16);
                bpf_emit(&c, BPF_LDX | BPF_MEM | BPF_W, 8, 1, offsetof(struct bpf_sock_addr, protocol), 0);
                emit_bind_list(&c, cc->bind_allow, six ? AF_INET6 : AF_INET, 1);
                emit_bind_list(&c, cc->bind_deny, six ? AF_INET6 : AF_INET, 0);
                bpf_return(&c, 1);
                r = load_and_attach(&c, BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
                        six ? BPF_CGROUP_INET6_BIND : BPF_CGROUP_INET4_BIND, cgroup);
        }
        return r;
}

/* ---- programs of others ---- */

static const struct {
        const char *name;
        enum bpf_attach_type type;
} attach_types[] = {
        { "egress", BPF_CGROUP_INET_EGRESS },
        { "ingress", BPF_CGROUP_INET_INGRESS },
        { "sock_create", BPF_CGROUP_INET_SOCK_CREATE },
        { "sock_ops", BPF_CGROUP_SOCK_OPS },
        { "device", BPF_CGROUP_DEVICE },
        { "bind4", BPF_CGROUP_INET4_BIND },
        { "bind6", BPF_CGROUP_INET6_BIND },
        { "connect4", BPF_CGROUP_INET4_CONNECT },
        { "connect6", BPF_CGROUP_INET6_CONNECT },
        { "post_bind4", BPF_CGROUP_INET4_POST_BIND },
        { "post_bind6", BPF_CGROUP_INET6_POST_BIND },
        { "sendmsg4", BPF_CGROUP_UDP4_SENDMSG },
        { "sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
        { "sysctl", BPF_CGROUP_SYSCTL },
        { "recvmsg4", BPF_CGROUP_UDP4_RECVMSG },
        { "recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
        { "getsockopt", BPF_CGROUP_GETSOCKOPT },
        { "setsockopt", BPF_CGROUP_SETSOCKOPT },
};

int cgroup_attach_type(const char *text, const char **ret_path)
{
        for (size_t i = 0; i < ARRAY_SIZE(attach_types); i++) {
                const char *path = startswith(text, attach_types[i].name);

                if (path && *path == ':' && path[1] == '/') {
                        *ret_path = path + 1;
                        return (int)attach_types[i].type;
                }
        }
        return -EINVAL;
}

static int apply_foreign(struct unit *u, int cgroup)
{
        FOREACH_STR (s, unit_cgroup_context(u)->bpf_programs) {
                const char *path;
                int type = cgroup_attach_type(*s, &path);
                _cleanup_close_ int prog = type < 0 ? type : bpf_open_pinned(path);
                int r = prog < 0 ? prog : bpf_attach(cgroup, prog, (enum bpf_attach_type)type);

                if (r < 0)
                        return log_unit_errno(
                                u->id, LOG_ERR, r, "BPF program %s cannot be attached: %m", *s);
        }
        return 0;
}

int cgroup_apply_bpf_net(struct unit *u, int fd)
{
        const struct cgroup_context *c = unit_cgroup_context(u);
        int r;

        (void)cgroup_apply_accounting(u, fd);
        if (u->type != UNIT_SLICE && has_addresses(u)) {
                r = apply_addresses(u, fd);
                if (r < 0) /* best effort, as the page says */
                        log_unit_errno(u->id, LOG_WARNING, r,
                                "IPAddressAllow=, IPAddressDeny= have no effect: the kernel does not take "
                                "the "
                                "program: %m");
        }
        r = c->interfaces_set ? apply_interfaces(u, fd) : 0;
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r,
                        "RestrictNetworkInterfaces=: the kernel does not take the program: %m");
        r = c->bind_allow || c->bind_deny ? apply_bind(u, fd) : 0;
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r,
                        "SocketBindAllow=, SocketBindDeny=: the kernel does not take the program: %m");
        return apply_foreign(u, fd);
}
