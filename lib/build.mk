LIB_SRC := $(sort $(wildcard lib/*.c))

$(OUT)/librouse.a: $(call obj,$(LIB_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $^
