/* What hardware an image is for: this machine's, or a recording of another one.
 *
 * A recording is text, made by --record, with one thing a line:
 *
 *     # rouse-initramfs hardware 1
 *     modalias pci:v00001AF4d00001001sv…      a device of the machine
 *     root-modalias virtio:d00000002v00001AF4 one on the way to the root's disk
 *     root-feature luks                        what the root is made of (features.h)
 *     root-mapping vda5_crypt                  and the names of LUKS devices on the way
 *     root-type ext4                           the root's file system
 *     cpu GenuineIntel 06-55-04                vendor, family, model and stepping, for microcode */
#pragma once

#include "lib/str.h"

struct hardware {
        char **modaliases;      /* of all devices, sorted, each once */
        char **root_modaliases; /* of the chain below the root's file system; empty when it cannot be told */
        char **features, **mappings; /* what lies between the root's file system and its disks */
        char *root_type;
        char *cpu; /* NULL: not known, or none that takes microcode */
};

int hardware_scan(struct hardware *h); /* this machine, from /sys */
/* Only what the file system mounted on path is made of: features and mappings. */
int hardware_scan_stack(struct hardware *h, const char *path);
int hardware_read(struct hardware *h, const char *path); /* a recording */
int hardware_write(const struct hardware *h, struct strbuf *out);
/* Has the LUKS2 header on a device a token of systemd-cryptenroll(1) for a TPM2? */
bool hardware_has_tpm2_token(const char *node);
void hardware_done(struct hardware *h);
