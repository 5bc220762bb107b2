/* The daemon's end of udev monitors: netlink multicast group 2, the format of libudev (udev.md, "Monitor wire
 * format"). The receiver's device is sealed: all it will ever know must be in the message. */
#pragma once

#include "device.h"

#define MONITOR_MAX (64u * 1024)

/* What stands before the properties. be32: big-endian. */
struct monitor_header {
        char prefix[8]; /* "libudev\0" */
        uint32_t magic; /* be32 0xfeedcafe */
        uint32_t header_size, properties_off, properties_len;
        uint32_t subsystem_hash, devtype_hash, tag_bloom_hi, tag_bloom_lo; /* be32 */
};

struct monitor;

int monitor_new(struct monitor **ret);
void monitor_free(struct monitor *mon);
/* To all who listen. Never waits; a listener that is slow loses it (the kernel tells that one). */
int monitor_send(struct monitor *mon, struct device *d);

/* MurmurHash2, 32 bit, seed 0, words in host order. */
uint32_t monitor_hash(const char *s);
uint64_t monitor_tag_bloom(char *const *tags);
/* Header and "KEY=value\0" block in one buffer. */
int monitor_format(struct device *d, struct strbuf *b);
/* All properties of d as environment: the kernel's, the rules', and DEVLINKS, TAGS, CURRENT_TAGS,
 * USEC_INITIALIZED. NULL when out of memory. */
char **monitor_environment(struct device *d);
