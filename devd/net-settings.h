/* Settings of .link files that are handed to the driver by ethtool's ioctls and to the kernel by rtnetlink: one table row
 * a setting, systemd.link(5). */
#pragma once

#include "lib/str.h"

#define LINK_SETTINGS_MAX 80

struct link_settings {
        bool set[LINK_SETTINGS_MAX]; /* by row of the table */
        uint32_t value[LINK_SETTINGS_MAX];
        uint64_t advertise; /* bits of ETHTOOL_LINK_MODE_*; 0: all */
        bool password_set;
        uint8_t password[6];   /* of Wake-on-LAN */
        char *password_socket; /* who tells it */
};

/* 1 when key is a setting of the table (taken, or reset by an empty value), 0 when it is none, -EINVAL for a bad value. */
int link_settings_parse(struct link_settings *s, const char *key, const char *value);
/* WakeOnLan=secureon is set, WakeOnLanPassword= is not. */
bool link_settings_want_password(const struct link_settings *s);
/* Wake-on-LAN has to wait for whoever serves the socket that its password comes from. */
void link_settings_apply_late(const struct link_settings *s, const char *ifname);
void link_settings_done(struct link_settings *s);
/* Applies what is set, but that; what fails is told with the interface's and the setting's name. */
void link_settings_apply(const struct link_settings *s, const char *ifname, int ifindex);
