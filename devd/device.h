/* A device as one event sees it: sysfs path, kernel properties, properties added by rules, links, tags.
 *
 * Made from a uevent or from sysfs (coldplug). The rules engine changes it; db.c reads and writes its entry
 * in /run/udev/data; monitor.c sends it. Attribute reads go through device_attr(), which caches, so that a
 * hundred rules cost one open. All paths are below roots that tests may move (device_set_roots). */
#pragma once

#include "lib/uevent.h"
#include "lib/str.h"

struct device;

/* Where /sys, /dev, /run/udev are (defaults when NULL); set once before the first device. */
void device_set_roots(const char *sys, const char *dev, const char *run_udev);
const char *root_sys(void);
const char *root_dev(void);
const char *root_run(void);

/* One property; list order is insertion order (the database keeps it). */
struct prop {
        char *key, *value; /* one allocation: value lies behind key */
        uint32_t hash;     /* hash_string(key) */
        bool from_kernel;  /* not stored in the database */
        bool dot;          /* key begins with '.': lives during the event only */
};

struct device {
        char *syspath;       /* "/sys/devices/…" (as if root_sys() were /sys) */
        const char *devpath; /* into syspath: "/devices/…" */
        const char *sysname; /* last component, '!' read as '/' ("3270/tty1"); the id keeps it raw */
        char *subsystem, *devtype, *driver, *devnode /* "/dev/…" or NULL */, *id /* database file name */;
        char *action; /* "add", "remove", "change" … */
        uint64_t seqnum;
        int major, minor, ifindex; /* -1, -1, 0 when none */
        struct prop *props;
        size_t n_props;
        char **links; /* relative to /dev, of this event */
        char **tags_all, **tags_current;
        int link_priority;
        usec_t usec_initialized; /* 0: never */
        mode_t mode;             /* (mode_t) -1: leave */
        uid_t uid;               /* (uid_t) -1: leave */
        gid_t gid;
        bool mode_set, owner_set, group_set;
        bool db_persist, watch, watch_set;
        char *db_text;         /* db_read_old(): the entry as it was */
        char *name;            /* NAME= of a network interface */
        struct device *parent; /* loaded on demand by device_parent(); owned */
        bool parent_known, db_loaded;
        void *attrs; /* attribute cache */
        int refs;
        char **seclabels;  /* "module=label", applied with the node's permissions */
        char *sysname_buf; /* sysname's own copy when it had a '!' */
        /* A parent is read as far as it is asked for: use the accessors below on one, or device_parent(). */
        bool subsystem_known, driver_known, uevent_known;
        bool virtual_only; /* made by db_read_old: only what the database says */
};

/* 0, -ENODEV when sysfs has no such directory (with from_sysfs). The caller drops with device_unref. */
int device_from_uevent(const struct uevent *u, struct device **ret);
/* As another process has it, "KEY=value" each: nothing is asked of sysfs. -ENODATA when they do not say the subsystem. */
int device_from_props(const char *syspath, const char *action, char *const *props, struct device **ret);
int device_from_syspath(const char *syspath, const char *action, struct device **ret);
int device_from_id(const char *id, struct device **ret);        /* "b8:0", "n2", "+usb:1-1" */
int device_from_devnode(const char *node, struct device **ret); /* also any link to it */
struct device *device_ref(struct device *d);
void device_unref(struct device *d);
void device_unrefp(struct device **d);
#define _cleanup_device_ _cleanup_(device_unrefp)

struct device *device_parent(struct device *d);      /* borrowed, or NULL */
struct device *device_parent_lazy(struct device *d); /* the same, its fields not yet read */
const char *device_subsystem(struct device *d);      /* read now if need be; NULL when none */
const char *device_driver(struct device *d);
const char *device_devtype(struct device *d);
int device_complete(struct device *d); /* reads what is still missing */
struct device *device_parent_with(
        struct device *d, const char *subsystem, const char *devtype /* or NULL */);
const char *device_attr(
        struct device *d, const char *name); /* borrowed; NULL when absent; links → base name */
const char *device_prop(struct device *d, const char *key); /* borrowed or NULL */
const char *device_prop_hashed(struct device *d, const char *key, uint32_t hash);
int device_set_prop(struct device *d, const char *key, const char *value /* NULL: remove */);
/* The same for a key that is not terminated; from_kernel: never written to the database. */
int device_store_prop(struct device *d, const char *key, size_t len, const char *value, bool from_kernel);
int device_add_tag(struct device *d, const char *tag);
int device_add_link(struct device *d, const char *link_relative_to_dev);
int device_sysnum(struct device *d); /* digits at the end of sysname, or -1 */
/* The digits themselves ("007"), or "". */
const char *device_sysnum_text(const struct device *d);
void device_remove_tag(struct device *d, const char *tag);         /* from the current tags only */
bool device_has_tag(const struct device *d, const char *tag);      /* current tags */
bool device_in_subsystem(struct device *d, const char *subsystem); /* bus, class and subsystem are one */
int device_from_subsystem(const char *subsystem, const char *sysname, struct device **ret);
/* Writes below the device's directory (or "[subsystem/kernel]…"); forgets what the cache held. */
int device_write_attr(struct device *d, const char *name, const char *value);
void device_forget_attrs(struct device *d);
/* d, made anew for the same event, takes over what from had read of /sys: attributes and ancestors. */
void device_take_reads(struct device *d, struct device *from);
void device_free_attrs(struct device *d);
/* What is known of a directory above devices (device-above.c); make: an entry if there is none. NULL when nothing is
 * kept. */
struct above {
        bool checked, device;
        bool subsystem_known;
        char *subsystem;
        char path[];
};
struct above *device_above(const char *syspath, bool make);
void device_keep_above(bool on); /* forgets what was kept, too */
/* Where the thing really is: root_sys() + rest of a "/sys/…" path, root_dev() + rest of a "/dev/…" path. 0 or
 * -ENAMETOOLONG. */
int real_sys_path(const char *syspath, const char *below /* or NULL */, char buf[static PATH_MAX]);
int real_dev_path(const char *devnode, char buf[static PATH_MAX]);
/* The same as a path from a descriptor on, which is short for the device whose rules run and what is above it
 * (device-near.c). */
int near_sys_path(
        const char *syspath, const char *below /* or NULL */, char buf[static PATH_MAX], int *ret_dirfd);
void device_near(const char *syspath); /* from here on this device's; NULL: nobody's */
/* "[subsystem/kernel]rest" → path below /sys, as it is on disk (not resolved); -ENODEV, -EINVAL. */
int resolve_subsystem_kernel(const char *spec, char buf[static PATH_MAX]);
