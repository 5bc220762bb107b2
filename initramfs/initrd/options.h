/* What the kernel command line asks of rouse-initrd.
 *
 * Words that concern the real root's programs alone are passed over: PID 1 reads the same line itself. */
#pragma once

#include "lib/str.h"

enum root_kind {
        ROOT_NONE, /* no root= */
        ROOT_UUID,
        ROOT_LABEL,
        ROOT_PARTUUID,
        ROOT_PARTLABEL,
        ROOT_NODE,    /* /dev/vda1 */
        ROOT_LINK,    /* /dev/disk/by-id, by-path, by-diskseq: value is what follows /dev/disk/ */
        ROOT_NUMBER,  /* 254:1, or the kernel's hexadecimal fe01 */
        ROOT_AUTO,    /* gpt-auto: the root partition of the disk that was booted from */
        ROOT_NFS,     /* value: SERVER:/PATH or /PATH; the server may come from DHCP */
        ROOT_TMPFS,   /* value: SPEC:/PATH or /PATH of the archive that is unpacked */
        ROOT_UNKNOWN, /* something that is not supported: text says what */
};

struct root_spec {
        enum root_kind kind;
        char *text; /* as it is named in messages: "UUID=…", "/dev/vda1", "254:1" */
        char *value;
        unsigned major, minor;
};

/* What is known of one block device, NULL for what it has not. */
struct root_candidate {
        const char *node, *uuid, *label, *partuuid, *partlabel;
        unsigned major, minor;
        const char *devpath; /* for links, which are put together from /sys */
};

enum break_point { BREAK_NONE, BREAK_BEGIN, BREAK_PRE_MOUNT, BREAK_MOUNT };
/* What is writable over a root that is not: systemd.volatile=, overlayroot= */
enum volatile_mode { VOLATILE_NO, VOLATILE_OVERLAY, VOLATILE_STATE, VOLATILE_YES };
enum fsck_mode { FSCK_AUTO, FSCK_FORCE, FSCK_SKIP };
enum fsck_repair { FSCK_PREEN, FSCK_YES, FSCK_NO };

struct initrd_options {
        char **words; /* all of the line: module options are looked up in it */
        struct root_spec root;
        char *fstype;        /* rootfstype=; NULL: what the probe says */
        unsigned long flags; /* MS_* */
        char *data;          /* the file system's own options of rootflags= */
        char *init;          /* init=, NULL: the usual ones */
        struct root_spec resume;
        uint64_t resume_offset; /* pages */
        usec_t degraded;        /* rd.degraded=: wait so long for missing members; USEC_INFINITY: for ever */
        enum volatile_mode volatile_root;
        usec_t limit; /* rd.timeout=, rootdelay=; USEC_INFINITY for rootwait */
        bool debug, shell, luks;
        int panic; /* panic=: seconds after which a failed boot restarts; 0: never */
        enum break_point break_at;
        enum fsck_mode fsck;
        enum fsck_repair repair;
        char **blacklist; /* modprobe.blacklist=, rd.driver.blacklist= */
};

int options_parse(char *const *words, struct initrd_options *ret);
void options_done(struct initrd_options *o);

/* root='s value, links under /dev/disk/by-* included. */
int root_parse(const char *s, struct root_spec *ret);
void root_done(struct root_spec *r);
bool root_matches(const struct root_spec *r, const struct root_candidate *c);

/* Splits mount options into MS_* (added to *flags) and the rest. */
int root_flags_parse(const char *s, unsigned long *flags, char **ret_data);
