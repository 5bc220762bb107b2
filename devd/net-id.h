/* Shared by the parts of the net_id builtin: naming schemes and what was found of an interface. */
#pragma once

#include <net/if.h>

#include "device.h"

/* What changed from scheme to scheme (systemd.net-naming-scheme(7)); a scheme is a set of these. */
enum naming {
        NAMING_SR_IOV_V = 1,           /* v239: "v" and number behind the name of the physical function */
        NAMING_NPAR_ARI = 2,           /* v239: functions above 7 */
        NAMING_SLOT_OF_PARENT = 4,     /* v239: a slot of a bridge above */
        NAMING_INFINIBAND = 8,         /* v240 */
        NAMING_ZERO_ACPI_INDEX = 16,   /* v240 */
        NAMING_NAME_IN_MAC = 32,       /* v241: addresses from the interface's name */
        NAMING_NETDEVSIM = 64,         /* v243 */
        NAMING_LABEL_NOPREFIX = 128,   /* v243 */
        NAMING_BRIDGE_NO_SLOT = 256,   /* v247 */
        NAMING_SLOT_FUNCTION_ID = 512, /* v249: s390 */
        NAMING_16BIT_INDEX = 1024,     /* v249 */
        NAMING_XEN_VIF = 2048,         /* v250 */
        NAMING_BRIDGE_MULTIFUNCTION_SLOT = 4096, /* v251 */
        NAMING_DEVICETREE_ALIASES = 8192,        /* v252 */
};

/* By net.naming-scheme= (0 and net.ifnames=0: as by default), read once. */
const char *naming_scheme_name(void);
bool naming_has(enum naming flag);
/* net.ifnames=0 */
bool naming_policy_disabled(void);
void naming_set_for_tests(const char *scheme);

/* Pieces without the two letters in front; "" when there is none. */
struct net_names {
        char onboard[IFNAMSIZ], label[64], path[IFNAMSIZ], slot[IFNAMSIZ];
};
/* PCI parts of d (a network interface) whose PCI device is pci. */
int net_names_pci(struct device *d, struct device *pci, struct net_names *n);
/* snprintf that leaves "" and false when the text does not fit an interface's name. */
bool name_printf(char buf[static IFNAMSIZ], const char *fmt, ...) _printf_(2, 3);
