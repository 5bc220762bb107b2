# The reader of journal files and the asking of the daemon are for its clients.
LOGD_SRC := $(sort $(filter-out logd/journal-read.c logd/ask.c,$(wildcard logd/*.c)))
LOGD_LIB := $(filter-out logd/main.c,$(LOGD_SRC))

$(eval $(call program,rouse-logd,$(LOGD_SRC),DYNAMIC,))

$(eval $(call unit_test,test-logd-parse,tests/unit/test-logd-parse.c $(LOGD_LIB)))
$(eval $(call unit_test,test-logd-ring,tests/unit/test-logd-ring.c $(LOGD_LIB),-pthread))
$(eval $(call unit_test,test-logd-journal,tests/unit/test-logd-journal.c logd/journal-read.c $(LOGD_LIB),-lzstd))

# a tool of tests/ns/logd.t
$(OUT)/tests/logd-dump: $(call obj,tests/unit/logd-dump.c) $(call obj,logd/ringread.c) $(OUT)/librouse.a
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(LDFLAGS_ALL)
all: $(OUT)/tests/logd-dump
