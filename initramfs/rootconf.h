/* What the configuration of a root says that it is made of, where the machine cannot be asked: crypttab(5), mdadm.conf(5),
 * LVM's records, veritytab(5), and the devices of fstab(5). */
#pragma once

#include "initramfs/image.h"

/* Adds the names of features (features.h) that something there speaks for, each once. */
int rootconf_features(const struct image *im, char ***list);
