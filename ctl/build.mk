# Devices are read by devd's own code, the log by logd's: one reader each.
CTL_SRC := $(sort $(wildcard ctl/*.c)) logd/ringread.c logd/journal-read.c logd/journal-dir.c \
           logd/ask.c logd/journal-peek.c $(sort $(wildcard devd/device*.c)) devd/db.c \
           $(sort $(wildcard devd/hwdb-*.c)) devd/builtin-hwdb-trie.c

$(eval $(call program,rousectl,$(CTL_SRC),STATIC,-lzstd))

$(eval $(call unit_test,test-ctl-golden,tests/unit/test-ctl-golden.c,))
$(OUT)/tests/test-ctl-golden: $(OUT)/rousectl
