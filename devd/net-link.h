/* .link files: what they say, and which one applies to an interface. */
#pragma once

#include "device.h"
#include "net-functions.h"
#include "net-settings.h"

enum link_match {
        LINK_MAC,
        LINK_PERMANENT_MAC,
        LINK_PATH,
        LINK_DRIVER,
        LINK_TYPE,
        LINK_KIND,
        LINK_PROPERTY,
        LINK_NAME,
        LINK_HOST,
        LINK_CMDLINE,
        LINK_KERNEL,
        LINK_ARCHITECTURE,
        LINK_VIRTUALIZATION,
        LINK_CREDENTIAL,
        LINK_FIRMWARE,
        LINK_MATCHES,
};

enum mac_policy { MAC_NONE, MAC_PERSISTENT, MAC_RANDOM };

struct link_file {
        char *path;
        char **match[LINK_MATCHES];
        unsigned negated; /* bit of each match that began with '!' */
        bool has_match, unsupported;
        char **name_policy, **altname_policy, **altnames;
        char *name, *mac, *alias;
        enum mac_policy mac_policy;
        uint32_t mtu;
        struct link_settings settings;
        struct net_functions functions;
};

/* What is asked of the kernel once an interface, for all files. */
struct link_facts {
        const char *driver, *type, *permanent_mac;
};

/* The first file that matches, or NULL. */
const struct link_file *link_file_for(struct device *d, const struct link_facts *facts);
/* NULL when it is there no more. */
const struct link_file *link_file_named(const char *path);
void link_files_forget(void);
void link_files_set_dirs(char *const *dirs); /* tests */

/* builtin-net-setup.c: the name that policy gives, NULL to keep the present one. */
const char *link_new_name(struct device *d, const struct link_file *f);
/* What may take as long as it takes, of an interface that net_setup_link has found to want it: virtual functions, and a
 * password that a socket tells. */
void link_apply_late(struct device *d);
/* MACAddressPolicy=persistent: the address of the interface of this name on the machine with this id. */
bool link_persistent_mac(const uint8_t id[static 16], const char *name, uint8_t mac[static 6]);
