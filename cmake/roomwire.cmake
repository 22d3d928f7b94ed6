# What every target of ours is compiled with; other people's code is not.
add_library(roomwire_flags INTERFACE)
target_compile_definitions(roomwire_flags INTERFACE _GNU_SOURCE)
target_compile_options(roomwire_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum
  -Wvla -Wformat=2 -fno-common -fstack-protector-strong
  $<$<BOOL:${ROOMWIRE_WERROR}>:-Werror>
  -include ${PROJECT_SOURCE_DIR}/core/banned.h)
target_include_directories(roomwire_flags INTERFACE ${PROJECT_SOURCE_DIR})
# What the hardening of Debian's own packages adds; no optimization, no _FORTIFY_SOURCE.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(roomwire_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
target_link_options(roomwire_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
if(ROOMWIRE_SANITIZE)
  target_compile_options(roomwire_flags INTERFACE
    -fsanitize=${ROOMWIRE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(roomwire_flags INTERFACE -fsanitize=${ROOMWIRE_SANITIZE})
endif()
if(ROOMWIRE_FUZZ)
  # The code under test tells the fuzzer where it has been.
  target_compile_options(roomwire_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(roomwire_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
