/* /run/udev: data, tags, links, static_node-tags. Format: docs/udev.md, "Database on disk".
 *
 * The daemon keeps the link table in memory as well (one owner) and writes it through; `--once` processes agree
 * through the directories and their .lock files alone. */
#pragma once

#include "device.h"

/* Reads the previous entry: links, tags, properties, usec. 0, -ENOENT. */
int db_read(struct device *d);
/* A second device object holding only what the database says about this id (IMPORT{db}, link updates). */
int db_read_old(const struct device *d, struct device **ret);
int db_write(struct device *d); /* entry, tag index; atomic */
/* As db_write(), but nothing is touched when the entry that was read as old (may be NULL) says the same. */
int db_write_over(struct device *d, const struct device *old);
int db_delete(struct device *d); /* entry, tag index */
/* Claims and gives up links (old: the entry before this event, may be NULL), creates /dev links of those that
 * this device wins, hands others back; /dev/{block,char}/M:N; node owner and mode. 0 or the first -errno. */
/* In that order: owner, mode and labels; /dev/{block,char}; links. -EAGAIN: another process holds a link's lock,
 * all of it is to be done once more, later. */
int node_update(struct device *d, struct device *old);
int node_remove(struct device *d, struct device *old);
/* Only owner, mode and security labels of the node (also used for static nodes). */
int node_apply_permissions(const char *devnode, mode_t type_and_devno_check, dev_t devno, mode_t mode,
        uid_t uid, gid_t gid, char *const *seclabels);
/* /run/udev/links (node-links.c). claim: adds or renews, and takes the link from equals; release: gives up. */
int links_claim(const char *link, const char *id, int priority, const char *devnode);
int links_release(const char *link, const char *id);
/* Gives up all links but keep, by looking through all of them: for a device whose entry does not say which it has. */
int links_release_others(const char *id, char *const *keep);
/* How long a link's lock, which other processes hold, is waited for before -EAGAIN (30 s unless told). */
void links_set_patience(usec_t limit);
/* What /dev/LINK must say to lead to devnode: "../../sda". */
int links_target(const char *link, const char *devnode, char buf[static PATH_MAX]);
/* Forgets what is remembered of the directories (tests; after the file system changed below us). */
void links_forget(void);
/* File name of a link's directory: "/" → "\x2f", "\" → "\x5c". buf of NAME_MAX + 1 bytes. */
void links_escape(const char *link, char *buf);
/* The way back. -EINVAL for a name whose end is a hash. */
int links_unescape(const char *name, char buf[static NAME_MAX + 1]);
/* Empty directories above path (changed), up to /dev, are removed. */
void links_remove_empty_parents(char *path);
/* udevadm info --cleanup-db: entries without the sticky bit, and the tags and links of what is gone. */
int db_cleanup(void);
