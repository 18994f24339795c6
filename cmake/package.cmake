# Installing, and the Debian package: cmake --install, or cpack in the build folder.
include(GNUInstallDirs)
# The programs are what is built before; not tests and benchmarks.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
install(TARGETS perigee-edge perigeectl perigee-origin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES config/systemd/perigee.service DESTINATION lib/systemd/system)
install(FILES config/node.toml DESTINATION /etc/perigee)
install(FILES config/cluster-node.toml config/topology.toml DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/perigee/examples)
install(DIRECTORY config/dns config/prometheus config/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/perigee/examples)
install(FILES config/logrotate/perigee DESTINATION /etc/logrotate.d)
install(FILES README.md CHANGELOG.md LICENSE docs/OPERATING.md docs/CONFIG.md docs/METRICS.md docs/CACHING.md docs/openapi.json docs/dashboard.png
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/perigee)
install(FILES docs/man/perigee-edge.8 docs/man/perigee-origin.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/man/perigeectl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
# What bash completes is asked of the program itself.
install(CODE "execute_process(COMMAND \"$<TARGET_FILE:perigeectl>\" completion bash
  OUTPUT_FILE \"${CMAKE_BINARY_DIR}/perigeectl.bash\" COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${CMAKE_BINARY_DIR}/perigeectl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME perigeectl)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME perigee)
set(CPACK_PACKAGE_CONTACT "Perigee <perigee@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "CDN node: an edge cache with clustering, request collapsing and purges")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION web)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/config/debian/conffiles;${CMAKE_SOURCE_DIR}/config/debian/postinst;${CMAKE_SOURCE_DIR}/config/debian/prerm;${CMAKE_SOURCE_DIR}/config/debian/postrm")
include(CPack)
