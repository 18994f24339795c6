# Libraries of Debian 12, and the two of newer suites that script/setup unpacks under build/deps.
find_package(Threads REQUIRED)
# A build folder would keep to the kind that it found first.
if(DEFINED PERIGEE_FOUND_STATIC_OPENSSL AND NOT PERIGEE_FOUND_STATIC_OPENSSL STREQUAL PERIGEE_STATIC_OPENSSL)
  unset(OPENSSL_SSL_LIBRARY CACHE)
  unset(OPENSSL_CRYPTO_LIBRARY CACHE)
endif()
set(PERIGEE_FOUND_STATIC_OPENSSL ${PERIGEE_STATIC_OPENSSL} CACHE INTERNAL "The kind that was found")
set(OPENSSL_USE_STATIC_LIBS ${PERIGEE_STATIC_OPENSSL})
find_package(OpenSSL 3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash>=0.8)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)

set(PERIGEE_DEPS ${CMAKE_SOURCE_DIR}/build/deps/root/usr CACHE PATH "Where script/setup unpacked llhttp and Catch2")
if(NOT EXISTS ${PERIGEE_DEPS}/include/llhttp.h)
  message(FATAL_ERROR "no llhttp.h under ${PERIGEE_DEPS}/include: run script/setup first")
endif()

# A directory of its own, so that an old llhttp.h of the system cannot come first.
add_library(llhttp STATIC IMPORTED)
file(GLOB llhttp_archive ${PERIGEE_DEPS}/lib/*/libllhttp.a)
set_target_properties(llhttp PROPERTIES
  IMPORTED_LOCATION ${llhttp_archive}
  INTERFACE_INCLUDE_DIRECTORIES ${PERIGEE_DEPS}/include)

if(PERIGEE_BUILD_TESTS)
  find_package(Catch2 3 REQUIRED PATHS ${PERIGEE_DEPS}/lib/cmake NO_DEFAULT_PATH)
endif()
