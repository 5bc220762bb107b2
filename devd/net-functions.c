/* Virtual functions: see net-functions.h. */
#include "net-functions.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <stdio.h>

#include "device.h"
#include "rtnl.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define VLAN_MAX 4095

/* --- reading ---------------------------------------------------------------------------------------- */

static int parse_within(const char *s, uint32_t least, uint32_t most, uint32_t *ret)
{
        uint32_t v;

        if (parse_u32(s, &v) < 0 || v < least || v > most)
                return -EINVAL;
        *ret = v;
        return 0;
}

int net_functions_count(struct net_functions *f, const char *value)
{
        int r = *value ? parse_within(value, 0, INT32_MAX, &f->count) : 0;

        if (r >= 0)
                f->counted = *value;
        return r;
}

static int set_number(struct net_function *v, const char *s)
{
        int r = parse_within(s, 0, INT32_MAX - 1, &v->number);

        if (r >= 0)
                v->numbered = true;
        return r;
}

static int set_vlan(struct net_function *v, const char *s)
{
        int r = parse_within(s, 1, VLAN_MAX, &v->vlan);

        if (r >= 0)
                v->set[VF_VLAN] = true;
        return r;
}

static int set_qos(struct net_function *v, const char *s)
{
        int r = parse_within(s, 1, UINT32_MAX - 1, &v->qos);

        if (r >= 0)
                v->set[VF_VLAN] = true;
        return r;
}

static int set_protocol(struct net_function *v, const char *s)
{
        if (strcasecmp(s, "802.1Q") == 0)
                v->protocol = ETH_P_8021Q;
        else if (strcasecmp(s, "802.1ad") == 0)
                v->protocol = ETH_P_8021AD;
        else
                return -EINVAL;
        return 0;
}

static int set_mac(struct net_function *v, const char *s)
{
        unsigned m[6];
        int end = 0;

        if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 ||
                s[end])
                return -EINVAL;
        for (int i = 0; i < 6; i++)
                v->mac[i] = (uint8_t)m[i];
        v->set[VF_MAC] = true;
        return 0;
}

static int set_switch(struct net_function *v, enum function_setting what, const char *s)
{
        int b = parse_boolean(s);

        if (b < 0)
                return b;
        v->value[what] = (uint32_t)b;
        v->set[what] = true;
        return 0;
}

static int set_spoofchk(struct net_function *v, const char *s)
{
        return set_switch(v, VF_SPOOFCHK, s);
}

static int set_rss_query(struct net_function *v, const char *s)
{
        return set_switch(v, VF_RSS_QUERY, s);
}

static int set_trust(struct net_function *v, const char *s)
{
        return set_switch(v, VF_TRUST, s);
}

static int set_link_state(struct net_function *v, const char *s)
{
        int r = streq(s, "auto") ? 0 : set_switch(v, VF_LINK_STATE, s);

        if (r < 0)
                return r;
        if (streq(s, "auto"))
                v->value[VF_LINK_STATE] = IFLA_VF_LINK_STATE_AUTO;
        else
                v->value[VF_LINK_STATE] =
                        v->value[VF_LINK_STATE] ? IFLA_VF_LINK_STATE_ENABLE : IFLA_VF_LINK_STATE_DISABLE;
        v->set[VF_LINK_STATE] = true;
        return 0;
}

static const struct {
        const char *key;
        int (*set)(struct net_function *v, const char *s);
} keys[] = {
        { "VirtualFunction", set_number },
        { "VLANId", set_vlan },
        { "QualityOfService", set_qos },
        { "VLANProtocol", set_protocol },
        { "MACSpoofCheck", set_spoofchk },
        { "QueryReceiveSideScaling", set_rss_query },
        { "Trust", set_trust },
        { "LinkState", set_link_state },
        { "MACAddress", set_mac },
};

/* The section that l stands in: the last one, or a new one. */
static struct net_function *section_of(struct net_functions *f, const struct ini_line *l)
{
        struct net_function *v = f->n ? &f->list[f->n - 1] : NULL;

        if (v && v->line == l->section_line && streq(v->path, l->path))
                return v;
        v = reallocarray(f->list, f->n + 1, sizeof(*v));
        if (!v)
                return NULL;
        f->list = v;
        v = &f->list[f->n];
        *v = (struct net_function) { .path = strdup(l->path), .line = l->section_line };
        if (!v->path)
                return NULL;
        f->n++;
        return v;
}

