# Warnings are errors with gcc 12 and clang 14. Sanitizers and hardening come from the preset.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(PERIGEE_CCACHE ccache)
if(PERIGEE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PERIGEE_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Woverloaded-virtual -Wconversion
                    -Wno-sign-conversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld)
endif()

if(PERIGEE_SANITIZE)
  add_compile_options(-fsanitize=${PERIGEE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PERIGEE_SANITIZE})
  # gcc 12 sees uninitialised std::optional values under -fsanitize=thread that are not there.
  if(PERIGEE_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

# How libFuzzer sees where an input goes, in the layers only. Counters on every edge are cheap enough for all tests to carry
# them; the preset for fuzzing at length also traces comparisons.
set(PERIGEE_LAYER_OPTIONS "")
if(PERIGEE_BUILD_FUZZ)
  set(PERIGEE_LAYER_OPTIONS -fsanitize-coverage=${PERIGEE_FUZZ_COVERAGE})
endif()

# What ships keeps no frame pointers, which cost a hit a hundred instructions and more: profilers unwind it by its tables.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fno-omit-frame-pointer)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
  add_compile_options(-fstack-protector-strong -fcf-protection)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  include(CheckPIESupported)
  check_pie_supported()
endif()
