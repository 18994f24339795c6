# The simulator: a library, its tests, the program behind script/simulate, and that program once more for every planted bug.
file(GLOB simulator CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/sim/support/*.cc)
add_library(perigee_simulator STATIC EXCLUDE_FROM_ALL ${simulator})
target_include_directories(perigee_simulator PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(perigee_simulator PUBLIC perigee_node perigee_origin)

file(GLOB sim_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/sim/*_test.cc)
perigee_tests(sim SOURCES ${sim_tests} TESTS ${sim_tests} TIMEOUT 300 LINKS perigee_simulator)

add_library(perigee_simulate OBJECT EXCLUDE_FROM_ALL sim/program/main.cc)
target_link_libraries(perigee_simulate PUBLIC perigee_simulator CLI11::CLI11)
perigee_foreign_templates(sim/program/main.cc)
perigee_program(perigee-simulate $<TARGET_OBJECTS:perigee_simulate> LINKS perigee_simulate)

# A hundred fixed seeds, ten to an entry so that every core has something to do. What takes long begins first.
foreach(first RANGE 1 91 10)
  math(EXPR last "${first} + 9")
  add_test(NAME sim.seeds_${first}_to_${last} COMMAND perigee-simulate seeds --from ${first} --count 10)
  set_tests_properties(sim.seeds_${first}_to_${last} PROPERTIES LABELS sim TIMEOUT 300 COST 20)
endforeach()

# A mutant is linked with one file of the node that has a mistake in it; it comes before the layer that holds the real one,
# which is then not linked. Its simulations must find something.
set(mutants ${CMAKE_CURRENT_SOURCE_DIR}/sim/mutants/mutants.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${mutants})
execute_process(COMMAND python3 -B ${mutants} list OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY)
add_custom_target(sim_mutants)
while(listed MATCHES "^([^;\n]+);([^;\n]+);([0-9]+);([^\n]+)\n(.*)$")
  set(name ${CMAKE_MATCH_1})
  set(profile ${CMAKE_MATCH_2})
  set(first ${CMAKE_MATCH_3})
  set(files ${CMAKE_MATCH_4})
  set(listed "${CMAKE_MATCH_5}")
  set(sources "")
  foreach(file ${files})
    # In an object of its own, which the mutant's can take the place of.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/${file} TARGET_DIRECTORY perigee_base
                                PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}/${file})
    add_custom_command(OUTPUT ${out} COMMAND python3 -B ${mutants} write ${name} ${file} ${out}
                       DEPENDS ${mutants} ${CMAKE_SOURCE_DIR}/${file})
    list(APPEND sources ${out})
  endforeach()
  add_executable(simulate-${name} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:perigee_simulate> ${sources})
  target_link_libraries(simulate-${name} PRIVATE perigee_simulate)
  # One file of hundreds, which takes longer to compile than it runs.
  target_compile_options(simulate-${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
  # Not in release, which compiles programs as -fPIE and layers as -fPIC.
  if(PERIGEE_PRECOMPILE AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_precompile_headers(simulate-${name} REUSE_FROM perigee_origin)
  endif()
  add_dependencies(sim_mutants simulate-${name})
  add_test(NAME sim.finds_${name} COMMAND simulate-${name} seeds --from ${first} --count 200 --profile ${profile}
                                         --expect-violation)
  set_tests_properties(sim.finds_${name} PROPERTIES LABELS sim TIMEOUT 300 COST 10)
endwhile()