int net_functions_line(struct net_functions *f, const struct ini_line *l)
{
        struct net_function *v = section_of(f, l);

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                if (!streq(keys[i].key, l->key))
                        continue;
                if (keys[i].set(v, l->value) < 0)
                        log_file(l->path, l->line, LOG_WARNING, "[SR-IOV] %s=%s is not understood, ignored",
                                l->key, l->value);
                return 0;
        }
        log_file(l->path, l->line, LOG_WARNING, "[SR-IOV] %s= is not supported, ignored", l->key);
        return 0;
}

void net_functions_check(struct net_functions *f)
{
        size_t kept = 0;

        for (size_t i = 0; i < f->n; i++) {
                if (f->list[i].numbered) {
                        f->list[kept++] = f->list[i];
                        continue;
                }
                log_file(f->list[i].path, f->list[i].line, LOG_WARNING,
                        "[SR-IOV] without VirtualFunction=, the section is ignored");
                free(f->list[i].path);
        }
        f->n = kept;
}

bool net_functions_any(const struct net_functions *f)
{
        return f->counted || f->n;
}

void net_functions_done(struct net_functions *f)
{
        for (size_t i = 0; i < f->n; i++)
                free(f->list[i].path);
        free(f->list);
        *f = (struct net_functions) {};
}

/* --- applying --------------------------------------------------------------------------------------- */

static int read_count(const char *path, uint32_t *ret)
{
        _cleanup_free_ char *text = NULL;
        int r = read_one_line(path, &text);

        return r < 0 ? r : parse_u32(text, ret);
}

/* So many functions as the file says, or as its sections are about: more that are there already are somebody's. */
static void make_functions(const struct net_functions *f, const char *syspath, const char *ifname)
{
        char path[PATH_MAX], number[16];
        uint32_t want = f->count, now;
        int r = real_sys_path(syspath, "device/sriov_numvfs", path);

        for (size_t i = 0; i < f->n && !f->counted; i++)
                want = MAX(want, f->list[i].number + 1);
        if (r >= 0)
                r = read_count(path, &now);
        if (r >= 0 && (now == want || (!f->counted && now > want)))
                return;
        snprintf(number, sizeof(number), "%u", want);
        if (r >= 0)
                r = write_attr(path, number);
        if (r == -EBUSY) /* a number can be changed only by way of none, which takes away those in use */
                log_warning("%s: %u virtual functions are wanted, %u are there: left as they are", ifname,
                        want, now);
        else if (r < 0)
                log_warning_errno(r, "%s: %u virtual functions cannot be made: %m", ifname, want);
}

static int set_one(const struct net_function *v, int ifindex, enum function_setting what)
{
        static const unsigned short attributes[VF_SETTINGS] = {
                [VF_SPOOFCHK] = IFLA_VF_SPOOFCHK,
                [VF_RSS_QUERY] = IFLA_VF_RSS_QUERY_EN,
                [VF_TRUST] = IFLA_VF_TRUST,
                [VF_LINK_STATE] = IFLA_VF_LINK_STATE,
        };
        struct ifla_vf_vlan_info vlan = { .vf = v->number, .vlan = v->vlan, .qos = v->qos };
        struct ifla_vf_mac mac = { .vf = v->number };
        uint32_t pair[2] = { v->number, v->value[what] }; /* as all others are laid out */

        switch (what) {
        case VF_MAC:
                memcpy(mac.mac, v->mac, sizeof(v->mac));
                return rtnl_set_function(ifindex, IFLA_VF_MAC, 0, &mac, sizeof(mac));
        case VF_VLAN:
                vlan.vlan_proto = htons(v->protocol ?: ETH_P_8021Q);
                return rtnl_set_function(ifindex, IFLA_VF_VLAN_LIST, IFLA_VF_VLAN_INFO, &vlan, sizeof(vlan));
        default: return rtnl_set_function(ifindex, attributes[what], 0, pair, sizeof(pair));
        }
}

void net_functions_apply(const struct net_functions *f, const char *syspath, const char *ifname, int ifindex)
{
        static const char *const names[VF_SETTINGS] = { "MACAddress", "VLANId, QualityOfService",
                "MACSpoofCheck", "QueryReceiveSideScaling", "Trust", "LinkState" };

        make_functions(f, syspath, ifname);
        for (size_t i = 0; i < f->n; i++)
                for (enum function_setting what = 0; what < VF_SETTINGS; what++) {
                        int r = f->list[i].set[what] ? set_one(&f->list[i], ifindex, what) : 0;

                        if (r < 0)
                                log_warning_errno(r, "%s: cannot set [SR-IOV] %s of virtual function %u: %m",
                                        ifname, names[what], f->list[i].number);
                }
}
