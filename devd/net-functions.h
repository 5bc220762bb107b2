/* Virtual functions of a network card (SR-IOV) as .link files want them: how many there are, and what each may do.
 *
 * Making functions takes the kernel as long as their drivers need to find them: net_functions_apply() is called
 * in a child. */
#pragma once

#include "lib/inifile.h"
#include "lib/str.h"

enum function_setting { VF_MAC, VF_VLAN, VF_SPOOFCHK, VF_RSS_QUERY, VF_TRUST, VF_LINK_STATE, VF_SETTINGS };

/* One [SR-IOV] section. */
struct net_function {
        char *path;
        unsigned line; /* where the section began */
        bool numbered;
        uint32_t number, vlan, qos;
        uint16_t protocol;           /* of the VLAN tag; 0: 802.1Q */
        uint32_t value[VF_SETTINGS]; /* of those that are one number */
        bool set[VF_SETTINGS];
        uint8_t mac[6];
};

struct net_functions {
        bool counted; /* SR-IOVVirtualFunctions= */
        uint32_t count;
        struct net_function *list;
        size_t n;
};

/* SR-IOVVirtualFunctions=, "" unsets. 0 or -EINVAL. */
int net_functions_count(struct net_functions *f, const char *value);
/* A line of an [SR-IOV] section. Problems are logged. 0 or -ENOMEM. */
int net_functions_line(struct net_functions *f, const struct ini_line *l);
/* Sections without VirtualFunction= are named and dropped. */
void net_functions_check(struct net_functions *f);
bool net_functions_any(const struct net_functions *f);
void net_functions_done(struct net_functions *f);
/* What fails is told with the interface's and the setting's name. */
void net_functions_apply(
        const struct net_functions *f, const char *syspath, const char *ifname, int ifindex);
