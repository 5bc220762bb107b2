/* Paths that rules name: absolute, "[subsystem/kernel]file", or below the device; a "/" "*" "/" inside stands
 * for the first subdirectory that has the rest. */
#pragma once

#include "device.h"

int rule_file_path(struct device *d, const char *name, char buf[static PATH_MAX]);
