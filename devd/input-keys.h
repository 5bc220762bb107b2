/* Key names of the hardware database ("volumeup", "btn_left") → codes of the kernel. */
#pragma once

/* -EINVAL when there is no such key. Case does not matter. */
int input_key_code(const char *name);
